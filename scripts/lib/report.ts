/**
 * The figures and gaps that tests reported during a run, as text.
 *
 * Owns: adding up and printing what `test/support/report.ts` wrote.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { ReportLine } from '../../test/support/report.ts';

/** Reads a report file; a missing file is an empty report. */
export function readReport(file: string): ReportLine[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ReportLine);
}

/** One line per id and label, counts of several workers added up, sorted by id. */
export function countLines(lines: readonly ReportLine[]): string[] {
  const totals = new Map<string, { id: string; label: string; n: number }>();
  for (const line of lines) {
    if (line.kind !== 'count') continue;
    const key = `${line.id}\n${line.label}`;
    const total = totals.get(key) ?? { id: line.id, label: line.label, n: 0 };
    totals.set(key, { ...total, n: total.n + line.n });
  }
  const rows = [...totals.values()].sort((a, b) => `${a.id} ${a.label}`.localeCompare(`${b.id} ${b.label}`, 'en'));
  const idWidth = Math.max(...rows.map((row) => row.id.length));
  const countWidth = Math.max(...rows.map((row) => row.n.toLocaleString('en').length));
  return rows.map((row) => {
    const n = row.n.toLocaleString('en').padStart(countWidth);
    return `  ${row.id.padEnd(idWidth)}  ${n}  ${row.label}`;
  });
}

/** What was not run, each text once. */
export function gapLines(lines: readonly ReportLine[]): string[] {
  return [...new Set(lines.flatMap((line) => (line.kind === 'gap' ? [line.text] : [])))];
}
