/**
 * Devices that talk, forget everything, and whose process searches its own memory for what they wiped; prints one line of JSON.
 * The argument is a file for SQLite; without one, stores are in memory.
 *
 * @spec 07-devices §6
 * Owns: what the devices go through. Must not know: verdicts; `erasure.test.ts` has them. Run with `--expose-gc`.
 */
import { StatementSync } from 'node:sqlite';
import { Device } from '../../client/device.ts';
import type { Envelope } from '../../client/relay/transport.ts';
import { memoryStore } from '../../client/store/memory.ts';
import { openSqliteStore } from '../../client/store/sqlite.ts';
import type { Store } from '../../client/store/store.ts';
import { storeError } from '../../client/store/store.ts';
import { memoryWitness } from '../../client/store/witness.ts';
import type { DeviceOptions } from '../../client/types.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { hold, holding, printReport, watch } from '../crypto/erasure-watch.ts';
import { FakeRelay } from '../support/fake-relay.ts';
import { TEST_NOW, uuidOf } from '../support/peers.ts';

const [path] = process.argv.slice(2);
const DAY = 86_400_000;
const clock = { time: TEST_NOW, now: () => clock.time };
const inner: Store[] = [];
let full = false;

/** A store whose transactions fail at their end while `full`. */
function nextStore(): Store {
  const store = path === undefined ? memoryStore() : openSqliteStore(`${path}.${inner.length}`);
  inner.push(store);
  return {
    snapshot: () => store.snapshot(),
    close: () => store.close(),
    transaction: (work) =>
      store.transaction((tx) => {
        const result = work(tx);
        if (full) throw storeError('store-full');
        return result;
      }),
  };
}

/** What SQLite's binding takes and gives is not made by the project, but given to it. */
function holdRows(): void {
  const values = (row: unknown) => Object.values(Object(row) as object).filter((value) => value instanceof Uint8Array);
  for (const name of ['get', 'all'] as const) {
    const method = StatementSync.prototype[name] as (...args: unknown[]) => unknown;
    Object.defineProperty(StatementSync.prototype, name, {
      value(this: StatementSync, ...args: unknown[]): unknown {
        const result = method.apply(this, args);
        for (const row of Array.isArray(result) ? result : [result]) values(row).forEach(hold);
        return result;
      },
    });
  }
}

function optionsOf(provider: CryptoProvider, relay: FakeRelay): DeviceOptions {
  const limits = { oneTimeBatch: 3, oneTimeLow: 2 };
  const watched = holding(provider);
  const store = nextStore();
  return {
    provider: watched,
    random: systemRandom,
    clock,
    store,
    witness: memoryWitness(),
    relay: relay.connector,
    limits,
  };
}

/** Takes what waits for a device off the relay. */
function take(relay: FakeRelay, device: Device): Envelope[] {
  return relay.box(device.account, device.deviceId).envelopes.splice(0);
}

async function refused(act: Promise<unknown>): Promise<void> {
  const failed = await act.then(
    () => false,
    () => true,
  );
  if (!failed) throw new Error('nothing was refused');
}

/** Turns, lost order, junk, sessions begun anew from both sides, a late message of an old one, a disk that is full. */
async function converse(relay: FakeRelay, alice: Device, bob: Device): Promise<void> {
  const turn = async (from: Device, to: Device) => {
    await from.send(to.account, 'a turn');
    await to.poll();
  };
  for (let i = 0; i < 3; i++) {
    await turn(alice, bob);
    await turn(bob, alice);
  }
  for (let i = 0; i < 4; i++) await alice.send(bob.account, `disorder ${i}`);
  for (const envelope of take(relay, bob).reverse()) {
    const body = envelope.body.with(-1, (envelope.body.at(-1) as number) ^ 1);
    const statuses = [
      await bob.receive({ ...envelope, body }),
      await bob.receive(envelope),
      await bob.receive(envelope),
    ];
    if (statuses.map(({ status }) => status).join() !== 'refused,delivered,duplicate')
      throw new Error('not as planned');
  }
  await alice.send(bob.account, 'late');
  const [late] = take(relay, bob);
  await alice.resetSessions(bob.account);
  await bob.resetSessions(alice.account);
  await Promise.all([alice.send(bob.account, 'both'), bob.send(alice.account, 'both')]);
  for (let i = 0; i < 2; i++) {
    for (const device of [bob, alice]) await device.poll();
    await turn(bob, alice);
  }
  if (late === undefined || (await bob.receive(late)).status !== 'delivered') throw new Error('the late one is lost');
  await turn(bob, alice);
  full = true;
  await refused(alice.send(bob.account, 'no room'));
  await alice.send(bob.account, 'no room').catch(() => undefined);
  full = false;
  await alice.send(bob.account, 'room');
  full = true;
  await refused(bob.poll());
  full = false;
  await turn(alice, bob);
}

async function live(provider: CryptoProvider): Promise<void> {
  const relay = new FakeRelay();
  const make = (name: string) => Device.createPrimary(optionsOf(provider, relay), { account: uuidOf(name), name });
  const [alice, bob] = [await make('alice'), await make('bob')];
  const linking = optionsOf(provider, relay);
  const offer = await Device.createLinkedOffer(linking, { name: 'tablet' });
  const tablet = await Device.acceptLink(linking, await alice.linkDevice(offer));
  await converse(relay, alice, bob);
  await bob.send(tablet.account, 'to both devices');
  for (const device of [alice, tablet]) await device.poll();
  await bob.rotate();
  await bob.refill();
  clock.time += 40 * DAY;
  await bob.maintain();
  await bob.status();
}

const TABLES = ['session', 'self', 'signed-prekey', 'one-time', 'one-time-kem', 'last-resort-kem', 'outbox', 'inbox'];

/** Ends a store: what is in it was not to be forgotten before. A file remembers, unless it is emptied. */
async function forget(store: Store): Promise<void> {
  if (path !== undefined) {
    await store.transaction((tx) => {
      for (const table of TABLES) for (const [key] of tx.list(table)) tx.delete(table, key);
    });
  }
  await store.close();
}

watch();
holdRows();
for (const provider of [nobleProvider, nodeProvider]) await live(provider);
for (const store of inner) await forget(store);
printReport();
