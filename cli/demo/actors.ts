/**
 * The demo's cast, as the scenario speaks to it.
 *
 * @spec 07-devices
 * Owns: the requests that a device process answers, typed. Must not know: how a device does what it is asked.
 */
import { readFileSync } from 'node:fs';
import { Child, sibling } from './processes.ts';

/** One envelope of a fan-out, as the sender reports it. */
export interface SentEnvelope {
  readonly account: string;
  readonly deviceId: number;
  readonly type: 'prekey' | 'message';
  readonly bytes: number;
  readonly protection: string;
  readonly pqEpoch: number;
}

/** What a send did: the envelopes accepted, and the relay's corrections on the way. */
export interface SendReport {
  readonly envelopes: readonly SentEnvelope[];
  readonly repairs: readonly { readonly status: number; readonly account: string }[];
}

/** A message as a device shows it to its owner. */
export interface ReceivedText {
  readonly from: string;
  readonly fromDevice: number;
  readonly text: string;
  /** True for a copy of what the owner sent from another device. */
  readonly sync: boolean;
  readonly protection: string;
  readonly pqEpoch: number;
}

/** What a device tells about itself: counters, never keys. */
export interface DeviceStatus {
  readonly deviceId: number;
  readonly devicesInManifest: readonly number[];
  readonly manifestVersion: number;
  readonly signedPreKeyId: number;
  readonly kemPreKeyId: number | null;
  readonly oneTimePreKeys: number;
  readonly suites: Readonly<Record<string, string>>;
  readonly refused: number;
  readonly duplicates: number;
  /** `null` while online; the close code once the relay has turned the device away. */
  readonly closed: number | null;
}

/** One device process. Names and texts are the demo's; every key stays inside the process. */
export class Actor {
  readonly name: string;
  readonly file: string;
  readonly #child: Child;

  constructor(name: string, file: string, relayUrl: string, suite: string) {
    this.name = name;
    this.file = file;
    this.#child = new Child(name, [sibling('./device-process'), file, relayUrl, suite]);
  }

  async #ask<T>(op: string, args: Record<string, unknown> = {}): Promise<T> {
    return (await this.#child.ask({ op, ...args })) as T;
  }

  /** Registers a new account with this device as its primary. */
  register(account: string): Promise<DeviceStatus> {
    return this.#ask('register', { account, name: this.name });
  }

  /** Makes keys of its own and the offer that the primary must see. */
  offer(): Promise<{ readonly offer: string }> {
    return this.#ask('offer', { name: this.name });
  }

  /** The primary signs a manifest that holds the offered device. */
  link(offer: string): Promise<{ readonly acceptance: string }> {
    return this.#ask('link', { offer });
  }

  /** The new device checks that it was accepted, and uploads its prekeys. */
  accept(acceptance: string): Promise<DeviceStatus> {
    return this.#ask('accept', { acceptance });
  }

  remove(deviceId: number): Promise<DeviceStatus> {
    return this.#ask('remove', { deviceId });
  }

  /** Opens the WebSocket; `false` closes it. */
  online(on: boolean): Promise<DeviceStatus> {
    return this.#ask('online', { on });
  }

  /** Waits until the relay has turned the device away for good; the close code, or null if it has not. */
  async closed(): Promise<number | null> {
    return (await this.#ask<DeviceStatus>('closed')).closed;
  }

  send(to: string, text: string): Promise<SendReport> {
    return this.#ask('send', { to, text });
  }

  /** Waits until `count` messages have come in (or `ms` have passed) and takes them. */
  async take(count: number, ms = 5000): Promise<readonly ReceivedText[]> {
    const { messages } = await this.#ask<{ messages: readonly ReceivedText[] }>('take', { count, ms });
    return messages;
  }

  /** From now on collects envelopes unseen; `release` waits for as many as expected and hands them over. */
  hold(): Promise<object> {
    return this.#ask('hold');
  }

  release(options: {
    readonly expected: number;
    readonly reverse: boolean;
    readonly lose: readonly number[];
    readonly repeat: boolean;
  }): Promise<{
    readonly held: number;
    readonly delivered: number;
  }> {
    return this.#ask('release', options);
  }

  rotate(): Promise<{ readonly before: DeviceStatus; readonly after: DeviceStatus }> {
    return this.#ask('rotate');
  }

  /** Forgets the sessions with an account, so that the next message begins new ones. */
  reset(account: string): Promise<object> {
    return this.#ask('reset', { account });
  }

  status(): Promise<DeviceStatus> {
    return this.#ask('status');
  }

  /** Tries to open envelopes as if they came from a device; says how many opened. */
  async attempt(
    account: string,
    deviceId: number,
    envelopes: readonly { readonly type: string; readonly body: Uint8Array }[],
  ): Promise<number> {
    const bodies = envelopes.map(({ type, body }) => ({ type, body: Buffer.from(body).toString('hex') }));
    const { opened } = await this.#ask<{ opened: number }>('attempt', { account, deviceId, envelopes: bodies });
    return opened;
  }

  /** Private keys this device holds, for the search of the relay's database: the demo looks for them where they must not be. */
  async privateKeys(): Promise<readonly string[]> {
    const { keys } = await this.#ask<{ keys: readonly string[] }>('private-keys');
    return keys;
  }

  stop(signal?: NodeJS.Signals): Promise<void> {
    return this.#child.stop(signal);
  }
}

/** The relay as a process of its own, restarted on the same file and port after a kill. */
export class RelayProcess {
  readonly database: string;
  #child: Child;
  #url: string;

  private constructor(database: string, child: Child, url: string) {
    this.database = database;
    this.#child = child;
    this.#url = url;
  }

  static async start(database: string): Promise<RelayProcess> {
    const { child, url } = await RelayProcess.#launch(database, 0);
    return new RelayProcess(database, child, url);
  }

  static async #launch(database: string, port: number): Promise<{ child: Child; url: string }> {
    const child = new Child('relay', [
      sibling('../pawl'),
      ...['relay', '--data', database, '--port', String(port), '--json', '--log-level', 'error', '--exit-with-stdin'],
    ]);
    const ready = (await child.next()) as { listening: string };
    return { child, url: ready.listening };
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  kill(): Promise<void> {
    return this.#child.stop('SIGKILL');
  }

  async restart(): Promise<void> {
    const launched = await RelayProcess.#launch(this.database, Number(new URL(this.#url).port));
    this.#child = launched.child;
    this.#url = launched.url;
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  /** Everything the relay has on disk: database, write-ahead log, shared memory. */
  files(): Buffer {
    const parts = ['', '-wal', '-shm'].map((suffix) => {
      try {
        return readFileSync(this.database + suffix);
      } catch {
        return Buffer.alloc(0);
      }
    });
    return Buffer.concat(parts);
  }
}
