/**
 * Wiped means gone.
 *
 * @spec 01-keys §7
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../protocol/bytes/secret.ts';
import { searchMemory } from '../support/erasure.ts';

const CHILD = fileURLToPath(new URL('./erasure-child.ts', import.meta.url));

describe('erasure', () => {
  test('[JS-03] [KEY-18] no wiped secret is left in the memory of the process, where a planted one is found', () => {
    const report = searchMemory(CHILD, [], 'wiped secrets of the protocol searched for in memory');
    if (report === null) return;
    expect(report.secrets).toBeGreaterThan(600);
    expect(report.kept).toBeGreaterThan(6000);
    expect(report.unerased).toEqual([]);
    expect(report.found).toEqual([]);
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
