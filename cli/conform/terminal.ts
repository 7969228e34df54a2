/**
 * A run on a terminal.
 *
 * @spec 14-vectors §5
 * Owns: lines for people. Must not know: files.
 */
import type { Run, TestResult } from './run.ts';
import { basis, families, shorten, totals } from './summary.ts';

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

function failureLines({ file, tcId, comment, difference, step, op, spec, req }: TestResult): string[] {
  if (difference === null) return [];
  // @req VEC-17
  const place = step === null ? `${op}` : `step ${step}, ${op}`;
  return [
    `    ${file} tcId ${tcId}: ${comment}`,
    `      ${place}: ${difference.what} differs; ${spec}${req.length > 0 ? ` (${req.join(', ')})` : ''}`,
    `        expected ${shorten(difference.expected)}`,
    `        answered ${shorten(difference.actual)}`,
  ];
}

/** What follows the lines of the families. */
export function summaryLines(run: Run): string[] {
  const { passed, failed, unsupported, intermediates } = totals(run);
  const lines: string[] = [];
  for (const { family, results, lacking } of families(run)) {
    const failures = results.filter(({ verdict }) => verdict === 'failed');
    if (failures.length > 0) lines.push('', `  ${family}: first value that differs`);
    lines.push(...failures.slice(0, SHOWN).flatMap(failureLines));
    if (failures.length > SHOWN) lines.push(`    … and ${failures.length - SHOWN} more`);
    if (lacking.length > 0) lines.push('', `  ${family}: the driver does not have ${lacking.join(', ')}`);
  }
  if (run.fault !== null) lines.push('', `  BROKEN OFF: ${run.fault}`);
  lines.push(
    '',
    `  judged by ${basis(run)}`,
    `  ${intermediates} values on the way compared; ${(run.milliseconds / 1000).toFixed(1)} s`,
  );
  lines.push(`  ${passed} passed, ${failed} failed, ${unsupported} unsupported`);
  return lines;
}
