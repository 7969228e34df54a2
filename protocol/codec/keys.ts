/**
 * Wire form of keys: a type byte in front of the raw key.
 *
 * @spec 04-messages §2
 * Owns: type bytes and lengths of public keys and KEM ciphertexts.
 * Must not know: private keys, which KEM a session may use.
 */
import { concat, copyInput } from '../bytes/bytes.ts';
import type { Kem } from '../crypto/kem.ts';
import { assertCanonicalPublicKey } from '../crypto/keys.ts';
import type { KemParameterSet } from '../crypto/provider.ts';
import { EC_KEY_BYTES } from '../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';

/** Type byte of X25519 public keys. */
const EC_KEY_TYPE = 0x05;
/** Length of an EC public key in wire form, in bytes. */
const EC_WIRE_KEY_BYTES = 1 + EC_KEY_BYTES;

/** FIPS 203 table 3, in bytes. */
const KEM_BYTES: Readonly<Record<KemParameterSet, { readonly publicKey: number; readonly ciphertext: number }>> = {
  'ML-KEM-512': { publicKey: 800, ciphertext: 768 },
  'ML-KEM-768': { publicKey: 1184, ciphertext: 1088 },
  'ML-KEM-1024': { publicKey: 1568, ciphertext: 1568 },
};

/** `05` ‖ u: 33 bytes from 32 raw ones. */
export function encodePublicKey(publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== EC_KEY_BYTES) throw new TypeError('a raw EC public key has 32 bytes');
  const wire = new Uint8Array(EC_WIRE_KEY_BYTES);
  wire[0] = EC_KEY_TYPE;
  wire.set(publicKey, 1);
  return wire;
}

/**
 * The raw 32 bytes of an EC public key in wire form, as a copy.
 * @throws {ProtocolError} `InvalidKey`: `bad-length` unless 33 bytes, `bad-key-type` unless the first is `05`,
 * `non-canonical-public-key` where bit 255 is set or u ≥ 2^255 − 19.
 */
export function decodePublicKey(wire: Uint8Array, field: string): Uint8Array {
  const copy = copyInput(wire, field);
  // @req MSG-06
  if (copy.length !== EC_WIRE_KEY_BYTES) throw new ProtocolError('InvalidKey', 'parse', 'bad-length', field);
  if (copy[0] !== EC_KEY_TYPE) throw new ProtocolError('InvalidKey', 'parse', 'bad-key-type', field);
  const publicKey = copy.subarray(1);
  // @req MSG-06
  assertCanonicalPublicKey(publicKey, field);
  return publicKey;
}

function typeByte(kem: Kem): number {
  if (kem.typeByte === null) throw new TypeError(`${kem.name} has no wire form`);
  return kem.typeByte;
}

/** Type byte ‖ raw: wire form of a KEM public key, and of a KEM ciphertext. */
export function encodeKemKey(kem: Kem, raw: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(typeByte(kem)), raw);
}

/** The type byte of a KEM key or ciphertext in wire form. @throws {ProtocolError} `InvalidKey`/`bad-length` where empty. */
export function kemTypeByteOf(wire: Uint8Array, field = 'kemPreKey'): number {
  const type = wire[0];
  if (type === undefined) throw new ProtocolError('InvalidKey', 'parse', 'bad-length', field);
  return type;
}

/**
 * The raw bytes of a KEM public key in wire form, as a copy; its coefficients are the provider's to check.
 * @throws {ProtocolError} `InvalidKey`: `bad-key-type` unless the type byte is this KEM's own, `bad-length`.
 */
export function decodeKemPublicKey(kem: Kem, wire: Uint8Array, field: string): Uint8Array {
  const copy = copyInput(wire, field);
  // @req MSG-07
  if (kemTypeByteOf(copy, field) !== typeByte(kem))
    throw new ProtocolError('InvalidKey', 'parse', 'bad-key-type', field);
  if (copy.length !== 1 + KEM_BYTES[kem.parameterSet].publicKey) {
    throw new ProtocolError('InvalidKey', 'parse', 'bad-length', field);
  }
  return copy.subarray(1);
}

/**
 * The raw bytes of a KEM ciphertext in wire form, as a copy.
 * @throws {ProtocolError} `InvalidKey`/`bad-key-type` unless the type byte is this KEM's own; `InvalidMessage`/`bad-length`.
 */
export function decodeKemCiphertext(kem: Kem, wire: Uint8Array, field: string): Uint8Array {
  const copy = copyInput(wire, field);
  // @req MSG-07
  if (copy.length !== 1 + KEM_BYTES[kem.parameterSet].ciphertext) {
    throw new ProtocolError('InvalidMessage', 'parse', 'bad-length', field);
  }
  if (copy[0] !== typeByte(kem)) throw new ProtocolError('InvalidKey', 'parse', 'bad-key-type', field);
  return copy.subarray(1);
}
