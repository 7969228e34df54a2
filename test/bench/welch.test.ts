/**
 * The statistic behind the timing table: what it must see and must not.
 *
 * @spec 01-keys §7
 */
import { expect, test } from 'vitest';
import { differ, THRESHOLD, welchT, worstT } from '../../bench/welch.ts';
import { seededIntegers } from '../support/seeded-random.ts';

/** Times around `centre`, with an interruption now and then. */
function timings(seed: string, count: number, centre: number): number[] {
  const below = seededIntegers(seed);
  return Array.from({ length: count }, () => centre + below(100) + (below(50) === 0 ? 20_000 + below(10_000) : 0));
}

test('[JS-01] Welch’s t of a known case', () => {
  // Means 3 and 6, variances 2.5 and 10, five values each: −3 / √(0.5 + 2).
  expect(welchT([1, 2, 3, 4, 5], [2, 4, 6, 8, 10])).toBeCloseTo(-3 / Math.sqrt(2.5), 12);
  expect(welchT([2, 4, 6, 8, 10], [1, 2, 3, 4, 5])).toBeCloseTo(3 / Math.sqrt(2.5), 12);
  expect(welchT([5, 5], [5, 5])).toBe(0);
  expect(welchT([5, 5], [6, 6])).toBe(Number.NEGATIVE_INFINITY);
  expect(() => welchT([1], [1, 2])).toThrow(TypeError);
});

test('[JS-01] sees a small difference through interruptions, and none where there is none', () => {
  const same = worstT(timings('a', 20_000, 1_000), timings('b', 20_000, 1_000));
  expect(Math.abs(same)).toBeLessThan(THRESHOLD);
  const leaking = [timings('c', 20_000, 1_000), timings('d', 20_000, 1_005)] as const;
  expect(Math.abs(worstT(...leaking))).toBeGreaterThan(THRESHOLD);
  // Without the croppings the interruptions drown it.
  expect(Math.abs(welchT(...leaking))).toBeLessThan(THRESHOLD);
});

test('[JS-01] one disturbed round is not a difference, two on one side are', () => {
  expect(differ([6.1, 1, -2])).toBe(false);
  expect(differ([6.1, -7, 1])).toBe(false);
  expect(differ([6.1, 4.5, -1])).toBe(true);
  expect(differ([-5, 0, -4.5])).toBe(true);
});
