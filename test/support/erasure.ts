/**
 * Runs a program that searches its own memory for what it wiped.
 *
 * @spec 01-keys §7
 * Owns: starting it, and that its search finds what was planted. Must not know: what it wiped.
 */
import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { type ErasureReport, NUMBER } from '../crypto/erasure-watch.ts';
import { reportCount, reportGap } from './report.ts';

/**
 * What the program found, curve numbers left out of `found`: BigInts, and copies that libraries made of them, are the engine's
 * to reuse. Null where memory cannot be read.
 */
export function searchMemory(program: string, args: readonly string[], label: string): ErasureReport | null {
  if (process.platform !== 'linux') {
    reportGap('JS-03 NOT RUN (reads /proc/self/mem, which only Linux has)');
    return null;
  }
  const child = spawnSync(process.execPath, ['--expose-gc', program, ...args], { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(child.stderr);
  const report = JSON.parse(child.stdout) as ErasureReport;
  expect(report.canariesFound).toEqual(expect.arrayContaining(['whole', 'inside']));
  const numbers = report.found.filter((name) => name === NUMBER);
  reportCount('JS-03', label, report.secrets);
  if (numbers.length > 0)
    reportCount('JS-03', 'copies of curve numbers in memory that the engine has yet to reuse', numbers.length);
  return { ...report, found: report.found.filter((name) => name !== NUMBER) };
}
