/**
 * What the braid puts into the next message.
 *
 * @spec 08-braid §7
 * Owns: the sending half of every state. Must not know: chains, payload bytes.
 * Randomness is drawn in two places alone: 64 bytes for a key pair, 32 bytes for an encapsulation (BRD-15).
 */
import { concat } from '../../bytes/bytes.ts';
import { EK_VECTOR_BYTES, encapsulate1, splitKey } from '../../crypto/incremental-ml-kem.ts';
import type { CryptoProvider, RandomSource } from '../../crypto/provider.ts';
import { headerMac, updateAuthenticator } from './authenticator.ts';
import { epochSecretFrom } from './epoch-secret.ts';
import type { Encoder } from './erasure.ts';
import { nextChunk, startDecoder, startEncoder } from './erasure.ts';
import type { BraidMessage, PayloadKind } from './payload.ts';
import type { BraidState, StateOf, Transition } from './states.ts';
import { to } from './states.ts';

/** A transition and the message it sends. */
export interface Sent extends Transition {
  readonly message: BraidMessage;
}

function chunkOf(
  state: BraidState,
  kind: PayloadKind,
  encoder: Encoder,
  next: (advanced: Encoder) => BraidState,
): Sent {
  const { encoder: advanced, chunk } = nextChunk(encoder);
  return { ...to(next(advanced)), message: { epoch: state.epoch, kind, chunk } };
}

function sampleKeys(provider: CryptoProvider, random: RandomSource, state: StateOf<'KeysUnsampled'>): Sent {
  const { epoch, auth } = state;
  // @req BRD-15
  const pair = provider.kemGenerate('ML-KEM-768', random);
  const { header, vector } = splitKey(provider, pair.publicKey);
  const message = startEncoder(concat(header, headerMac(provider, auth, epoch, header)));
  return chunkOf(state, 'header', message, (advanced) => ({
    name: 'KeysSampled',
    epoch,
    auth,
    seed: pair.privateKey,
    vector,
    header: advanced,
  }));
}

function sampleCt1(provider: CryptoProvider, random: RandomSource, state: StateOf<'HeaderReceived'>): Sent {
  const { epoch, header } = state;
  const { ct1, sharedSecret, coins } = encapsulate1(provider, header, random);
  // @req BRD-16
  const secret = epochSecretFrom(provider, sharedSecret, epoch);
  const auth = updateAuthenticator(provider, state.auth.rootKey.expose(), epoch, secret.expose());
  const sent = chunkOf(state, 'ct1', startEncoder(ct1), (advanced) => ({
    name: 'Ct1Sampled',
    epoch,
    auth,
    header,
    coins,
    ct1: advanced,
    ek: startDecoder(EK_VECTOR_BYTES),
  }));
  return { ...sent, epochSecret: { epoch, secret }, spent: [state.auth.rootKey, state.auth.macKey] };
}

/** The message that a state sends, and the state after it. */
export function braidSend(provider: CryptoProvider, random: RandomSource, state: BraidState): Sent {
  const plain = (kind: 'none' | 'ct1Ack'): Sent => ({
    ...to(state),
    message: { epoch: state.epoch, kind, chunk: null },
  });
  switch (state.name) {
    case 'KeysUnsampled':
      return sampleKeys(provider, random, state);
    case 'KeysSampled':
      return chunkOf(state, 'header', state.header, (header) => ({ ...state, header }));
    case 'HeaderSent':
      return chunkOf(state, 'ek', state.ek, (ek) => ({ ...state, ek }));
    case 'Ct1Received':
      return chunkOf(state, 'ekCt1Ack', state.ek, (ek) => ({ ...state, ek }));
    case 'EkSentCt1Received':
      return plain('ct1Ack');
    case 'NoHeaderReceived':
    case 'Ct1Acknowledged':
      return plain('none');
    case 'HeaderReceived':
      return sampleCt1(provider, random, state);
    case 'Ct1Sampled':
    case 'EkReceived':
      return chunkOf(state, 'ct1', state.ct1, (ct1) => ({ ...state, ct1 }));
    case 'Ct2Sampled':
      return chunkOf(state, 'ct2', state.ct2, (ct2) => ({ ...state, ct2 }));
  }
}
