/**
 * The post-quantum ratchet against answers of the deployed protocol.
 *
 * @spec 08-braid §3 – §8
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import type { Secret } from '../../protocol/bytes/secret.ts';
import { encapsulate1, encapsulate2, splitKey } from '../../protocol/crypto/incremental-ml-kem.ts';
import {
  ciphertextMac,
  firstAuthenticator,
  headerMac,
  updateAuthenticator,
} from '../../protocol/ratchet/braid/authenticator.ts';
import { addEpoch, receiveKey, sendKey, startChain } from '../../protocol/ratchet/braid/chain.ts';
import { epochSecretFrom } from '../../protocol/ratchet/braid/epoch-secret.ts';
import { chunkAt } from '../../protocol/ratchet/braid/erasure.ts';
import { invert, multiply } from '../../protocol/ratchet/braid/gf16.ts';
import { spqrEpoch } from '../../protocol/ratchet/braid/spqr-state.ts';
import { WorkMeter } from '../../protocol/ratchet/work.ts';
import { parties, seq } from '../support/braid.ts';
import { PROVIDERS } from '../support/peers.ts';
import { scriptedRandom } from '../support/seeded-random.ts';

const shake = (data: Uint8Array, outputLength: number): Uint8Array =>
  new Uint8Array(createHash('shake256', { outputLength }).update(data).digest());
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const hex = (secret: Secret) => toHex(secret.expose());

describe('the erasure code', () => {
  test('[BRD-07] products of GF(2^16)', () => {
    const products = [
      [0x0002, 0x8000, 0x100b],
      [0x0003, 0x0007, 0x0009],
      [0x0100, 0x0100, 0x100b],
      [0x1234, 0x5678, 0x6324],
      [0xffff, 0xffff, 0x0733],
      [0xabcd, 0x0101, 0x7226],
      [0x8000, 0x8000, 0x8efa],
      [0xdead, 0xbeef, 0xa837],
    ] as const;
    for (const [a, b, product] of products) {
      expect(multiply(a, b)).toBe(product);
      expect(multiply(b, a)).toBe(product);
      expect(multiply(product, invert(b))).toBe(a);
    }
    expect(() => invert(0)).toThrow(TypeError);
  });

  test.each([
    [64, 0, 'b419b57eb5efdc67a082a547641249bdd2b29c64bed50b9d15958d82c932810b'],
    [64, 1, 'fab1e22566740c472171dc0e38d6c1b095ba4f8f74d5973c2c50dbfc9f0068ba'],
    [64, 2, '29491bc802d26c2cb36f57d5dd9a49ac5ca22bb93ade22d4661f217e65564262'],
    [64, 5, 'd01aaf4218057cda06ab29215bcdc1929991303e6cc8c5aecb44920fd7c3fe63'],
    [64, 1000, '346f45dba6460b118c429f66821a5709b300364d45ef9d048de8d4727a220520'],
    [96, 3, '2b77039a98d9a0e1e6a1862e4b6de460732826210bfbe42e1f26f49a54131503'],
    [96, 5, '6b651d7fbd6e36b4de33ea90c7711d14fa96d5025600087f5947ab4e94fa489e'],
    [96, 1000, '9ab62d2b07bcc2061221b11e220ad62ca7f2e44d2d6ac3c2bd396ab336f1d68b'],
    [160, 5, '15f37c553765c5d930fe8e72dd279b4d80a207ae017b0f303443540fcafb4357'],
    [960, 30, '088d66dc68be88ed6cb4de88b1e8c10ffb1474430ff71615f943870f40e41e46'],
    [960, 65_535, 'aa8cc87cea6a429bea90fa044630c1f6c8e13f451a6b3be4fc134326e196bb9f'],
    [1152, 36, '748511af5594e40d409b0ba210637fc451ba3e9b4cd2b23753a90d3867d3e030'],
    [1152, 70, 'f82344c8fae15661b69edf19329eae18b1fc84952a6dd5f6bb33691a82270c42'],
  ])('[BRD-07] message of %d bytes, chunk %d', (length, index, chunk) => {
    expect(toHex(chunkAt(shake(utf8('spqr-kat'), length), index))).toBe(chunk);
  });

  test('[BRD-07] an affine message', () => {
    const message = seq(0, 64);
    for (const [index, first] of [
      [0, 0x00],
      [1, 0x20],
      [5, 0xa0],
    ] as const) {
      expect(chunkAt(message, index)).toEqual(seq(first));
    }
    const far = '1f331d311b371935173b1539133f113d0f230d210b270925072b0529032f012d';
    expect(toHex(chunkAt(message, 255))).toBe(far);
  });
});

describe.each(PROVIDERS)('known answers, $name provider', (provider) => {
  test('[BRD-09] [BRD-12] keys from the PQ ratchet key', () => {
    const auth = firstAuthenticator(provider, seq(0));
    expect(hex(auth.rootKey)).toBe('eae875be1b0c8ce16b6c7b67a9d4b49f476d93eaf152676b82bd4a1993211a05');
    expect(hex(auth.macKey)).toBe('0d54710b71cef4864e8339471177d3699162c711907b0c5593ce569a0b43c30e');
    const chain = startChain(provider, seq(0), 'A2B');
    expect(hex(chain.rootKey)).toBe('cecef8bfcf6f9248e22dbcaf8aae953e8eda4a2525ee2aca6fdbf00ed3b671d9');
    const [link] = chain.links;
    expect(hex(link?.send.key as Secret)).toBe('cf242eedd7fba9a7092aa6a0ab4683b96e70e2a43876bda97e567fdffb290577');
    expect(hex(link?.receive.key as Secret)).toBe('c6aa9194504352d146ac7f6a8a785d21193ec6ef44719ede0c74d9099414b4f1');
    const first = sendKey(provider, chain, 0);
    expect(first.index).toBe(1);
    expect(hex(first.key)).toBe('4e95e19749223cd40e0790a3f65f4265a51834cdc72602a6eab133b015ed48d9');
    const second = sendKey(provider, first.chain, 0);
    expect(hex(second.key)).toBe('9b631c6f2fb62b8af5bfed5e62b63a19ea39306e8a72a458ad298fef4c18ebbc');
    const theirs = receiveKey(provider, chain, 0, 1, 25_000, new WorkMeter());
    expect(hex(theirs.key)).toBe('68a3239cc4fcb46bb4ce02eabb6d0656df3887c66ac6c8c12b49d89f80ebd844');
  });

  test('[BRD-05] [BRD-09] [BRD-10] [BRD-11] [BRD-12] one epoch', () => {
    const pair = provider.kemFromSeed('ML-KEM-768', seq(0, 64));
    const { header, vector } = splitKey(provider, pair.publicKey);
    expect(toHex(header)).toBe(
      '5e43481c3eeb397eb192505229b67a201ea893c3e2cb32da8bc342fa4dea0578' +
        'a24e16d8f8f9383a95b77050f4d9fd2f5733eec1d63ef3c23ebf9918173669a7',
    );
    expect(sha256(vector)).toBe('61a9c583b9edb3b603c61b0da52a5014a5dfafe2df6174924882c508e419b532');
    const expanded = provider.kemExpand('ML-KEM-768', pair.privateKey);
    expect(sha256(expanded.expose())).toBe('dac268bde6a8dd238e9887117d6b664e7a7a9350ad6b7c08a948e504809572a5');
    const auth = firstAuthenticator(provider, seq(0));
    const macOfHeader = '86ddfd6b052843c71beb7c2a92e1c3ad0d96cdfc48b3865447f8d550ae1b6cd1';
    expect(toHex(headerMac(provider, auth, 1, header))).toBe(macOfHeader);
    const { ct1, sharedSecret, coins } = encapsulate1(provider, header, scriptedRandom([seq(0x40)]));
    expect(hex(sharedSecret)).toBe('9cddd089ffe70e3996e76f7c8d06746df34d07e8657bc0fcf2bb0e1c3084aea1');
    expect(toHex(ct1.subarray(0, 16))).toBe('695a60d9c79f08343ed9ff5802582063');
    expect(sha256(ct1)).toBe('c74ff62fbf0d33c4b45296912986c4d767f1ec60f2730b6caaf0bc8b36fd55d0');
    const ct2 = encapsulate2(provider, header, vector, coins, ct1);
    expect(toHex(ct2.subarray(0, 16))).toBe('d21850752c1099fff98b71bcdaab76f7');
    expect(sha256(ct2)).toBe('fca96fa358ed1da84e0c23f4e2b21c3bf3d62a2b11b6252aee28828b303ef109');
    const ciphertext = concat(ct1, ct2);
    expect(hex(provider.kemDecapsulate('ML-KEM-768', pair.privateKey, ciphertext))).toBe(hex(sharedSecret));
    const damaged = concat(ct1, Uint8Array.of((ct2[0] as number) ^ 1), ct2.subarray(1));
    const implicit = '564d02c6bfa8fe8a5d43ca41dae6812cf32dd3f43730187237db9ec1601d44c4';
    expect(hex(provider.kemDecapsulate('ML-KEM-768', pair.privateKey, damaged))).toBe(implicit);
    const secret = epochSecretFrom(provider, sharedSecret, 1);
    expect(sharedSecret.wiped).toBe(true);
    expect(hex(secret)).toBe('421d4c7f616e305d86f52daf9935cd2a5c1031f0ad568e197137b7d41961eb42');
    const after = updateAuthenticator(provider, auth.rootKey.expose(), 1, secret.expose());
    expect(hex(after.rootKey)).toBe('af5208ea27d4b63ab1e6f46599371f0da649080e7eb39bf0ee38055d423d4456');
    expect(hex(after.macKey)).toBe('609cd905d56ae0c9f726791f750fe8aee1e3350453b65bf8db423fdd3678dc5c');
    const macOfCiphertext = '232ce656ba1737ad6514689532cea9655bca4c13d9030d3a6e7de978c783aa7a';
    expect(toHex(ciphertextMac(provider, after, 1, ciphertext))).toBe(macOfCiphertext);
    const { chain } = addEpoch(provider, startChain(provider, seq(0), 'A2B'), 1, secret.expose());
    expect(hex(chain.rootKey)).toBe('672ab6998edae28d4e4e796332ea96d1309390902e6a9d49c8906a6ada201ac3');
    const sent = sendKey(provider, chain, 1);
    expect(hex(sent.key)).toBe('7fc748e2237e9ce4086ecb282945ea205ee234b15da83d424db2f98836175f82');
    const received = receiveKey(provider, chain, 1, 1, 25_000, new WorkMeter());
    expect(hex(received.key)).toBe('b871799ce4b5bee1df4d8e132b25babae5e7d0504882e3c0121f4775e49f7e96');
  });

  test('[BRD-02] [BRD-15] the first payload', () => {
    const [a] = parties({ provider, random: scriptedRandom([seq(0, 64)]) });
    const rho = '5e43481c3eeb397eb192505229b67a201ea893c3e2cb32da8bc342fa4dea0578';
    expect(toHex(a.send().payload)).toBe(`0101010100${rho}`);
  });
});

/** The n-th request of a party for `length` bytes. */
function transcriptRandom(party: string) {
  let request = 0;
  return (length: number) => {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(request++);
    return shake(concat(utf8(party), number), length);
  };
}

const MESSAGES: Readonly<Record<number, readonly [payload: string, key: string]>> = {
  0: [
    '01010101000937ee1da39a9fdc415b4941e335883dc63d4d61bf627bc86d4f2179e01cae14',
    '4e95e19749223cd40e0790a3f65f4265a51834cdc72602a6eab133b015ed48d9',
  ],
  1: ['01010100', '68a3239cc4fcb46bb4ce02eabb6d0656df3887c66ac6c8c12b49d89f80ebd844'],
  5: [
    '0101030500f9eed7cb0651def8276f39b0d3d2dcc236f8310b494d93921301f6ad4f535dcd',
    '470198db44183b3cdcb8266c2fe91e256e030454b672caf422e031c1e2bd0e8f',
  ],
  6: [
    '0101040200cdf42cbc9ab0e7221514a8bc38967093263f092b5bceb49a3891261cf66d00fb',
    '62b71700ba7d15b35e313aca8ca8da370cb684f247cf18c42203de070b5bacb2',
  ],
  86: ['01020100', '365b793776e0a38060865766fc3006e099b976784b3516db3d551a30626939b1'],
  87: [
    '010201010061ece72dd375eed11d9c1ad5278ea19dd93bb69d52f4aa5f9ca3fbc8c095dc38',
    '225c0174bba10f0612d61d6d35f355ecd476cd2fb1cb5a93bf0ccdc5456b8ca4',
  ],
};

test.each([
  ['all delivered', 400, [], '96fbccfd2f81be021735e310040e9ff44b38bf106c492a97e5afd3133846a755'],
  ['two in seven lost', 600, [2, 5], 'e3156a4a204c988b3eb3accd845acb2d331f83eef8b44679276203f2f6ce5d7a'],
] as const)('[BRD-02] [BRD-12] [BRD-16] whole transcript, %s', (_, count, lost, expected) => {
  const [a] = parties({ random: transcriptRandom('A') });
  const [, b] = parties({ random: transcriptRandom('B') });
  const hash = createHash('sha256');
  for (let i = 0; i < count; i++) {
    const [from, to] = i % 2 === 0 ? [a, b] : [b, a];
    const { payload, key } = from.send();
    hash.update(payload).update(key as Uint8Array);
    const known = MESSAGES[i];
    if (lost.length === 0 && known !== undefined) {
      expect(toHex(payload)).toBe(known[0]);
      expect(key).toEqual(fromHex(known[1]));
    }
    if (lost.some((rest) => i % 7 === rest)) continue;
    expect(to.receive(payload)).toEqual(key);
  }
  expect(hash.digest('hex')).toBe(expected);
  expect([spqrEpoch(a.state), spqrEpoch(b.state)]).toEqual([4, 5]);
});
