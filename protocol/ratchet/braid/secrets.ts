/**
 * The secrets that a state of the post-quantum ratchet holds.
 *
 * @spec 08-braid §1
 * Owns: listing them, and erasing those of a state that is not kept. Must not know: what they are for.
 */
import type { Secret, Wipeable } from '../../bytes/secret.ts';
import { wipeAll } from '../../bytes/secret.ts';
import type { PqChain } from './chain.ts';
import type { SpqrState } from './spqr-state.ts';
import type { BraidState } from './states.ts';

function ofBraid(braid: BraidState): Secret[] {
  const { rootKey, macKey } = braid.auth;
  const own: Secret[] = [rootKey, macKey];
  if ('seed' in braid) own.push(braid.seed);
  if ('coins' in braid) own.push(braid.coins);
  return own;
}

function ofChain(chain: PqChain): Secret[] {
  const sides = chain.links.flatMap((link) => [link.send, link.receive]);
  return [chain.rootKey, ...sides.flatMap((side) => (side.key === null ? [side.skipped] : [side.key, side.skipped]))];
}

/** Every secret of a state. */
export function secretsOf(state: SpqrState): readonly Secret[] {
  if (typeof state === 'string') return [];
  const { braid, chain, negotiation } = state;
  return [
    ...ofBraid(braid),
    ...(chain === null ? [] : ofChain(chain)),
    ...(negotiation === null ? [] : [negotiation.pqRatchetKey]),
  ];
}

/** Erases what a step that is not kept made: all that `after` holds and all that it `spent`, what `before` holds excepted. */
export function wipeNew(before: SpqrState, after: SpqrState, spent: readonly Wipeable[] = []): void {
  // @req BRD-01
  const kept = new Set<Wipeable>(secretsOf(before));
  wipeAll([...secretsOf(after), ...spent].filter((secret) => !kept.has(secret)));
}
