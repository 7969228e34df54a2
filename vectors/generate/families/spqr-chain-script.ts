/**
 * Steps on a pair of post-quantum chains: `$a` is A2B, `$b` is B2A.
 *
 * @spec 15-driver-lab §7
 * Owns: writing steps down. Must not know: what must come of them.
 */
import type { StepDefinition } from '../definition.ts';
import { fixedHex } from '../definition.ts';

/** The two sides. */
export type Side = '$a' | '$b';
/** The PQ ratchet key of both. */
export const KEY = fixedHex('spqr chain');
/** The secret of an epoch. */
export const secretOf = (epoch: number) => fixedHex(`spqr chain, epoch ${epoch}`);

/** A chain of its own. */
export const start = (
  side: Side,
  pqRatchetKey: string = KEY,
  direction = side === '$a' ? 'A2B' : 'B2A',
): StepDefinition => ({
  op: 'spqr.chain.init',
  args: { direction, pqRatchetKey },
  bind: { [side]: 'chain' },
});
/** Both chains. */
export const START = [start('$a'), start('$b')];

const refusal = (refused: string | undefined) => (refused === undefined ? { trace: true } : { refused });

/** Mixes an epoch in. */
export const advance = (side: Side, epoch: number, refused?: string, secret = secretOf(epoch)): StepDefinition => ({
  op: 'spqr.chain.advance',
  args: { chain: side, epoch, secret },
  ...refusal(refused),
});
/** Mixes in all epochs up to one. */
export const advances = (side: Side, last: number) => Array.from({ length: last }, (_, i) => advance(side, i + 1));

/** Takes the next sending key. */
export const send = (side: Side, epoch: number, refused?: string): StepDefinition => ({
  op: 'spqr.chain.send',
  args: { chain: side, epoch },
  ...refusal(refused),
});
/** Takes a receiving key, or is refused it. */
export const receive = (side: Side, epoch: number, index: number, refused?: string): StepDefinition => ({
  op: 'spqr.chain.receive',
  args: { chain: side, epoch, index },
  ...refusal(refused),
});

/** A sends a message and B receives it. */
export const across = (epoch: number, index: number) => [send('$a', epoch), receive('$b', epoch, index)];

/** B receives these indices in this order. */
export function received(indices: readonly number[], epoch = 0): StepDefinition[] {
  return indices.map((index) => receive('$b', epoch, index));
}
