/**
 * Decrypting, on whichever session fits.
 *
 * @spec 05-sessions §5, §6
 * Owns: the order in which sessions are tried, the work budget of one envelope, which error is told.
 * Must not know: storage. Nothing is mutated; on an error there is no result, so nothing can be stored.
 */
import { equalBytes } from '../bytes/bytes.ts';
import type { Wipeable } from '../bytes/secret.ts';
import { wipeAll } from '../bytes/secret.ts';
import { sameAccount } from '../codec/address.ts';
import type { PreKeySignalMessage } from '../codec/prekey-message.ts';
import { parsePreKeySignalMessage } from '../codec/prekey-message.ts';
import type { ParsedSignalMessage } from '../codec/signal-message.ts';
import { parseSignalMessage } from '../codec/signal-message.ts';
import type { RandomSource } from '../crypto/provider.ts';
import { checkedRandom } from '../crypto/random.ts';
import { isProtocolError, ProtocolError } from '../errors.ts';
import { MAX_ARCHIVED_FORWARD_JUMPS, MAX_FORWARD_JUMPS } from '../limits.ts';
import { findReceiver } from '../ratchet/double.ts';
import { beginTriple, dropTriple, finishTriple, secretsOfTriple } from '../ratchet/triple.ts';
import type { Work } from '../ratchet/work.ts';
import { WorkMeter } from '../ratchet/work.ts';
import { findByBaseKey, makeCurrent, promote } from './archive.ts';
import type { PreKeyLookup, UsedPreKeys } from './establish.ts';
import { acceptHandshake, assertTrusted } from './establish.ts';
import { decryptionFailed, openMessage } from './message-crypto.ts';
import type { Protected } from './protection.ts';
import { protectionOf } from './protection.ts';
import { openState } from './record.ts';
import type { SessionEnvironment, SessionRecord, SessionState } from './state.ts';
import { EMPTY_RECORD } from './state.ts';

/** A decrypted message and the record to store with it. */
export interface Decrypted extends Protected {
  readonly record: SessionRecord;
  readonly plaintext: Uint8Array;
  /** The identity key of the session that decrypted, raw, 32 bytes. */
  readonly remoteIdentity: Uint8Array;
  readonly spent: readonly Wipeable[];
  readonly work: Work;
}

/** What a prekey message brings besides. */
export interface DecryptedPreKey extends Decrypted {
  /** As the message says it: not authenticated, never a reason to trust (MSG, field 5). */
  readonly remoteRegistrationId: number;
  /** The prekeys consumed, or null where the message belongs to a session already begun. */
  readonly used: UsedPreKeys | null;
}

interface Trial {
  readonly env: SessionEnvironment;
  readonly random: RandomSource;
  readonly message: ParsedSignalMessage;
  readonly work: WorkMeter;
}

interface Opened {
  readonly state: SessionState;
  readonly pqEpoch: number;
  readonly plaintext: Uint8Array;
  readonly spent: readonly Wipeable[];
}

/** The jump limit of the current session: lifted for a device's session with itself, the work budget still holds (SES-14). */
function currentJumpLimit(env: SessionEnvironment, state: SessionState): number {
  // @req SES-14
  const self = equalBytes(state.localIdentity, state.remoteIdentity) && sameAccount(env.local, env.remote);
  return self ? 0xffff_ffff : MAX_FORWARD_JUMPS;
}

/** Tries one session: key, MAC, addresses, plaintext, and only then the next state. */
function openWith(trial: Trial, state: SessionState, maxJump: number): Opened {
  const { env, message, work } = trial;
  const { provider } = env;
  if (message.version !== state.suite.sessionVersion) throw decryptionFailed();
  const header = { ratchetKey: message.ratchetKey, counter: message.counter, payload: message.pqRatchet };
  const pending = beginTriple(provider, state, header, maxJump, work);
  try {
    const identities = { sender: state.remoteIdentity, receiver: state.localIdentity };
    const plaintext = openMessage(provider, pending.keys, identities, message, env.remote, env.local);
    const step = finishTriple(provider, trial.random, state, pending, work);
    const next = { ...state, ...step.state, pending: null };
    return { state: next, pqEpoch: pending.pq.epoch, plaintext, spent: step.spent };
  } catch (error) {
    dropTriple(state, pending);
    throw error;
  }
}

/** An error of one candidate that says nothing about the others. */
function goesOn(error: unknown): boolean {
  return error instanceof ProtocolError && error.code !== 'DuplicateMessage' && error.code !== 'InvalidState';
}

/** Tries archived sessions: those that know the ratchet key first, then the rest, newest first (SES-15). */
function openArchived(trial: Trial, record: SessionRecord): { opened: Opened; position: number } | null {
  const { provider } = trial.env;
  const states = record.archived.map((archived, position) => ({ state: openState(provider, archived), position }));
  const knows = (state: SessionState) => findReceiver(state.ratchet, trial.message.ratchetKey) >= 0;
  // @req SES-15
  const ordered = [...states.filter(({ state }) => knows(state)), ...states.filter(({ state }) => !knows(state))];
  for (const { state, position } of ordered) {
    try {
      return { opened: openWith(trial, state, MAX_ARCHIVED_FORWARD_JUMPS), position };
    } catch (error) {
      if (isProtocolError(error) && error.reason === 'work-budget-exhausted') throw error;
      if (!goesOn(error)) throw error;
    }
  }
  return null;
}

/**
 * Decrypts a message of an existing session (wire type 2): the current session, then archived ones; an archived session
 * that succeeds is promoted. Trust is asked for after decryption, of the identity of the session that succeeded.
 *
 * @throws {ProtocolError} `NoSession`/`no-session`; `DuplicateMessage`; `UntrustedIdentity`; `UnsupportedVersion` or
 * `InvalidMessage` from parsing; `InvalidMessage`: `counter-too-far`, `work-budget-exhausted`, `decryption-failed`.
 */
export function decryptMessage(env: SessionEnvironment, record: SessionRecord | null, body: Uint8Array): Decrypted {
  const message = parseSignalMessage(body);
  if (record === null || (record.current === null && record.archived.length === 0)) {
    throw new ProtocolError('NoSession', 'state', 'no-session');
  }
  const work = new WorkMeter();
  const trial: Trial = { env, random: checkedRandom(env.random), message, work };
  let refusal: unknown = decryptionFailed();
  if (record.current !== null) {
    try {
      const opened = openWith(trial, record.current, currentJumpLimit(env, record.current));
      return finish(env, opened, { ...record, current: opened.state }, work);
    } catch (error) {
      if (!goesOn(error)) throw error;
      refusal = error;
    }
  }
  const found = openArchived(trial, record);
  if (found === null) throw refusal;
  return finish(env, found.opened, promote(env.provider, record, found.position, found.opened.state), work);
}

function finish(env: SessionEnvironment, opened: Opened, record: SessionRecord, work: WorkMeter): Decrypted {
  assertTrusted(env, opened.state.remoteIdentity, 'receiving');
  return result(opened, record, work);
}

/**
 * Decrypts a prekey message (wire type 3). A base key already known leads to its session and consumes nothing; otherwise
 * a new session is begun. Only that one session is tried.
 *
 * @throws {ProtocolError} `UntrustedIdentity` before any work; `InvalidMessage`/`identity-mismatch` where a known base key
 * comes with another identity key; what `acceptHandshake` refuses; otherwise as {@link decryptMessage}.
 */
export function decryptPreKeyMessage(
  env: SessionEnvironment,
  record: SessionRecord | null,
  body: Uint8Array,
  preKeys: PreKeyLookup,
): DecryptedPreKey {
  const outer = parsePreKeySignalMessage(body);
  const message = parseSignalMessage(outer.message);
  assertTrusted(env, outer.identityKey, 'receiving');
  const work = new WorkMeter();
  const trial: Trial = { env, random: checkedRandom(env.random), message, work };
  const found = findByBaseKey(env.provider, record ?? EMPTY_RECORD, outer.version, outer.baseKey);
  if (found === null) return openNew(trial, record, outer, preKeys);
  // @req SES-16
  if (!equalBytes(found.state.remoteIdentity, outer.identityKey)) {
    throw new ProtocolError('InvalidMessage', 'verify', 'identity-mismatch', 'identityKey');
  }
  const { position, state } = found;
  const before = record ?? EMPTY_RECORD;
  const limit = position === null ? currentJumpLimit(env, state) : MAX_ARCHIVED_FORWARD_JUMPS;
  const opened = openWith(trial, state, limit);
  const next =
    position === null ? { ...before, current: opened.state } : promote(env.provider, before, position, opened.state);
  return { ...result(opened, next, work), remoteRegistrationId: outer.registrationId, used: null };
}

function openNew(
  trial: Trial,
  record: SessionRecord | null,
  outer: PreKeySignalMessage,
  preKeys: PreKeyLookup,
): DecryptedPreKey {
  const { env, work } = trial;
  const accepted = acceptHandshake(env, outer, preKeys, work);
  const opened = openOrWipe(trial, accepted.state);
  const next = makeCurrent(env.provider, record, opened.state);
  // @req SES-17
  return { ...result(opened, next, work), remoteRegistrationId: outer.registrationId, used: accepted.used };
}

/** Opens with a state that nobody else holds: where that fails, its secrets go at once. */
function openOrWipe(trial: Trial, state: SessionState): Opened {
  try {
    return openWith(trial, state, currentJumpLimit(trial.env, state));
  } catch (error) {
    wipeAll(secretsOfTriple(state));
    throw error;
  }
}

function result(opened: Opened, record: SessionRecord, work: WorkMeter): Decrypted {
  const { plaintext, spent, state, pqEpoch } = opened;
  const { remoteIdentity, suite } = state;
  return { record, plaintext, remoteIdentity, ...protectionOf(suite, pqEpoch), spent, work: work.total() };
}
