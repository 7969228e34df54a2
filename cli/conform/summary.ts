/**
 * A run in numbers.
 *
 * @spec 14-vectors §5
 * Owns: counting by family, how a value is shortened for people. Must not know: formats.
 */
import type { Run, TestResult } from './run.ts';
import type { Json } from './vector-file.ts';
import { visible } from './visible.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly unsupported: number;
  readonly intermediates: number;
  /** Saved states that were compared. */
  readonly states: number;
}

export interface FamilySummary extends Counts {
  readonly family: string;
  readonly results: readonly TestResult[];
  /** What the driver would need for the tests that it does not support. */
  readonly lacking: readonly string[];
}

function count(results: readonly TestResult[]): Counts {
  const of = (verdict: TestResult['verdict']) => results.filter((result) => result.verdict === verdict).length;
  const intermediates = results.reduce((sum, result) => sum + result.intermediates, 0);
  const states = results.reduce((sum, result) => sum + result.states, 0);
  return { passed: of('passed'), failed: of('failed'), unsupported: of('unsupported'), intermediates, states };
}

/** One family after the other, in the order of the run. */
export function families(run: Run): readonly FamilySummary[] {
  return [...Map.groupBy(run.results, ({ family }) => family)].map(([family, results]) => {
    const lacking = [...new Set(results.flatMap(({ lacking: op }) => (op === null ? [] : [op])))].sort();
    return { family, results, lacking, ...count(results) };
  });
}

export function totals(run: Run): Counts {
  return count(run.results);
}

/** The exit code of a run: 2 where it broke off, 1 where something failed or nothing was run. */
export function exitCode(run: Run): 0 | 1 | 2 {
  if (run.fault !== null) return 2;
  const { passed, failed } = totals(run);
  // @req VEC-18
  return failed > 0 || passed === 0 ? 1 : 0;
}

/** What the judgement rests on. */
export function basis(run: Run): string {
  const { hello, seeds, profile } = run;
  if (hello === null) return 'nothing: the driver did not say hello';
  const values = hello.trace ? 'outputs and values on the way' : 'outputs alone (the driver has no trace)';
  const { states } = totals(run);
  const state = states > 0 ? `, ${states} saved states after refusals` : ', behaviour after refusals';
  const whose = profile === 'strict' ? '' : `, by the verdicts of ${profile} where they differ`;
  return `${values}${state}${whose}${seeds ? '' : ', behaviour where a seed would decide (the driver takes none)'}`;
}

/** A value as text. */
export function show(value: Json): string {
  return visible(typeof value === 'string' ? value : JSON.stringify(value));
}

/** A long value, its middle left out. */
export function shorten(value: Json, length = 96): string {
  const text = show(value);
  return text.length <= length
    ? text
    : `${text.slice(0, length / 2)}…${text.slice(-length / 4)} (${text.length} characters)`;
}
