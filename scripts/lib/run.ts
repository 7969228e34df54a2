/**
 * Child processes for the scripts.
 *
 * Owns: running a tool of `node_modules` on the Node that runs the script, whatever `node` the host has.
 */
import { spawn } from 'node:child_process';
import { delimiter, dirname, resolve } from 'node:path';

/** The repository's root folder. */
export const ROOT: string = resolve(import.meta.dirname, '../..');

/** What a finished process left behind. */
export interface Finished {
  readonly code: number;
  /** Standard output and standard error in order of arrival. */
  readonly output: string;
  readonly stdout: string;
}

interface RunOptions {
  readonly cwd?: string;
  /** Let the output through to the terminal instead of collecting it. */
  readonly inherit?: boolean;
}

/** Runs `command`; never rejects for a non-zero exit. A process ended by a signal counts as code 1. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { promise, resolve: done, reject } = Promise.withResolvers<Finished>();
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`;
  const child = spawn(command, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...(options.inherit === true ? {} : { NO_COLOR: '1', FORCE_COLOR: '0' }), PATH: path },
    stdio: options.inherit === true ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    stdout += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  child.on('error', reject);
  child.on('close', (code) => done({ code: code ?? 1, output, stdout }));
  return promise;
}

/** Runs a script of an installed package, for example `typescript/bin/tsc`. */
export function runTool(script: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return run(process.execPath, [resolve(ROOT, 'node_modules', script), ...args], options);
}
