import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

const pawl = join(import.meta.dirname, '../../cli/pawl.ts');
const TIMEOUT = 120_000;

/** A temporary folder that holds everything a demo leaves, so that leftovers show. */
function ownTmp(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-cli-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function run(args: readonly string[], folder = ownTmp()) {
  const result = spawnSync(process.execPath, [pawl, ...args], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder },
    timeout: TIMEOUT,
  });
  return { ...result, left: readdirSync(folder) };
}

interface Outcome {
  ok: boolean;
  suite: string;
  checks: { name: string; ok: boolean }[];
}

describe('pawl demo', () => {
  for (const suite of ['X3DH_X25519_SHA-256', 'PQXDH_X25519_SHA-256_ML-KEM-1024']) {
    test(`[CNV-20] every check of the quick demo passes with ${suite}`, { timeout: TIMEOUT }, () => {
      const { status, stdout, left } = run(['demo', '--quick', '--json', '--suite', suite]);
      const outcome = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Outcome;
      expect(outcome.checks.filter(({ ok }) => !ok)).toEqual([]);
      expect(outcome).toMatchObject({ ok: true, suite });
      expect(outcome.checks.length).toBeGreaterThanOrEqual(20);
      expect(new Set(outcome.checks.map(({ name }) => name)).size).toBe(outcome.checks.length);
      expect(status).toBe(0);
      expect(left).toEqual([]);
    });
  }

  test('[CNV-20] interrupted, it cleans up and says so by its exit code', { timeout: TIMEOUT }, async () => {
    const folder = ownTmp();
    const demo = spawn(process.execPath, [pawl, 'demo', '--quick'], { env: { ...process.env, TMPDIR: folder } });
    await new Promise((resolve) => demo.stdout.once('data', resolve));
    const ended = new Promise((resolve) => demo.once('exit', resolve));
    demo.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('pawl', () => {
  test('[CNV-20] help teaches, and every command has one', () => {
    const help = run(['--help']);
    expect(help.status).toBe(0);
    expect(help.stdout).toContain('Examples:');
    for (const command of ['demo', 'relay']) {
      expect(help.stdout).toContain(`pawl ${command}`);
      expect(run([command, '--help'])).toMatchObject({ status: 0, stderr: '' });
    }
  });

  test('[CNV-20] wrong usage exits with 2 and says what is wrong', () => {
    const cases = [
      [['nonsense'], 'nonsense'],
      [['demo', '--suite', 'ROT13'], 'ROT13'],
      [['relay', '--port', 'x'], 'port'],
    ] as const;
    for (const [args, word] of cases) {
      const { status, stderr } = run(args);
      expect(status).toBe(2);
      expect(stderr).toContain(word);
    }
  });

  test('[CNV-20] a relay that cannot start says why and exits with 2', () => {
    const { status, stderr } = run([
      'relay',
      '--data',
      join(ownTmp(), 'no', 'such', 'folder', 'relay.db'),
      '--port',
      '0',
    ]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/pawl relay: .*(folder|directory|open)/);
  });
});
