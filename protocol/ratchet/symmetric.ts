/**
 * The symmetric-key ratchet: chain keys, message seeds, message keys.
 *
 * @spec 03-ratchet §2
 * Owns: the three KDFs of a chain. Must not know: Diffie-Hellman, skipped messages, message formats.
 * Spent chain keys and seeds are the caller's to wipe.
 */
import { utf8 } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { MESSAGE_KEYS_LABEL } from '../labels.ts';

/** Length of root keys, chain keys and message seeds, in bytes. */
export const RATCHET_KEY_BYTES = 32;

const SEED_CONSTANT = Uint8Array.of(0x01);
const CHAIN_CONSTANT = Uint8Array.of(0x02);
const CIPHER_KEY_BYTES = 32;
const MAC_KEY_BYTES = 32;
const IV_BYTES = 16;
const MESSAGE_KEYS_INFO = utf8(MESSAGE_KEYS_LABEL);

/** A chain at a message index. */
export interface ChainKey {
  readonly index: number;
  readonly key: Secret<'ChainKey'>;
}

/** The keys of one message: AES-256 key 32 bytes, HMAC key 32 bytes, CBC IV 16 bytes. */
export interface MessageKeys {
  readonly cipherKey: Secret<'CipherKey'>;
  readonly macKey: Secret<'MacKey'>;
  readonly iv: Secret<'Iv'>;
}

/** CK' = HMAC(CK, 02): the key of the next index, raw (DRT-02). */
export function nextChainKey(provider: CryptoProvider, chainKey: Uint8Array): Uint8Array {
  // @req DRT-02
  return provider.hmacSha256(chainKey, CHAIN_CONSTANT);
}

/** S = HMAC(CK, 01): the seed of the message at this index, raw (DRT-03). */
export function messageSeed(provider: CryptoProvider, chainKey: Uint8Array): Uint8Array {
  // @req DRT-03
  return provider.hmacSha256(chainKey, SEED_CONSTANT);
}

/**
 * Expands a seed. `salt` is the post-quantum ratchet's message key (32 bytes), or empty where there is none: this is the
 * place where the two ratchets of a Triple Ratchet meet (DRT-04).
 */
export function messageKeys(provider: CryptoProvider, seed: Uint8Array, salt: Uint8Array): MessageKeys {
  // @req DRT-04
  const okm = provider.hkdfSha256(seed, salt, MESSAGE_KEYS_INFO, CIPHER_KEY_BYTES + MAC_KEY_BYTES + IV_BYTES);
  const keys: MessageKeys = {
    cipherKey: new Secret<'CipherKey'>(okm.slice(0, CIPHER_KEY_BYTES)),
    macKey: new Secret<'MacKey'>(okm.slice(CIPHER_KEY_BYTES, CIPHER_KEY_BYTES + MAC_KEY_BYTES)),
    iv: new Secret<'Iv'>(okm.slice(CIPHER_KEY_BYTES + MAC_KEY_BYTES)),
  };
  okm.fill(0);
  return keys;
}
