/**
 * Whether two different messages were ever encrypted under one message key.
 *
 * @spec 03-ratchet §2
 * Owns: naming the message key of a body: ratchet key and counter. Must not know: keys.
 */

import type { OutgoingMessage } from '../../client/relay/transport.ts';
import { toHex } from '../../protocol/bytes/bytes.ts';
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';

/** The name of the message key under which a body is encrypted. */
export function messageKeyOf({ type, body }: Pick<OutgoingMessage, 'type' | 'body'>): string {
  const inner = type === 'prekey' ? parsePreKeySignalMessage(body).message : body;
  const { ratchetKey, counter } = parseSignalMessage(inner);
  return `${toHex(ratchetKey)}/${counter}`;
}

/** Message keys under which more than one text was encrypted. */
export function reusedKeys(bodies: readonly Pick<OutgoingMessage, 'type' | 'body'>[]): string[] {
  const seen = new Map<string, Set<string>>();
  for (const message of bodies) {
    const inner = message.type === 'prekey' ? parsePreKeySignalMessage(message.body).message : message.body;
    const texts = seen.get(messageKeyOf(message)) ?? new Set();
    seen.set(messageKeyOf(message), texts.add(toHex(parseSignalMessage(inner).ciphertext)));
  }
  return [...seen].filter(([, texts]) => texts.size > 1).map(([key]) => key);
}
