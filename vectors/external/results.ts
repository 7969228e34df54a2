/**
 * Running the files of a folder and holding the counts to what is recorded.
 *
 * @spec 14-vectors §1
 * Owns: the result of each file and of all. Must not know: how results are printed.
 */
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import { baseName, countsOf, type Recorded, recordedOf, type Use, useOf } from './catalogue.ts';
import { type Found, findFiles, readVectors } from './folder.ts';
import { BadFile, parseJson } from './shape.ts';
import type { Outcome, Run } from './verdict.ts';

/** A case that did not come out as published. */
export interface Failure {
  readonly file: string;
  /** `tcId 7`, or the name of the case. */
  readonly case: string;
  readonly provider: 'noble' | 'node';
  readonly differences: readonly string[];
}

/** A file that was run. A case of the node provider may be native and fallback both. */
export interface RunRow extends Recorded {
  readonly file: string;
  readonly use: 'run';
  readonly noble: { readonly passed: number; readonly failed: number };
  readonly node: { readonly passed: number; readonly failed: number; readonly fallback: number };
  /** Published cases that are not run, by reason. */
  readonly unused: Readonly<Record<string, number>>;
}

/** A file that is not run. */
interface OtherRow {
  readonly file: string;
  readonly use: 'not used' | 'unknown';
  readonly algorithm: string | null;
  readonly cases: number | null;
}

/** One file of the folder, or one that is missing from it. */
export type Row = RunRow | OtherRow | { readonly file: string; readonly use: 'no vectors' | 'missing' };

/** Everything. */
export interface Results {
  readonly rows: readonly Row[];
  readonly failures: readonly Failure[];
  /** Counts that are not what they must be. */
  readonly faults: readonly string[];
  /** Verdicts, over both providers. */
  readonly passed: number;
  readonly failed: number;
}

/** A folder whose every file was read. */
export interface Plan extends Found {
  readonly uses: ReadonlyMap<string, Use | null>;
}

/**
 * Reads every file of a folder, and runs none.
 * @throws {AggregateError} of one {@link BadFile} for each file that is not what it should be.
 */
export function planOf(folder: string): Plan {
  const found = findFiles(folder);
  const bad: BadFile[] = [];
  const uses = new Map<string, Use | null>();
  for (const file of found.files) {
    try {
      const isJson = file.endsWith('.json');
      uses.set(file, isJson ? useOf(file, parseJson(file, readVectors(folder, file))) : null);
    } catch (error) {
      if (!(error instanceof BadFile)) throw error;
      bad.push(error);
    }
  }
  // @req VEC-05
  if (bad.length > 0) throw new AggregateError(bad, 'not what they should be');
  return { ...found, uses };
}

function failuresOf(file: string, provider: Failure['provider'], outcome: Outcome): Failure[] {
  return outcome.verdicts
    .filter(({ differences }) => differences.length > 0)
    .map(({ id, differences }) => ({ file, case: /^\d+$/.test(id) ? `tcId ${id}` : id, provider, differences }));
}

function tally(reasons: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

const COUNTED: readonly (readonly [keyof Recorded, string])[] = [
  ['cases', 'cases'],
  ['run', 'cases run'],
  ['derived', 'derived cases'],
  ['native', 'cases answered natively'],
  ['answers', 'native answers'],
];

/** Fewer of anything than is recorded; more is no fault. @req VEC-03 */
export function drops(file: string, counts: Recorded, recorded: Recorded | null): string[] {
  if (recorded === null) return [];
  return COUNTED.filter(([name]) => counts[name] < recorded[name]).map(
    ([name, what]) => `${file}: ${counts[name]} ${what}, ${recorded[name]} are recorded`,
  );
}

/** Runs one file with both providers. @req VEC-01 */
function runFile(file: string, run: Run): { row: RunRow; failures: Failure[]; faults: string[] } {
  const [noble, node] = [run(nobleProvider), run(nodeProvider)];
  const failures = { noble: failuresOf(file, 'noble', noble), node: failuresOf(file, 'node', node) };
  const counts = countsOf(node);
  const faults = drops(file, counts, recordedOf(file));
  if (counts.run === 0) faults.push(`${file}: no case was run`);
  const [a, b] = [noble.verdicts.length, node.verdicts.length];
  if (a !== b) faults.push(`${file}: ${a} cases with noble, ${b} with node`);
  const row: RunRow = {
    file,
    use: 'run',
    ...counts,
    noble: { passed: a - failures.noble.length, failed: failures.noble.length },
    node: {
      passed: b - failures.node.length,
      failed: failures.node.length,
      fallback: node.verdicts.filter(({ fallback }) => fallback > 0).length,
    },
    unused: tally(node.unused.map(({ reason }) => reason)),
  };
  return { row, failures: [...failures.noble, ...failures.node], faults };
}

function otherRow(file: string, use: Exclude<Use, { use: 'run' }> | null): { row: Row; faults: string[] } {
  if (use === null) return { row: { file, use: 'no vectors' }, faults: [] };
  const { algorithm, cases } = use;
  const counts = { cases: cases ?? 0, run: 0, derived: 0, native: 0, answers: 0 };
  return { row: { file, use: use.use, algorithm, cases }, faults: drops(file, counts, recordedOf(file)) };
}

/** Runs all that was planned, telling of each row when it is done. */
export function runPlan(plan: Plan, tell: (row: Row) => void = () => {}): Results {
  const rows: Row[] = [];
  const [failures, faults]: [Failure[], string[]] = [[], []];
  for (const [file, use] of plan.uses) {
    const done = use?.use === 'run' ? runFile(file, use.run) : { ...otherRow(file, use), failures: [] };
    rows.push(done.row);
    failures.push(...done.failures);
    faults.push(...done.faults);
    tell(done.row);
  }
  for (const file of plan.missing) {
    const row = { file: plan.collection ? file : baseName(file), use: 'missing' } as const;
    rows.push(row);
    if (plan.collection) faults.push(`${file}: missing`);
    tell(row);
  }
  const ran = rows.filter((row) => row.use === 'run');
  // @req VEC-03
  if (ran.length === 0) faults.push('no file of the folder was run');
  const passed = ran.reduce((sum, { noble, node }) => sum + noble.passed + node.passed, 0);
  return { rows, failures, faults, passed, failed: failures.length + faults.length };
}
