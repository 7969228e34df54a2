/**
 * Devices over a relay in memory, for tests of the client.
 *
 * @spec 07-devices
 * Owns: clocks that stand still, stores that can be copied, the cast.
 */
import { expect } from 'vitest';
import { Device } from '../../client/device.ts';
import type { Envelope } from '../../client/relay/transport.ts';
import { memoryStore } from '../../client/store/memory.ts';
import type { Store } from '../../client/store/store.ts';
import { memoryWitness, type Witness } from '../../client/store/witness.ts';
import type { DeviceEvent, DeviceOptions, InboxMessage } from '../../client/types.ts';
import { fromUtf8 } from '../../protocol/bytes/bytes.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { FakeRelay } from './fake-relay.ts';
import { TEST_NOW, uuidOf } from './peers.ts';

/** A clock that a test sets. */
class TestClock {
  time: number = TEST_NOW;

  now(): number {
    return this.time;
  }

  advance(ms: number): void {
    this.time += ms;
  }
}

/** A device with all that it stands on. */
export interface Seat {
  readonly device: Device;
  readonly options: DeviceOptions;
  readonly store: Store;
  readonly witness: Witness;
  readonly events: DeviceEvent[];
  readonly log: string[];
}

/** A relay, a clock, and devices that are made on demand. */
export class World {
  readonly relay = new FakeRelay();
  readonly clock = new TestClock();
  /** Small batches: tests make many devices. */
  limits: DeviceOptions['limits'] = { oneTimeBatch: 5, oneTimeLow: 2 };

  options(overrides: Partial<DeviceOptions> = {}): { options: DeviceOptions; events: DeviceEvent[]; log: string[] } {
    const events: DeviceEvent[] = [];
    const log: string[] = [];
    const options: DeviceOptions = {
      provider: nodeProvider,
      random: systemRandom,
      clock: this.clock,
      store: memoryStore(),
      witness: memoryWitness(),
      relay: this.relay.connector,
      ...(this.limits === undefined ? {} : { limits: this.limits }),
      onEvent: (event) => events.push(event),
      log: (line) => log.push(line),
      ...overrides,
    };
    return { options, events, log };
  }

  async primary(name: string, overrides: Partial<DeviceOptions> = {}): Promise<Seat> {
    const { options, events, log } = this.options(overrides);
    const device = await Device.createPrimary(options, { account: uuidOf(name), name });
    return { device, options, store: options.store, witness: options.witness, events, log };
  }

  async linked(primary: Seat, name: string, overrides: Partial<DeviceOptions> = {}): Promise<Seat> {
    const { options, events, log } = this.options(overrides);
    const offer = await Device.createLinkedOffer(options, { name });
    const device = await Device.acceptLink(options, await primary.device.linkDevice(offer));
    return { device, options, store: options.store, witness: options.witness, events, log };
  }

  /** The same storage, opened again, as after a restart. */
  async reopen(seat: Seat, overrides: Partial<DeviceOptions> = {}): Promise<Seat> {
    const options = { ...seat.options, ...overrides };
    const device = await Device.open(options);
    return { ...seat, device, options, store: options.store, witness: options.witness };
  }

  /** Two primaries that have exchanged a message each way. */
  async acquainted(a = 'alice', b = 'bob'): Promise<[Seat, Seat]> {
    const [alice, bob] = [await this.primary(a), await this.primary(b)];
    await alice.device.send(bob.device.account, 'hello');
    await bob.device.poll();
    await bob.device.send(alice.device.account, 'hello back');
    await alice.device.poll();
    await alice.device.send(bob.device.account, 'good');
    await bob.device.poll();
    for (const seat of [alice, bob]) await texts(seat);
    return [alice, bob];
  }
}

/** The text of a message. */
export function textOf(message: InboxMessage): string {
  return fromUtf8(message.body, 'body');
}

/** Takes everything out of a device's inbox. */
export async function texts(seat: Pick<Seat, 'device'>): Promise<string[]> {
  const messages = await seat.device.inbox();
  await seat.device.discard(messages.map(({ id }) => id));
  return messages.map(textOf);
}

/** Polls, then takes everything out of the inbox. */
export async function read(seat: Pick<Seat, 'device'>): Promise<string[]> {
  await seat.device.poll();
  return texts(seat);
}

/** A copy of a store's contents, in memory. */
export async function copyOf(store: Store): Promise<Store> {
  const copy = memoryStore();
  const tables = ['self', 'meta', 'manifest', 'account-key', 'session', 'outbox', 'inbox', 'base-key', 'session-rate'];
  tables.push('signed-prekey', 'last-resort-kem', 'one-time', 'one-time-kem', 'spoiled-session', 'own-manifest');
  tables.push('sent-log', 'read-message', 'read-count', 'refused');
  const rows = await store.transaction((tx) =>
    tables.map((table) => [table, tx.list(table).map(([key, value]) => [key, value.slice()] as const)] as const),
  );
  await copy.transaction((tx) => {
    for (const [table, entries] of rows) for (const [key, value] of entries) tx.put(table, key, value);
  });
  if (Buffer.compare(await copy.snapshot(), await store.snapshot()) !== 0) throw new Error('a table is not copied');
  return copy;
}

/** Asserts that `act` rejects as expected and leaves the stores of all seats byte-equal. */
export async function expectRefusal(
  seats: readonly Pick<Seat, 'store'>[],
  expected: { readonly code: ErrorCode; readonly reason: string },
  act: () => Promise<unknown>,
): Promise<void> {
  const before = await Promise.all(seats.map(({ store }) => store.snapshot()));
  const error = await act().then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProtocolError)) throw error;
  expect({ code: error.code, reason: error.reason }).toEqual(expected);
  for (const [i, { store }] of seats.entries()) {
    if (Buffer.compare(before[i] as Uint8Array, await store.snapshot()) !== 0) throw new Error(`store ${i} changed`);
  }
}

/** Asserts that a device refuses an envelope as expected and leaves its store byte-equal. */
export async function expectEnvelopeRefused(
  seat: Seat,
  envelope: Envelope,
  expected: { readonly code: ErrorCode; readonly reason: string },
): Promise<void> {
  await expectRefusal([seat], expected, async () => {
    const receipt = await seat.device.receive(envelope);
    if (receipt.status === 'refused') throw receipt.error;
    return receipt;
  });
}

/** Sends and returns the envelope as it waits for the first device of the recipient, taken off the relay. */
export async function envelopeFor(world: World, from: Seat, to: Seat, body: string | Uint8Array): Promise<Envelope> {
  await from.device.send(to.device.account, body);
  const box = world.relay.box(to.device.account, to.device.deviceId);
  const envelope = box.envelopes.pop();
  if (envelope === undefined) throw new Error('nothing was sent');
  return envelope;
}
