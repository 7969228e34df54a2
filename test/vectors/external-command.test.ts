/**
 * `npm run vectors:external`: what it prints, what it refuses, how it exits.
 *
 * @spec 14-vectors §1
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RECORDED } from '../../vectors/external/catalogue.ts';
import { planOf, type RunRow, runPlan } from '../../vectors/external/results.ts';
import {
  decapsulationFile,
  ed25519File,
  encapsulationFile,
  type Spoilable,
  withFolder,
  wycheproofFile,
} from './made-files.ts';

const command = join(import.meta.dirname, '../../vectors/external.ts');

function run(...args: string[]): { code: number | null; out: string; lines: string[]; err: string } {
  const done = spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' });
  return { code: done.status, out: done.stdout, lines: done.stdout.trimEnd().split('\n'), err: done.stderr };
}

/** The messages about a folder that cannot be used. */
function problems(files: Readonly<Record<string, unknown>>): string[] {
  return withFolder(files, (folder) => {
    try {
      planOf(folder);
    } catch (error) {
      if (error instanceof AggregateError) return error.errors.map((one: Error) => one.message);
      throw error;
    }
    throw new Error('nothing was refused');
  });
}

const results = (files: Readonly<Record<string, unknown>>) => withFolder(files, (folder) => runPlan(planOf(folder)));

const CHECKOUT = {
  'README.md': 'outside of what is read',
  'schemas/x.json': 'not JSON, and not read',
  'testvectors_v1/ed25519_test.json': ed25519File(),
  'testvectors_v1/mlkem_512_test.json': decapsulationFile(),
  'testvectors_v1/ecdsa_secp256r1_sha256_test.json': wycheproofFile('ECDSA', {}, [{}, {}, {}]),
  'testvectors_v1/x448_test.json': wycheproofFile('XDH', {}, [{}]),
  'testvectors_v1/something.json': { other: true },
  'testvectors_v1/NOTES.txt': 'no vectors',
};

describe('a folder', () => {
  test('[VEC-01] a checkout: every file of testvectors_v1/ is listed, what is ours is run, exit 0', () => {
    const { code, lines, err } = withFolder(CHECKOUT, (folder) => run(folder));
    expect([code, err]).toEqual([0, '']);
    const listed = lines
      .filter((line) => line.startsWith('testvectors_v1/'))
      .map((line) => line.split(/\s{2,}/).join('|'));
    expect(listed).toEqual([
      'testvectors_v1/NOTES.txt|no vectors',
      'testvectors_v1/ecdsa_secp256r1_sha256_test.json|3|not used: ECDSA',
      'testvectors_v1/ed25519_test.json|2|2|2|2|0',
      'testvectors_v1/mlkem_512_test.json|2|2|2|2|0',
      'testvectors_v1/something.json|unknown',
      'testvectors_v1/x448_test.json|1|unknown: XDH',
    ]);
    // What else a checkout should have is named, not held against it.
    expect(lines.some((line) => /^x25519_test\.json\s+missing$/.test(line))).toBe(true);
    expect(lines.at(-1)).toBe('8 passed, 0 failed');
  });

  test('[VEC-01] with --json, one document that says the same', () => {
    const { code, out } = withFolder(CHECKOUT, (folder) => run(folder, '--json'));
    const read = JSON.parse(out) as { rows: RunRow[] };
    expect(code).toBe(0);
    expect(read).toMatchObject({ ok: true, passed: 8, failed: 0, failures: [], faults: [] });
    const one = read.rows.find(({ file }) => file === 'testvectors_v1/mlkem_512_test.json');
    const passed = { passed: 2, failed: 0 };
    const node = { ...passed, fallback: 0 };
    expect(one).toMatchObject({ use: 'run', cases: 2, run: 2, derived: 0, native: 2, noble: passed, node, unused: {} });
  });

  test('[VEC-02] an answer is native where OpenSSL was called or the input refused on the way, else a fallback', () => {
    const { rows } = results({ 'mlkem_512_encaps_test.json': encapsulationFile() });
    expect(rows).toMatchObject([{ run: 2, native: 1, node: { passed: 2, fallback: 2 } }]);
  });

  test('[VEC-03] fewer cases than recorded, an empty file and a folder with nothing to run are failures', () => {
    const name = 'wycheproof/mlkem_512_encaps_test.json';
    const file = 'mlkem_512_encaps_test.json';
    expect(results({ [file]: encapsulationFile() })).toMatchObject({
      passed: 4,
      failed: 4,
      faults: [
        `${file}: 2 cases, ${RECORDED[name]?.cases} are recorded`,
        `${file}: 2 cases run, ${RECORDED[name]?.run} are recorded`,
        `${file}: 1 cases answered natively, ${RECORDED[name]?.native} are recorded`,
        `${file}: 1 native answers, ${RECORDED[name]?.answers} are recorded`,
      ],
    });
    const empty = { ...ed25519File(), numberOfTests: 0, testGroups: [] };
    expect(results({ 'ed25519_test.json': empty })).toMatchObject({
      failed: 1,
      faults: ['ed25519_test.json: no case was run'],
    });
    const unused = { 'ecdsa_test.json': wycheproofFile('ECDSA', {}, [{}]), 'a.txt': '' };
    expect(results(unused)).toMatchObject({ passed: 0, failed: 1, faults: ['no file of the folder was run'] });
    const fewer = { 'aes_gcm_test.json': wycheproofFile('AES-GCM', {}, [{}]), 'ed25519_test.json': ed25519File() };
    expect(results(fewer).faults).toEqual(['aes_gcm_test.json: 1 cases, 316 are recorded']);
    withFolder({}, (folder) => {
      const { code, lines } = run(folder);
      expect([code, lines.at(-1)]).toEqual([1, '0 passed, 1 failed']);
    });
  });

  test('[VEC-03] a collection lacks nothing that is recorded', () => {
    const { faults, rows } = results({ 'wycheproof/ed25519_test.json': ed25519File() });
    expect(faults).toEqual(Object.keys(RECORDED).map((name) => `${name}: missing`));
    expect(rows.filter(({ use }) => use === 'missing').length).toBe(Object.keys(RECORDED).length);
  });

  test('[VEC-04] a case that is not as published is named with file, case, provider and difference; exit 1', () => {
    const file = decapsulationFile();
    const [first = {}, second = {}] = file.testGroups[0]?.tests ?? [];
    const secret = String(first.K);
    first.K = secret.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    second.c = first.c;
    const { code, lines } = withFolder({ 'mlkem_512_test.json': file }, (folder) => run(folder));
    expect(code).toBe(1);
    const failures = ['noble', 'node'].flatMap((provider) => [
      `FAIL  mlkem_512_test.json tcId 1, ${provider}: K: ${secret} instead of ${first.K}`,
      `FAIL  mlkem_512_test.json tcId 2, ${provider}: accepted instead of refused`,
    ]);
    expect(lines.filter((line) => line.startsWith('FAIL'))).toEqual(failures);
    expect(lines.at(-1)).toBe('0 passed, 4 failed');
  });
});

/** A file with its first test changed. */
function spoiled(file: Spoilable, change: (test: Record<string, unknown>, whole: Spoilable) => void): Spoilable {
  const test = file.testGroups[0]?.tests[0];
  if (test === undefined) throw new Error('no test to spoil');
  change(test, file);
  return file;
}

describe('bad input', () => {
  test.each<[string, unknown, RegExp]>([
    ['cut off', JSON.stringify(ed25519File()).slice(0, 300), /^ed25519_test\.json: not JSON, or cut off \(/],
    ['empty', '', /^ed25519_test\.json: not JSON, or cut off \(/],
    ['a list', [], /^ed25519_test\.json: wrong shape at the file: .*object/],
    ['without groups', { algorithm: 'EDDSA' }, /^ed25519_test\.json: wrong shape at testGroups: .*array/],
    [
      'without a signature',
      spoiled(ed25519File(), (test) => delete test.sig),
      /^ed25519_test\.json: wrong shape at testGroups\[0\]\.tests\[0\]\.sig \(tcId 1\): .*string/,
    ],
    [
      'half a byte',
      spoiled(ed25519File(), (test) => {
        test.msg = '123';
      }),
      /^ed25519_test\.json: wrong shape at testGroups\[0\]\.tests\[0\]\.msg \(tcId 1\): not hex$/,
    ],
    [
      'another verdict',
      spoiled(ed25519File(), (test) => {
        test.result = 'fine';
      }),
      /^ed25519_test\.json: wrong shape at testGroups\[0\]\.tests\[0\]\.result \(tcId 1\): /,
    ],
    [
      'fewer cases than it says',
      spoiled(ed25519File(), (_, whole) => {
        whole.numberOfTests = 3;
      }),
      /^ed25519_test\.json: wrong shape at numberOfTests: not the number of cases in the file$/,
    ],
  ])('[VEC-05] a file %s is refused by name', (_, content, message) => {
    expect(problems({ 'ed25519_test.json': content })).toEqual([expect.stringMatching(message)]);
  });

  test('[VEC-05] every bad file is named, also one that would not be run', () => {
    const files = { 'a.json': '{', 'mlkem_512_test.json': { testGroups: 1 }, 'aes_gcm_test.json': {}, 'b.json': {} };
    expect(problems(files)).toEqual([
      expect.stringMatching(/^a\.json: not JSON/),
      'aes_gcm_test.json: wrong shape: it has no cases',
      expect.stringMatching(/^mlkem_512_test\.json: wrong shape at testGroups: /),
    ]);
  });

  test('[VEC-05] exit 2, the problem on standard error and no count', () => {
    withFolder({ 'ed25519_test.json': '{"testGroups": [' }, (folder) => {
      const bad = run(folder);
      expect([bad.code, bad.out]).toEqual([2, '']);
      expect(bad.err).toMatch(/^error: ed25519_test\.json: not JSON, or cut off \(.*\)\n$/);
      const json = run(folder, '--json');
      expect(json.code).toBe(2);
      expect(JSON.parse(json.out)).toEqual({ ok: false, errors: [expect.stringContaining('ed25519_test.json')] });
    });
    for (const missing of ['/no/such/folder', command]) {
      const { code, out, err } = run(missing);
      expect([code, out, err]).toEqual([2, '', `error: ${missing}: there is no such folder\n`]);
    }
  });

  test('[VEC-05] wrong usage is exit 2, help exit 0', () => {
    expect(run().code).toBe(2);
    expect(run('a', 'b').code).toBe(2);
    expect(run('--frobnicate', 'a').code).toBe(2);
    const help = run('--help');
    expect([help.code, help.out]).toEqual([0, expect.stringContaining('Exit codes: 0')]);
  });
});
