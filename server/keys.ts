/**
 * Checking prekeys before they are stored.
 *
 * @spec 06-relay §6
 * Owns: encodings and signatures of uploaded keys, ids that stand twice.
 * Must not know: suites: any KEM that has a type byte is welcome. Where the keys go.
 */
import { decodeKemPublicKey, decodePublicKey, kemTypeByteOf } from '../protocol/codec/keys.ts';
import { kemByTypeByte } from '../protocol/crypto/kem.ts';
import { assertPrimeOrderPublicKey } from '../protocol/crypto/keys.ts';
import type { CryptoProvider } from '../protocol/crypto/provider.ts';
import { RelayRefusal } from './refusal.ts';
import type { StoredKey, StoredKeys, StoredSignedKey } from './store/interface.ts';

function refused(reason: string, field: string): RelayRefusal {
  return new RelayRefusal(422, 'InvalidArgument', reason, field);
}

function checkSignature(provider: CryptoProvider, identity: Uint8Array, key: StoredSignedKey, field: string): void {
  // @req RLY-15
  if (!provider.xeddsaVerify(identity, key.publicKey, key.signature))
    throw new RelayRefusal(422, 'InvalidSignature', 'prekey-signature', field);
}

/** A key outside the subgroup would make every sender refuse the bundle: nobody could write to the account. */
function checkEcKey(provider: CryptoProvider, wire: Uint8Array, field: string): void {
  // @req RLY-15
  assertPrimeOrderPublicKey(provider, decodePublicKey(wire, field), field);
}

function checkKemKey(provider: CryptoProvider, identity: Uint8Array, key: StoredSignedKey, field: string): void {
  const kem = kemByTypeByte(kemTypeByteOf(key.publicKey, field));
  // @req RLY-15
  if (kem === null) throw new RelayRefusal(422, 'InvalidKey', 'unknown-key-type', field);
  kem.checkPublicKey(provider, decodeKemPublicKey(kem, key.publicKey, field));
  checkSignature(provider, identity, key, field);
}

function checkIds(keys: readonly StoredKey[], field: string): void {
  // @req RLY-15
  if (new Set(keys.map((key) => key.id)).size !== keys.length) throw refused('duplicate-key-id', field);
}

/**
 * Checks every key of an upload; the signatures are the device's own, over the key in wire form.
 * @param identity the identity key that the manifest names for the device, raw, 32 bytes
 * @throws {RelayRefusal | ProtocolError} 422: `InvalidKey` (encoding, `unknown-key-type`), `prekey-signature`, `duplicate-key-id`.
 */
export function checkKeys(provider: CryptoProvider, identity: Uint8Array, keys: StoredKeys): StoredKeys {
  checkIds(keys.oneTime, 'oneTime');
  checkIds(keys.oneTimeKem, 'oneTimeKem');
  if (keys.signedPreKey !== null) {
    // @req RLY-15
    checkEcKey(provider, keys.signedPreKey.publicKey, 'signedPreKey');
    checkSignature(provider, identity, keys.signedPreKey, 'signedPreKey');
  }
  for (const key of keys.oneTime) checkEcKey(provider, key.publicKey, 'oneTime');
  if (keys.lastResortKem !== null) checkKemKey(provider, identity, keys.lastResortKem, 'lastResortKem');
  for (const key of keys.oneTimeKem) checkKemKey(provider, identity, key, 'oneTimeKem');
  return keys;
}

/** The keys of a new account: with a signed prekey, or nobody could write to it. @throws {RelayRefusal} 422 `incomplete-keys`. */
export function checkRegistrationKeys(keys: StoredKeys): StoredKeys {
  // @req RLY-06
  if (keys.signedPreKey === null) throw refused('incomplete-keys', 'signedPreKey');
  return keys;
}
