/**
 * Kyber-1024 round 3 over ML-KEM-1024.
 *
 * @spec 01-keys §6
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../protocol/bytes/bytes.ts';
import type { Secret } from '../../protocol/bytes/secret.ts';
import { getKem, kemByTypeByte } from '../../protocol/crypto/kem.ts';
import { systemRandom } from '../../protocol/crypto/node.ts';
import { checkedRandom } from '../../protocol/crypto/random.ts';
import { countingProvider } from '../support/counting-provider.ts';
import { externalOutcome, HAVE_VECTORS } from '../support/external-vectors.ts';
import { flip } from '../support/forge.ts';
import { KYBER, Peer, PQXDH, PROVIDERS } from '../support/peers.ts';
import { expectRefused, refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { scriptedRandom } from '../support/seeded-random.ts';

const seq = (first: number, length = 32) => Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const hex = (secret: Secret) => toHex(secret.expose());

describe.each(PROVIDERS)('$name provider', (provider) => {
  const kyber = getKem('Kyber-1024-r3');
  const mlKem = getKem('ML-KEM-1024');

  test('[KEY-21] [PRIM-10] known answers of both, from one key pair and one m', () => {
    const pair = provider.kemFromSeed('ML-KEM-1024', seq(0, 64));
    expect(sha256(pair.publicKey)).toBe('c7b8fa0aa471d5ae18922d6ccad5b31e1d84f92ae723abfd13747018740a8530');
    const expanded = provider.kemExpand('ML-KEM-1024', pair.privateKey);
    expect(sha256(expanded.expose())).toBe('3a2a676c5a242ee683cb6097c8f3e64fbef4d90267f9250ec2beab8f99621fad');
    const hashed = provider.sha3_256(seq(0xc8));
    expect(toHex(hashed)).toBe('02d03165f845e359c23fdf717e0b74a1f8dc103199e4b93da1e006f2a880b968');
    const r3 = kyber.encapsulate(provider, pair.publicKey, scriptedRandom([seq(0xc8)]));
    expect(sha256(r3.ciphertext)).toBe('29c4e2cfb464bbb9fa4ad9aad4eae290a71fbe984c51dd9b4592860f834fe57c');
    expect(hex(r3.sharedSecret)).toBe('73070e5f1ccf26052ad040e3d8cf2e0c64c8c1b2b6ebc79dc54e267657d44b0f');
    const plain = mlKem.encapsulate(provider, pair.publicKey, scriptedRandom([hashed]));
    expect(plain.ciphertext).toEqual(r3.ciphertext);
    expect(hex(plain.sharedSecret)).toBe('3b33d1ab6b2e500adf230a7b909bf62bd51f21b3e0c76cddc7a871c3da36b48f');
    const damaged = flip(r3.ciphertext, 0, 1);
    for (const key of [pair.privateKey, expanded]) {
      expect(hex(kyber.decapsulate(provider, key, r3.ciphertext))).toBe(hex(r3.sharedSecret));
      expect(hex(mlKem.decapsulate(provider, key, r3.ciphertext))).toBe(hex(plain.sharedSecret));
      const rejected = '5ce8bc81d28deb0f98bffce34e6a6419ada125a1b349c8232a1601348e9d2b96';
      expect(hex(kyber.decapsulate(provider, key, damaged))).toBe(rejected);
      const inner = '3979810c74eced807101d3db2e8004b163872c7e18b76ff84f38e99602332dfd';
      expect(hex(mlKem.decapsulate(provider, key, damaged))).toBe(inner);
    }
  });

  test('[KEY-22] the first published key pair, and no other length of seed', () => {
    const seed =
      '7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2d8626ed79d451140800e03b59b956f8210e556067407d13dc90fa9e8b872bfb8f';
    const { publicKey, privateKey } = kyber.fromSeed(provider, fromHex(seed));
    const hashes = [publicKey, privateKey.expose()].map((key) => toHex(provider.sha3_256(key)));
    expect(hashes).toEqual([
      '8a39e87d531f3527c207edcc1db7faddcf9628391879b335c707839a0db051a8',
      'ed1f6cb687c37931ea2aa80d9c956f277a9df532649661035c6e2f9872132638',
    ]);
    expect(publicKey).not.toEqual(mlKem.fromSeed(provider, fromHex(seed)).publicKey);
    const { ciphertext, sharedSecret } = mlKem.encapsulate(provider, publicKey, systemRandom);
    expect(hex(mlKem.decapsulate(provider, privateKey, ciphertext))).toBe(hex(sharedSecret));
    for (const length of [0, 32, 63, 65]) {
      const expected = { code: 'InvalidKey', reason: 'bad-length' };
      expect(refusal(() => kyber.fromSeed(provider, new Uint8Array(length)))).toMatchObject(expected);
    }
  });

  test.skipIf(!HAVE_VECTORS)('[KEY-21] [KEY-22] published round 3 answers', () => {
    const outcome = externalOutcome('kyber-r3/nistkats_kyber_1024.json', provider);
    if (outcome === null) return;
    reportCount('KEY-21', 'published Kyber-1024 round 3 answers', outcome.verdicts.length);
  });

  test('[KEY-19] [KEY-21] it has a type byte of its own and refuses what ML-KEM-1024 refuses', () => {
    expect(kemByTypeByte(0x08)).toBe(kyber);
    expect(kyber.lengths(provider)).toEqual(mlKem.lengths(provider));
    const { publicKey, privateKey } = kyber.generate(provider, systemRandom);
    const unreduced = publicKey.slice().fill(0xff, 0, 3);
    const expected = { code: 'InvalidKey', reason: 'unreduced-kem-key' };
    expect(refusal(() => kyber.checkPublicKey(provider, unreduced))).toMatchObject(expected);
    expect(refusal(() => kyber.encapsulate(provider, unreduced, systemRandom))).toMatchObject(expected);
    const short = refusal(() => kyber.decapsulate(provider, privateKey, new Uint8Array(1567)));
    expect(short).toMatchObject({ code: 'InvalidMessage', reason: 'bad-length' });
  });

  test('[KEY-21] [KEY-17] the system’s source keeps the native path: nothing is hashed but the ciphertext', () => {
    const { provider: counting, calls } = countingProvider(provider);
    const { publicKey, privateKey } = kyber.generate(provider, systemRandom);
    const { ciphertext, sharedSecret } = kyber.encapsulate(counting, publicKey, checkedRandom(systemRandom));
    expect(calls.sha3_256).toBe(provider.name === 'node' ? 1 : 2);
    expect(hex(kyber.decapsulate(provider, privateKey, ciphertext))).toBe(hex(sharedSecret));
  });
});

test('[PRIM-10] a message of one KEM to a key of the other fails and changes nothing', () => {
  const sender = new Peer('alice', { suites: [KYBER] });
  const receiver = new Peer('bob', { suites: [KYBER, PQXDH] });
  // The same key, published under the other type byte and so signed anew.
  sender.begin(receiver, receiver.publish({ kemName: 'Kyber-1024-r3' }));
  const message = sender.send(receiver);
  const swapped = receiver.backup();
  const stored = receiver.stores.get('kem/1') as Uint8Array;
  receiver.stores.set('kem/1', flip(stored, 0, 2));
  expectRefused([receiver], { code: 'InvalidKey', reason: 'bad-key-type' }, () => receiver.open(sender, message));
  receiver.restore(swapped);
  expect(receiver.receive(sender, message)).toBe('hello');
  const strict = new Peer('carol', { suites: [PQXDH] });
  const bundle = strict.publish();
  const expected = { code: 'InvalidKey', reason: 'kem-type-not-allowed' } as const;
  expectRefused([sender], expected, () => sender.begin(strict, bundle));
});
