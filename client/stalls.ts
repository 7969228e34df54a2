/**
 * Sessions whose post-quantum ratchet has stalled.
 *
 * @spec 07-devices §8
 * Owns: counting, for each peer, the messages in a row that completed an object of the braid which is not authentic. A refused
 * message changes no record, so the count lives here, and a restart begins it anew. Must not know: why a chunk is wrong.
 */
import { MAX_BRAID_FAILURES } from '../protocol/limits.ts';

/** Peers counted at once; the oldest is forgotten first. */
const MAX_PEERS = 1_000;

/** The counts of one device. */
export class StallCounter {
  readonly #counts = new Map<string, number>();

  /** Counts one more. @returns true where the session has just stalled. */
  failed(peer: string): boolean {
    const oldest = this.#counts.keys().next().value;
    if (oldest !== undefined && this.#counts.size >= MAX_PEERS && !this.#counts.has(peer)) this.#counts.delete(oldest);
    const count = this.count(peer) + 1;
    this.#counts.set(peer, count);
    return count === MAX_BRAID_FAILURES;
  }

  /** A message was read, or a session begun. */
  clear(peer: string): void {
    this.#counts.delete(peer);
  }

  count(peer: string): number {
    return this.#counts.get(peer) ?? 0;
  }

  /** True where the next message must begin a new session (DEV-41). */
  isStalled(peer: string): boolean {
    return this.count(peer) >= MAX_BRAID_FAILURES;
  }
}
