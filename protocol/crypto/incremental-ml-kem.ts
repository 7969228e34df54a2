/**
 * ML-KEM-768 in two halves: ct1 needs only rho and H(ek), ct2 the key vector.
 *
 * @spec 08-braid §3
 * Owns: K-PKE.Encrypt's first component from FIPS 203 algorithm 14, the check that a key vector belongs to a header.
 * Must not know: chunks, epochs, MACs. ct1 ‖ ct2 equals a plain ML-KEM-768 ciphertext under the same coins.
 * Polynomials are wiped before returning; the encapsulation state is m, which the caller owns.
 */
import { concat, equalBytes } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import { ProtocolError } from '../errors.ts';
import { CBD2_BYTES, multiplyAdd, N, NTT, type Polynomial, Q, sampleCbd2, sampleNtt } from './polynomials.ts';
import type { CryptoProvider, RandomSource } from './provider.ts';
import { KEM_COINS_BYTES } from './provider.ts';

const K = 3;
const DU = 10;
/** t-hat, ByteEncode12 of three polynomials: the encapsulation key without rho. */
export const EK_VECTOR_BYTES = 1152;
/** rho ‖ H(ek vector ‖ rho). */
export const EK_HEADER_BYTES = 64;
/** Compressed u. */
export const CT1_BYTES = 960;
/** Compressed v. */
export const CT2_BYTES = 128;
const RHO_BYTES = 32;

/** ByteEncode10 of Compress10 (algorithms 5 and §4.2.1). */
function compress10(polynomial: Polynomial): Uint8Array {
  const out = new Uint8Array((N * DU) / 8);
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (const coefficient of polynomial) {
    buffer |= (Math.floor((coefficient * 2048 + Q) / (2 * Q)) & 0x3ff) << bits;
    for (bits += DU; bits >= 8; bits -= 8) {
      out[at++] = buffer & 0xff;
      buffer >>>= 8;
    }
  }
  return out;
}

/** A begun encapsulation: the first ciphertext half, the shared secret, and m, which the second half needs. */
export interface Encapsulation1 {
  readonly ct1: Uint8Array;
  readonly sharedSecret: Secret<'KemSharedSecret'>;
  readonly coins: Secret<'KemCoins'>;
}

function errorVector(provider: CryptoProvider, r: Uint8Array, first: number): Polynomial[] {
  return Array.from({ length: K }, (_, i) => {
    const bytes = provider.shake256(concat(r, Uint8Array.of(first + i)), CBD2_BYTES);
    const polynomial = sampleCbd2(bytes);
    bytes.fill(0);
    return polynomial;
  });
}

/** u = NTT^-1(A^T y) + e1, compressed. */
function encryptU(provider: CryptoProvider, rho: Uint8Array, r: Uint8Array): Uint8Array {
  const y = errorVector(provider, r, 0);
  const e1 = errorVector(provider, r, K);
  for (const polynomial of y) NTT.encode(polynomial);
  const parts = e1.map((error, i) => {
    const sum = new Uint16Array(N);
    for (const [j, secret] of y.entries()) multiplyAdd(sum, sampleNtt(rho, i, j), secret);
    NTT.decode(sum);
    for (let k = 0; k < N; k++) sum[k] = ((sum[k] as number) + (error[k] as number)) % Q;
    return compress10(sum);
  });
  for (const polynomial of [...y, ...e1]) polynomial.fill(0);
  return concat(...parts);
}

/** Encaps, first half: from a 64-byte header and 32 fresh bytes. */
export function encapsulate1(provider: CryptoProvider, header: Uint8Array, random: RandomSource): Encapsulation1 {
  const m = random(KEM_COINS_BYTES);
  const seed = concat(m, header.subarray(RHO_BYTES));
  const okm = provider.sha3_512(seed);
  const ct1 = encryptU(provider, header.subarray(0, RHO_BYTES), okm.subarray(32));
  const sharedSecret = new Secret<'KemSharedSecret'>(okm.slice(0, 32));
  okm.fill(0);
  seed.fill(0);
  // @req BRD-05
  return { ct1, sharedSecret, coins: new Secret<'KemCoins'>(m) };
}

/**
 * The vector must hash to the header and be reduced (BRD-06).
 * @throws {ProtocolError} `InvalidMessage`/`pq-ek-mismatch`, for either.
 */
export function checkKeyVector(provider: CryptoProvider, header: Uint8Array, vector: Uint8Array): void {
  const ek = concat(vector, header.subarray(0, RHO_BYTES));
  // @req BRD-06
  if (!equalBytes(provider.sha3_256(ek), header.subarray(RHO_BYTES)) || !isReduced(provider, ek)) {
    throw new ProtocolError('InvalidMessage', 'verify', 'pq-ek-mismatch', 'pqRatchet');
  }
}

function isReduced(provider: CryptoProvider, ek: Uint8Array): boolean {
  try {
    provider.kemCheckPublicKey('ML-KEM-768', ek);
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

/**
 * Encaps, second half: ct2 under the coins of the first. The key vector was checked with {@link checkKeyVector}.
 * @throws {ProtocolError} `InvalidState`/`pq-ct1-mismatch` where these coins do not give this ct1: a stored state that is not
 * what it says (RAT-08).
 */
export function encapsulate2(
  provider: CryptoProvider,
  header: Uint8Array,
  vector: Uint8Array,
  coins: Secret<'KemCoins'>,
  ct1: Uint8Array,
): Uint8Array {
  const ek = concat(vector, header.subarray(0, RHO_BYTES));
  const { ciphertext, sharedSecret } = provider.kemEncapsulate('ML-KEM-768', ek, () => coins.expose().slice());
  sharedSecret.wipe();
  if (!equalBytes(ciphertext.subarray(0, CT1_BYTES), ct1)) {
    throw new ProtocolError('InvalidState', 'state', 'pq-ct1-mismatch', 'pqRatchet');
  }
  return ciphertext.slice(CT1_BYTES);
}

/** The header and vector of an encapsulation key. */
export function splitKey(provider: CryptoProvider, publicKey: Uint8Array): { header: Uint8Array; vector: Uint8Array } {
  const vector = publicKey.slice(0, EK_VECTOR_BYTES);
  return { header: concat(publicKey.subarray(EK_VECTOR_BYTES), provider.sha3_256(publicKey)), vector };
}
