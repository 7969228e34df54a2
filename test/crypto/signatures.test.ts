/**
 * Which signatures are accepted: XEdDSA of identities, and Ed25519 of relay requests, by the same rule.
 *
 * @spec 01-keys §5
 */
import { describe, expect, test } from 'vitest';
import { concat, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { PROVIDERS } from '../support/peers.ts';
import { SMALL_ORDER_ENCODINGS, u32le, unreduced, withHighBit } from '../support/points.ts';
import { reportCount } from '../support/report.ts';
import { scriptedRandom, seededRandom } from '../support/seeded-random.ts';
import {
  answer,
  challenge,
  fromLe,
  L,
  montgomeryOf,
  openKey,
  Point,
  SMALL_ORDER_POINTS,
  signature,
  T8,
  withSignOf,
} from './edwards-forge.ts';

const MESSAGE = utf8('signed prekey');
const TRIALS = 48;

/** Both verifiers on the same key and signature; XEdDSA gets the sign of A in the signature. */
function verdicts(provider: CryptoProvider, A: Uint8Array, u: Uint8Array, message: Uint8Array, sig: Uint8Array) {
  return [provider.xeddsaVerify(u, message, withSignOf(A, sig)), provider.ed25519Verify(A, message, sig)] as const;
}
const REFUSED = [false, false];

function flipped(bytes: Uint8Array, at: number, mask: number): Uint8Array {
  const out = bytes.slice();
  out[at] = (out[at] as number) ^ mask;
  return out;
}

describe.each(PROVIDERS)('signatures, $name', (provider) => {
  const random = seededRandom(`signatures ${provider.name}`);
  const key = openKey(provider, random);
  const A = key.A.toBytes();
  const pair = provider.x25519Generate(random);
  const sign = (message = MESSAGE) => provider.xeddsaSign(pair.privateKey, message, random);
  const verify = (sig: Uint8Array, message = MESSAGE) => provider.xeddsaVerify(pair.publicKey, message, sig);
  /** An honest signature by the open key, nonce in hand. */
  const honest = (r: bigint, message = MESSAGE) => {
    const R = Point.BASE.multiply(r).toBytes();
    return signature(R, answer(r, R, A, key.a, message));
  };

  test('[KEY-08] signs with 64 fresh bytes: two signatures differ, both verify, with either sign of A', () => {
    expect(toHex(sign())).not.toBe(toHex(sign()));
    const signs = new Set<number>();
    for (let i = 0; i < 16; i++) {
      const { publicKey, privateKey } = provider.x25519Generate(random);
      const sig = provider.xeddsaSign(privateKey, MESSAGE, random);
      signs.add((sig[63] as number) & 0x80);
      expect(provider.xeddsaVerify(publicKey, MESSAGE, sig)).toBe(true);
    }
    expect(signs.size).toBe(2);
    const draws = scriptedRandom([new Uint8Array(64).fill(3)]);
    provider.xeddsaSign(pair.privateKey, MESSAGE, draws);
    expect(draws.left()).toBe(0);
  });

  test('[KEY-11] the hand-made honest signature is accepted, so that what follows is refused for its own reason', () => {
    expect(verdicts(provider, A, key.u, MESSAGE, honest(5n))).toEqual([true, true]);
  });

  test('[PRIM-05] [KEY-10] s + L and every s + kL that fits is refused', () => {
    const sig = honest(7n);
    const s = fromLe(sig.subarray(32));
    let count = 0;
    for (let k = 1n; s + k * L < 2n ** 256n; k++, count++) {
      const malleated = signature(sig.subarray(0, 32), s + k * L);
      expect(provider.ed25519Verify(A, MESSAGE, malleated), `k=${k}`).toBe(false);
      // With XEdDSA bit 255 is the sign of A, so only smaller values can be sent.
      if (s + k * L < 2n ** 255n) expect(verdicts(provider, A, key.u, MESSAGE, malleated), `k=${k}`).toEqual(REFUSED);
    }
    expect(provider.ed25519Verify(A, MESSAGE, signature(sig.subarray(0, 32), L))).toBe(false);
    reportCount('PRIM-05', 'signatures with s of L or more', count + 1);
  });

  test('[PRIM-05] [KEY-09] sign bit flipped, bits 253 and 254 set, other lengths, zeros', () => {
    const sig = sign();
    expect(verify(sig)).toBe(true);
    for (const bit of [0x80, 0x40, 0x20]) expect(verify(flipped(sig, 63, bit))).toBe(false);
    for (const length of [0, 32, 63]) expect(verify(sig.slice(0, length))).toBe(false);
    expect(verify(concat(sig, Uint8Array.of(0)))).toBe(false);
    expect(verify(new Uint8Array(64))).toBe(false);
    expect(verify(sig, utf8('another'))).toBe(false);
    for (let at = 0; at < 64; at++) expect(verify(flipped(sig, at, 1))).toBe(false);
  });

  test('[PRIM-05] [KEY-11] R of small order: all eight points, and their non-canonical spellings', () => {
    const aliases = [withHighBit(u32le(1n)), withHighBit(u32le(2n ** 255n - 20n)), unreduced(0n), unreduced(1n)];
    const encodings = [...SMALL_ORDER_POINTS, ...aliases, ...aliases.map(withHighBit)];
    for (const R of encodings) {
      // R' = sB − hA is the identity here; 8R = 0 lets a cofactored verifier accept every one of them.
      const sig = signature(R, answer(0n, R, A, key.a, MESSAGE));
      expect(verdicts(provider, A, key.u, MESSAGE, sig), toHex(R)).toEqual(REFUSED);
    }
    reportCount('PRIM-05', 'small-order and non-canonical R', encodings.length);
  });

  test('[PRIM-05] [KEY-11] A of small order: forgeries that need no private key', () => {
    let count = 0;
    for (const u of SMALL_ORDER_ENCODINGS) {
      for (let r = 1n; r <= TRIALS; r++, count++) {
        const sig = signature(Point.BASE.multiply(r).toBytes(), r);
        expect(provider.xeddsaVerify(u, u32le(r), sig)).toBe(false);
        expect(provider.xeddsaVerify(u, u32le(r), flipped(sig, 63, 0x80))).toBe(false);
      }
    }
    const noPoint = [withHighBit(u32le(1n)), withHighBit(u32le(2n ** 255n - 20n)), unreduced(0n), unreduced(1n)];
    for (const small of [...SMALL_ORDER_POINTS, ...noPoint, ...noPoint.map(withHighBit)]) {
      for (let r = 1n; r <= TRIALS; r++, count++) {
        const sig = signature(Point.BASE.multiply(r).toBytes(), r);
        expect(provider.ed25519Verify(small, u32le(r), sig), toHex(small)).toBe(false);
      }
    }
    reportCount('PRIM-05', 'forgeries under small-order keys', count);
  });

  test('[PRIM-05] [KEY-11] R with torsion is refused: the check is without cofactor', () => {
    for (let r = 1n; r <= TRIALS; r++) {
      const R = Point.BASE.multiply(r).add(T8).toBytes();
      const sig = signature(R, answer(r, R, A, key.a, MESSAGE));
      expect(verdicts(provider, A, key.u, MESSAGE, sig)).toEqual(REFUSED);
    }
  });

  test('[KEY-11] A with torsion: accepted exactly when h is a multiple of 8, by both verifiers', () => {
    const mixed = key.A.add(T8);
    const encoded = mixed.toBytes();
    const outcomes = new Set<boolean>();
    for (let r = 1n; r <= TRIALS; r++) {
      const R = Point.BASE.multiply(r).toBytes();
      const sig = signature(R, answer(r, R, encoded, key.a, MESSAGE));
      const expected = challenge(R, encoded, MESSAGE) % 8n === 0n;
      expect(verdicts(provider, encoded, montgomeryOf(mixed), MESSAGE, sig)).toEqual([expected, expected]);
      outcomes.add(expected);
    }
    expect(outcomes.size).toBe(2);
  });

  test('[PRIM-04] [PRIM-05] [KEY-09] aliases of the key and u = −1 verify nothing', () => {
    const sig = sign();
    expect(provider.xeddsaVerify(withHighBit(pair.publicKey), MESSAGE, sig)).toBe(false);
    expect(provider.xeddsaVerify(u32le(2n ** 255n - 20n), MESSAGE, sig)).toBe(false);
    expect(provider.xeddsaVerify(unreduced(9n), MESSAGE, sig)).toBe(false);
    for (const length of [0, 31, 33]) {
      expect(provider.xeddsaVerify(new Uint8Array(length), MESSAGE, sig)).toBe(false);
      expect(provider.ed25519Verify(new Uint8Array(length), MESSAGE, sig)).toBe(false);
    }
    // The base point is the public key of a = 1, and u = 9 has an alias that 255 bits can spell.
    const R = Point.BASE.multiply(11n).toBytes();
    const base = Point.BASE.toBytes();
    const byBase = withSignOf(base, signature(R, answer(11n, R, base, 1n, MESSAGE)));
    expect(provider.xeddsaVerify(u32le(9n), MESSAGE, byBase)).toBe(true);
    expect(provider.xeddsaVerify(unreduced(9n), MESSAGE, byBase)).toBe(false);
    // A u on the twist is the key of no Edwards point.
    for (const twist of [2n, 3n, 5n]) expect(provider.xeddsaVerify(u32le(twist), MESSAGE, sig)).toBe(false);
  });

  test('[KEY-11] Ed25519 request keys: RFC 8032 signatures verify, damaged ones do not', () => {
    const auth = provider.ed25519Generate(random);
    const sig = provider.ed25519Sign(auth.privateKey, MESSAGE);
    expect(provider.ed25519Verify(auth.publicKey, MESSAGE, sig)).toBe(true);
    expect(toHex(provider.ed25519Sign(auth.privateKey, MESSAGE))).toBe(toHex(sig));
    for (let at = 0; at < 64; at++)
      expect(provider.ed25519Verify(auth.publicKey, MESSAGE, flipped(sig, at, 1))).toBe(false);
  });
});
