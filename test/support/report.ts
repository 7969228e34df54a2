/**
 * Figures and gaps that the end of a test run prints.
 *
 * @spec 00-conventions §7
 * Owns: the line format shared by the vitest workers and `scripts/test.ts`.
 * Must not know: what is counted. Without `PAWL_REPORT` (a lone `vitest run`) the lines go to the console.
 */
import { appendFileSync } from 'node:fs';

/** One line of the report file. */
export type ReportLine =
  | { readonly kind: 'count'; readonly id: string; readonly label: string; readonly n: number }
  | { readonly kind: 'gap'; readonly text: string };

function write(line: ReportLine): void {
  const file = process.env.PAWL_REPORT;
  if (file === undefined || file === '')
    console.info(line.kind === 'gap' ? line.text : `[${line.id}] ${line.label}: ${line.n}`);
  else appendFileSync(file, `${JSON.stringify(line)}\n`);
}

/**
 * Claims that `n` cases of `label` ran for requirement or attack `id`. Several claims under one id and label add up.
 * @throws {TypeError} when `n` is not a positive integer: a run over nothing must never look like a pass.
 */
export function reportCount(id: string, label: string, n: number): void {
  if (!Number.isSafeInteger(n) || n <= 0) throw new TypeError(`${id} ${label}: ${n} cases were run`);
  write({ kind: 'count', id, label, n });
}

/** Says that something was not run, and why, for example `EXTERNAL VECTORS NOT RUN (folder missing)`. Printed once. */
export function reportGap(text: string): void {
  write({ kind: 'gap', text });
}
