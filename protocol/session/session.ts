/**
 * The session layer's front door.
 *
 * @spec 05-sessions
 * Owns: the list of what a device may do with a session record, and what it may ask of one.
 * Must not know: stores, clocks, the network.
 */
import type { SuiteName } from '../handshake/suites.ts';
import { archiveCurrent } from './archive.ts';
import { isExpired } from './encrypt.ts';
import type { SessionEnvironment, SessionRecord } from './state.ts';

export type { Decrypted, DecryptedPreKey } from './decrypt.ts';
export { decryptMessage, decryptPreKeyMessage } from './decrypt.ts';
export { concernsCurrentSession } from './decryption-error.ts';
export type { Encrypted, MessageType } from './encrypt.ts';
export { encryptMessage } from './encrypt.ts';
export type { PreKeyLookup, UsedPreKeys } from './establish.ts';
export { processBundle } from './establish.ts';
export { parseRecord, serializeRecord } from './record.ts';
export type { SessionEnvironment, SessionRecord, TrustDirection } from './state.ts';
export { archiveCurrent as archiveSession };

/** What a session says of itself; holds no secret. */
export interface SessionInfo {
  readonly suite: SuiteName;
  /** 3 or 4, the high nibble of its messages. */
  readonly version: number;
  readonly ratchet: 'double';
  /** The post-quantum ratchet: off, as long as sessions run the Double Ratchet alone. */
  readonly pq: 'off';
  readonly pqEpoch: 0;
  /** True until the first message of the peer has been decrypted. */
  readonly unacknowledged: boolean;
  readonly archived: number;
  /** False where a message cannot be sent any more: an unacknowledged session older than 30 days. */
  readonly usable: boolean;
  /** Raw, 32 bytes. */
  readonly remoteIdentity: Uint8Array;
  readonly remoteRegistrationId: number;
}

/** Describes the current session, or null where there is none. */
export function sessionInfo(env: Pick<SessionEnvironment, 'now'>, record: SessionRecord | null): SessionInfo | null {
  const state = record?.current ?? null;
  if (record === null || state === null) return null;
  return {
    suite: state.suite.name,
    version: state.suite.sessionVersion,
    ratchet: 'double',
    pq: 'off',
    pqEpoch: 0,
    unacknowledged: state.pending !== null,
    archived: record.archived.length,
    usable: !isExpired(state, env.now),
    remoteIdentity: state.remoteIdentity.slice(),
    remoteRegistrationId: state.remoteRegistrationId,
  };
}
