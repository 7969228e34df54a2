/**
 * The key pair of a seed, as the texts before FIPS 203 expand it.
 *
 * @spec 01-keys §6
 * Owns: K-PKE.KeyGen from G(d), where FIPS 203 has G(d ‖ k). Must not know: encapsulation, which takes a pair of either.
 * Polynomials and hashes are wiped before returning; the pair is the caller's.
 */
import { concat } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import { assertLength } from './inputs.ts';
import {
  CBD2_BYTES,
  CBD3_BYTES,
  encode12,
  multiplyAdd,
  NTT,
  type Polynomial,
  sampleCbd2,
  sampleCbd3,
  sampleNtt,
} from './polynomials.ts';
import type { CryptoProvider, KemKeyPair } from './provider.ts';
import { KEM_SEED_BYTES } from './provider.ts';

const HALF = 32;

/** Which expansion: the rank k of the parameter set, and whether the matrix has its indices swapped, as the draft of 2023 printed it. */
export interface EarlyExpansion {
  readonly rank: 2 | 3 | 4;
  readonly swapped: boolean;
}

function noise(provider: CryptoProvider, rank: number, sigma: Uint8Array, nonce: number): Polynomial {
  const input = concat(sigma, Uint8Array.of(nonce));
  const bytes = provider.shake256(input, rank === 2 ? CBD3_BYTES : CBD2_BYTES);
  const polynomial = rank === 2 ? sampleCbd3(bytes) : sampleCbd2(bytes);
  NTT.encode(polynomial);
  input.fill(0);
  bytes.fill(0);
  return polynomial;
}

/**
 * The pair of a 64-byte seed d ‖ z; the private key is the expanded one.
 * @throws {ProtocolError} `InvalidKey`/`bad-length`.
 */
export function earlyPairOfSeed(
  provider: CryptoProvider,
  { rank, swapped }: EarlyExpansion,
  seed: Uint8Array,
): KemKeyPair {
  assertLength(seed, KEM_SEED_BYTES, 'seed');
  // @req KEY-22
  const hash = provider.sha3_512(seed.subarray(0, HALF));
  const [rho, sigma] = [hash.slice(0, HALF), hash.subarray(HALF)];
  const s = Array.from({ length: rank }, (_, i) => noise(provider, rank, sigma, i));
  const t = Array.from({ length: rank }, (_, i) => noise(provider, rank, sigma, rank + i));
  for (const [row, sum] of t.entries()) {
    for (const [column, secret] of s.entries()) {
      const [first, second] = swapped ? [row, column] : [column, row];
      multiplyAdd(sum, sampleNtt(rho, first, second), secret);
    }
  }
  const publicKey = concat(...t.map(encode12), rho);
  const parts = s.map(encode12);
  const expanded = concat(...parts, publicKey, provider.sha3_256(publicKey), seed.subarray(HALF));
  for (const secret of [hash, ...s, ...parts]) secret.fill(0);
  return { publicKey, privateKey: new Secret<'KemPrivateKey'>(expanded) };
}

/**
 * The Kyber-1024 pair of a seed, as round 3 expands it; the private key has 3,168 bytes.
 * @throws {ProtocolError} `InvalidKey`/`bad-length`.
 */
export function kyberPairOfSeed(provider: CryptoProvider, seed: Uint8Array): KemKeyPair {
  return earlyPairOfSeed(provider, { rank: 4, swapped: false }, seed);
}
