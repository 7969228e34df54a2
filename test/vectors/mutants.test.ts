/**
 * Wrong implementations: that each is what it says, and that nothing else counts as its death.
 *
 * @spec 14-vectors §7
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Run, TestResult } from '../../cli/conform/run.ts';
import { loadVectors, type VectorFile } from '../../cli/conform/vector-file.ts';
import { checkMutants, MUTANTS } from '../../vectors/mutants/index.ts';
import { type Matrix, matrixOf, spliced, table } from '../../vectors/mutants/matrix.ts';
import type { Change, Mutant } from '../../vectors/mutants/mutant.ts';
import { PatchFault, patchedSources } from '../../vectors/mutants/patch.ts';
import { isRight, runMutants, verdictOn, verdictOnControl } from '../../vectors/mutants/run.ts';
import { scaled } from '../support/scale.ts';

const ROOT = join(import.meta.dirname, '../..');
const VECTORS = join(ROOT, 'vectors');
const files = loadVectors(VECTORS);
const families = files.map(({ content }) => content.family);
const source = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const matrix = JSON.parse(source('vectors/mutants/matrix.json')) as Matrix;

function command(...args: string[]): { code: number | null; lines: string[]; err: string } {
  const done = spawnSync(process.execPath, [join(VECTORS, 'mutants.ts'), ...args], { encoding: 'utf8' });
  return { code: done.status, lines: done.stdout.trimEnd().split('\n'), err: done.stderr };
}

/** What the command makes of a folder in which the family of chains has these tests alone. */
function withFewer(keep: (comment: string) => boolean, ...args: string[]): ReturnType<typeof command> {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-mutants-'));
  try {
    cpSync(join(VECTORS, 'schemas'), join(folder, 'schemas'), { recursive: true });
    const file = JSON.parse(source('vectors/symmetric-chain.vectors.json')) as VectorFile;
    const testGroups = file.testGroups
      .map((group) => ({ ...group, tests: group.tests.filter(({ comment }) => keep(comment)) }))
      .filter(({ tests }) => tests.length > 0);
    const numberOfTests = testGroups.reduce((sum, { tests }) => sum + tests.length, 0);
    const text = JSON.stringify({ ...file, numberOfTests, testGroups });
    writeFileSync(join(folder, 'symmetric-chain.vectors.json'), text);
    return command('--vectors', folder, ...args);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('[VEC-30] changes', () => {
  const patch = (...changes: Change[]) => patchedSources({ name: 'x', changes }, () => 'one two two');

  test('every mutant changes the sources as they are now', () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(30);
    for (const mutant of MUTANTS) {
      for (const [file, text] of patchedSources(mutant, source)) expect(text, mutant.name).not.toBe(source(file));
    }
  });

  test.each([
    ['a text that is not there', 'three'],
    ['a text that is there twice', 'two'],
    ['no text', ''],
  ])('%s is refused, naming mutant and file', (_, text) => {
    const change = { file: 'a.ts', text, becomes: 'x' };
    expect(() => patch(change)).toThrow(PatchFault);
    expect(() => patch(change)).toThrow(/^x: a\.ts has the text \d+ times/);
  });

  test('a change that changes nothing is refused, and a mutant without one', () => {
    expect(() => patch({ file: 'a.ts', text: 'one', becomes: 'one' })).toThrow(PatchFault);
    expect(() => patch()).toThrow('x: changes nothing');
  });

  test('a later change applies to what the one before left; $ means nothing', () => {
    const first = { file: 'a.ts', text: 'one', becomes: 'six $& seven' };
    expect(patch(first, { file: 'a.ts', text: 'six', becomes: '6' }).get('a.ts')).toBe('6 $& seven two two');
    expect(() => patch(first, { file: 'a.ts', text: 'one', becomes: 'x' })).toThrow(PatchFault);
  });

  test('a driver of no known mutant does not start', () => {
    const done = spawnSync(process.execPath, [join(VECTORS, 'mutants/driver.ts'), 'nobody'], { encoding: 'utf8' });
    expect([done.status, done.stdout, done.stderr]).toEqual([2, '', 'no mutant is called nobody\n']);
  });
});

describe('[VEC-34] the list', () => {
  const [first] = MUTANTS;
  if (first === undefined) throw new Error('no mutants');

  test('has names, texts, origins and families, each family a mutant', () => {
    expect(() => checkMutants(MUTANTS, families)).not.toThrow();
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
    expect(new Set(MUTANTS.map(({ wrong }) => wrong)).size).toBe(MUTANTS.length);
    for (const { name } of MUTANTS) expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)+$/);
  });

  test.each([
    [{ ...first, origin: 'PRIM-99' }, 'PRIM-99 is neither'],
    [{ ...first, origin: 'http://example.org' }, 'http://example.org is neither'],
    [{ ...first, family: 'tea-leaves' }, 'there are no vectors of tea-leaves'],
  ])('a mutant without an origin or a family is refused', (mutant, message) => {
    expect(() => checkMutants([...MUTANTS, mutant], families)).toThrow(message);
  });

  test('a family without a mutant is refused', () => {
    expect(() => checkMutants(MUTANTS, [...families, 'tea-leaves'])).toThrow('no mutant is meant for tea-leaves');
  });
});

describe('[VEC-32] a kill', () => {
  const result = { family: 'x', file: 'x.vectors.json', tcId: 1, comment: 'c', op: 'o', step: null } as TestResult;
  const passed: TestResult = { ...result, verdict: 'passed', difference: null };
  const failed = (actual: string, family = 'x'): TestResult => ({
    ...result,
    family,
    tcId: 2,
    verdict: 'failed',
    difference: { what: 'label', expected: 'e', actual },
  });
  const run = (results: TestResult[], fault: string | null = null) => ({ results, fault }) as unknown as Run;
  const judge = (results: TestResult[], fault?: string) => verdictOn({ name: 'm', family: 'x' }, run(results, fault));

  test('is a failed test of the family, named with its label', () => {
    const verdict = judge([passed, failed('a')]);
    expect(verdict).toMatchObject({ outcome: 'killed', fault: null, failed: { x: 1 }, tests: 2 });
    expect(verdict.kill).toEqual({
      file: 'x.vectors.json',
      tcId: 2,
      comment: 'c',
      op: 'o',
      step: null,
      label: 'label',
    });
  });

  test.each([
    ['no failed test', [passed], undefined, 'survived'],
    ['no test at all', [], undefined, 'survived'],
    ['a failed test of another family', [passed, failed('a', 'y')], undefined, 'survived'],
    ['an unsupported test', [{ ...passed, verdict: 'unsupported' as const }], undefined, 'survived'],
    ['a driver that broke', [failed('InvalidState (internal-error)')], undefined, 'broken'],
    ['a driver that broke first', [failed('InvalidState (internal-error)'), failed('a')], undefined, 'broken'],
    ['a driver that died', [failed('a')], 'ended (exit 2)', 'broken'],
  ])('is not %s', (_, results, fault, outcome) => {
    const verdict = judge(results, fault);
    expect([verdict.outcome, verdict.kill]).toEqual([outcome, null]);
    expect(isRight(verdict)).toBe(false);
  });

  test('[VEC-31] the control passes only where every test has passed, and one was run', () => {
    expect(verdictOnControl(run([passed])).outcome).toBe('passed');
    const unsupported: TestResult = { ...passed, verdict: 'unsupported' };
    for (const results of [[], [passed, failed('a')], [passed, unsupported]]) {
      expect(verdictOnControl(run(results)).outcome).toBe('broken');
    }
    expect(verdictOnControl(run([passed], 'hangs')).fault).toBe('hangs');
  });
});

describe('the command', () => {
  const JSON_SALT = ['--json', '--only', 'pq-salt-missing'];

  test('[VEC-31][VEC-33] a mutant dies, the control passes, exit 0', () => {
    const { code, lines, err } = command(...JSON_SALT);
    expect([code, err, lines.at(-1)]).toEqual([0, '', '{"mutants":1,"killed":1}']);
    const verdicts = lines.slice(0, -1).map((line) => JSON.parse(line));
    expect(verdicts.find(({ name }) => name === 'control')).toMatchObject({ outcome: 'passed', tests: 47 });
    expect(verdicts.find(({ name }) => name === 'pq-salt-missing').kill).toMatchObject({
      tcId: 2,
      label: 'message.pqKey',
    });
  });

  test('[VEC-33] a mutant that survives makes it exit 1', () => {
    const unsalted = (comment: string) => !comment.includes('salted');
    const { code, lines } = withFewer(unsalted, '--only', 'pq-salt-missing');
    expect([code, lines.at(-1)]).toEqual([1, '1 passed, 1 failed']);
    expect(lines.join('\n')).toContain('pq-salt-missing');
    expect(lines.join('\n')).toContain('SURVIVES symmetric-chain');
    expect(withFewer(unsalted, ...JSON_SALT).lines.at(-1)).toBe('{"mutants":1,"killed":0}');
  });

  test('[VEC-33] a mutant without vectors of its family survives', () => {
    const { code, lines } = withFewer(() => true, '--only', 'prefix-missing');
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain('SURVIVES x3dh: 0 tests');
  });

  test('[VEC-33] refuses wrong usage with exit code 2 and explains itself', () => {
    expect(command('--only', 'nobody')).toMatchObject({
      code: 2,
      err: 'vectors:mutants: --only nobody: no such mutant\n',
    });
    expect(command('--vectors', '/nowhere').code).toBe(2);
    expect(command('--nonsense').code).toBe(2);
    const help = command('--help');
    expect(help.code).toBe(0);
    expect(help.lines.join('\n')).toContain('--matrix');
  });
});

describe('[VEC-35] the matrix', () => {
  test('has every mutant as it is now, dead by the family that is meant', () => {
    const row = ({ name, wrong, origin, family }: Omit<Mutant, 'changes'>) => ({ name, wrong, origin, family });
    expect(matrix.mutants.map(row)).toEqual(MUTANTS.map(row));
    for (const { name, family, failed, kill } of matrix.mutants) {
      expect(failed[family], name).toBeGreaterThan(0);
      expect(kill.file, name).toBe(`${family}.vectors.json`);
    }
    expect(matrix.families.map(({ name }) => name)).toEqual(families);
    expect(matrix.control).toBe(matrix.families.reduce((sum, { tests }) => sum + tests, 0));
    expect(matrix.commit).toMatch(/^[0-9a-f]{40}$/);
    for (const field of [matrix.date, matrix.cpu, matrix.node]) expect(field).toMatch(/\d/);
  });

  test('is the table in the README, between its markers', () => {
    const readme = source('README.md');
    expect(spliced(readme, table(matrix))).toBe(readme);
    expect(() => spliced('no markers', 'x')).toThrow('no markers');
  });

  test('comes out again', async () => {
    const some = ['skipped-cap-missing', 'pq-salt-missing'];
    const mutants = scaled(
      MUTANTS.filter(({ name }) => some.includes(name)),
      [...MUTANTS],
    );
    const few = ['symmetric-chain', 'spqr-chain', 'double-ratchet'];
    const run = scaled(
      files.filter(({ content }) => few.includes(content.family)),
      [...files],
    );
    const verdicts = await runMutants({ mutants, files: run, whole: true });
    expect(verdicts.filter((verdict) => !isRight(verdict))).toEqual([]);
    for (const { name, failed } of matrixOf(matrix, mutants, run, verdicts).mutants) {
      const known = matrix.mutants.find((row) => row.name === name)?.failed ?? {};
      const there = Object.entries(known).filter(([family]) => run.some(({ content }) => content.family === family));
      // Counts move with every test that is added: the nightly run says when the matrix is to be made again.
      const figures = scaled<(counts: Record<string, number>) => unknown>(Object.keys, (counts) => counts);
      expect(figures(failed), name).toEqual(figures(Object.fromEntries(there)));
    }
  });

  test('is not written for a mutant that lives', () => {
    expect(() => matrixOf(matrix, MUTANTS.slice(0, 1), files, [])).toThrow('was not killed');
  });
});
