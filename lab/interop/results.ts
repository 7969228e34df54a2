/**
 * What a run of the lab came to, as data and as a table.
 *
 * @spec 12-interop §7
 * Owns: the form of `results.json`, its verdict, the Markdown made from it and where that stands in the README. Pure.
 */
import type { BatchResult } from './dialogues.ts';
import type { HonestResult } from './honest.ts';
import type { Cell } from './matrix.ts';
import type { Rate } from './rates.ts';

/** One run. */
export interface Results {
  readonly command: string;
  readonly commit: string;
  readonly date: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly os: string; readonly node: string };
  readonly versions: {
    readonly pawl: string;
    readonly libsignal: readonly string[];
    /** Null: npm could not be asked, or was not. */
    readonly newest: string | null;
  };
  readonly seed: string;
  readonly matrix: readonly Cell[];
  readonly unlikeModels: readonly string[];
  readonly dialogues: readonly BatchResult[];
  readonly rates: readonly Rate[];
  readonly honest: HonestResult | null;
  /** What should have been run and could not. */
  readonly gaps: readonly string[];
}

/** Checks that passed, and what failed. A gap is a failure: a peer that is missing has not agreed. @req IOP-01 */
export function verdict(results: Results): { readonly passed: number; readonly failures: readonly string[] } {
  const { matrix, dialogues, rates, honest, gaps, unlikeModels } = results;
  const failures = [
    ...gaps.map((gap) => `GAP: ${gap}`),
    ...matrix.flatMap(({ row, release, role, mismatch }) =>
      mismatch === null ? [] : [`${row} as ${role} with ${release}: ${mismatch}`],
    ),
    ...unlikeModels,
    ...dialogues.flatMap(({ a, b, mismatches, skipped }) => [
      ...mismatches.map((mismatch) => `${a} → ${b}: ${mismatch}`),
      ...(skipped === 0 ? [] : [`${a} → ${b}: ${skipped} dialogues not played: an operation is not announced`]),
    ]),
    ...rates.flatMap((rate) => (rate.ok ? [] : [`epochs, ${rate.traffic}, ${rate.a} → ${rate.b}: ${rateText(rate)}`])),
    ...(honest?.refusals ?? []).map((refusal) => `honest peer refused: ${refusal}`),
  ];
  const honestPassed = honest !== null && honest.refusals.length === 0 ? 1 : 0;
  const passed =
    matrix.filter(({ mismatch }) => mismatch === null).length +
    dialogues.reduce((sum, batch) => sum + batch.dialogues - batch.skipped - batch.mismatches.length, 0) +
    rates.filter(({ ok }) => ok).length +
    honestPassed;
  if (passed === 0 && failures.length === 0) return { passed, failures: ['nothing was run'] };
  return { passed, failures };
}

function rateText({ first, expectedFirst, period, expectedPeriod }: Rate): string {
  const numbers = (list: readonly number[] | null) => list?.join('/') ?? 'never';
  return `${numbers(first)}, then ${period ?? '–'} (expected ${numbers(expectedFirst)}, then ${expectedPeriod})`;
}

const ROWS: readonly (readonly [string, string])[] = [
  ['ours-required', 'Kyber-1024, ratchet required'],
  ['ours-optional', 'Kyber-1024, ratchet optional'],
  ['ours-x3dh', 'X3DH'],
  ['ours-ml-kem', 'ML-KEM-1024 (ours alone)'],
];

/** Footnotes, by outcome. */
const NOTES: Readonly<Record<string, string>> = {
  'no-x3dh': 'a',
  'ratchet-demanded': 'b',
  'no-kem-key': 'c',
  'field-ignored': 'd',
  'kem-unknown': 'e',
};

function cellText(cell: Cell | undefined): string {
  if (cell === undefined) return 'not run';
  if (cell.mismatch !== null) return '**wrong**';
  if (!cell.established) return `✗ ${NOTES[cell.expected] ?? '?'}`;
  const epochs = `${cell.epochs[0]}/${cell.epochs[1]}`;
  return cell.pqRatchet ? `✓ PQ on, ${cell.messages}, ${epochs}` : `✓ PQ off, ${cell.messages}`;
}

function matrixLines(cells: readonly Cell[]): string[] {
  const releases = [...new Set(cells.map(({ release }) => release))];
  const head = ['suite and policy', 'our role', ...releases];
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |`;
  const body = ROWS.flatMap(([row, text]) =>
    (['initiator', 'responder'] as const).map((role) => {
      const own = cells.filter((cell) => cell.row === row && cell.role === role);
      return line([text, role, ...releases.map((release) => cellText(own.find((cell) => cell.release === release)))]);
    }),
  );
  return [line(head), line(head.map(() => '---')), ...body];
}

function noteLines(cells: readonly Cell[]): string[] {
  const reasons = new Map(
    cells.flatMap(({ expected, reason }) => (reason === null ? [] : [[expected, reason] as const])),
  );
  const notes = [...reasons].map(([expected, reason]) => `${NOTES[expected] ?? '?'}: ${reason}`);
  return notes.sort().map((note) => `- ${note}.`);
}

function thousands(value: number): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, ',');
}

function batchLine(batch: BatchResult): string {
  const { a, b, dialogues, messagesEach, sent, delivered, forgedRefused, duplicatesRefused, mismatches } = batch;
  const counts = [
    `${thousands(dialogues)} dialogues × ${messagesEach}`,
    `${thousands(sent)} sent, ${thousands(delivered)} delivered`,
    `${thousands(forgedRefused)} forged and ${thousands(duplicatesRefused)} repeated refused`,
    `${mismatches.length} mismatches`,
  ];
  return `- ${a} → ${b}: ${counts.join('; ')}.`;
}

/** One line a traffic shape; where the roles differ, one a role. */
function rateLines(rates: readonly Rate[]): string[] {
  const figures = ({ first, period }: Rate) =>
    first === null
      ? 'no epoch'
      : `epoch 1 known to B at message ${first[0]}, to A at ${first[1]}; then one in ${period} messages`;
  return [...new Set(rates.map(({ traffic }) => traffic))].flatMap((traffic) => {
    const own = rates.filter((rate) => rate.traffic === traffic);
    const all = new Set(own.map(figures));
    const [only] = all;
    if (all.size === 1 && own.length > 1) return [`- ${traffic}, ours as A or as B: ${only}.`];
    return own.map((rate) => `- ${traffic}, ${rate.a} → ${rate.b}: ${figures(rate)}.`);
  });
}

function honestLines(honest: HonestResult | null): string[] {
  if (honest === null) return [];
  const { peer, bundles, prekeyMessages, messages, groupMessages, safetyNumbers, refusals } = honest;
  const made = [
    `${thousands(bundles)} bundles`,
    `${thousands(prekeyMessages)} prekey messages`,
    `${thousands(messages)} messages`,
    `${thousands(groupMessages)} group messages`,
  ];
  const list = `${made.slice(0, -1).join(', ')} and ${made.at(-1)}`;
  return [`- Made by ${peer}: ${list}; ours refused ${refusals.length}. ${safetyNumbers} safety numbers the same.`];
}

/** The Markdown of a run. */
export function markdown(results: Results): string {
  const { commit, date, versions, machine, command, matrix, dialogues, rates, honest } = results;
  const own = matrix.filter(({ row }) => row.startsWith('ours-'));
  return [
    `\`${command}\` at ${commit}, ${date.slice(0, 10)}, ${machine.cpu}, Node ${machine.node}. Columns: releases of libsignal.`,
    'Cells: messages exchanged, newest PQ epoch of ours/theirs; ✗: no conversation, for the reason below. A initiates.',
    '',
    ...matrixLines(own),
    '',
    ...noteLines(own),
    '',
    ...dialogues.map(batchLine),
    ...rateLines(rates.filter(({ a, b }) => a === 'pawl' || b === 'pawl')),
    ...honestLines(honest),
    '',
    `Newest release on npm at the time: ${versions.newest ?? 'not asked'}. All figures: [\`results.json\`](lab/interop/results.json).`,
  ].join('\n');
}

const BEGIN = '<!-- interop:begin (written by npm run interop) -->';
const END = '<!-- interop:end -->';

/** A text with the table between its two markers replaced. @throws {Error} where they are missing. */
export function spliced(text: string, table: string): string {
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error('no interop markers to write the table between');
  return `${text.slice(0, start + BEGIN.length)}\n\n${table}\n\n${text.slice(end)}`;
}
