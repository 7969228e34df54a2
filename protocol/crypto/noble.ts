/**
 * The portable provider: pure JavaScript, for every runtime. The reference that the node provider must equal.
 *
 * @spec 01-keys §1
 * Owns: adapting noble's packages to the provider interface. Must not know: the platform.
 */
import { cbc } from '@noble/ciphers/aes.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { sha3_256, sha3_512, shake256 } from '@noble/hashes/sha3.js';
import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { equalBytes, isAllZero } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import { ProtocolError } from '../errors.ts';
import type { AuthKeyPair, CryptoProvider, EcKeyPair, KemLengths, KemParameterSet, RandomSource } from './provider.ts';
import { EC_KEY_BYTES, KEM_COINS_BYTES, KEM_SEED_BYTES, SIGNATURE_BYTES } from './provider.ts';
import { XEDDSA_RANDOM_BYTES, xeddsaSign, xeddsaVerify } from './xeddsa.ts';

const KEMS = { 'ML-KEM-512': ml_kem512, 'ML-KEM-768': ml_kem768, 'ML-KEM-1024': ml_kem1024 };

/** FIPS 203 table 3, in bytes. */
export const KEM_LENGTHS: Readonly<Record<KemParameterSet, KemLengths>> = {
  'ML-KEM-512': { publicKey: 800, expandedKey: 1632, ciphertext: 768 },
  'ML-KEM-768': { publicKey: 1184, expandedKey: 2400, ciphertext: 1088 },
  'ML-KEM-1024': { publicKey: 1568, expandedKey: 3168, ciphertext: 1568 },
};

/** 5L − 1, little-endian: clamping leaves it as it is. */
export const SUBGROUP_SCALAR = (() => {
  let value = 5n * ed25519.Point.Fn.ORDER - 1n;
  const out = new Uint8Array(EC_KEY_BYTES);
  for (let i = 0; i < EC_KEY_BYTES; i++, value >>= 8n) out[i] = Number(value & 0xffn);
  return out;
})();

function refuse(code: 'InvalidKey' | 'InvalidMessage', reason: string, field: string): ProtocolError {
  return new ProtocolError(code, 'parse', reason, field);
}

function assertLength(
  bytes: Uint8Array,
  length: number,
  field: string,
  code: 'InvalidKey' | 'InvalidMessage' = 'InvalidKey',
) {
  if (bytes.length !== length) throw refuse(code, 'bad-length', field);
}

/** A copy of a 32-byte scalar, clamped (RFC 7748 §5). */
export function clampScalar(privateKey: Uint8Array): Uint8Array {
  assertLength(privateKey, EC_KEY_BYTES, 'privateKey');
  const scalar = privateKey.slice();
  scalar[0] = (scalar[0] as number) & 248;
  scalar[31] = ((scalar[31] as number) & 127) | 64;
  return scalar;
}

function fromPrivate(privateKey: Uint8Array): EcKeyPair {
  const scalar = clampScalar(privateKey);
  return { publicKey: x25519.getPublicKey(scalar), privateKey: new Secret<'EcPrivateKey'>(scalar) };
}

function agree(scalar: Uint8Array, publicKey: Uint8Array): Uint8Array | null {
  try {
    const shared = x25519.getSharedSecret(scalar, publicKey);
    return isAllZero(shared) ? null : shared;
  } catch {
    return null;
  }
}

function decryptCbc(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  try {
    if (ciphertext.length === 0) throw new RangeError('empty');
    return cbc(key, iv).decrypt(ciphertext);
  } catch {
    throw new ProtocolError('InvalidMessage', 'decrypt', 'bad-ciphertext', 'ciphertext');
  }
}

function authPair(seed: Uint8Array): AuthKeyPair {
  return { publicKey: ed25519.getPublicKey(seed), privateKey: new Secret<'AuthPrivateKey'>(seed) };
}

function fromSeed(set: KemParameterSet, seed: Uint8Array) {
  assertLength(seed, KEM_SEED_BYTES, 'seed');
  const { publicKey, secretKey } = KEMS[set].keygen(seed);
  secretKey.fill(0);
  return { publicKey, privateKey: new Secret<'KemPrivateKey'>(seed.slice()) };
}

/** H(ek) inside an expanded key must be the hash of the ek inside it (FIPS 203 §7.3). */
export function checkExpandedKey(set: KemParameterSet, expanded: Uint8Array): void {
  const { publicKey, expandedKey } = KEM_LENGTHS[set];
  assertLength(expanded, expandedKey, 'kemPrivateKey');
  const hashAt = expandedKey - 64;
  const hash = sha3_256(expanded.subarray(hashAt - publicKey, hashAt));
  if (!equalBytes(hash, expanded.subarray(hashAt, hashAt + 32))) {
    throw new ProtocolError('InvalidKey', 'verify', 'kem-key-hash-mismatch', 'kemPrivateKey');
  }
}

function expand(set: KemParameterSet, privateKey: Secret<'KemPrivateKey'>): Uint8Array {
  const bytes = privateKey.expose();
  if (bytes.length === KEM_SEED_BYTES) return KEMS[set].keygen(bytes).secretKey;
  checkExpandedKey(set, bytes);
  return bytes.slice();
}

/** Every 12-bit coefficient of an encapsulation key must be below q = 3329 (FIPS 203 §7.2). */
export function checkKemPublicKey(set: KemParameterSet, publicKey: Uint8Array): void {
  assertLength(publicKey, KEM_LENGTHS[set].publicKey, 'kemPublicKey');
  for (let i = 0; i + 2 < publicKey.length - 32; i += 3) {
    const [a, b, c] = [publicKey[i] as number, publicKey[i + 1] as number, publicKey[i + 2] as number];
    if ((a | ((b & 0x0f) << 8)) >= 3329 || ((b >> 4) | (c << 4)) >= 3329) {
      throw new ProtocolError('InvalidKey', 'verify', 'unreduced-kem-key', 'kemPublicKey');
    }
  }
}

function encapsulate(set: KemParameterSet, publicKey: Uint8Array, random: RandomSource) {
  checkKemPublicKey(set, publicKey);
  const coins = random(KEM_COINS_BYTES);
  const { cipherText, sharedSecret } = KEMS[set].encapsulate(publicKey, coins);
  coins.fill(0);
  return { ciphertext: cipherText, sharedSecret: new Secret<'KemSharedSecret'>(sharedSecret) };
}

function decapsulate(set: KemParameterSet, privateKey: Secret<'KemPrivateKey'>, ciphertext: Uint8Array) {
  assertLength(ciphertext, KEM_LENGTHS[set].ciphertext, 'ciphertext', 'InvalidMessage');
  const expanded = expand(set, privateKey);
  const sharedSecret = KEMS[set].decapsulate(ciphertext, expanded);
  expanded.fill(0);
  return new Secret<'KemSharedSecret'>(sharedSecret);
}

function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== EC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}

/** The portable provider. */
export const nobleProvider: CryptoProvider = {
  name: 'noble',
  sha256: (data) => sha256(data),
  sha512: (data) => sha512(data),
  sha3_256: (data) => sha3_256(data),
  sha3_512: (data) => sha3_512(data),
  shake256: (data, length) => shake256(data, { dkLen: length }),
  hmacSha256: (key, data) => hmac(sha256, key, data),
  hkdfSha256: (ikm, salt, info, length) => hkdf(sha256, ikm, salt, info, length),
  aes256CbcEncrypt: (key, iv, plaintext) => cbc(key, iv).encrypt(plaintext),
  aes256CbcDecrypt: decryptCbc,
  x25519Generate: (random) => fromPrivate(random(EC_KEY_BYTES)),
  x25519FromPrivate: fromPrivate,
  x25519Agree: (privateKey, publicKey) => {
    assertLength(publicKey, EC_KEY_BYTES, 'publicKey');
    const shared = agree(privateKey.expose(), publicKey);
    if (shared === null) throw new ProtocolError('InvalidKey', 'agree', 'zero-shared-secret', 'publicKey');
    return new Secret<'Agreement'>(shared);
  },
  x25519IsPrimeOrder: (publicKey) => {
    if (publicKey.length !== EC_KEY_BYTES) return false;
    const image = agree(SUBGROUP_SCALAR, publicKey);
    return image !== null && equalBytes(image, publicKey);
  },
  xeddsaSign: (privateKey, message, random) =>
    xeddsaSign(sha512, privateKey.expose(), message, random(XEDDSA_RANDOM_BYTES)),
  xeddsaVerify: (publicKey, message, signature) => xeddsaVerify(sha512, publicKey, message, signature),
  ed25519Generate: (random) => authPair(random(EC_KEY_BYTES)),
  ed25519Sign: (privateKey, message) => ed25519.sign(message, privateKey.expose()),
  ed25519Verify: verifyEd25519,
  kemLengths: (set) => KEM_LENGTHS[set],
  kemGenerate: (set, random) => fromSeed(set, random(KEM_SEED_BYTES)),
  kemFromSeed: fromSeed,
  kemExpand: (set, privateKey) => new Secret<'KemPrivateKey'>(expand(set, privateKey)),
  kemCheckPublicKey: checkKemPublicKey,
  kemEncapsulate: encapsulate,
  kemDecapsulate: decapsulate,
};
