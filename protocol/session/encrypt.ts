/**
 * Encrypting on the current session.
 *
 * @spec 05-sessions §4
 * Owns: when a message is wrapped as a prekey message, when a session is too old to send.
 * Must not know: fan-out, storage. The result's `record` must be stored before its `body` leaves the device.
 */
import { concat, copyInput } from '../bytes/bytes.ts';
import type { Wipeable } from '../bytes/secret.ts';
import { encodeAddresses } from '../codec/address.ts';
import { encodePreKeySignalMessage } from '../codec/prekey-message.ts';
import { encodeSignalMessage } from '../codec/signal-message.ts';
import { checkedRandom } from '../crypto/random.ts';
import { ProtocolError } from '../errors.ts';
import { MAX_UNACKNOWLEDGED_SESSION_AGE_SECONDS } from '../limits.ts';
import type { TripleSent } from '../ratchet/triple.ts';
import { tripleSend } from '../ratchet/triple.ts';
import { assertTrusted } from './establish.ts';
import { messageMac, wipeMessageKeys } from './message-crypto.ts';
import type { Protected } from './protection.ts';
import { protectionOf } from './protection.ts';
import type { SessionEnvironment, SessionRecord, SessionState } from './state.ts';

/** What the transport must know of a body: whether it opens a session (wire type 3) or belongs to one (type 2). */
export type MessageType = 'prekey' | 'message';

/** An encrypted message and the record to store before sending it. */
export interface Encrypted extends Protected {
  readonly record: SessionRecord;
  readonly type: MessageType;
  readonly body: Uint8Array;
  /** Raw, 32 bytes. */
  readonly remoteIdentity: Uint8Array;
  readonly spent: readonly Wipeable[];
}

/** True for an unacknowledged session begun more than 30 days before `now` (milliseconds) (SES-13). */
export function isExpired(state: SessionState, now: number): boolean {
  // @req SES-13
  return state.pending !== null && (state.pending.createdAt + MAX_UNACKNOWLEDGED_SESSION_AGE_SECONDS) * 1000 < now;
}

/**
 * Encrypts on the current session; AES-256-CBC pads, so an empty plaintext is fine.
 * @throws {ProtocolError} `NoSession`: `no-current-session`, `suite-not-allowed`, `session-expired`; `UntrustedIdentity`.
 */
export function encryptMessage(
  env: SessionEnvironment,
  record: SessionRecord | null,
  plaintext: Uint8Array,
): Encrypted {
  const random = checkedRandom(env.random);
  return encryptWith(env, record, plaintext, (state) => tripleSend(env.provider, random, state));
}

/** {@link encryptMessage} with a given step of the ratchets. */
export function encryptWith(
  env: SessionEnvironment,
  record: SessionRecord | null,
  plaintext: Uint8Array,
  send: (state: SessionState) => TripleSent,
): Encrypted {
  const { provider } = env;
  const text = copyInput(plaintext, 'plaintext');
  const state = record?.current ?? null;
  if (record === null || state === null) throw new ProtocolError('NoSession', 'state', 'no-current-session');
  // @req SES-21
  if (!env.suites.includes(state.suite.name)) throw new ProtocolError('NoSession', 'policy', 'suite-not-allowed');
  if (isExpired(state, env.now)) throw new ProtocolError('NoSession', 'state', 'session-expired');
  assertTrusted(env, state.remoteIdentity, 'sending');
  const { keys, ...step } = send(state);
  const authenticated = encodeSignalMessage({
    version: state.suite.sessionVersion,
    ratchetKey: state.ratchet.sender.ratchet.publicKey,
    counter: step.counter,
    previousCounter: state.ratchet.previousCounter,
    ciphertext: provider.aes256CbcEncrypt(keys.cipherKey.expose(), keys.iv.expose(), text),
    pqRatchet: step.payload,
    addresses: state.pending === null ? null : encodeAddresses(env.local, env.remote),
  });
  const identities = { sender: state.localIdentity, receiver: state.remoteIdentity };
  const inner = concat(authenticated, messageMac(provider, keys, identities, authenticated));
  wipeMessageKeys(keys);
  text.fill(0);
  return {
    record: { ...record, current: { ...state, ...step.state } },
    type: state.pending === null ? 'message' : 'prekey',
    body: wrap(state, inner),
    remoteIdentity: state.remoteIdentity,
    ...protectionOf(state.suite, step.pqEpoch),
    spent: step.spent,
  };
}

/** Puts the handshake in front of every message until the session is acknowledged (SES-04). */
function wrap(state: SessionState, inner: Uint8Array): Uint8Array {
  const { pending } = state;
  if (pending === null) return inner;
  // @req SES-04
  return encodePreKeySignalMessage({
    version: state.suite.sessionVersion,
    preKeyId: pending.preKeyId,
    baseKey: state.baseKey,
    identityKey: state.localIdentity,
    message: inner,
    registrationId: state.localRegistrationId,
    signedPreKeyId: pending.signedPreKeyId,
    kemPreKeyId: pending.kemPreKeyId,
    kemCiphertext: pending.kemCiphertext,
  });
}
