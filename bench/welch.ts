/**
 * Whether two sets of timings differ: Welch's t, as dudect uses it.
 *
 * @spec 01-keys §7
 * Owns: the statistic. Must not know: what was timed.
 */

/** Absolute t above which timings are taken to depend on the secret (dudect; JS-01). */
export const THRESHOLD = 4.5;
/** Shares of the fastest measurements that are looked at apart: slow ones are interruptions, not leaks. */
const CROPS = [1, 0.9, 0.75, 0.5];

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: squares / (values.length - 1) };
}

/** Welch's t of two samples; 0 where neither varies and both agree. */
export function welchT(a: readonly number[], b: readonly number[]): number {
  if (a.length < 2 || b.length < 2) throw new TypeError('two values at least on either side');
  const [x, y] = [moments(a), moments(b)];
  const error = Math.sqrt(x.variance / a.length + y.variance / b.length);
  const difference = x.mean - y.mean;
  if (error === 0) return difference === 0 ? 0 : Math.sign(difference) * Number.POSITIVE_INFINITY;
  return difference / error;
}

/** The t that is largest in absolute value over several croppings at quantiles common to both samples. */
export function worstT(a: readonly number[], b: readonly number[]): number {
  const sorted = [...a, ...b].sort((x, y) => x - y);
  const ts = CROPS.map((share) => {
    const limit = sorted[Math.ceil(share * sorted.length) - 1] as number;
    const [left, right] = [a.filter((value) => value <= limit), b.filter((value) => value <= limit)];
    return left.length < 2 || right.length < 2 ? 0 : welchT(left, right);
  });
  return ts.reduce((worst, t) => (Math.abs(t) > Math.abs(worst) ? t : worst), 0);
}

/** True where more than half of the rounds lie beyond the threshold on one side. */
export function differ(ts: readonly number[]): boolean {
  const beyond = [ts.filter((t) => t >= THRESHOLD), ts.filter((t) => t <= -THRESHOLD)];
  return beyond.some((side) => side.length > ts.length / 2);
}
