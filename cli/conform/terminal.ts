/**
 * A run on a terminal.
 *
 * @spec 14-vectors §5
 * Owns: lines for people. Must not know: files.
 */
import type { Run, TestResult } from './run.ts';
import { basis, definedIn, families, shorten, totals } from './summary.ts';

/** Failures shown of each family; the reports have all. */
const SHOWN = 3;

/** One line for a family as soon as it is done. */
export function familyLine(family: string, results: readonly TestResult[]): string {
  const of = (verdict: TestResult['verdict']) => results.filter((result) => result.verdict === verdict).length;
  const [passed, failed, unsupported] = [of('passed'), of('failed'), of('unsupported')];
  const mark = failed > 0 ? '✗' : passed === 0 ? '–' : '✓';
  const parts = [`${passed} passed`, ...(failed > 0 ? [`${failed} FAILED`] : [])];
  if (unsupported > 0) parts.push(`${unsupported} unsupported`);
  return `  ${mark} ${family.padEnd(24)}${parts.join(', ')}`;
}

function failureLines(result: TestResult): string[] {
  const { file, tcId, comment, difference, step, op, req } = result;
  if (difference === null) return [];
  // @req VEC-17
  const place = step === null ? `${op}` : `step ${step}, ${op}`;
  return [
    `    ${file} tcId ${tcId}: ${comment}`,
    `      ${place}: ${difference.what} differs; ${definedIn(result)}${req.length > 0 ? ` (${req.join(', ')})` : ''}`,
    `        expected ${shorten(difference.expected)}`,
    `        answered ${shorten(difference.actual)}`,
  ];
}

/** What follows the lines of the families. */
export function summaryLines(run: Run): string[] {
  const { passed, failed, unsupported, intermediates } = totals(run);
  const lines: string[] = [];
  const summaries = families(run);
  for (const { family, results } of summaries) {
    const failures = results.filter(({ verdict }) => verdict === 'failed');
    if (failures.length > 0) lines.push('', `  ${family}: first value that differs`);
    lines.push(...failures.slice(0, SHOWN).flatMap(failureLines));
    if (failures.length > SHOWN) lines.push(`    … and ${failures.length - SHOWN} more`);
  }
  const lacking = summaries.filter((summary) => summary.lacking.length > 0);
  if (lacking.length > 0) lines.push('', '  unsupported: what the driver does not have');
  lines.push(...lacking.map(({ family, lacking: ops }) => `    ${family.padEnd(24)}${ops.join(', ')}`));
  if (run.fault !== null) lines.push('', `  BROKEN OFF: ${run.fault}`);
  lines.push(
    '',
    `  compared: ${basis(run)}`,
    `  ${intermediates} values on the way compared; ${(run.milliseconds / 1000).toFixed(1)} s`,
  );
  lines.push(`  ${passed} passed, ${failed} failed, ${unsupported} unsupported`);
  return lines;
}
