/**
 * The conformance runner: what it counts, what it names, and drivers that break the rules.
 *
 * @spec 14-vectors §2 to §5
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { sectionOf } from '../../cli/conform/labels.ts';
import { type Run, runVectors } from '../../cli/conform/run.ts';
import { exitCode } from '../../cli/conform/summary.ts';
import { loadVectors, type VectorFile } from '../../cli/conform/vector-file.ts';
import { PAWL } from '../support/driver.ts';
import { SMALL_FILES, smallVectors } from '../support/small-vectors.ts';

const OURS = `"${process.execPath}" "${PAWL}" driver`;
const bad = (way: string, after = 0) =>
  `"${process.execPath}" "${join(import.meta.dirname, '../support/bad-driver-process.ts')}" "${way}" ${after}`;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
function small(files?: readonly VectorFile[]): string {
  const folder = smallVectors(files);
  folders.push(folder);
  return folder;
}

function conform(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PAWL, 'conform', ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}
const run = (driver: string, ...args: readonly string[]) => {
  const answer = conform('--driver', driver, '--json', ...args);
  return { ...answer, run: JSON.parse(answer.stdout) as Run };
};

describe('a driver', () => {
  const vectors = small();

  test('[VEC-14] [VEC-18] that is right passes, values on the way included; the refused step left its state alone', () => {
    const { status, stderr, run: result } = run(OURS, '--vectors', vectors);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(result.results.map(({ verdict }) => verdict)).toEqual(['passed', 'passed', 'passed', 'passed']);
    expect(result.results.map(({ intermediates }) => intermediates)).toEqual([1, 1, 1, 0]);
  });

  test('[VEC-13] what it does not announce is unsupported, and nothing passed is no success', () => {
    const { status, run: result } = run(bad('wrong', 99), '--vectors', vectors, '--only', 'small-ratchet');
    expect(result.results).toMatchObject([{ verdict: 'unsupported', lacking: 'ratchet.init' }]);
    expect(status).toBe(1);
  });

  test('[VEC-14] [VEC-17] that is wrong fails: label or field, both values, section', () => {
    const { status, run: result } = run(bad('wrong'), '--vectors', vectors, '--only', 'small-hkdf');
    expect(status).toBe(1);
    expect(result.results[0]).toMatchObject({
      verdict: 'failed',
      op: 'hkdf',
      spec: 'spec/01-keys.md §4',
      difference: { what: 'okm', expected: expect.stringMatching(/^[0-9a-f]{32}$/), actual: '00' },
      args: { ikm: 'ab'.repeat(32), info: '', length: 16 },
    });
  });

  test('[VEC-14] the first value on the way that differs is named, before any output', () => {
    const [hkdf] = SMALL_FILES as [VectorFile];
    const [group] = hkdf.testGroups;
    const tests = group?.tests.map((one) => ({ ...one, ok: { okm: '11' }, intermediate: { 'hkdf.prk': '22' } })) ?? [];
    const folder = small([{ ...hkdf, testGroups: [{ ...(group as NonNullable<typeof group>), tests }] }]);
    const { run: result } = run(OURS, '--vectors', folder);
    expect(result.results[0]?.difference).toMatchObject({ what: 'hkdf.prk', expected: '22' });
    // A driver without a trace is judged by what comes out.
    const { run: untraced } = run(bad('wrong'), '--vectors', folder);
    expect(untraced.results[0]?.difference).toMatchObject({ what: 'okm', expected: '11', actual: '00' });
  });

  test('[VEC-14] a refusal with another code, and none at all, are failures', () => {
    const refused = run(bad('wrong', 99), '--vectors', vectors, '--only', 'small-hkdf').run;
    expect(refused.results[0]?.difference).toMatchObject({ what: 'error', actual: 'InvalidArgument (not yet)' });
    const [, ratchet] = SMALL_FILES as [VectorFile, VectorFile];
    const text = JSON.stringify(ratchet);
    const other = JSON.parse(text.replace('"code":"InvalidMessage"', '"code":"DuplicateMessage"')) as VectorFile;
    const accepted = JSON.parse(text.replace('"counter":30000', '"counter":3')) as VectorFile;
    for (const [file, actual] of [
      [other, expect.stringContaining('InvalidMessage')],
      [accepted, { ok: expect.anything() }],
    ] as const) {
      const { run: result } = run(OURS, '--vectors', small([file]));
      expect(result.results[0]).toMatchObject({ verdict: 'failed', step: 2, difference: { what: 'error', actual } });
    }
  });
});

describe('a driver with some values on the way', () => {
  const [small16] = SMALL_FILES as [VectorFile];
  const group = small16.testGroups[0] as VectorFile['testGroups'][number];
  const intermediate = { 'hkdf.prk': '22', 'hkdf.okm': '33' };
  const tests = group.tests.map((one) => ({ ...one, ok: { okm: '00' }, intermediate }));
  const folder = small([{ ...small16, testGroups: [{ ...group, tests }] }]);

  test('[VEC-14] [DRV-21] is compared by the labels that it lists, and is not held to any other', () => {
    const listed = run(bad('one label'), '--vectors', folder);
    expect(listed).toMatchObject({ status: 0, run: { hello: { trace: ['hkdf.prk'] } } });
    expect(listed.run.results.map(({ intermediates }) => intermediates)).toEqual([1, 1, 1]);
    // Whoever announces all of them owes all of them.
    const owed = run(bad('one label of all'), '--vectors', folder);
    expect(owed.run.results[0]?.difference).toMatchObject({ what: 'hkdf.okm', expected: '33', actual: null });
    expect(conform('--driver', bad('one label of all'), '--vectors', folder).stdout).toContain('answered (nothing)');
  });

  test('[VEC-17] a label is defined where the table of labels says, an output where the test says', () => {
    const other = tests.map((one) => ({ ...one, intermediate: { 'hkdf.prk': '44' } }));
    const vectors = small([{ ...small16, testGroups: [{ ...group, tests: other }] }]);
    const answer = run(bad('one label'), '--vectors', vectors).run;
    expect(answer.results[0]).toMatchObject({ spec: 'spec/01-keys.md §4', difference: { section: 'RFC 5869 §2.2' } });
    expect(conform('--driver', bad('one label'), '--vectors', vectors).stdout).toContain('differs; RFC 5869 §2.2');
  });
});

test('[VEC-17] every label has the section that the table of the specification gives it', () => {
  const table = readFileSync(join(import.meta.dirname, '../../spec/15-driver-lab.md'), 'utf8');
  const files = new Map(readdirSync(join(import.meta.dirname, '../../spec')).map((name) => [name.slice(0, 2), name]));
  const rows = [...table.matchAll(/^\| (`[a-z]+\.[^|]+`) \|.*\| ([^|]+) \|$/gm)].filter(([row]) =>
    / §[\d.]+ \|$/.test(row),
  );
  expect(rows.length).toBeGreaterThanOrEqual(24);
  for (const [, labels = '', where = ''] of rows) {
    const section = where.replace(/^(\d\d) /, (_, number: string) => `spec/${files.get(number)} `);
    for (const [, label = ''] of labels.matchAll(/`([^`]+)`/g)) expect(sectionOf(label), label).toBe(section);
  }
  expect(sectionOf('root.salt.2')).toBe('spec/03-ratchet.md §1');
  expect(sectionOf('okm')).toBeNull();
});

test('[VEC-18] fewer passed tests than asked for are a failure', () => {
  const args = ['--driver', OURS, '--vectors', small(), '--at-least'];
  expect(conform(...args, '4').status).toBe(0);
  expect(conform(...args, '5')).toMatchObject({
    status: 1,
    stderr: 'pawl conform: 4 tests passed, where at least 5 must\n',
  });
  expect(conform(...args, 'many').status).toBe(2);
});

describe('reports', () => {
  test('[VEC-17] page, JUnit and JSON hold the failure; the page needs nothing from elsewhere', () => {
    const vectors = small();
    const out = join(vectors, 'out');
    const { status, stdout } = conform('--driver', bad('wrong'), '--vectors', vectors, '--report', out);
    expect(status).toBe(1);
    expect(stdout).toMatch(/small-hkdf tcId 1|small-hkdf\.vectors\.json tcId 1/);
    expect(stdout).toContain('0 passed, 3 failed, 1 unsupported');
    const [page, junit, json] = ['index.html', 'junit.xml', 'report.json'].map((name) =>
      readFileSync(join(out, name), 'utf8'),
    ) as [string, string, string];
    for (const text of [page, junit]) {
      expect(text).toContain('okm');
      expect(text).toContain('spec/01-keys.md §4');
    }
    expect(page).toContain('<mark>');
    expect(page).toContain('<h1>bad 1: 3 of 3 tests failed</h1>');
    expect(page).toMatch(/href="[^"]*spec\/01-keys\.md#4-[a-z-]+"/);
    expect(page).toContain('&quot;op&quot;:&quot;hkdf&quot;,&quot;args&quot;:{&quot;ikm&quot;');
    // Of each family the first failure is open, the others wait to be asked.
    expect([page.split('<details open>').length, page.split('<details>').length]).toEqual([2, 3]);
    expect(page).not.toMatch(/<script|src=|https?:|@import|url\(/);
    expect(junit).toContain('<testsuites name="pawl conform" tests="4" failures="3" skipped="1" errors="0"');
    expect(junit).toContain('<skipped message="unsupported: ratchet.init"/>');
    expect(JSON.parse(json)).toMatchObject({ totals: { passed: 0, failed: 3, unsupported: 1 } });
  });

  test.each([
    ['a file', (folder: string) => join(folder, 'small-hkdf.vectors.json')],
    ['below a file', (folder: string) => join(folder, 'small-hkdf.vectors.json/out')],
    ['where nothing can be made', () => '/proc/nowhere/out'],
  ])('[VEC-21] a folder that is %s is refused before a driver is started', (_, pathIn) => {
    const vectors = small();
    const answer = conform('--driver', bad('wrong'), '--vectors', vectors, '--report', pathIn(vectors));
    expect(answer).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('pawl conform: --report ') });
  });

  test('[VEC-17] what a driver says is text on the page, never markup', () => {
    const vectors = small();
    const out = join(vectors, 'out');
    const command = `${bad('dies loudly')} '<img src=x onerror=alert(1)>'`;
    conform('--driver', command, '--vectors', vectors, '--report', out);
    const page = readFileSync(join(out, 'index.html'), 'utf8');
    expect(page).not.toContain('<img');
    expect(page).toContain('&lt;img');
  });
});

describe('[VEC-16] a driver that', () => {
  const vectors = small();
  const judge = (command: string, timeout = 60_000) =>
    runVectors({ command, files: loadVectors(vectors), timeout, profile: null });

  test.each([
    ['dies', 'ended (exit 3)'],
    ['dies loudly', 'out of memory'],
    ['other id', 'answered with id'],
    ['old id', 'answered with id'],
    ['no json', 'what is no JSON: Segmentation fault'],
    ['neither ok nor error', 'neither "ok" nor an "error"'],
    ['both ok and error', 'neither "ok" nor an "error"'],
    ['flood', 'bytes without a line feed'],
  ])('[VEC-16] %s is named with file and test; what was run is kept', async (way, message) => {
    const result = await judge(bad(way, 1));
    expect(result.fault).toContain(message);
    expect(result.fault).toContain(`${bad(way, 1)}: small-hkdf.vectors.json tcId 2 (32 bytes): the driver `);
    expect(result.results).toHaveLength(1);
    expect(exitCode(result)).toBe(2);
  });

  test('[VEC-16] hangs is given up', async () => {
    const { fault } = await judge(bad('hangs', 1), 5_000);
    expect(fault).toContain('tcId 2 (32 bytes): the driver did not answer hkdf within 5 s');
  });

  test.each([
    ['talks twice', /nobody asked for|answered with id/],
    ['no hello', /refused hello/],
    ['no ops', /without operations/],
  ])('[VEC-16] %s', async (way, message) => {
    const result = await judge(bad(way));
    expect(result.fault).toMatch(message);
    expect(exitCode(result)).toBe(2);
  });

  test('[VEC-16] does not say hello in time is asked whether it flushes', async () => {
    expect((await judge(bad('no word'), 2_000)).fault).toMatch(/did not answer hello within 2 s: .*flush/);
  });

  test('[VEC-16] is missing, or an option misspelt, is wrong usage', () => {
    for (const args of [[], ['--driver', ' ']]) {
      expect(conform(...args)).toMatchObject({ status: 2, stdout: '', stderr: /--driver <command> says what to run/ });
    }
    expect(conform('--drivr', OURS)).toMatchObject({ status: 2, stderr: /unknown option '--drivr'/ });
  });

  test('[VEC-16] is no program', async () => {
    expect((await judge('no-such-program-anywhere')).fault).toMatch(/^no-such-program-anywhere: ended/);
  });

  test('[VEC-16] leaves a report of what was run, and exit code 2', () => {
    const out = join(vectors, 'out');
    const answer = conform('--driver', bad('dies', 1), '--vectors', vectors, '--report', out);
    expect(answer).toMatchObject({ status: 2, stderr: expect.stringContaining('ended (exit 3)') });
    const page = readFileSync(join(out, 'index.html'), 'utf8');
    for (const text of ['Broken off', 'the run broke off', 'Families']) expect(page).toContain(text);
    conform('--driver', bad('no hello'), '--vectors', vectors, '--report', out);
    expect(readFileSync(join(out, 'index.html'), 'utf8')).not.toContain('Families');
    expect(readFileSync(join(out, 'junit.xml'), 'utf8')).toContain('errors="1"');
    expect(existsSync(join(out, 'report.json'))).toBe(true);
  });

  test('[VEC-16] Ctrl-C ends the driver and exits 130', async () => {
    const child = spawn(process.execPath, [PAWL, 'conform', '--driver', bad('hangs', 1), '--vectors', vectors]);
    let said = '';
    child.stderr.on('data', (text: Buffer) => {
      said += text.toString();
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    setTimeout(() => child.kill('SIGINT'), 1_000);
    expect(await ended).toBe(130);
    expect(said).toBe('pawl conform: interrupted after small-hkdf.vectors.json tcId 1\n');
  });
});

describe('[VEC-12] vectors that cannot be used', () => {
  const [hkdf] = SMALL_FILES as [VectorFile];
  const text = JSON.stringify(hkdf);
  const changed = (from: string, to: string) => JSON.parse(text.replace(from, to)) as VectorFile;

  test.each([
    ['a field misspelt', changed('"comment"', '"coment"'), /tcId 1: .*(comment|coment)/],
    ['an argument that the operation does not have', changed('"ikm"', '"key"'), /tcId 1: .*\/args/],
    ['upper-case hex', changed('abab', 'ABab'), /tcId 1: .*pattern/],
    ['a result that is none', changed('"result":"valid"', '"result":"maybe"'), /tcId 1: .*\/result/],
    ['too few tests', changed('"numberOfTests":3', '"numberOfTests":4'), /3 tests, but numberOfTests 4/],
    ['one id twice', changed('"tcId":2', '"tcId":1'), /tcId 1 stands twice/],
  ])('[VEC-12] %s', (_, file, message) => {
    expect(() => loadVectors(small([file]))).toThrow(message);
    expect(() => loadVectors(small([file]))).toThrow(/^small-hkdf\.vectors\.json/);
  });

  test('[VEC-12] a file that is cut off, a folder without any, an unknown family', () => {
    const cut = small();
    writeFileSync(join(cut, 'small-hkdf.vectors.json'), text.slice(0, 300));
    expect(conform('--driver', OURS, '--vectors', cut)).toMatchObject({
      status: 2,
      stderr: /small-hkdf\.vectors\.json: .*JSON/,
    });
    const other = small();
    writeFileSync(join(other, 'small-hkdf.vectors.json'), text.replace('small-hkdf.schema.json', 'other.schema.json'));
    expect(conform('--driver', OURS, '--vectors', other)).toMatchObject({
      status: 2,
      stderr: /names no schema of schemas/,
    });
    expect(conform('--driver', OURS, '--vectors', '/nowhere')).toMatchObject({
      status: 2,
      stderr: /--vectors <folder>/,
    });
    expect(conform('--driver', OURS, '--vectors', small(), '--only', 'smal')).toMatchObject({
      status: 2,
      stderr: /no such family; there are small-hkdf, small-ratchet/,
    });
    expect(() => loadVectors(small([]))).toThrow(/holds no \*\.vectors\.json/);
    const bare = small();
    rmSync(join(bare, 'schemas'), { recursive: true });
    expect(() => loadVectors(bare)).toThrow(/holds no schemas/);
  });
});
