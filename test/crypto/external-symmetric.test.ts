/**
 * HMAC, HKDF and AES-CBC against published vectors.
 *
 * @spec 01-keys §4
 */
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../protocol/bytes/bytes.ts';
import { externalOutcome, externalVectors, HAVE_VECTORS, refusals } from '../support/external-vectors.ts';
import { PROVIDERS } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';

interface CbcFile {
  readonly testGroups: readonly {
    readonly keySize: number;
    readonly tests: readonly { readonly key: string; readonly iv: string; readonly ct: string }[];
  }[];
}

describe.each(PROVIDERS)('published symmetric vectors, $name', (provider) => {
  test.skipIf(!HAVE_VECTORS)('[KEY-15] Wycheproof HMAC-SHA256, whole and truncated tags', () => {
    const outcome = externalOutcome('wycheproof/hmac_sha256_test.json', provider);
    if (outcome === null) return;
    reportCount('KEY-15', `Wycheproof HMAC-SHA256, ${provider.name}`, outcome.verdicts.length);
  });

  test.skipIf(!HAVE_VECTORS)('[KEY-15] Wycheproof HKDF-SHA256, too long output refused', () => {
    const outcome = externalOutcome('wycheproof/hkdf_sha256_test.json', provider);
    if (outcome === null) return;
    expect(refusals(outcome)).toEqual({ TypeError: 3 });
    reportCount('KEY-15', `Wycheproof HKDF-SHA256, ${provider.name}`, outcome.verdicts.length);
  });

  test.skipIf(!HAVE_VECTORS)(
    '[PRIM-11] [KEY-16] Wycheproof AES-256-CBC: every bad padding gets the one refusal',
    () => {
      const path = 'wycheproof/aes_cbc_pkcs5_test.json';
      const [outcome, file] = [externalOutcome(path, provider), externalVectors<CbcFile>(path)];
      if (outcome === null || file === null) return;
      expect(refusals(outcome)).toEqual({ 'InvalidMessage bad-ciphertext': 48 });
      // Keys of 128 and 192 bits have no use here, and are no keys of this cipher.
      const others = file.testGroups.filter(({ keySize }) => keySize !== 256).flatMap(({ tests }) => tests);
      expect(others.length).toBe(outcome.unused.length);
      for (const { key, iv, ct } of others)
        expect(() => provider.aes256CbcDecrypt(fromHex(key), fromHex(iv), fromHex(ct))).toThrow(TypeError);
      reportCount('PRIM-11', `Wycheproof AES-256-CBC, ${provider.name}`, outcome.verdicts.length);
    },
  );
});
