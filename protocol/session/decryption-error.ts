/**
 * Whether a decryption error speaks of the session that is in use.
 *
 * @spec 04-messages §8
 * Owns: that comparison. Must not know: who is answered, what is sent again. The error is a hint that anybody may forge.
 */
import { equalBytes } from '../bytes/bytes.ts';
import type { DecryptionErrorMessage } from '../codec/decryption-error.ts';
import type { SessionRecord } from './state.ts';

/**
 * True if the message that failed was sent under the ratchet key under which the current session sends now: then the session
 * is to be archived, so that what is sent next begins a fresh one. An error of an older ratchet key, a repeated one included,
 * is of a session already left or healed, and tears nothing down.
 */
export function concernsCurrentSession(record: SessionRecord | null, error: DecryptionErrorMessage): boolean {
  const current = record?.current ?? null;
  // @req MSG-33
  if (current === null || error.ratchetKey === null) return false;
  return equalBytes(current.ratchet.sender.ratchet.publicKey, error.ratchetKey);
}
