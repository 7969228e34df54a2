/**
 * Current and archived sessions: who is tried, who steps forward, who steps back.
 *
 * @spec 05-sessions §3
 * Owns: archiving, promotion, the search by base key, what is left over. Must not know: messages.
 */
import { equalBytes } from '../bytes/bytes.ts';
import { type Wipeable, wipeAll } from '../bytes/secret.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { isProtocolError, type ProtocolError } from '../errors.ts';
import { MAX_ARCHIVED_STATES } from '../limits.ts';
import { secretsOfTriple } from '../ratchet/triple.ts';
import { openState, sealState, secretsOfRecord } from './record.ts';
import type { SessionRecord, SessionState } from './state.ts';
import { EMPTY_RECORD } from './state.ts';

/**
 * Puts the current session, if any, in front of the archived ones. Its pending prekey data is cleared, so that it sends
 * plain messages if it is ever promoted; beyond 40 the oldest is dropped (SES-07).
 */
export function archiveCurrent(provider: CryptoProvider, record: SessionRecord | null): SessionRecord {
  if (record === null) return EMPTY_RECORD;
  if (record.current === null) return record;
  // @req SES-07
  const sealed = sealState(provider, { ...record.current, pending: null });
  return { current: null, archived: [sealed, ...record.archived].slice(0, MAX_ARCHIVED_STATES) };
}

/** Makes a new session current and archives the one before it. */
export function makeCurrent(
  provider: CryptoProvider,
  record: SessionRecord | null,
  state: SessionState,
): SessionRecord {
  return { current: state, archived: archiveCurrent(provider, record).archived };
}

/** Moves the archived session at `position`, in the given newer form, to the front; the current one is archived (SES-06). */
export function promote(
  provider: CryptoProvider,
  record: SessionRecord,
  position: number,
  state: SessionState,
): SessionRecord {
  // @req SES-06
  const rest = { current: record.current, archived: record.archived.toSpliced(position, 1) };
  return makeCurrent(provider, rest, state);
}

/** The secrets of a record that the one after it no longer holds: spent, once that one is stored. */
export function superseded(before: SessionRecord | null, after: SessionRecord): readonly Wipeable[] {
  const kept = new Set(secretsOfRecord(after));
  return secretsOfRecord(before ?? EMPTY_RECORD).filter((secret) => !kept.has(secret));
}

/** An archived session, opened: its secrets are copies, for whoever opened it to wipe. */
export interface OpenedSession {
  readonly state: SessionState;
  readonly position: number;
}

/**
 * Opens the archived sessions, newest first. One that is damaged says nothing about the others: it is left out, and the
 * last such refusal is told as `damage` (SES-20).
 */
export function openArchived(
  provider: CryptoProvider,
  record: SessionRecord,
): { readonly sessions: readonly OpenedSession[]; readonly damage: ProtocolError | null } {
  const sessions: OpenedSession[] = [];
  let damage: ProtocolError | null = null;
  for (const [position, archived] of record.archived.entries()) {
    try {
      sessions.push({ state: openState(provider, archived), position });
    } catch (error) {
      // @req SES-20
      if (!isProtocolError(error, 'InvalidState')) throw error;
      damage = error;
    }
  }
  return { sessions, damage };
}

/** Wipes opened sessions, those excepted that are kept. */
export function closeSessions(sessions: readonly OpenedSession[], kept: SessionState | null): void {
  // @req KEY-18
  for (const { state } of sessions) if (state !== kept) wipeAll(secretsOfTriple(state));
}

/** A session found by version and base key: `position` is null for the current one. */
export interface FoundSession {
  readonly state: SessionState;
  readonly position: number | null;
}

/** Searches current, then archived sessions for the one that a prekey message belongs to (SES-05). */
export function findByBaseKey(
  provider: CryptoProvider,
  record: SessionRecord,
  version: number,
  baseKey: Uint8Array,
): { readonly found: FoundSession | null; readonly damage: ProtocolError | null } {
  const matches = (state: SessionState) => state.suite.sessionVersion === version && equalBytes(state.baseKey, baseKey);
  // @req SES-05
  if (record.current !== null && matches(record.current)) {
    return { found: { state: record.current, position: null }, damage: null };
  }
  const { sessions, damage } = openArchived(provider, record);
  const found = sessions.find(({ state }) => matches(state)) ?? null;
  closeSessions(sessions, found?.state ?? null);
  return { found, damage };
}
