/**
 * The authenticator: binds every key and ciphertext of the braid to all secrets before it.
 *
 * @spec 08-braid §5
 * Owns: two keys, their update, two MACs. Must not know: chunks, states. A replaced authenticator is the caller's to wipe.
 */
import { be64, concat, EMPTY, utf8 } from '../../bytes/bytes.ts';
import { Secret } from '../../bytes/secret.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { SCKA_AUTHENTICATOR_LABEL, SCKA_CIPHERTEXT_MAC_LABEL, SCKA_HEADER_MAC_LABEL } from '../../labels.ts';

/** Bytes of each MAC: not truncated. */
export const BRAID_MAC_BYTES = 32;
const KEY_BYTES = 32;

/** Root key and MAC key. */
export interface Authenticator {
  readonly rootKey: Secret<'AuthenticatorRoot'>;
  readonly macKey: Secret<'AuthenticatorMac'>;
}

/** okm = HKDF(root ‖ secret, no salt, label ‖ epoch, 64): the next root key and MAC key (BRD-09). */
export function updateAuthenticator(
  provider: CryptoProvider,
  rootKey: Uint8Array,
  epoch: number,
  secret: Uint8Array,
): Authenticator {
  // @req BRD-09
  const ikm = concat(rootKey, secret);
  const okm = provider.hkdfSha256(ikm, EMPTY, concat(utf8(SCKA_AUTHENTICATOR_LABEL), be64(epoch)), 2 * KEY_BYTES);
  const next: Authenticator = {
    rootKey: new Secret<'AuthenticatorRoot'>(okm.slice(0, KEY_BYTES)),
    macKey: new Secret<'AuthenticatorMac'>(okm.slice(KEY_BYTES)),
  };
  ikm.fill(0);
  okm.fill(0);
  return next;
}

/** The first authenticator: an update of zeros with the session's key, under epoch 1. */
export function firstAuthenticator(provider: CryptoProvider, pqRatchetKey: Uint8Array): Authenticator {
  return updateAuthenticator(provider, new Uint8Array(KEY_BYTES), 1, pqRatchetKey);
}

function mac(
  provider: CryptoProvider,
  auth: Authenticator,
  label: string,
  epoch: number,
  data: Uint8Array,
): Uint8Array {
  return provider.hmacSha256(auth.macKey.expose(), concat(utf8(label), be64(epoch), data));
}

/** The MAC of a 64-byte header, 32 bytes. */
export function headerMac(
  provider: CryptoProvider,
  auth: Authenticator,
  epoch: number,
  header: Uint8Array,
): Uint8Array {
  return mac(provider, auth, SCKA_HEADER_MAC_LABEL, epoch, header);
}

/** The MAC of ct1 ‖ ct2, 32 bytes. */
export function ciphertextMac(
  provider: CryptoProvider,
  auth: Authenticator,
  epoch: number,
  ciphertext: Uint8Array,
): Uint8Array {
  return mac(provider, auth, SCKA_CIPHERTEXT_MAC_LABEL, epoch, ciphertext);
}
