/**
 * What a message of the peer does to the braid.
 *
 * @spec 08-braid §8
 * Owns: the receiving half of every state. Must not know: chains, payload bytes, the MAC of the message that carried it:
 * the caller keeps the next state only if that was good.
 */
import { concat, equalBytes } from '../../bytes/bytes.ts';
import { wipeAll } from '../../bytes/secret.ts';
import {
  CT1_BYTES,
  CT2_BYTES,
  checkKeyVector,
  EK_HEADER_BYTES,
  encapsulate2,
} from '../../crypto/incremental-ml-kem.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { ProtocolError } from '../../errors.ts';
import { BRAID_MAC_BYTES, ciphertextMac, headerMac, updateAuthenticator } from './authenticator.ts';
import { epochSecretFrom } from './epoch-secret.ts';
import type { Chunk, Decoder } from './erasure.ts';
import { addChunk, decoded, startDecoder, startEncoder } from './erasure.ts';
import type { BraidMessage } from './payload.ts';
import type { BraidState, StateOf, Transition } from './states.ts';
import { to } from './states.ts';

function refuse(reason: string): ProtocolError {
  return new ProtocolError('InvalidMessage', 'verify', reason, 'pqRatchet');
}

/** Refuses an epoch that no honest peer can have reached (BRD-17). @throws {ProtocolError} `pq-epoch-out-of-range`. */
export function assertEpoch(state: BraidState, epoch: number): void {
  const furthest = state.name === 'Ct2Sampled' ? state.epoch + 1 : state.epoch;
  // @req BRD-17
  if (epoch > furthest) throw refuse('pq-epoch-out-of-range');
}

/**
 * The state after a message (BRD-18). Messages of older epochs and kinds that a state does not wait for change nothing.
 * @throws {ProtocolError} `InvalidMessage`: `pq-epoch-out-of-range`, `pq-header-mac`, `pq-ciphertext-mac`,
 * `pq-ek-mismatch`; `InvalidState`/`pq-ct1-mismatch`.
 */
export function braidReceive(provider: CryptoProvider, state: BraidState, message: BraidMessage): Transition {
  assertEpoch(state, message.epoch);
  if (message.epoch < state.epoch) return to(state);
  if (message.epoch > state.epoch) return to({ name: 'KeysUnsampled', epoch: message.epoch, auth: state.auth });
  const { chunk } = message;
  // @req BRD-18
  switch (state.name) {
    case 'KeysSampled':
      return message.kind === 'ct1' && chunk !== null ? firstCt1(state, chunk) : to(state);
    case 'HeaderSent':
      return message.kind === 'ct1' && chunk !== null ? moreCt1(state, chunk) : to(state);
    case 'Ct1Received':
      return message.kind === 'ct2' && chunk !== null ? firstCt2(state, chunk) : to(state);
    case 'EkSentCt1Received':
      return message.kind === 'ct2' && chunk !== null ? moreCt2(provider, state, chunk) : to(state);
    case 'NoHeaderReceived':
      return message.kind === 'header' && chunk !== null ? moreHeader(provider, state, chunk) : to(state);
    case 'Ct1Sampled':
      return ekWhileCt1(provider, state, message);
    case 'EkReceived':
      return message.kind === 'ct1Ack' || message.kind === 'ekCt1Ack'
        ? makeCt2(provider, state, state.ct1.message, state.vector)
        : to(state);
    case 'Ct1Acknowledged':
      return ekAfterAck(provider, state, message);
    case 'KeysUnsampled':
    case 'HeaderReceived':
    case 'Ct2Sampled':
      return to(state);
  }
}

function firstCt1(state: StateOf<'KeysSampled'>, chunk: Chunk): Transition {
  const { epoch, auth, seed, vector } = state;
  const ct1 = addChunk(startDecoder(CT1_BYTES), chunk);
  return to({ name: 'HeaderSent', epoch, auth, seed, ek: startEncoder(vector), ct1 });
}

function moreCt1(state: StateOf<'HeaderSent'>, chunk: Chunk): Transition {
  const { epoch, auth, seed, ek } = state;
  const ct1 = addChunk(state.ct1, chunk);
  const complete = decoded(ct1);
  if (complete === null) return to({ ...state, ct1 });
  return to({ name: 'Ct1Received', epoch, auth, seed, ek, ct1: complete });
}

const CT2_MESSAGE_BYTES = CT2_BYTES + BRAID_MAC_BYTES;

function firstCt2(state: StateOf<'Ct1Received'>, chunk: Chunk): Transition {
  const { epoch, auth, seed, ct1 } = state;
  return to({
    name: 'EkSentCt1Received',
    epoch,
    auth,
    seed,
    ct1,
    ct2: addChunk(startDecoder(CT2_MESSAGE_BYTES), chunk),
  });
}

function moreCt2(provider: CryptoProvider, state: StateOf<'EkSentCt1Received'>, chunk: Chunk): Transition {
  const { epoch, seed } = state;
  const ct2 = addChunk(state.ct2, chunk);
  const complete = decoded(ct2);
  if (complete === null) return to({ ...state, ct2 });
  const ciphertext = concat(state.ct1, complete.subarray(0, CT2_BYTES));
  const secret = epochSecretFrom(provider, provider.kemDecapsulate('ML-KEM-768', seed, ciphertext), epoch);
  const auth = updateAuthenticator(provider, state.auth.rootKey.expose(), epoch, secret.expose());
  // @req BRD-11
  if (!equalBytes(ciphertextMac(provider, auth, epoch, ciphertext), complete.subarray(CT2_BYTES))) {
    wipeAll([secret, auth.rootKey, auth.macKey]);
    throw refuse('pq-ciphertext-mac');
  }
  return {
    state: emptyHanded(epoch + 1, auth),
    epochSecret: { epoch, secret },
    spent: [seed, state.auth.rootKey, state.auth.macKey],
  };
}

/** The ct side at the start of an epoch. */
export function emptyHanded(epoch: number, auth: BraidState['auth']): BraidState {
  return { name: 'NoHeaderReceived', epoch, auth, header: startDecoder(EK_HEADER_BYTES + BRAID_MAC_BYTES) };
}

function moreHeader(provider: CryptoProvider, state: StateOf<'NoHeaderReceived'>, chunk: Chunk): Transition {
  const { epoch, auth } = state;
  const decoder = addChunk(state.header, chunk);
  const complete = decoded(decoder);
  if (complete === null) return to({ ...state, header: decoder });
  const header = complete.slice(0, EK_HEADER_BYTES);
  if (!equalBytes(headerMac(provider, auth, epoch, header), complete.subarray(EK_HEADER_BYTES))) {
    throw refuse('pq-header-mac');
  }
  return to({ name: 'HeaderReceived', epoch, auth, header });
}

function ekWhileCt1(provider: CryptoProvider, state: StateOf<'Ct1Sampled'>, message: BraidMessage): Transition {
  const acknowledged = message.kind === 'ekCt1Ack';
  if ((message.kind !== 'ek' && !acknowledged) || message.chunk === null) return to(state);
  const { epoch, auth, header, coins, ct1 } = state;
  const ek: Decoder = addChunk(state.ek, message.chunk);
  const vector = decoded(ek);
  if (vector === null) {
    return to(
      acknowledged ? { name: 'Ct1Acknowledged', epoch, auth, header, coins, ct1: ct1.message, ek } : { ...state, ek },
    );
  }
  checkKeyVector(provider, header, vector);
  if (acknowledged) return makeCt2(provider, state, ct1.message, vector);
  return to({ name: 'EkReceived', epoch, auth, header, coins, ct1, vector });
}

function ekAfterAck(provider: CryptoProvider, state: StateOf<'Ct1Acknowledged'>, message: BraidMessage): Transition {
  if ((message.kind !== 'ek' && message.kind !== 'ekCt1Ack') || message.chunk === null) return to(state);
  const ek = addChunk(state.ek, message.chunk);
  const vector = decoded(ek);
  if (vector === null) return to({ ...state, ek });
  checkKeyVector(provider, state.header, vector);
  return makeCt2(provider, state, state.ct1, vector);
}

function makeCt2(
  provider: CryptoProvider,
  state: StateOf<'Ct1Sampled' | 'EkReceived' | 'Ct1Acknowledged'>,
  ct1: Uint8Array,
  vector: Uint8Array,
): Transition {
  const { epoch, auth, header, coins } = state;
  const ct2 = encapsulate2(provider, header, vector, coins, ct1);
  const mac = ciphertextMac(provider, auth, epoch, concat(ct1, ct2));
  return to({ name: 'Ct2Sampled', epoch, auth, ct2: startEncoder(concat(ct2, mac)) }, [coins]);
}
