/**
 * What both providers check before they call a library.
 *
 * @spec 01-keys §1, §2, §6
 * Owns: lengths, clamping, the FIPS 203 input checks; so that both providers refuse alike.
 * Must not know: a library, apart from the hash inside an expanded decapsulation key, which is passed in.
 */
import { equalBytes } from '../bytes/bytes.ts';
import type { Secret } from '../bytes/secret.ts';
import { ProtocolError } from '../errors.ts';
import type { KemLengths, KemParameterSet } from './provider.ts';
import { EC_KEY_BYTES } from './provider.ts';

const AES_KEY_BYTES = 32;
const AES_BLOCK_BYTES = 16;
const HASH_BYTES = 32;
const MAX_HKDF_BYTES = 255 * HASH_BYTES;
const KEM_HASH_BYTES = 32;
/** The modulus of ML-KEM. */
const Q = 3329;

/** FIPS 203 table 3, in bytes. */
export const KEM_LENGTHS: Readonly<Record<KemParameterSet, KemLengths>> = {
  'ML-KEM-512': { publicKey: 800, expandedKey: 1632, ciphertext: 768 },
  'ML-KEM-768': { publicKey: 1184, expandedKey: 2400, ciphertext: 1088 },
  'ML-KEM-1024': { publicKey: 1568, expandedKey: 3168, ciphertext: 1568 },
};

/** @throws {ProtocolError} `code`/`bad-length`. */
export function assertLength(
  bytes: { readonly length: number },
  length: number,
  field: string,
  code: 'InvalidKey' | 'InvalidMessage' = 'InvalidKey',
): void {
  // @req KEY-02
  if (bytes.length !== length) throw new ProtocolError(code, 'parse', 'bad-length', field);
}

/** The bytes of a 32-byte private key. @throws {ProtocolError} `InvalidKey`/`bad-length`. */
export function exposeKey(privateKey: Secret): Uint8Array {
  assertLength(privateKey, EC_KEY_BYTES, 'privateKey');
  return privateKey.expose();
}

/** A copy of a 32-byte scalar, clamped (RFC 7748 §5). */
export function clampScalar(privateKey: Uint8Array): Uint8Array {
  assertLength(privateKey, EC_KEY_BYTES, 'privateKey');
  // @req KEY-04
  const scalar = privateKey.slice();
  scalar[0] = (scalar[0] as number) & 248;
  scalar[31] = ((scalar[31] as number) & 127) | 64;
  return scalar;
}

/** Keys and IVs of AES are derived, never received: a wrong length is a programming error. */
export function assertAesInputs(key: Uint8Array, iv: Uint8Array): void {
  if (key.length !== AES_KEY_BYTES || iv.length !== AES_BLOCK_BYTES)
    throw new TypeError('AES-256-CBC takes 32 and 16 bytes');
}

/** The one refusal of AES-256-CBC decryption. */
export function badCiphertext(): ProtocolError {
  // @req KEY-16
  return new ProtocolError('InvalidMessage', 'decrypt', 'bad-ciphertext', 'ciphertext');
}

export function assertHkdfLength(length: number): void {
  // @req KEY-15
  if (length > MAX_HKDF_BYTES) throw new TypeError('HKDF-SHA256 gives at most 8160 bytes');
}

/** FIPS 203 §7.2: the length, and every 12-bit coefficient of an encapsulation key below q. */
export function checkKemPublicKey(set: KemParameterSet, publicKey: Uint8Array): void {
  assertLength(publicKey, KEM_LENGTHS[set].publicKey, 'kemPublicKey');
  // @req KEY-12
  for (let i = 0; i + 2 < publicKey.length - KEM_HASH_BYTES; i += 3) {
    const middle = publicKey[i + 1] as number;
    const first = (publicKey[i] as number) | ((middle & 0x0f) << 8);
    const second = (middle >> 4) | ((publicKey[i + 2] as number) << 4);
    if (first >= Q || second >= Q) {
      throw new ProtocolError('InvalidKey', 'verify', 'unreduced-kem-key', 'kemPublicKey');
    }
  }
}

/** FIPS 203 §7.3: the hash inside an expanded decapsulation key is that of the encapsulation key inside it. */
export function checkExpandedKey(
  sha3: (data: Uint8Array) => Uint8Array,
  set: KemParameterSet,
  expanded: Uint8Array,
): void {
  const { publicKey, expandedKey } = KEM_LENGTHS[set];
  assertLength(expanded, expandedKey, 'kemPrivateKey');
  // @req KEY-13
  const hashAt = expandedKey - 2 * KEM_HASH_BYTES;
  const hash = sha3(expanded.subarray(hashAt - publicKey, hashAt));
  if (!equalBytes(hash, expanded.subarray(hashAt, hashAt + KEM_HASH_BYTES))) {
    throw new ProtocolError('InvalidKey', 'verify', 'kem-key-hash-mismatch', 'kemPrivateKey');
  }
}
