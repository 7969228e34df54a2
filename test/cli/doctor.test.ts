/**
 * The doctor: names where the inputs decide, a question where they do not.
 *
 * @spec 16-doctor
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { diagnose, type KemCase } from '../../cli/doctor/kem-diagnosis.ts';
import { concat, toHex } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { earlyPairOfSeed } from '../../protocol/crypto/kyber-seed.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import { sampleCbd3 } from '../../protocol/crypto/polynomials.ts';
import type { KemParameterSet } from '../../protocol/crypto/provider.ts';
import { doctorExamples } from '../../vectors/doctor-examples.ts';
import { PAWL } from '../support/driver.ts';
import { flip } from '../support/forge.ts';
import { PROVIDERS } from '../support/peers.ts';
import { seededRandom } from '../support/seeded-random.ts';

const SETS: readonly KemParameterSet[] = ['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024'];
const EXAMPLES = join(import.meta.dirname, '../../vectors/doctor');
const NOTHING = { publicKey: null, ciphertext: null, shared: [], seed: null, privateKey: null, coins: null } as const;

const cases = PROVIDERS.flatMap((provider) => SETS.map((set) => ({ provider, set, name: provider.name })));

describe.each(cases)('[DOC-03] $name, $set', ({ provider, set }) => {
  const random = seededRandom('doctor');
  const seed = random(64);
  const coins = random(32);
  const pair = provider.kemFromSeed(set, seed);
  const { publicKey } = pair;
  const privateKey = provider.kemExpand(set, pair.privateKey).expose();
  const encapsulate = (m: Uint8Array) => {
    const { ciphertext, sharedSecret } = provider.kemEncapsulate(set, publicKey, () => m.slice());
    return { ciphertext, inner: sharedSecret.expose() };
  };
  const plain = encapsulate(coins);
  const hashed = encapsulate(provider.sha3_256(coins));
  const wrap = (inner: Uint8Array, ciphertext: Uint8Array) =>
    provider.shake256(concat(inner, provider.sha3_256(ciphertext)), 32);
  const run = (given: Partial<KemCase>) => diagnose(provider, { ...NOTHING, set, ...given });
  const about = (given: Partial<KemCase>, what: string) => run(given).findings.filter((one) => one.about === what);

  test('[DOC-03] a seed and a public key name the expansion and the order of the halves', () => {
    const rank = { 'ML-KEM-512': 2, 'ML-KEM-768': 3, 'ML-KEM-1024': 4 } as const;
    const swap = concat(seed.subarray(32), seed.subarray(0, 32));
    const early = (swapped: boolean) => earlyPairOfSeed(provider, { rank: rank[set], swapped }, seed).publicKey;
    const named = (key: Uint8Array, given: Uint8Array) => about({ publicKey: key, seed: given }, 'key');
    expect(named(publicKey, seed)).toMatchObject([{ verdict: 'named', text: 'FIPS 203: G(d ‖ k)' }]);
    expect(named(publicKey, swap)).toMatchObject([{ text: 'FIPS 203: G(d ‖ k), with the seed as z ‖ d' }]);
    expect(named(early(false), seed)).toMatchObject([{ text: 'Kyber round 3 or the draft of FIPS 203: G(d)' }]);
    expect(named(early(true), swap)).toMatchObject([
      { text: 'the draft of FIPS 203 as printed: G(d), matrix indices swapped, with the seed as z ‖ d' },
    ]);
    expect(named(publicKey, flip(seed, 3, 1))).toMatchObject([{ verdict: 'none fits' }]);
  });

  test('[DOC-03] [DOC-05] a private key names every secret, accepted or rejected', () => {
    const { ciphertext, inner } = plain;
    const damaged = flip(ciphertext, 9, 4);
    const z = privateKey.slice(-32);
    const rejection = provider.shake256(concat(z, damaged), 32);
    const secret = (c: Uint8Array, shared: Uint8Array) =>
      about({ privateKey, ciphertext: c, shared: [shared] }, 'secret 1');
    expect(secret(ciphertext, inner)).toMatchObject([{ variant: 'FIPS 203', rejected: false }]);
    expect(secret(ciphertext, wrap(inner, ciphertext))).toMatchObject([{ variant: 'Kyber round 3', rejected: false }]);
    expect(secret(damaged, rejection)).toMatchObject([{ variant: 'FIPS 203', rejected: true }]);
    expect(secret(damaged, wrap(rejection, damaged))).toMatchObject([{ variant: 'Kyber round 3', rejected: true }]);
    expect(secret(damaged, wrap(z, damaged))).toMatchObject([{ variant: 'Kyber round 3', rejected: true }]);
    expect(secret(ciphertext, random(32))).toMatchObject([{ verdict: 'none fits', variant: null }]);
    expect(about({ privateKey, ciphertext: damaged }, 'ciphertext')).toMatchObject([{ verdict: 'none fits' }]);
    expect(about({ privateKey, ciphertext }, 'ciphertext')).toMatchObject([{ verdict: 'named' }]);
  });

  test('[DOC-03] coins and the public key name ciphertext and secret without a private key, mixtures too', () => {
    const verdict = (c: { ciphertext: Uint8Array }, shared: Uint8Array) =>
      run({ publicKey, coins, ciphertext: c.ciphertext, shared: [shared, shared] });
    expect(verdict(plain, plain.inner)).toMatchObject({
      conclusion: 'agree',
      findings: [{}, { variant: 'FIPS 203' }, {}],
    });
    expect(verdict(hashed, wrap(hashed.inner, hashed.ciphertext)).findings).toMatchObject([
      { text: 'made as Kyber round 3: m is H(coins)' },
      { variant: 'Kyber round 3' },
      { variant: 'Kyber round 3' },
    ]);
    expect(verdict(hashed, hashed.inner).findings[1]).toMatchObject({ variant: 'a mixture' });
    expect(verdict(plain, wrap(plain.inner, plain.ciphertext)).findings[1]).toMatchObject({ variant: 'a mixture' });
    const altered = run({ publicKey, coins, ciphertext: flip(plain.ciphertext, 1, 1), shared: [plain.inner] });
    expect(altered.findings).toMatchObject([{ about: 'ciphertext', verdict: 'none fits' }, { variant: 'FIPS 203' }]);
  });

  test('[DOC-03] a private key that is damaged, hashed otherwise or of another public key', () => {
    const other = provider.kemFromSeed(set, random(64)).publicKey;
    const end = privateKey.length - 64;
    const old = privateKey.slice();
    old.set(provider.sha256(publicKey), end);
    expect(about({ privateKey, publicKey: other }, 'key')).toMatchObject([
      { verdict: 'none fits', text: /another public key/ },
    ]);
    expect(about({ privateKey: flip(privateKey, end + 1, 1) }, 'key')).toMatchObject([{ text: /damaged/ }]);
    expect(about({ privateKey: old }, 'key')).toMatchObject([{ verdict: 'none fits', text: /90s/ }]);
  });

  test('[DOC-04] two secrets and a ciphertext show the last hash; one secret, or two that are equal, show nothing', () => {
    const { ciphertext, inner } = plain;
    const wrapped = wrap(inner, ciphertext);
    const variants = (shared: Uint8Array[]) =>
      run({ publicKey, ciphertext, shared }).findings.map((one) => one.variant);
    expect(variants([inner, wrapped])).toEqual(['FIPS 203', 'Kyber round 3']);
    expect(variants([wrapped, inner])).toEqual(['Kyber round 3', 'FIPS 203']);
    for (const shared of [[inner], [inner, inner], [inner, random(32)]]) {
      const { findings, undecided } = run({ publicKey, ciphertext, shared });
      expect(findings.every(({ verdict }) => verdict === 'undecided')).toBe(true);
      expect(undecided).toContainEqual({
        question: 'which text each secret follows',
        decidedBy: '--seed or --private; or --coins',
      });
    }
    expect(run({ publicKey, ciphertext, shared: [inner, inner] }).conclusion).toBe('undecided');
    expect(run({ publicKey, ciphertext, shared: [inner, random(32)] }).conclusion).toBe('differ');
  });

  test('[DOC-04] the input that is asked for decides', () => {
    const { ciphertext, inner } = plain;
    const damaged = flip(ciphertext, 9, 4);
    const open = run({ privateKey, publicKey, ciphertext: damaged, shared: [inner] });
    expect(open.findings.at(-1)).toMatchObject({ about: 'secret 1', verdict: 'undecided' });
    expect(open.undecided[0]).toEqual({ question: 'which text each secret follows', decidedBy: '--coins' });
    const decided = run({ privateKey, publicKey, ciphertext: damaged, shared: [inner], coins });
    expect(decided.findings.at(-1)).toMatchObject({ about: 'secret 1', variant: 'FIPS 203' });
    expect(run({ seed, ciphertext, shared: [inner, inner], publicKey, coins })).toMatchObject({
      conclusion: 'agree',
      undecided: [],
    });
  });
});

test('[DOC-03] [KEY-22] the noise of ML-KEM-512 is sampled bit by bit as its text says', () => {
  const bytes = seededRandom('noise')(192);
  const bit = (i: number) => ((bytes[i >>> 3] as number) >>> (i & 7)) & 1;
  const sum = (from: number) => bit(from) + bit(from + 1) + bit(from + 2);
  const expected = Array.from({ length: 256 }, (_, i) => (sum(6 * i) - sum(6 * i + 3) + 3329) % 3329);
  expect([...sampleCbd3(bytes)]).toEqual(expected);
  const provider = nodeProvider;
  const pair = earlyPairOfSeed(provider, { rank: 2, swapped: false }, bytes.subarray(0, 64));
  const { ciphertext, sharedSecret } = provider.kemEncapsulate('ML-KEM-512', pair.publicKey, seededRandom('coins'));
  const back = provider.kemDecapsulate('ML-KEM-512', new Secret(pair.privateKey.expose()), ciphertext);
  expect(toHex(back.expose())).toBe(toHex(sharedSecret.expose()));
});

describe('the command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-doctor-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function doctor(args: readonly string[], input = ''): { status: number | null; stdout: string; stderr: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [PAWL, 'doctor', 'kem', ...args], {
      cwd: EXAMPLES,
      encoding: 'utf8',
      input,
    });
    return { status, stdout, stderr };
  }

  test('[DOC-03] [DOC-05] its worked examples are the files in vectors/doctor, and come out as told', () => {
    const examples = doctorExamples();
    expect(examples.size).toBe(10);
    for (const [path, text] of examples) expect(readFileSync(join(EXAMPLES, path), 'utf8')).toBe(text);
    const of = (name: string, ...options: string[]) =>
      options.flatMap((option) => {
        const [flag, file] = option.split('=');
        return [`--${flag}`, `@${name}/${file ?? flag}.hex`];
      });
    const pair = doctor([
      '--kem',
      'ML-KEM-1024',
      ...of('round-three', 'public', 'ciphertext', 'shared=alice', 'shared=bob'),
    ]);
    expect(pair).toMatchObject({ status: 1, stderr: '' });
    expect(pair.stdout).toMatch(/secret 1 +FIPS 203.*\n.*secret 2 +Kyber round 3/);
    const seed = doctor(['--kem', 'ML-KEM-768', ...of('swapped-seed', 'public', 'seed')]);
    expect(seed.stdout).toMatch(/key +FIPS 203: G\(d ‖ k\), with the seed as z ‖ d/);
    const rejected = doctor([
      '--kem',
      'ML-KEM-768',
      '--json',
      ...of('rejected', 'private', 'ciphertext', 'shared=mine', 'shared=theirs'),
    ]);
    expect(JSON.parse(rejected.stdout)).toMatchObject({
      kem: 'ML-KEM-768',
      conclusion: 'differ',
      findings: [
        { about: 'ciphertext', verdict: 'none fits' },
        { about: 'secret 1', variant: 'FIPS 203', rejected: true },
        { about: 'secret 2', verdict: 'undecided' },
      ],
    });
  });

  test('[DOC-01] raw bytes, hex, a type byte in front, and standard input come to the same', () => {
    const text = readFileSync(join(EXAMPLES, 'swapped-seed/public.hex'), 'utf8').trim();
    const raw = join(folder, 'raw');
    const typed = join(folder, 'typed');
    writeFileSync(raw, Buffer.from(text, 'hex'));
    writeFileSync(typed, `0A${text.toUpperCase().replace(/(.{64})/g, '$1\n')}`);
    const seed = ['--kem', 'ML-KEM-768', '--seed', '@swapped-seed/seed.hex'];
    const expected = doctor([...seed, '--public', '@swapped-seed/public.hex']);
    expect(expected.stdout).toContain('z ‖ d');
    for (const file of [raw, typed]) expect(doctor([...seed, '--public', `@${file}`])).toEqual(expected);
    expect(doctor([...seed, '--public', '@-'], text)).toEqual(expected);
  });

  const secret = 'c0ffee'.repeat(20);
  test.each([
    ['a secret as an argument', ['--seed', secret], /^pawl doctor kem: --seed takes @file/],
    ['no input', [], /at least one input/],
    ['a file that is not there', ['--seed', '@nowhere'], /--seed: ENOENT/],
    ['a short seed', ['--seed', '@rejected/mine.hex'], /--seed: 32 bytes, where 64 \(d ‖ z\) are wanted/],
    [
      'the key of another set',
      ['--public', '@round-three/public.hex'],
      /1568 bytes.*1184.*that is the length of ML-KEM-1024/,
    ],
    ['seed and private key', ['--seed', '@a', '--private', '@b'], /give one/],
    ['three secrets', ['--shared', '@a', '--shared', '@b', '--shared', '@c'], /two at most/],
    ['standard input twice', ['--seed', '@-', '--coins', '@-'], /read once/],
  ])('[DOC-02] [DOC-01] %s: exit 2, and nothing of it repeated', (_, args, message) => {
    const answer = doctor(['--kem', 'ML-KEM-768', ...args]);
    expect(answer).toMatchObject({ status: 2, stdout: '' });
    expect(answer.stderr).toMatch(message);
    expect(answer.stderr).not.toContain('c0ffee');
    expect(answer.stderr).not.toContain('    at ');
  });

  test('[DOC-02] half a byte, and a public key that is none', () => {
    const half = join(folder, 'half');
    writeFileSync(half, 'abc');
    expect(doctor(['--kem', 'ML-KEM-768', '--coins', `@${half}`])).toMatchObject({ status: 2, stdout: '' });
    const wrong = join(folder, 'wrong');
    writeFileSync(wrong, 'ff'.repeat(1184));
    const answer = doctor(['--kem', 'ML-KEM-768', '--public', `@${wrong}`, '--coins', '@rejected/mine.hex']);
    expect(answer).toMatchObject({ status: 2, stdout: '' });
    expect(answer.stderr).toMatch(/unreduced-kem-key/);
  });
});
