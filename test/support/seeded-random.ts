/**
 * Random sources for tests: repeatable, scripted, or broken on purpose.
 *
 * @spec 00-conventions §7
 * Owns: determinism of tests. Must not know: what is drawn for what.
 */
import { createHash } from 'node:crypto';
import type { RandomSource } from '../../protocol/crypto/provider.ts';

/** A repeatable stream: SHAKE256 over the seed and the number of the draw. */
export function seededRandom(seed: string): RandomSource {
  let draw = 0;
  return (length) => {
    const block = createHash('shake256', { outputLength: length });
    return new Uint8Array(block.update(`${seed}/${draw++}`).digest());
  };
}

/** Hands out the given byte strings in order. @throws {TypeError} when asked for another length, or for more. */
export function scriptedRandom(draws: readonly Uint8Array[]): RandomSource & { readonly left: () => number } {
  const rest = [...draws];
  const source = (length: number): Uint8Array => {
    const next = rest.shift();
    if (next === undefined || next.length !== length) throw new TypeError(`no scripted draw of ${length} bytes`);
    return next.slice();
  };
  return Object.assign(source, { left: () => rest.length });
}

/** What a broken source does at the chosen draw. */
export type Fault = 'throws' | 'short' | 'long' | 'empty' | 'zeros' | 'repeats' | 'not-bytes';
export const FAULTS: readonly Fault[] = ['throws', 'short', 'long', 'empty', 'zeros', 'repeats', 'not-bytes'];

/** A working source that fails at draw number `at`, from 0. `lengths` fills up with what was asked for. */
export function faultyRandom(source: RandomSource, fault: Fault, at: number, lengths: number[] = []): RandomSource {
  let previous = new Uint8Array(0);
  return (length) => {
    const good = source(length);
    const draw = lengths.push(length) - 1;
    const last = previous;
    previous = new Uint8Array(good);
    if (draw !== at) return good;
    if (fault === 'throws') throw new Error('entropy device is gone');
    if (fault === 'short') return good.subarray(1);
    if (fault === 'long') return new Uint8Array(length + 1).fill(7);
    if (fault === 'empty') return new Uint8Array(0);
    if (fault === 'zeros') return new Uint8Array(length);
    if (fault === 'repeats') return last.slice();
    return 'x'.repeat(length) as unknown as Uint8Array;
  };
}

/** A small repeatable generator of whole numbers below a bound, for sampling in tests. */
export function seededIntegers(seed: string): (bound: number) => number {
  const random = seededRandom(seed);
  return (bound) => new DataView(random(4).buffer).getUint32(0) % bound;
}
