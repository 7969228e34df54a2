/**
 * `npm run vectors:external -- FOLDER`: published vectors against both providers.
 *
 * @spec 14-vectors §1
 * Owns: the arguments, the table, the last line, the exit code. Exit 0: all as published and as many as recorded; 1: something
 * was not; 2: wrong usage, or a folder or file that is not what it should be.
 */
import { Command } from 'commander';
import { type Failure, type Plan, planOf, type Row, runPlan } from './external/results.ts';
import { BadFile } from './external/shape.ts';

const COLUMNS = ['cases', 'noble', 'node', 'native', 'fallback'] as const;
const COLUMN_WIDTH = 9;

type Figures = Partial<Record<(typeof COLUMNS)[number], number | string | null>>;

function line(file: string, width: number, figures: Figures, remark: string): string {
  const cells = COLUMNS.map((name) => String(figures[name] ?? '').padStart(COLUMN_WIDTH)).join('');
  return `${file.padEnd(width)}${cells}  ${remark}`.trimEnd();
}

function rowLine(row: Row, width: number): string {
  if (row.use === 'not used' || row.use === 'unknown') {
    const { use, algorithm, cases } = row;
    return line(row.file, width, { cases }, algorithm === null ? use : `${use}: ${algorithm}`);
  }
  if (row.use !== 'run') return line(row.file, width, {}, row.use);
  const { cases, derived, native, noble, node, unused } = row;
  const remarks = [
    ...(derived > 0 ? [`${derived} more derived`] : []),
    ...Object.entries(unused).map(([reason, count]) => `${count} not used: ${reason}`),
  ];
  const figures = { cases, noble: noble.passed, node: node.passed, native, fallback: node.fallback };
  return line(row.file, width, figures, remarks.join('; '));
}

const LEGEND = `
noble, node: cases that passed with that provider, derived ones included. Of node's, native: OpenSSL computed the answer, or the
input was refused on the way there; fallback: JavaScript did (native encapsulation takes no coins, native keys are seeds, short HMACs
are cheaper so). A case of several answers may be both.`;

/** @req VEC-04 */
function failureLine({ file, case: name, provider, differences }: Failure): string {
  return `FAIL  ${file} ${name}, ${provider}: ${differences.join('; ')}`;
}

function print(plan: Plan): number {
  const width = Math.max(...[...plan.files, ...plan.missing].map((file) => file.length), 0);
  console.log(line('file', width, Object.fromEntries(COLUMNS.map((name) => [name, name])), ''));
  const { failures, faults, passed, failed } = runPlan(plan, (row) => console.log(rowLine(row, width)));
  console.log(`${LEGEND}\n`);
  for (const failure of failures) console.log(failureLine(failure));
  for (const fault of faults) console.log(`FAIL  ${fault}`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed;
}

function printJson(plan: Plan): number {
  const results = runPlan(plan);
  console.log(JSON.stringify({ ok: results.failed === 0, ...results }, null, 2));
  return results.failed;
}

function problems(error: unknown): string[] {
  if (error instanceof BadFile) return [error.message];
  if (error instanceof AggregateError && error.errors.every((one) => one instanceof BadFile))
    return error.errors.map((one: BadFile) => one.message);
  throw error;
}

function run(folder: string, options: { readonly json?: true }): void {
  let plan: Plan;
  try {
    plan = planOf(folder);
  } catch (error) {
    const errors = problems(error);
    for (const problem of errors) console.error(`error: ${problem}`);
    if (options.json) console.log(JSON.stringify({ ok: false, errors }, null, 2));
    process.exitCode = 2;
    return;
  }
  process.exitCode = (options.json ? printJson(plan) : print(plan)) === 0 ? 0 : 1;
}

const program = new Command('vectors:external')
  .description(
    'Runs vectors published by others against both crypto providers and holds their number to what is recorded.',
  )
  .argument('<folder>', 'a collection with a folder for each source, or a checkout of Wycheproof')
  .option('--json', 'one JSON document instead of the table')
  .addHelpText(
    'after',
    `
Every file of the folder is listed: run, not used (the product has no such primitive), unknown, or no vectors. Of a checkout of
Wycheproof, testvectors_v1/ is read. Counts are recorded in vectors/external-counts.json: more cases are welcome, fewer a failure.

Exit codes: 0 every case as published, 1 a case was not or cases are missing, 2 wrong usage, no such folder, or a file that
cannot be read as vectors.

Example: npm run vectors:external -- ../wycheproof`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .action(run);

program.parse();
