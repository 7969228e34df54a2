/**
 * Current and archived sessions: who is tried, who steps forward, who steps back.
 *
 * @spec 05-sessions §3
 * Owns: archiving, promotion, the search by base key. Must not know: messages.
 */
import { equalBytes } from '../bytes/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { MAX_ARCHIVED_STATES } from '../limits.ts';
import { openState, sealState } from './record.ts';
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
): FoundSession | null {
  const matches = (state: SessionState) => state.suite.sessionVersion === version && equalBytes(state.baseKey, baseKey);
  // @req SES-05
  if (record.current !== null && matches(record.current)) return { state: record.current, position: null };
  for (const [position, archived] of record.archived.entries()) {
    const state = openState(provider, archived);
    if (matches(state)) return { state, position };
  }
  return null;
}
