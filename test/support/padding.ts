/**
 * CBC ciphertexts whose padding or length is wrong.
 *
 * @spec 04-messages §4
 * Owns: encrypting blocks that end as PKCS#7 never does. Must not know: MACs.
 */
import { createCipheriv } from 'node:crypto';
import { nextMessageKeys } from './forge.ts';
import type { Peer } from './peers.ts';

/** Ciphertexts under the keys of the next message of `from`: every kind of bad padding, every length but whole blocks. */
export function aesBlocks(from: Peer, to: Peer): Uint8Array[] {
  const keys = nextMessageKeys(from, to);
  const encrypt = (blocks: Uint8Array): Uint8Array => {
    const cipher = createCipheriv('aes-256-cbc', keys.cipherKey.expose(), keys.iv.expose()).setAutoPadding(false);
    return new Uint8Array(Buffer.concat([cipher.update(blocks), cipher.final()]));
  };
  const ending = (...tail: readonly number[]) =>
    Uint8Array.from([...new Uint8Array(32 - tail.length).fill(0x61), ...tail]);
  const badPaddings = [
    ending(0),
    ending(17),
    ending(0xff),
    ending(0x61),
    ending(1, 2),
    ending(3, 2, 3),
    ending(2, 3, 3),
    Uint8Array.from([...new Uint8Array(16).fill(16), 15, ...new Uint8Array(15).fill(16)]),
    new Uint8Array(16),
    new Uint8Array(16).fill(17),
  ];
  const whole = encrypt(ending(1));
  const badLengths = [0, 1, 15, 17, 31].map((length) => whole.slice(0, length));
  return [...badPaddings.map(encrypt), ...badLengths];
}
