/**
 * The Python that runs the driver in Python.
 *
 * @spec 14-vectors §6
 * Owns: which one can, and what to install where none can.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './run.ts';

/** @req VEC-20 The driver that ours must agree with. */
export const PYTHON_DRIVER: string = join(ROOT, 'lab/drivers/python/driver.py');

/** A Python with what the driver needs: the user's, or the system's. @throws {Error} that says what to install. */
export function findPython(): string {
  const probe = (python: string) => spawnSync(python, [PYTHON_DRIVER], { input: '', encoding: 'utf8' });
  const probes = ['python3', '/usr/bin/python3'].map((python) => ({ python, ...probe(python) }));
  const found = probes.find(({ status }) => status === 0);
  if (found !== undefined) return found.python;
  const said = probes.map(({ python, error, stderr }) => `${python}: ${error?.message ?? stderr.trim()}`);
  throw new Error(
    `No Python runs lab/drivers/python: apt-get install python3 python3-cryptography\n${said.join('\n')}`,
  );
}
