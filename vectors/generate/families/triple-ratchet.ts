/**
 * Vectors of the Triple Ratchet: the Double Ratchet's message keys under the salt of the post-quantum one.
 *
 * @spec 03-ratchet §2, 08-braid §1
 * Owns: its tests. Must not know: message formats.
 */
import type { Json } from '../../../cli/conform/vector-file.ts';
import type { Family, SequenceDefinition } from '../definition.ts';
import { fixedHex } from '../definition.ts';
import { type Header, RatchetScript, type Side } from '../ratchet-script.ts';

interface Sent {
  readonly header: Header;
  /** Names under which its payload and its salt are known. */
  readonly payload: string;
  readonly key: string;
}

/** Both ratchets of both sides, in step. */
class TripleScript extends RatchetScript {
  #messages = 0;
  /** Only the first and the last messages say what they come past: the others would be bulk. */
  readonly #quiet: boolean;

  constructor(name: string, quiet: boolean) {
    super(`triple ratchet, ${name}`);
    this.#quiet = quiet;
    const pqRatchetKey = fixedHex(`triple ratchet, ${name}, pq`);
    for (const [side, direction] of [
      ['alice', 'A2B'],
      ['bob', 'B2A'],
    ]) {
      const seed = fixedHex(`triple ratchet, ${name}, ${side}’s seed`);
      this.steps.push({
        op: 'spqr.braid.init',
        args: { direction: direction as string, pqRatchetKey, seed },
        bind: { [`$${side}Braid`]: 'braid' },
      });
    }
  }

  sendTriple(side: Side): Sent {
    this.#messages += 1;
    const [payload, key] = [`$payload${this.#messages}`, `$key${this.#messages}`];
    this.steps.push({
      op: 'spqr.braid.send',
      args: { braid: `$${side}Braid` },
      bind: { [payload]: 'payload', [key]: 'key' },
      ...this.#keep(),
    });
    return { header: this.send(side, { pqKey: key, ...this.#trace() }), payload, key };
  }

  #trace() {
    return { trace: !this.#quiet };
  }

  #keep() {
    return this.#quiet ? { keep: ['epoch'] } : {};
  }

  receiveTriple(side: Side, sent: Sent, refused?: string): void {
    const braid: Json = `$${side}Braid`;
    if (refused !== undefined) {
      this.steps.push({ op: 'spqr.braid.receive', args: { braid, payload: sent.payload }, refused });
      return;
    }
    const name = `${sent.key}${side === 'alice' ? 'A' : 'B'}${this.steps.length}`;
    this.steps.push({
      op: 'spqr.braid.receive',
      args: { braid, payload: sent.payload },
      bind: { [name]: 'key' },
      ...this.#keep(),
    });
    this.receive(side, sent.header, { pqKey: name, ...this.#trace() });
  }

  turnTriple(): void {
    this.receiveTriple('bob', this.sendTriple('alice'));
    this.receiveTriple('alice', this.sendTriple('bob'));
  }

  info(): void {
    for (const side of ['alice', 'bob'])
      this.steps.push({ op: 'spqr.braid.info', args: { braid: `$${side}Braid` }, keep: ['epoch', 'pqEpoch'] });
  }
}

interface Options {
  readonly quiet?: boolean;
  readonly flags?: readonly string[];
  readonly refused?: SequenceDefinition['refused'];
}

function triple(
  comment: string,
  play: (s: TripleScript) => void,
  { quiet = false, flags = [], refused }: Options = {},
): SequenceDefinition {
  const script = new TripleScript(comment, quiet);
  play(script);
  const req = ['DRT-04', 'BRD-13', 'SES-18'];
  return { comment, req, flags, steps: script.steps, ...(refused === undefined ? {} : { refused }) };
}

const valid: SequenceDefinition[] = [
  triple('three turns', (s) => {
    for (let i = 0; i < 3; i++) s.turnTriple();
    s.info();
  }),
  triple('a burst of six, an answer, six again', (s) => {
    for (let round = 0; round < 2; round++) {
      const sent = Array.from({ length: 6 }, () => s.sendTriple('alice'));
      for (const one of sent) s.receiveTriple('bob', one);
      s.receiveTriple('alice', s.sendTriple('bob'));
    }
  }),
  triple(
    'late messages open with the keys that both ratchets kept',
    (s) => {
      const sent = Array.from({ length: 5 }, () => s.sendTriple('alice'));
      for (const i of [4, 1, 0, 3]) s.receiveTriple('bob', sent[i] as Sent);
      s.turnTriple();
      s.receiveTriple('bob', sent[2] as Sent);
      s.turnTriple();
    },
    { flags: ['Late'] },
  ),
  triple('answers that cross', (s) => {
    s.turnTriple();
    for (let i = 0; i < 3; i++) {
      const [a, b] = [s.sendTriple('alice'), s.sendTriple('bob')];
      s.receiveTriple('bob', a);
      s.receiveTriple('alice', b);
    }
  }),
  ...[
    [44, 'until the first epoch is in use'],
    [88, 'until the second epoch is in use'],
  ].map(([turns, comment]) =>
    triple(
      `ping-pong ${comment}`,
      (s) => {
        for (let i = 0; i < (turns as number); i++) s.turnTriple();
        s.info();
        s.turnTriple();
      },
      { quiet: true, flags: ['Epoch'] },
    ),
  ),
  triple(
    'ping-pong over an epoch, with one message of every five lost',
    (s) => {
      for (let i = 0; i < 60; i++) {
        const a = s.sendTriple('alice');
        if (i % 5 !== 2) s.receiveTriple('bob', a);
        const b = s.sendTriple('bob');
        if (i % 5 !== 4) s.receiveTriple('alice', b);
      }
      s.info();
    },
    { quiet: true, flags: ['Epoch', 'Late'] },
  ),
];

const refusals: SequenceDefinition[] = [
  triple(
    'a payload comes twice',
    (s) => {
      s.turnTriple();
      const sent = s.sendTriple('alice');
      s.receiveTriple('bob', sent);
      s.receiveTriple('bob', sent, 'pq-key-used');
      s.turnTriple();
    },
    { refused: { check: 'triple ratchet payload again', against: 'RAT-05' } },
  ),
  triple(
    'a late payload comes twice',
    (s) => {
      const late = s.sendTriple('alice');
      s.receiveTriple('bob', s.sendTriple('alice'));
      s.receiveTriple('bob', late);
      s.receiveTriple('bob', late, 'pq-key-used');
      s.turnTriple();
    },
    { flags: ['Late'], refused: { check: 'triple ratchet late payload again', against: 'RAT-05' } },
  ),
];

export const tripleRatchet: Family = {
  name: 'triple-ratchet',
  algorithm: 'Triple Ratchet, at key level',
  header: [
    'Each message takes a key from the post-quantum ratchet, which is the salt of its message keys.',
    'Payloads are those of the ML-KEM Braid.',
  ],
  notes: {
    Late: { description: 'Messages arrive late or not at all.' },
    Epoch: { description: 'Long enough for an epoch of the braid to complete.' },
  },
  groups: [
    { type: 'TripleSequence', spec: 'spec/08-braid.md §1', tests: valid },
    { type: 'TripleRefusal', spec: 'spec/08-braid.md §6', tests: refusals },
  ],
};
