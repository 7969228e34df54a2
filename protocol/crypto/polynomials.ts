/**
 * The polynomials of ML-KEM, as far as this project computes with them itself.
 *
 * @spec 01-keys §6
 * Owns: FIPS 203 algorithms 7, 8, 11 and the 12-bit encoding, over the number-theoretic transform of @noble/post-quantum.
 * Must not know: keys. Who samples a secret polynomial wipes it.
 */
import { genCrystals, XOF128 } from '@noble/post-quantum/_crystals.js';

/** Coefficients of a polynomial. */
export const N = 256;
/** The modulus. */
export const Q = 3329;
/** Bytes from which `sampleCbd2` makes one polynomial. */
export const CBD2_BYTES = 128;
/** Bytes from which `sampleCbd3` makes one polynomial. */
export const CBD3_BYTES = 192;

const crystals = genCrystals({
  N,
  Q,
  F: 3303,
  ROOT_OF_UNITY: 17,
  newPoly: (length: number) => new Uint16Array(length),
  brvBits: 7,
  isKyber: true,
});
const { nttZetas } = crystals;
/** The number-theoretic transform and its inverse (algorithms 9 and 10), in place. */
export const { NTT } = crystals;

/** 256 coefficients below q. */
export type Polynomial = Uint16Array;

/** SamplePolyCBD with eta = 2 (algorithm 8). */
export function sampleCbd2(bytes: Uint8Array): Polynomial {
  const out = new Uint16Array(N);
  for (let i = 0; i < N; i++) {
    const nibble = (bytes[i >>> 1] as number) >>> (4 * (i & 1));
    const x = (nibble & 1) + ((nibble >>> 1) & 1);
    const y = ((nibble >>> 2) & 1) + ((nibble >>> 3) & 1);
    out[i] = (x - y + Q) % Q;
  }
  return out;
}

/** SamplePolyCBD with eta = 3: two coefficients of each 12 bits. */
export function sampleCbd3(bytes: Uint8Array): Polynomial {
  const out = new Uint16Array(N);
  const ones = (bits: number) => (bits & 1) + ((bits >>> 1) & 1) + ((bits >>> 2) & 1);
  for (let i = 0; i < N; i++) {
    const at = 6 * i;
    const pair = (bytes[at >>> 3] as number) | ((bytes[(at >>> 3) + 1] ?? 0) << 8);
    const bits = pair >>> (at & 7);
    out[i] = (ones(bits) - ones(bits >>> 3) + Q) % Q;
  }
  return out;
}

/** SampleNTT (algorithm 7) over XOF(rho ‖ first ‖ second): entry [second, first] of A-hat, entry [first, second] of its transpose. */
export function sampleNtt(rho: Uint8Array, first: number, second: number): Polynomial {
  const xof = XOF128(rho);
  const next = xof.get(first, second);
  const out = new Uint16Array(N);
  for (let filled = 0; filled < N; ) {
    const block = next();
    for (let at = 0; at + 3 <= block.length && filled < N; at += 3) {
      const [b0, b1, b2] = [block[at] as number, block[at + 1] as number, block[at + 2] as number];
      const d1 = b0 | ((b1 & 0x0f) << 8);
      const d2 = (b1 >>> 4) | (b2 << 4);
      if (d1 < Q) out[filled++] = d1;
      if (d2 < Q && filled < N) out[filled++] = d2;
    }
  }
  xof.clean();
  return out;
}

/** MultiplyNTTs (algorithm 11), added to `sum`. */
export function multiplyAdd(sum: Polynomial, a: Polynomial, b: Polynomial): void {
  for (let i = 0; i < N; i += 2) {
    const zeta = nttZetas[64 + (i >>> 2)] as number;
    const gamma = (i & 2) === 0 ? zeta : Q - zeta;
    const [a0, a1, b0, b1] = [a[i] as number, a[i + 1] as number, b[i] as number, b[i + 1] as number];
    sum[i] = ((sum[i] as number) + a0 * b0 + ((a1 * b1) % Q) * gamma) % Q;
    sum[i + 1] = ((sum[i + 1] as number) + a0 * b1 + a1 * b0) % Q;
  }
}

/** ByteEncode12 (algorithm 5): 384 bytes. */
export function encode12(polynomial: Polynomial): Uint8Array {
  const out = new Uint8Array((N * 12) / 8);
  for (let i = 0, at = 0; i < N; i += 2) {
    const [first, second] = [polynomial[i] as number, polynomial[i + 1] as number];
    out[at++] = first & 0xff;
    out[at++] = (first >>> 8) | ((second & 0x0f) << 4);
    out[at++] = second >>> 4;
  }
  return out;
}
