/**
 * The session layer's front door.
 *
 * @spec 05-sessions
 * Owns: the list of what a device may do with a session record, and what it may ask of one.
 * Must not know: stores, clocks, the network.
 */
import { isProtocolError } from '../errors.ts';
import type { SuiteName } from '../handshake/suites.ts';
import { MAX_BRAID_FAILURES } from '../limits.ts';
import type { SpqrStatus } from '../ratchet/braid/spqr-state.ts';
import { mayFallBack, spqrEpoch, spqrStatus } from '../ratchet/braid/spqr-state.ts';
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
export { parseRecord, secretsOfRecord, serializeRecord } from './record.ts';
export type { PqRatchetPolicy, SessionEnvironment, SessionRecord, TrustDirection } from './state.ts';
export { archiveCurrent as archiveSession };

/** What a session says of itself; holds no secret. */
export interface SessionInfo {
  readonly suite: SuiteName;
  /** 3 or 4, the high nibble of its messages. */
  readonly version: number;
  readonly ratchet: 'double' | 'triple';
  /**
   * The post-quantum ratchet: off (no KEM, or our policy), refused (the peer does without), negotiating (the peer has not answered),
   * on, or stalled (it refuses what the peer sends; a fresh session repairs it).
   */
  readonly pq: SpqrStatus | 'stalled';
  /** The newest epoch whose secret is mixed in, 0 before the first. */
  readonly pqEpoch: number;
  /** True while the peer may still turn the post-quantum ratchet off; never where the policy requires it. */
  readonly pqMayFallBack: boolean;
  /** True while it is unacknowledged and was begun without a one-time prekey. */
  readonly noOneTimeKey: boolean;
  /** True until the first message of the peer has been decrypted. */
  readonly unacknowledged: boolean;
  readonly archived: number;
  /** False where a message cannot be sent any more: an unacknowledged session older than 30 days. */
  readonly usable: boolean;
  /** Raw, 32 bytes. */
  readonly remoteIdentity: Uint8Array;
  readonly remoteRegistrationId: number;
}

const BRAID_FAILURES: readonly string[] = ['pq-header-mac', 'pq-ek-mismatch', 'pq-ciphertext-mac'];

/**
 * True for the refusal of a message that came from the peer but completed an object of the braid that is not authentic (BRD-19).
 * The caller counts them in a row: a refused message changes nothing, so the record cannot.
 */
export function isBraidFailure(error: unknown): boolean {
  return isProtocolError(error, 'InvalidMessage') && BRAID_FAILURES.includes(error.reason);
}

/**
 * Describes the current session, or null where there is none.
 * @param braidFailures how many messages in a row were refused as {@link isBraidFailure} says; 3 are a stall
 */
export function sessionInfo(
  env: Pick<SessionEnvironment, 'now'>,
  record: SessionRecord | null,
  braidFailures = 0,
): SessionInfo | null {
  const state = record?.current ?? null;
  if (record === null || state === null) return null;
  const status = spqrStatus(state.pq);
  const runs = status === 'on' || status === 'negotiating';
  return {
    suite: state.suite.name,
    version: state.suite.sessionVersion,
    ratchet: runs ? 'triple' : 'double',
    pq: runs && braidFailures >= MAX_BRAID_FAILURES ? 'stalled' : status,
    pqEpoch: spqrEpoch(state.pq),
    pqMayFallBack: mayFallBack(state.pq),
    noOneTimeKey: state.pending !== null && state.pending.preKeyId === null,
    unacknowledged: state.pending !== null,
    archived: record.archived.length,
    usable: !isExpired(state, env.now),
    remoteIdentity: state.remoteIdentity.slice(),
    remoteRegistrationId: state.remoteRegistrationId,
  };
}
