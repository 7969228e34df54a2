/**
 * Drivers that lie: what they announce and do not have, what they say beside the answer, what they say to whoever reads the report.
 *
 * @spec 14-vectors §3 to §5
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Run, runVectors } from '../../cli/conform/run.ts';
import { summaryLines } from '../../cli/conform/terminal.ts';
import { loadVectors } from '../../cli/conform/vector-file.ts';
import { PAWL } from '../support/driver.ts';
import { smallVectors } from '../support/small-vectors.ts';

const lying = (lie: string) =>
  `"${process.execPath}" "${join(import.meta.dirname, '../support/lying-driver-process.ts')}" "${lie}"`;
const vectors = smallVectors();
afterAll(() => rmSync(vectors, { recursive: true, force: true }));
const OURS = join(import.meta.dirname, '../../vectors');

function judge(lie: string, folder = vectors, family?: string): Promise<Run> {
  const files = loadVectors(folder).filter(({ content }) => family === undefined || content.family === family);
  return runVectors({ command: lying(lie), files, timeout: 30_000, profile: null });
}
const failures = ({ results }: Run) => results.filter(({ verdict }) => verdict === 'failed');

describe('a driver that', () => {
  test('[VEC-14] does not lie passes, and it is said how many saved states were compared', async () => {
    const run = await judge('none');
    expect(run.results.map(({ verdict }) => verdict)).toEqual(['passed', 'passed', 'passed', 'passed']);
    expect(summaryLines(run).join('\n')).toContain('1 saved states after refusals');
  });

  test('[VEC-14] announces canonicalState and has no state to show fails where a state decides', async () => {
    const run = await judge('has no state to show');
    expect(failures(run)).toMatchObject([
      { family: 'small-ratchet', difference: { what: 'state before a refusal', expected: 'a saved state' } },
    ]);
  });

  test('[VEC-13] announces no KEM has none: its answers in kem.* are not asked for', async () => {
    const { results, fault } = await judge('announces no KEM', OURS, 'kem');
    expect(fault).toBeNull();
    expect([...new Set(results.map(({ verdict }) => verdict))]).toEqual(['unsupported']);
    expect(results[0]?.lacking).toBe('ML-KEM-512');
  });

  test('[VEC-14] [DRV-25] answers a label that is none of the values on the way fails', async () => {
    const [first] = failures(await judge('answers a label more', vectors, 'small-hkdf'));
    expect(first?.difference).toEqual({ what: 'other.key', expected: 'no such field', actual: '00' });
  });

  test('[VEC-14] [DRV-21] traces what was not asked to be traced fails', async () => {
    const [first] = failures(await judge('traces unasked', vectors, 'small-ratchet'));
    expect(first).toMatchObject({ op: 'ratchet.init', difference: { what: 'intermediate' } });
  });

  test('[VEC-14] [BRD-23] gives a key with a message that has none fails', async () => {
    const run = await judge('gives a key too many', OURS, 'spqr-braid');
    const differences = failures(run).map(({ difference }) => difference);
    expect(differences.length).toBeGreaterThan(10);
    expect(differences).toContainEqual({ what: 'key', expected: 'no such field', actual: 'ab'.repeat(32) });
  });

  test.each([
    ['is not UTF-8', 'wrote a line that is not UTF-8'],
    ['nests', 'answered with more than 32 levels: {"id":'],
    ['has a last word', 'wrote a line that nobody asked for: {"id":0'],
    ['has half a last word', 'wrote 5 bytes that nobody asked for'],
  ])('[VEC-16] %s breaks the run off', async (lie, message) => {
    const { fault } = await judge(lie);
    expect(fault).toContain(message);
  });

  test('[VEC-16] leaves a child behind that holds its pipes keeps nobody waiting', () => {
    const before = Date.now();
    const args = ['conform', '--driver', lying('leaves a child behind'), '--vectors', vectors];
    const { status } = spawnSync(process.execPath, [PAWL, ...args], { stdio: ['ignore', 'ignore', 'ignore'] });
    expect(status).toBe(0);
    expect(Date.now() - before).toBeLessThan(30_000);
  });
});

describe('what a hostile driver says', () => {
  const report = (lie: string) => {
    const out = join(vectors, 'out');
    const args = ['conform', '--driver', lying(lie), '--vectors', vectors, '--report', out];
    const { status, stdout, stderr } = spawnSync(process.execPath, [PAWL, ...args], { encoding: 'utf8' });
    const files = ['index.html', 'junit.xml', 'report.json'].map((name) => readFileSync(join(out, name), 'utf8'));
    return { status, terminal: stdout + stderr, files };
  };

  test('[VEC-19] moves no cursor, adds no line and is no markup', () => {
    const { status, terminal, files } = report('is hostile');
    expect(status).toBe(1);
    expect(terminal).toContain('\\u001b[2J\\u000a  99 passed');
    expect(terminal).not.toMatch(/^ {2}99 passed/m);
    for (const text of [terminal, ...files.slice(0, 2)]) expect(text).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
    for (const text of files.slice(0, 2)) expect(text).not.toContain('<img');
  });

  test('[VEC-16] may be 20 MiB to every question: the reports are written', () => {
    const { status, files } = report('answers 20 MiB');
    expect(status).toBe(1);
    expect(files[2]?.length).toBeLessThan(2_000_000);
    expect(files[2]).toContain('(20971520 characters)');
  });
});
