/**
 * What the demo shows: one line a step, one table of checks, or the same as data.
 *
 * @spec 00-conventions §7
 * Owns: layout, colours, timing of steps, the exit code. Must not know: what a step does.
 */
import { styleText } from 'node:util';

/** One thing that was checked. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Collects steps and checks, and prints them as they happen unless `json` is asked for. */
export class Report {
  readonly checks: Check[] = [];
  readonly #json: boolean;
  readonly #started = performance.now();
  #stepStarted = performance.now();

  constructor(options: { readonly json: boolean }) {
    this.#json = options.json;
  }

  #print(line: string): void {
    const over = process.stdout.isTTY ? '\r\x1b[K' : '';
    if (!this.#json) process.stdout.write(`${over}${line}\n`);
  }

  /** A heading between groups of steps. */
  chapter(title: string): void {
    this.#print(`\n${styleText('bold', title)}`);
    this.#stepStarted = performance.now();
  }

  /** A line that is written over until the step is finished; nothing where nobody watches. */
  progress(text: string): void {
    if (!this.#json && process.stdout.isTTY) process.stdout.write(`\r  ${text}\x1b[K`);
  }

  /** One finished step: what happened, with sizes, how long it took since the last one, and what protected it. */
  step(text: string, sizes = '', label = ''): void {
    const took = performance.now() - this.#stepStarted;
    this.#stepStarted = performance.now();
    const time = `${took.toFixed(0).padStart(5)} ms`;
    const tail = [sizes.padEnd(30), time, label].join(' ').trimEnd();
    this.#print(`  ${text.padEnd(76)} ${styleText('dim', tail)}`);
  }

  /** Records a check. A failed one is shown at once. */
  check(name: string, ok: boolean, detail = ''): void {
    this.checks.push({ name, ok, detail });
    if (!ok) this.#print(`  ${styleText('red', `✗ ${name}`)} ${detail}`);
  }

  /** True if there are checks and all passed. */
  get ok(): boolean {
    return this.checks.length > 0 && this.checks.every((check) => check.ok);
  }

  /** Prints the table, or the JSON line. */
  finish(facts: Record<string, unknown>): void {
    const seconds = (performance.now() - this.#started) / 1000;
    if (this.#json) {
      const data = { ok: this.ok, checks: this.checks, seconds: Number(seconds.toFixed(2)), ...facts };
      process.stdout.write(`${JSON.stringify(data)}\n`);
      return;
    }
    this.#print(`\n${styleText('bold', 'Checks')}`);
    for (const { name, ok, detail } of this.checks) {
      const mark = ok ? styleText('green', '✓') : styleText('red', '✗');
      this.#print(`  ${mark} ${name.padEnd(74)} ${styleText('dim', detail)}`);
    }
    const failed = this.checks.filter((check) => !check.ok).length;
    const verdict = failed === 0 ? styleText('green', 'all passed') : styleText('red', `${failed} failed`);
    this.#print(`\n  ${this.checks.length} checks, ${verdict}, ${seconds.toFixed(1)} s`);
  }
}

/** A count with its noun. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** A byte count for people. */
export function bytes(count: number): string {
  return count < 10_000 ? `${count} B` : `${(count / 1024).toFixed(1)} KiB`;
}
