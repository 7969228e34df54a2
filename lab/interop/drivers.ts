/**
 * Which drivers there are and how they are started.
 *
 * @spec 12-interop §2
 * Owns: names of drivers, starting two of them for a piece of work and ending them after it. Must not know: dialogues.
 */
import { join } from 'node:path';
import type { End } from './dialogue.ts';
import { withoutIdentities } from './libsignal/state.ts';
import { type Args, type DriverCommand, type Hello, Peer } from './peer.ts';
import { REFERENCE, traitsOf } from './releases.ts';

/** The repository. */
export const ROOT = join(import.meta.dirname, '..', '..');

/** Our own driver, started without npm in between. */
export const OURS: DriverCommand = {
  label: 'pawl',
  command: process.execPath,
  args: ['cli/pawl.ts', 'driver'],
  cwd: ROOT,
};

/** The driver over an installed release of libsignal. */
export function libsignal(version: string = REFERENCE): DriverCommand {
  const args = ['lab/interop/libsignal-driver.ts', version];
  return { label: `libsignal ${version}`, command: process.execPath, args, cwd: ROOT };
}

/** `pawl`, `libsignal:VERSION`, or a shell command that starts a driver. */
export function driverNamed(name: string): DriverCommand {
  if (name === 'pawl') return OURS;
  const [, version] = /^libsignal:(\S+)$/.exec(name) ?? [];
  if (version !== undefined) return libsignal(version);
  return { label: name, command: 'sh', args: ['-c', name], cwd: process.cwd() };
}

/** A running driver, what it said of itself, and ends made from it. */
export interface Running {
  readonly command: DriverCommand;
  readonly peer: Peer;
  readonly hello: Hello;
  readonly end: (create?: Args) => End;
}

async function start(command: DriverCommand): Promise<Running> {
  const peer = new Peer(command);
  const hello = await peer.hello();
  // Seeds in device.create are this project's own addition to the protocol.
  const seeded = hello.implementation === 'pawl';
  const early = hello.implementation === 'libsignal' && traitsOf(hello.version).earlyIdentity;
  const kept = early ? withoutIdentities : undefined;
  return { command, peer, hello, end: (create = {}) => ({ peer, seeded, create, kept }) };
}

/** Runs `work` with two drivers and ends both, whatever comes of it. @throws {Error} where one does not start. */
export async function withDrivers<T>(
  commands: readonly [DriverCommand, DriverCommand],
  work: (first: Running, second: Running) => Promise<T>,
): Promise<T> {
  const first = await start(commands[0]);
  try {
    const second = await start(commands[1]);
    try {
      return await work(first, second);
    } finally {
      await second.peer.close();
    }
  } finally {
    await first.peer.close();
  }
}

/** Runs tasks, `width` at a time, so that two drivers are both kept busy. Results in the order of the tasks. */
export async function pooled<T, R>(items: readonly T[], width: number, run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await run(items[at] as T);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
