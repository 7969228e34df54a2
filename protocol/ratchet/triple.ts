/**
 * The Triple Ratchet: the Double Ratchet's seed, salted with the post-quantum ratchet's key.
 *
 * @spec 08-braid §9
 * Owns: stepping both ratchets as one. Must not know: message formats, MACs, sessions.
 * Like its parts: nothing is mutated, a failed step gives nothing, obsolete secrets are listed.
 */
import { EMPTY } from '../bytes/bytes.ts';
import type { Secret, Wipeable } from '../bytes/secret.ts';
import type { CryptoProvider, RandomSource } from '../crypto/provider.ts';
import { secretsOf, wipeNew } from './braid/secrets.ts';
import type { SpqrReceived } from './braid/spqr.ts';
import { spqrReceive, spqrSend } from './braid/spqr.ts';
import type { SpqrState } from './braid/spqr-state.ts';
import type { PendingReceive, RatchetState } from './double.ts';
import { beginReceive, dropPending, finishReceive, ratchetSend } from './double.ts';
import type { MessageKeys } from './symmetric.ts';
import { messageKeys } from './symmetric.ts';
import type { WorkMeter } from './work.ts';

/** Both ratchets. A session without a KEM runs the same pair, with the post-quantum one off. */
export interface TripleState {
  readonly ratchet: RatchetState;
  readonly pq: SpqrState;
}

/** The keys of the next message to send, what goes into its header, and the state after it. */
export interface TripleSent {
  readonly state: TripleState;
  readonly keys: MessageKeys;
  readonly counter: number;
  readonly payload: Uint8Array;
  /** The post-quantum epoch that the keys come from, 0 before the first. */
  readonly pqEpoch: number;
  readonly spent: readonly Wipeable[];
}

/** @req BRD-20 */
function keysFrom(
  provider: CryptoProvider,
  seed: Secret<'MessageSeed'>,
  key: Secret<'PqMessageKey'> | null,
): MessageKeys {
  return messageKeys(provider, seed.expose(), key === null ? EMPTY : key.expose());
}

function salts(key: Secret<'PqMessageKey'> | null): Wipeable[] {
  return key === null ? [] : [key];
}

/**
 * One message: first the post-quantum ratchet, then the chain.
 * @throws {ProtocolError} as `spqrSend` and `ratchetSend`.
 */
export function tripleSend(provider: CryptoProvider, random: RandomSource, state: TripleState): TripleSent {
  return tripleSendWith(provider, state, spqrSend(provider, random, state.pq));
}

/** {@link tripleSend} once the post-quantum ratchet has stepped. */
export function tripleSendWith(
  provider: CryptoProvider,
  state: TripleState,
  pq: ReturnType<typeof spqrSend>,
): TripleSent {
  const step = ratchetSend(provider, state.ratchet);
  return {
    state: { ratchet: step.state, pq: pq.state },
    keys: keysFrom(provider, step.seed, pq.key),
    counter: step.counter,
    payload: pq.payload,
    pqEpoch: pq.epoch,
    spent: [...step.spent, ...pq.spent, ...salts(pq.key), step.seed],
  };
}

/** A received message whose keys are found and whose MAC is not yet checked. */
export interface PendingTriple {
  readonly double: PendingReceive;
  readonly pq: SpqrReceived;
  readonly keys: MessageKeys;
}

/** Header fields that name a message's keys; `payload` is field 5. */
export interface MessageHeader {
  readonly ratchetKey: Uint8Array;
  readonly counter: number;
  readonly payload: Uint8Array;
}

/**
 * Finds the keys of a message without changing anything.
 * @throws {ProtocolError} as `beginReceive` and `spqrReceive`.
 */
export function beginTriple(
  provider: CryptoProvider,
  state: TripleState,
  header: MessageHeader,
  maxJump: number,
  work: WorkMeter,
): PendingTriple {
  const double = beginReceive(provider, state.ratchet, header.ratchetKey, header.counter, maxJump, work);
  try {
    const pq = spqrReceive(provider, state.pq, header.payload, maxJump, work);
    return { double, pq, keys: keysFrom(provider, double.seed, pq.key) };
  } catch (error) {
    dropPending(double);
    throw error;
  }
}

/** Erases what a refused message left; `state` is the one that it was tried on. */
export function dropTriple(state: TripleState, pending: PendingTriple): void {
  dropPending(pending.double);
  pending.pq.key?.wipe();
  wipeNew(state.pq, pending.pq.state, pending.pq.spent);
}

/**
 * The state after a message whose MAC was good (BRD-21).
 * @throws {ProtocolError} what the braid found wrong with a message of the true peer: a poisoned chunk (BRD-19).
 */
export function finishTriple(
  provider: CryptoProvider,
  random: RandomSource,
  state: TripleState,
  pending: PendingTriple,
  work: WorkMeter,
): { readonly state: TripleState; readonly spent: readonly Wipeable[] } {
  // @req BRD-19, BRD-21
  if (pending.pq.failure !== null) throw pending.pq.failure;
  const step = finishReceive(provider, random, state.ratchet, pending.double, work);
  return {
    state: { ratchet: step.state, pq: pending.pq.state },
    spent: [...step.spent, ...pending.pq.spent, ...salts(pending.pq.key)],
  };
}

/** Every secret of both ratchets. */
export function secretsOfTriple({ ratchet, pq }: TripleState): readonly Wipeable[] {
  const { rootKey, sender, receivers } = ratchet;
  const received = receivers.flatMap(({ chain, skipped }) => [chain.key, skipped]);
  return [rootKey, sender.chain.key, sender.ratchet.privateKey, ...received, ...secretsOf(pq)];
}
