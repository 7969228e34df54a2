/**
 * Encrypting with a given output of the post-quantum ratchet, for whole-message known answers.
 *
 * @spec 08-braid §9
 * Owns: the way in. Must not be imported by anything shipped (CNV-13): the post-quantum ratchet does not move here, so that the
 * next message would use its key again.
 */
import { Secret } from '../bytes/secret.ts';
import { tripleSendWith } from '../ratchet/triple.ts';
import type { Encrypted } from '../session/encrypt.ts';
import { encryptWith } from '../session/encrypt.ts';
import type { SessionEnvironment, SessionRecord } from '../session/state.ts';

/** `encryptMessage` with this payload (field 5) and this 32-byte key in place of the ratchet's own. */
export function encryptWithPq(
  env: SessionEnvironment,
  record: SessionRecord,
  plaintext: Uint8Array,
  { payload, key }: { readonly payload: Uint8Array; readonly key: Uint8Array },
): Encrypted {
  const injected = new Secret<'PqMessageKey'>(key.slice());
  return encryptWith(env, record, plaintext, (state) =>
    tripleSendWith(env.provider, state, { state: state.pq, key: injected, epoch: 0, payload, spent: [] }),
  );
}
