/**
 * The kill matrix: which family notices which mutant.
 *
 * @spec 14-vectors §6
 * Owns: its shape as data and as a table. Must not know: how mutants are run.
 */
import type { Manifest } from '../../bench/manifest.ts';
import type { LoadedFile } from '../../cli/conform/vector-file.ts';
import type { Mutant } from './mutant.ts';
import { CONTROL, type Kill, type Verdict } from './run.ts';

/** A mutant with what every family says of it. */
export interface MatrixRow {
  readonly name: string;
  readonly wrong: string;
  readonly origin: string;
  readonly family: string;
  readonly kill: Kill;
  /** Family → failed tests; a family that is not here noticed nothing. */
  readonly failed: Readonly<Record<string, number>>;
}

/** The result of a whole run. */
export interface Matrix extends Manifest {
  readonly vectorsVersion: string;
  readonly families: readonly { readonly name: string; readonly tests: number }[];
  /** Tests that the control passed. */
  readonly control: number;
  readonly mutants: readonly MatrixRow[];
}

/** @throws {Error} where a mutant has no kill. @req VEC-35 */
export function matrixOf(
  manifest: Manifest,
  mutants: readonly Mutant[],
  files: readonly LoadedFile[],
  verdicts: readonly Verdict[],
): Matrix {
  const of = (name: string) => verdicts.find((verdict) => verdict.name === name);
  return {
    ...manifest,
    vectorsVersion: files[0]?.content.vectorsVersion ?? '?',
    families: files.map(({ content }) => ({ name: content.family, tests: content.numberOfTests })),
    control: of(CONTROL)?.tests ?? 0,
    mutants: mutants.map(({ name, wrong, origin, family }) => {
      const { kill = null, failed = {} } = of(name) ?? {};
      if (kill === null) throw new Error(`${name} was not killed`);
      const noticed = Object.entries(failed).filter(([, count]) => count > 0);
      return { name, wrong, origin, family, kill, failed: Object.fromEntries(noticed) };
    }),
  };
}

/** Column headings: letters, as the names are too long. */
const letter = (i: number) => String.fromCharCode('a'.charCodeAt(0) + i);

/** The matrix in Markdown. */
export function table({ command, commit, date, cpu, node, families, mutants }: Matrix): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const cell = ({ family, failed }: MatrixRow, name: string) => {
    const count = String(failed[name] ?? '');
    return name === family ? `**${count}**` : count;
  };
  const kinds = families.map(({ name, tests }, i) => `${letter(i)} ${name} (${tests})`);
  return [
    `\`${command}\` at ${commit.replace(/^([0-9a-f]{7})[0-9a-f]+/, '$1')}, ${date}, ${cpu}, Node ${node}.`,
    'Cells: failed tests of a family; bold: the family that is meant to notice. Families, with their tests:',
    `${kinds.join(', ')}.`,
    '',
    row(['mutant', ...families.map((_, i) => letter(i))]),
    row(['---', ...families.map(() => '---:')]),
    ...mutants.map((mutant) => row([`\`${mutant.name}\``, ...families.map(({ name }) => cell(mutant, name))])),
  ].join('\n');
}

const BEGIN = '<!-- mutants:begin (written by npm run vectors:mutants -- --matrix) -->';
const END = '<!-- mutants:end -->';

/** A text with the table between its two markers replaced. @throws {Error} where they are missing. */
export function spliced(text: string, lines: string): string {
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error('no markers to write the table of mutants between');
  return `${text.slice(0, start + BEGIN.length)}\n\n${lines}\n\n${text.slice(end)}`;
}
