/**
 * Vectors of a symmetric chain, and of the HKDF under everything.
 *
 * @spec 03-ratchet §2
 * Owns: its tests. Must not know: ratchets.
 */
import { toHex, utf8 } from '../../../protocol/bytes/bytes.ts';
import type { CallDefinition, Family } from '../definition.ts';
import { fixedHex } from '../definition.ts';

const steps: CallDefinition[] = [0, 1, 2, 3, 9, 99, 999, 1_999, 2_000, 24_999, 25_000].flatMap((index) =>
  [false, true].map((salted): CallDefinition => {
    const args = { chainKey: fixedHex(`chain ${index}`), index };
    return {
      comment: `keys of message ${index}${salted ? ', salted by the post-quantum ratchet' : ''}`,
      req: ['DRT-02', 'DRT-03', 'DRT-04'],
      flags: salted ? ['Salted'] : [],
      args: salted ? { ...args, pqKey: fixedHex(`chain ${index}, salt`) } : args,
      trace: true,
    };
  }),
);

const extremes: CallDefinition[] = [
  ['all zero', '00'.repeat(32)],
  ['all one', 'ff'.repeat(32)],
].map(([name, chainKey]) => ({
  comment: `a chain key of bits ${name}`,
  req: ['DRT-02', 'DRT-03', 'DRT-04'],
  args: { chainKey: chainKey as string },
  trace: true,
}));

const INFOS = ['', 'WhisperText', 'WhisperRatchet', 'WhisperMessageKeys', 'WhisperGroup'];

const hkdfs: CallDefinition[] = [1, 31, 32, 33, 50, 64, 80, 96, 160, 8_160].flatMap((length) =>
  INFOS.slice(0, length === 80 ? 5 : 2).map(
    (info): CallDefinition => ({
      comment: `${length} bytes, info "${info}"`,
      req: ['KEY-15'],
      args: {
        ikm: fixedHex(`hkdf ${length}`, 32 + (length % 64)),
        ...(length % 2 === 0 ? { salt: fixedHex(`hkdf ${length}, salt`) } : {}),
        info: toHex(utf8(info)),
        length,
      },
      // Under a label of the protocol the values on the way would have the protocol's names.
      trace: info === '',
    }),
  ),
);

export const symmetricChain: Family = {
  name: 'symmetric-chain',
  algorithm: 'HMAC-SHA256 chain of the Double Ratchet, HKDF-SHA256',
  header: ['CK′ = HMAC(CK, 02), S = HMAC(CK, 01), keys = HKDF(S, salt, "WhisperMessageKeys", 80).'],
  notes: { Salted: { description: 'The salt of the message keys is the key of the post-quantum ratchet.' } },
  groups: [
    { type: 'ChainStep', spec: 'spec/03-ratchet.md §2', op: 'chain.step', tests: [...steps, ...extremes] },
    { type: 'Hkdf', spec: 'spec/01-keys.md §4', op: 'hkdf', tests: hkdfs },
  ],
};
