/**
 * `pawl conform`: the vectors against any implementation that speaks the driver protocol.
 *
 * @spec 14-vectors §3 to §5
 * Owns: flags, exit codes, Ctrl-C. Must not know: verdicts.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Profile } from './conform/run-test.ts';
import type { LoadedFile } from './conform/vector-file.ts';

interface ConformFlags {
  driver?: string;
  only: string[];
  report?: string;
  vectors?: string;
  profile?: Profile;
  timeout: number;
  atLeast: number;
  json: boolean;
}

function seconds(value: string): number {
  const number = Number(value);
  if (!(number > 0 && number <= 3600)) throw new InvalidArgumentError('seconds are a number above 0, at most 3600.');
  return number;
}

function whole(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('a number of tests is a whole number.');
  return Number(value);
}

/** A folder of this package or checkout: beside `cli/`, or one further up from `dist/cli/`. */
function ownFolder(name: string): string {
  const [near, far] = ['..', '../..'].map((up) => join(import.meta.dirname, up, name));
  return existsSync(near as string) ? (near as string) : (far as string);
}

function chosen(files: readonly LoadedFile[], only: readonly string[]): readonly LoadedFile[] {
  const known = files.map(({ content }) => content.family);
  const unknown = only.find((family) => !known.includes(family));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: no such family; there are ${known.join(', ')}`);
  return only.length === 0 ? files : files.filter(({ content }) => only.includes(content.family));
}

async function conform(flags: ConformFlags): Promise<number> {
  const { driver = '' } = flags;
  if (driver.trim() === '') throw new Error('--driver <command> says what to run; see pawl conform --help');
  const [{ loadVectors }, { runVectors }, { familyLine, summaryLines }, { exitCode, totals }, reports] =
    await Promise.all([
      import('./conform/vector-file.ts'),
      import('./conform/run.ts'),
      import('./conform/terminal.ts'),
      import('./conform/summary.ts'),
      import('./conform/reports.ts'),
    ]);
  const files = chosen(loadVectors(flags.vectors ?? ownFolder('vectors')), flags.only);
  if (flags.report !== undefined) reports.openFolder(flags.report);
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, interrupt);
  // Whoever reads our output may stop reading: that ends the run, and the driver with it.
  process.stdout.on('error', interrupt);
  const print = (line: string) => {
    if (!flags.json) process.stdout.write(`${line}\n`);
  };
  print(driver);
  const run = await runVectors({
    command: driver,
    files,
    timeout: flags.timeout * 1000,
    profile: flags.profile ?? null,
    onFamily: (family, results) => print(familyLine(family, results)),
    signal: stop.signal,
  });
  for (const line of summaryLines(run)) print(line);
  if (flags.report !== undefined) {
    await reports.writeReports(run, flags.report, ownFolder('spec'));
    print(`  report: ${join(flags.report, 'index.html')}`);
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ totals: totals(run), ...run })}\n`);
  if (run.fault !== null) process.stderr.write(`pawl conform: ${run.fault}\n`);
  if (stop.signal.aborted) return 130;
  const { passed } = totals(run);
  if (run.fault === null && passed < flags.atLeast) {
    process.stderr.write(`pawl conform: ${passed} tests passed, where at least ${flags.atLeast} must\n`);
    return 1;
  }
  return exitCode(run);
}

const HELP = `
A driver is a program that reads one JSON request a line on standard input and writes one answer a line on standard output:
spec/11-driver.md and spec/15-driver-lab.md. What it announces in hello is run; the rest is unsupported, never passed. Outputs are
compared, values on the way too where the driver answers trace, refusals by their code, and that a refusal changed nothing.

Examples:
  pawl conform --driver "npm run -s driver"                    ours
  pawl conform --driver "python3 my_driver.py" --only x3dh     one family
  pawl conform --driver ./driver --report out/                 out/index.html, out/junit.xml, out/report.json

Exit codes: 0 everything that was run passed, 1 something failed, or fewer passed than --at-least, 2 wrong usage, vectors that cannot be read, or a
driver that hangs, dies or talks out of turn (the report so far is kept), 130 interrupted.`;

/** The command, for the program to add. */
export function conformCommand(): Command {
  const collect = (value: string, all: string[]) => [...all, value];
  return new Command('conform')
    .description('Run the test vectors against any implementation, in any language.')
    .option('--driver <command>', 'the shell command that starts the driver; required')
    .option('--only <family>', 'run this family alone; may be given again', collect, [])
    .option('--report <folder>', 'write index.html, junit.xml and report.json there')
    .option('--vectors <folder>', 'the vectors to run: those of the checkout that this command is from')
    .addOption(
      new Option(
        '--profile <name>',
        'whose verdicts hold where they differ: strict, unless the driver is libsignal',
      ).choices(['strict', 'libsignal']),
    )
    .option('--timeout <seconds>', 'how long one answer may take', seconds, 30)
    .option('--at-least <number>', 'fail where fewer tests pass: a driver must not lose operations unnoticed', whole, 1)
    .option('--json', 'print the whole run as one JSON object instead', false)
    .addHelpText('after', HELP)
    .action(async (flags: ConformFlags) => {
      try {
        process.exitCode = await conform(flags);
      } catch (error) {
        process.stderr.write(`pawl conform: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exitCode = 2;
      }
    });
}
