/**
 * Drivers for tests: in this process, or real ones.
 *
 * @spec 11-driver
 * Owns: asking and awaiting answers, the state of a driver as text. Must not know: what is asked.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished } from 'vitest';
import { answerLine } from '../../cli/driver/answer.ts';
import { type Driver, newDriver as openDriver } from '../../cli/driver/driver.ts';
import { hex } from '../../cli/driver/hex.ts';
import { saveDevice } from '../../cli/driver/snapshot.ts';
import { utf8 } from '../../protocol/bytes/bytes.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { RandomSource } from '../../protocol/crypto/provider.ts';
import { TEST_NOW } from './peers.ts';

export const PAWL = join(import.meta.dirname, '../../cli/pawl.ts');
export const ALICE = { name: '9d0652a3-dcc3-4d11-975f-74d61598733f', deviceId: 1 };
export const BOB = { name: '796abedb-ca4e-4f18-8803-1fde5b921f9f', deviceId: 3 };
export const CAROL = { name: 'carol', deviceId: 127 };

/** Whatever an answer holds; tests know which fields they asked for. */
// biome-ignore lint/suspicious/noExplicitAny: answers are JSON, and a wrong guess fails the test that made it
export type Json = any;

/** A line of a driver. */
export interface Answer {
  readonly id: number | null;
  readonly ok?: Json;
  readonly error?: { readonly code: string; readonly message: string };
}

/** What a driver of this process may be given: its randomness, and who hears what goes to standard error. */
interface Given {
  readonly random?: RandomSource;
  readonly notice?: (text: string) => void;
}

export function newDriver({ random = systemRandom, notice = () => undefined }: Given = {}): Driver {
  return openDriver({ version: '0.0.0', provider: nodeProvider, random, clock: () => TEST_NOW, notice });
}

/** One line to a driver of this process. A fault of the driver's own is thrown unless the test expects one. */
export function answerTo(driver: Driver, line: string | Uint8Array, faulty = false): Answer {
  const bytes = typeof line === 'string' ? utf8(line) : line;
  const answer = answerLine(driver, bytes, (_op, error) => {
    if (!faulty) throw error;
  });
  return JSON.parse(answer) as Answer;
}

export function request(op: string, args: object = {}, id = 1): string {
  return JSON.stringify({ id, op, args });
}

/** The result of an operation that succeeds. */
export function ok(driver: Driver, op: string, args: object = {}): Json {
  const answer = answerTo(driver, request(op, args));
  expect(answer).not.toHaveProperty('error');
  return answer.ok;
}

/** Every saved state, and every handle. */
export function stateOf(driver: Driver): string {
  const devices = [...driver.devices].map(([name, device]) => [name, hex(saveDevice(driver.provider, device))]);
  const below = (['ratchet', 'chain', 'braid'] as const).flatMap((kind) =>
    [...driver[`${kind}s`].keys()].map((name) => {
      const op = kind === 'ratchet' ? 'ratchet.save' : `spqr.${kind}.save`;
      return [name, answerTo(driver, request(op, { [kind]: name })).ok.state];
    }),
  );
  return JSON.stringify([...devices, ...below]);
}

/** Runs an operation that is refused so, and changes nothing. */
export function expectRefusal(driver: Driver, op: string, args: object, code: string, message: string): void {
  const before = stateOf(driver);
  expect(answerTo(driver, request(op, args, 9))).toEqual({ id: 9, error: { code, message } });
  expect(stateOf(driver)).toBe(before);
}

/** A driver with Alice and Bob, where Alice holds a session that begins with Bob's bundle. */
export function twoDevices(options: object = {}, driver: Driver = newDriver()) {
  const alice: string = ok(driver, 'device.create', { local: ALICE, ...options }).device;
  const bob: string = ok(driver, 'device.create', { local: BOB, ...options }).device;
  const { bundle } = ok(driver, 'device.bundle', { device: bob });
  ok(driver, 'session.process', { device: alice, remote: BOB, bundle });
  const [a, b] = [
    { device: alice, local: ALICE },
    { device: bob, local: BOB },
  ];
  const send = (from: typeof a, to: typeof a, plaintext: string) =>
    ok(driver, 'session.encrypt', { device: from.device, remote: to.local, plaintext });
  const pass = (from: typeof a, to: typeof a, plaintext = 'cafe') => {
    const sealed = send(from, to, plaintext);
    expect(ok(driver, 'session.decrypt', { device: to.device, remote: from.local, ...sealed })).toEqual({ plaintext });
    return sealed as { type: string; body: string };
  };
  return { driver, alice: a, bob: b, bundle, send, pass };
}

/** A driver process, ours unless the command of another is given, killed with the test. */
export class DriverProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: ((line: string) => void)[] = [];
  readonly unasked: string[] = [];
  readonly exit: Promise<number | null>;
  errors = '';
  #id = 0;

  constructor(command: string = process.execPath, args: readonly string[] = [PAWL, 'driver']) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.unasked.push(line);
      else waiting(line);
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    this.exit = new Promise((resolve) => this.#child.once('exit', resolve));
    onTestFinished(() => void this.#child.kill('SIGKILL'));
  }

  /** One line and its answer. */
  line(text: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      void this.exit.then((code) => reject(new Error(`the driver ended with ${code}: ${this.errors}`)));
      this.#waiting.push((line) => resolve(JSON.parse(line) as Answer));
      this.#child.stdin.write(`${text}\n`);
    });
  }

  /** The result of an operation that succeeds. */
  async ok(op: string, args: object = {}): Promise<Json> {
    const id = ++this.#id;
    const answer = await this.line(request(op, args, id));
    expect(answer).toEqual({ id, ok: expect.anything() });
    return answer.ok;
  }

  /** Ends its input. */
  end(): void {
    this.#child.stdin.end();
  }

  /** Closes its output unread. */
  deafen(): void {
    this.#child.stdout.destroy();
    this.#child.stdin.on('error', () => undefined).write(`${request('hello')}\n`);
  }
}
