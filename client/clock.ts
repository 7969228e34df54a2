/**
 * Time, as an argument.
 *
 * @spec 07-devices §1
 * Owns: the one place of the client that reads a clock. Must not know: what is timed.
 */

/** Milliseconds since 1970. */
export interface Clock {
  /** The present, in whole milliseconds. */
  now(): number;
}

/** The clock of the machine. */
export const systemClock: Clock = { now: () => Date.now() };
