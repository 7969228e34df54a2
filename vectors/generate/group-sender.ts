/**
 * Senders to a group whose every key is known, and what they send, honest or not.
 *
 * @spec 13-groups §2 … §4
 * Owns: distributions and messages of any iteration, over any bytes, under any signature. Must not know: receivers, tests.
 */
import { concat, utf8 } from '../../protocol/bytes/bytes.ts';
import { encodeSenderKeyDistribution, encodeSenderKeyMessage } from '../../protocol/codec/sender-key.ts';
import { nobleProvider as provider } from '../../protocol/crypto/noble.ts';
import { groupMessageKeys } from '../../protocol/group/chain.ts';
import { messageSeed, nextChainKey } from '../../protocol/ratchet/symmetric.ts';
import { fixed, hex } from './definition.ts';
import { type Pair, pair, sign } from './parties.ts';

/** One chain of one sender. */
export interface Sender {
  readonly distributionId: string;
  readonly chainId: number;
  readonly signing: Pair;
  /** The chain key of an iteration. */
  readonly chainKey: (iteration: number) => Uint8Array;
}

/** The list of recipients that most tests are about. */
export const LIST = '9b1d0d3a-7e7b-4c56-8c2c-0a1f4b6e8d10';

/** A sender by its name. @param first the iteration whose chain key is fixed; none before it is known */
export function senderOf(name: string, chainId: number, distributionId: string = LIST, first = 0): Sender {
  const keys: Uint8Array[] = [fixed(`group ${name}, chain`)];
  const chainKey = (iteration: number): Uint8Array => {
    for (let i = keys.length; i <= iteration - first; i++) keys.push(nextChainKey(provider, keys[i - 1] as Uint8Array));
    return keys[iteration - first] as Uint8Array;
  };
  return { distributionId, chainId, signing: pair(`group ${name}, signing`), chainKey };
}

/** What the sender gives to a member. */
export function distribution({ distributionId, chainId, signing, chainKey }: Sender, iteration = 0): string {
  return hex(
    encodeSenderKeyDistribution({
      distributionId,
      chainId,
      iteration,
      chainKey: chainKey(iteration),
      signingKey: signing.u,
    }),
  );
}

/** Cipher key and IV of an iteration. */
function keysAt({ chainKey }: Sender, iteration: number): { key: Uint8Array; iv: Uint8Array } {
  const { cipherKey, iv } = groupMessageKeys(provider, messageSeed(provider, chainKey(iteration)));
  return { key: cipherKey.expose(), iv: iv.expose() };
}

/** What is sent at an iteration, without its signature. @param ciphertext in place of the encrypted text */
export function unsigned(sender: Sender, iteration: number, text: string, ciphertext?: Uint8Array): string {
  const { key, iv } = keysAt(sender, iteration);
  const { distributionId, chainId } = sender;
  const sealed = ciphertext ?? provider.aes256CbcEncrypt(key, iv, utf8(text));
  return hex(encodeSenderKeyMessage({ distributionId, chainId, iteration, ciphertext: sealed }));
}

/** A ciphertext that ends in a block whose padding is none: the last byte says 17. */
export function badlyPadded(sender: Sender, iteration: number): Uint8Array {
  const { key, iv } = keysAt(sender, iteration);
  // The padding of a whole block comes after what is encrypted; without it the text's own last byte is read as padding.
  return provider.aes256CbcEncrypt(key, iv, concat(new Uint8Array(15), Uint8Array.of(17))).subarray(0, 16);
}

/** Bytes with the sender's signature over them. */
export function signedBy(signer: Pair, authenticated: string): string {
  return authenticated + sign(signer, authenticated, 'group message');
}

/** The sender's message at an iteration. */
export function message(sender: Sender, iteration: number, text = `message ${iteration}`): string {
  return signedBy(sender.signing, unsigned(sender, iteration, text));
}
