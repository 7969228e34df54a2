/**
 * Random sources: what is refused, and what is drawn.
 *
 * @spec 01-keys §2
 */
import { describe, expect, test } from 'vitest';
import { systemRandom } from '../../protocol/crypto/node.ts';
import type { CryptoProvider, RandomSource } from '../../protocol/crypto/provider.ts';
import { checkedRandom, rootSource } from '../../protocol/crypto/random.ts';
import { PROVIDERS } from '../support/peers.ts';
import { refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { FAULTS, faultyRandom, seededRandom } from '../support/seeded-random.ts';

const FAILED = { code: 'InvalidState', stage: 'state', reason: 'randomness-failed' };

/** Each operation that draws, with the lengths that it asks for. */
const OPERATIONS: readonly {
  readonly name: string;
  readonly draws: readonly number[];
  readonly run: (provider: CryptoProvider, random: RandomSource) => unknown;
}[] = [
  { name: 'x25519Generate', draws: [32], run: (provider, random) => provider.x25519Generate(random) },
  { name: 'ed25519Generate', draws: [32], run: (provider, random) => provider.ed25519Generate(random) },
  {
    name: 'xeddsaSign',
    draws: [64],
    run: (provider, random) =>
      provider.xeddsaSign(provider.x25519FromPrivate(new Uint8Array(32)).privateKey, new Uint8Array(3), random),
  },
  { name: 'kemGenerate', draws: [64], run: (provider, random) => provider.kemGenerate('ML-KEM-768', random) },
  {
    name: 'kemEncapsulate',
    draws: [32],
    run: (provider, random) =>
      provider.kemEncapsulate('ML-KEM-768', provider.kemFromSeed('ML-KEM-768', new Uint8Array(64)).publicKey, random),
  },
];

describe('checked source', () => {
  test.each(FAULTS)('[PRIM-12] [KEY-03] a source that %s is refused at that draw', (fault) => {
    for (const length of [16, 32, 64]) {
      const random = checkedRandom(faultyRandom(seededRandom('good'), fault, 1));
      expect(random(length).length).toBe(length);
      expect(refusal(() => random(length))).toMatchObject(FAILED);
    }
    reportCount('PRIM-12', 'faults of a random source', 3);
  });

  test('[PRIM-12] [KEY-03] the error of the source stays inside', () => {
    const random = checkedRandom(() => {
      throw new Error('device serial 4711');
    });
    const error = refusal(() => random(32));
    expect(error.message).not.toContain('4711');
    expect(error.cause).toBeUndefined();
  });

  test('[PRIM-12] [KEY-03] a repeat is found however many draws lie between, short draws may repeat', () => {
    const draws = Array.from({ length: 50 }, (_, i) => seededRandom(`draw ${i}`)(32));
    const script = [...draws, draws[0] as Uint8Array];
    const random = checkedRandom(() => (script.shift() as Uint8Array).slice());
    for (let i = 0; i < 50; i++) random(32);
    expect(refusal(() => random(32))).toMatchObject(FAILED);
    const short = checkedRandom((length) => new Uint8Array(length));
    expect([short(8), short(8), short(15)].map(({ length }) => length)).toEqual([8, 8, 15]);
  });

  test('[PRIM-12] [KEY-03] what was drawn may be erased, and is remembered all the same', () => {
    const random = checkedRandom((length) => seededRandom('same')(length));
    random(32).fill(0);
    expect(refusal(() => random(32))).toMatchObject(FAILED);
  });

  test('[KEY-03] a checked source is not wrapped again, and its source is known', () => {
    const random = checkedRandom(systemRandom);
    expect(checkedRandom(random)).toBe(random);
    expect(rootSource(random)).toBe(systemRandom);
    expect(rootSource(systemRandom)).toBe(systemRandom);
  });
});

describe.each(PROVIDERS)('draws, $name', (provider) => {
  test.each(OPERATIONS)('[KEY-17] $name asks a given source for $draws bytes', ({ draws, run }) => {
    const lengths: number[] = [];
    run(provider, faultyRandom(seededRandom('good'), 'throws', -1, lengths));
    expect(lengths).toEqual(draws);
  });

  test.each(OPERATIONS)('[PRIM-12] [KEY-03] $name refuses every fault of a checked source', ({ run }) => {
    const faults = FAULTS.filter((fault) => fault !== 'repeats');
    for (const fault of faults) {
      const random = checkedRandom(faultyRandom(seededRandom('good'), fault, 0));
      expect(refusal(() => run(provider, random))).toMatchObject(FAILED);
    }
    reportCount('PRIM-12', 'faults of a random source in a primitive', faults.length);
  });
});

describe('system source', () => {
  test('[KEY-17] gives the lengths asked for, never the same twice, in memory of its own', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 500; i++) {
      const bytes = systemRandom(32);
      expect(bytes.buffer.byteLength).toBe(32);
      seen.add(Buffer.from(bytes).toString('hex'));
    }
    expect(seen.size).toBe(500);
    for (const length of [0, 1, 4095, 4096, 4097, 100_000]) expect(systemRandom(length).length).toBe(length);
    const [long, longer] = [systemRandom(4096), systemRandom(5000)];
    expect(new Set(long).size).toBeGreaterThan(200);
    expect(new Set(longer).size).toBeGreaterThan(200);
  });
});
