/**
 * Drivers in Python, running.
 *
 * @spec 14-vectors §6
 * Owns: starting them. Must not know: what is asked.
 */
import { dirname, join } from 'node:path';
import { findPython, PYTHON_DRIVER } from '../../scripts/lib/python.ts';
import { DriverProcess } from './driver.ts';

let found: string | undefined;

/** How the driver in Python, or another file beside it, is started. @throws {Error} that says what to install. */
export function pythonCommand(file?: string): readonly [command: string, path: string] {
  found ??= findPython();
  return [found, file === undefined ? PYTHON_DRIVER : join(dirname(PYTHON_DRIVER), file)];
}

/** A process of it, killed with the test. */
export function pythonDriver(file?: string): DriverProcess {
  const [command, path] = pythonCommand(file);
  return new DriverProcess(command, [path]);
}
