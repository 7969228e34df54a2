/**
 * The post-quantum ratchet between devices: policy, labels, stalls.
 *
 * @spec 07-devices §4, 05-sessions §7
 */
import { describe, expect, test } from 'vitest';
import { Device } from '../../client/device.ts';
import type { Self } from '../../client/records/self.ts';
import { getSelf } from '../../client/records/self.ts';
import { getSession, putSession } from '../../client/records/sessions.ts';
import type { Envelope } from '../../client/relay/transport.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import { spqrSend } from '../../protocol/ratchet/braid/spqr.ts';
import type { SpqrOn } from '../../protocol/ratchet/braid/spqr-state.ts';
import { expectRefusal, read, type Seat, World } from '../support/devices.ts';
import { flip } from '../support/forge.ts';
import { X3DH } from '../support/peers.ts';

const sessionOf = async (seat: Seat, peer: Seat) =>
  (await seat.device.status()).sessions[`${peer.device.account}.${peer.device.deviceId}`];

describe('labels', () => {
  test('[DEV-40] [SES-19] who sends and who reads are told the same; it survives the outbox and the inbox', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const labels: string[] = [];
    for (let i = 0; i < 100; i++) {
      const [from, to] = i % 2 === 0 ? [bob, alice] : [alice, bob];
      const { envelopes } = await from.device.send(to.device.account, 'on');
      await to.device.poll();
      const [message] = await to.device.inbox();
      const told = envelopes.map(({ protection, pqEpoch }) => `${protection} ${pqEpoch}`);
      expect(told).toEqual([`${message?.protection} ${message?.pqEpoch}`]);
      await to.device.discard([message?.id ?? '']);
      if (labels.at(-1) !== told[0]) labels.push(told[0] as string);
    }
    expect(labels).toEqual(['hybrid-start 0', 'pq-healed 1']);
    expect(await sessionOf(alice, bob)).toMatchObject({ ratchet: 'triple', pq: 'on' });
  });

  test('[DEV-40] [SES-19] a classical suite is called so', async () => {
    const world = new World();
    const alice = await world.primary('alice', { suites: [X3DH] });
    const bob = await world.primary('bob', { suites: [X3DH] });
    const { envelopes } = await alice.device.send(bob.device.account, 'hi');
    expect(envelopes[0]).toMatchObject({ protection: 'classical', pqEpoch: 0 });
    await bob.device.poll();
    expect((await bob.device.inbox())[0]).toMatchObject({ protection: 'classical', pqEpoch: 0 });
  });
});

describe('policy', () => {
  test('[DEV-40] [RAT-11] required refuses a peer that does without; optional gives in', async () => {
    const world = new World();
    const alice = await world.primary('alice', { pqRatchet: 'off' });
    const [strict, lenient] = [await world.primary('bob'), await world.primary('carol', { pqRatchet: 'optional' })];
    await alice.device.send(strict.device.account, 'hi');
    const before = await strict.device.status();
    expect(await strict.device.poll()).toMatchObject([
      { status: 'refused', error: { code: 'InvalidMessage', reason: 'pq-version-too-low' } },
    ]);
    expect(await strict.device.status()).toEqual({ ...before, refused: 1 });
    await alice.device.send(lenient.device.account, 'hi');
    expect(await read(lenient)).toEqual(['hi']);
    expect(await sessionOf(lenient, alice)).toMatchObject({ ratchet: 'double', pq: 'refused' });
  });

  test('[DEV-40] a policy that there is none of is refused', async () => {
    const world = new World();
    const { options } = world.options({ pqRatchet: 'sometimes' as never });
    const expected = { code: 'InvalidArgument', reason: 'unknown-pq-ratchet-policy' } as const;
    await expectRefusal([options], expected, () => Device.open(options));
  });
});

/** Alice spoils a chunk of the header that she is about to send. */
async function spoil(alice: Seat, bob: Seat): Promise<void> {
  await alice.store.transaction((tx) => {
    const self = getSelf(tx, nodeProvider) as Self;
    const remote = { name: bob.device.account, deviceId: 1 };
    const record = getSession(tx, nodeProvider, self, remote);
    if (record?.current == null) throw new TypeError('no session');
    const { state } = spqrSend(nodeProvider, systemRandom, record.current.pq);
    const pq = state as SpqrOn;
    if (pq.braid.name !== 'KeysSampled') throw new TypeError('no header to spoil');
    const header = { message: flip(pq.braid.header.message, 1, 1), sent: 0 };
    const current = { ...record.current, pq: { ...pq, braid: { ...pq.braid, header } } };
    putSession(tx, nodeProvider, self, remote, { ...record, current });
  });
}

test('[DEV-41] [RAT-06] [BRD-19] three poisoned messages stall a session; the next answer begins another', async () => {
  const world = new World();
  world.limits = { ...world.limits, resendKept: 0 };
  const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
  await alice.device.send(bob.device.account, 'first');
  await spoil(alice, bob);
  for (const text of ['second', 'third']) await alice.device.send(bob.device.account, text);
  await read(bob);
  const stalls = () => bob.events.filter(({ type }) => type === 'sessionStalled');
  for (let i = 0; i < 4; i++) {
    expect(stalls().length).toBe(i < 3 ? 0 : 1);
    expect((await sessionOf(bob, alice))?.pq).toBe(i < 3 ? 'on' : 'stalled');
    await alice.device.send(bob.device.account, `lost ${i}`);
    const [receipt] = await bob.device.poll();
    expect(receipt).toMatchObject({ status: 'refused', error: { code: 'InvalidMessage', reason: 'pq-header-mac' } });
  }
  const { envelopes } = await bob.device.send(alice.device.account, 'afresh');
  expect(envelopes.map(({ type }) => type)).toEqual(['prekey']);
  expect(await read(alice)).toEqual(['afresh']);
  await alice.device.send(bob.device.account, 'repaired');
  expect(await read(bob)).toEqual(['repaired']);
  expect((await sessionOf(bob, alice))?.pq).toBe('on');
  const again = await bob.device.send(alice.device.account, 'on the same session');
  expect(again.envelopes.map(({ type }) => type)).toEqual(['message']);
});

test('[DEV-41] a message that is read between poisoned ones: only three in a row stall a session', async () => {
  const world = new World();
  world.limits = { ...world.limits, resendKept: 0 };
  const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
  await alice.device.send(bob.device.account, 'first');
  // The second chunk of the true header: it takes the place of a spoiled one, and completes nothing.
  await alice.device.send(bob.device.account, 'held up');
  const held = world.relay.box(bob.device.account, 1).envelopes.pop() as Envelope;
  await spoil(alice, bob);
  for (const text of ['second', 'third']) await alice.device.send(bob.device.account, text);
  expect(await read(bob)).toEqual(['first', 'second', 'third']);
  const lose = async (count: number) => {
    for (let i = 0; i < count; i++) await alice.device.send(bob.device.account, 'lost');
    for (const receipt of await bob.device.poll()) {
      expect(receipt).toMatchObject({ status: 'refused', error: { reason: 'pq-header-mac' } });
    }
    return bob.events.filter(({ type }) => type === 'sessionStalled').length;
  };
  expect(await lose(2)).toBe(0);
  expect(await bob.device.receive(held)).toMatchObject({ status: 'delivered' });
  expect(await lose(2)).toBe(0);
  expect((await sessionOf(bob, alice))?.pq).toBe('on');
  expect(await lose(1)).toBe(1);
  expect((await sessionOf(bob, alice))?.pq).toBe('stalled');
});

test('[DEV-54] [STATE-08] a message on a session that its sender left is told of', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  await alice.device.send(bob.device.account, 'on the old session');
  const [late] = world.relay.box(bob.device.account, 1).envelopes.splice(0);
  await alice.device.resetSessions(bob.device.account);
  await alice.device.send(bob.device.account, 'anew');
  await read(bob);
  await bob.device.send(alice.device.account, 'heard');
  await read(alice);
  await alice.device.send(bob.device.account, 'good');
  await read(bob);
  const told = () => bob.events.filter(({ type }) => type === 'oldSessionUsed');
  expect(told()).toEqual([]);
  if (late === undefined) throw new TypeError('nothing was sent');
  expect(await bob.device.receive(late)).toMatchObject({ status: 'delivered' });
  expect(told()).toEqual([{ type: 'oldSessionUsed', account: alice.device.account, deviceId: 1 }]);
});
