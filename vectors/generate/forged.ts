/**
 * Signatures that no signer makes and the equation alone accepts.
 *
 * @spec 01-keys §5
 * Owns: s + L, R the identity, signatures under keys with torsion and under u = 9. Must not know: what is signed.
 */
import { concat } from '../../protocol/bytes/bytes.ts';
import { challenge, fromLe, L, Point, signature } from '../../test/crypto/edwards-forge.ts';
import { u32le } from '../../test/support/points.ts';
import { fixed, hex } from './definition.ts';
import type { Pair } from './parties.ts';

const { Fn, Fp } = Point;
type Edwards = InstanceType<typeof Point>;

const bytesOf = (value: string) => Uint8Array.from(Buffer.from(value, 'hex'));

/** The signature with the sign of A where XEdDSA carries it. */
function withSign(made: Uint8Array, A: Uint8Array): string {
  made[63] = (made[63] as number) | ((A[31] as number) & 0x80);
  return hex(made);
}

/** s + L in place of s, under the sign of the original. */
export function withLargeS(good: string): string {
  const bytes = bytesOf(good);
  const sign = (bytes[63] as number) & 0x80;
  bytes[63] = (bytes[63] as number) & 0x7f;
  const made = concat(bytes.subarray(0, 32), u32le(fromLe(bytes.subarray(32)) + L));
  made[63] = (made[63] as number) | sign;
  return hex(made);
}

const scalarOf = (signer: Pair) => Fn.create(fromLe(bytesOf(signer.private)));

/** R the identity and s = h·a: the equation holds, for R is of small order. */
export function withIdentityR(signer: Pair, message: string): string {
  const a = scalarOf(signer);
  const A = Point.BASE.multiply(a).toBytes();
  const R = Point.ZERO.toBytes();
  return withSign(signature(R, Fn.create(challenge(R, A, bytesOf(message)) * a)), A);
}

/** A signature under A of a known scalar, with an h that the order of torsion divides: torsion in A is then not seen. */
function underPoint(A: Edwards, a: bigint, message: string): string {
  const encoded = A.toBytes();
  for (let i = 0; ; i++) {
    const r = Fn.create(fromLe(fixed(`forged ${i}`)));
    const R = Point.BASE.multiply(r).toBytes();
    const h = challenge(R, encoded, bytesOf(message));
    if (h % 8n === 0n) return withSign(signature(R, Fn.create(r + h * a)), encoded);
  }
}

/** A signature that holds under the key with a point of small order added. @param u the key with that point */
export function underTorsioned(signer: Pair, u: Uint8Array, message: string): string {
  const y = Fp.div(Fp.sub(fromLe(u), 1n), Fp.add(fromLe(u), 1n));
  const a = scalarOf(signer);
  const found = Point.fromBytes(u32le(y));
  const own = Point.BASE.multiply(a);
  const isTorsion = (point: Edwards) => point.double().double().double().equals(Point.ZERO);
  const A = [found, found.negate()].find((point) => isTorsion(point.subtract(own)));
  if (A === undefined) throw new Error('the key is not the signer’s with torsion');
  return underPoint(A, a, message);
}

/** A signature under u = 9, the base point, whose scalar everybody knows. */
export function underBasePoint(message: string): string {
  return underPoint(Point.BASE, 1n, message);
}
