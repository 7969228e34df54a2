/**
 * `npm run verify`: every check but the tests, one line each.
 *
 * Owns: running the checks, the last line `N passed, N failed`, the exit code. `--json` prints one JSON object instead.
 */
import { type Check, type Outcome, TREE_CHECKS } from './lib/checks.ts';
import { packageChecks } from './lib/package.ts';

interface Result extends Outcome {
  readonly name: string;
}

async function runCheck(check: Check): Promise<Result> {
  try {
    return { name: check.name, ...(await check.run()) };
  } catch (error) {
    return { name: check.name, ok: false, figures: 'could not run', details: [String(error)] };
  }
}

function print(result: Result): void {
  console.log(`${result.ok ? 'ok  ' : 'FAIL'}  ${result.name.padEnd(14)}${result.figures}`);
  if (!result.ok) for (const line of result.details) console.log(`      ${line}`);
}

async function main(): Promise<void> {
  const json = process.argv.includes('--json');
  const { checks, dispose } = packageChecks();
  const results: Result[] = [];
  try {
    for (const check of [...TREE_CHECKS, ...checks]) {
      const result = await runCheck(check);
      results.push(result);
      if (!json) print(result);
    }
  } finally {
    dispose();
  }
  const failed = results.filter((result) => !result.ok).length;
  if (json) console.log(JSON.stringify({ ok: failed === 0, checks: results }));
  else console.log(`${results.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
