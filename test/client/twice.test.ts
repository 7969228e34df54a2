/**
 * A message is shown once, whatever the relay does with it.
 *
 * @spec 07-devices §5
 */
import { describe, expect, test } from 'vitest';
import { noteRead, wasRead } from '../../client/records/read-messages.ts';
import { memoryStore } from '../../client/store/memory.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import { read, texts, World } from '../support/devices.ts';
import { reportCount } from '../support/report.ts';

describe('[DEV-47] [REL-07] a relay that keeps a message', () => {
  test.each(['stale', 'mismatch'] as const)('and answers %s gets it encrypted again: it is read once', async (kind) => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    let lied = false;
    world.relay.alterOutcome = (outcome, { account }) => {
      if (lied || account !== bob.device.account) return outcome;
      lied = true;
      // Delivered, and denied.
      world.relay.accepted.clear();
      return kind === 'stale' ? { kind, stale: [1] } : { kind, missing: [1], extra: [] };
    };
    const sent = await alice.device.send(bob.device.account, 'once');
    expect(sent.repairs.length).toBe(1);
    expect(world.relay.waiting(bob.device.account, 1).length).toBe(2);
    const receipts = await bob.device.poll();
    expect(receipts.map(({ status }) => status)).toEqual(['delivered', 'duplicate']);
    expect(await texts(bob)).toEqual(['once']);
    expect((await bob.device.status()).duplicates).toBe(1);
    // The session that brought it again is the one that goes on.
    await bob.device.send(alice.device.account, 'read');
    expect(await read(alice)).toEqual(['read']);
    await alice.device.send(bob.device.account, 'good');
    expect(await read(bob)).toEqual(['good']);
  });

  test('a copy on an own device comes once as well', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const laptop = await world.linked(alice, 'laptop');
    let lied = false;
    world.relay.alterOutcome = (outcome, { account, messages }) => {
      if (lied || account !== alice.device.account || messages.length === 0) return outcome;
      lied = true;
      world.relay.accepted.clear();
      return { kind: 'stale', stale: [2] };
    };
    await alice.device.send(bob.device.account, 'once');
    expect((await laptop.device.poll()).map(({ status }) => status)).toEqual(['delivered', 'duplicate']);
    expect(await texts(laptop)).toEqual(['once']);
  });
});

describe('[DEV-47] what is remembered', () => {
  test('is each account’s own, at least 5,000 ids and at most twice as many', async () => {
    const store = memoryStore();
    const id = (i: number) => {
      const bytes = new Uint8Array(16);
      new DataView(bytes.buffer).setUint32(0, i);
      return bytes;
    };
    const total = 25_003;
    await store.transaction((tx) => {
      noteRead(tx, nodeProvider, 'other', id(0));
      for (let i = 0; i < total; i++) {
        expect(wasRead(tx, 'one', id(i))).toBe(false);
        noteRead(tx, nodeProvider, 'one', id(i));
      }
      for (let i = total - 5_000; i < total; i++) expect(wasRead(tx, 'one', id(i))).toBe(true);
      expect(wasRead(tx, 'one', id(0))).toBe(false);
      expect(wasRead(tx, 'other', id(0))).toBe(true);
      expect(wasRead(tx, 'other', id(1))).toBe(false);
      expect(tx.list('read-message', 'one/').length).toBeLessThanOrEqual(10_000);
    });
    reportCount('DEV-47', 'message ids noted', total);
  });
});
