/**
 * The sparse post-quantum ratchet: the braid's epoch secrets, mixed into chains that give one key a message.
 *
 * @spec 08-braid §9, §10
 * Owns: version negotiation, the order of braid and chain. Must not know: the Double Ratchet, message formats.
 * States are values: whoever drops the next state still has the old one. The caller keeps the next state only once the MAC of
 * the message was good, since nothing else authenticates a payload.
 */
import { EMPTY } from '../../bytes/bytes.ts';
import type { Secret, Wipeable } from '../../bytes/secret.ts';
import type { CryptoProvider, RandomSource } from '../../crypto/provider.ts';
import { ProtocolError } from '../../errors.ts';
import type { WorkMeter } from '../work.ts';
import { firstAuthenticator } from './authenticator.ts';
import type { Direction, PqChain, TakenKey } from './chain.ts';
import { addEpoch, receiveKey, sendKey, startChain } from './chain.ts';
import type { Payload } from './payload.ts';
import { BRAID_VERSION, encodePayload, parsePayload, parsePayloadHead } from './payload.ts';
import { assertEpoch, braidReceive, emptyHanded } from './receive.ts';
import { secretsOf, wipeNew } from './secrets.ts';
import { braidSend } from './send.ts';
import type { MinVersion, SpqrOn, SpqrState } from './spqr-state.ts';
import type { EpochSecret } from './states.ts';

/** A step's result. `key` is null where the message has none; `epoch` is the one it comes from, 0 before the first and without a key. */
export interface SpqrStep {
  readonly state: SpqrState;
  readonly key: Secret<'PqMessageKey'> | null;
  readonly epoch: number;
  readonly spent: readonly Wipeable[];
}

/**
 * A received payload's result. Where `failure` is not null the message was keyed as it should be but completed an object that
 * is not authentic: the step must not be kept, and the failure told only to whoever had a good MAC (BRD-19).
 */
export interface SpqrReceived extends SpqrStep {
  readonly failure: ProtocolError | null;
}

/** The first state: the initiator (A2B) will send keys, the responder waits for a header. */
export function startSpqr(
  provider: CryptoProvider,
  pqRatchetKey: Secret<'PqRatchetKey'>,
  direction: Direction,
  minVersion: MinVersion,
): SpqrOn {
  const auth = firstAuthenticator(provider, pqRatchetKey.expose());
  return {
    braid: direction === 'A2B' ? { name: 'KeysUnsampled', epoch: 1, auth } : emptyHanded(1, auth),
    chain: null,
    negotiation: { pqRatchetKey, direction, minVersion },
  };
}

function refuse(reason: string): ProtocolError {
  return new ProtocolError('InvalidMessage', 'verify', reason, 'pqRatchet');
}

function begun(provider: CryptoProvider, state: SpqrOn): PqChain {
  if (state.chain !== null) return state.chain;
  if (state.negotiation === null) throw new ProtocolError('InvalidState', 'state', 'pq-no-chain');
  return startChain(provider, state.negotiation.pqRatchetKey.expose(), state.negotiation.direction);
}

function mixIn(
  provider: CryptoProvider,
  chain: PqChain,
  epochSecret: EpochSecret | null,
): { chain: PqChain; spent: readonly Wipeable[] } {
  if (epochSecret === null) return { chain, spent: [] };
  const added = addEpoch(provider, chain, epochSecret.epoch, epochSecret.secret.expose());
  epochSecret.secret.wipe();
  return added;
}

/**
 * The payload of the next message and its key. Draws from `random` at the two places of the braid.
 * @throws {ProtocolError} `InvalidState`: `chain-exhausted`; `pq-no-chain`, `pq-send-epoch`, `pq-epoch-gap` for a damaged state.
 */
export function spqrSend(
  provider: CryptoProvider,
  random: RandomSource,
  state: SpqrState,
): SpqrStep & { readonly payload: Uint8Array } {
  if (typeof state === 'string') return { state, key: null, epoch: 0, payload: EMPTY, spent: [] };
  const sent = braidSend(provider, random, state.braid);
  if (state.chain === null && state.negotiation?.minVersion === 0) {
    // @req BRD-23
    const payload = encodePayload({ ...sent.message, index: 0 });
    return { state: { ...state, braid: sent.state }, key: null, epoch: 0, payload, spent: sent.spent };
  }
  const mixed = mixIn(provider, begun(provider, state), sent.epochSecret);
  const epoch = sent.message.epoch - 1;
  const taken = sendKey(provider, mixed.chain, epoch);
  return {
    state: { ...state, braid: sent.state, chain: taken.chain },
    key: taken.key,
    epoch,
    payload: encodePayload({ ...sent.message, index: taken.index }),
    spent: [...sent.spent, ...mixed.spent, ...taken.spent],
  };
}

/**
 * The key of a received payload and the state after it.
 *
 * @param maxJump largest accepted distance of an index from the one before
 * @throws {ProtocolError} `InvalidMessage` for whatever the parts refuse, and `pq-version-too-low`, `pq-version-mismatch`.
 */
export function spqrReceive(
  provider: CryptoProvider,
  state: SpqrState,
  payload: Uint8Array,
  maxJump: number,
  work: WorkMeter,
): SpqrReceived {
  const head = payload.length === 0 ? null : parsePayloadHead(payload);
  if (typeof state === 'string') return { state, key: null, epoch: 0, spent: [], failure: null };
  const version = head?.version ?? 0;
  if (version < BRAID_VERSION) return downgrade(state);
  const later = version > BRAID_VERSION;
  // @req BRD-24
  if (later && state.negotiation === null) throw refuse('pq-version-mismatch');
  const parsed = later ? null : parsePayload(payload);
  if (parsed !== null) assertEpoch(state.braid, parsed.epoch);
  const chain = begun(provider, state);
  try {
    const epoch = parsed === null ? 0 : parsed.epoch - 1;
    const index = parsed?.index ?? head?.index ?? 0;
    // @req BRD-23
    const taken = epoch === 0 && index === 0 ? null : receiveKey(provider, chain, epoch, index, maxJump, work);
    return parsed === null ? standStill(state, chain, taken) : settle(provider, state, parsed, chain, taken);
  } catch (error) {
    wipeNew(state, { ...state, chain });
    throw error;
  }
}

/** @req BRD-22 */
function downgrade(state: SpqrOn): SpqrReceived {
  if (state.negotiation === null) throw refuse('pq-version-mismatch');
  if (state.negotiation.minVersion > 0) throw refuse('pq-version-too-low');
  return { state: 'refused', key: null, epoch: 0, spent: secretsOf(state), failure: null };
}

/** A peer of a later version: until negotiation ends, its keys come from epoch 0 and the braid stands still (BRD-24). */
function standStill(state: SpqrOn, begunChain: PqChain, taken: TakenKey | null): SpqrReceived {
  const chain = taken?.chain ?? begunChain;
  return { state: { ...state, chain }, key: taken?.key ?? null, epoch: 0, spent: taken?.spent ?? [], failure: null };
}

/** Lets the braid take its message, mixes in what that gives, and ends the negotiation (BRD-25). */
function settle(
  provider: CryptoProvider,
  state: SpqrOn,
  message: Payload,
  begunChain: PqChain,
  taken: TakenKey | null,
): SpqrReceived {
  const chain = taken?.chain ?? begunChain;
  const key = taken?.key ?? null;
  const epoch = message.epoch - 1;
  try {
    const received = braidReceive(provider, state.braid, message);
    const mixed = mixIn(provider, chain, received.epochSecret);
    const negotiation = state.negotiation === null ? [] : [state.negotiation.pqRatchetKey];
    // @req BRD-25
    return {
      state: { braid: received.state, chain: mixed.chain, negotiation: null },
      key,
      epoch,
      spent: [...received.spent, ...mixed.spent, ...(taken?.spent ?? []), ...negotiation],
      failure: null,
    };
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== 'InvalidMessage') throw error;
    // @req BRD-19
    return { state: { ...state, chain }, key, epoch, spent: [], failure: error };
  }
}
