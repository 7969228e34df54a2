/**
 * The relay's figures.
 *
 * @spec 06-relay §7
 * Owns: limits of requests, mailboxes, sockets and retention. Must not know: who enforces them.
 * Times in milliseconds, sizes in bytes.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Longest request body. */
export const MAX_BODY_BYTES = 1_572_864;
/** Largest distance between the clocks of a device and the relay, in seconds, either way. */
export const CLOCK_WINDOW_SECONDS = 300;

/** Most messages that wait for one device. */
export const MAX_QUEUE_MESSAGES = 10_000;
/** Most bytes of message bodies that wait for one device. */
export const MAX_QUEUE_BYTES = 64 * 1024 * 1024;
/** Most one-time keys of a kind kept for one device. */
export const MAX_STORED_ONE_TIME_KEYS = 1_000;

/** How long a message waits for its device. */
export const ENVELOPE_TTL = 30 * 24 * HOUR;
/** How long the relay remembers the answer to a send id. */
export const SENT_TTL = 48 * HOUR;
/** How often what is out of date is deleted. */
export const EXPIRY_INTERVAL = MINUTE;
/** How often a relay looks whether another one changed the file that both serve. */
export const SHARING_INTERVAL = 250;
/** Rows of a kind deleted in one transaction of expiry. */
export const EXPIRY_ROWS = 500;

/** Bytes of message bodies in one page of a mailbox; one message is always given. */
export const MAX_PAGE_BYTES = 1024 * 1024;
/** Frames on a socket that wait for their acknowledgement. */
export const WINDOW_FRAMES = 256;
/** Bytes of message bodies on a socket that wait for their acknowledgement. */
export const WINDOW_BYTES = 1024 * 1024;
/** A socket whose own buffer holds this much is not written to. */
export const MAX_BUFFERED_BYTES = 256 * 1024;
/** Envelopes read from the store at once while pushing. */
export const PUSH_PAGE = 32;
/** Longest frame of a client. */
export const MAX_FRAME_BYTES = 4096;
/** How long a shutdown waits for requests and sockets before it cuts them off. */
export const SHUTDOWN_GRACE = 2_000;
