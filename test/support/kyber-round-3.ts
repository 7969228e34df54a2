/**
 * Key generation of CRYSTALS-Kyber-1024 round 3, which seeds otherwise than FIPS 203: for published vectors alone.
 *
 * @spec 01-keys §6
 * Owns: K-PKE key generation with G(d). Must not know: this project's KEMs.
 */
import { sha3_256, sha3_512, shake256 } from '@noble/hashes/sha3.js';
import { genCrystals, XOF128 } from '@noble/post-quantum/_crystals.js';
import { concat } from '../../protocol/bytes/bytes.ts';

type Polynomial = Uint16Array<ArrayBuffer>;

const [K, N, Q] = [4, 256, 3329];
const { NTT, nttZetas, bitsCoder } = genCrystals({
  N,
  Q,
  F: 3303,
  ROOT_OF_UNITY: 17,
  newPoly: (length: number) => new Uint16Array(length),
  brvBits: 7,
  isKyber: true,
});
const coder = bitsCoder(12, { encode: (i: number) => i, decode: (i: number) => i });

function noise(sigma: Uint8Array, nonce: number): Polynomial {
  const bytes = shake256(concat(sigma, Uint8Array.of(nonce)), { dkLen: 128 });
  const out = new Uint16Array(N);
  for (let i = 0; i < N; i++) {
    const nibble = (bytes[i >> 1] as number) >> (4 * (i & 1));
    out[i] = ((nibble & 1) + ((nibble >> 1) & 1) - ((nibble >> 2) & 1) - ((nibble >> 3) & 1) + Q) % Q;
  }
  NTT.encode(out);
  return out;
}

function uniform(rho: Uint8Array, row: number, column: number): Polynomial {
  const next = XOF128(rho).get(column, row);
  const out = new Uint16Array(N);
  for (let filled = 0; filled < N; ) {
    const block = next();
    for (let at = 0; at < block.length; at += 3) {
      const word = (block[at] as number) | ((block[at + 1] as number) << 8) | ((block[at + 2] as number) << 16);
      for (const value of [word & 0xfff, word >> 12]) if (value < Q && filled < N) out[filled++] = value;
    }
  }
  return out;
}

function addProduct(sum: Polynomial, a: Polynomial, b: Polynomial): void {
  for (let i = 0; i < N; i += 2) {
    const zeta = nttZetas[64 + (i >> 2)] as number;
    const gamma = (i & 2) === 0 ? zeta : Q - zeta;
    const [a0 = 0, a1 = 0] = a.subarray(i, i + 2);
    const [b0 = 0, b1 = 0] = b.subarray(i, i + 2);
    sum[i] = ((sum[i] as number) + a0 * b0 + ((a1 * b1) % Q) * gamma) % Q;
    sum[i + 1] = ((sum[i + 1] as number) + a0 * b1 + a1 * b0) % Q;
  }
}

/** The key pair of a 64-byte seed d ‖ z: public key 1,568 bytes, expanded private key 3,168 bytes. */
export function roundThreeKeyPair(seed: Uint8Array): { publicKey: Uint8Array; privateKey: Uint8Array } {
  const hash = sha3_512(seed.subarray(0, 32));
  const [rho, sigma] = [hash.subarray(0, 32), hash.subarray(32)];
  const s = Array.from({ length: K }, (_, i) => noise(sigma, i));
  const t = Array.from({ length: K }, (_, i) => noise(sigma, K + i));
  for (const [row, sum] of t.entries()) {
    for (const [column, secret] of s.entries()) addProduct(sum, uniform(rho, row, column), secret);
  }
  const publicKey = concat(...t.map((polynomial) => coder.encode(polynomial)), rho);
  const parts = s.map((polynomial) => coder.encode(polynomial));
  return { publicKey, privateKey: concat(...parts, publicKey, sha3_256(publicKey), seed.subarray(32)) };
}
