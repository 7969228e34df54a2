/**
 * Token buckets: so many at once, then one every so often.
 *
 * @spec 07-devices §8
 * Owns: the arithmetic. Must not know: clocks, what is limited.
 */

/** A bucket: what was left in it, and when that was, in milliseconds since 1970. */
export interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** The bucket after taking one token, or null where none is left. A clock that went back refills nothing. */
export function takeToken(bucket: Bucket | null, now: number, burst: number, interval: number): Bucket | null {
  const before = bucket ?? { tokens: burst, at: now };
  const refilled = Math.max(0, Math.floor((now - before.at) / interval));
  const tokens = Math.min(burst, before.tokens + refilled);
  if (tokens < 1) return null;
  const at = tokens === burst ? Math.max(now, before.at) : before.at + refilled * interval;
  return { tokens: tokens - 1, at };
}

/** Largest number of buckets kept in memory. */
const MAX_BUCKETS = 10_000;

/** Buckets in memory, by key. The oldest one gives way. */
export class TokenBuckets {
  readonly #burst: number;
  readonly #interval: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(burst: number, interval: number) {
    this.#burst = burst;
    this.#interval = interval;
  }

  /** Takes a token; false where there is none. */
  take(key: string, now: number): boolean {
    const next = takeToken(this.#buckets.get(key) ?? null, now, this.#burst, this.#interval);
    if (next === null) return false;
    this.#buckets.delete(key);
    this.#buckets.set(key, next);
    const oldest = this.#buckets.size > MAX_BUCKETS ? this.#buckets.keys().next().value : undefined;
    if (oldest !== undefined) this.#buckets.delete(oldest);
    return true;
  }
}
