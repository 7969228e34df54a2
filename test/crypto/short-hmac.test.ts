/**
 * HMAC and HKDF of short inputs against OpenSSL's, at every length where a padding or a fallback could be wrong.
 *
 * @spec 01-keys §4
 */
import { createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { toHex } from '../../protocol/bytes/bytes.ts';
import { SHORT_MESSAGE_BYTES, shortHkdf, shortHmac } from '../../protocol/crypto/short-hmac.ts';
import { PROVIDERS } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';
import { seededRandom } from '../support/seeded-random.ts';

const BLOCK = 64;
const PAST = SHORT_MESSAGE_BYTES + 2 * BLOCK;
const random = seededRandom('short hmac');
const material = random(PAST);

function hmac(key: Uint8Array, data: Uint8Array): string {
  return createHmac('sha256', key).update(data).digest('hex');
}

function hkdf(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): string {
  return Buffer.from(hkdfSync('sha256', ikm, salt, info, length)).toString('hex');
}

describe.each(PROVIDERS)('short inputs, $name', (provider) => {
  test('[KEY-15] HMAC equals OpenSSL at every message length and key length, beyond the short ones too', () => {
    let cases = 0;
    for (let length = 0; length <= PAST; length++, cases++) {
      const data = material.subarray(0, length);
      expect(toHex(provider.hmacSha256(material.subarray(0, 32), data))).toBe(hmac(material.subarray(0, 32), data));
    }
    for (let length = 0; length <= 2 * BLOCK; length++, cases++) {
      const key = material.subarray(0, length);
      expect(toHex(provider.hmacSha256(key, material))).toBe(hmac(key, material));
      expect(toHex(provider.hmacSha256(key, material.subarray(7, 8)))).toBe(hmac(key, material.subarray(7, 8)));
    }
    reportCount('KEY-15', `HMAC lengths, ${provider.name}`, cases);
  });

  test('[KEY-15] HKDF equals OpenSSL at every length of input, salt, info and output', () => {
    let cases = 0;
    const same = (ikm: number, salt: number, info: number, length: number): void => {
      const parts = [ikm, salt, info].map((n, i) => material.subarray(i, i + n)) as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ];
      expect(toHex(provider.hkdfSha256(...parts, length))).toBe(hkdf(...parts, length));
      cases++;
    };
    for (let n = 1; n <= PAST; n++) same(n, 32, 10, 64);
    for (let n = 0; n <= 2 * BLOCK; n++) same(32, n, 10, 64);
    for (let n = 0; n <= PAST; n++) same(32, 0, n, 96);
    for (let n = 1; n <= 8160; n += 31) same(32, 32, 10, n);
    reportCount('KEY-15', `HKDF lengths, ${provider.name}`, cases);
  });
});

test('[KEY-15] what is too long is left to others, and nothing is carried from one call to the next', () => {
  const longest = material.subarray(0, SHORT_MESSAGE_BYTES);
  const key = material.subarray(0, 32);
  expect(shortHmac(key, longest)).not.toBeNull();
  expect(shortHmac(key, material.subarray(0, SHORT_MESSAGE_BYTES + 1))).toBeNull();
  expect(shortHmac(material.subarray(0, BLOCK + 1), key)).toBeNull();
  expect(shortHkdf(key, material.subarray(0, BLOCK + 1), key, 32)).toBeNull();
  expect(shortHkdf(key, key, longest, 32)).toBeNull();
  const once = shortHmac(key, key) as Uint8Array;
  shortHkdf(longest, key, key, 300);
  shortHmac(key, longest);
  expect(shortHmac(key, key)).toEqual(once);
});

test('[KEY-18] a call leaves nothing of its key or its data in the buffers that all calls share', async () => {
  const shared: (Int32Array | Uint8Array)[] = [];
  const noting = <T extends typeof Int32Array | typeof Uint8Array>(type: T): T =>
    new Proxy(type, {
      construct(target, args, newTarget) {
        const made: Int32Array | Uint8Array = Reflect.construct(target, args, newTarget);
        shared.push(made);
        return made;
      },
    });
  vi.stubGlobal('Int32Array', noting(Int32Array));
  vi.stubGlobal('Uint8Array', noting(Uint8Array));
  vi.resetModules();
  const module = await import('../../protocol/crypto/short-hmac.ts');
  vi.unstubAllGlobals();
  // What stands in them from the beginning is public: the first chaining value, and the state of a key of zeros.
  const before = shared.map(String);
  expect(before.length).toBeGreaterThan(8);
  const unclean = () =>
    shared.filter((buffer, i) => String(buffer) !== before[i] && buffer.some((value) => value !== 0));
  const key = material.subarray(0, 32);
  for (const call of [
    () => module.shortHmac(key, material.subarray(0, SHORT_MESSAGE_BYTES)),
    () => module.shortHkdf(key, key, material.subarray(0, 100), 96),
    () => module.shortHkdf(key, new Uint8Array(0), key, 64),
  ]) {
    expect(call()).not.toBeNull();
    expect(unclean()).toEqual([]);
  }
});
