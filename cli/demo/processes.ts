/**
 * Child processes of the demo: one relay, seven devices.
 *
 * @spec 00-conventions §7
 * Owns: starting, asking, killing, and stopping them all whatever happens. Must not know: what is asked.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ANSWER_TIMEOUT_MS = 30_000;

/** Path of a module beside this one, as source or as built. */
export function sibling(name: string): string {
  return fileURLToPath(new URL(`${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
}

/** One child that answers JSON lines with JSON lines, in order. */
export class Child {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];
  #errors = '';
  #gone: Error | null = null;

  constructor(name: string, args: readonly string[]) {
    this.name = name;
    this.#process = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-4000);
    });
    // A child killed on purpose closes its input first; the exit event tells the rest.
    this.#process.stdin?.on('error', () => undefined);
    this.#process.on('error', (error) => this.#fail(error));
    this.#process.on('exit', (code, signal) => {
      this.#fail(
        new Error(`${name} ended (${signal ?? `exit ${code}`})${this.#errors === '' ? '' : `:\n${this.#errors}`}`),
      );
    });
    if (this.#process.stdout !== null) {
      createInterface({ input: this.#process.stdout }).on('line', (line) => this.#answer(line));
    }
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  #fail(error: Error): void {
    this.#gone ??= error;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }

  #answer(line: string): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) return;
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && 'error' in value) {
      waiter.reject(new Error(`${this.name}: ${String(value.error)}`));
    } else waiter.resolve(value);
  }

  /** Waits for the next line that the child prints. */
  next(): Promise<unknown> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${this.name} did not answer in ${ANSWER_TIMEOUT_MS} ms`)),
        ANSWER_TIMEOUT_MS,
      );
      this.#waiting.push({
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }

  /** Sends one request and waits for its answer. */
  ask(request: Record<string, unknown>): Promise<unknown> {
    const answer = this.next();
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`);
    return answer;
  }

  /** Ends the child by its own process id and waits until it is gone. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.kill(signal);
    });
  }
}
