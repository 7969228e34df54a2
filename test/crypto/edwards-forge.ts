/**
 * Signatures that nobody should make, with every intermediate value in the maker's hands.
 *
 * @spec 01-keys §5
 * Owns: the signature equation over chosen points. Must not know: who verifies.
 */
import { createHash } from 'node:crypto';
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js';
import { concat } from '../../protocol/bytes/bytes.ts';
import type { CryptoProvider, RandomSource } from '../../protocol/crypto/provider.ts';
import { u32le } from '../support/points.ts';

export const { Point } = ed25519;
const { Fp, Fn } = Point;
type Edwards = InstanceType<typeof Point>;

/** The order of the prime-order subgroup. */
export const L: bigint = Fn.ORDER;
/** The eight points of small order, each encoded. */
export const SMALL_ORDER_POINTS: readonly Uint8Array[] = ED25519_TORSION_SUBGROUP.map((hex) =>
  Point.fromHex(hex).toBytes(),
);
/** A point of order 8. */
export const T8: Edwards = SMALL_ORDER_POINTS.map((encoded) => Point.fromBytes(encoded)).find(
  (point) => !point.double().double().equals(Point.ZERO),
) as Edwards;

export function fromLe(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** h of the signature equation. */
export function challenge(R: Uint8Array, A: Uint8Array, message: Uint8Array): bigint {
  return Fn.create(
    fromLe(
      createHash('sha512')
        .update(concat(R, A, message))
        .digest(),
    ),
  );
}

/** R ‖ s. */
export function signature(R: Uint8Array, s: bigint): Uint8Array {
  return concat(R, u32le(s));
}

/** A key whose parts are known: scalar a, Edwards point A, Montgomery u, and the sign that XEdDSA carries. */
export interface OpenKey {
  readonly a: bigint;
  readonly A: Edwards;
  readonly u: Uint8Array;
}

export function openKey(provider: CryptoProvider, random: RandomSource): OpenKey {
  const { publicKey, privateKey } = provider.x25519Generate(random);
  const a = Fn.create(fromLe(privateKey.expose()));
  return { a, A: Point.BASE.multiply(a), u: publicKey };
}

/** The Montgomery u of an Edwards point. */
export function montgomeryOf(point: Edwards): Uint8Array {
  const { y } = point.toAffine();
  return u32le(Fp.div(Fp.add(1n, y), Fp.sub(1n, y)));
}

/** Moves the sign of A into the signature, as XEdDSA does. */
export function withSignOf(A: Uint8Array, ed25519Signature: Uint8Array): Uint8Array {
  const out = ed25519Signature.slice();
  out[63] = (out[63] as number) | ((A[31] as number) & 0x80);
  return out;
}

/** s = r + ha mod L for a given R, whatever R is. */
export function answer(r: bigint, R: Uint8Array, A: Uint8Array, a: bigint, message: Uint8Array): bigint {
  return Fn.add(Fn.create(r), Fn.mul(challenge(R, A, message), a));
}
