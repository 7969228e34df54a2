/**
 * Two parties of the post-quantum ratchet alone, and the counting bytes of known answers.
 *
 * @spec 08-braid
 * Owns: driving both sides, every state through its stored form. Must not know: sessions.
 */
import { equalBytes } from '../../protocol/bytes/bytes.ts';
import { ByteReader, ByteWriter } from '../../protocol/bytes/cursor.ts';
import { Secret, wipeAll } from '../../protocol/bytes/secret.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import type { CryptoProvider, RandomSource } from '../../protocol/crypto/provider.ts';
import type { BraidMessage } from '../../protocol/ratchet/braid/payload.ts';
import { parsePayload } from '../../protocol/ratchet/braid/payload.ts';
import type { SpqrReceived } from '../../protocol/ratchet/braid/spqr.ts';
import { spqrReceive, spqrSend, startSpqr } from '../../protocol/ratchet/braid/spqr.ts';
import type { MinVersion, SpqrOn, SpqrState } from '../../protocol/ratchet/braid/spqr-state.ts';
import { readSpqr, writeSpqr } from '../../protocol/ratchet/braid/state-bytes.ts';
import type { BraidState } from '../../protocol/ratchet/braid/states.ts';
import { WorkMeter } from '../../protocol/ratchet/work.ts';
import { seededRandom } from './seeded-random.ts';

/** Consecutive bytes from `first`. */
export const seq = (first: number, length = 32): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);

/** The stored form of a state. */
export function storedSpqr(state: SpqrState): Uint8Array {
  const out = new ByteWriter();
  writeSpqr(out, state);
  return out.finish();
}

/** The state that bytes store, to the last one. */
export function loadSpqr(bytes: Uint8Array): SpqrState {
  const input = new ByteReader(bytes, 'sessionRecord');
  const state = readSpqr(input);
  input.end();
  return state;
}

/** A payload and the key that it was sent with. */
export interface SentPayload {
  readonly payload: Uint8Array;
  readonly key: Uint8Array | null;
}

export interface PartyOptions {
  readonly provider?: CryptoProvider;
  readonly minVersion?: MinVersion;
  readonly random?: RandomSource;
  readonly pqRatchetKey?: Uint8Array;
}

/** One side. Its state lives as bytes between two steps; what a step spends is wiped. */
export class Party {
  readonly provider: CryptoProvider;
  readonly random: RandomSource;
  bytes: Uint8Array;

  constructor(direction: 'A2B' | 'B2A', options: PartyOptions = {}) {
    this.provider = options.provider ?? nodeProvider;
    this.random = options.random ?? seededRandom(`party ${direction}`);
    const key = new Secret<'PqRatchetKey'>((options.pqRatchetKey ?? seq(0)).slice());
    this.bytes = storedSpqr(startSpqr(this.provider, key, direction, options.minVersion ?? 1));
  }

  get state(): SpqrState {
    return loadSpqr(this.bytes);
  }

  set state(state: SpqrState) {
    this.bytes = storedSpqr(state);
  }

  /** The state of a ratchet that is on. */
  get on(): SpqrOn {
    const { state } = this;
    if (typeof state === 'string') throw new TypeError(`the ratchet is ${state}`);
    return state;
  }

  get braid(): BraidState {
    return this.on.braid;
  }

  snapshot(): Uint8Array {
    return this.bytes;
  }

  send(): SentPayload {
    const before = this.state;
    const { state, key, payload, spent } = spqrSend(this.provider, this.random, before);
    this.#assertSame(before);
    this.state = state;
    wipeAll(spent);
    return { payload, key: key === null ? null : key.expose().slice() };
  }

  /** The result of receiving, not yet kept. */
  trial(payload: Uint8Array, work = new WorkMeter(), maxJump = 25_000): SpqrReceived {
    const before = this.state;
    try {
      const received = spqrReceive(this.provider, before, payload, maxJump, work);
      this.#assertSame(before);
      return received;
    } catch (error) {
      this.#assertSame(before);
      throw error;
    }
  }

  #assertSame(before: SpqrState): void {
    if (!equalBytes(storedSpqr(before), this.bytes)) throw new Error('a step changed its input');
  }

  /** Receives and keeps. @throws what was refused, or the failure of a message whose object is not authentic. */
  receive(payload: Uint8Array, work = new WorkMeter(), maxJump = 25_000): Uint8Array | null {
    const { state, key, failure, spent } = this.trial(payload, work, maxJump);
    if (failure !== null) throw failure;
    const got = key === null ? null : key.expose().slice();
    this.state = state;
    wipeAll(spent);
    return got;
  }
}

/** Both sides of a fresh ratchet. */
export function parties(options: PartyOptions = {}): [Party, Party] {
  return [new Party('A2B', options), new Party('B2A', options)];
}

/** Sends from one to the other and compares the keys. @returns what was sent. */
export function pass(from: Party, to: Party): BraidMessage {
  const { payload, key } = from.send();
  const got = to.receive(payload);
  if (key === null || got === null || !equalBytes(key, got)) throw new Error('the keys differ');
  return parsePayload(payload);
}

/** Ping-pong from `a` until a state is reached at `at`. */
export function untilState(a: Party, b: Party, at: Party, name: BraidState['name'], epoch = 1): void {
  for (let i = 0; i < 400; i++) {
    if (at.braid.name === name && at.braid.epoch === epoch) return;
    if (i % 2 === 0) pass(a, b);
    else pass(b, a);
  }
  throw new Error(`${name} of epoch ${epoch} was not reached`);
}
