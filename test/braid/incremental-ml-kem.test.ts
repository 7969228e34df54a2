/**
 * ML-KEM-768 in halves against whole ML-KEM-768 of two other implementations.
 *
 * @spec 08-braid §3
 */
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { describe, expect, test } from 'vitest';
import { concat, equalBytes } from '../../protocol/bytes/bytes.ts';
import { checkKeyVector, encapsulate1, encapsulate2, splitKey } from '../../protocol/crypto/incremental-ml-kem.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import { flip } from '../support/forge.ts';
import { PROVIDERS } from '../support/peers.ts';
import { refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { scriptedRandom, seededRandom } from '../support/seeded-random.ts';

test('[BRD-05] random keys and coins: noble gives the same ciphertext and secret, OpenSSL the same secret back', () => {
  const cases = scaled(500, 10_000);
  const random = seededRandom('incremental');
  for (let i = 0; i < cases; i++) {
    const pair = nodeProvider.kemGenerate('ML-KEM-768', random);
    const m = random(32);
    const { header, vector } = splitKey(nodeProvider, pair.publicKey);
    const begun = encapsulate1(nodeProvider, header, scriptedRandom([m]));
    const ciphertext = concat(begun.ct1, encapsulate2(nodeProvider, header, vector, begun.coins, begun.ct1));
    const whole = ml_kem768.encapsulate(pair.publicKey, m);
    const back = nodeProvider.kemDecapsulate('ML-KEM-768', pair.privateKey, ciphertext);
    const same =
      equalBytes(ciphertext, whole.cipherText) && equalBytes(begun.sharedSecret.expose(), whole.sharedSecret);
    if (!same || !equalBytes(back.expose(), whole.sharedSecret)) throw new Error(`case ${i} differs`);
  }
  reportCount('BRD-05', 'incremental encapsulations equal to whole ones', cases);
});

describe.each(PROVIDERS)('$name provider', (provider) => {
  const pair = provider.kemGenerate('ML-KEM-768', seededRandom('key'));
  const { header, vector } = splitKey(provider, pair.publicKey);

  test('[BRD-06] [RAT-07] a vector that is not the header’s is refused, whichever bit differs', () => {
    checkKeyVector(provider, header, vector);
    const expected = { code: 'InvalidMessage', reason: 'pq-ek-mismatch', field: 'pqRatchet' };
    for (let at = 0; at < vector.length; at += 7) {
      expect(refusal(() => checkKeyVector(provider, header, flip(vector, at, 1 << (at % 8))))).toMatchObject(expected);
    }
    for (let at = 0; at < header.length; at++) {
      expect(refusal(() => checkKeyVector(provider, flip(header, at, 1), vector))).toMatchObject(expected);
    }
  });

  test('[BRD-06] [RAT-07] an unreduced vector is refused although its hash is right', () => {
    for (let i = 0; i < 768; i += 31) {
      const raised = raise(vector, i);
      if (raised === null) continue;
      const ek = concat(raised, header.subarray(0, 32));
      const matching = concat(header.subarray(0, 32), provider.sha3_256(ek));
      const error = refusal(() => checkKeyVector(provider, matching, raised));
      expect(error.reason).toBe('pq-ek-mismatch');
    }
  });

  test('[RAT-08] [BRD-05] coins that do not belong to the stored ct1 are refused, not used', () => {
    const begun = encapsulate1(provider, header, systemRandom);
    const other = encapsulate1(nobleProvider, header, systemRandom);
    const act = () => encapsulate2(provider, header, vector, begun.coins, other.ct1);
    expect(refusal(act)).toMatchObject({ code: 'InvalidState', reason: 'pq-ct1-mismatch' });
  });
});

/** The vector with 3,329 added to coefficient `i`, or null where 12 bits do not hold that. */
function raise(vector: Uint8Array, i: number): Uint8Array | null {
  const out = vector.slice();
  const at = 3 * (i >> 1);
  const word = (out[at] as number) | ((out[at + 1] as number) << 8) | ((out[at + 2] as number) << 16);
  const shift = 12 * (i & 1);
  const value = ((word >> shift) & 0xfff) + 3329;
  if (value > 0xfff) return null;
  const changed = (word & ~(0xfff << shift)) | (value << shift);
  out.set([changed & 0xff, (changed >> 8) & 0xff, (changed >> 16) & 0xff], at);
  return out;
}
