/**
 * `npm run vectors:mutants`: wrong implementations against the vectors.
 *
 * @spec 14-vectors §6
 * Owns: the arguments, lines for people, the last line, the exit code.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { manifestOf } from '../bench/manifest.ts';
import { loadVectors } from '../cli/conform/vector-file.ts';
import { checkMutants, MUTANTS } from './mutants/index.ts';
import { type Matrix, matrixOf, spliced, table } from './mutants/matrix.ts';
import type { Mutant } from './mutants/mutant.ts';
import { isRight, runMutants, type Verdict } from './mutants/run.ts';

const ROOT = join(import.meta.dirname, '..');
const MATRIX = join(import.meta.dirname, 'mutants/matrix.json');

interface Flags {
  readonly json: boolean;
  readonly matrix: boolean;
  readonly only: readonly string[];
  readonly vectors?: string;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function chosen(only: readonly string[]): readonly Mutant[] {
  const unknown = only.find((name) => MUTANTS.every((mutant) => mutant.name !== name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: no such mutant`);
  return only.length === 0 ? MUTANTS : MUTANTS.filter(({ name }) => only.includes(name));
}

function verdictLine({ name, family, outcome, kill, fault, tests }: Verdict): string {
  const head = `  ${outcome === 'killed' || outcome === 'passed' ? '✓' : '✗'} ${name.padEnd(34)}`;
  if (outcome === 'passed') return `${head}passes ${tests} tests`;
  if (outcome === 'survived') return `${head}SURVIVES ${family}: ${tests} tests notice nothing`;
  if (kill === null) return `${head}IS NO MUTANT: ${fault}`;
  const place = kill.step === null ? '' : `, step ${kill.step}`;
  return `${head}${family} tcId ${kill.tcId}${place}: ${kill.label} (${kill.comment})`;
}

/** Writes the matrix and its table, which must be of everything. */
function write(matrix: Matrix): void {
  const readme = join(ROOT, 'README.md');
  writeFileSync(MATRIX, `${JSON.stringify(matrix, null, 1)}\n`);
  writeFileSync(readme, spliced(readFileSync(readme, 'utf8'), table(matrix)));
  process.stderr.write(`written: ${MATRIX} and the table in README.md\n`);
}

function report(verdicts: readonly Verdict[], json: boolean): number {
  const right = verdicts.filter(isRight).length;
  const mutants = verdicts.filter(({ family }) => family !== null);
  const killed = mutants.filter(({ outcome }) => outcome === 'killed').length;
  if (json) print(JSON.stringify({ mutants: mutants.length, killed }));
  else print(`${right} passed, ${verdicts.length - right} failed`);
  // @req VEC-33
  return right === verdicts.length ? 0 : 1;
}

async function run({ json, matrix, only, vectors }: Flags): Promise<number> {
  const mutants = chosen(only);
  const files = loadVectors(vectors ?? import.meta.dirname);
  const families = files.map(({ content }) => content.family);
  if (vectors === undefined) checkMutants(MUTANTS, families);
  const manifest = manifestOf('npm run vectors:mutants -- --matrix');
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const onVerdict = (verdict: Verdict) => print(json ? JSON.stringify(verdict) : verdictLine(verdict));
  const verdicts = await runMutants({ mutants, files, whole: matrix, onVerdict, signal: stop.signal });
  if (stop.signal.aborted) return 130;
  const code = report(verdicts, json);
  if (matrix && code === 0 && only.length === 0 && vectors === undefined) {
    write(matrixOf(manifest, mutants, files, verdicts));
  }
  return code;
}

const collect = (value: string, all: readonly string[]) => [...all, value];

const program = new Command('vectors:mutants')
  .description('Runs wrong implementations, each a small change of this one, against the vectors: every one must fail.')
  .option('--json', 'one JSON object a verdict, and {"mutants":…,"killed":…} as the last line', false)
  .option('--only <name>', 'this mutant alone; may be given again', collect, [])
  .option('--matrix', 'every mutant against every family to its end; written where every mutant dies', false)
  .option('--vectors <folder>', 'the vectors to run: those of this version')
  .addHelpText(
    'after',
    `
Each mutant is run on the family of vectors that is meant for it, until its first failure. The control, unchanged, must pass.
With --matrix the result goes to vectors/mutants/matrix.json and into README.md; that takes about a quarter of an hour.

Examples:
  npm run vectors:mutants -- --only old-chain-dropped
  npm run -s pawl -- conform --driver "node vectors/mutants/driver.ts old-chain-dropped"

Exit codes: 0 every mutant dies and the control passes, 1 otherwise, 2 wrong usage or vectors that cannot be read, 130 interrupted.`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .action(async (flags: Flags) => {
    try {
      process.exitCode = await run(flags);
    } catch (error) {
      process.stderr.write(`vectors:mutants: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 2;
    }
  });

await program.parseAsync();
