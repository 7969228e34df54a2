/**
 * A driver process and the requests to it.
 *
 * @spec 12-interop §2
 * Owns: starting it, matching answers to requests, its end. Must not know: what is asked.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export type Args = Readonly<Record<string, unknown>>;

/** An answer as it came. */
export type Answer =
  | { readonly ok: Readonly<Record<string, unknown>> }
  | { readonly error: { readonly code: string; readonly message: string } };

/** What `hello` said. */
export interface Hello {
  readonly implementation: string;
  readonly version: string;
  readonly ops: readonly string[];
  readonly suites: readonly string[];
}

/** How a driver is started. */
export interface DriverCommand {
  readonly label: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** How much of a driver's standard error an error shows. */
const STDERR_TAIL = 2000;

/** A running driver. */
export class Peer {
  readonly label: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #stderr = '';
  #ended: Error | null = null;

  constructor({ label, command, args, cwd }: DriverCommand) {
    this.label = label;
    this.#child = spawn(command, args, { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL);
    });
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('close', (code, signal) => this.#end(`exit ${code ?? signal}`));
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line));
  }

  #end(reason: string): void {
    this.#ended ??= new Error(`driver ${this.label} ended: ${reason}\n${this.#stderr}`.trim());
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }

  #take(line: string): void {
    let answer: (Answer & { readonly id: number }) | null = null;
    try {
      answer = JSON.parse(line) as Answer & { readonly id: number };
    } catch {
      this.#end(`not a line of JSON: ${line.slice(0, 200)}`);
    }
    const waiting = answer === null ? undefined : this.#waiting.get(answer.id);
    if (answer === null || waiting === undefined) return;
    this.#waiting.delete(answer.id);
    waiting.resolve('ok' in answer ? { ok: answer.ok } : { error: answer.error });
  }

  /** Asks; refusals are answers. @throws {Error} where the process is gone. */
  ask(op: string, args: Args): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) {
        reject(this.#ended);
        return;
      }
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, op, args })}\n`);
    });
  }

  /** What the driver is and can do. @throws {Error} where it does not answer `hello`. */
  async hello(): Promise<Hello> {
    const answer = await this.ask('hello', {});
    if (!('ok' in answer)) throw new Error(`driver ${this.label}: hello failed: ${answer.error.message}`);
    return answer.ok as unknown as Hello;
  }

  /** Ends the process by ending its input. */
  async close(): Promise<void> {
    if (this.#ended !== null) return;
    const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    this.#child.stdin.end();
    await closed;
  }
}
