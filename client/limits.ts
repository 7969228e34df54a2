/**
 * The client's figures.
 *
 * @spec 07-devices §3
 * Owns: defaults. Must not know: who enforces them.
 */
import type { DeviceLimits } from './types.ts';

/** One minute, in milliseconds. */
export const MINUTE = 60_000;
/** One hour, in milliseconds. */
export const HOUR = 60 * MINUTE;
/** One day, in milliseconds. */
export const DAY = 24 * HOUR;

/** What holds unless the application says otherwise. */
export const DEFAULT_LIMITS: DeviceLimits = {
  signedPreKeyAge: 2 * DAY,
  lastResortKemAge: 7 * DAY,
  preKeyGrace: 30 * DAY,
  oneTimeLow: 20,
  oneTimeBatch: 100,
  oneTimeKept: 5_000,
  sharedKeySessions: 100,
  sessionBurst: 10,
  sessionInterval: HOUR,
  failureAlert: 100,
  outboxKept: 1_000,
  resendKept: 100,
  resendAge: DAY,
};
