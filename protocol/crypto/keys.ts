/**
 * Which EC public keys are valid.
 *
 * @spec 01-keys §3
 * Owns: the range check and the subgroup check. Must not know: wire form, roles of keys.
 */
import { ProtocolError } from '../errors.ts';
import type { CryptoProvider } from './provider.ts';
import { EC_KEY_BYTES } from './provider.ts';

/** p = 2^255 − 19, little-endian: ED FF … FF 7F. */
const P_LOW_BYTE = 0xed;

/** True for 32 bytes with bit 255 clear and u < 2^255 − 19. */
export function isCanonicalPublicKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== EC_KEY_BYTES) return false;
  const high = publicKey[EC_KEY_BYTES - 1] as number;
  if (high !== 0x7f) return high < 0x7f;
  for (let i = EC_KEY_BYTES - 2; i > 0; i--) if (publicKey[i] !== 0xff) return true;
  return (publicKey[0] as number) < P_LOW_BYTE;
}

/** @throws {ProtocolError} `InvalidKey`: `bad-length`, `non-canonical-public-key`. */
export function assertCanonicalPublicKey(publicKey: Uint8Array, field: string): void {
  if (publicKey.length !== EC_KEY_BYTES) throw new ProtocolError('InvalidKey', 'parse', 'bad-length', field);
  // @req KEY-05
  if (!isCanonicalPublicKey(publicKey)) {
    throw new ProtocolError('InvalidKey', 'verify', 'non-canonical-public-key', field);
  }
}

/** @throws {ProtocolError} `InvalidKey`: as {@link assertCanonicalPublicKey}, or `not-prime-order`. */
export function assertPrimeOrderPublicKey(provider: CryptoProvider, publicKey: Uint8Array, field: string): void {
  assertCanonicalPublicKey(publicKey, field);
  // @req KEY-06
  if (!provider.x25519IsPrimeOrder(publicKey))
    throw new ProtocolError('InvalidKey', 'verify', 'not-prime-order', field);
}
