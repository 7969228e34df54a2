/**
 * `npm run interop`: installs what it needs, lets both sides talk, says what came of it.
 *
 * @spec 12-interop §7
 * Owns: the options, the order of the work, the exit code. Exit 0: all as expected; 1: something was not, or could not be run;
 * 2: wrong usage.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { type BatchResult, runBatch } from './dialogues.ts';
import { driverNamed, libsignal, OURS, ROOT, withDrivers } from './drivers.ts';
import { type HonestResult, runHonest } from './honest.ts';
import { type Cell, classOf, runMatrix, unlikeModels } from './matrix.ts';
import { KINDS, type Kind } from './plan.ts';
import { measureRate, type Rate, TRAFFIC } from './rates.ts';
import { install, newestRelease, REFERENCE, RELEASES } from './releases.ts';
import { markdown, type Results, spliced, verdict } from './results.ts';

interface Options {
  readonly quick?: true;
  readonly json?: true;
  readonly render?: true;
  readonly release?: string;
  readonly dialogues?: number;
  readonly messages: number;
  readonly long?: number;
  readonly honest?: number;
  readonly seed: string;
  readonly first: number;
  readonly kind?: Kind;
  readonly within?: number;
  readonly a?: string;
  readonly b?: string;
}

/** How much is run. */
interface Amount {
  readonly matrixMessages: number;
  readonly dialogues: number;
  readonly long: number;
  /** Dialogues with every other release that has the post-quantum ratchet. */
  readonly others: number;
  readonly honest: number;
  /** Every traffic shape and libsignal with itself, or ping-pong and one-way alone. */
  readonly allRates: boolean;
}

const FULL: Amount = { matrixMessages: 300, dialogues: 1000, long: 20, others: 100, honest: 10_000, allRates: true };
const QUICK: Amount = { matrixMessages: 100, dialogues: 30, long: 2, others: 10, honest: 200, allRates: false };
const LONG_MESSAGES = 400;
const RESULTS_FILE = join(import.meta.dirname, 'results.json');

const log = (line: string): void => console.error(line);

/** A line every quarter of the way. */
function counter(what: string): (done: number, of: number) => void {
  let shown = 0;
  return (done, of) => {
    if (done < of && done - shown < of / 4) return;
    shown = done;
    log(`  ${what}: ${done}/${of}`);
  };
}

/** A part of the work that could not be done is a gap, never nothing. */
async function attempt<T>(gaps: string[], what: string, fallback: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    log(`GAP: ${message}`);
    gaps.push(message);
    return fallback;
  }
}

async function installAll(versions: readonly string[], gaps: string[]): Promise<string[]> {
  const there: string[] = [];
  for (const version of versions) {
    const done = await attempt(gaps, `libsignal ${version} is missing`, false, async () => {
      await install(version, log);
      return true;
    });
    if (done) there.push(version);
  }
  return there;
}

async function runRates(all: boolean): Promise<Rate[]> {
  const shapes = all ? TRAFFIC : TRAFFIC.filter(({ name }) => name === 'ping-pong' || name === 'A only');
  return withDrivers([OURS, libsignal()], async (ours, theirs) => {
    const rates: Rate[] = [];
    for (const shape of shapes) {
      log(`epochs: ${shape.name}, ${shape.messages} messages`);
      rates.push(await measureRate(shape, ours, theirs), await measureRate(shape, theirs, ours));
      if (all) rates.push(await measureRate(shape, theirs, theirs));
    }
    return rates;
  });
}

async function runDialogues(
  options: Options,
  dialogues: number,
  messages: number,
  version: string = REFERENCE,
): Promise<BatchResult[]> {
  const { seed, first, kind } = options;
  const batches: BatchResult[] = [];
  for (const [a, b] of [
    [OURS, libsignal(version)],
    [libsignal(version), OURS],
  ] as const) {
    log(`dialogues: ${a.label} → ${b.label}, ${dialogues} × ${messages} messages`);
    batches.push(await runBatch({ a, b, seed, first, dialogues, messages, kind }, counter('dialogues')));
  }
  return batches;
}

function slow(options: Options, batches: readonly BatchResult[]): string[] {
  const seconds = batches.reduce((sum, batch) => sum + batch.seconds, 0);
  const { within } = options;
  return within === undefined || seconds <= within ? [] : [`dialogues took ${seconds.toFixed(1)} s of ${within} s`];
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

function provenance(): Pick<Results, 'commit' | 'date' | 'machine' | 'command'> {
  const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' with changes';
  const args = process.argv.slice(2);
  return {
    command: `npm run interop${args.length === 0 ? '' : ` -- ${args.join(' ')}`}`,
    commit: `${git('rev-parse', '--short', 'HEAD') || 'unknown'}${changed}`,
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      os: `${type()} ${release()}`,
      node: process.versions.node,
    },
  };
}

function ownVersion(): string {
  return (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
}

async function chosenReleases(
  options: Options,
  gaps: string[],
): Promise<{ versions: string[]; newest: string | null }> {
  if (options.release !== undefined) return { versions: [options.release], newest: null };
  const newest = await attempt(gaps, 'the newest release is not known', null, newestRelease);
  const more = newest === null || RELEASES.includes(newest) ? [] : [newest];
  return { versions: [...RELEASES, ...more], newest };
}

/** The lab's own work, against libsignal. */
async function runLab(options: Options): Promise<Results> {
  const amount = options.quick || options.release !== undefined ? QUICK : FULL;
  const gaps: string[] = [];
  const begun = provenance();
  const { versions, newest } = await chosenReleases(options, gaps);
  const there = await installAll(versions, gaps);
  const { seed, messages } = options;
  const none = { cells: [] as Cell[], batches: [] as BatchResult[], rates: [] as Rate[], honest: null };
  const matrix = await attempt(gaps, 'matrix', none.cells, () => runMatrix(there, amount.matrixMessages, seed, log));
  const rest = there.includes(REFERENCE);
  const asked = [options.dialogues, options.long, options.honest].some((option) => option !== undefined);
  if (!rest && (options.release === undefined || asked))
    gaps.push(`dialogues are with libsignal ${REFERENCE}: not run`);
  const part = <T>(what: string, fallback: T, work: () => Promise<T>) =>
    rest ? attempt(gaps, what, fallback, work) : Promise.resolve(fallback);
  const rates = await part('epochs', none.rates, () => runRates(amount.allRates));
  const short = await part('dialogues', none.batches, () =>
    runDialogues(options, options.dialogues ?? amount.dialogues, messages),
  );
  gaps.push(...slow(options, short));
  const long = await part('long dialogues', none.batches, () =>
    runDialogues(options, options.long ?? amount.long, LONG_MESSAGES),
  );
  const others: BatchResult[] = [];
  for (const version of there.filter((one) => one !== REFERENCE && classOf(one) !== 'none')) {
    others.push(
      ...(await attempt(gaps, `dialogues with ${version}`, none.batches, () =>
        runDialogues(options, amount.others, messages, version),
      )),
    );
  }
  const rounds = options.honest ?? amount.honest;
  if (rest) log(`honest: ${rounds} rounds of what libsignal makes`);
  const honest = await part<HonestResult | null>('honest', none.honest, () =>
    runHonest([OURS, libsignal()], rounds, counter('honest')),
  );
  return {
    ...begun,
    versions: { pawl: ownVersion(), libsignal: there, newest },
    seed,
    matrix,
    unlikeModels: unlikeModels(matrix),
    dialogues: [...short, ...long, ...others],
    rates,
    honest,
    gaps,
  };
}

/** Dialogues between any two drivers. */
async function runPair(options: Options, a: string, b: string): Promise<Results> {
  const { seed, first, kind, messages } = options;
  const gaps: string[] = [];
  const begun = provenance();
  for (const name of [a, b]) {
    const [, version] = /^libsignal:(\S+)$/.exec(name) ?? [];
    if (version !== undefined) await installAll([version], gaps);
  }
  const dialogues = options.dialogues ?? QUICK.dialogues;
  const batch = { a: driverNamed(a), b: driverNamed(b), seed, first, dialogues, messages, kind };
  const played = await attempt(gaps, 'dialogues', [] as BatchResult[], async () => [
    await runBatch(batch, counter('dialogues')),
  ]);
  const versions = { pawl: ownVersion(), libsignal: [], newest: null };
  gaps.push(...slow(options, played));
  return { ...begun, versions, seed, matrix: [], unlikeModels: [], dialogues: played, rates: [], honest: null, gaps };
}

/** Only the run of everything is kept: a part of it would not be the table that it replaces. @req IOP-08 */
function keep(options: Options, results: Results): boolean {
  const partial = [
    options.quick,
    options.release,
    options.a,
    options.kind,
    options.dialogues,
    options.honest,
    options.long,
  ];
  return partial.every((option) => option === undefined) && results.gaps.length === 0;
}

/** Puts the table of the kept run into the README. */
function render(): void {
  const readme = join(ROOT, 'README.md');
  const results = JSON.parse(readFileSync(RESULTS_FILE, 'utf8')) as Results;
  writeFileSync(readme, spliced(readFileSync(readme, 'utf8'), markdown(results)));
  log('written: the table in README.md');
}

function write(results: Results): void {
  writeFileSync(RESULTS_FILE, `${JSON.stringify(results, null, 2)}\n`);
  log(`written: ${RESULTS_FILE}`);
  render();
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a whole number is wanted');
  return value;
}

function kindNamed(text: string): Kind {
  const kind = KINDS.find((name) => name === text);
  if (kind === undefined) throw new InvalidArgumentError(`one of ${KINDS.join(', ')}`);
  return kind;
}

async function run(options: Options): Promise<void> {
  const { a, b } = options;
  if (options.render) {
    render();
    return;
  }
  if ((a === undefined) !== (b === undefined)) {
    log('error: --a and --b go together');
    process.exitCode = 2;
    return;
  }
  const results = a === undefined || b === undefined ? await runLab(options) : await runPair(options, a, b);
  const { passed, failures } = verdict(results);
  if (options.json) console.log(JSON.stringify({ ok: failures.length === 0, passed, failures, ...results }));
  else {
    console.log(`\n${markdown(results)}\n`);
    for (const failure of failures) console.log(`FAIL  ${failure}`);
    console.log(`${passed} passed, ${failures.length} failed`);
  }
  if (keep(options, results)) write(results);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

const program = new Command('interop')
  .description(
    'Lets our driver and releases of libsignal talk to each other, in both roles, and holds every answer to what is known.',
  )
  .option('--quick', 'a short form of everything, written nowhere')
  .option('--json', 'one JSON object instead of the table')
  .option('--render', "run nothing: write the README's table again from results.json")
  .option('--release <version>', `one release alone, in the short form (dialogues are with ${REFERENCE})`)
  .option('--dialogues <n>', 'dialogues in each role', whole)
  .option('--messages <n>', 'messages in each of them', whole, 60)
  .option('--long <n>', `dialogues of ${LONG_MESSAGES} messages in each role`, whole)
  .option('--honest <n>', 'rounds of bundles and messages made by libsignal', whole)
  .option('--seed <text>', 'what all schedules come from', 'pawl')
  .option('--first <n>', 'number of the first dialogue: with --dialogues 1, one of them again', whole, 0)
  .option('--kind <name>', `dialogues of one kind: ${KINDS.join(', ')}`, kindNamed)
  .option('--within <seconds>', 'fail if the dialogues take longer', whole)
  .option(
    '--a <driver>',
    'instead of all that: dialogues between two drivers, "pawl", "libsignal:VERSION" or a command',
  )
  .option('--b <driver>', 'the other one')
  .addHelpText(
    'after',
    `
libsignal is installed below lab/interop/.releases/ from the npm registry, each release in its own folder and process.
A failed dialogue leaves its transcript and both devices in lab/interop/failures/; node lab/interop/replay.ts FILE plays our
side of it again. Progress goes to standard error.

Exit codes: 0 all as expected, 1 something was not or could not be run, 2 wrong usage.`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .action(run);

await program.parseAsync();
