/**
 * Two devices in conversation, as steps of a vector.
 *
 * @spec 05-sessions
 * Owns: names of devices and messages, the time. Must not know: what is in a message.
 */
import type { Fields, Json } from '../../cli/conform/vector-file.ts';
import { toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import type { StepDefinition } from './definition.ts';
import { fixedHex } from './definition.ts';

export type Who = 'alice' | 'bob';

/** The first of January 2026, in milliseconds since 1970. */
const NOW = 1_767_225_600_000;
export const DAY = 86_400_000;

/** A message on its way, by the names that its step bound. */
export interface Sent {
  readonly from: Who;
  readonly type: string;
  readonly body: string;
  readonly plaintext: string;
}

/** What is done to a body on its way. */
export interface Damage {
  readonly flipBit?: number;
  readonly cut?: number;
}

const ADDRESSES: Readonly<Record<Who, Fields>> = {
  alice: { name: '9d0652a3-dcc3-4d11-975f-74d61598733f', deviceId: 1 },
  bob: { name: '796abedb-ca4e-4f18-8803-1fde5b921f9f', deviceId: 2 },
};
const other = (who: Who): Who => (who === 'alice' ? 'bob' : 'alice');

/** Writes steps down. The clock stands still unless it is moved. */
export class DialogueScript {
  readonly steps: StepDefinition[] = [];
  now = NOW;
  readonly #name: string;
  #messages = 0;
  #bundles = 0;
  #devices = 0;

  /** @param create more arguments of both devices: suites, policy */
  constructor(name: string, create: Fields, bobs: Fields = create) {
    this.#name = name;
    for (const who of ['alice', 'bob'] as const) this.create(who, `$${who}`, who === 'alice' ? create : bobs);
  }

  /** Adds a device under a name; one that has the address of another is a reinstallation. */
  create(who: Who, device: string, more: Fields): void {
    this.#devices += 1;
    const seed = fixedHex(`dialogue ${this.#name}, device ${this.#devices}`);
    this.steps.push({
      op: 'device.create',
      args: { local: ADDRESSES[who], seed, ...more },
      bind: { [device]: 'device' },
      keep: [],
    });
  }

  bundle(who: Who, { oneTime = true, device = `$${who}` } = {}): string {
    this.#bundles += 1;
    const name = `$bundle${this.#bundles}`;
    this.steps.push({
      op: 'device.bundle',
      args: { device, ...(oneTime ? {} : { oneTime }) },
      bind: { [name]: 'bundle' },
      keep: [],
    });
    return name;
  }

  process(who: Who, bundle: Json, changes: Partial<StepDefinition> = {}): void {
    this.#step('session.process', who, { bundle }, changes);
  }

  /** A session from who to the other, on a fresh bundle. */
  begin(who: Who, options: { readonly oneTime?: boolean } = {}): void {
    this.process(who, this.bundle(other(who), options));
  }

  #step(
    op: string,
    who: Who,
    args: Fields,
    { args: more, ...changes }: Partial<StepDefinition> & { readonly args?: Fields } = {},
  ): void {
    const base = { device: `$${who}`, remote: ADDRESSES[other(who)], now: this.now };
    this.steps.push({ op, args: { ...base, ...args, ...more }, ...changes });
  }

  send(who: Who, changes: Partial<StepDefinition> = {}): Sent {
    this.#messages += 1;
    const n = this.#messages;
    const plaintext = toHex(utf8(`${who} ${n}`));
    const [type, body] = [`$type${n}`, `$body${n}`];
    const bind = changes.refused === undefined ? { bind: { [type]: 'type', [body]: 'body' } } : {};
    this.#step('session.encrypt', who, { plaintext }, { ...bind, ...changes });
    return { from: who, type, body, plaintext };
  }

  /** The other side takes a message in, whole or damaged. */
  receive({ from, type, body }: Sent, changes: Partial<StepDefinition> & { readonly damage?: Damage } = {}): void {
    const { damage, ...rest } = changes;
    const sent: Json = damage === undefined ? body : { damage: body, ...damage };
    this.#step('session.decrypt', other(from), { type, body: sent }, rest);
  }

  /** A message there, and one back. */
  turn(first: Who = 'alice'): void {
    this.receive(this.send(first));
    this.receive(this.send(other(first)));
  }

  archive(who: Who, changes: Partial<StepDefinition> = {}): void {
    this.#step('session.archive', who, {}, changes);
  }

  info(
    who: Who,
    keep: readonly string[] = ['suite', 'version', 'ratchet', 'pq', 'pqEpoch', 'unacknowledged', 'archived'],
    changes: Partial<StepDefinition> = {},
  ): void {
    this.#step('session.info', who, {}, { keep, ...changes });
  }

  /** Keeps a device's state under a name. */
  save(who: Who, name: string): void {
    this.steps.push({ op: 'device.save', args: { device: `$${who}` }, bind: { [name]: 'state' }, keep: [] });
  }

  /** Puts a saved state in the place of a device. */
  restore(who: Who, name: string): void {
    this.steps.push({ op: 'device.load', args: { state: name }, bind: { [`$${who}`]: 'device' }, keep: [] });
  }
}
