/**
 * The driver in Python, running.
 *
 * @spec 14-vectors §6
 * Owns: which Python can run it, and what to install where none can. Must not know: what is asked.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { DriverProcess } from './driver.ts';

const DRIVER = join(import.meta.dirname, '../../lab/drivers/python/driver.py');
const PROBE =
  'import sys, cryptography; assert sys.version_info >= (3, 11); assert int(cryptography.__version__.split(".")[0]) >= 38';

let found: string | undefined;

/** A Python with the package that the driver needs: the user's, or the system's. @throws {Error} that says what to install. */
export function pythonCommand(): string {
  found ??= ['python3', '/usr/bin/python3'].find((python) => spawnSync(python, ['-c', PROBE]).status === 0);
  if (found === undefined) {
    throw new Error(
      'lab/drivers/python needs Python 3.11 with the package cryptography 38 or later: ' +
        'apt-get install python3 python3-cryptography, or python3 -m pip install cryptography',
    );
  }
  return found;
}

/** A process of it, killed with the test. */
export function pythonDriver(): DriverProcess {
  return new DriverProcess(pythonCommand(), [DRIVER]);
}
