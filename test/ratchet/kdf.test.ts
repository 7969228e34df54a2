/**
 * The key derivations of the ratchet against known answers.
 *
 * @spec 03-ratchet §1, §2
 */
import { describe, expect, test } from 'vitest';
import { EMPTY, toHex } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { rootStep } from '../../protocol/ratchet/root.ts';
import { messageKeys, messageSeed, nextChainKey } from '../../protocol/ratchet/symmetric.ts';
import { PROVIDERS } from '../support/peers.ts';

const seq = (first: number) => Uint8Array.from({ length: 32 }, (_, i) => first + i);

describe.each(PROVIDERS)('ratchet KDFs, $name provider', (provider) => {
  test('[DRT-01] root step; the agreement is wiped', () => {
    const agreement = new Secret<'Agreement'>(seq(0));
    const { rootKey, chain } = rootStep(provider, new Secret<'RootKey'>(seq(0x20)), agreement);
    expect(toHex(rootKey.expose())).toBe('491f08b339433c927b9341f68b45461eb8cafcc11188e42ba10a13f90bc2e067');
    expect(toHex(chain.key.expose())).toBe('609f35dfa6e0920341de3c353d54275aeeb172e4c93203e055d3fcef7838987e');
    expect(chain.index).toBe(0);
    expect(agreement.wiped).toBe(true);
  });

  test('[DRT-02] [DRT-03] chain step and message seed', () => {
    expect(toHex(nextChainKey(provider, seq(0)))).toBe(
      '4304c22c84a53755ab08ead8d97a8d429be5efa480682d7ad1da27f73e1fbe1d',
    );
    expect(toHex(messageSeed(provider, seq(0)))).toBe(
      '9b4c8120a4823a95f47cde17a244f4507244ee6e3957d1fab9fa29b44d3829b7',
    );
  });

  test('[DRT-04] message keys without and with the salt of a second ratchet', () => {
    const seed = messageSeed(provider, seq(0));
    const hex = (salt: Uint8Array) => {
      const keys = messageKeys(provider, seed, salt);
      return [keys.cipherKey, keys.macKey, keys.iv].map((key) => toHex(key.expose()));
    };
    const unsalted = [
      '86268814b41f5fd154659f26873660e3dbc8b205155c3b59b8570b015d773c0c',
      'dea51fa5beca2618971c4292647b81e83f2b4edd03e0d292a87ec66e0163abdb',
      '21cfd5b9956a1631f6b7b5b5bdf7b791',
    ];
    expect(hex(EMPTY)).toEqual(unsalted);
    expect(hex(new Uint8Array(32))).toEqual(unsalted);
    expect(hex(seq(0x40))).toEqual([
      '4c4c7c370ac7c6db00368048ee29592887541c4ce2b3ae5c8e712c1758a68847',
      '0103543018172565c7819d1afc4413172c27aa45570d3bdbf3c074e5b2038590',
      'ace3335bcccae1157ee238c21328519d',
    ]);
  });
});
