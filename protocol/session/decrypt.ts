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
import { type ErrorCode, isProtocolError, ProtocolError } from '../errors.ts';
import { MAX_ARCHIVED_FORWARD_JUMPS, MAX_FORWARD_JUMPS } from '../limits.ts';
import { findReceiver } from '../ratchet/double.ts';
import { beginTriple, dropTriple, finishTriple, secretsOfTriple } from '../ratchet/triple.ts';
import type { Work } from '../ratchet/work.ts';
import { WorkMeter } from '../ratchet/work.ts';
import type { FoundSession, OpenedSession } from './archive.ts';
import { closeSessions, findByBaseKey, makeCurrent, openArchived, promote, superseded } from './archive.ts';
import type { PreKeyLookup, UsedPreKeys } from './establish.ts';
import { acceptHandshake, assertTrusted } from './establish.ts';
import { decryptionFailed, openMessage } from './message-crypto.ts';
import type { Protected } from './protection.ts';
import { protectionOf } from './protection.ts';
import { secretsOfRecord } from './record.ts';
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
  /** True where an archived session became current again although the peer had already answered on a newer one (SES-22). */
  readonly resurrected: boolean;
  /** Why an archived session that the message might have been tried on could not be read; it stays as it is (SES-20). */
  readonly damage: ProtocolError | null;
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
  // @req SES-21
  if (!env.suites.includes(state.suite.name)) {
    throw new ProtocolError('InvalidMessage', 'policy', 'suite-not-allowed', 'version');
  }
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

const OF_THE_MESSAGE: readonly ErrorCode[] = ['InvalidMessage', 'InvalidKey', 'DuplicateMessage'];

/**
 * What is told instead of a refusal where a session could not be read: the message may have been one of that session, and
 * neither junk nor a duplicate.
 */
function refusalOf(error: unknown, damage: ProtocolError | null): unknown {
  const ofMessage = isProtocolError(error) && OF_THE_MESSAGE.includes(error.code);
  // @req SES-20
  return damage !== null && ofMessage ? damage : error;
}

/** Tries archived sessions: those that know the ratchet key first, then the rest, newest first (SES-15). */
function tryArchived(trial: Trial, sessions: readonly OpenedSession[]): { opened: Opened; position: number } | null {
  const knows = ({ state }: OpenedSession) => findReceiver(state.ratchet, trial.message.ratchetKey) >= 0;
  let kept: SessionState | null = null;
  try {
    // @req SES-15
    for (const { state, position } of [...sessions.filter(knows), ...sessions.filter((one) => !knows(one))]) {
      try {
        const opened = openWith(trial, state, MAX_ARCHIVED_FORWARD_JUMPS);
        kept = state;
        return { opened, position };
      } catch (error) {
        if (isProtocolError(error) && error.reason === 'work-budget-exhausted') throw error;
        if (!goesOn(error)) throw error;
      }
    }
    return null;
  } finally {
    closeSessions(sessions, kept);
  }
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
      return finish(trial, opened, record, { ...record, current: opened.state }, null);
    } catch (error) {
      if (!goesOn(error)) throw error;
      refusal = error;
    }
  }
  const { sessions, damage } = openArchived(env.provider, record);
  const found = tryArchived(trial, sessions);
  if (found === null) throw refusalOf(refusal, damage);
  const next = promote(env.provider, record, found.position, found.opened.state);
  return { ...finish(trial, found.opened, record, next, damage), resurrected: wasAnswered(record) };
}

/** True where the peer has answered on the current session, and so has no more need of an older one. */
function wasAnswered({ current }: SessionRecord): boolean {
  // @req SES-22
  return current !== null && current.pending === null;
}

/** The result of a plain message, if its identity is trusted; else what the step made goes at once. */
function finish(
  trial: Trial,
  opened: Opened,
  before: SessionRecord,
  next: SessionRecord,
  damage: ProtocolError | null,
): Decrypted {
  try {
    assertTrusted(trial.env, opened.state.remoteIdentity, 'receiving');
  } catch (error) {
    const kept = new Set<Wipeable>(secretsOfRecord(before));
    wipeAll([...opened.spent, ...secretsOfRecord(next)].filter((secret) => !kept.has(secret)));
    throw error;
  }
  return result(trial, opened, before, next, damage);
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
  const before = record ?? EMPTY_RECORD;
  const { found, damage } = findByBaseKey(env.provider, before, outer.version, outer.baseKey);
  if (found === null) {
    try {
      return openNew(trial, before, outer, preKeys, damage);
    } catch (error) {
      throw refusalOf(error, damage);
    }
  }
  const { position } = found;
  const opened = openFound(trial, found, outer.identityKey);
  const next =
    position === null ? { ...before, current: opened.state } : promote(env.provider, before, position, opened.state);
  return {
    ...result(trial, opened, before, next, damage),
    resurrected: position !== null && wasAnswered(before),
    remoteRegistrationId: outer.registrationId,
    used: null,
  };
}

/** Opens a prekey message with the session that it belongs to; one from the archive is wiped where that fails. */
function openFound(trial: Trial, { position, state }: FoundSession, identityKey: Uint8Array): Opened {
  try {
    // @req SES-16
    if (!equalBytes(state.remoteIdentity, identityKey)) {
      throw new ProtocolError('InvalidMessage', 'verify', 'identity-mismatch', 'identityKey');
    }
    const limit = position === null ? currentJumpLimit(trial.env, state) : MAX_ARCHIVED_FORWARD_JUMPS;
    return openWith(trial, state, limit);
  } catch (error) {
    if (position !== null) wipeAll(secretsOfTriple(state));
    throw error;
  }
}

function openNew(
  trial: Trial,
  before: SessionRecord,
  outer: PreKeySignalMessage,
  preKeys: PreKeyLookup,
  damage: ProtocolError | null,
): DecryptedPreKey {
  const { env, work } = trial;
  const accepted = acceptHandshake(env, outer, preKeys, work);
  const opened = openOrWipe(trial, accepted.state);
  const next = makeCurrent(env.provider, before, opened.state);
  // @req SES-17
  return {
    ...result(trial, opened, before, next, damage),
    remoteRegistrationId: outer.registrationId,
    used: accepted.used,
  };
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

function result(
  trial: Trial,
  opened: Opened,
  before: SessionRecord,
  record: SessionRecord,
  damage: ProtocolError | null,
): Decrypted {
  const { plaintext, state, pqEpoch } = opened;
  const { remoteIdentity, suite } = state;
  const spent = [...opened.spent, ...superseded(before, record)];
  const work = trial.work.total();
  const told = { ...protectionOf(suite, pqEpoch), resurrected: false };
  return { record, plaintext, remoteIdentity, ...told, spent, work, damage };
}
