/**
 * What a message owes its secrecy to.
 *
 * @spec 05-sessions §7
 * Owns: the three labels. Must not know: how keys are made. Names no promise beyond where the keys came from.
 */
import type { Suite } from '../handshake/suites.ts';

/**
 * `classical`: no KEM had a part in the message's keys. `hybrid-start`: the handshake's KEM had, and nothing newer: whoever learns
 * the session's state reads on by breaking X25519 alone. `pq-healed`: a KEM secret made since then had.
 */
export type Protection = 'classical' | 'hybrid-start' | 'pq-healed';

/** How one message was protected. */
export interface Protected {
  readonly protection: Protection;
  /** The post-quantum epoch that the message's key comes from, 0 before the first and without a post-quantum ratchet. */
  readonly pqEpoch: number;
}

/** The label of a message keyed from an epoch (SES-19). */
export function protectionOf(suite: Suite, pqEpoch: number): Protected {
  // @req SES-19
  if (suite.kem === null) return { protection: 'classical', pqEpoch };
  return { protection: pqEpoch === 0 ? 'hybrid-start' : 'pq-healed', pqEpoch };
}
