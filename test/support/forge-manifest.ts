/**
 * Manifests that their account signed and no honest primary would.
 *
 * @spec 04-messages §6
 * Owns: a good signature over whatever a manifest can say. Must not know: who refuses it.
 */
import { concat, utf8 } from '../../protocol/bytes/bytes.ts';
import type { Secret } from '../../protocol/bytes/secret.ts';
import type { DeviceManifest, SignedManifest } from '../../protocol/codec/manifest.ts';
import { encodeManifest } from '../../protocol/codec/manifest.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import { MANIFEST_LABEL } from '../../protocol/labels.ts';
import { SMALL_ORDER_U, torsioned } from './points.ts';

/** Signs without looking at the keys. */
export function forgeManifest(accountKey: Secret<'EcPrivateKey'>, manifest: DeviceManifest): SignedManifest {
  const bytes = encodeManifest(manifest);
  const input = concat(utf8(MANIFEST_LABEL), bytes);
  return { manifest, bytes, signature: nodeProvider.xeddsaSign(accountKey, input, systemRandom) };
}

/** Canonical keys outside the prime-order subgroup: of small order, and an honest one with torsion. */
export function keysOutsideSubgroup(): Uint8Array[] {
  const honest = nodeProvider.x25519Generate(systemRandom).publicKey;
  return [...SMALL_ORDER_U.slice(0, 5), torsioned(honest)];
}
