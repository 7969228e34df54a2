/**
 * What a driver says of its states and of its randomness.
 *
 * @spec 11-driver §5
 */
import { describe, expect, test } from 'vitest';
import type { Device } from '../../cli/driver/device.ts';
import { loadDevice, saveDevice } from '../../cli/driver/snapshot.ts';
import { fromHex, toHex } from '../../protocol/bytes/bytes.ts';
import { ALICE, BOB, CAROL, DriverProcess, expectRefusal, newDriver, ok, twoDevices } from '../support/driver.ts';
import { GROUP_ID, KEY } from '../support/driver-samples.ts';

describe('canonical states', () => {
  /** A device whose every collection has several entries. */
  function lived() {
    const { driver, alice, bob, pass } = twoDevices();
    const carol = ok(driver, 'device.create', { local: CAROL }).device;
    for (const device of [alice.device, carol]) {
      ok(driver, 'session.process', {
        device,
        remote: BOB,
        bundle: ok(driver, 'device.bundle', { device: bob.device }).bundle,
      });
    }
    pass(alice, bob);
    pass({ device: carol, local: CAROL }, bob);
    for (let n = 0; n < 12; n++) ok(driver, 'device.bundle', { device: bob.device, oneTime: n % 2 === 0 });
    for (const first of ['2', 'f', '0']) {
      ok(driver, 'group.create', { device: bob.device, distributionId: first + GROUP_ID.slice(1) });
    }
    return { driver, device: driver.devices.get(bob.device) as Device };
  }

  test('[DRV-24] the order in which things came leaves no trace', () => {
    const { driver, device } = lived();
    const turned = <K, V>(map: ReadonlyMap<K, V>) => new Map([...map].reverse());
    const { signedPreKeys, oneTimePreKeys, kemPreKeys, baseKeys, peers, senderKeys } = device;
    for (const collection of [signedPreKeys, oneTimePreKeys, kemPreKeys, baseKeys, peers, senderKeys]) {
      expect(collection.size).toBeGreaterThan(1);
    }
    const other: Device = {
      ...device,
      signedPreKeys: turned(signedPreKeys),
      oneTimePreKeys: turned(oneTimePreKeys),
      kemPreKeys: turned(kemPreKeys),
      baseKeys: new Set([...baseKeys].reverse()),
      peers: turned(peers),
      senderKeys: turned(senderKeys),
    };
    const saved = toHex(saveDevice(driver.provider, device));
    expect(toHex(saveDevice(driver.provider, other))).toBe(saved);
    expect(toHex(saveDevice(driver.provider, loadDevice(driver.provider, fromHex(saved))))).toBe(saved);
    expect(ok(driver, 'hello').canonicalState).toBe(true);
  });

  test('[DRV-24] a device that learns in another order is the same', () => {
    const states = [
      [0, 1],
      [1, 0],
    ].map((order) => {
      const { driver, alice } = twoDevices({ seed: KEY });
      const senders = [ALICE, CAROL];
      const { distribution } = ok(driver, 'group.create', { device: alice.device, distributionId: GROUP_ID });
      for (const n of order) ok(driver, 'group.process', { device: 'device-2', sender: senders[n], distribution });
      return ok(driver, 'device.save', { device: 'device-2' }).state;
    });
    expect(states[0]).toBe(states[1]);
  });
});

describe('seeded randomness', () => {
  test('[DRV-22] hello and standard error say so from the first seed on, once', () => {
    for (const [op, args] of [
      ['device.create', { local: BOB, seed: KEY }],
      ['spqr.braid.init', { direction: 'A2B', pqRatchetKey: KEY, seed: KEY }],
    ] as const) {
      const notices: string[] = [];
      const driver = newDriver({ notice: (text) => notices.push(text) });
      ok(driver, 'device.create', { local: ALICE });
      ok(driver, 'kem.keygen', { kem: 'ML-KEM-768', seed: KEY + KEY });
      ok(driver, 'spqr.braid.init', { direction: 'A2B', pqRatchetKey: KEY });
      expectRefusal(driver, op, { ...args, seed: '00' }, 'InvalidArgument', 'bad-length [seed]');
      expect([ok(driver, 'hello').seeded, notices]).toEqual([false, []]);
      for (let n = 0; n < 2; n++) {
        ok(driver, op, args);
        expect(ok(driver, 'hello').seeded).toBe(true);
        expect(notices).toEqual(['randomness from a seed is in use: for tests and replays alone']);
      }
    }
  });

  test('[DRV-22] a loaded state that draws from a seed counts', () => {
    const seeded = newDriver();
    const { device } = ok(seeded, 'device.create', { local: BOB, seed: KEY });
    const { state } = ok(seeded, 'device.save', { device });
    const notices: string[] = [];
    const driver = newDriver({ notice: (text) => notices.push(text) });
    ok(driver, 'device.load', { state });
    expect([ok(driver, 'hello').seeded, notices.length]).toEqual([true, 1]);
  });

  test('[DRV-22] [DRV-01] the process tells it on standard error alone', async () => {
    const driver = new DriverProcess();
    expect((await driver.ok('hello')).seeded).toBe(false);
    expect(driver.errors).toBe('');
    await driver.ok('device.create', { local: BOB, seed: KEY });
    await driver.ok('device.create', { local: BOB, seed: KEY });
    expect((await driver.ok('hello')).seeded).toBe(true);
    driver.end();
    expect(await driver.exit).toBe(0);
    expect(driver.errors).toBe('pawl driver: randomness from a seed is in use: for tests and replays alone\n');
    expect(driver.unasked).toEqual([]);
  });
});
