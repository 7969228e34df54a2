/**
 * Every numeric limit of the protocol, once.
 *
 * @spec 05-sessions §6
 * Owns: the figures. Must not know: who enforces them.
 */

/** Largest distance from a receiving chain's index to a message counter; a jump of exactly this many is accepted. */
export const MAX_FORWARD_JUMPS = 25_000;
/** Largest jump tried on an archived session: an honest late message is never this far ahead of a session already left. */
export const MAX_ARCHIVED_FORWARD_JUMPS = 2_000;
/** Skipped message seeds kept for one receiving chain; the oldest is evicted first. */
export const MAX_MESSAGE_KEYS = 2_000;
/** Receiving chains kept in one session, the initial one included. */
export const MAX_RECEIVER_CHAINS = 5;
/** Archived sessions kept for one remote device, newest first. */
export const MAX_ARCHIVED_STATES = 40;
/**
 * KDF steps that one envelope may cost over all sessions tried (DOS-01): the largest jump on both ratchets of one session, the
 * seeds then kept, and a little more.
 */
export const MAX_KDF_STEPS_PER_ENVELOPE = 55_000;
/** Messages in a row that a poisoned braid refuses before its session says that it is stalled. */
export const MAX_BRAID_FAILURES = 3;
/** X25519 agreements that one envelope may cost over all sessions tried (DOS-01): one a state, plus a handshake. */
export const MAX_AGREEMENTS_PER_ENVELOPE = 64;
/** Bytes of a serialised session record; what exceeds it is trimmed, oldest archived session first (DOS-02). */
export const MAX_RECORD_BYTES = 20 * 1024 * 1024;
/** Age after which an unacknowledged session no longer sends, in seconds (30 days). */
export const MAX_UNACKNOWLEDGED_SESSION_AGE_SECONDS = 30 * 24 * 60 * 60;
/** Device ids run from 1 to this. */
export const MAX_DEVICE_ID = 127;
/** Registration ids run from 1 to this (14 bits). */
export const MAX_REGISTRATION_ID = 0x3fff;
/** Bytes of one encrypted envelope body, as the relay accepts it. */
export const MAX_ENVELOPE_BYTES = 96 * 1024;
/** Bytes of one message handed to a parser. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Sender key states kept for one sender and distribution id; the oldest is dropped first. */
export const MAX_SENDER_KEY_STATES = 5;
/** Hashes of one side of a safety number, in deployment. */
export const FINGERPRINT_ITERATIONS = 5_200;
/** Fewest and most hashes of one side of a safety number. */
export const MIN_FINGERPRINT_ITERATIONS = 2;
export const MAX_FINGERPRINT_ITERATIONS = 1_000_000;
