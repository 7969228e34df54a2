/**
 * ML-KEM-768 as the post-quantum ratchet encapsulates, under given coins.
 *
 * @spec 14-vectors §1, 08-braid §3
 * Owns: the order of the two halves. Must not know: what they are compared with.
 */
import { checkKeyVector, encapsulate1, encapsulate2, splitKey } from '../../protocol/crypto/incremental-ml-kem.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { scriptedRandom } from '../../test/support/seeded-random.ts';

/** The first half and the secret, from a key's header; the second half, which needs all of the key, when it is asked for. */
export function encapsulateInHalves(provider: CryptoProvider, ek: Uint8Array, m: Uint8Array) {
  const { header, vector } = splitKey(provider, ek);
  const { ct1, sharedSecret, coins } = encapsulate1(provider, header, scriptedRandom([m]));
  const second = () => {
    checkKeyVector(provider, header, vector);
    return encapsulate2(provider, header, vector, coins, ct1);
  };
  return { c1: ct1, c2: second, K: sharedSecret };
}
