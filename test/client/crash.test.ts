/**
 * A crash at every point of sending and receiving at which something outside the process changes.
 *
 * @spec 07-devices §6, §7
 */
import { expect, test } from 'vitest';
import { Device } from '../../client/device.ts';
import type { SuiteName } from '../../protocol/handshake/suites.ts';
import { Crash, CrashPlan } from '../support/crash.ts';
import { read, type Seat, textOf, World } from '../support/devices.ts';
import { reusedKeys } from '../support/message-keys.ts';
import { PQXDH, X3DH } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';

const LIMITS = { oneTimeBatch: 1, oneTimeLow: 0 };
/** Where a crash falls does not depend on the suite: the short form takes the cheap one. */
const SUITES: readonly SuiteName[] = [scaled(X3DH, PQXDH)];

/** The same storage, opened by a process that will crash. */
async function doomed(seat: Seat, plan: CrashPlan): Promise<Device> {
  const { options } = seat;
  return Device.open({
    ...options,
    store: plan.store(options.store),
    witness: plan.witness(options.witness),
    relay: plan.relay(options.relay),
  });
}

const primary = (world: World, name: string) => world.primary(name, { suites: SUITES });

/** Runs until done or crashed; anything else that is thrown is a failure of the test. */
async function untilCrash(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
}

interface Run {
  readonly plan: CrashPlan;
  readonly promised: Set<string>;
  readonly read: readonly string[];
  readonly tablet: readonly string[];
}

/** First message to strangers, a second one, a third that meets 409 and is repaired; crash; restart; one more. */
async function sendingRun(at: number): Promise<Run> {
  const world = new World();
  world.limits = LIMITS;
  const [alice, bob] = [await primary(world, 'alice'), await primary(world, 'bob')];
  const laptop = await world.linked(alice, 'laptop', { suites: SUITES });
  const plan = new CrashPlan(at);
  const promised = new Set<string>();
  let tablet: Seat | null = null;
  await untilCrash(async () => {
    const device = await doomed(alice, plan);
    for (const text of ['one', 'two', 'three']) {
      if (text === 'three') tablet = await world.linked(bob, 'tablet', { suites: SUITES });
      await device.send(bob.device.account, text);
      promised.add(text);
    }
  });
  tablet ??= await world.linked(bob, 'tablet', { suites: SUITES });
  const again = await world.reopen(alice);
  await again.device.resume();
  await again.device.send(bob.device.account, 'four');
  promised.add('four');
  expect(reusedKeys(world.relay.sends.flatMap(({ messages }) => messages))).toEqual([]);
  const result = { plan, promised, read: await read(bob), tablet: await read(tablet) };
  expect(await read(laptop)).toEqual(result.read);
  await bob.device.send(alice.device.account, 'answer');
  expect(await read(again)).toEqual(['answer']);
  return result;
}

test('[STATE-04] [DEV-13] a crash at any point of sending: no message key is used twice, what was promised arrives once', async () => {
  const whole = await sendingRun(-1);
  expect(whole.read).toEqual(['one', 'two', 'three', 'four']);
  const points = whole.plan.points.length;
  for (let at = 0; at < points; at++) {
    const { plan, promised, read: got, tablet } = await sendingRun(at);
    expect(plan.crashed).toBe(true);
    expect(new Set(got).size, `${at} ${plan.points.at(-1)}`).toBe(got.length);
    for (const text of promised) expect(got, `${at} ${plan.points.at(-1)}`).toContain(text);
    expect([...got].sort()).toEqual(['four', 'one', 'three', 'two'].filter((text) => got.includes(text)));
    expect(tablet).toContain('four');
  }
  reportCount('STATE-04', 'crash points of sending', points);
});

async function receivingRun(at: number): Promise<{ plan: CrashPlan; world: World; got: string[] }> {
  const world = new World();
  world.limits = LIMITS;
  const [alice, bob] = [await primary(world, 'alice'), await primary(world, 'bob')];
  for (const text of ['one', 'two', 'three']) await alice.device.send(bob.device.account, text);
  const plan = new CrashPlan(at);
  await untilCrash(async () => (await doomed(bob, plan)).poll());
  const again = await world.reopen(bob);
  await again.device.poll();
  const got = (await again.device.inbox()).map(textOf);
  expect(world.relay.waiting(bob.device.account, 1)).toEqual([]);
  await again.device.send(alice.device.account, 'answer');
  expect(await read(alice)).toEqual(['answer']);
  return { plan, world, got };
}

test('[STATE-04] [DEV-10] a crash at any point of receiving: every acknowledged plaintext is in the inbox, once', async () => {
  const points = (await receivingRun(-1)).plan.points.length;
  for (let at = 0; at < points; at++) {
    const { plan, got } = await receivingRun(at);
    expect(plan.crashed).toBe(true);
    expect(got, `${at} ${plan.points.at(-1)}`).toEqual(['one', 'two', 'three']);
  }
  reportCount('STATE-04', 'crash points of receiving', points);
});

async function enrolmentRun(at: number): Promise<{ plan: CrashPlan }> {
  const world = new World();
  world.limits = LIMITS;
  const bob = await primary(world, 'bob');
  const plan = new CrashPlan(at);
  const { options } = world.options({ suites: SUITES });
  const dying = { ...options, store: plan.store(options.store), witness: plan.witness(options.witness) };
  const identity = { account: '0e7bb4b0-0000-4000-8000-000000000001', name: 'phone' };
  await untilCrash(() => Device.createPrimary({ ...dying, relay: plan.relay(options.relay) }, identity));
  const stored = await Device.open(options).catch(() => null);
  const device = stored ?? (await Device.createPrimary(options, identity));
  await device.resume();
  const offering = world.options({ suites: SUITES }).options;
  const offer = await Device.createLinkedOffer(offering, { name: 'tablet' });
  await untilCrash(async () => (await doomed({ ...bob, device, options } as Seat, plan)).linkDevice(offer));
  const again = await Device.open(options);
  await again.resume();
  const linked = (await again.manifest())?.devices.some(({ name }) => name === 'tablet') === true;
  if (!linked) await again.linkDevice(offer);
  const manifest = world.relay.manifests.get(again.account) as Uint8Array;
  const tablet = await Device.acceptLink(offering, manifest);
  await bob.device.send(again.account, 'hi');
  for (const reader of [again, tablet]) expect(await read({ device: reader })).toEqual(['hi']);
  return { plan };
}

test('[STATE-04] a crash at any point of registering and linking: the account ends with one history', async () => {
  const points = (await enrolmentRun(-1)).plan.points.length;
  for (let at = 0; at < points; at++) await enrolmentRun(at);
  reportCount('STATE-04', 'crash points of registering and linking', points);
});
