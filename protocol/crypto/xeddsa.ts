/**
 * XEdDSA over Curve25519, as deployed: the sign of A travels in bit 7 of the last signature byte.
 *
 * @spec 01-keys §5
 * Owns: the map from Montgomery to Edwards form, signing, reading a signature.
 * Must not know: what is signed. Deviation from the published text: A is not sign-normalised and the scalar not negated.
 * The scalar arithmetic runs on BigInts, which cannot be erased.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { concat } from '../bytes/bytes.ts';
import { type CheckedSignature, checkSignature, type Hash, littleEndian, SIGN_BIT, toLittleEndian } from './edwards.ts';
import { isCanonicalPublicKey } from './keys.ts';
import { SIGNATURE_BYTES } from './provider.ts';

const { Point } = ed25519;
const { Fp, Fn } = Point;

/** hash_1 of the XEdDSA text: FE then 31 bytes of FF. */
const HASH_1_PREFIX = new Uint8Array(32).fill(0xff);
HASH_1_PREFIX[0] = 0xfe;
const LAST = SIGNATURE_BYTES - 1;
/** Random bytes a signature draws. */
export const XEDDSA_RANDOM_BYTES = 64;

/** The Edwards encoding of a canonical u and a sign: y = (u − 1)/(u + 1), which may be on no point; null where u = −1. */
function montgomeryToEdwards(publicKey: Uint8Array, signBit: number): Uint8Array | null {
  const u = littleEndian(publicKey);
  const denominator = Fp.add(u, 1n);
  if (denominator === 0n) return null;
  const encoded = toLittleEndian(Fp.div(Fp.sub(u, 1n), denominator));
  encoded[31] = (encoded[31] as number) | signBit;
  return encoded;
}

/** r = hash_1(k ‖ M ‖ Z) mod L; whoever knows r knows k. */
function secretNonce(sha512: Hash, privateKey: Uint8Array, message: Uint8Array, random: Uint8Array): bigint {
  const input = concat(HASH_1_PREFIX, privateKey, message, random);
  const digest = sha512(input);
  const r = Fn.create(littleEndian(digest));
  input.fill(0);
  digest.fill(0);
  return r;
}

/** Signs with a clamped 32-byte private key and 64 random bytes, which are erased; 64-byte signature. */
export function xeddsaSign(sha512: Hash, privateKey: Uint8Array, message: Uint8Array, random: Uint8Array): Uint8Array {
  // @req KEY-08
  const a = Fn.create(littleEndian(privateKey));
  const A = Point.BASE.multiply(a).toBytes();
  const r = secretNonce(sha512, privateKey, message, random);
  random.fill(0);
  const R = Point.BASE.multiply(r).toBytes();
  const h = Fn.create(littleEndian(sha512(concat(R, A, message))));
  const signature = concat(R, toLittleEndian(Fn.add(r, Fn.mul(h, a))));
  signature[LAST] = (signature[LAST] as number) | ((A[31] as number) & SIGN_BIT);
  return signature;
}

/** Moves the sign from the signature to the key, which leaves an Ed25519 signature to verify; null is a refusal. */
export function checkXeddsa(publicKey: Uint8Array, signature: Uint8Array): CheckedSignature | null {
  // @req KEY-09
  if (signature.length !== SIGNATURE_BYTES || !isCanonicalPublicKey(publicKey)) return null;
  const last = signature[LAST] as number;
  const A = montgomeryToEdwards(publicKey, last & SIGN_BIT);
  if (A === null) return null;
  const unsigned = signature.slice();
  unsigned[LAST] = last & ~SIGN_BIT;
  return checkSignature(A, unsigned);
}
