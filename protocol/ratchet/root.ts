/**
 * The root step: where the root key is derived.
 *
 * @spec 03-ratchet §1
 * Owns: KDF_RK. Must not know: whose turn it is, chains beyond their first key.
 * The old root key is the caller's to wipe; the agreement is wiped here.
 */
import { utf8 } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { ROOT_LABEL } from '../labels.ts';
import type { ChainKey } from './symmetric.ts';
import { RATCHET_KEY_BYTES } from './symmetric.ts';

const ROOT_INFO = utf8(ROOT_LABEL);

/** A root key and the chain that the same step began, at index 0. */
export interface RootStep {
  readonly rootKey: Secret<'RootKey'>;
  readonly chain: ChainKey;
}

/** (RK', CK) = HKDF(DH, salt = RK, "WhisperRatchet", 64) (DRT-01). Wipes `agreement`. */
export function rootStep(
  provider: CryptoProvider,
  rootKey: Secret<'RootKey'>,
  agreement: Secret<'Agreement'>,
): RootStep {
  // @req DRT-01
  const okm = provider.hkdfSha256(agreement.expose(), rootKey.expose(), ROOT_INFO, 2 * RATCHET_KEY_BYTES);
  agreement.wipe();
  const step: RootStep = {
    rootKey: new Secret<'RootKey'>(okm.slice(0, RATCHET_KEY_BYTES)),
    chain: { index: 0, key: new Secret<'ChainKey'>(okm.slice(RATCHET_KEY_BYTES)) },
  };
  okm.fill(0);
  return step;
}
