/**
 * A driver process on the other side of the line protocol, trusted in nothing.
 *
 * @spec 14-vectors §4
 * Owns: starting it, one answer for each request, time and size limits, its end. Must not know: what is asked.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Fields, Json } from './vector-file.ts';
import { quoted } from './visible.ts';

/** A driver that breaks the protocol of lines: hangs, dies, talks out of turn. */
export class DriverFault extends Error {}

/** An answer as it came. */
export type Answer =
  | { readonly ok: Fields; readonly intermediate?: Fields }
  | { readonly error: { readonly code: string; readonly message: string } };

/** What `hello` said; absent fields are what a driver does not have. */
export interface Hello {
  readonly implementation: string;
  readonly version: string;
  readonly ops: readonly string[];
  readonly suites: readonly string[];
  readonly kems: readonly string[];
  /** Whether it has values on the way: all labels, those listed, or none. */
  readonly trace: boolean | readonly string[];
  readonly canonicalState: boolean;
}

/** Bytes of one line, and of lines that nobody asked for. */
const MAX_LINE = 64 * 1024 * 1024;
const STDERR_TAIL = 1_000;
const GRACE = 2_000;
/** What keeps most first drivers silent. */
const FLUSH = ': does it end each answer with a line feed, and flush its output then?';
/** Levels of an answer: no operation has more than five. */
const MAX_DEPTH = 32;
const SHOWN = 120;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

interface Waiting {
  readonly id: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

function isObject(value: unknown): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTooDeep(value: unknown, levels = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isTooDeep(inner, levels - 1));
}

function answerOf(line: string, id: number): Answer {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new DriverFault(`answered what is no JSON: ${quoted(line, SHOWN)}`);
  }
  if (!isObject(value)) throw new DriverFault(`answered what is no object: ${quoted(line, SHOWN)}`);
  if (isTooDeep(value)) throw new DriverFault(`answered with more than ${MAX_DEPTH} levels: ${quoted(line, SHOWN)}`);
  if (value.id !== id)
    throw new DriverFault(
      `answered with id ${quoted(JSON.stringify(value.id) ?? 'none', SHOWN)}, where ${id} was asked`,
    );
  const { ok, error, intermediate } = value;
  if (isObject(ok) && error === undefined) return isObject(intermediate) ? { ok, intermediate } : { ok };
  if (isObject(error) && ok === undefined && typeof error.code === 'string') {
    return { error: { code: quoted(error.code, SHOWN), message: textOf(error.message, '') } };
  }
  throw new DriverFault(`answered neither "ok" nor an "error" with a code: ${quoted(line, SHOWN)}`);
}

const textOf = (value: Json | undefined, other: string) => (typeof value === 'string' ? quoted(value) : other);

const texts = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];

/** A running driver. */
export class DriverProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #timeout: number;
  #waiting: Waiting | null = null;
  #timer: NodeJS.Timeout | null = null;
  #next = 1;
  #partial: Buffer[] = [];
  #pending = 0;
  #stderr = '';
  #ended: Error | null = null;
  /** What came when nothing was asked. */
  #unasked: string | null = null;

  /** Starts a shell command. @param timeout for one answer, in milliseconds */
  constructor(command: string, timeout: number) {
    this.#timeout = timeout;
    // A group of its own: a shell's children end with it.
    this.#child = spawn(command, { shell: true, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL);
    });
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('error', (error) => this.#fail(`could not be started: ${error.message}`));
    this.#child.on('close', (code, signal) => this.#fail(`ended (${code === null ? signal : `exit ${code}`})`));
    this.#child.stdout.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  #fail(reason: string): void {
    if (this.#ended === null) {
      const said = quoted(this.#stderr.trim());
      this.#ended = new DriverFault(said === '' ? reason : `${reason}; on standard error: ${said}`);
      this.kill();
    }
    this.#settle((waiting) => waiting.reject(this.#ended as Error));
  }

  #settle(how: (waiting: Waiting) => void): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) how(waiting);
  }

  #read(chunk: Buffer): void {
    if (this.#ended !== null) return;
    let rest = chunk;
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      this.#partial.push(rest.subarray(0, at));
      const line = Buffer.concat(this.#partial);
      this.#partial = [];
      this.#pending = 0;
      rest = rest.subarray(at + 1);
      this.#take(line);
      if (this.#ended !== null) return;
    }
    this.#partial.push(rest);
    this.#pending += rest.length;
    // @req VEC-16
    if (this.#pending > MAX_LINE) this.#fail(`wrote ${this.#pending} bytes without a line feed`);
  }

  #take(bytes: Buffer): void {
    let line: string;
    try {
      line = UTF8.decode(bytes);
    } catch {
      this.#fail('wrote a line that is not UTF-8');
      return;
    }
    const waiting = this.#waiting;
    if (waiting === null) {
      this.#unasked = `wrote a line that nobody asked for: ${quoted(line, SHOWN)}`;
      this.#fail(this.#unasked);
      return;
    }
    try {
      const answer = answerOf(line, waiting.id);
      this.#settle(() => waiting.resolve(answer));
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  /** Asks; refusals are answers. @throws {DriverFault} where the driver breaks the protocol of lines. */
  ask(op: string, args: Fields): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) {
        reject(this.#ended);
        return;
      }
      const id = this.#next++;
      this.#waiting = { id, resolve, reject };
      // @req VEC-16
      this.#timer = setTimeout(
        () => this.#fail(`did not answer ${op} within ${this.#timeout / 1000} s${op === 'hello' ? FLUSH : ''}`),
        this.#timeout,
      );
      this.#child.stdin.write(`${JSON.stringify({ id, op, args })}\n`);
    });
  }

  /** @throws {DriverFault} where the driver does not say what it is and what it can do. */
  async hello(): Promise<Hello> {
    const answer = await this.ask('hello', {});
    if (!('ok' in answer)) throw new DriverFault(`refused hello: ${answer.error.code}`);
    const { implementation, version, ops, suites, kems, trace, canonicalState } = answer.ok;
    if (typeof implementation !== 'string' || texts(ops).length === 0) {
      throw new DriverFault('answered hello without an implementation or without operations');
    }
    return {
      implementation: quoted(implementation),
      version: textOf(version, '?'),
      ops: texts(ops),
      suites: texts(suites),
      kems: texts(kems),
      trace: Array.isArray(trace) ? texts(trace) : trace === true,
      canonicalState: canonicalState === true,
    };
  }

  /** Kills whatever still runs, and lets go of it: what has left the group may hold its end of a pipe for as long as it likes. */
  kill(): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream.destroy();
    this.#child.unref();
  }

  /**
   * Ends it by ending its input; kills it where it does not end.
   * @throws {DriverFault} where it wrote more than was asked for.
   */
  async close(): Promise<void> {
    if (this.#ended === null) {
      let timer: NodeJS.Timeout | undefined;
      const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
      const grace = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, GRACE);
      });
      this.#child.stdin.end();
      await Promise.race([closed, grace]);
      clearTimeout(timer);
      this.kill();
    }
    // @req VEC-16
    if (this.#unasked !== null) throw new DriverFault(this.#unasked);
    if (this.#pending > 0) throw new DriverFault(`wrote ${this.#pending} bytes that nobody asked for`);
  }
}
