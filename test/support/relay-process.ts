/**
 * A relay as a process of its own, for tests that kill it or run two on one file.
 *
 * @spec 06-relay §9
 * Owns: starting, killing, stopping by its own process id. Run as a program: `node relay-process.ts <database>`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startRelay } from '../../server/relay.ts';

/** A running relay process. */
export interface RelayProcess {
  readonly url: string;
  /** `kill -9`, and waits until it is gone. */
  readonly kill: () => Promise<void>;
}

/** Starts a program of this folder with the same Node and yields its lines. */
export function startProgram(
  file: string,
  args: readonly string[],
): { child: ChildProcess; lines: AsyncIterator<string> } {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdout } = child;
  if (stdout === null) throw new Error('no output to read');
  return { child, lines: createInterface({ input: stdout })[Symbol.asyncIterator]() };
}

/** Starts a relay process on a database file. */
export async function startRelayProcess(database: string): Promise<RelayProcess> {
  const { child, lines } = startProgram(import.meta.filename, [database]);
  const { value, done } = await lines.next();
  if (done === true) throw new Error('the relay process ended before it listened');
  return {
    url: value,
    kill: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

if (import.meta.main) {
  const relay = await startRelay({ database: process.argv[2] ?? '' });
  process.stdout.write(`${relay.url}\n`);
  // A relay whose test is gone must not stay behind.
  process.stdin.on('end', () => process.exit(0)).resume();
}
