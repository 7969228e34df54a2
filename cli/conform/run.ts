/**
 * All vectors against one driver.
 *
 * @spec 14-vectors §3, §4
 * Owns: the order of the work, what is kept when a driver breaks off. Must not know: how results are shown.
 */
import { DriverFault, DriverProcess, type Hello } from './driver-process.ts';
import { type Outcome, type Profile, runTest, type Subject } from './run-test.ts';
import type { Fields, LoadedFile, TestGroup, VectorTest } from './vector-file.ts';
import { VectorFault } from './vector-file.ts';

/** One test with what came of it. */
export interface TestResult extends Outcome {
  readonly family: string;
  readonly file: string;
  readonly type: string;
  readonly spec: string;
  readonly tcId: number;
  readonly comment: string;
  readonly req: readonly string[];
  readonly result: 'valid' | 'invalid';
}

/** A whole run, or as much of it as there was. */
export interface Run {
  readonly command: string;
  readonly profile: Profile;
  readonly hello: Hello | null;
  readonly seeds: boolean;
  readonly vectorsVersion: string;
  readonly results: readonly TestResult[];
  /** Why the run broke off: file, test and driver; null where it did not. */
  readonly fault: string | null;
  readonly milliseconds: number;
}

/** What a run is asked to do. */
export interface RunOptions {
  readonly command: string;
  readonly files: readonly LoadedFile[];
  /** For one answer, in milliseconds. */
  readonly timeout: number;
  /** Null: that of the implementation. */
  readonly profile: Profile | null;
  readonly onFamily?: (family: string, results: readonly TestResult[]) => void;
  readonly signal?: AbortSignal;
  /** Ends the run at the first failure. */
  readonly bail?: boolean;
}

const SEED = '00'.repeat(32);
/** Operations that take a seed, with arguments that any driver accepts. */
const SEEDED_OPERATIONS: readonly (readonly [op: string, args: Fields])[] = [
  ['device.create', { local: { name: '00000000-0000-4000-8000-000000000000', deviceId: 1 }, seed: SEED }],
  ['spqr.braid.init', { direction: 'A2B', pqRatchetKey: SEED, seed: SEED }],
];

/** Whether a driver takes seeds: one that does not refuses the argument. */
async function takesSeeds(driver: DriverProcess, hello: Hello): Promise<boolean> {
  const probe = SEEDED_OPERATIONS.find(([op]) => hello.ops.includes(op));
  if (probe === undefined) return true;
  return 'ok' in (await driver.ask(...probe));
}

function resultOf({ name, content }: LoadedFile, group: TestGroup, test: VectorTest, outcome: Outcome): TestResult {
  const { tcId, comment, req, result } = test;
  const { type, spec } = group;
  return { family: content.family, file: name, type, spec, tcId, comment, req, result, ...outcome };
}

async function runFile(
  subject: Subject,
  file: LoadedFile,
  results: TestResult[],
  { signal, bail = false }: RunOptions,
): Promise<boolean> {
  for (const group of file.content.testGroups) {
    for (const test of group.tests) {
      if (signal?.aborted === true) throw new DriverFault('interrupted');
      try {
        results.push(resultOf(file, group, test, await runTest(subject, group, test)));
      } catch (error) {
        if (!(error instanceof DriverFault) && !(error instanceof VectorFault)) throw error;
        const kind = error instanceof DriverFault ? 'the driver ' : '';
        // @req VEC-16
        throw new DriverFault(`${file.name} tcId ${test.tcId} (${test.comment}): ${kind}${error.message}`);
      }
      if (bail && results.at(-1)?.verdict === 'failed') return false;
    }
  }
  return true;
}

/** Our own end: the driver is not to blame. */
function interruptedAfter(results: readonly TestResult[]): string {
  const last = results.at(-1);
  return `interrupted ${last === undefined ? 'before the first test' : `after ${last.file} tcId ${last.tcId}`}`;
}

/** Runs every file, one after the other; a fault ends the run and keeps what there is. */
export async function runVectors(options: RunOptions): Promise<Run> {
  const started = Date.now();
  const results: TestResult[] = [];
  const driver = new DriverProcess(options.command, options.timeout);
  const stop = () => driver.kill();
  options.signal?.addEventListener('abort', stop);
  let hello: Hello | null = null;
  let seeds = false;
  let fault: string | null = null;
  let profile: Profile = options.profile ?? 'strict';
  try {
    hello = await driver.hello();
    if (options.profile === null && hello.implementation === 'libsignal') profile = 'libsignal';
    seeds = await takesSeeds(driver, hello);
    for (const file of options.files) {
      const before = results.length;
      const going = await runFile({ driver, hello, seeds, profile }, file, results, options);
      options.onFamily?.(file.content.family, results.slice(before));
      if (!going) break;
    }
    await driver.close();
  } catch (error) {
    if (!(error instanceof DriverFault)) throw error;
    // @req VEC-16
    fault = options.signal?.aborted === true ? interruptedAfter(results) : `${options.command}: ${error.message}`;
  } finally {
    options.signal?.removeEventListener('abort', stop);
    driver.kill();
  }
  const vectorsVersion = options.files[0]?.content.vectorsVersion ?? '?';
  const { command } = options;
  return { command, profile, hello, seeds, vectorsVersion, results, fault, milliseconds: Date.now() - started };
}
