/**
 * Making prekeys.
 *
 * @spec 02-handshake §2
 * Owns: generation and signing of the three kinds of prekey.
 * Must not know: when keys rotate or where they are kept (07-devices). The caller owns and erases the private keys.
 */
import { encodeKemKey, encodePublicKey } from '../codec/keys.ts';
import type { KemName } from '../crypto/kem.ts';
import { getKem } from '../crypto/kem.ts';
import type { CryptoProvider, EcKeyPair, KemKeyPair, RandomSource } from '../crypto/provider.ts';
import { checkedRandom } from '../crypto/random.ts';

/** A one-time EC prekey: unsigned, used once. */
export interface PreKey {
  readonly id: number;
  readonly keyPair: EcKeyPair;
}

/** A signed EC prekey; the 64-byte XEdDSA signature covers the 33-byte wire form. */
export interface SignedPreKey extends PreKey {
  readonly signature: Uint8Array;
}

/** A KEM prekey, one-time or last-resort; the signature covers the wire form, type byte included. */
export interface KemPreKey {
  readonly id: number;
  readonly kem: KemName;
  readonly keyPair: KemKeyPair;
  readonly signature: Uint8Array;
}

/** A one-time EC prekey under an id of 32 bits. */
export function createPreKey(provider: CryptoProvider, random: RandomSource, id: number): PreKey {
  return { id, keyPair: provider.x25519Generate(checkedRandom(random)) };
}

/** A signed EC prekey of the given identity. */
export function createSignedPreKey(
  provider: CryptoProvider,
  random: RandomSource,
  identity: EcKeyPair,
  id: number,
): SignedPreKey {
  const checked = checkedRandom(random);
  const keyPair = provider.x25519Generate(checked);
  const signature = provider.xeddsaSign(identity.privateKey, encodePublicKey(keyPair.publicKey), checked);
  return { id, keyPair, signature };
}

/** A signed KEM prekey of the given identity. */
export function createKemPreKey(
  provider: CryptoProvider,
  random: RandomSource,
  identity: EcKeyPair,
  id: number,
  kem: KemName,
): KemPreKey {
  const checked = checkedRandom(random);
  const keyPair = getKem(kem).generate(provider, checked);
  const signature = provider.xeddsaSign(identity.privateKey, encodeKemKey(getKem(kem), keyPair.publicKey), checked);
  return { id, kem, keyPair, signature };
}
