/**
 * The installed command on a Node that is too old for it.
 *
 * @spec 00-conventions §7
 */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { PAWL } from '../support/driver.ts';

const AS_NODE_20 = `data:text/javascript,${encodeURIComponent(
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.2' } });",
)}`;

test.each([['--version'], ['relay'], ['demo']])(
  '[CNV-18] [CNV-20] pawl %s says what is lacking, and exits 2',
  (argument) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', AS_NODE_20, PAWL, argument], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^pawl needs Node 24\.18\.0 or newer; this is Node 20\.19\.2 /);
    expect(stderr).not.toContain('    at ');
  },
);
