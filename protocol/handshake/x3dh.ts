/**
 * The four agreements of X3DH, from either side.
 *
 * @spec 02-handshake §3
 * Owns: which key meets which, and their order. Must not know: KEMs, KDF labels, sessions.
 * The caller wipes the agreements once the KDF has read them.
 */
import type { Secret } from '../bytes/secret.ts';
import type { CryptoProvider, EcKeyPair } from '../crypto/provider.ts';

/** DH1 … DH3 or DH4, in the order in which they enter the KDF. */
export type Agreements = readonly Secret<'Agreement'>[];

/** The initiator's keys and the responder's public ones (raw, checked). */
export interface InitiatorKeys {
  readonly identity: EcKeyPair;
  readonly ephemeral: EcKeyPair;
  readonly theirIdentity: Uint8Array;
  readonly theirSignedPreKey: Uint8Array;
  readonly theirOneTimePreKey: Uint8Array | null;
}

/** The responder's keys and the initiator's public ones (raw, checked). */
export interface ResponderKeys {
  readonly identity: EcKeyPair;
  readonly signedPreKey: EcKeyPair;
  readonly oneTimePreKey: EcKeyPair | null;
  readonly theirIdentity: Uint8Array;
  readonly theirEphemeral: Uint8Array;
}

/**
 * DH1 = DH(IKa, SPKb), DH2 = DH(EKa, IKb), DH3 = DH(EKa, SPKb), DH4 = DH(EKa, OPKb) if there is a one-time prekey.
 * @throws {ProtocolError} `InvalidKey`/`zero-shared-secret` (HSK-08).
 */
export function agreeAsInitiator(provider: CryptoProvider, keys: InitiatorKeys): Agreements {
  const ephemeral = keys.ephemeral.privateKey;
  // @req HSK-07, HSK-08: an all-zero result is refused by the provider
  const agreements = [
    provider.x25519Agree(keys.identity.privateKey, keys.theirSignedPreKey),
    provider.x25519Agree(ephemeral, keys.theirIdentity),
    provider.x25519Agree(ephemeral, keys.theirSignedPreKey),
  ];
  if (keys.theirOneTimePreKey !== null) agreements.push(provider.x25519Agree(ephemeral, keys.theirOneTimePreKey));
  return agreements;
}

/** The same agreements computed by the responder. */
export function agreeAsResponder(provider: CryptoProvider, keys: ResponderKeys): Agreements {
  const signedPreKey = keys.signedPreKey.privateKey;
  const agreements = [
    provider.x25519Agree(signedPreKey, keys.theirIdentity),
    provider.x25519Agree(keys.identity.privateKey, keys.theirEphemeral),
    provider.x25519Agree(signedPreKey, keys.theirEphemeral),
  ];
  if (keys.oneTimePreKey !== null) {
    agreements.push(provider.x25519Agree(keys.oneTimePreKey.privateKey, keys.theirEphemeral));
  }
  return agreements;
}
