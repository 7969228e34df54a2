/**
 * What a session is, and what a record of sessions with one remote device is.
 *
 * @spec 05-sessions §1
 * Owns: the shape of both, promotion and archiving.
 * Must not know: bytes on the wire or in storage.
 */
import type { Secret } from '../bytes/secret.ts';
import type { ProtocolAddress } from '../codec/address.ts';
import type { CryptoProvider, EcKeyPair, RandomSource } from '../crypto/provider.ts';
import type { Suite, SuiteName } from '../handshake/suites.ts';
import type { TripleState } from '../ratchet/triple.ts';

/** Which way a message would go to or from an identity whose trust is asked for. */
export type TrustDirection = 'sending' | 'receiving';

/**
 * Whether a session begun now must run the post-quantum ratchet, may do without where the peer does, or does without. A suite
 * without a KEM never has one.
 */
export type PqRatchetPolicy = 'required' | 'optional' | 'off';

/**
 * Everything a session operation takes from outside. `now` is in milliseconds since 1970; `isTrusted` receives the remote
 * identity key raw (32 bytes).
 */
export interface SessionEnvironment {
  readonly provider: CryptoProvider;
  readonly random: RandomSource;
  readonly now: number;
  readonly local: ProtocolAddress;
  readonly remote: ProtocolAddress;
  readonly identity: EcKeyPair;
  /** Ours, 1 … 0x3FFF; told to the peer in prekey messages. */
  readonly registrationId: number;
  /** The policy: suites that may be spoken, for new sessions and for incoming ones. */
  readonly suites: readonly SuiteName[];
  /** `required` where absent. */
  readonly pqRatchet?: PqRatchetPolicy;
  /** The trust decision: whether messages may go to, or be taken from, this identity key (raw, 32 bytes). */
  readonly isTrusted: (identityKey: Uint8Array, direction: TrustDirection) => boolean;
}

/** What an unacknowledged session repeats in front of every message (SES-04). Ciphertext in wire form. */
export interface PendingPreKey {
  readonly preKeyId: number | null;
  readonly signedPreKeyId: number;
  readonly kemPreKeyId: number | null;
  readonly kemCiphertext: Uint8Array | null;
  /** Seconds since 1970. */
  readonly createdAt: number;
}

/** One session: who, and its ratchets. Keys are raw, 32 bytes. */
export interface SessionState extends TripleState {
  readonly suite: Suite;
  readonly localIdentity: Uint8Array;
  readonly remoteIdentity: Uint8Array;
  /** The initiator's base key: names the session on both sides. */
  readonly baseKey: Uint8Array;
  readonly localRegistrationId: number;
  readonly remoteRegistrationId: number;
  readonly pending: PendingPreKey | null;
}

/** All sessions with one remote device: at most one current, the others newest first. */
export interface SessionRecord {
  readonly current: SessionState | null;
  readonly archived: readonly ArchivedSession[];
}

/** A session kept for late messages, in serialised form until a message asks for it. */
export interface ArchivedSession {
  /** The 8-byte checksum and the state bytes (record.ts); holds secrets. */
  readonly sealed: Secret<'SessionState'>;
}

/** The record of a device never spoken to. */
export const EMPTY_RECORD: SessionRecord = { current: null, archived: [] };
