/**
 * The state of the whole post-quantum ratchet, and what may be told of it.
 *
 * @spec 08-braid §1, §10
 * Owns: the shape. Must not know: how it moves (spqr.ts).
 */
import type { Secret } from '../../bytes/secret.ts';
import type { Direction, PqChain } from './chain.ts';
import type { BraidState } from './states.ts';

/** The lowest payload version accepted while it is still open: 1 requires the ratchet, 0 lets the peer do without. */
export type MinVersion = 0 | 1;

/** What is kept until the first message of the peer settles the version. */
export interface Negotiation {
  readonly pqRatchetKey: Secret<'PqRatchetKey'>;
  readonly direction: Direction;
  readonly minVersion: MinVersion;
}

/** The ratchet at work. `chain` is null only until it is first needed. */
export interface SpqrOn {
  readonly braid: BraidState;
  readonly chain: PqChain | null;
  readonly negotiation: Negotiation | null;
}

/** The whole state. `off`: we do without; `refused`: the peer does. Both are for good. */
export type SpqrState = SpqrOn | 'off' | 'refused';

/** What a state says of itself. */
export type SpqrStatus = 'off' | 'refused' | 'negotiating' | 'on';

/** Off, refused by the peer, not yet answered by it, or on. */
export function spqrStatus(state: SpqrState): SpqrStatus {
  if (typeof state === 'string') return state;
  return state.negotiation === null ? 'on' : 'negotiating';
}

/** True while the peer may still do without the ratchet. */
export function mayFallBack(state: SpqrState): boolean {
  return typeof state !== 'string' && state.negotiation?.minVersion === 0;
}

/** The newest epoch whose secret is mixed in, 0 before the first. */
export function spqrEpoch(state: SpqrState): number {
  return typeof state === 'string' ? 0 : (state.chain?.epoch ?? 0);
}
