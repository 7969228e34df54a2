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

/** What was compared, and what the driver leaves out. */
export function basis(run: Run): string {
  const { hello, seeds, profile } = run;
  if (hello === null) return 'nothing, as the driver did not say hello';
  const { states } = totals(run);
  const compared = ['outputs', 'codes of refusals'];
  const not: string[] = [];
  if (hello.trace === false) not.push('values on the way (no trace)');
  else compared.push(hello.trace === true ? 'values on the way' : 'values on the way of the labels that it announces');
  if (states > 0) compared.push(`${states} saved states after refusals`);
  if (!hello.canonicalState) not.push('saved states before and after a refusal (no canonicalState)');
  if (!seeds) not.push('bytes that a seed decides (it takes none)');
  const whose = profile === 'strict' ? '' : `, by the verdicts of ${profile} where they differ`;
  return `${compared.join(', ')}${whose}${not.length === 0 ? '' : `; not compared, as the driver lacks it: ${not.join(', ')}`}`;
}

/** The section that defines what differs, or what the test is about. */
export function definedIn({ difference, spec }: TestResult): string {
  return difference?.section ?? spec;
}

/** A value as text. */
export function show(value: Json): string {
  if (value === null) return '(nothing)';
  return visible(typeof value === 'string' ? value : JSON.stringify(value));
}

/** A long value, its middle left out. */
export function shorten(value: Json, length = 96): string {
  const text = show(value);
  return text.length <= length
    ? text
    : `${text.slice(0, length / 2)}…${text.slice(-length / 4)} (${text.length} characters)`;
}
