/**
 * The witness, and what a device does when its store has fallen behind it.
 *
 * @spec 07-devices §7
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openFileWitness } from '../../client/store/file-witness.ts';
import { openSqliteStore } from '../../client/store/sqlite.ts';
import { memoryWitness } from '../../client/store/witness.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { copyOf, envelopeFor, expectEnvelopeRefused, read, texts, World } from '../support/devices.ts';
import { reusedKeys } from '../support/message-keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'pawl-witness-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the witness file', () => {
  test('[DEV-18] only rises, and is there after a restart', async () => {
    const path = join(folder, 'rises');
    const witness = await openFileWitness(path);
    expect(await witness.read()).toBe(0);
    for (let i = 1; i <= 200; i++) await witness.advance(i);
    await witness.advance(7);
    await Promise.all([witness.advance(300), witness.advance(250)]);
    expect(await witness.read()).toBe(300);
    await witness.close();
    const again = await openFileWitness(path);
    expect(await again.read()).toBe(300);
    await again.close();
  });

  test('[DEV-18] two processes do not set it back', async () => {
    const path = join(folder, 'two');
    const [a, b] = [await openFileWitness(path), await openFileWitness(path)];
    await Promise.all([a.advance(10), b.advance(11)]);
    await a.advance(12);
    await b.advance(100);
    await a.advance(36);
    expect([await a.read(), await b.read()]).toEqual([100, 100]);
    await Promise.all([a.close(), b.close()]);
  });

  test('[DEV-18] a torn write loses nothing that was remembered before', async () => {
    const path = join(folder, 'torn');
    const witness = await openFileWitness(path);
    for (let i = 1; i <= 70; i++) await witness.advance(i);
    await witness.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, (71 % 64) * 16, (71 % 64) * 16 + 9);
    writeFileSync(path, bytes);
    const again = await openFileWitness(path);
    expect(await again.read()).toBe(70);
    await again.close();
    await expect(openFileWitness(join(folder, 'no', 'folder'))).rejects.toMatchObject({ reason: 'witness-failed' });
  });
});

describe('rollback', () => {
  test('[STATE-05] [DEV-19] [DEV-20] yesterday’s copy of the file: noticed on opening, every session begun anew before a send', async () => {
    const world = new World();
    const path = join(folder, 'alice.db');
    const witness = await openFileWitness(join(folder, 'alice.witness'));
    const alice = await world.primary('alice', { store: openSqliteStore(path), witness });
    const bob = await world.primary('bob');
    await alice.device.send(bob.device.account, 'hello');
    await read(bob);
    await bob.device.send(alice.device.account, 'hello back');
    await read(alice);
    await alice.device.send(bob.device.account, 'before');
    await alice.store.close();
    copyFileSync(path, `${path}.yesterday`);
    const later = await world.reopen(alice, { store: openSqliteStore(path) });
    await later.device.send(bob.device.account, 'after');
    await later.store.close();
    rmSync(path, { force: true });
    for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
    copyFileSync(`${path}.yesterday`, path);
    const restored = await world.reopen(alice, { store: openSqliteStore(path) });
    expect(alice.events.filter(({ type }) => type === 'rollbackDetected')).toHaveLength(1);
    const sent = await restored.device.send(bob.device.account, 'after the restore');
    expect(sent.envelopes[0]?.type).toBe('prekey');
    expect(reusedKeys(world.relay.sends.flatMap(({ messages }) => messages))).toEqual([]);
    expect(await read(bob)).toEqual(['before', 'after', 'after the restore']);
    await restored.store.close();
    const again = await world.reopen(alice, { store: openSqliteStore(path) });
    expect(alice.events.filter(({ type }) => type === 'rollbackDetected')).toHaveLength(1);
    await again.store.close();
    await witness.close();
  });

  test('[STATE-05] [DEV-20] an old session that a late message wakes up still never sends', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const yesterday = await copyOf(alice.store);
    await alice.device.send(bob.device.account, 'after');
    await read(bob);
    const restored = await world.reopen(alice, { store: yesterday });
    // Bob speaks on the session that the restored store still has, without having seen a new one.
    await bob.device.send(alice.device.account, 'on the old session');
    expect(await read(restored)).toEqual(['on the old session']);
    const session = (await restored.device.status()).sessions[`${bob.device.account}.1`];
    expect(session).toBeDefined();
    const sent = await restored.device.send(bob.device.account, 'new');
    expect(sent.envelopes[0]?.type).toBe('prekey');
    expect(await read(bob)).toEqual(['new']);
    await bob.device.send(alice.device.account, 'agreed');
    expect(await read(restored)).toEqual(['agreed']);
    expect((await restored.device.send(bob.device.account, 'on')).envelopes[0]?.type).toBe('message');
    expect(reusedKeys(world.relay.sends.flatMap(({ messages }) => messages))).toEqual([]);
  });

  test('[STATE-05] [DEV-20] an archived session that is damaged does not keep the current one in use', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    await alice.device.resetSessions(bob.device.account);
    await alice.device.send(bob.device.account, 'anew');
    await read(bob);
    await bob.device.send(alice.device.account, 'agreed');
    await read(alice);
    const key = `${bob.device.account}.1`;
    await alice.store.transaction((tx) => {
      const record = tx.get('session', key) as Uint8Array;
      // The archived sessions are at the end.
      tx.put('session', key, record.with(-1, (record.at(-1) as number) ^ 1));
    });
    const yesterday = await copyOf(alice.store);
    expect((await alice.device.send(bob.device.account, 'today')).envelopes[0]?.type).toBe('message');
    const restored = await world.reopen(alice, { store: yesterday });
    expect((await restored.device.send(bob.device.account, 'new')).envelopes[0]?.type).toBe('prekey');
    expect(reusedKeys(world.relay.sends.flatMap(({ messages }) => messages))).toEqual([]);
  });

  test('[STATE-05] [REPLAY-02] first messages read since the copy cannot be read again from it', async () => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    const fresh = await copyOf(bob.store);
    const envelope = await envelopeFor(world, alice, bob, 'read once');
    expect((await bob.device.receive(envelope)).status).toBe('delivered');
    const restored = await world.reopen(bob, { store: fresh });
    await expectEnvelopeRefused(restored, envelope, { code: 'InvalidMessage', reason: 'unknown-prekey' });
    await restored.device.resume();
    const carol = await world.primary('carol');
    await carol.device.send(bob.device.account, 'to the new key');
    expect(await read(restored)).toEqual(['to the new key']);
  });

  test('[DEV-19] a store that falls back while it is open takes no more changes', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    await alice.witness.advance(1_000_000);
    const before = await alice.store.snapshot();
    const sending = alice.device.send(bob.device.account, 'hi');
    await expect(sending).rejects.toMatchObject({ code: 'InvalidState', reason: 'store-rolled-back' });
    expect(await alice.store.snapshot()).toEqual(before);
  });

  test('[DEV-18] a witness that is behind catches up and raises no alarm', async () => {
    const world = new World();
    const [alice] = await world.acquainted();
    const late = memoryWitness(1);
    const again = await world.reopen(alice, { witness: late });
    expect(await late.read()).toBe((await again.device.status()).generation);
    expect(alice.events.some(({ type }) => type === 'rollbackDetected')).toBe(false);
  });

  test('[STATE-10] [DEV-18] a witness that fails keeps every byte on the device', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    world.relay.sends.length = 0;
    let failing = true;
    const known = await alice.witness.read();
    const advance = async (generation: number) => {
      if (failing && generation > known) throw new ProtocolError('InvalidState', 'state', 'witness-failed', 'witness');
      await alice.witness.advance(generation);
    };
    const seat = await world.reopen(alice, { witness: { ...alice.witness, advance } });
    const sent = await seat.device.send(bob.device.account, 'hi');
    expect(sent).toMatchObject({ status: 'queued', reason: 'witness-failed' });
    expect(world.relay.sends).toEqual([]);
    await expect(seat.device.receive(await envelopeFor(world, bob, seat, 'in'))).rejects.toMatchObject({
      reason: 'witness-failed',
    });
    failing = false;
    expect(await seat.device.flush()).toBe(0);
    expect(await read(bob)).toEqual(['hi']);
    expect(await texts(seat)).toEqual(['in']);
  });
});
