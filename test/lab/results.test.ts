import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Cell, unlikeModels } from '../../lab/interop/matrix.ts';
import { RELEASES } from '../../lab/interop/releases.ts';
import { markdown, type Results, spliced, verdict } from '../../lab/interop/results.ts';

const ROOT = join(import.meta.dirname, '../..');
const RESULTS = join(ROOT, 'lab/interop/results.json');

const cell: Cell = {
  row: 'ours-required',
  suite: 'kyber',
  release: '0.103.0',
  role: 'initiator',
  expected: 'triple',
  established: true,
  pqRatchet: true,
  messages: 300,
  epochs: [4, 3],
  reason: null,
  said: null,
  mismatch: null,
};
const refusedCell: Cell = {
  ...cell,
  release: '0.72.1',
  expected: 'field-ignored',
  established: false,
  pqRatchet: false,
  messages: 0,
  epochs: [0, 0],
  reason: 'the MAC is wrong',
  said: 'InvalidMessage: …',
};
const batch = {
  a: 'pawl',
  b: 'libsignal 0.103.0',
  seed: 's',
  dialogues: 3,
  messagesEach: 60,
  sent: 180,
  delivered: 170,
  lost: 10,
  forgedRefused: 4,
  duplicatesRefused: 5,
  refusals: {},
  epochs: 3,
  skipped: 0,
  mismatches: [],
  seconds: 1,
};
const rate = {
  traffic: 'ping-pong',
  a: 'pawl',
  b: 'libsignal 0.103.0',
  messages: 300,
  first: [6, 86, 87, 88],
  expectedFirst: [6, 86, 87, 88],
  period: 87,
  expectedPeriod: 87,
  epochs: { a: 4, b: 3 },
  pq: { a: 'on', b: 'on' },
  ok: true,
};
const honest = {
  peer: 'libsignal 0.103.0',
  rounds: 2,
  bundles: 2,
  prekeyMessages: 2,
  messages: 2,
  distributions: 2,
  groupMessages: 2,
  safetyNumbers: 1,
  refusals: [],
  seconds: 1,
};
const results: Results = {
  command: 'npm run interop',
  commit: 'abc',
  date: '2026-01-02T03:04:05.000Z',
  machine: { cpu: 'cpu', cores: 2, os: 'os', node: '26' },
  versions: { pawl: '0.1.0', libsignal: ['0.103.0'], newest: '0.103.0' },
  seed: 's',
  matrix: [cell, refusedCell],
  unlikeModels: [],
  dialogues: [batch],
  rates: [rate],
  honest,
  gaps: [],
};

describe('[IOP-01] the verdict of a run', () => {
  test('passes where all is as expected, refusals included', () => {
    expect(verdict(results)).toEqual({ passed: 2 + 3 + 1 + 1, failures: [] });
  });

  test('fails for a gap, a wrong cell, a mismatch, an epoch at another time, a refused honest peer and a skipped dialogue', () => {
    const failed = (change: Partial<Results>) => verdict({ ...results, ...change }).failures;
    expect(failed({ gaps: ['libsignal 0.31.0 is missing'] })).toEqual(['GAP: libsignal 0.31.0 is missing']);
    expect(failed({ matrix: [{ ...cell, mismatch: 'is pqxdh' }] })).toEqual([
      'ours-required as initiator with 0.103.0: is pqxdh',
    ]);
    expect(failed({ dialogues: [{ ...batch, mismatches: ['dialogue 1'] }] })).toHaveLength(1);
    expect(failed({ dialogues: [{ ...batch, skipped: 1 }] })).toHaveLength(1);
    expect(failed({ rates: [{ ...rate, ok: false }] })).toHaveLength(1);
    expect(failed({ honest: { ...honest, refusals: ['round 1'] } })).toHaveLength(1);
    expect(failed({ unlikeModels: ['ours-required is unlike'] })).toHaveLength(1);
  });

  test('fails where nothing was run', () => {
    const nothing = { matrix: [], dialogues: [], rates: [], honest: null };
    expect(verdict({ ...results, ...nothing })).toEqual({ passed: 0, failures: ['nothing was run'] });
  });

  test('holds our rows to the releases that they are modelled on', () => {
    const twin = { ...cell, row: 'libsignal 0.103.0' };
    expect(unlikeModels([cell, twin])).toEqual([]);
    expect(unlikeModels([cell, { ...twin, pqRatchet: false }])).toHaveLength(1);
    expect(
      unlikeModels([
        { ...cell, row: 'ours-optional' },
        { ...twin, row: 'libsignal 0.88.3', established: false },
      ]),
    ).toHaveLength(1);
  });
});

describe('[IOP-08] the table of a run', () => {
  test('says of each cell what became of it, and why there is none', () => {
    const text = markdown(results);
    expect(text).toContain('| suite and policy | our role | 0.103.0 | 0.72.1 |');
    expect(text).toContain('| Kyber-1024, ratchet required | initiator | ✓ PQ on, 300, 4/3 | ✗ d |');
    expect(text).toContain('- d: the MAC is wrong.');
    expect(text).toContain('not run');
    expect(markdown({ ...results, matrix: [{ ...cell, mismatch: 'x' }] })).toContain('**wrong**');
  });

  test('goes between its markers and nowhere else', () => {
    const marked = 'before\n<!-- interop:begin (written by npm run interop) -->\nold\n<!-- interop:end -->\nafter';
    const once = spliced(marked, 'TABLE');
    expect(once).toContain('TABLE');
    expect(once).not.toContain('old');
    expect(once.startsWith('before\n')).toBe(true);
    expect(once.endsWith('\nafter')).toBe(true);
    expect(spliced(once, 'TABLE')).toBe(once);
    expect(() => spliced('no markers', 'TABLE')).toThrow();
  });

  test('[RAT-11] holds a clean refusal in both roles by ours that require the ratchet and releases without it', () => {
    const { matrix } = JSON.parse(readFileSync(RESULTS, 'utf8')) as Results;
    const cells = matrix.filter(
      ({ row, release }) => row === 'ours-required' && ['0.31.0', '0.72.1'].includes(release),
    );
    expect(cells.map(({ role, expected, mismatch }) => [role, expected, mismatch])).toEqual([
      ['initiator', 'field-ignored', null],
      ['responder', 'ratchet-demanded', null],
      ['initiator', 'field-ignored', null],
      ['responder', 'ratchet-demanded', null],
    ]);
  });

  test('holds three epochs or more on both sides of 300 messages of ping-pong with the reference release', () => {
    const { matrix } = JSON.parse(readFileSync(RESULTS, 'utf8')) as Results;
    const cells = matrix.filter(({ release, expected }) => release === '0.103.0' && expected === 'triple');
    expect(cells.filter(({ row }) => row.startsWith('ours-'))).toHaveLength(4);
    for (const { messages, epochs } of cells) {
      expect(messages).toBe(300);
      expect(Math.min(...epochs)).toBeGreaterThanOrEqual(3);
    }
  });

  test('in the README is the one that results.json makes, of a whole run in which nothing failed', () => {
    const kept = JSON.parse(readFileSync(RESULTS, 'utf8')) as Results;
    expect(verdict(kept).failures).toEqual([]);
    expect(kept.versions.libsignal).toEqual(expect.arrayContaining([...RELEASES]));
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    expect(spliced(readme, markdown(kept))).toBe(readme);
  });
});
