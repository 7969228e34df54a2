/**
 * Which Ed25519 signatures are accepted.
 *
 * @spec 01-keys §5
 * Owns: little-endian numbers, the checks that need no hashing, and verification without a native library.
 * Must not know: Montgomery keys, what is signed. The rule: s < L, A canonical, neither A nor R of small order, and
 * R = sB − hA byte for byte, without cofactor.
 */
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js';
import { concat, equalBytes, toHex } from '../bytes/bytes.ts';
import { isCanonicalPublicKey } from './keys.ts';
import { EC_KEY_BYTES, SIGNATURE_BYTES } from './provider.ts';

const { Point } = ed25519;
const { Fn } = Point;
/** Hash functions are passed in, as each provider has its own. */
export type Hash = (data: Uint8Array) => Uint8Array;

/** Bit 7 of the last byte of a point's encoding: the sign of x. */
export const SIGN_BIT = 0x80;

/** A signature that has passed every check made without hashing. */
export interface CheckedSignature {
  /** The public key, 32 bytes, encoded as an Edwards point. */
  readonly A: Uint8Array;
  /** First half of the signature, 32 bytes as sent. */
  readonly R: Uint8Array;
  /** Second half, 32 bytes, below L. */
  readonly s: Uint8Array;
}

export function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  return value;
}

/** 32 bytes. */
export function toLittleEndian(value: bigint): Uint8Array {
  const out = new Uint8Array(EC_KEY_BYTES);
  for (let i = 0, rest = value; i < EC_KEY_BYTES; i++, rest >>= 8n) out[i] = Number(rest & 0xffn);
  return out;
}

/** The y of an encoded point: the encoding without the sign of x. */
function yBytes(encoded: Uint8Array): Uint8Array {
  const y = encoded.slice();
  y[31] = (y[31] as number) & ~SIGN_BIT;
  return y;
}

/** The y of the eight points of small order. A sign bit on x = 0 is no point, yet some verifiers read it as one. */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set(
  ED25519_TORSION_SUBGROUP.map((hex) => toHex(yBytes(Point.fromHex(hex).toBytes()))),
);

function isSmallOrder(encoded: Uint8Array): boolean {
  return SMALL_ORDER_Y.has(toHex(yBytes(encoded)));
}

/** Splits R ‖ s and checks it with the key; null is a refusal. */
export function checkSignature(publicKey: Uint8Array, signature: Uint8Array): CheckedSignature | null {
  if (publicKey.length !== EC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return null;
  const R = signature.slice(0, EC_KEY_BYTES);
  const s = signature.slice(EC_KEY_BYTES);
  // @req KEY-10
  if (littleEndian(s) >= Fn.ORDER) return null;
  // @req KEY-11
  if (!isCanonicalPublicKey(yBytes(publicKey)) || isSmallOrder(publicKey) || isSmallOrder(R)) return null;
  return { A: publicKey.slice(), R, s };
}

/** R = sB − hA with h = SHA-512(R ‖ A ‖ M), compared as bytes. Never throws on input. */
export function verifySignature(sha512: Hash, { A, R, s }: CheckedSignature, message: Uint8Array): boolean {
  try {
    const h = Fn.create(littleEndian(sha512(concat(R, A, message))));
    const computed = Point.BASE.multiplyUnsafe(littleEndian(s)).subtract(Point.fromBytes(A).multiplyUnsafe(h));
    return equalBytes(computed.toBytes(), R);
  } catch {
    // A is not on the curve.
    return false;
  }
}
