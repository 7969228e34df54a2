/**
 * Keys, ciphertexts and flaws that the vectors of KEMs share.
 *
 * @spec 01-keys §6
 * Owns: one pair of each KEM, damaged coefficients. Must not know: tests.
 */
import { getKem, type KemName } from '../../../protocol/crypto/kem.ts';
import { nobleProvider as provider } from '../../../protocol/crypto/noble.ts';
import { fixed, hex } from '../definition.ts';
import type { Flaw } from '../flaws.ts';

/** Keys and ciphertexts of wrong lengths: no published negative vector reaches the check. */
export const LENGTHS_UNTESTED = 'https://github.com/usnistgov/ACVP-Server/issues/468';
/** Seeds and coins of wrong lengths: a source that came back short. */
export const DRAWN_SHORT = 'PRIM-12';
/** Secrets of wrong lengths: a stored state that was cut off. */
export const STORED_SHORT = 'STATE-09';
const Q = 3329;
const COEFFICIENTS = 256;

/** One KEM with a pair and a ciphertext for it, as hex. `split` is where the second part of a ciphertext begins, in bytes. */
export interface Material {
  readonly kem: KemName;
  readonly rank: number;
  readonly split: number;
  readonly seed: string;
  readonly public: string;
  readonly private: string;
  readonly ciphertext: string;
}

function materialOf(kem: KemName, rank: number, split: number): Material {
  const { fromSeed, encapsulate, parameterSet } = getKem(kem);
  const seed = fixed(`${kem} seed`, 64);
  const { publicKey, privateKey } = fromSeed(provider, seed);
  return {
    kem,
    rank,
    split,
    seed: hex(seed),
    public: hex(publicKey),
    private: hex(provider.kemExpand(parameterSet, privateKey).expose()),
    ciphertext: hex(encapsulate(provider, publicKey, () => fixed(`${kem} coins`)).ciphertext),
  };
}

/** The KEMs of the driver protocol. */
export const MATERIALS: readonly Material[] = [
  materialOf('ML-KEM-512', 2, 640),
  materialOf('ML-KEM-768', 3, 960),
  materialOf('ML-KEM-1024', 4, 1_408),
  materialOf('Kyber-1024-r3', 4, 1_408),
];

/** An encoded vector with one 12-bit coefficient replaced. */
export function withCoefficient(value: string, at: number, coefficient: number): string {
  const bytes = Buffer.from(value, 'hex');
  const start = 3 * (at >>> 1);
  const pair = bytes.readUIntLE(start, 3);
  const next = at % 2 === 0 ? (pair & 0xfff000) | coefficient : (pair & 0xfff) | (coefficient << 12);
  bytes.writeUIntLE(next, start, 3);
  return bytes.toString('hex');
}

/** The first coefficient that, with q added, still has 12 bits: the same number, written in a way that is not reduced. */
function withAlias(value: string): string {
  const bytes = Buffer.from(value, 'hex');
  for (let at = 0; ; at += 2) {
    const coefficient = bytes.readUInt16LE(3 * (at >>> 1)) & 0xfff;
    if (coefficient + Q < 4096) return withCoefficient(value, at, coefficient + Q);
  }
}

/** Vectors of `rank` polynomials with a coefficient of q or more. */
export function unreducedFlaws(value: string, rank: number, reason: string): Flaw[] {
  const last = rank * COEFFICIENTS - 1;
  const places: readonly [name: string, at: number, coefficient: number][] = [
    ['whose first coefficient is q', 0, Q],
    ['whose first coefficient is 4095', 0, 4_095],
    ['whose second coefficient is q', 1, Q],
    ['whose first polynomial ends with q + 1', COEFFICIENTS - 1, Q + 1],
    ['whose second polynomial begins with q', COEFFICIENTS, Q],
    ['whose last coefficient but one is q', last - 1, Q],
    ['whose last coefficient is q', last, Q],
    ['whose last coefficient is 4095', last, 4_095],
  ];
  const flaw = (name: string, damaged: string): Flaw => ({ name, value: damaged, reason, against: 'PRIM-07' });
  return [
    ...places.map(([name, at, coefficient]) => flaw(name, withCoefficient(value, at, coefficient))),
    flaw('with q added to a small coefficient', withAlias(value)),
  ];
}
