/**
 * Refused envelopes, counted.
 *
 * @spec 07-devices §8
 * Owns: one line a minute instead of one an envelope, an alert for each peer that exceeds its measure.
 * Must not know: errors beyond code and reason: no error object and no stack is kept (DOS-04).
 */
import type { ProtocolError } from '../protocol/errors.ts';
import type { Clock } from './clock.ts';
import { HOUR, MINUTE } from './limits.ts';
import type { DeviceEvent } from './types.ts';

/** Peers counted apart; what comes from further ones is counted together. */
const MAX_PEERS = 1_000;
const OTHERS = 'others';
/** Different reasons told in one line. */
const MAX_REASONS = 8;

/** A duplicate is told by its counter, before any MAC: that many alarm where one refusal counts towards it. */
const DUPLICATES_PER_REFUSAL = 10;

interface PeerCount {
  readonly name: string;
  readonly since: number;
  refused: number;
  duplicates: number;
  alerted: boolean;
}

/** Counts refusals of one device. */
export class FailureLog {
  readonly #clock: Clock;
  readonly #alertAt: number;
  readonly #emit: (event: DeviceEvent) => void;
  readonly #log: (line: string) => void;
  readonly #peers = new Map<string, PeerCount>();
  readonly #reasons = new Map<string, number>();
  #lastLine = Number.NEGATIVE_INFINITY;
  #pending = 0;
  #refused = 0;
  #duplicates = 0;

  constructor(clock: Clock, alertAt: number, emit: (event: DeviceEvent) => void, log: (line: string) => void) {
    this.#clock = clock;
    this.#alertAt = alertAt;
    this.#emit = emit;
    this.#log = log;
  }

  /** Envelopes refused, duplicates not counted. */
  get refused(): number {
    return this.#refused;
  }

  get duplicates(): number {
    return this.#duplicates;
  }

  /** Peers that are counted apart at the moment. */
  get peers(): number {
    return this.#peers.size;
  }

  /**
   * Counts one duplicate from `peer`. At-least-once delivery brings duplicates, so that few of them alarm nobody; but whoever
   * may write envelopes can make as many as it likes, out of junk, so that many do.
   */
  duplicate(peer: string): void {
    this.#duplicates += 1;
    const entry = this.#entryOf(peer);
    entry.duplicates += 1;
    this.#alert(entry);
  }

  /** Counts one refusal of an envelope of `peer` (`account.device`). */
  refuse(peer: string, error: ProtocolError): void {
    this.#refused += 1;
    this.#pending += 1;
    const slug = `${error.code}/${error.reason}`;
    const reason = this.#reasons.has(slug) || this.#reasons.size < MAX_REASONS ? slug : OTHERS;
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    const entry = this.#entryOf(peer);
    entry.refused += 1;
    this.#alert(entry);
    this.flush();
  }

  /** The counts of a peer in its present hour. */
  #entryOf(peer: string): PeerCount {
    const now = this.#clock.now();
    if (!this.#peers.has(peer) && this.#peers.size >= MAX_PEERS) this.#forgetOld(now);
    const name = this.#peers.has(peer) || this.#peers.size < MAX_PEERS ? peer : OTHERS;
    const before = this.#peers.get(name);
    if (before !== undefined && now - before.since < HOUR) return before;
    const entry = { name, since: now, refused: 0, duplicates: 0, alerted: false };
    this.#peers.set(name, entry);
    return entry;
  }

  #alert(entry: PeerCount): void {
    const { name, refused, duplicates, alerted } = entry;
    // @req DEV-22
    if (alerted || (refused < this.#alertAt && duplicates < DUPLICATES_PER_REFUSAL * this.#alertAt)) return;
    entry.alerted = true;
    this.#emit({ type: 'decryptFailureAlert', peer: name, count: refused + duplicates });
  }

  #forgetOld(now: number): void {
    for (const [peer, entry] of this.#peers) if (now - entry.since >= HOUR) this.#peers.delete(peer);
  }

  /** Writes the line that is due, if one is: at most one a minute. */
  flush(): void {
    const now = this.#clock.now();
    // @req DEV-21
    if (this.#pending === 0 || now - this.#lastLine < MINUTE) return;
    const reasons = [...this.#reasons].map(([reason, count]) => `${reason} ${count}`).join(', ');
    this.#log(`${this.#pending} envelopes refused: ${reasons}`);
    this.#lastLine = now;
    this.#pending = 0;
    this.#reasons.clear();
  }
}
