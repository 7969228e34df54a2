/**
 * `npm run driver:python`: the driver in Python.
 *
 * @spec 14-vectors §6
 * Owns: handing over standard input and output, the exit code.
 */
import { spawnSync } from 'node:child_process';
import { findPython, PYTHON_DRIVER } from './lib/python.ts';

try {
  process.exitCode = spawnSync(findPython(), [PYTHON_DRIVER], { stdio: 'inherit' }).status ?? 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
