/**
 * Random schedules: deliveries in any order, losses, repeats, sessions left and begun, states restored.
 *
 * @spec 05-sessions
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { openState } from '../../protocol/session/record.ts';
import type { Envelope } from '../support/peers.ts';
import { type Peer, pair, SUITE_NAMES } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';

type Side = 0 | 1;
type Event =
  | { readonly kind: 'send' | 'drop' | 'deliver' | 'repeat' | 'shuffle'; readonly side: Side; readonly pick: number }
  | { readonly kind: 'archive' | 'begin' | 'snapshot' | 'restore'; readonly side: Side };

const side = fc.constantFrom<Side>(0, 1);
const pick = fc.nat({ max: 1000 });
const traffic = (kind: 'send' | 'drop' | 'deliver' | 'repeat' | 'shuffle') =>
  fc.record({ kind: fc.constant(kind), side, pick });
const local = (kind: 'archive' | 'begin' | 'snapshot' | 'restore') => fc.record({ kind: fc.constant(kind), side });

const orderly = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: traffic('send') },
    { weight: 6, arbitrary: traffic('deliver') },
    { weight: 1, arbitrary: traffic('repeat') },
    { weight: 1, arbitrary: local('begin') },
  ),
  { minLength: 30, maxLength: 120, size: 'max' },
);

const disorderly = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: traffic('send') },
    { weight: 5, arbitrary: traffic('deliver') },
    { weight: 1, arbitrary: traffic('drop') },
    { weight: 1, arbitrary: traffic('shuffle') },
    { weight: 1, arbitrary: local('archive') },
    { weight: 1, arbitrary: local('snapshot') },
    { weight: 1, arbitrary: local('restore') },
  ),
  { minLength: 10, maxLength: 80, size: 'max' },
);

interface Sent {
  readonly envelope: Envelope;
  readonly text: string;
}

function ratchetKeyOf({ type, body }: Envelope): string {
  const inner = type === 'prekey' ? parsePreKeySignalMessage(body).message : body;
  return String(parseSignalMessage(inner).ratchetKey);
}

/** The stores of a side, and what it had received by then: a restored side has not seen what came later. */
interface Backup {
  readonly stores: ReadonlyMap<string, Uint8Array>;
  readonly ratchetKeys: ReadonlySet<string>;
}

/** Two peers and what is on its way to each. */
class Exchange {
  readonly peers: readonly [Peer, Peer];
  readonly onTheWay: [Sent[], Sent[]] = [[], []];
  readonly delivered: [Sent[], Sent[]] = [[], []];
  readonly #backups: [Backup | null, Backup | null] = [null, null];
  /** The ratchet keys that a side has received on, in the history that its stores are at. */
  readonly #ratchetKeys: [Set<string>, Set<string>] = [new Set(), new Set()];
  sent = 0;
  /** Messages that came after their receiving chain was evicted. */
  tooLate = 0;

  constructor(options: Parameters<typeof pair>[0]) {
    this.peers = pair(options);
  }

  peer(at: Side): Peer {
    return this.peers[at];
  }

  other(at: Side): Peer {
    return this.peers[1 - at] as Peer;
  }

  begin(at: Side): void {
    this.peer(at).begin(this.other(at), this.other(at).publish());
  }

  send(at: Side): void {
    if (!this.canSend(at)) this.begin(at);
    const text = `message ${this.sent++}`;
    const envelope = this.peer(at).send(this.other(at), text);
    this.onTheWay[1 - at]?.push({ envelope, text });
  }

  canSend(at: Side): boolean {
    return (this.peer(at).record(this.other(at))?.current ?? null) !== null;
  }

  /** Delivers message number `index` to a side. @returns false where it could not be decrypted. */
  deliver(at: Side, index: number): boolean {
    const queue = this.onTheWay[at];
    if (queue.length === 0) return true;
    const [sent] = queue.splice(index % queue.length, 1) as [Sent];
    const ratchetKey = ratchetKeyOf(sent.envelope);
    const evicted = this.#ratchetKeys[at].has(ratchetKey) && !this.#knows(at, ratchetKey);
    try {
      expect(this.peer(at).receive(this.other(at), sent.envelope)).toBe(sent.text);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (evicted) this.tooLate++;
      return evicted;
    }
    this.#ratchetKeys[at].add(ratchetKey);
    this.delivered[at].push(sent);
    return true;
  }

  /** Whether any session of a side has a receiving chain for this key. */
  #knows(at: Side, ratchetKey: string): boolean {
    const record = this.peer(at).record(this.other(at));
    if (record === null) return false;
    const archived = record.archived.map((session) => openState(nodeProvider, session));
    const states = record.current === null ? archived : [record.current, ...archived];
    return states.some((state) => state.ratchet.receivers.some((chain) => String(chain.ratchetKey) === ratchetKey));
  }

  apply(event: Event): void {
    const { kind, side: at } = event;
    const queue = this.onTheWay[at];
    if (kind === 'send') this.send(at);
    else if (kind === 'begin') this.begin(at);
    else if (kind === 'archive') this.archive(at);
    else if (kind === 'snapshot') this.#backup(at);
    else if (kind === 'restore') this.#restore(at);
    else if (kind === 'drop') queue.splice(event.pick % Math.max(queue.length, 1), 1);
    else if (kind === 'shuffle') queue.push(...queue.splice(0, event.pick % Math.max(queue.length, 1)));
    else if (kind === 'deliver') this.deliver(at, event.pick);
  }

  archive(at: Side): void {
    if (this.peer(at).record(this.other(at)) !== null) this.peer(at).archive(this.other(at));
  }

  #backup(at: Side): void {
    this.#backups[at] = { stores: this.peer(at).backup(), ratchetKeys: new Set(this.#ratchetKeys[at]) };
  }

  #restore(at: Side): void {
    const backup = this.#backups[at];
    if (backup === null) return;
    this.peer(at).restore(backup.stores);
    this.#ratchetKeys[at] = new Set(backup.ratchetKeys);
  }

  /** Whether both are on the same session, and it works both ways. */
  agreed(): boolean {
    const [a, b] = this.peers;
    const keys = [a.record(b)?.current?.baseKey, b.record(a)?.current?.baseKey];
    return keys[0] !== undefined && String(keys[0]) === String(keys[1]);
  }
}

const options = (suite: (typeof SUITE_NAMES)[number]) => ({ suite, provider: nodeProvider });

describe.each(SUITE_NAMES)('random schedules, %s', (suite) => {
  test('[SES-06] [SES-15] [RAT-02] in any order each plaintext is delivered exactly once', () => {
    const runs = scaled(20, 1_000);
    let messages = 0;
    const property = fc.property(orderly, (events) => {
      const exchange = new Exchange(options(suite));
      for (const event of events) {
        if (event.kind === 'deliver') expect(exchange.deliver(event.side, event.pick)).toBe(true);
        else if (event.kind === 'repeat') repeat(exchange, event.side, event.pick);
        else exchange.apply(event);
      }
      for (const at of [0, 1] as const)
        while (exchange.onTheWay[at].length > 0) expect(exchange.deliver(at, 0)).toBe(true);
      for (const at of [0, 1] as const) for (let i = 0; i < 5; i++) repeat(exchange, at, i);
      const texts = [...exchange.delivered[0], ...exchange.delivered[1]].map(({ text }) => text);
      expect(new Set(texts).size).toBe(texts.length);
      expect(texts.length + exchange.tooLate).toBe(exchange.sent);
      messages += texts.length;
    });
    fc.assert(property, { numRuns: runs });
    reportCount('STATE-07', `messages delivered exactly once, ${suite}`, messages);
  });

  test('[STATE-06] after sends, losses, archives and restores both sides are on one session within 10 exchanges', () => {
    const runs = scaled(20, 1_000);
    let most = 0;
    const property = fc.property(disorderly, side, (events, first) => {
      const exchange = new Exchange(options(suite));
      for (const event of events) exchange.apply(event);
      exchange.onTheWay[0].length = 0;
      exchange.onTheWay[1].length = 0;
      const needed = exchangesToAgree(exchange, first);
      expect(needed).toBeLessThanOrEqual(10);
      most = Math.max(most, needed);
    });
    fc.assert(property, { numRuns: runs });
    reportCount('STATE-06', `schedules converged, ${suite}, at most ${most} exchanges`, runs);
  });
});

/** A repeat of something already delivered is a duplicate, whatever happened since. */
function repeat(exchange: Exchange, at: Side, index: number): void {
  const delivered = exchange.delivered[at];
  const sent = delivered[index % Math.max(delivered.length, 1)];
  if (sent === undefined) return;
  const before = exchange.peer(at).snapshot();
  let code = 'none';
  try {
    exchange.peer(at).receive(exchange.other(at), sent.envelope);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    code = error.code;
  }
  // A chain evicted since makes the repeat look like a forgery instead.
  expect(['DuplicateMessage', 'InvalidMessage']).toContain(code);
  expect(Buffer.compare(before, exchange.peer(at).snapshot())).toBe(0);
}

/** Messages to and fro until two in a row arrive on one session; who cannot read begins anew, as a client would. */
function exchangesToAgree(exchange: Exchange, first: Side): number {
  let at = first;
  let good = 0;
  for (let count = 1; count <= 40; count++) {
    exchange.send(at);
    const to = (1 - at) as Side;
    const read = exchange.deliver(to, 0);
    if (!read) {
      exchange.archive(to);
      exchange.begin(to);
    }
    good = read && exchange.agreed() ? good + 1 : 0;
    if (good === 2) return count;
    at = to;
  }
  return Number.POSITIVE_INFINITY;
}
