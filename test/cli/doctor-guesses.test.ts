/**
 * The doctor asked about inputs from which something false could be concluded.
 *
 * @spec 16-doctor §2
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { diagnose, type KemCase } from '../../cli/doctor/kem-diagnosis.ts';
import { concat } from '../../protocol/bytes/bytes.ts';
import { nodeProvider as provider } from '../../protocol/crypto/node.ts';
import type { KemParameterSet } from '../../protocol/crypto/provider.ts';
import { PAWL } from '../support/driver.ts';
import { flip } from '../support/forge.ts';
import { seededRandom } from '../support/seeded-random.ts';

const NOTHING = { publicKey: null, ciphertext: null, shared: [], seed: null, privateKey: null, coins: null } as const;

describe.each<KemParameterSet>(['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024'])('[DOC-04] %s', (set) => {
  const random = seededRandom('doctor guesses');
  const seed = random(64);
  const pair = provider.kemFromSeed(set, seed);
  const privateKey = provider.kemExpand(set, pair.privateKey).expose();
  const { ciphertext } = provider.kemEncapsulate(set, pair.publicKey, random);
  const wrap = (inner: Uint8Array) => provider.shake256(concat(inner, provider.sha3_256(ciphertext)), 32);
  const run = (given: Partial<KemCase>) => diagnose(provider, { ...NOTHING, set, ...given });
  const secrets = (given: Partial<KemCase>) =>
    run(given).findings.filter(({ about }) => about === 'secret 1' || about === 'secret 2');

  test('[DOC-03] [DOC-04] two secrets that the key shows to be none of it get no name for being one hash apart', () => {
    const stray = random(32);
    for (const known of [{ privateKey }, { seed }]) {
      const found = secrets({ ...known, ciphertext, shared: [stray, wrap(stray)] });
      expect(found.map(({ verdict }) => verdict)).toEqual(['none fits', 'none fits']);
    }
    const coins = random(32);
    const found = secrets({ publicKey: pair.publicKey, coins, ciphertext, shared: [stray, wrap(stray)] });
    expect(found.map(({ verdict }) => verdict)).toEqual(['none fits', 'none fits']);
  });

  test('[DOC-04] two secrets one hash apart, and nothing else: it is not said that the ciphertext was accepted', () => {
    const rejection = provider.shake256(concat(seed.subarray(32), ciphertext), 32);
    const { findings, undecided } = run({ ciphertext, shared: [rejection, wrap(rejection)] });
    expect(findings[0]?.text).toBe('FIPS 203: without the last hash of round 3; K, or J of a rejected ciphertext');
    expect(undecided.map(({ question }) => question)).toContain('whether the ciphertext is for this key');
  });

  test('[DOC-03] a private key whose first part is damaged is named, where it holds the right public key', () => {
    const damaged = flip(privateKey, 5, 1);
    const { findings, conclusion } = run({ publicKey: pair.publicKey, privateKey: damaged, ciphertext });
    expect(findings[0]).toMatchObject({
      about: 'key',
      verdict: 'none fits',
      text: /does not open what is encapsulated/,
    });
    expect(findings.map(({ about }) => about)).not.toContain('ciphertext');
    expect(conclusion).toBe('differ');
  });

  test('[DOC-04] a seed of two equal halves does not show their order', () => {
    const half = random(32);
    const twice = concat(half, half);
    const [key] = run({ seed: twice, publicKey: provider.kemFromSeed(set, twice).publicKey }).findings;
    expect(key?.text).toBe('FIPS 203: G(d ‖ k), or FIPS 203: G(d ‖ k), with the seed as z ‖ d');
  });
});

describe('a byte too many', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-doctor-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ['shared', 33, '32 (a secret)'],
    ['seed', 65, '64 (d ‖ z)'],
    ['coins', 33, '32 (m)'],
  ])('[DOC-02] in front of --%s is no type byte', (option, length, wanted) => {
    const file = join(folder, option);
    writeFileSync(file, `08${'ab'.repeat(length - 1)}`);
    const args = ['doctor', 'kem', '--kem', 'ML-KEM-768', `--${option}`, `@${file}`];
    const { status, stderr } = spawnSync(process.execPath, [PAWL, ...args], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `pawl doctor kem: --${option}: ${length} bytes, where ${wanted} are wanted.\n`,
    });
  });
});
