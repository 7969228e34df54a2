/**
 * HMAC, HKDF and AES-CBC against published vectors.
 *
 * @spec 01-keys §4
 */
import { describe, expect, test } from 'vitest';
import { equalBytes, toHex } from '../../protocol/bytes/bytes.ts';
import { HAVE_VECTORS } from '../support/external-vectors.ts';
import { PROVIDERS } from '../support/peers.ts';
import { refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { hex, vectorCases } from './external.ts';

describe.each(PROVIDERS)('published symmetric vectors, $name', (provider) => {
  test.skipIf(!HAVE_VECTORS)('[KEY-15] Wycheproof HMAC-SHA256, whole and truncated tags', () => {
    const cases = vectorCases('wycheproof/hmac_sha256_test.json', 174);
    if (cases === null) return;
    for (const { group, vector } of cases) {
      const tag = provider.hmacSha256(hex(vector, 'key'), hex(vector, 'msg')).slice(0, Number(group.tagSize) / 8);
      expect(equalBytes(tag, hex(vector, 'tag')), `tcId ${vector.tcId}`).toBe(vector.result === 'valid');
    }
    reportCount('KEY-15', `Wycheproof HMAC-SHA256, ${provider.name}`, cases.length);
  });

  test.skipIf(!HAVE_VECTORS)('[KEY-15] Wycheproof HKDF-SHA256, too long output refused', () => {
    const cases = vectorCases('wycheproof/hkdf_sha256_test.json', 86);
    if (cases === null) return;
    for (const { vector } of cases) {
      const [ikm, salt, info] = [hex(vector, 'ikm'), hex(vector, 'salt'), hex(vector, 'info')];
      const derive = () => toHex(provider.hkdfSha256(ikm, salt, info, Number(vector.size)));
      if (vector.result === 'valid') expect(derive(), `tcId ${vector.tcId}`).toBe(vector.okm);
      else expect(derive, `tcId ${vector.tcId}`).toThrow(TypeError);
    }
    reportCount('KEY-15', `Wycheproof HKDF-SHA256, ${provider.name}`, cases.length);
  });

  test.skipIf(!HAVE_VECTORS)(
    '[PRIM-11] [KEY-16] Wycheproof AES-256-CBC: every bad padding gets the one refusal',
    () => {
      const all = vectorCases('wycheproof/aes_cbc_pkcs5_test.json', 216);
      if (all === null) return;
      // Keys of 128 and 192 bits have no use here, and are no keys of this cipher.
      const cases = all.filter(({ group }) => group.keySize === 256);
      expect(cases.length).toBe(72);
      for (const { vector } of cases) {
        const [key, iv, ciphertext] = [hex(vector, 'key'), hex(vector, 'iv'), hex(vector, 'ct')];
        const decrypt = () => provider.aes256CbcDecrypt(key, iv, ciphertext);
        if (vector.result === 'valid') {
          expect(toHex(decrypt()), `tcId ${vector.tcId}`).toBe(vector.msg);
          expect(toHex(provider.aes256CbcEncrypt(key, iv, hex(vector, 'msg')))).toBe(vector.ct);
        } else expect(refusal(decrypt).message).toBe('InvalidMessage (decrypt): bad-ciphertext [ciphertext]');
      }
      for (const { vector } of all.filter(({ group }) => group.keySize !== 256))
        expect(() => provider.aes256CbcDecrypt(hex(vector, 'key'), hex(vector, 'iv'), hex(vector, 'ct'))).toThrow(
          TypeError,
        );
      reportCount('PRIM-11', `Wycheproof AES-256-CBC, ${provider.name}`, cases.length);
    },
  );
});
