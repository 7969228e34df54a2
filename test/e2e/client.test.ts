/**
 * Devices on SQLite files against the real relay, over HTTP and WebSocket.
 *
 * @spec 06-relay, 07-devices
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../client/clock.ts';
import { httpRelay } from '../../client/relay/http.ts';
import { openFileWitness, openSqliteStore } from '../../client/sqlite-store.ts';
import type { DeviceEvent } from '../../client/types.ts';
import { type Relay, startRelay } from '../../server/relay.ts';
import { read, type Seat, texts, World } from '../support/devices.ts';

const folder = mkdtempSync(join(tmpdir(), 'pawl-e2e-'));
afterAll(() => rmSync(folder, { recursive: true }));

let relay: Relay;
let database: string;
let world: World;
const seats: Seat[] = [];
let files = 0;

const nextFile = () => join(folder, `${files++}.db`);

beforeEach(async () => {
  database = nextFile();
  relay = await startRelay({ database });
  world = new World();
});

afterEach(async () => {
  for (const seat of seats.splice(0)) {
    await seat.device.close();
    await seat.store.close();
    await seat.witness.close();
  }
  await relay.close();
});

async function storage() {
  const file = nextFile();
  const connector = httpRelay(relay.url, { maxBackoffMs: 50 });
  return {
    clock: systemClock,
    relay: connector,
    store: openSqliteStore(file),
    witness: await openFileWitness(`${file}.w`),
  };
}

async function primary(name: string): Promise<Seat> {
  const seat = await world.primary(name, await storage());
  seats.push(seat);
  return seat;
}

async function linked(to: Seat, name: string): Promise<Seat> {
  const seat = await world.linked(to, name, await storage());
  seats.push(seat);
  return seat;
}

/** Waits for an event that is there already or still to come. */
async function event(seat: Pick<Seat, 'events'>, type: DeviceEvent['type'], count = 1): Promise<DeviceEvent> {
  for (let tries = 0; tries < 2000; tries++) {
    const found = seat.events.filter((candidate) => candidate.type === type);
    const last = found.at(-1);
    if (found.length >= count && last !== undefined) return last;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`no ${type}: ${JSON.stringify(seat.events)}`);
}

describe('over HTTP', () => {
  test('[DEV-05] [DEV-14] five devices: registration, linking, fan-out, 409, removal', async () => {
    const [alice, bob] = [await primary('alice'), await primary('bob')];
    const laptop = await linked(alice, 'laptop');
    const desk = await linked(bob, 'desk');
    const first = await alice.device.send(bob.device.account, 'first');
    expect(first.envelopes.map(({ type }) => type)).toEqual(['prekey', 'prekey', 'prekey']);
    for (const reader of [bob, desk, laptop]) expect(await read(reader)).toEqual(['first']);
    await desk.device.send(alice.device.account, 'answer');
    for (const reader of [alice, laptop, bob]) expect(await read(reader)).toEqual(['answer']);
    const tablet = await linked(bob, 'tablet');
    const second = await alice.device.send(bob.device.account, 'second');
    expect(second.repairs).toMatchObject([{ status: 409, missing: [3], extra: [] }]);
    for (const reader of [bob, desk, tablet, laptop]) expect(await read(reader)).toEqual(['second']);
    await bob.device.removeDevice(3);
    const third = await laptop.device.send(bob.device.account, 'third');
    expect(
      third.envelopes.filter(({ account }) => account === bob.device.account).map(({ deviceId }) => deviceId),
    ).toEqual([1, 2]);
    await expect(tablet.device.poll()).rejects.toMatchObject({ status: 401 });
    for (const reader of [bob, desk, alice]) expect(await read(reader)).toEqual(['third']);
  });

  test('[DEV-24] [DEV-25] keys are rotated, refilled, used up and refilled again', async () => {
    const [alice, bob] = [await primary('alice'), await primary('bob')];
    const before = await bob.device.status();
    await bob.device.rotate();
    const after = await bob.device.status();
    expect(after.signedPreKeyId).not.toBe(before.signedPreKeyId);
    expect(after.kemPreKeyId).not.toBe(before.kemPreKeyId);
    for (let i = 0; i < 7; i++) {
      await alice.device.resetSessions(bob.device.account);
      await alice.device.send(bob.device.account, `${i}`);
    }
    expect(await read(bob)).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    await bob.device.maintain();
    expect(bob.events.filter(({ type }) => type === 'keysRefilled')).toHaveLength(1);
  });
});

describe('over a WebSocket', () => {
  test('[DEV-10] pushes what waits and what comes, reconnects to a relay that was restarted, loses nothing', async () => {
    const [alice, bob] = [await primary('alice'), await primary('bob')];
    await alice.device.send(bob.device.account, 'waiting');
    bob.device.connect();
    await event(bob, 'queueEmpty');
    await event(bob, 'message');
    await alice.device.send(bob.device.account, 'live');
    await event(bob, 'message', 2);
    expect(await texts(bob)).toEqual(['waiting', 'live']);
    const { port } = relay;
    await relay.close();
    expect(await alice.device.send(bob.device.account, 'while it was away')).toMatchObject({ status: 'queued' });
    relay = await startRelay({ database, port });
    expect(relay.port).toBe(port);
    expect(await alice.device.flush()).toBe(0);
    await event(bob, 'connected', 2);
    await event(bob, 'message', 3);
    expect(await texts(bob)).toEqual(['while it was away']);
    await bob.device.disconnect();
    expect(await bob.device.poll()).toEqual([]);
  });

  test('[DEV-30] a removed device is closed for good, a displaced one too', async () => {
    const alice = await primary('alice');
    const laptop = await linked(alice, 'laptop');
    laptop.device.connect();
    await event(laptop, 'queueEmpty');
    await alice.device.removeDevice(2);
    expect(await event(laptop, 'closed')).toEqual({ type: 'closed', code: 4401, final: true });
    alice.device.connect();
    await event(alice, 'queueEmpty');
    const twin = await world.reopen(alice, { onEvent: () => undefined });
    twin.device.connect();
    expect(await event(alice, 'closed')).toEqual({ type: 'closed', code: 4409, final: true });
    await twin.device.close();
    laptop.events.length = 0;
    laptop.device.connect();
    expect(await event(laptop, 'closed')).toEqual({ type: 'closed', code: 4401, final: true });
  });
});
