import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const LAB = join(import.meta.dirname, '../../lab/interop');

function node(file: string, ...args: string[]) {
  const { status, stdout } = spawnSync(process.execPath, [join(LAB, file), ...args], { encoding: 'utf8' });
  return { status, stdout };
}

test('[IOP-05] two driver processes of ours agree', () => {
  const { status, stdout } = node('interop.ts', '--a', 'pawl', '--b', 'pawl', '--dialogues', '10', '--messages', '20');
  expect(stdout).toMatch(/\n10 passed, 0 failed\n$/);
  expect(status).toBe(0);
});

test('[IOP-01] a driver that is not there is a gap and no success', () => {
  const { status, stdout } = node('interop.ts', '--a', 'pawl', '--b', 'exit 7', '--dialogues', '10');
  expect(stdout).toContain('GAP: dialogues: driver exit 7 ended: exit 7');
  expect(stdout).toMatch(/\n0 passed, 1 failed\n$/);
  expect(status).toBe(1);
});

test('[CNV-20] one driver alone is wrong usage', () => {
  expect(node('interop.ts', '--a', 'pawl').status).toBe(2);
  expect(node('interop.ts', '--kind', 'other').status).toBe(2);
  expect(node('interop.ts', '--help').status).toBe(0);
  expect(node('replay.ts').status).toBe(2);
});

test('[IOP-06] a failure is replayed exactly, and a difference is shown where it is', () => {
  // A driver of ours whose every message is damaged on its way out.
  const damaged = `"${process.execPath}" cli/pawl.ts driver | sed -u 's/"plaintext":"..*"/"plaintext":"00ff00"/'`;
  const args = ['--a', 'pawl', '--b', damaged, '--dialogues', '1', '--messages', '10', '--seed', 'replay-test'];
  const { status, stdout } = node('interop.ts', ...args);
  expect(status).toBe(1);
  const path = /^ +(\/.*failures\/.*\.json)$/m.exec(stdout)?.[1] ?? '';
  const folder = mkdtempSync(join(tmpdir(), 'pawl-replay-'));
  onTestFinished(() => {
    rmSync(path, { force: true });
    rmSync(folder, { recursive: true });
  });
  const file = JSON.parse(readFileSync(path, 'utf8'));
  expect(file.mismatch.message).toContain('arrived as another one');
  expect([typeof file.states.a, typeof file.states.b]).toEqual(['string', 'string']);

  // Side b lied about what it read, so its true answers differ there; side a never did.
  const replayed = node('replay.ts', path);
  expect(replayed.stdout).toMatch(/side a: all \d+ answers are the same to the last byte/);
  expect(replayed.stdout).toMatch(/side b: request \d+ of \d+, session.decrypt, is answered differently now/);
  expect(replayed.status).toBe(1);

  const own = join(folder, 'own.json');
  writeFileSync(
    own,
    JSON.stringify({ ...file, drivers: { ...file.drivers, b: { ...file.drivers.b, seeded: false } } }),
  );
  expect(node('replay.ts', own).status).toBe(0);
});
