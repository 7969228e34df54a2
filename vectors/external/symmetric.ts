/**
 * Published HMAC-SHA256, HKDF-SHA256 and AES-256-CBC.
 *
 * @spec 14-vectors §1, 01-keys §4
 * Owns: what a wrong tag, too long an output and bad padding must come to.
 */
import { z } from 'zod';
import { flat, hexBytes, wycheproof } from './shape.ts';
import { family, judge } from './verdict.ts';

/** Whole and truncated tags. */
export const hmacSha256 = family(
  wycheproof(z.object({ tagSize: z.int() }), z.object({ key: hexBytes, msg: hexBytes, tag: hexBytes })),
  (provider, file) => ({
    verdicts: flat(file).map(({ group, vector }) =>
      judge(provider, vector.tcId, (trial) => {
        const make = () => provider.hmacSha256(vector.key, vector.msg).slice(0, group.tagSize / 8);
        if (vector.result === 'valid') trial.equal('tag', ['createHmac'], vector.tag, make);
        else trial.differs('tag', ['createHmac'], vector.tag, make);
      }),
    ),
    unused: [],
  }),
);

/** More than 255 blocks are refused. */
export const hkdfSha256 = family(
  wycheproof(z.object({}), z.object({ ikm: hexBytes, salt: hexBytes, info: hexBytes, size: z.int(), okm: hexBytes })),
  (provider, file) => ({
    verdicts: flat(file).map(({ vector }) =>
      judge(provider, vector.tcId, (trial) => {
        const { ikm, salt, info, size, okm, result } = vector;
        const derive = () => provider.hkdfSha256(ikm, salt, info, size);
        if (result === 'invalid') trial.refuses(['hkdfSync', 'createHmac'], ['TypeError'], derive);
        else trial.equal('okm', ['hkdfSync', 'createHmac'], okm, derive);
      }),
    ),
    unused: [],
  }),
);

/** Every bad padding gets the one refusal. Keys of 128 and 192 bits are no keys of this cipher. */
export const aes256Cbc = family(
  wycheproof(z.object({ keySize: z.int() }), z.object({ key: hexBytes, iv: hexBytes, msg: hexBytes, ct: hexBytes })),
  (provider, file) => {
    const cases = flat(file);
    const ours = cases.filter(({ group }) => group.keySize === 256);
    const others = cases.filter(({ group }) => group.keySize !== 256);
    return {
      verdicts: ours.map(({ vector }) =>
        judge(provider, vector.tcId, (trial) => {
          const { key, iv, msg, ct, result } = vector;
          const decrypt = () => provider.aes256CbcDecrypt(key, iv, ct);
          if (result === 'valid') {
            trial.equal('msg', ['createDecipheriv'], msg, decrypt);
            trial.equal('ct', ['createCipheriv'], ct, () => provider.aes256CbcEncrypt(key, iv, msg));
          } else trial.refuses(['createDecipheriv'], ['InvalidMessage bad-ciphertext'], decrypt);
        }),
      ),
      unused: others.map(({ vector }) => ({ id: String(vector.tcId), reason: 'AES keys of 128 and 192 bits' })),
    };
  },
);
