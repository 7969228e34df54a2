/**
 * Hashes, MAC, KDF and cipher.
 *
 * @spec 01-keys §4
 */
import { createCipheriv } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EMPTY, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { PROVIDERS } from '../support/peers.ts';
import { refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';

const KEY = new Uint8Array(32).fill(1);
const SHA512_ABC =
  'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f';
const SHA3_512_ABC =
  'b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0';
const IV = new Uint8Array(16).fill(2);

/** Encrypts whole blocks as they are. */
function encryptBlocks(blocks: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-cbc', KEY, IV).setAutoPadding(false);
  return new Uint8Array(Buffer.concat([cipher.update(blocks), cipher.final()]));
}

function blockEnding(...tail: readonly number[]): Uint8Array {
  return Uint8Array.from([...new Uint8Array(16 - tail.length).fill(0x61), ...tail]);
}

describe.each(PROVIDERS)('symmetric, $name', (provider) => {
  test('[KEY-15] hashes of "abc"', () => {
    const abc = utf8('abc');
    expect(toHex(provider.sha256(abc))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(toHex(provider.sha512(abc))).toBe(SHA512_ABC);
    expect(toHex(provider.sha3_256(abc))).toBe('3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532');
    expect(toHex(provider.sha3_512(abc))).toBe(SHA3_512_ABC);
    expect(toHex(provider.shake256(abc, 32))).toBe('483366601360a8771c6863080cc4114d8db44530f8f1e1ee4f94ea37e78b5739');
    expect(provider.shake256(abc, 0)).toEqual(EMPTY);
  });

  test('[KEY-15] no key and no salt mean 32 zero bytes', () => {
    const zeros = new Uint8Array(32);
    expect(provider.hmacSha256(EMPTY, KEY)).toEqual(provider.hmacSha256(zeros, KEY));
    expect(provider.hkdfSha256(KEY, EMPTY, IV, 40)).toEqual(provider.hkdfSha256(KEY, zeros, IV, 40));
    expect(provider.hkdfSha256(EMPTY, EMPTY, EMPTY, 32)).toEqual(provider.hkdfSha256(EMPTY, zeros, EMPTY, 32));
  });

  test('[KEY-15] HKDF gives 0 to 8160 bytes, each length a prefix of the next, whatever the length of the info', () => {
    for (const info of [
      EMPTY,
      new Uint8Array(1024).fill(3),
      new Uint8Array(1025).fill(3),
      new Uint8Array(5000).fill(3),
    ]) {
      const longest = provider.hkdfSha256(KEY, IV, info, 8160);
      expect(longest.length).toBe(8160);
      for (const length of [0, 1, 31, 32, 33, 96, 8159])
        expect(provider.hkdfSha256(KEY, IV, info, length)).toEqual(longest.slice(0, length));
    }
    expect(() => provider.hkdfSha256(KEY, IV, IV, 8161)).toThrow(TypeError);
  });

  test('[KEY-16] AES-256-CBC: round trip at every length around a block, in memory of its own', () => {
    for (let length = 0; length <= 49; length++) {
      const plaintext = new Uint8Array(length).fill(length);
      const ciphertext = provider.aes256CbcEncrypt(KEY, IV, plaintext);
      expect(ciphertext.length).toBe(16 * (Math.floor(length / 16) + 1));
      const again = provider.aes256CbcDecrypt(KEY, IV, ciphertext);
      expect(again).toEqual(plaintext);
      // A view into a shared block would hand its neighbours to whoever clones or reads `.buffer`.
      for (const bytes of [ciphertext, again]) expect(bytes.buffer.byteLength).toBeLessThanOrEqual(ciphertext.length);
    }
  });

  test('[PRIM-11] [KEY-16] every bad padding and length gives the one refusal', () => {
    const endings = [[0], [17], [0x80], [0xff], [1, 2], [2, 3, 3], [...new Uint8Array(15).fill(16)], [15, 16]];
    const bad = endings.map((tail) => encryptBlocks(blockEnding(...tail)));
    const good = provider.aes256CbcEncrypt(KEY, IV, new Uint8Array(40).fill(0x61));
    for (const length of [0, 1, 15, 17, 31, 47, 32]) bad.push(good.slice(0, length));
    for (const ciphertext of bad) {
      const error = refusal(() => provider.aes256CbcDecrypt(KEY, IV, ciphertext));
      expect(error.toJSON()).toEqual({
        code: 'InvalidMessage',
        stage: 'decrypt',
        reason: 'bad-ciphertext',
        field: 'ciphertext',
      });
      expect(error.message).toBe('InvalidMessage (decrypt): bad-ciphertext [ciphertext]');
    }
    reportCount('PRIM-11', 'bad paddings and lengths of the cipher', bad.length);
  });

  test('[KEY-16] a key or IV of another length is a programming error', () => {
    for (const [key, iv] of [
      [KEY.slice(1), IV],
      [KEY.slice(0, 16), IV],
      [EMPTY, IV],
      [KEY, KEY],
      [KEY, EMPTY],
    ] as const) {
      expect(() => provider.aes256CbcEncrypt(key, iv, KEY)).toThrow(TypeError);
      expect(() => provider.aes256CbcDecrypt(key, iv, KEY)).toThrow(TypeError);
    }
  });
});
