/**
 * Every step of one ML-KEM key generation, encapsulation and decapsulation.
 *
 * @spec 14-vectors §1, 08-braid §3
 * Owns: walking the published steps with the polynomials of `protocol/crypto/`, and the halves of incremental ML-KEM-768.
 * Must not know: keys that are secret. Key generation here is that of the initial draft of FIPS 203, G(d), as in Kyber round 3;
 * from ek, dk and m on everything is the final standard's.
 */
import { z } from 'zod';
import { concat, fromHex } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import {
  CBD2_BYTES,
  encode12,
  multiplyAdd,
  N,
  NTT,
  type Polynomial,
  Q,
  sampleCbd2,
  sampleNtt,
} from '../../protocol/crypto/polynomials.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { scriptedRandom } from '../../test/support/seeded-random.ts';
import { encapsulateInHalves } from './halves.ts';
import type { NativeCall } from './native-calls.ts';
import { family, judge, type Outcome } from './verdict.ts';

/** A parameter set as far as its steps need it: rank, bits of a compressed coefficient of u and of v. */
interface Parameters {
  readonly set: 'ML-KEM-768' | 'ML-KEM-1024';
  readonly k: number;
  readonly du: number;
  readonly dv: number;
}
const PARAMETERS: readonly Parameters[] = [
  { set: 'ML-KEM-768', k: 3, du: 10, dv: 4 },
  { set: 'ML-KEM-1024', k: 4, du: 11, dv: 5 },
];

const EK_BYTES_768 = 1184;
const EK_BYTES_1024 = 1568;

/** Where the matrix and the noise come from are hashes; all else is arithmetic in JavaScript. */
const HASH: readonly NativeCall[] = ['hash', 'createHash'];
const INPUTS = ['d', 'z', 'm'];

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const encoded = (polynomials: readonly Polynomial[]) => concat(...polynomials.map(encode12));
const transformed = (polynomials: readonly Polynomial[]) =>
  polynomials.map((polynomial) => {
    const copy = polynomial.slice();
    NTT.encode(copy);
    return copy;
  });

function noise(provider: CryptoProvider, seed: Uint8Array, first: number, count: number): Polynomial[] {
  return upTo(count).map((i) => sampleCbd2(provider.shake256(concat(seed, Uint8Array.of(first + i)), CBD2_BYTES)));
}

/** The sum of products of two vectors, still transformed. */
function product(a: readonly Polynomial[], b: readonly Polynomial[]): Polynomial {
  const sum = new Uint16Array(N);
  for (const [i, polynomial] of a.entries()) multiplyAdd(sum, polynomial, b[i] as Polynomial);
  return sum;
}

function back(polynomial: Polynomial): Polynomial {
  NTT.decode(polynomial);
  return polynomial;
}

function sum(...terms: readonly Polynomial[]): Polynomial {
  return Uint16Array.from(upTo(N), (i) => terms.reduce((total, term) => total + (term[i] as number), 0) % Q);
}

const compress = (polynomial: Polynomial, bits: number): number[] =>
  Array.from(polynomial, (x) => Math.floor((x * 2 ** (bits + 1) + Q) / (2 * Q)) % 2 ** bits);

const decompress = (values: readonly number[], bits: number): Polynomial =>
  Uint16Array.from(values, (y) => Math.floor((2 * Q * y + 2 ** bits) / 2 ** (bits + 1)));

/** Whole numbers of a few bits each, lowest bit first. */
function unpack(bytes: Uint8Array, bits: number): number[] {
  const bit = (at: number) => ((bytes[at >> 3] as number) >> (at & 7)) & 1;
  const at = (i: number) => upTo(bits).reduce((value, j) => value | (bit(i * bits + j) << j), 0);
  return upTo((bytes.length * 8) / bits).map(at);
}

const polynomialsOf = (values: readonly number[], bits: number): Polynomial[] =>
  upTo(values.length / N).map((i) => decompress(values.slice(i * N, (i + 1) * N), bits));

type Step = readonly [
  name: string,
  natives: readonly NativeCall[],
  value: () => Uint8Array | Secret | readonly number[],
];
interface Inputs {
  readonly d: Uint8Array;
  readonly z: Uint8Array;
  readonly m: Uint8Array;
}

/** What the rest needs of key generation. */
interface Keys {
  readonly rho: Uint8Array;
  readonly secret: readonly Polynomial[];
  readonly vector: readonly Polynomial[];
  readonly ek: Uint8Array;
  readonly dk: Uint8Array;
}

function generate(provider: CryptoProvider, { set, k }: Parameters, { d, z }: Inputs): { steps: Step[]; keys: Keys } {
  const seeds = provider.sha3_512(d);
  const [rho, sigma] = [seeds.subarray(0, 32), seeds.subarray(32)];
  const matrix = upTo(k).map((row) => upTo(k).map((column) => sampleNtt(rho, column, row)));
  const [s, e] = [noise(provider, sigma, 0, k), noise(provider, sigma, k, k)];
  const [secret, error] = [transformed(s), transformed(e)];
  const vector = matrix.map((row, i) => sum(product(row, secret), error[i] as Polynomial));
  const ek = concat(encoded(vector), rho);
  const whole = concat(encoded(secret), ek, provider.sha3_256(ek), z);
  // At rank 4 this is Kyber round 3's key generation, which the product has as a whole.
  const kyber = set === 'ML-KEM-1024' ? getKem('Kyber-1024-r3').fromSeed(provider, concat(d, z)) : null;
  const dk = kyber?.privateKey.expose() ?? whole;
  const steps: Step[] = [
    ['ρ', HASH, () => provider.sha3_512(d).subarray(0, 32)],
    ['σ', HASH, () => provider.sha3_512(d).subarray(32)],
    ['A[0, 0]', [], () => Array.from(matrix[0]?.[0] as Polynomial)],
    ['A', [], () => encoded(matrix.flat())],
    ['s[0]', [], () => Array.from(s[0] as Polynomial)],
    ['s', [], () => encoded(s)],
    ['NTT(s[0])', [], () => Array.from(secret[0] as Polynomial)],
    ['dkPKE', [], () => encoded(secret)],
    ['e', [], () => encoded(e)],
    ['NTT(e)', [], () => encoded(error)],
    ['t', [], () => encoded(vector)],
    ['ek', [], () => kyber?.publicKey ?? ek],
    ['dkPKE again', [], () => ek],
    ['H(ek)', HASH, () => provider.sha3_256(ek)],
    ['dk', [], () => dk],
  ];
  return { steps, keys: { rho, secret, vector, ek, dk: whole } };
}

function encrypt(provider: CryptoProvider, parameters: Parameters, keys: Keys, inputs: Inputs): Step[] {
  const { set, k, du, dv } = parameters;
  const { rho, vector, ek } = keys;
  const seeds = () => provider.sha3_512(concat(inputs.m, provider.sha3_256(ek)));
  const coins = seeds().subarray(32);
  const transpose = upTo(k).map((row) => upTo(k).map((column) => sampleNtt(rho, row, column)));
  const [y, e1] = [noise(provider, coins, 0, k), noise(provider, coins, k, k)];
  const [e2] = noise(provider, coins, 2 * k, 1) as [Polynomial];
  const masked = transformed(y);
  const u = transpose.map((row, i) => sum(back(product(row, masked)), e1[i] as Polynomial));
  const mu = decompress(unpack(inputs.m, 1), 1);
  const v = sum(back(product(vector, masked)), e2, mu);
  const whole = () => provider.kemEncapsulate(set, ek, scriptedRandom([inputs.m]));
  const at = (k * N * du) / 8;
  const halves = set === 'ML-KEM-768' ? encapsulateInHalves(provider, ek, inputs.m) : null;
  const c1 = () => halves?.c1 ?? whole().ciphertext.subarray(0, at);
  const c2 = () => halves?.c2() ?? whole().ciphertext.subarray(at);
  return [
    ['K', HASH, () => seeds().subarray(0, 32)],
    ['r', HASH, () => seeds().subarray(32)],
    ['μ', [], () => encode12(mu)],
    ['A^T', [], () => encoded(transpose.flat())],
    ['r again', [], () => encoded(y)],
    ['NTT(r)', [], () => encoded(masked)],
    ['e1', [], () => encoded(e1)],
    ['e2', [], () => encode12(e2)],
    ['u', [], () => encoded(u)],
    ['u[0]', [], () => Array.from(u[0] as Polynomial)],
    ['compress(u[0])', [], () => compress(u[0] as Polynomial, du)],
    ['compress(u[0])', [], () => unpack(c1(), du).slice(0, N)],
    ['c1', [], c1],
    ['v', [], () => Array.from(v)],
    ['compress(v)', [], () => compress(v, dv)],
    ['compress(v)', [], () => unpack(c2(), dv)],
    ['c2', [], c2],
    ['c', [], () => whole().ciphertext],
    ['K', [], () => whole().sharedSecret],
    ['K', [], () => halves?.K ?? whole().sharedSecret],
  ];
}

function decrypt(
  provider: CryptoProvider,
  { set, k, du, dv }: Parameters,
  { secret, dk }: Keys,
  { z }: Inputs,
  c: Uint8Array,
): Step[] {
  const at = (k * N * du) / 8;
  const u = polynomialsOf(unpack(c.subarray(0, at), du), du);
  const [v] = polynomialsOf(unpack(c.subarray(at), dv), dv) as [Polynomial];
  const masked = transformed(u);
  const negative = back(product(secret, masked)).map((x) => (Q - x) % Q);
  return [
    ['uᵈ', [], () => encoded(u)],
    ['NTT(uᵈ)', [], () => encoded(masked)],
    ['vᵈ', [], () => encode12(v)],
    ['w', [], () => encode12(sum(v, negative))],
    ['KBar', HASH, () => provider.shake256(concat(z, c), 32)],
    ['K', [], () => provider.kemDecapsulate(set, new Secret<'KemPrivateKey'>(dk.slice()), c)],
  ];
}

/** Names that stand twice in a file mean another value the second time. */
function byName(values: readonly (readonly [string, string])[]): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  for (const [name, value] of values) named.set(named.has(name) ? `${name} again` : name, value);
  return named;
}

/** `{1, 2, …}`, which may have its encoding behind it, or hex, which may have a second name in front. */
function published(text: string): { readonly value: Uint8Array | readonly number[]; readonly encoding: Uint8Array } {
  const [, list, hex = ''] = /^(?:\{([^}]*)\})?.*?([0-9a-f]*)$/.exec(text) ?? [];
  const encoding = fromHex(hex);
  return { value: list === undefined ? encoding : list.split(',').map(Number), encoding };
}

function walk(provider: CryptoProvider, named: ReadonlyMap<string, string>): Outcome {
  const input = (name: string) => published(named.get(name) ?? '').encoding;
  const inputs: Inputs = { d: input('d'), z: input('z'), m: input('m') };
  const parameters = PARAMETERS[input('ek').length === EK_BYTES_768 ? 0 : 1] as Parameters;
  const { steps: first, keys } = generate(provider, parameters, inputs);
  const { ciphertext } = provider.kemEncapsulate(parameters.set, keys.ek, scriptedRandom([inputs.m]));
  const last = decrypt(provider, parameters, keys, inputs, ciphertext);
  const steps = [...first, ...encrypt(provider, parameters, keys, inputs), ...last];
  const names = [...named.keys()].filter((name) => !INPUTS.includes(name));
  const known = names.filter((name) => steps.some(([step]) => step === name));
  return {
    verdicts: known.map((name) =>
      judge(provider, name, (trial) => {
        const { value: expected, encoding } = published(named.get(name) as string);
        for (const [step, natives, value] of steps) if (step === name) trial.equal(name, natives, expected, value);
        if (encoding !== expected && encoding.length > 0) {
          trial.part(`${name}, encoded`, encoding, () => encode12(Uint16Array.from(expected)));
        }
      }),
    ),
    unused: [
      ...INPUTS.map((id) => ({ id, reason: 'inputs of the run' })),
      ...names.filter((name) => !known.includes(name)).map((id) => ({ id, reason: 'steps without a counterpart' })),
    ],
  };
}

const VALUE = z.string().regex(/^(\{\d+(, \d+)*\}|[^={}]+ =)?( ?= ?| )?([0-9a-f]{2})*$/, 'neither hex nor a list');

const NEEDED: Readonly<Record<string, readonly number[]>> = {
  d: [32],
  z: [32],
  m: [32],
  ek: [EK_BYTES_768, EK_BYTES_1024],
};

/** One run, value by value. */
export const kemSteps = family(
  z
    .object({ values: z.array(z.tuple([z.string(), VALUE])) })
    .transform(({ values }) => byName(values))
    .refine(
      (named) =>
        Object.entries(NEEDED).every(([name, lengths]) => lengths.includes((named.get(name) ?? '').length / 2)),
      { path: ['values'], message: `${Object.keys(NEEDED).join(', ')} are missing or of another length` },
    ),
  walk,
);
