/**
 * XEdDSA over Curve25519, as deployed: the sign of A travels in bit 7 of the last signature byte.
 *
 * @spec 01-keys §5
 * Owns: the map from Montgomery to Edwards form, signing, strict verification.
 * Must not know: what is signed. Deviations from the published text: A is not sign-normalised and the scalar not negated
 * (XED-03); verification is stricter than deployed (s < L, no small-order A or R).
 * The scalar arithmetic runs on BigInts, which cannot be erased.
 */
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js';
import { concat, equalBytes } from '../bytes/bytes.ts';
import { isCanonicalPublicKey } from './keys.ts';
import { EC_KEY_BYTES, SIGNATURE_BYTES } from './provider.ts';

const { Point } = ed25519;
const { Fp, Fn } = Point;
type EdwardsPoint = InstanceType<typeof Point>;
type Hash = (data: Uint8Array) => Uint8Array;

/** hash_1 of the XEdDSA text: FE then 31 bytes of FF. */
const HASH_1_PREFIX = new Uint8Array(32).fill(0xff);
HASH_1_PREFIX[0] = 0xfe;
const SIGN_BIT = 0x80;
/** The canonical encodings of the eight points of small order, in lower-case hex. */
export const SMALL_ORDER_ENCODINGS: ReadonlySet<string> = new Set(ED25519_TORSION_SUBGROUP);
/** Random bytes a signature draws. */
export const XEDDSA_RANDOM_BYTES = 64;

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  return value;
}

function toLittleEndian(value: bigint): Uint8Array {
  const out = new Uint8Array(32);
  for (let i = 0, rest = value; i < 32; i++, rest >>= 8n) out[i] = Number(rest & 0xffn);
  return out;
}

/**
 * The Edwards encoding of a Montgomery u with the given sign bit: y = (u − 1)/(u + 1); null where u = −1.
 * Whether a point with that y exists is the decoder's to find out.
 */
export function montgomeryToEdwards(publicKey: Uint8Array, signBit: number): Uint8Array | null {
  const u = Fp.create(littleEndian(publicKey) & ((1n << 255n) - 1n));
  const denominator = Fp.add(u, 1n);
  if (denominator === 0n) return null;
  const encoded = toLittleEndian(Fp.mul(Fp.sub(u, 1n), Fp.inv(denominator)));
  encoded[31] = (encoded[31] as number) | signBit;
  return encoded;
}

/** Signs with a clamped 32-byte private key and 64 random bytes; 64-byte signature (KEY-09). */
export function xeddsaSign(sha512: Hash, privateKey: Uint8Array, message: Uint8Array, random: Uint8Array): Uint8Array {
  // @req KEY-09
  const a = Fn.create(littleEndian(privateKey));
  const A = Point.BASE.multiply(a).toBytes();
  const nonceInput = concat(HASH_1_PREFIX, privateKey, message, random);
  const r = Fn.create(littleEndian(sha512(nonceInput)));
  nonceInput.fill(0);
  const R = Point.BASE.multiply(r).toBytes();
  const h = Fn.create(littleEndian(sha512(concat(R, A, message))));
  const s = Fn.add(r, Fn.mul(h, a));
  const signature = concat(R, toLittleEndian(s));
  signature[63] = ((signature[63] as number) & 0x7f) | ((A[31] as number) & SIGN_BIT);
  return signature;
}

function decodePoint(encoded: Uint8Array): EdwardsPoint | null {
  try {
    return Point.fromBytes(encoded);
  } catch {
    return null;
  }
}

/** The two halves of a signature that has passed every check made without hashing, or null. */
export interface CheckedSignature {
  /** R, 32 bytes as sent. */
  readonly R: Uint8Array;
  /** s without the sign bit, 32 bytes, below L. */
  readonly s: Uint8Array;
  /** The Edwards encoding of the public key, with the signature's sign bit. */
  readonly A: Uint8Array;
}

/** Splits a signature and maps the key; refuses s ≥ L, a non-canonical u and u = −1 (KEY-10). */
export function checkSignature(publicKey: Uint8Array, signature: Uint8Array): CheckedSignature | null {
  // @req KEY-10
  if (signature.length !== SIGNATURE_BYTES || !isCanonicalPublicKey(publicKey)) return null;
  const s = signature.slice(EC_KEY_BYTES);
  s[31] = (s[31] as number) & 0x7f;
  if (littleEndian(s) >= Fn.ORDER) return null;
  const A = montgomeryToEdwards(publicKey, (signature[63] as number) & SIGN_BIT);
  return A === null ? null : { R: signature.slice(0, EC_KEY_BYTES), s, A };
}

/** Cofactorless and byte-exact on R; refuses small-order A and R. Never throws on input. */
export function xeddsaVerify(sha512: Hash, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const checked = checkSignature(publicKey, signature);
  if (checked === null) return false;
  const A = decodePoint(checked.A);
  if (A === null || A.isSmallOrder()) return false;
  const h = Fn.create(littleEndian(sha512(concat(checked.R, checked.A, message))));
  const R = Point.BASE.multiplyUnsafe(littleEndian(checked.s)).subtract(A.multiplyUnsafe(h));
  return !R.isSmallOrder() && equalBytes(R.toBytes(), checked.R);
}
