/**
 * Vectors of ML-KEM-768 in two halves.
 *
 * @spec 08-braid §3
 * Owns: their tests. Must not know: chunks, epochs. What stands between the halves is a driver's own, hence always used by name.
 */

import type { Json } from '../../../cli/conform/vector-file.ts';
import { nobleProvider as provider } from '../../../protocol/crypto/noble.ts';
import type { CallDefinition, Family, SequenceDefinition, StepDefinition } from '../definition.ts';
import { fixedHex, flipped, hex } from '../definition.ts';
import { type Flaw, lengthFlaws } from '../flaws.ts';
import { alice, KEM, other, pairOf } from './incremental-material.ts';
import { DRAWN_SHORT, LENGTHS_UNTESTED, unreducedFlaws, withCoefficient } from './kem-material.ts';

/** Libraries that add this KEM without vectors to share: what the hash in the header is over is the first thing to go wrong. */
const NO_SHARED_VECTORS = 'https://github.com/RustCrypto/KEMs/issues/264';
const sha3 = (...parts: readonly string[]) => hex(provider.sha3_256(Buffer.from(parts.join(''), 'hex')));

const keygens: CallDefinition[] = [
  ...Array.from(
    { length: 6 },
    (_, i): CallDefinition => ({
      comment: `header, vector and private key of seed ${i}`,
      req: ['DRV-28', 'BRD-05'],
      args: { seed: fixedHex(`incremental keygen ${i}`, 64) },
    }),
  ),
  { comment: 'a seed of zeros', req: ['DRV-28', 'BRD-05'], args: { seed: '00'.repeat(64) } },
  ...lengthFlaws(alice.seed, 'bad-length', DRAWN_SHORT).map(({ name, value, ...refused }) => ({
    comment: `a seed ${name}`,
    req: ['DRV-06'],
    args: { seed: value },
    refused: { ...refused, check: `seed ${name}` },
  })),
];

/** A pair whose halves have names: in what follows they need not be written out. */
const keys = (seed: string, keep: readonly string[] = []): StepDefinition => ({
  op: 'kem.incremental.keygen',
  args: { seed },
  bind: { $header: 'header', $vector: 'encapsulationKey', $private: 'private' },
  keep,
});
const begin = (header: string, random: string, keep = ['ciphertext1', 'shared']): StepDefinition => ({
  op: 'kem.incremental.encaps1',
  args: { header, random },
  bind: { $state: 'state', $ciphertext1: 'ciphertext1' },
  keep,
});
const finish = (header: string, encapsulationKey: Json, refused?: string): StepDefinition => ({
  op: 'kem.incremental.encaps2',
  args: { state: '$state', header, encapsulationKey },
  ...(refused === undefined ? { bind: { $ciphertext2: 'ciphertext2' } } : { refused }),
});
const open = (private_: string): StepDefinition => ({
  op: 'kem.incremental.decaps',
  args: { private: private_, ciphertext1: '$ciphertext1', ciphertext2: '$ciphertext2' },
  trace: true,
});

const runs: SequenceDefinition[] = Array.from({ length: 8 }, (_, i): SequenceDefinition => {
  const seed = fixedHex(`incremental run ${i}`, 64);
  return {
    comment: `key pair, both halves, decapsulation with ${i % 2 === 0 ? 'the expanded key' : 'the seed'}, run ${i}`,
    req: ['BRD-05', 'DRV-28'],
    steps: [
      keys(seed, ['header']),
      begin('$header', fixedHex(`incremental run ${i}, coins`)),
      finish('$header', '$vector'),
      open(i % 2 === 0 ? '$private' : seed),
    ],
  };
});

/** Bytes that count up. */
const seq = (first: number, length: number) => hex(Uint8Array.from({ length }, (_, i) => first + i));

/** Key pair and coins that libsignal was given, and the secret of rejection under ct2 with its first bit flipped. */
const deployed: SequenceDefinition = {
  comment: 'the pair and the coins that libsignal was given',
  req: ['BRD-05', 'KEY-14'],
  flags: ['Deployed'],
  steps: [
    keys(seq(0, 64), ['header']),
    begin('$header', seq(0x40, 32)),
    finish('$header', '$vector'),
    open('$private'),
    {
      ...open('$private'),
      args: {
        private: '$private',
        ciphertext1: '$ciphertext1',
        ciphertext2: { damage: '$ciphertext2', flipBit: 0 },
      },
    },
  ],
};

/** The halves and the whole, side by side. */
const plain: SequenceDefinition[] = Array.from({ length: 4 }, (_, i): SequenceDefinition => {
  const pair = pairOf(`plain ${i}`);
  return {
    comment: `ct1 ‖ ct2 is the ciphertext, and the secret the secret, of plain ML-KEM-768 with ek = vector ‖ rho, run ${i}`,
    req: ['BRD-05'],
    flags: ['EqualsPlain'],
    steps: [
      begin(pair.header, pair.coins),
      finish(pair.header, pair.vector),
      { op: 'kem.encapsulate', args: { kem: KEM, public: pair.public, random: pair.coins } },
    ],
  };
});

const freely: SequenceDefinition[] = [
  ['coins of zeros', alice.header, '00'.repeat(32)],
  ['coins of ones', alice.header, 'ff'.repeat(32)],
  ['a header of zeros, which no key has', '00'.repeat(64), alice.coins],
  ['a header of another hash: the first half cannot know', alice.rho + other.hash, alice.coins],
  ['a header of another rho', other.rho + alice.hash, alice.coins],
].map(([comment, header, random]) => ({
  comment: comment as string,
  req: ['BRD-05'],
  steps: [begin(header as string, random as string)],
}));

/** A key made by changing the vector: its header is right, so that nothing but the vector can be at fault. */
const headerFor = (vector: string) => alice.rho + sha3(vector, alice.rho);

const boundaries: SequenceDefinition[] = [
  ['first', 0],
  ['last', 767],
].map(([name, at]) => {
  const vector = withCoefficient(alice.vector, at as number, 3_328);
  return {
    comment: `a vector whose ${name} coefficient is q − 1`,
    req: ['BRD-06'],
    flags: ['Boundary'],
    steps: [begin(headerFor(vector), alice.coins), finish(headerFor(vector), vector)],
  };
});

/** A run whose second half is refused, and then comes to its end with what belongs together. */
function refusedRun(
  comment: string,
  check: string,
  against: string,
  { header = '$header', vector = '$vector' }: { readonly header?: string; readonly vector?: Json },
  flags: readonly string[] = [],
): SequenceDefinition {
  return {
    comment,
    req: ['BRD-06', 'DRV-28'],
    flags,
    refused: { check: `encaps2 ${check}`, against },
    steps: [
      keys(alice.seed),
      begin(header, alice.coins, []),
      finish(header, vector, 'pq-ek-mismatch'),
      begin('$header', alice.coins, []),
      finish('$header', '$vector'),
    ],
  };
}

const headers: readonly [name: string, header: string][] = [
  ['whose hash is over rho ‖ vector', alice.rho + sha3(alice.rho, alice.vector)],
  ['whose hash is over the vector alone', alice.rho + sha3(alice.vector)],
  ['whose hash is over itself, H ‖ rho in place of rho ‖ H', alice.hash + alice.rho],
  ['whose hash is SHA-256', alice.rho + hex(provider.sha256(Buffer.from(alice.public, 'hex')))],
];

const mismatches: SequenceDefinition[] = [
  ...headers.map(([name, header]) =>
    refusedRun(`a header ${name}`, `header ${name}`, NO_SHARED_VECTORS, { header }, ['HashOrder']),
  ),
  refusedRun('the vector of another key', 'vector of another key', 'RAT-07', { vector: other.vector }),
  refusedRun('another rho', 'header with another rho', 'RAT-07', { header: other.rho + alice.hash }),
  refusedRun('another hash', 'header with another hash', 'RAT-07', { header: alice.rho + other.hash }),
  refusedRun('one bit of rho flipped', 'rho flipped', 'RAT-07', { header: flipped(alice.header, 0) }),
  refusedRun('the last bit of the hash flipped', 'hash flipped', 'RAT-07', { header: flipped(alice.header, -1) }),
  ...[
    ['first', 0],
    ['middle', 4_608],
    ['last', -5],
  ].map(([name, bit]) =>
    refusedRun(`a ${name} bit of the vector flipped`, `vector, ${name} bit flipped`, 'RAT-07', {
      vector: { damage: '$vector', flipBit: bit as number },
    }),
  ),
  refusedRun('a vector of zeros', 'vector of zeros', 'RAT-07', { vector: '00'.repeat(1_152) }),
  ...unreducedFlaws(alice.vector, 3, 'pq-ek-mismatch').map(({ name, value, against }) =>
    refusedRun(`a vector ${name}`, `vector ${name}`, against, { vector: value, header: headerFor(value) }, [
      'Unreduced',
    ]),
  ),
];

/** The first half was begun under another header than the second. */
const strayed: SequenceDefinition[] = [
  ['of another key', other.header],
  ['with the same hash and another rho', other.rho + alice.hash],
  ['with the same rho and another hash', alice.rho + other.hash],
].map(([name, header]) => ({
  comment: `a first half under a header ${name}`,
  req: ['DRV-28'],
  refused: { check: `encaps2 after encaps1 under a header ${name}`, against: 'RAT-08' },
  steps: [
    keys(alice.seed),
    begin(header as string, alice.coins, []),
    finish('$header', '$vector', 'pq-ct1-mismatch'),
    begin('$header', alice.coins, []),
    finish('$header', '$vector'),
  ],
}));

function badLengths(): SequenceDefinition[] {
  const begun = [keys(alice.seed), begin('$header', alice.coins, [])];
  const short: Flaw = {
    name: 'of rho alone',
    value: alice.rho,
    reason: 'bad-length',
    against: LENGTHS_UNTESTED,
  };
  const flaws = (value: string) => lengthFlaws(value, 'bad-length', LENGTHS_UNTESTED);
  const whole: Flaw = { ...short, name: 'with rho behind it', value: alice.public };
  return [
    ...[...flaws(alice.header), short].map(({ name, value, against }) => ({
      comment: `second half: a header ${name}`,
      req: ['DRV-28'],
      refused: { check: `encaps2 header ${name}`, against },
      steps: [...begun, finish(value, '$vector', 'bad-length'), finish('$header', '$vector')],
    })),
    ...[...flaws(alice.vector), whole].map(({ name, value, against }) => ({
      comment: `second half: a vector ${name}`,
      req: ['BRD-06'],
      refused: { check: `encaps2 vector ${name}`, against },
      steps: [...begun, finish('$header', value, 'bad-length'), finish('$header', '$vector')],
    })),
    ...[0, 32].map((cut) => ({
      comment: `second half: only ${cut} bytes of what the first one left`,
      req: ['DRV-28'],
      refused: { check: `encaps2 state cut to ${cut} bytes`, against: 'RAT-08' },
      steps: [
        ...begun,
        {
          op: 'kem.incremental.encaps2',
          args: { state: { damage: '$state', cut }, header: '$header', encapsulationKey: '$vector' },
          refused: 'bad-length',
        },
        finish('$header', '$vector'),
      ],
    })),
  ];
}

const firstHalves: CallDefinition[] = [
  ...[
    ...lengthFlaws(alice.header, 'bad-length', LENGTHS_UNTESTED),
    { name: 'of rho alone', value: alice.rho, reason: 'bad-length', against: LENGTHS_UNTESTED },
    { name: 'with the vector behind it', value: alice.header + alice.vector, reason: 'bad-length', against: 'RAT-07' },
  ].map(({ name, value, ...refused }) => ({
    comment: `first half: a header ${name}`,
    req: ['BRD-05'],
    args: { header: value, random: alice.coins },
    refused: { ...refused, check: `encaps1 header ${name}` },
  })),
  ...lengthFlaws(alice.coins, 'bad-length', 'PRIM-12').map(({ name, value, ...refused }) => ({
    comment: `first half: coins ${name}`,
    req: ['DRV-06'],
    args: { header: alice.header, random: value },
    refused: { ...refused, check: `encaps1 coins ${name}` },
  })),
];

const halves = (changes: { private?: string; ciphertext1?: string; ciphertext2?: string }) => ({
  private: alice.seed,
  ciphertext1: alice.ciphertext1,
  ciphertext2: alice.ciphertext2,
  ...changes,
});

const damagedHalves: readonly [name: string, changes: Parameters<typeof halves>[0]][] = [
  ['the first bit of ct1 flipped', { ciphertext1: flipped(alice.ciphertext1, 0) }],
  ['a bit in the last byte of ct1 flipped', { ciphertext1: flipped(alice.ciphertext1, -8) }],
  ['the first bit of ct2 flipped', { ciphertext2: flipped(alice.ciphertext2, 0) }],
  ['a bit in the last byte of ct2 flipped', { ciphertext2: flipped(alice.ciphertext2, -8) }],
  ['ct1 of another encapsulation', { ciphertext1: other.ciphertext1 }],
  ['ct2 of another encapsulation', { ciphertext2: other.ciphertext2 }],
  ['ct1 all zero', { ciphertext1: '00'.repeat(960) }],
  ['ct2 all zero', { ciphertext2: '00'.repeat(128) }],
  ['another private key', { private: other.seed }],
];

const decapsulations: CallDefinition[] = [
  { comment: 'with the seed', req: ['BRD-05'], args: halves({}), trace: true },
  { comment: 'with the expanded key', req: ['BRD-05'], args: halves({ private: alice.private }), trace: true },
  ...damagedHalves.map(
    ([name, changes]): CallDefinition => ({
      comment: `implicit rejection: ${name}`,
      req: ['BRD-05', 'KEY-14'],
      flags: ['ImplicitRejection'],
      args: halves(changes),
      trace: true,
    }),
  ),
];

function badDecapsulations(): CallDefinition[] {
  const flaws = (field: 'private' | 'ciphertext1' | 'ciphertext2', against: string, more: readonly Flaw[] = []) =>
    [...lengthFlaws(halves({})[field], 'bad-length', against), ...more].map(
      ({ name, value, ...refused }): CallDefinition => ({
        comment: `decapsulation: ${field} ${name}`,
        req: field === 'private' ? ['KEY-13'] : ['KEY-14'],
        args: halves({ [field]: value }),
        refused: { ...refused, check: `decaps ${field} ${name}` },
      }),
    );
  const hashAt = alice.private.length * 4 - 512;
  const disagreeing: Flaw = {
    name: 'with another H(ek)',
    value: flipped(alice.private, hashAt),
    reason: 'kem-key-hash-mismatch',
    against: 'PRIM-08',
  };
  const whole: Flaw = {
    name: 'with ct2 behind it',
    value: alice.ciphertext1 + alice.ciphertext2,
    reason: 'bad-length',
    against: 'PRIM-09',
  };
  return [
    ...flaws('private', LENGTHS_UNTESTED, [disagreeing]),
    ...flaws('ciphertext1', 'PRIM-09', [whole]),
    ...flaws('ciphertext2', 'PRIM-09'),
  ];
}

const SPEC = 'spec/08-braid.md §3';

export const incrementalMlKem768: Family = {
  name: 'incremental-mlkem768',
  algorithm: 'ML-KEM-768 in two halves, as the ML-KEM Braid needs it',
  header: [
    'header = rho ‖ SHA3-256(vector ‖ rho), 64 bytes; vector = ByteEncode12(t-hat), 1152 bytes; ct1 has 960 bytes, ct2 128.',
    'What encaps1 leaves for encaps2 is of a driver’s own form.',
  ],
  notes: {
    EqualsPlain: { description: 'ciphertext1 ‖ ciphertext2 equals ciphertext, and shared equals shared.' },
    Deployed: { description: 'The same header, ciphertext and secrets are known from libsignal 0.103.0.' },
    HashOrder: {
      description:
        'The hash is FIPS 203’s H(ek), over vector ‖ rho, although the header begins with rho. The published text of the braid has it over rho ‖ vector; the deployed bytes do not.',
      links: [NO_SHARED_VECTORS, 'https://github.com/pq-code-package/mlkem-native/pull/1619'],
    },
    Boundary: { description: 'A coefficient of q − 1, the largest that there is: accepted.' },
    Unreduced: { description: 'A coefficient of q or more, under a header that hashes this very vector.' },
    ImplicitRejection: { description: 'The answer is the secret of rejection, never an error.' },
  },
  groups: [
    { type: 'IncrementalKeygen', spec: SPEC, op: 'kem.incremental.keygen', tests: keygens },
    {
      type: 'IncrementalRun',
      spec: SPEC,
      tests: [...runs, deployed, ...plain, ...freely, ...boundaries, ...mismatches, ...strayed, ...badLengths()],
    },
    { type: 'IncrementalEncaps1', spec: SPEC, op: 'kem.incremental.encaps1', tests: firstHalves },
    {
      type: 'IncrementalDecaps',
      spec: SPEC,
      op: 'kem.incremental.decaps',
      tests: [...decapsulations, ...badDecapsulations()],
    },
  ],
};
