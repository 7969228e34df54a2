/**
 * Storage that is damaged, full, locked or read-only.
 *
 * @spec 07-devices §6
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { Envelope } from '../../client/relay/transport.ts';
import { openSqliteStore } from '../../client/store/sqlite.ts';
import { envelopeFor, expectEnvelopeRefused, expectRefusal, read, type Seat, World } from '../support/devices.ts';

const folder = mkdtempSync(join(tmpdir(), 'pawl-storage-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Alice on a SQLite file, acquainted with Bob. */
async function onFile(name: string): Promise<{ world: World; alice: Seat; bob: Seat; path: string }> {
  const world = new World();
  const path = join(folder, `${name}.db`);
  const alice = await world.primary('alice', { store: openSqliteStore(path) });
  const bob = await world.primary('bob');
  await alice.device.send(bob.device.account, 'hello');
  await read(bob);
  await bob.device.send(alice.device.account, 'hello back');
  await read(alice);
  world.relay.sends.length = 0;
  return { world, alice, bob, path };
}

type Damage = readonly [name: string, reason: string, change: (record: Uint8Array, other: Uint8Array) => Uint8Array];

const DAMAGES: readonly Damage[] = [
  ['truncated by a byte', 'record-truncated', (record) => record.slice(0, -1)],
  ['empty', 'record-truncated', () => new Uint8Array(0)],
  ['one bit flipped', 'record-checksum', (record) => record.with(200, (record[200] as number) ^ 1)],
  ['of a future version', 'record-version', (record) => record.with(1, 99)],
  ['not a record', 'record-malformed', (record) => record.with(0, 0)],
  ['of another peer', 'record-other-peer', (_, other) => other],
  ['longer by a byte', 'record-trailing-bytes', (record) => Uint8Array.of(...record, 0)],
];

describe('damaged records', () => {
  test.each(DAMAGES)(
    '[STATE-09] [DEV-17] a session record %s is an error of its peer alone',
    async (_, reason, change) => {
      const world = new World();
      const [alice, bob] = await world.acquainted();
      const carol = await world.primary('carol');
      await alice.device.send(carol.device.account, 'hello');
      await read(carol);
      const keys = [bob, carol].map((seat) => `${seat.device.account}.1`);
      await alice.store.transaction((tx) => {
        const [bobs, carols] = keys.map((key) => tx.get('session', key)) as [Uint8Array, Uint8Array];
        tx.put('session', keys[0] as string, change(bobs, carols));
      });
      const expected = { code: 'InvalidState', reason } as const;
      world.relay.sends.length = 0;
      await expectRefusal([alice], expected, () => alice.device.send(bob.device.account, 'hi'));
      expect(world.relay.sends).toEqual([]);
      const envelope = await envelopeFor(world, bob, alice, 'in');
      const before = await alice.store.snapshot();
      expect(await alice.device.receive(envelope)).toMatchObject({ status: 'refused', error: expected });
      expect(await alice.store.snapshot()).toEqual(before);
      expect(alice.events).toContainEqual({ type: 'recordDamaged', peer: keys[0], reason });
      expect(Object.keys((await alice.device.status()).sessions)).toEqual([keys[1]]);
      await alice.device.send(carol.device.account, 'unaffected');
      expect(await read(carol)).toEqual(['unaffected']);
    },
  );

  test('[SES-20] [DEV-17] an archived session that is damaged: messages of others are read, and the application is told', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const late: Envelope[] = [];
    for (const text of ['first', 'second']) {
      late.push(await envelopeFor(world, alice, bob, text));
      await alice.device.resetSessions(bob.device.account);
      await alice.device.send(bob.device.account, 'anew');
      await read(bob);
      await bob.device.send(alice.device.account, 'agreed');
      await read(alice);
    }
    const peer = `${alice.device.account}.1`;
    await bob.store.transaction((tx) => {
      const record = tx.get('session', peer) as Uint8Array;
      // The oldest archived session is at the end.
      tx.put('session', peer, record.with(-1, (record.at(-1) as number) ^ 1));
    });
    const told = { type: 'recordDamaged', peer, reason: 'record-checksum' };
    const [first, second] = late as [Envelope, Envelope];
    await expectEnvelopeRefused(bob, first, { code: 'InvalidState', reason: 'record-checksum' });
    expect(bob.events.filter(({ type }) => type === 'recordDamaged')).toEqual([told]);
    expect((await bob.device.receive(second)).status).toBe('delivered');
    expect(bob.events.filter(({ type }) => type === 'recordDamaged')).toEqual([told, told]);
  });

  test('[STATE-09] [DEV-17] the device’s own records are checked alike, and bound to their place', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    for (const [table, key, reason] of [
      ['manifest', bob.device.account, 'record-checksum'],
      ['account-key', bob.device.account, 'record-checksum'],
      ['meta', 'outbox', 'record-checksum'],
    ] as const) {
      const good = await alice.store.transaction((tx) => (tx.get(table, key) as Uint8Array).slice());
      const bad = good.with(good.length - 1, (good.at(-1) as number) ^ 1);
      await alice.store.transaction((tx) => tx.put(table, key, bad));
      await expectRefusal([alice], { code: 'InvalidState', reason }, () => alice.device.send(bob.device.account, 'hi'));
      await alice.store.transaction((tx) => tx.put(table, key, good));
    }
    const own = await alice.store.transaction((tx) => (tx.get('manifest', alice.device.account) as Uint8Array).slice());
    await alice.store.transaction((tx) => tx.put('manifest', bob.device.account, own));
    const moved = { code: 'InvalidState', reason: 'record-checksum' } as const;
    await expectRefusal([alice], moved, () => alice.device.send(bob.device.account, 'hi'));
    await alice.store.transaction((tx) => tx.put('self', 'self', own));
    await expectRefusal([alice], moved, () => world.reopen(alice));
    await alice.store.transaction((tx) => tx.put('self', 'self', own.with(1, 2)));
    await expectRefusal([alice], { code: 'InvalidState', reason: 'record-version' }, () => world.reopen(alice));
  });
});

describe('storage that cannot write', () => {
  test('[STATE-10] a read-only file: the send fails before a byte leaves', async () => {
    const { world, alice, bob, path } = await onFile('read-only');
    await alice.store.close();
    const seat = await world.reopen(alice, { store: openSqliteStore(path, { readOnly: true }) });
    const expected = { code: 'InvalidState', reason: 'store-read-only' } as const;
    await expectRefusal([seat], expected, () => seat.device.send(bob.device.account, 'hi'));
    expect(world.relay.sends).toEqual([]);
    await seat.store.close();
    const again = await world.reopen(alice, { store: openSqliteStore(path) });
    expect((await again.device.send(bob.device.account, 'now')).status).toBe('sent');
    expect(await read(bob)).toEqual(['now']);
    await again.store.close();
  });

  test('[STATE-10] a full file: the send that does not fit fails before a byte leaves, the next after making room goes', async () => {
    const { world, alice, bob, path } = await onFile('full');
    await alice.store.close();
    const seat = await world.reopen(alice, { store: openSqliteStore(path, { maxBytes: 1 }) });
    const big = new Uint8Array(80_000);
    const expected = { code: 'InvalidState', reason: 'store-full' } as const;
    await expectRefusal([seat], expected, () => seat.device.send(bob.device.account, big));
    expect(world.relay.sends).toEqual([]);
    await seat.store.close();
    const again = await world.reopen(alice, { store: openSqliteStore(path) });
    expect((await again.device.send(bob.device.account, big)).status).toBe('sent');
    await bob.device.poll();
    expect((await bob.device.inbox())[0]?.body).toEqual(big);
    await again.store.close();
  });

  test('[STATE-10] another process holds the file: the send fails before a byte leaves', async () => {
    const { world, alice, bob, path } = await onFile('busy');
    await alice.store.close();
    const script = fileURLToPath(new URL('./lock-process.ts', import.meta.url));
    const child = spawn(process.execPath, [script, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const busy = { code: 'InvalidState', reason: 'store-busy' };
    const locked = openSqliteStore(path, { busyTimeoutMs: 50 });
    await expect(locked.transaction(() => 1)).rejects.toMatchObject(busy);
    child.stdin.write('release\n');
    await once(child.stdout, 'data');
    const seat = await world.reopen(alice, { store: locked });
    child.stdin.write('lock\n');
    await once(child.stdout, 'data');
    await expect(seat.device.send(bob.device.account, 'hi')).rejects.toMatchObject(busy);
    await expect(seat.device.receive(await envelopeFor(world, bob, alice, 'in'))).rejects.toMatchObject(busy);
    expect(world.relay.sends.filter(({ account }) => account === bob.device.account)).toEqual([]);
    child.stdin.end('release\n');
    await once(child, 'exit');
    expect((await seat.device.send(bob.device.account, 'now')).status).toBe('sent');
    expect(await read(bob)).toEqual(['now']);
    await locked.close();
  });
});
