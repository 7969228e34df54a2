/**
 * The Double Ratchet.
 *
 * @spec 03-ratchet §3, §4
 * Owns: root, sending and receiving chains; which key belongs to a (ratchet key, counter).
 * Must not know: message formats, MACs, identities, sessions. Nothing here is mutated: a step returns the next state and
 * lists what the caller must wipe once that state is stored. A step that fails returns nothing.
 *
 *   beginReceive ──► PendingReceive (seed of one message) ──► the caller checks the MAC ──► finishReceive ──► next state
 *
 * Receiving is split there so that a forged message costs no new ratchet key and no stored seeds.
 */
import { equalBytes } from '../bytes/bytes.ts';
import type { Wipeable } from '../bytes/secret.ts';
import { Secret } from '../bytes/secret.ts';
import type { CryptoProvider, EcKeyPair, RandomSource } from '../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { MAX_MESSAGE_KEYS, MAX_RECEIVER_CHAINS } from '../limits.ts';
import { rootStep } from './root.ts';
import type { SkippedSeeds } from './skipped.ts';
import { findSkipped, noSkippedSeeds, seedAt, withoutSkipped, withSkipped } from './skipped.ts';
import type { ChainKey } from './symmetric.ts';
import { messageSeed, nextChainKey, RATCHET_KEY_BYTES } from './symmetric.ts';
import type { WorkMeter } from './work.ts';

/** The index of no message: a chain that has reached it has no next index that 32 bits can store. */
const LAST_INDEX = 0xffff_ffff;

/** Our current ratchet key and the chain we send on. */
export interface SenderChain {
  readonly ratchet: EcKeyPair;
  readonly chain: ChainKey;
}

/** One of their ratchet keys (raw, 32 bytes), the chain behind it, and what was skipped on it. */
export interface ReceiverChain {
  readonly ratchetKey: Uint8Array;
  readonly chain: ChainKey;
  readonly skipped: SkippedSeeds;
}

/** The whole state of one Double Ratchet. `receivers` is oldest first. */
export interface RatchetState {
  readonly rootKey: Secret<'RootKey'>;
  readonly sender: SenderChain;
  readonly previousCounter: number;
  readonly receivers: readonly ReceiverChain[];
}

/** What a step leaves behind: the next state and the secrets that it made obsolete. */
export interface Stepped {
  readonly state: RatchetState;
  readonly spent: readonly Wipeable[];
}

/**
 * The initiator's first state: its first sending chain is already one Diffie-Hellman step, taken against the signed
 * prekey; the handshake's chain key becomes the receiving chain of that prekey (DRT-05). Wipes the handshake root key.
 */
export function initiatorState(
  provider: CryptoProvider,
  random: RandomSource,
  secrets: { readonly rootKey: Secret<'RootKey'>; readonly chainKey: Secret<'ChainKey'> },
  theirSignedPreKey: Uint8Array,
): RatchetState {
  // @req DRT-05
  const ratchet = provider.x25519Generate(random);
  const step = rootStep(provider, secrets.rootKey, provider.x25519Agree(ratchet.privateKey, theirSignedPreKey));
  secrets.rootKey.wipe();
  return {
    rootKey: step.rootKey,
    sender: { ratchet, chain: step.chain },
    previousCounter: 0,
    receivers: [
      { ratchetKey: theirSignedPreKey, chain: { index: 0, key: secrets.chainKey }, skipped: noSkippedSeeds() },
    ],
  };
}

/** The responder's first state: the signed prekey is its first ratchet key; it receives before it sends (DRT-06). */
export function responderState(
  secrets: { readonly rootKey: Secret<'RootKey'>; readonly chainKey: Secret<'ChainKey'> },
  signedPreKey: EcKeyPair,
): RatchetState {
  // @req DRT-06
  return {
    rootKey: secrets.rootKey,
    // A copy: the ratchet erases its key at the first step, the signed prekey serves other sessions still.
    sender: {
      ratchet: { publicKey: signedPreKey.publicKey, privateKey: signedPreKey.privateKey.clone() },
      chain: { index: 0, key: secrets.chainKey },
    },
    previousCounter: 0,
    receivers: [],
  };
}

/**
 * The seed for the next message to send, and the state after it (DRT-07).
 * @throws {ProtocolError} `InvalidState`/`chain-exhausted` at index 2^32 − 1.
 */
export function ratchetSend(
  provider: CryptoProvider,
  state: RatchetState,
): Stepped & { readonly seed: Secret<'MessageSeed'>; readonly counter: number } {
  const { chain } = state.sender;
  if (chain.index >= LAST_INDEX) throw new ProtocolError('InvalidState', 'state', 'chain-exhausted');
  // @req DRT-07
  const key = chain.key.expose();
  const seed = new Secret<'MessageSeed'>(messageSeed(provider, key));
  const next: ChainKey = { index: chain.index + 1, key: new Secret<'ChainKey'>(nextChainKey(provider, key)) };
  return {
    seed,
    counter: chain.index,
    state: { ...state, sender: { ratchet: state.sender.ratchet, chain: next } },
    spent: [chain.key],
  };
}

/** A received message whose key is found and whose MAC is not yet checked. Wipe with {@link dropPending} on failure. */
export type PendingReceive = SkippedReceive | ForwardReceive;

interface SkippedReceive {
  readonly kind: 'skipped';
  readonly seed: Secret<'MessageSeed'>;
  readonly position: number;
  readonly entry: number;
}

interface ForwardReceive {
  readonly kind: 'forward';
  readonly seed: Secret<'MessageSeed'>;
  /** Position among the receivers, or null for a ratchet key not seen before. */
  readonly position: number | null;
  readonly theirRatchetKey: Uint8Array;
  /** The root key after the receiving half of a Diffie-Hellman step, where there was one. */
  readonly rootKey: Secret<'RootKey'> | null;
  /** The chain as it was before the walk. */
  readonly chain: ChainKey;
  /** Chain keys passed on the way whose seeds will be kept, and the index of the first. */
  readonly trail: Secret<'ChainTrail'>;
  readonly trailIndex: number;
  readonly next: ChainKey;
}

/** Position of the receiving chain with this ratchet key, or -1. */
export function findReceiver(state: RatchetState, theirRatchetKey: Uint8Array): number {
  return state.receivers.findIndex((receiver) => equalBytes(receiver.ratchetKey, theirRatchetKey));
}

/**
 * Finds the seed of (their ratchet key, counter) without changing anything.
 *
 * @param maxJump largest accepted `counter − index` (DRT-09)
 * @throws {ProtocolError} `DuplicateMessage`/`message-key-used`; `InvalidMessage`/`counter-too-far`,
 * `work-budget-exhausted`; `InvalidKey`/`zero-shared-secret` for a small-order ratchet key.
 */
export function beginReceive(
  provider: CryptoProvider,
  state: RatchetState,
  theirRatchetKey: Uint8Array,
  counter: number,
  maxJump: number,
  work: WorkMeter,
): PendingReceive {
  const position = findReceiver(state, theirRatchetKey);
  const receiver = state.receivers[position];
  if (receiver !== undefined) {
    if (counter < receiver.chain.index) return takeSkipped(receiver, position, counter);
    payForWalk(receiver.chain.index, counter, maxJump, work);
    const walked = walk(provider, receiver.chain, counter);
    return { kind: 'forward', position, theirRatchetKey, rootKey: null, chain: receiver.chain, ...walked };
  }
  // A new chain starts at index 0, so the walk is paid for before the agreement is made.
  payForWalk(0, counter, maxJump, work);
  work.spendAgreements(1);
  work.spendKdfSteps(1);
  const agreement = provider.x25519Agree(state.sender.ratchet.privateKey, theirRatchetKey);
  const { rootKey, chain } = rootStep(provider, state.rootKey, agreement);
  const walked = walk(provider, chain, counter);
  return { kind: 'forward', position: null, theirRatchetKey, rootKey, chain, ...walked };
}

function payForWalk(index: number, counter: number, maxJump: number, work: WorkMeter): void {
  const jump = counter - index;
  // @req DRT-09
  if (jump > maxJump || counter >= LAST_INDEX)
    throw new ProtocolError('InvalidMessage', 'derive', 'counter-too-far', 'counter');
  work.spendKdfSteps(jump + 2);
}

function takeSkipped(receiver: ReceiverChain, position: number, counter: number): SkippedReceive {
  const entry = findSkipped(receiver.skipped, counter);
  // @req DRT-11
  if (entry < 0) throw new ProtocolError('DuplicateMessage', 'state', 'message-key-used', 'counter');
  return { kind: 'skipped', seed: seedAt(receiver.skipped, entry), position, entry };
}

/** Steps a chain to `counter`, remembering the chain keys of the last MAX_MESSAGE_KEYS indices passed. */
function walk(
  provider: CryptoProvider,
  chain: ChainKey,
  counter: number,
): Pick<ForwardReceive, 'seed' | 'trail' | 'trailIndex' | 'next'> {
  const jump = counter - chain.index;
  const kept = Math.min(jump, MAX_MESSAGE_KEYS);
  const trail = new Uint8Array(kept * RATCHET_KEY_BYTES);
  const trailIndex = counter - kept;
  let key = chain.key.expose();
  for (let index = chain.index; index < counter; index++) {
    if (index >= trailIndex) trail.set(key, (index - trailIndex) * RATCHET_KEY_BYTES);
    const following = nextChainKey(provider, key);
    if (index > chain.index) key.fill(0);
    key = following;
  }
  const seed = new Secret<'MessageSeed'>(messageSeed(provider, key));
  const next: ChainKey = { index: counter + 1, key: new Secret<'ChainKey'>(nextChainKey(provider, key)) };
  if (jump > 0) key.fill(0);
  return { seed, trail: new Secret<'ChainTrail'>(trail), trailIndex, next };
}

/** Erases what a refused message left. */
export function dropPending(pending: PendingReceive): void {
  pending.seed.wipe();
  if (pending.kind === 'skipped') return;
  pending.trail.wipe();
  pending.next.key.wipe();
  pending.rootKey?.wipe();
  if (pending.position === null) pending.chain.key.wipe();
}

/**
 * The state after a message whose MAC was good: stores the seeds passed over, and after a new ratchet key makes our own
 * next one and its sending chain (DRT-08). Draws 32 bytes from `random` in that case alone.
 */
export function finishReceive(
  provider: CryptoProvider,
  random: RandomSource,
  state: RatchetState,
  pending: PendingReceive,
  work: WorkMeter,
): Stepped {
  if (pending.kind === 'skipped') {
    const receiver = state.receivers[pending.position] as ReceiverChain;
    const skipped = withoutSkipped(receiver.skipped, pending.entry);
    const receivers = state.receivers.with(pending.position, { ...receiver, skipped });
    return { state: { ...state, receivers }, spent: [receiver.skipped, pending.seed] };
  }
  const previous = pending.position === null ? null : (state.receivers[pending.position] as ReceiverChain);
  const spent: Wipeable[] = [pending.chain.key, pending.seed, pending.trail];
  let skipped = previous === null ? noSkippedSeeds() : previous.skipped;
  if (pending.trail.length > 0) {
    spent.push(skipped);
    const seeds = seedsOfTrail(provider, pending.trail, work);
    skipped = withSkipped(skipped, pending.trailIndex, seeds);
    seeds.fill(0);
  }
  const receiver: ReceiverChain = { ratchetKey: pending.theirRatchetKey, chain: pending.next, skipped };
  if (pending.position !== null) {
    return { state: { ...state, receivers: state.receivers.with(pending.position, receiver) }, spent };
  }
  const turned = turn(provider, random, state, pending, receiver, work);
  return { state: turned.state, spent: [...spent, ...turned.spent] };
}

function seedsOfTrail(provider: CryptoProvider, trail: Secret<'ChainTrail'>, work: WorkMeter): Uint8Array {
  const keys = trail.expose();
  const seeds = new Uint8Array(keys.length);
  work.spendKdfSteps(keys.length / RATCHET_KEY_BYTES);
  for (let at = 0; at < keys.length; at += RATCHET_KEY_BYTES) {
    const seed = messageSeed(provider, keys.subarray(at, at + RATCHET_KEY_BYTES));
    seeds.set(seed, at);
    // @req KEY-18
    seed.fill(0);
  }
  return seeds;
}

/** The sending half of a Diffie-Hellman step, and the eviction of the oldest receiving chain. */
function turn(
  provider: CryptoProvider,
  random: RandomSource,
  state: RatchetState,
  pending: ForwardReceive,
  receiver: ReceiverChain,
  work: WorkMeter,
): Stepped {
  const received = pending.rootKey as Secret<'RootKey'>;
  // Before the draw: a budget that is exhausted leaves no key behind.
  work.spendAgreements(1);
  work.spendKdfSteps(1);
  // @req DRT-08
  const ratchet = provider.x25519Generate(random);
  // A source that repeats itself between operations shows here: no earlier draw of this step could tell.
  if (equalBytes(ratchet.publicKey, state.sender.ratchet.publicKey)) {
    ratchet.privateKey.wipe();
    throw new ProtocolError('InvalidState', 'state', 'randomness-failed');
  }
  const agreement = provider.x25519Agree(ratchet.privateKey, pending.theirRatchetKey);
  const { rootKey, chain } = rootStep(provider, received, agreement);
  const receivers = [...state.receivers, receiver];
  // @req DRT-13
  const evicted = receivers.splice(0, Math.max(0, receivers.length - MAX_RECEIVER_CHAINS));
  return {
    state: {
      rootKey,
      sender: { ratchet, chain },
      previousCounter: Math.max(state.sender.chain.index - 1, 0),
      receivers,
    },
    spent: [
      state.rootKey,
      received,
      state.sender.chain.key,
      state.sender.ratchet.privateKey,
      ...evicted.flatMap((old) => [old.chain.key, old.skipped]),
    ],
  };
}
