/**
 * Wiped means gone.
 *
 * @spec 01-keys §7
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../protocol/bytes/secret.ts';
import { reportCount, reportGap } from '../support/report.ts';

const CHILD = fileURLToPath(new URL('./erasure-child.ts', import.meta.url));

interface Report {
  readonly canariesFound: readonly string[];
  readonly unerased: readonly string[];
  readonly found: readonly string[];
  readonly secrets: number;
  readonly kept: number;
}

function searchMemory(): Report {
  const child = spawnSync(process.execPath, ['--expose-gc', CHILD], { encoding: 'utf8' });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout) as Report;
}

describe('erasure', () => {
  test('[JS-03] [KEY-18] no wiped secret is left in the memory of the process, where a planted one is found', () => {
    if (process.platform !== 'linux') {
      reportGap('JS-03 NOT RUN (reads /proc/self/mem, which only Linux has)');
      return;
    }
    const { canariesFound, unerased, found, secrets, kept } = searchMemory();
    expect(canariesFound).toEqual(expect.arrayContaining(['whole', 'inside']));
    expect(secrets).toBeGreaterThan(200);
    expect(kept).toBeGreaterThan(1000);
    expect(unerased).toEqual([]);
    // BigInts of curve arithmetic, and copies that libraries made of them, are the engine's to reuse.
    const numbers = found.filter((label) => label === 'number');
    expect(found.filter((label) => label !== 'number')).toEqual([]);
    reportCount('JS-03', 'wiped secrets searched for in memory', secrets);
    if (numbers.length > 0)
      reportCount('JS-03', 'copies of curve numbers in memory that the engine has yet to reuse', numbers.length);
  });

  test('[JS-03] a wiped secret is zero and cannot be opened', () => {
    const bytes = new Uint8Array(32).fill(7);
    const secret = new Secret(bytes);
    secret.wipe();
    secret.wipe();
    expect(bytes).toEqual(new Uint8Array(32));
    expect(secret.wiped).toBe(true);
    expect(() => secret.expose()).toThrow(TypeError);
  });
});
