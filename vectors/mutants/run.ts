/**
 * Mutants against vectors.
 *
 * @spec 14-vectors §7
 * Owns: when a mutant is dead, what killed it, how many run at once. Must not know: how results are shown.
 */
import { join } from 'node:path';
import { type Run, runVectors, type TestResult } from '../../cli/conform/run.ts';
import type { LoadedFile } from '../../cli/conform/vector-file.ts';
import type { Mutant } from './mutant.ts';

/** Drivers at one time. */
const JOBS = 2;
/** For one answer, in milliseconds. */
const TIMEOUT = 60_000;
const DRIVER = join(import.meta.dirname, 'driver.ts');
/** How a driver answers where it broke instead of deciding. */
const INTERNAL = '(internal-error)';

/** The name of the implementation that is right. */
export const CONTROL = 'control';

/** The first test of its family that a mutant fails. */
export interface Kill {
  readonly file: string;
  readonly tcId: number;
  readonly comment: string;
  readonly op: string | null;
  /** From 1, in a test of several steps. */
  readonly step: number | null;
  /** The label of a value on the way, a field of the answer, `error`, or a state that a refusal changed. */
  readonly label: string;
}

/** What became of a mutant, or of the control. */
export interface Verdict {
  readonly name: string;
  /** Null of the control. */
  readonly family: string | null;
  /** `broken`: it did not run, or broke where it should decide, which is no kill. The control passes or is broken. */
  readonly outcome: 'killed' | 'survived' | 'broken' | 'passed';
  readonly kill: Kill | null;
  /** Why it is broken. */
  readonly fault: string | null;
  /** Family → failed tests, of the families that were run. */
  readonly failed: Readonly<Record<string, number>>;
  readonly tests: number;
}

/** True where the driver says that it broke, which is no decision. */
function isBreakdown({ difference }: TestResult): boolean {
  return typeof difference?.actual === 'string' && difference.actual.endsWith(INTERNAL);
}

function killOf({ file, tcId, comment, op, step, difference }: TestResult): Kill {
  return { file, tcId, comment, op, step, label: difference?.what ?? '?' };
}

function failuresByFamily(results: readonly TestResult[]): Record<string, number> {
  const wrong = results.filter((result) => result.verdict === 'failed' && !isBreakdown(result));
  const families = [...new Set(results.map(({ family }) => family))];
  return Object.fromEntries(
    families.map((family) => [family, wrong.filter((result) => result.family === family).length]),
  );
}

function describe({ file, tcId, comment, difference }: TestResult): string {
  return `${file} tcId ${tcId} (${comment}): ${difference?.what ?? ''} ${JSON.stringify(difference?.actual ?? null).slice(0, 160)}`;
}

/** What a run says about a mutant. */
export function verdictOn({ name, family }: Pick<Mutant, 'name' | 'family'>, run: Run): Verdict {
  const { results } = run;
  const base = { name, family, kill: null, fault: null, failed: failuresByFamily(results), tests: results.length };
  if (run.fault !== null) return { ...base, outcome: 'broken', fault: run.fault };
  const first = results.find((result) => result.family === family && result.verdict === 'failed');
  if (first === undefined) return { ...base, outcome: 'survived' };
  // @req VEC-32
  if (isBreakdown(first)) return { ...base, outcome: 'broken', fault: describe(first) };
  return { ...base, outcome: 'killed', kill: killOf(first) };
}

/** The control must pass everything that the mutants are run on. */
export function verdictOnControl(run: Run): Verdict {
  const { results, fault } = run;
  const base = { name: CONTROL, family: null, kill: null, failed: failuresByFamily(results), tests: results.length };
  const other = results.find(({ verdict }) => verdict !== 'passed');
  const problem = fault ?? (other === undefined ? null : describe(other)) ?? (results.length === 0 ? 'no tests' : null);
  // @req VEC-31
  return problem === null
    ? { ...base, outcome: 'passed', fault: null }
    : { ...base, outcome: 'broken', fault: problem };
}

/** What is to be run. */
export interface MutantsOptions {
  readonly mutants: readonly Mutant[];
  readonly files: readonly LoadedFile[];
  /** Every family to its end; otherwise each mutant's own, to its first failure. */
  readonly whole: boolean;
  readonly onVerdict?: (verdict: Verdict) => void;
  readonly signal?: AbortSignal;
}

function start(name: string, files: readonly LoadedFile[], bail: boolean, signal?: AbortSignal): Promise<Run> {
  return runVectors({
    command: [process.execPath, DRIVER, name].map((part) => `"${part}"`).join(' '),
    files,
    timeout: TIMEOUT,
    profile: 'strict',
    bail,
    ...(signal === undefined ? {} : { signal }),
  });
}

/**
 * Runs the control, then every mutant.
 * @returns the verdicts in that order
 */
export async function runMutants(options: MutantsOptions): Promise<readonly Verdict[]> {
  const { mutants, files, whole, onVerdict, signal } = options;
  const families = new Set(mutants.map(({ family }) => family));
  const meant = (family: string) => files.filter(({ content }) => content.family === family);
  const used = whole ? files : files.filter(({ content }) => families.has(content.family));
  const work = [
    async () => verdictOnControl(await start(CONTROL, used, false, signal)),
    ...mutants.map((mutant) => async () => {
      const own = whole ? files : meant(mutant.family);
      return verdictOn(mutant, await start(mutant.name, own, !whole, signal));
    }),
  ];
  const verdicts: Verdict[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < work.length && signal?.aborted !== true; i = next++) {
      const verdict = await (work[i] as (typeof work)[0])();
      verdicts[i] = verdict;
      onVerdict?.(verdict);
    }
  };
  await Promise.all(Array.from({ length: JOBS }, worker));
  return verdicts.filter((verdict) => verdict !== undefined);
}

/** True where a verdict is as it should be. */
export function isRight({ outcome }: Verdict): boolean {
  return outcome === 'killed' || outcome === 'passed';
}
