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
import { type CheckedSignature, checkSignature, toLittleEndian, verifySignature } from './edwards.ts';
import {
  assertAesInputs,
  assertHkdfLength,
  assertLength,
  badCiphertext,
  checkExpandedKey,
  checkKemPublicKey,
  clampScalar,
  exposeKey,
  KEM_LENGTHS,
} from './inputs.ts';
import type { AuthKeyPair, CryptoProvider, EcKeyPair, Encapsulation, KemKeyPair, KemParameterSet } from './provider.ts';
import { EC_KEY_BYTES, KEM_COINS_BYTES, KEM_SEED_BYTES, type RandomSource } from './provider.ts';
import { shortHkdf, shortHmac } from './short-hmac.ts';
import { checkXeddsa, XEDDSA_RANDOM_BYTES, xeddsaSign } from './xeddsa.ts';

const KEMS = { 'ML-KEM-512': ml_kem512, 'ML-KEM-768': ml_kem768, 'ML-KEM-1024': ml_kem1024 };

/** 5L − 1, which clamping leaves as it is: maps u to itself iff u is in the prime-order subgroup. */
export const SUBGROUP_SCALAR = toLittleEndian(5n * ed25519.Point.Fn.ORDER - 1n);

function ecPair(scalar: Uint8Array): EcKeyPair {
  return { publicKey: x25519.getPublicKey(scalar), privateKey: new Secret<'EcPrivateKey'>(scalar) };
}

function generateEc(random: RandomSource): EcKeyPair {
  const drawn = random(EC_KEY_BYTES);
  const scalar = clampScalar(drawn);
  drawn.fill(0);
  return ecPair(scalar);
}

/** Null for an all-zero result, whether the library throws at it or not. */
function diffieHellman(scalar: Uint8Array, publicKey: Uint8Array): Uint8Array | null {
  try {
    const shared = x25519.getSharedSecret(scalar, publicKey);
    return isAllZero(shared) ? null : shared;
  } catch {
    return null;
  }
}

function agree(privateKey: Secret<'EcPrivateKey'>, publicKey: Uint8Array): Secret<'Agreement'> {
  assertLength(publicKey, EC_KEY_BYTES, 'publicKey');
  const shared = diffieHellman(exposeKey(privateKey), publicKey);
  // @req KEY-07
  if (shared === null) throw new ProtocolError('InvalidKey', 'agree', 'zero-shared-secret', 'publicKey');
  return new Secret<'Agreement'>(shared);
}

function isPrimeOrder(publicKey: Uint8Array): boolean {
  if (publicKey.length !== EC_KEY_BYTES) return false;
  const image = diffieHellman(SUBGROUP_SCALAR, publicKey);
  return image !== null && equalBytes(image, publicKey);
}

function encryptCbc(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
  assertAesInputs(key, iv);
  return cbc(key, iv).encrypt(plaintext);
}

function decryptCbc(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  assertAesInputs(key, iv);
  // The library takes no bytes for the encryption of no bytes.
  if (ciphertext.length === 0) throw badCiphertext();
  try {
    return cbc(key, iv).decrypt(ciphertext);
  } catch {
    throw badCiphertext();
  }
}

function verify(checked: CheckedSignature | null, message: Uint8Array): boolean {
  return checked !== null && verifySignature(sha512, checked, message);
}

function generateAuth(random: RandomSource): AuthKeyPair {
  const seed = random(EC_KEY_BYTES);
  return { publicKey: ed25519.getPublicKey(seed), privateKey: new Secret<'AuthPrivateKey'>(seed) };
}

/** Takes ownership of the seed. */
function kemPair(set: KemParameterSet, seed: Uint8Array): KemKeyPair {
  assertLength(seed, KEM_SEED_BYTES, 'seed');
  const { publicKey, secretKey } = KEMS[set].keygen(seed);
  secretKey.fill(0);
  return { publicKey, privateKey: new Secret<'KemPrivateKey'>(seed) };
}

function expand(set: KemParameterSet, privateKey: Secret<'KemPrivateKey'>): Uint8Array {
  const bytes = privateKey.expose();
  if (bytes.length === KEM_SEED_BYTES) return KEMS[set].keygen(bytes).secretKey;
  checkExpandedKey(sha3_256, set, bytes);
  return bytes.slice();
}

function encapsulate(set: KemParameterSet, publicKey: Uint8Array, random: RandomSource): Encapsulation {
  checkKemPublicKey(set, publicKey);
  const coins = random(KEM_COINS_BYTES);
  const { cipherText, sharedSecret } = KEMS[set].encapsulate(publicKey, coins);
  coins.fill(0);
  return { ciphertext: cipherText, sharedSecret: new Secret<'KemSharedSecret'>(sharedSecret) };
}

function decapsulate(set: KemParameterSet, privateKey: Secret<'KemPrivateKey'>, ciphertext: Uint8Array) {
  // @req KEY-14
  assertLength(ciphertext, KEM_LENGTHS[set].ciphertext, 'ciphertext', 'InvalidMessage');
  const expanded = expand(set, privateKey);
  const sharedSecret = KEMS[set].decapsulate(ciphertext, expanded);
  expanded.fill(0);
  return new Secret<'KemSharedSecret'>(sharedSecret);
}

/** The portable provider. */
// @req KEY-01
export const nobleProvider: CryptoProvider = {
  name: 'noble',
  sha256: (data) => sha256(data),
  sha512: (data) => sha512(data),
  sha3_256: (data) => sha3_256(data),
  sha3_512: (data) => sha3_512(data),
  shake256: (data, length) => shake256(data, { dkLen: length }),
  hmacSha256: (key, data) => shortHmac(key, data) ?? hmac(sha256, key, data),
  hkdfSha256: (ikm, salt, info, length) => {
    assertHkdfLength(length);
    return shortHkdf(ikm, salt, info, length) ?? hkdf(sha256, ikm, salt, info, length);
  },
  aes256CbcEncrypt: encryptCbc,
  aes256CbcDecrypt: decryptCbc,
  x25519Generate: generateEc,
  x25519FromPrivate: (privateKey) => ecPair(clampScalar(privateKey)),
  x25519Agree: agree,
  x25519IsPrimeOrder: isPrimeOrder,
  xeddsaSign: (privateKey, message, random) =>
    xeddsaSign(sha512, exposeKey(privateKey), message, random(XEDDSA_RANDOM_BYTES)),
  xeddsaVerify: (publicKey, message, signature) => verify(checkXeddsa(publicKey, signature), message),
  ed25519Generate: generateAuth,
  ed25519Sign: (privateKey, message) => ed25519.sign(message, exposeKey(privateKey)),
  ed25519Verify: (publicKey, message, signature) => verify(checkSignature(publicKey, signature), message),
  kemLengths: (set) => KEM_LENGTHS[set],
  kemGenerate: (set, random) => kemPair(set, random(KEM_SEED_BYTES)),
  kemFromSeed: (set, seed) => kemPair(set, seed.slice()),
  kemExpand: (set, privateKey) => new Secret<'KemPrivateKey'>(expand(set, privateKey)),
  kemCheckPublicKey: checkKemPublicKey,
  kemEncapsulate: encapsulate,
  kemDecapsulate: decapsulate,
};
