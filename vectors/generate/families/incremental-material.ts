/**
 * Keys of ML-KEM-768 in two halves.
 *
 * @spec 08-braid §3
 * Owns: pairs with all that can be made of them. Must not know: tests.
 */
import { splitKey } from '../../../protocol/crypto/incremental-ml-kem.ts';
import { getKem } from '../../../protocol/crypto/kem.ts';
import { nobleProvider as provider } from '../../../protocol/crypto/noble.ts';
import { fixed, hex } from '../definition.ts';

/** Its name as a whole. */
export const KEM = 'ML-KEM-768';
const { fromSeed, encapsulate, parameterSet } = getKem(KEM);

/** A pair, and an encapsulation to it. */
export function pairOf(name: string) {
  const seed = fixed(`${name} seed`, 64);
  const { publicKey, privateKey } = fromSeed(provider, seed);
  const { header, vector } = splitKey(provider, publicKey);
  const coins = fixed(`${name} coins`);
  const { ciphertext } = encapsulate(provider, publicKey, () => coins.slice());
  return {
    seed: hex(seed),
    public: hex(publicKey),
    private: hex(provider.kemExpand(parameterSet, privateKey).expose()),
    header: hex(header),
    vector: hex(vector),
    rho: hex(header.subarray(0, 32)),
    hash: hex(header.subarray(32)),
    coins: hex(coins),
    ciphertext1: hex(ciphertext.subarray(0, 960)),
    ciphertext2: hex(ciphertext.subarray(960)),
  };
}

/** The pair of most tests. */
export const alice = pairOf('incremental');
/** Another one. */
export const other = pairOf('another incremental');
