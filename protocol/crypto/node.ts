/**
 * The native provider: OpenSSL through node:crypto.
 *
 * @spec 01-keys §1
 * Owns: native primitives with results equal to the portable provider's, the platform's key objects for keys made or loaded
 * here, and the system's random source: the only ambient randomness of `protocol/`.
 * Must not know: the protocol. Key objects hang on the `Secret` they belong to and go with it; their memory is the platform's
 * and is not wiped from here.
 */
import * as nodeCrypto from 'node:crypto';
import { versions } from 'node:process';
import { concat, EMPTY, equalBytes } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import { ProtocolError } from '../errors.ts';
import { type CheckedSignature, checkSignature } from './edwards.ts';
import {
  assertAesInputs,
  assertHkdfLength,
  assertLength,
  badCiphertext,
  checkKemPublicKey,
  clampScalar,
  exposeKey,
  KEM_LENGTHS,
} from './inputs.ts';
import { nobleProvider, SUBGROUP_SCALAR } from './noble.ts';
import type { AuthKeyPair, CryptoProvider, EcKeyPair, Encapsulation, KemKeyPair, KemParameterSet } from './provider.ts';
import { EC_KEY_BYTES, KEM_SEED_BYTES, type RandomSource } from './provider.ts';
import { rootSource } from './random.ts';
import { shortHkdf, shortHmac } from './short-hmac.ts';
import { checkXeddsa, XEDDSA_RANDOM_BYTES, xeddsaSign } from './xeddsa.ts';

const POOL_BYTES = 4096;
const HASH_BYTES = 32;
/** OpenSSL's HKDF takes no more info than this. */
const NATIVE_INFO_BYTES = 1024;
const NATIVE_KEMS = { 'ML-KEM-512': 'ml-kem-512', 'ML-KEM-768': 'ml-kem-768', 'ML-KEM-1024': 'ml-kem-1024' } as const;

type KeyType = 'x25519' | 'ed25519' | (typeof NATIVE_KEMS)[KemParameterSet];

/** A plain array over the same memory: a Buffer must not leave this file. */
function plain(bytes: Uint8Array | ArrayBuffer): Uint8Array {
  return bytes instanceof ArrayBuffer
    ? new Uint8Array(bytes)
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

const pool = new Uint8Array(POOL_BYTES);
let poolUsed = POOL_BYTES;

/** The system's random source. Draws from OpenSSL's generator in blocks; a byte handed out is erased from the block. */
export const systemRandom: RandomSource = (length) => {
  if (length > POOL_BYTES) return plain(nodeCrypto.randomBytes(length));
  if (poolUsed + length > POOL_BYTES) {
    nodeCrypto.randomFillSync(pool);
    poolUsed = 0;
  }
  const out = pool.slice(poolUsed, poolUsed + length);
  pool.fill(0, poolUsed, poolUsed + length);
  poolUsed += length;
  return out;
};

/** Native key generation and encapsulation take no coins, so they may stand in for the system's source alone. */
function isSystem(random: RandomSource): boolean {
  // @req KEY-17
  return rootSource(random) === systemRandom;
}

const keyObjects = new WeakMap<Secret, nodeCrypto.KeyObject>();

function importPrivate(type: KeyType, format: 'raw-private' | 'raw-seed', secret: Secret): nodeCrypto.KeyObject {
  // @req KEY-18
  const bytes = secret.expose();
  const known = keyObjects.get(secret);
  if (known !== undefined) return known;
  const key = nodeCrypto.createPrivateKey({ key: bytes, format, asymmetricKeyType: type });
  keyObjects.set(secret, key);
  return key;
}

function importPublic(type: KeyType, bytes: Uint8Array): nodeCrypto.KeyObject {
  return nodeCrypto.createPublicKey({ key: bytes, format: 'raw-public', asymmetricKeyType: type });
}

function exportRaw(key: nodeCrypto.KeyObject, format: 'raw-public' | 'raw-private' | 'raw-seed'): Uint8Array {
  return plain(key.export({ format }));
}

function publicOf(privateKey: nodeCrypto.KeyObject): Uint8Array {
  return exportRaw(nodeCrypto.createPublicKey(privateKey), 'raw-public');
}

function hash(algorithm: string, data: Uint8Array): Uint8Array {
  return plain(nodeCrypto.hash(algorithm, data, 'buffer'));
}

/** Before Node 26 raw bytes take a slow path that costs more than a key object; from 26 on the key object costs more. */
const RAW_KEYS_ARE_SLOW = Number.parseInt(versions.node, 10) < 26;

/** No key means zeros (RFC 2104). */
function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  const short = shortHmac(key, data);
  if (short !== null) return short;
  const bytes = key.length === 0 ? new Uint8Array(HASH_BYTES) : key;
  const hmac = nodeCrypto.createHmac('sha256', RAW_KEYS_ARE_SLOW ? nodeCrypto.createSecretKey(bytes) : bytes);
  return plain(hmac.update(data).digest());
}

function hkdfSha256(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  assertHkdfLength(length);
  const short = shortHkdf(ikm, salt, info, length);
  if (short !== null) return short;
  if (info.length <= NATIVE_INFO_BYTES && ikm.length > 0 && length > 0) {
    return plain(nodeCrypto.hkdfSync('sha256', nodeCrypto.createSecretKey(ikm), salt, info, length));
  }
  return expandLong(hmacSha256(salt, ikm), info, length);
}

/** HKDF-Expand (RFC 5869 §2.3) where OpenSSL's does not reach. Erases the pseudo-random key. */
function expandLong(key: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let block: Uint8Array = EMPTY;
  for (let at = 0, counter = 1; at < length; at += HASH_BYTES, counter++) {
    const input = concat(block, info, Uint8Array.of(counter));
    block.fill(0);
    block = hmacSha256(key, input);
    input.fill(0);
    out.set(block.subarray(0, length - at), at);
  }
  block.fill(0);
  key.fill(0);
  return out;
}

/** Runs a cipher into memory of its own: a Buffer made by Node may be a piece of a block shared by the process. */
function runCipher(cipher: nodeCrypto.Cipheriv | nodeCrypto.Decipheriv, data: Uint8Array): Uint8Array {
  return concat(cipher.update(data), cipher.final());
}

function encryptCbc(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array {
  assertAesInputs(key, iv);
  return runCipher(nodeCrypto.createCipheriv('aes-256-cbc', nodeCrypto.createSecretKey(key), iv), plaintext);
}

function decryptCbc(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  assertAesInputs(key, iv);
  const decipher = nodeCrypto.createDecipheriv('aes-256-cbc', nodeCrypto.createSecretKey(key), iv);
  try {
    return runCipher(decipher, ciphertext);
  } catch {
    throw badCiphertext();
  }
}

function ecPair(scalar: Uint8Array): EcKeyPair {
  const privateKey = new Secret<'EcPrivateKey'>(scalar);
  return { publicKey: publicOf(importPrivate('x25519', 'raw-private', privateKey)), privateKey };
}

function generateEc(random: RandomSource): EcKeyPair {
  if (!isSystem(random)) {
    const drawn = random(EC_KEY_BYTES);
    const scalar = clampScalar(drawn);
    drawn.fill(0);
    return ecPair(scalar);
  }
  const pair = nodeCrypto.generateKeyPairSync('x25519');
  const exported = exportRaw(pair.privateKey, 'raw-private');
  const privateKey = new Secret<'EcPrivateKey'>(clampScalar(exported));
  exported.fill(0);
  keyObjects.set(privateKey, pair.privateKey);
  return { publicKey: exportRaw(pair.publicKey, 'raw-public'), privateKey };
}

function diffieHellman(privateKey: nodeCrypto.KeyObject, publicKey: Uint8Array): Uint8Array | null {
  try {
    return plain(nodeCrypto.diffieHellman({ privateKey, publicKey: importPublic('x25519', publicKey) }));
  } catch {
    return null;
  }
}

function agree(privateKey: Secret<'EcPrivateKey'>, publicKey: Uint8Array): Secret<'Agreement'> {
  assertLength(publicKey, EC_KEY_BYTES, 'publicKey');
  assertLength(privateKey, EC_KEY_BYTES, 'privateKey');
  // OpenSSL reports an all-zero result as a failed derivation, and nothing else fails on 32 bytes.
  const shared = diffieHellman(importPrivate('x25519', 'raw-private', privateKey), publicKey);
  if (shared === null) throw new ProtocolError('InvalidKey', 'agree', 'zero-shared-secret', 'publicKey');
  return new Secret<'Agreement'>(shared);
}

const subgroupScalar = new Secret<'EcPrivateKey'>(SUBGROUP_SCALAR);

function isPrimeOrder(publicKey: Uint8Array): boolean {
  if (publicKey.length !== EC_KEY_BYTES) return false;
  const image = diffieHellman(importPrivate('x25519', 'raw-private', subgroupScalar), publicKey);
  return image !== null && equalBytes(image, publicKey);
}

/** OpenSSL verifies without cofactor and compares R byte for byte; its own view of small orders differs by release. */
function verify(checked: CheckedSignature | null, message: Uint8Array): boolean {
  if (checked === null) return false;
  try {
    return nodeCrypto.verify(null, message, importPublic('ed25519', checked.A), concat(checked.R, checked.s));
  } catch {
    return false;
  }
}

function generateAuth(random: RandomSource): AuthKeyPair {
  const privateKey = new Secret<'AuthPrivateKey'>(random(EC_KEY_BYTES));
  return { publicKey: publicOf(importPrivate('ed25519', 'raw-private', privateKey)), privateKey };
}

function signAuth(privateKey: Secret<'AuthPrivateKey'>, message: Uint8Array): Uint8Array {
  assertLength(privateKey, EC_KEY_BYTES, 'privateKey');
  return plain(nodeCrypto.sign(null, message, importPrivate('ed25519', 'raw-private', privateKey)));
}

/** Takes ownership of the seed. */
function kemPair(set: KemParameterSet, seed: Uint8Array): KemKeyPair {
  assertLength(seed, KEM_SEED_BYTES, 'seed');
  const privateKey = new Secret<'KemPrivateKey'>(seed);
  return { publicKey: publicOf(importPrivate(NATIVE_KEMS[set], 'raw-seed', privateKey)), privateKey };
}

function generateKem(set: KemParameterSet, random: RandomSource): KemKeyPair {
  if (!isSystem(random)) return kemPair(set, random(KEM_SEED_BYTES));
  const pair = nodeCrypto.generateKeyPairSync(NATIVE_KEMS[set]);
  const privateKey = new Secret<'KemPrivateKey'>(exportRaw(pair.privateKey, 'raw-seed'));
  keyObjects.set(privateKey, pair.privateKey);
  return { publicKey: exportRaw(pair.publicKey, 'raw-public'), privateKey };
}

function encapsulate(set: KemParameterSet, publicKey: Uint8Array, random: RandomSource): Encapsulation {
  if (!isSystem(random)) return nobleProvider.kemEncapsulate(set, publicKey, random);
  checkKemPublicKey(set, publicKey);
  const { ciphertext, sharedKey } = nodeCrypto.encapsulate(importPublic(NATIVE_KEMS[set], publicKey));
  return { ciphertext: plain(ciphertext), sharedSecret: new Secret<'KemSharedSecret'>(plain(sharedKey)) };
}

function decapsulate(set: KemParameterSet, privateKey: Secret<'KemPrivateKey'>, ciphertext: Uint8Array) {
  assertLength(ciphertext, KEM_LENGTHS[set].ciphertext, 'ciphertext', 'InvalidMessage');
  if (privateKey.length !== KEM_SEED_BYTES) return nobleProvider.kemDecapsulate(set, privateKey, ciphertext);
  const key = importPrivate(NATIVE_KEMS[set], 'raw-seed', privateKey);
  return new Secret<'KemSharedSecret'>(plain(nodeCrypto.decapsulate(key, ciphertext)));
}

/** The native provider. */
// @req KEY-01
export const nodeProvider: CryptoProvider = {
  name: 'node',
  sha256: (data) => hash('sha256', data),
  sha512: (data) => hash('sha512', data),
  sha3_256: (data) => hash('sha3-256', data),
  sha3_512: (data) => hash('sha3-512', data),
  shake256: (data, length) =>
    length === 0
      ? new Uint8Array(0)
      : plain(nodeCrypto.createHash('shake256', { outputLength: length }).update(data).digest()),
  hmacSha256,
  hkdfSha256,
  aes256CbcEncrypt: encryptCbc,
  aes256CbcDecrypt: decryptCbc,
  x25519Generate: generateEc,
  x25519FromPrivate: (privateKey) => ecPair(clampScalar(privateKey)),
  x25519Agree: agree,
  x25519IsPrimeOrder: isPrimeOrder,
  xeddsaSign: (privateKey, message, random) =>
    xeddsaSign((data) => hash('sha512', data), exposeKey(privateKey), message, random(XEDDSA_RANDOM_BYTES)),
  xeddsaVerify: (publicKey, message, signature) => verify(checkXeddsa(publicKey, signature), message),
  ed25519Generate: generateAuth,
  ed25519Sign: signAuth,
  ed25519Verify: (publicKey, message, signature) => verify(checkSignature(publicKey, signature), message),
  kemLengths: (set) => KEM_LENGTHS[set],
  kemGenerate: generateKem,
  kemFromSeed: (set, seed) => kemPair(set, seed.slice()),
  kemExpand: (set, privateKey) => nobleProvider.kemExpand(set, privateKey),
  kemCheckPublicKey: checkKemPublicKey,
  kemEncapsulate: encapsulate,
  kemDecapsulate: decapsulate,
};
