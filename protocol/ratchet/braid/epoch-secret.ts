/**
 * The secret of an epoch, from its KEM secret.
 *
 * @spec 08-braid §5
 * Owns: KDF_OK. Must not know: who encapsulated. Wipes the KEM secret.
 */
import { be64, concat, EMPTY, utf8 } from '../../bytes/bytes.ts';
import { Secret } from '../../bytes/secret.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { SCKA_KEY_LABEL } from '../../labels.ts';

/** HKDF(KEM secret, no salt, label ‖ epoch, 32) (BRD-10). */
export function epochSecretFrom(
  provider: CryptoProvider,
  sharedSecret: Secret<'KemSharedSecret'>,
  epoch: number,
): Secret<'EpochSecret'> {
  // @req BRD-10
  const info = concat(utf8(SCKA_KEY_LABEL), be64(epoch));
  const secret = new Secret<'EpochSecret'>(provider.hkdfSha256(sharedSecret.expose(), EMPTY, info, 32));
  sharedSecret.wipe();
  return secret;
}
