/**
 * X25519 public keys that no honest peer sends.
 *
 * @spec 01-keys §2
 * Owns: the small-order and aliased encodings, built here and not copied from a list. Must not know: who refuses them.
 */
import { ed25519 } from '@noble/curves/ed25519.js';

const P = 2n ** 255n - 19n;

/** 32 bytes little-endian. */
export function u32le(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

function fromLe(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

const { Point } = ed25519;
const montgomery = (point: InstanceType<typeof Point>): bigint => {
  const { y } = point.toAffine();
  return Point.Fp.div(Point.Fp.add(1n, y), Point.Fp.sub(1n, y));
};

/** A point of order 8: any point times the group order L, until one has full torsion. */
function orderEight(): InstanceType<typeof Point> {
  for (let y = 2n; ; y++) {
    try {
      const torsion = Point.fromAffine(Point.fromBytes(u32le(y)).toAffine()).multiplyUnsafe(Point.Fn.ORDER - 1n);
      const point = torsion.add(Point.fromBytes(u32le(y)));
      if (!point.double().double().equals(Point.ZERO)) return point;
    } catch {
      // Not every y is on the curve.
    }
  }
}

const T8 = orderEight();

/** The seven u of order 1, 2, 4 and 8 on curve and twist that 255 bits can spell: 0, 1, two of order 8, −1, p, p + 1. */
export const SMALL_ORDER_U: readonly Uint8Array[] = [
  0n,
  1n,
  montgomery(T8),
  montgomery(T8.multiplyUnsafe(3n)),
  P - 1n,
  P,
  P + 1n,
].map(u32le);

/** Each of {@link SMALL_ORDER_U} as is and with bit 255 set. */
export const SMALL_ORDER_ENCODINGS: readonly Uint8Array[] = SMALL_ORDER_U.flatMap((u) => [u, withHighBit(u)]);

/** The same key with bit 255 set: X25519 ignores it, so this is an alias. */
export function withHighBit(u: Uint8Array): Uint8Array {
  const out = u.slice();
  out[31] = (out[31] as number) | 0x80;
  return out;
}

/** u + p, which X25519 takes for u; exists only for u < 19. */
export function unreduced(u: bigint): Uint8Array {
  if (u >= 19n) throw new TypeError('u + p does not fit');
  return u32le(u + P);
}

/** The honest key plus a point of order 8: agrees with every clamped scalar like the honest one, yet differs. */
export function torsioned(u: Uint8Array): Uint8Array {
  const value = fromLe(u);
  const y = Point.Fp.div(Point.Fp.sub(value, 1n), Point.Fp.add(value, 1n));
  return u32le(montgomery(Point.fromBytes(u32le(y)).add(T8)));
}

/** 33 bytes: type byte 05 and u. */
export function wire(u: Uint8Array): Uint8Array {
  return Uint8Array.from([5, ...u]);
}
