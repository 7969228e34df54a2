/**
 * Keys as requests carry them.
 *
 * @spec 11-driver §2
 * Owns: the lengths of private keys, the public half of a KEM private key in either form.
 * Must not know: operations. Public keys are the codec's.
 */
import { Secret } from '../../protocol/bytes/secret.ts';
import { decodePublicKey } from '../../protocol/codec/keys.ts';
import type { Kem } from '../../protocol/crypto/kem.ts';
import { assertPrimeOrderPublicKey } from '../../protocol/crypto/keys.ts';
import type { CryptoProvider, EcKeyPair, KemKeyPair, RandomSource } from '../../protocol/crypto/provider.ts';
import { EC_KEY_BYTES, KEM_SEED_BYTES } from '../../protocol/crypto/provider.ts';
import { ProtocolError } from '../../protocol/errors.ts';

/** H(ek) and z stand behind the encapsulation key in an expanded decapsulation key (FIPS 203 §7.1). */
const BEHIND_PUBLIC_KEY_BYTES = 64;

function badKey(reason: string, field: string): ProtocolError {
  return new ProtocolError('InvalidKey', 'parse', reason, field);
}

/** The pair of a raw private key. @throws {ProtocolError} `InvalidKey`/`bad-length` unless it has 32 bytes. */
export function privateKeyPair(provider: CryptoProvider, privateKey: Uint8Array, field: string): EcKeyPair {
  if (privateKey.length !== EC_KEY_BYTES) throw badKey('bad-length', field);
  return provider.x25519FromPrivate(privateKey);
}

/** A raw public key out of its wire form, checked as a session checks it. @throws {ProtocolError} `InvalidKey`. */
export function checkedPublicKey(provider: CryptoProvider, wire: Uint8Array, field: string): Uint8Array {
  const key = decodePublicKey(wire, field);
  assertPrimeOrderPublicKey(provider, key, field);
  return key;
}

/**
 * The pair of a raw KEM private key: a 64-byte seed d ‖ z, or an expanded decapsulation key, which holds its public key.
 * @throws {ProtocolError} `InvalidKey`/`bad-length`.
 */
export function kemKeyPair(provider: CryptoProvider, kem: Kem, privateKey: Uint8Array, field: string): KemKeyPair {
  if (privateKey.length === KEM_SEED_BYTES) return kem.fromSeed(provider, privateKey);
  const lengths = kem.lengths(provider);
  if (privateKey.length !== lengths.expandedKey) throw badKey('bad-length', field);
  const end = lengths.expandedKey - BEHIND_PUBLIC_KEY_BYTES;
  return {
    publicKey: privateKey.slice(end - lengths.publicKey, end),
    privateKey: new Secret<'KemPrivateKey'>(privateKey.slice()),
  };
}

/** A raw KEM private key out of its wire form. @throws {ProtocolError} `InvalidKey`/`bad-key-type` for another KEM's. */
export function kemPrivateOfWire(kem: Kem, wire: Uint8Array, field: string): Uint8Array {
  if (wire.length === 0) throw badKey('bad-length', field);
  if (wire[0] !== kem.typeByte) throw badKey('bad-key-type', field);
  return wire.slice(1);
}

/** A source for one draw that the caller chose; its length was checked with the arguments. */
export function chosenRandom(chosen: Uint8Array): RandomSource {
  // @req DRV-17
  return (length) => {
    if (length !== chosen.length) throw new TypeError('another number of random bytes was drawn');
    return chosen.slice();
  };
}
