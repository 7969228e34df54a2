/**
 * The protocol's public surface: pure and synchronous, for Node and browsers alike.
 *
 * @packageDocumentation
 * @spec 00-conventions
 * Owns: what is public. Must not know: the node provider, which has an entry of its own (`pawl/crypto/node`).
 */
export { equalBytes, fromHex, toHex } from './bytes/bytes.ts';
export type { Wipeable } from './bytes/secret.ts';
export { Secret, wipeAll } from './bytes/secret.ts';
export type { ProtocolAddress } from './codec/address.ts';
export { addressKey, sameAccount } from './codec/address.ts';
export { signAlternateIdentity, verifyAlternateIdentity } from './codec/alternate-identity.ts';
export type { DecryptionErrorMessage, FailedMessageType } from './codec/decryption-error.ts';
export { decryptionErrorFor, encodePlaintextContent, parsePlaintextContent } from './codec/decryption-error.ts';
export { decodeKemPublicKey, decodePublicKey, encodeKemKey, encodePublicKey } from './codec/keys.ts';
export type { Kem, KemName } from './crypto/kem.ts';
export { getKem } from './crypto/kem.ts';
export type {
  AuthKeyPair,
  CryptoProvider,
  EcKeyPair,
  Encapsulation,
  KemKeyPair,
  KemLengths,
  KemParameterSet,
  RandomSource,
} from './crypto/provider.ts';
export { checkedRandom } from './crypto/random.ts';
export type { ErrorCode, ErrorStage } from './errors.ts';
export { isProtocolError, ProtocolError } from './errors.ts';
export type { Fingerprint, FingerprintInput, FingerprintSide } from './fingerprint/fingerprint.ts';
export { createFingerprint, verifyDisplayable, verifyScannable } from './fingerprint/fingerprint.ts';
export type {
  GroupDecrypted,
  GroupOrder,
  SenderKeyName,
  SenderKeyRecord,
  SenderKeyStep,
} from './group/sender-key.ts';
export {
  decryptGroupMessage,
  distributeSenderKey,
  encryptGroupMessage,
  parseSenderKeyRecord,
  processSenderKeyDistribution,
  senderKeyRecordKey,
  serializeSenderKeyRecord,
} from './group/sender-key.ts';
export type { PreKeyBundle } from './handshake/bundle.ts';
export type { KemPreKey, PreKey, SignedPreKey } from './handshake/prekeys.ts';
export { createKemPreKey, createPreKey, createSignedPreKey } from './handshake/prekeys.ts';
export type { Suite, SuiteName } from './handshake/suites.ts';
export { DEFAULT_SUITE, getSuite, SUITES } from './handshake/suites.ts';
export type { SpqrStatus } from './ratchet/braid/spqr-state.ts';
export type { Work } from './ratchet/work.ts';
export type { Protected, Protection } from './session/protection.ts';
export type {
  Decrypted,
  DecryptedPreKey,
  Encrypted,
  MessageType,
  PqRatchetPolicy,
  PreKeyLookup,
  SessionEnvironment,
  SessionInfo,
  SessionRecord,
  TrustDirection,
  UsedPreKeys,
} from './session/session.ts';
export {
  archiveSession,
  concernsCurrentSession,
  decryptMessage,
  decryptPreKeyMessage,
  encryptMessage,
  isBraidFailure,
  parseRecord,
  processBundle,
  serializeRecord,
  sessionInfo,
} from './session/session.ts';
