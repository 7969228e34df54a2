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
import { concat, EMPTY, toHex } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import { ProtocolError } from '../errors.ts';
import { checkKemPublicKey, clampScalar, KEM_LENGTHS, nobleProvider, SUBGROUP_SCALAR } from './noble.ts';
import type {
  AuthKeyPair,
  CryptoProvider,
  EcKeyPair,
  Encapsulation,
  KemKeyPair,
  KemParameterSet,
  RandomSource,
} from './provider.ts';
import { EC_KEY_BYTES, KEM_SEED_BYTES, SIGNATURE_BYTES } from './provider.ts';
import { rootSource } from './random.ts';
import { checkSignature, SMALL_ORDER_ENCODINGS, XEDDSA_RANDOM_BYTES, xeddsaSign } from './xeddsa.ts';

const POOL_BYTES = 4096;
const HASH_BYTES = 32;
/** OpenSSL's HKDF takes no more info than this. */
const NATIVE_INFO_BYTES = 1024;
const MAX_HKDF_BYTES = 255 * HASH_BYTES;
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

function isSystem(random: RandomSource): boolean {
  return rootSource(random) === systemRandom;
}

const keyObjects = new WeakMap<Secret, nodeCrypto.KeyObject>();

function importPrivate(type: KeyType, format: 'raw-private' | 'raw-seed', secret: Secret): nodeCrypto.KeyObject {
  const known = keyObjects.get(secret);
  const bytes = secret.expose();
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

/** A key object for symmetric work: raw bytes take a slow path in some Node releases. */
function secretKey(key: Uint8Array): nodeCrypto.KeyObject {
  return nodeCrypto.createSecretKey(key.length === 0 ? new Uint8Array(HASH_BYTES) : key);
}

function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  return plain(nodeCrypto.createHmac('sha256', secretKey(key)).update(data).digest());
}

function hkdfSha256(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (length > MAX_HKDF_BYTES) throw new TypeError('HKDF-SHA256 gives at most 8160 bytes');
  if (info.length <= NATIVE_INFO_BYTES && ikm.length > 0 && length > 0) {
    return plain(nodeCrypto.hkdfSync('sha256', nodeCrypto.createSecretKey(ikm), salt, info, length));
  }
  const key = hmacSha256(salt, ikm);
  const blocks: Uint8Array[] = [];
  let last: Uint8Array = EMPTY;
  for (let i = 1; (i - 1) * HASH_BYTES < length; i++) {
    last = hmacSha256(key, concat(last, info, Uint8Array.of(i)));
    blocks.push(last);
  }
  key.fill(0);
  return concat(...blocks).slice(0, length);
}

function aesCbc(cipher: nodeCrypto.Cipheriv | nodeCrypto.Decipheriv, data: Uint8Array): Uint8Array {
  return plain(Buffer.concat([cipher.update(data), cipher.final()]));
}

function decryptCbc(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const decipher = nodeCrypto.createDecipheriv('aes-256-cbc', secretKey(key), iv);
  try {
    return aesCbc(decipher, ciphertext);
  } catch {
    throw new ProtocolError('InvalidMessage', 'decrypt', 'bad-ciphertext', 'ciphertext');
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
  if (publicKey.length !== EC_KEY_BYTES) throw new ProtocolError('InvalidKey', 'parse', 'bad-length', 'publicKey');
  // OpenSSL reports an all-zero result as a failed derivation, and nothing else fails on 32 bytes.
  const shared = diffieHellman(importPrivate('x25519', 'raw-private', privateKey), publicKey);
  if (shared === null) throw new ProtocolError('InvalidKey', 'agree', 'zero-shared-secret', 'publicKey');
  return new Secret<'Agreement'>(shared);
}

const subgroupScalar = new Secret<'EcPrivateKey'>(SUBGROUP_SCALAR);

function isPrimeOrder(publicKey: Uint8Array): boolean {
  if (publicKey.length !== EC_KEY_BYTES) return false;
  const image = diffieHellman(importPrivate('x25519', 'raw-private', subgroupScalar), publicKey);
  return image !== null && toHex(image) === toHex(publicKey);
}

function verifyNative(edwardsKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return nodeCrypto.verify(null, message, importPublic('ed25519', edwardsKey), signature);
  } catch {
    return false;
  }
}

/** OpenSSL verifies without cofactor and compares R byte for byte; small orders are refused here. */
function verifyXeddsa(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const checked = checkSignature(publicKey, signature);
  if (checked === null || SMALL_ORDER_ENCODINGS.has(toHex(checked.A)) || SMALL_ORDER_ENCODINGS.has(toHex(checked.R))) {
    return false;
  }
  return verifyNative(checked.A, message, concat(checked.R, checked.s));
}

function generateAuth(random: RandomSource): AuthKeyPair {
  const privateKey = new Secret<'AuthPrivateKey'>(random(EC_KEY_BYTES));
  return { publicKey: publicOf(importPrivate('ed25519', 'raw-private', privateKey)), privateKey };
}

function kemFromSeed(set: KemParameterSet, seed: Uint8Array): KemKeyPair {
  if (seed.length !== KEM_SEED_BYTES) throw new ProtocolError('InvalidKey', 'parse', 'bad-length', 'seed');
  const privateKey = new Secret<'KemPrivateKey'>(seed.slice());
  return { publicKey: publicOf(importPrivate(NATIVE_KEMS[set], 'raw-seed', privateKey)), privateKey };
}

function generateKem(set: KemParameterSet, random: RandomSource): KemKeyPair {
  if (!isSystem(random)) {
    const seed = random(KEM_SEED_BYTES);
    const pair = kemFromSeed(set, seed);
    seed.fill(0);
    return pair;
  }
  const pair = nodeCrypto.generateKeyPairSync(NATIVE_KEMS[set]);
  const privateKey = new Secret<'KemPrivateKey'>(exportRaw(pair.privateKey, 'raw-seed'));
  keyObjects.set(privateKey, pair.privateKey);
  return { publicKey: exportRaw(pair.publicKey, 'raw-public'), privateKey };
}

/** Native encapsulation takes no coins: with a source of the caller's, the portable provider does it. */
function encapsulate(set: KemParameterSet, publicKey: Uint8Array, random: RandomSource): Encapsulation {
  if (!isSystem(random)) return nobleProvider.kemEncapsulate(set, publicKey, random);
  checkKemPublicKey(set, publicKey);
  const { ciphertext, sharedKey } = nodeCrypto.encapsulate(importPublic(NATIVE_KEMS[set], publicKey));
  return { ciphertext: plain(ciphertext), sharedSecret: new Secret<'KemSharedSecret'>(plain(sharedKey)) };
}

function decapsulate(set: KemParameterSet, privateKey: Secret<'KemPrivateKey'>, ciphertext: Uint8Array) {
  if (ciphertext.length !== KEM_LENGTHS[set].ciphertext) {
    throw new ProtocolError('InvalidMessage', 'parse', 'bad-length', 'ciphertext');
  }
  if (privateKey.length !== KEM_SEED_BYTES) return nobleProvider.kemDecapsulate(set, privateKey, ciphertext);
  const key = importPrivate(NATIVE_KEMS[set], 'raw-seed', privateKey);
  return new Secret<'KemSharedSecret'>(plain(nodeCrypto.decapsulate(key, ciphertext)));
}

/** The native provider. */
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
  aes256CbcEncrypt: (key, iv, plaintext) =>
    aesCbc(nodeCrypto.createCipheriv('aes-256-cbc', secretKey(key), iv), plaintext),
  aes256CbcDecrypt: decryptCbc,
  x25519Generate: generateEc,
  x25519FromPrivate: (privateKey) => ecPair(clampScalar(privateKey)),
  x25519Agree: agree,
  x25519IsPrimeOrder: isPrimeOrder,
  xeddsaSign: (privateKey, message, random) =>
    xeddsaSign((data) => hash('sha512', data), privateKey.expose(), message, random(XEDDSA_RANDOM_BYTES)),
  xeddsaVerify: verifyXeddsa,
  ed25519Generate: generateAuth,
  ed25519Sign: (privateKey, message) =>
    plain(nodeCrypto.sign(null, message, importPrivate('ed25519', 'raw-private', privateKey))),
  ed25519Verify: (publicKey, message, signature) =>
    publicKey.length === EC_KEY_BYTES &&
    signature.length === SIGNATURE_BYTES &&
    verifyNative(publicKey, message, signature),
  kemLengths: (set) => KEM_LENGTHS[set],
  kemGenerate: generateKem,
  kemFromSeed,
  kemExpand: (set, privateKey) => nobleProvider.kemExpand(set, privateKey),
  kemCheckPublicKey: checkKemPublicKey,
  kemEncapsulate: encapsulate,
  kemDecapsulate: decapsulate,
};
