/**
 * Alternate identity: one identity key says of another that both are the same user's.
 *
 * @spec 04-messages §9
 * Owns: what is signed. Must not know: which accounts the two keys belong to, who trusts either.
 */
import { concat, copyInput, utf8 } from '../bytes/bytes.ts';
import type { Secret } from '../bytes/secret.ts';
import { assertCanonicalPublicKey } from '../crypto/keys.ts';
import type { CryptoProvider, RandomSource } from '../crypto/provider.ts';
import { checkedRandom } from '../crypto/random.ts';
import { ProtocolError } from '../errors.ts';
import { ALTERNATE_IDENTITY_LABEL } from '../labels.ts';
import { encodePublicKey } from './keys.ts';

/** In front of the label: whatever else is signed begins with a type byte, a version or a label. */
const PREFIX = concat(new Uint8Array(32).fill(0xff), utf8(ALTERNATE_IDENTITY_LABEL));

/** FF × 32 ‖ "Signal_PNI_Signature" ‖ ser(other): 85 bytes. */
function statement(other: Uint8Array): Uint8Array {
  const key = copyInput(other, 'alternateIdentity');
  assertCanonicalPublicKey(key, 'alternateIdentity');
  // @req MSG-31
  return concat(PREFIX, encodePublicKey(key));
}

/**
 * Signs with one identity that `other` (raw, 32 bytes) is the same user's; 64 bytes. It holds one way only: the other identity
 * has to sign for itself.
 * @throws {ProtocolError} `InvalidKey` for another key that is none; `InvalidState`/`randomness-failed`.
 */
export function signAlternateIdentity(
  provider: CryptoProvider,
  identity: Secret<'EcPrivateKey'>,
  other: Uint8Array,
  random: RandomSource,
): Uint8Array {
  return provider.xeddsaSign(identity, statement(other), checkedRandom(random));
}

/**
 * Verifies what `identity` (raw, 32 bytes) signed of `other`.
 * @throws {ProtocolError} `InvalidSignature`/`alternate-identity-signature`; `InvalidKey` for another key that is none.
 */
export function verifyAlternateIdentity(
  provider: CryptoProvider,
  identity: Uint8Array,
  other: Uint8Array,
  signature: Uint8Array,
): void {
  const signed = statement(other);
  // @req MSG-32
  if (!provider.xeddsaVerify(identity, signed, copyInput(signature, 'signature')))
    throw new ProtocolError('InvalidSignature', 'verify', 'alternate-identity-signature', 'signature');
}
