/**
 * PQXDH: X3DH's agreements, a KEM secret behind them, one KDF. A suite without a KEM is X3DH.
 *
 * @spec 02-handshake §3, §4
 * Owns: the KDF input and info, the transcript, the split of the output.
 * Must not know: signatures (bundle.ts), sessions, where private keys are kept.
 * Agreements and KEM secret are wiped here, before returning; the derived secrets are the caller's.
 */
import { be16, concat, EMPTY, utf8 } from '../bytes/bytes.ts';
import { Secret, wipeAll } from '../bytes/secret.ts';
import { encodeKemKey, encodePublicKey } from '../codec/keys.ts';
import { getKem, type Kem } from '../crypto/kem.ts';
import type { CryptoProvider, Encapsulation, KemKeyPair, RandomSource } from '../crypto/provider.ts';
import type { Suite } from './suites.ts';
import type { Agreements, InitiatorKeys, ResponderKeys } from './x3dh.ts';
import { agreeAsInitiator, agreeAsResponder } from './x3dh.ts';

/** What both sides hold after the handshake. Each secret is 32 bytes; `pqRatchetKey` exists in hybrid suites alone. */
export interface HandshakeSecrets {
  readonly rootKey: Secret<'RootKey'>;
  readonly chainKey: Secret<'ChainKey'>;
  readonly pqRatchetKey: Secret<'PqRatchetKey'> | null;
}

/** The public values of one handshake, in wire form (EC 33 bytes; KEM values with their type byte). */
export interface Transcript {
  readonly initiatorIdentity: Uint8Array;
  readonly responderIdentity: Uint8Array;
  readonly signedPreKey: Uint8Array;
  readonly oneTimePreKey: Uint8Array | null;
  readonly ephemeral: Uint8Array;
  readonly kemPublicKey: Uint8Array | null;
  readonly kemCiphertext: Uint8Array | null;
}

/** F of the X3DH specification §2.2: 32 bytes of FF, no valid encoding of a point or scalar. */
const DOMAIN_PREFIX = new Uint8Array(32).fill(0xff);
const SECRET_BYTES = 32;

function sized(bytes: Uint8Array | null): Uint8Array {
  const value = bytes ?? EMPTY;
  return concat(be16(value.length), value);
}

/** The KDF info of a suite: its label, and for a binding suite every transcript value behind its 2-byte length (HSK-10). */
export function kdfInfo(suite: Suite, transcript: Transcript): Uint8Array {
  const label = utf8(suite.label);
  if (!suite.bindsTranscript) return label;
  // @req HSK-10
  return concat(
    label,
    sized(transcript.initiatorIdentity),
    sized(transcript.responderIdentity),
    sized(transcript.signedPreKey),
    sized(transcript.oneTimePreKey),
    sized(transcript.ephemeral),
    sized(transcript.kemPublicKey),
    sized(transcript.kemCiphertext),
  );
}

/**
 * HKDF over F ‖ DH1 ‖ … ‖ KEM secret, no salt: root key, chain key and, with a KEM, the PQ ratchet key (HSK-09).
 * Reads the secrets; does not wipe them.
 */
function deriveSecrets(
  provider: CryptoProvider,
  suite: Suite,
  transcript: Transcript,
  agreements: Agreements,
  kemSecret: Secret<'KemSharedSecret'> | null,
): HandshakeSecrets {
  // @req HSK-09
  const ikm = concat(
    DOMAIN_PREFIX,
    ...agreements.map((dh) => dh.expose()),
    kemSecret === null ? EMPTY : kemSecret.expose(),
  );
  const length = (kemSecret === null ? 2 : 3) * SECRET_BYTES;
  const okm = provider.hkdfSha256(ikm, EMPTY, kdfInfo(suite, transcript), length);
  const part = (i: number) => okm.slice(i * SECRET_BYTES, (i + 1) * SECRET_BYTES);
  const secrets: HandshakeSecrets = {
    rootKey: new Secret<'RootKey'>(part(0)),
    chainKey: new Secret<'ChainKey'>(part(1)),
    pqRatchetKey: kemSecret === null ? null : new Secret<'PqRatchetKey'>(part(2)),
  };
  ikm.fill(0);
  okm.fill(0);
  return secrets;
}

/** The initiator's keys; `kemPublicKey` is raw and present exactly for a suite with a KEM. */
type InitiatorInput = InitiatorKeys & { readonly kemPublicKey: Uint8Array | null };

/**
 * The initiator's half.
 * @returns the secrets and the KEM ciphertext in wire form (null without a KEM).
 * @throws {ProtocolError} `InvalidKey` for an unreduced KEM key or an all-zero agreement.
 */
export function initiate(
  provider: CryptoProvider,
  random: RandomSource,
  suite: Suite,
  keys: InitiatorInput,
): { secrets: HandshakeSecrets; kemCiphertext: Uint8Array | null } {
  return initiateWith(provider, suite, keys, (kem, publicKey) => kem.encapsulate(provider, publicKey, random));
}

/** {@link initiate} with a given way to encapsulate; its secret is wiped here. */
export function initiateWith(
  provider: CryptoProvider,
  suite: Suite,
  keys: InitiatorInput,
  encapsulate: (kem: Kem, publicKey: Uint8Array) => Encapsulation,
): { secrets: HandshakeSecrets; kemCiphertext: Uint8Array | null } {
  const kem = suite.kem === null ? null : getKem(suite.kem);
  if ((kem === null) !== (keys.kemPublicKey === null)) throw new TypeError('KEM key and suite do not belong together');
  const agreements = agreeAsInitiator(provider, keys);
  const encapsulation = kem === null || keys.kemPublicKey === null ? null : encapsulate(kem, keys.kemPublicKey);
  const kemCiphertext = kem === null || encapsulation === null ? null : encodeKemKey(kem, encapsulation.ciphertext);
  const transcript: Transcript = {
    initiatorIdentity: encodePublicKey(keys.identity.publicKey),
    responderIdentity: encodePublicKey(keys.theirIdentity),
    signedPreKey: encodePublicKey(keys.theirSignedPreKey),
    oneTimePreKey: keys.theirOneTimePreKey === null ? null : encodePublicKey(keys.theirOneTimePreKey),
    ephemeral: encodePublicKey(keys.ephemeral.publicKey),
    kemPublicKey: kem === null || keys.kemPublicKey === null ? null : encodeKemKey(kem, keys.kemPublicKey),
    kemCiphertext,
  };
  const secrets = deriveSecrets(provider, suite, transcript, agreements, encapsulation?.sharedSecret ?? null);
  wipeAll(agreements);
  encapsulation?.sharedSecret.wipe();
  return { secrets, kemCiphertext };
}

/** The responder's keys; `kemKeyPair` and `kemCiphertext` (raw) are present exactly for a suite with a KEM. */
type ResponderInput<KemKey> = ResponderKeys & {
  readonly kemKeyPair: KemKey | null;
  readonly kemCiphertext: Uint8Array | null;
};

/**
 * The responder's half. A damaged ciphertext of the right length gives other secrets, never an error: the first message then
 * fails like any forgery (HSK-12).
 */
export function respond(provider: CryptoProvider, suite: Suite, keys: ResponderInput<KemKeyPair>): HandshakeSecrets {
  return respondWith(provider, suite, keys, (kem, { privateKey }, ciphertext) =>
    kem.decapsulate(provider, privateKey, ciphertext),
  );
}

/** {@link respond} with a given way to decapsulate; its secret is wiped here. */
export function respondWith<KemKey extends Pick<KemKeyPair, 'publicKey'>>(
  provider: CryptoProvider,
  suite: Suite,
  keys: ResponderInput<KemKey>,
  decapsulate: (kem: Kem, key: KemKey, ciphertext: Uint8Array) => Secret<'KemSharedSecret'>,
): HandshakeSecrets {
  const kem = suite.kem === null ? null : getKem(suite.kem);
  const { kemKeyPair, kemCiphertext } = keys;
  const agreements = agreeAsResponder(provider, keys);
  const kemSecret =
    kem === null || kemKeyPair === null || kemCiphertext === null ? null : decapsulate(kem, kemKeyPair, kemCiphertext);
  if ((kem === null) !== (kemSecret === null))
    throw new TypeError('KEM key, ciphertext and suite do not belong together');
  const transcript: Transcript = {
    initiatorIdentity: encodePublicKey(keys.theirIdentity),
    responderIdentity: encodePublicKey(keys.identity.publicKey),
    signedPreKey: encodePublicKey(keys.signedPreKey.publicKey),
    oneTimePreKey: keys.oneTimePreKey === null ? null : encodePublicKey(keys.oneTimePreKey.publicKey),
    ephemeral: encodePublicKey(keys.theirEphemeral),
    kemPublicKey: kem === null || kemKeyPair === null ? null : encodeKemKey(kem, kemKeyPair.publicKey),
    kemCiphertext: kem === null || kemCiphertext === null ? null : encodeKemKey(kem, kemCiphertext),
  };
  const secrets = deriveSecrets(provider, suite, transcript, agreements, kemSecret);
  wipeAll(agreements);
  kemSecret?.wipe();
  return secrets;
}
