/**
 * How long a stolen state of the post-quantum ratchet stays useful.
 *
 * @spec 08-braid §9
 * Owns: traffic, a thief who copies one party's whole state and then only listens, the count. Must not know: X25519: the thief is
 * granted every classical secret, so that only the braid can shut him out.
 */
import { equalBytes } from '../../protocol/bytes/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { SentPayload } from './braid.ts';
import { Party, parties } from './braid.ts';
import { seededIntegers, seededRandom } from './seeded-random.ts';

/** Who writes when. `share` is the first party's, in 100; `offline` chances in 1,000 a step to go and to come back. */
export interface Traffic {
  readonly name: string;
  readonly share: number | 'alternate';
  readonly offline: readonly [go: number, back: number];
}

export const TRAFFIC: readonly Traffic[] = [
  { name: 'ping-pong', share: 'alternate', offline: [0, 1000] },
  { name: 'balanced', share: 50, offline: [0, 1000] },
  { name: 'online and offline', share: 50, offline: [40, 50] },
  { name: 'one-sided, 10 to 1', share: 91, offline: [0, 1000] },
];

/** Messages before a run is given up: far beyond what any traffic here needs. */
const GIVE_UP = 20_000;
/** Closed messages in a row, each way, after which nothing will be open again. */
const AFTERMATH = 30;

interface Numbered {
  readonly message: number;
  readonly sent: SentPayload;
}

/** The thief's end: steps as the robbed party does, with randomness of his own. */
class Thief {
  readonly #party: Party;

  constructor(robbed: Party, seed: string) {
    this.#party = new Party('A2B', { random: seededRandom(`${seed} thief`) });
    this.#party.bytes = robbed.bytes.slice();
  }

  /** What he takes for the key of the message that the robbed party is about to send. */
  followSend(): Uint8Array | null {
    return this.#party.send().key;
  }

  /** The key of a message on its way to the robbed party, or null where he cannot tell. */
  listen(payload: Uint8Array): Uint8Array | null {
    try {
      const { key, state } = this.#party.trial(payload);
      this.#party.state = state;
      return key === null ? null : key.expose().slice();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return null;
    }
  }
}

function knows(guess: Uint8Array | null, sent: SentPayload): boolean {
  return guess !== null && sent.key !== null && equalBytes(guess, sent.key);
}

/** What the thief could read, by the number of the message. */
class Verdict {
  #lastOpen = -1;
  readonly #closedInRow: [number, number] = [0, 0];

  note(direction: 0 | 1, message: number, open: boolean): void {
    this.#closedInRow[direction] = open ? 0 : this.#closedInRow[direction] + 1;
    if (open) this.#lastOpen = Math.max(this.#lastOpen, message);
  }

  /** Messages until none was open any more; null while that is not certain in both directions. */
  get healedAfter(): number | null {
    return Math.min(...this.#closedInRow) >= AFTERMATH ? this.#lastOpen + 1 : null;
  }
}

/**
 * Messages, both directions counted as they are written, from the theft to the last one that the thief can read.
 * @throws {Error} where he is never shut out.
 */
export function messagesUntilHealed(traffic: Traffic, seed: string): number {
  const [alice, bob] = parties({ random: seededRandom(seed) });
  const below = seededIntegers(seed);
  const theft = 50 + below(400);
  const online = [true, true];
  const flying: [Numbered[], Numbered[]] = [[], []];
  const verdict = new Verdict();
  let thief: Thief | null = null;
  const deliver = (to: 0 | 1): void => {
    for (const { message, sent } of flying[to].splice(0)) {
      if (to === 0 && thief !== null) verdict.note(1, message, knows(thief.listen(sent.payload), sent));
      (to === 0 ? alice : bob).receive(sent.payload);
    }
  };
  for (let message = -theft; message < GIVE_UP; message++) {
    if (message === 0) thief = new Thief(alice, seed);
    const alternate = message % 2 === 0 ? 0 : 1;
    const writer = traffic.share === 'alternate' ? alternate : below(100) < traffic.share ? 0 : 1;
    const guess = writer === 0 ? (thief?.followSend() ?? null) : null;
    const sent = (writer === 0 ? alice : bob).send();
    if (writer === 0 && thief !== null) verdict.note(0, message, knows(guess, sent));
    flying[writer === 0 ? 1 : 0].push({ message, sent });
    for (const who of [0, 1] as const) {
      if (below(1000) < traffic.offline[online[who] === true ? 0 : 1]) online[who] = !online[who];
      if (online[who] === true) deliver(who);
    }
    if (verdict.healedAfter !== null) return verdict.healedAfter;
  }
  throw new Error(`${seed}: never healed`);
}
