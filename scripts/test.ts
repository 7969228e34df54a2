/**
 * `npm test` and `npm run nightly`: vitest, then the figures, then one line that counts.
 *
 * Owns: the environment of a test run and its last lines. Arguments go to vitest (file filters, `-t`);
 * `--nightly` runs the long forms.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countLines, gapLines, readReport } from './lib/report.ts';
import { runTool } from './lib/run.ts';

interface VitestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

/** Test files that failed without a single test having run: broken imports, an empty file. */
function brokenFiles(result: VitestResult): number {
  return result.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
}

function readResult(file: string): VitestResult | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestResult;
  } catch {
    return null;
  }
}

function printSummary(folder: string, code: number): boolean {
  const report = readReport(join(folder, 'report.jsonl'));
  const result = readResult(join(folder, 'vitest.json'));
  const passed = result?.numPassedTests ?? 0;
  const counted = result === null ? 0 : result.numFailedTests + brokenFiles(result);
  // vitest also fails for unhandled errors and when nothing was found: no failed test then, but a failed run.
  const failed = counted === 0 && (code !== 0 || passed === 0) ? 1 : counted;
  const counts = countLines(report);
  console.log(`\nNode ${process.versions.node}, ${process.env.PAWL_NIGHTLY === '1' ? 'nightly' : 'short'} form`);
  if (counts.length > 0) console.log(`Figures reported by the tests:\n${counts.join('\n')}`);
  if (passed === 0) console.log('No test passed.');
  if (result !== null && result.numPendingTests > 0) console.log(`${result.numPendingTests} skipped`);
  for (const gap of gapLines(report)) console.log(gap);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0;
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--nightly')) process.env.PAWL_NIGHTLY = '1';
  const folder = mkdtempSync(join(tmpdir(), 'pawl-test-'));
  process.env.PAWL_REPORT = join(folder, 'report.jsonl');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${join(folder, 'vitest.json')}`];
    const filters = args.filter((arg) => arg !== '--nightly');
    const { code } = await runTool('vitest/vitest.mjs', ['run', ...reporters, ...filters], { inherit: true });
    process.exitCode = printSummary(folder, code) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
