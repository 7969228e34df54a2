/**
 * Sessions and groups through drivers, in this process and as processes.
 *
 * @spec 11-driver §6, §7
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Device, Peer } from '../../cli/driver/device.ts';
import type { Driver } from '../../cli/driver/driver.ts';
import { loadDevice, saveDevice } from '../../cli/driver/snapshot.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import { spqrSend } from '../../protocol/ratchet/braid/spqr.ts';
import {
  ALICE,
  answerTo,
  BOB,
  CAROL,
  DriverProcess,
  expectRefusal,
  type Json,
  newDriver,
  ok,
  request,
  stateOf,
  twoDevices,
} from '../support/driver.ts';
import { flip } from '../support/forge.ts';
import { PQXDH, SUITE_NAMES, TEST_NOW, X3DH } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { seededIntegers } from '../support/seeded-random.ts';

const ID = '2b1c6d3e-8f40-4a5b-9c7d-0e1f2a3b4c5d';
const DAY = 24 * 60 * 60 * 1000;

describe('two processes', () => {
  test.each(SUITE_NAMES)('[DRV-01] [DRV-20] %s: handshake, ping-pong, a group, safety numbers', async (suite) => {
    const [alice, bob] = [new DriverProcess(), new DriverProcess()];
    const [a, b] = await Promise.all([
      alice.ok('device.create', { local: ALICE, suites: [suite] }),
      bob.ok('device.create', { local: BOB, suites: [suite] }),
    ]);
    const { bundle } = await bob.ok('device.bundle', { device: b.device });
    await alice.ok('session.process', { device: a.device, remote: BOB, bundle });
    const sides = [
      { driver: alice, device: a.device, local: ALICE },
      { driver: bob, device: b.device, local: BOB },
    ] as const;
    const rounds = suite === X3DH ? 10 : 100;
    for (let i = 0; i < 2 * rounds; i++) {
      const [from, to] = i % 2 === 0 ? sides : [sides[1], sides[0]];
      const plaintext = i
        .toString(16)
        .padStart(2, '0')
        .repeat(i % 40);
      const sealed = await from.driver.ok('session.encrypt', { device: from.device, remote: to.local, plaintext });
      expect(sealed.type).toBe(i === 0 ? 'prekey' : 'message');
      const args = { device: to.device, remote: from.local, ...sealed };
      expect(await to.driver.ok('session.decrypt', args)).toEqual({ plaintext });
    }
    for (const { driver, device, local } of sides) {
      const info = await driver.ok('session.info', { device, remote: local === ALICE ? BOB : ALICE });
      const classical = { ratchet: 'double', pq: 'off', pqEpoch: 0 };
      expect(info).toMatchObject({ suite, ...(suite === X3DH ? classical : { ratchet: 'triple', pq: 'on' }) });
      if (suite !== X3DH) expect(info.pqEpoch).toBeGreaterThanOrEqual(2);
    }
    const { distribution } = await alice.ok('group.create', { device: a.device, distributionId: ID });
    await bob.ok('group.process', { device: b.device, sender: ALICE, distribution });
    for (const plaintext of ['', 'cafe']) {
      const { body } = await alice.ok('group.encrypt', { device: a.device, distributionId: ID, plaintext });
      expect(await bob.ok('group.decrypt', { device: b.device, sender: ALICE, body })).toEqual({ plaintext });
    }
    const numbers = await Promise.all([
      alice.ok('fingerprint', {
        ...{ localId: '01', localIdentity: a.identityPublic },
        remoteId: '02',
        remoteIdentity: b.identityPublic,
      }),
      bob.ok('fingerprint', {
        ...{ localId: '02', localIdentity: b.identityPublic },
        remoteId: '01',
        remoteIdentity: a.identityPublic,
      }),
    ]);
    expect(numbers[0].displayable).toBe(numbers[1].displayable);
    expect(numbers[0].displayable).toMatch(/^[0-9]{60}$/);
    for (const driver of [alice, bob]) driver.end();
    expect(await Promise.all([alice.exit, bob.exit])).toEqual([0, 0]);
    expect([alice, bob].map(({ errors, unasked }) => ({ errors, unasked }))).toEqual([
      { errors: '', unasked: [] },
      { errors: '', unasked: [] },
    ]);
  });
});

describe('sessions', () => {
  test('[DRV-05] a lossy, shuffled, repeated conversation: everything arrives once', () => {
    const { driver, alice, bob, pass, send } = twoDevices({ seed: '01'.repeat(32) });
    pass(alice, bob);
    const pick = seededIntegers('lossy');
    const flying: { to: typeof alice; from: typeof alice; sealed: Json; text: string }[] = [];
    const seen: string[] = [];
    for (let i = 0; i < 300; i++) {
      const [from, to] = pick(2) === 0 ? [alice, bob] : [bob, alice];
      const text = i.toString(16).padStart(4, '0');
      flying.push({ from, to, sealed: send(from, to, text), text });
      // What lags further behind is lost: five receiving chains are kept.
      flying.splice(0, flying.length - 4);
      if (pick(3) === 0) continue;
      const [taken] = flying.splice(pick(flying.length), 1);
      if (taken === undefined || pick(10) === 0) continue;
      const args = { device: taken.to.device, remote: taken.from.local, ...taken.sealed };
      expect(ok(driver, 'session.decrypt', args)).toEqual({ plaintext: taken.text });
      expectRefusal(driver, 'session.decrypt', args, 'DuplicateMessage', 'message-key-used [counter]');
      seen.push(taken.text);
    }
    expect(seen.length).toBeGreaterThan(100);
  });

  test('[DRV-05] both begin at once: the sessions meet', () => {
    const { driver, alice, bob, send, pass } = twoDevices();
    const { bundle } = ok(driver, 'device.bundle', { device: alice.device });
    ok(driver, 'session.process', { device: bob.device, remote: ALICE, bundle });
    const [one, two] = [send(alice, bob, 'aa'), send(bob, alice, 'bb')];
    expect([one.type, two.type]).toEqual(['prekey', 'prekey']);
    expect(ok(driver, 'session.decrypt', { device: bob.device, remote: ALICE, ...one })).toEqual({ plaintext: 'aa' });
    expect(ok(driver, 'session.decrypt', { device: alice.device, remote: BOB, ...two })).toEqual({ plaintext: 'bb' });
    for (let i = 0; i < 3; i++) {
      expect(pass(alice, bob).type).toBe('message');
      pass(bob, alice);
    }
  });

  test('[DRV-04] where there is no session, none is told of, archived or written in', () => {
    const { driver, alice, bob, send, pass } = twoDevices();
    const known = { device: alice.device, remote: BOB };
    for (const args of [
      { device: alice.device, remote: CAROL },
      { device: bob.device, remote: ALICE },
    ]) {
      const refuse = (op: string, more: object = {}) =>
        expectRefusal(driver, op, { ...args, ...more }, 'NoSession', 'no-current-session');
      refuse('session.info');
      refuse('session.archive');
      refuse('session.encrypt', { plaintext: '' });
      const body = { type: 'message', body: '44'.repeat(60) };
      expect(answerTo(driver, request('session.decrypt', { ...args, ...body })).error?.code).toBe('InvalidMessage');
    }
    pass(alice, bob);
    const late = send(bob, alice, 'bb');
    ok(driver, 'session.archive', known);
    expectRefusal(driver, 'session.archive', known, 'NoSession', 'no-current-session');
    expectRefusal(driver, 'session.encrypt', { ...known, plaintext: '' }, 'NoSession', 'no-current-session');
    expect(ok(driver, 'session.decrypt', { ...known, ...late })).toEqual({ plaintext: 'bb' });
    expect(ok(driver, 'session.info', known)).toMatchObject({ archived: 0, unacknowledged: false });
  });

  test('[DRV-06] the caller’s clock: an unanswered session sends for 30 days', () => {
    const { driver, alice } = twoDevices();
    const args = { device: alice.device, remote: BOB };
    const info = (now: number) => ok(driver, 'session.info', { ...args, now });
    expect(ok(driver, 'session.info', args)).toMatchObject({ unacknowledged: true, usable: true });
    expect(info(TEST_NOW + 30 * DAY)).toMatchObject({ unacknowledged: true, usable: true });
    expect(info(TEST_NOW + 30 * DAY + 1)).toMatchObject({ unacknowledged: true, usable: false });
    const late = { ...args, plaintext: '', now: TEST_NOW + 30 * DAY + 1 };
    expectRefusal(driver, 'session.encrypt', late, 'NoSession', 'session-expired');
    expect(ok(driver, 'session.encrypt', { ...late, now: TEST_NOW + 30 * DAY }).type).toBe('prekey');
    const { bundle } = ok(driver, 'device.bundle', { device: ok(driver, 'device.create', { local: BOB }).device });
    const other = { device: ok(driver, 'device.create', { local: CAROL }).device, remote: BOB };
    ok(driver, 'session.process', { ...other, bundle, now: 0 });
    expectRefusal(driver, 'session.encrypt', { ...other, plaintext: '' }, 'NoSession', 'session-expired');
  });

  test('[DRV-10] policies of the post-quantum ratchet, as both sides tell them', () => {
    const told = (mine: string, theirs: string): Json[] => {
      const driver = newDriver();
      const a: string = ok(driver, 'device.create', { local: ALICE, pqRatchet: mine }).device;
      const b: string = ok(driver, 'device.create', { local: BOB, pqRatchet: theirs }).device;
      const { bundle } = ok(driver, 'device.bundle', { device: b });
      ok(driver, 'session.process', { device: a, remote: BOB, bundle });
      const pass = (from: string, local: object, to: string, remote: object) => {
        const sealed = ok(driver, 'session.encrypt', { device: from, remote, plaintext: '' });
        return answerTo(driver, request('session.decrypt', { device: to, remote: local, ...sealed })).error?.message;
      };
      const first = ok(driver, 'session.info', { device: a, remote: BOB });
      const refused = pass(a, ALICE, b, BOB) ?? pass(b, BOB, a, ALICE);
      if (refused !== undefined) return [first.pq, first.pqMayFallBack, refused];
      const after = [a, b].map((device) => ok(driver, 'session.info', { device, remote: device === a ? BOB : ALICE }));
      return [first.pq, first.pqMayFallBack, ...after.map(({ pq, ratchet }) => `${pq} ${ratchet}`)];
    };
    expect(told('required', 'required')).toEqual(['negotiating', false, 'on triple', 'on triple']);
    expect(told('optional', 'optional')).toEqual(['negotiating', true, 'on triple', 'on triple']);
    expect(told('optional', 'off')).toEqual(['negotiating', true, 'refused double', 'off double']);
    expect(told('off', 'optional')).toEqual(['off', false, 'off double', 'refused double']);
    expect(told('off', 'required')).toEqual(['off', false, 'pq-version-too-low [pqRatchet]']);
  });

  test('[DRV-10] a device takes the suites of its policy and no other', () => {
    const driver = newDriver();
    const strict: string = ok(driver, 'device.create', { local: ALICE }).device;
    const other: string = ok(driver, 'device.create', { local: BOB, suites: [PQXDH] }).device;
    const process = (bundle: Json) => ({ device: strict, remote: BOB, bundle });
    const { bundle } = ok(driver, 'device.bundle', { device: other });
    expectRefusal(driver, 'session.process', process(bundle), 'InvalidKey', 'kem-type-not-allowed [kemPreKey]');
    const classical: string = ok(driver, 'device.create', { local: BOB, suites: [X3DH] }).device;
    const plain = ok(driver, 'device.bundle', { device: classical }).bundle;
    expectRefusal(driver, 'session.process', process(plain), 'NotAllowed', 'no-kem-prekey [kemPreKey]');
  });
});

/** Changes what a driver holds of a session. */
function spoil(driver: Driver, name: string, peer: string, change: (record: Peer['record']) => Peer['record']): void {
  const device = driver.devices.get(name) as Device;
  const known = device.peers.get(peer) as Peer;
  const peers = new Map(device.peers).set(peer, { ...known, record: change(known.record) });
  driver.devices.set(name, { ...device, peers });
}

test('[DRV-13] [DRV-05] a poisoned braid stalls after three refusals; a message or a fresh session clears it', () => {
  const { driver, alice, bob, pass, send } = twoDevices();
  spoil(driver, alice.device, `${BOB.name}.${BOB.deviceId}`, (record) => {
    const state = record.current;
    const pq = state === null ? 'off' : spqrSend(nodeProvider, systemRandom, state.pq).state;
    if (state === null || typeof pq === 'string' || pq.braid.name !== 'KeysSampled') throw new TypeError('no header');
    const header = { message: flip(pq.braid.header.message, 1, 1), sent: 0 };
    return { ...record, current: { ...state, pq: { ...pq, braid: { ...pq.braid, header } } } };
  });
  pass(alice, bob);
  pass(alice, bob);
  const told = () => ok(driver, 'session.info', { device: bob.device, remote: ALICE }).pq;
  const args = () => ({ device: bob.device, remote: ALICE, ...send(alice, bob, '00') });
  for (let i = 0; i < 3; i++) {
    expect(told()).toBe('on');
    expectRefusal(driver, 'session.decrypt', args(), 'InvalidMessage', 'pq-header-mac [pqRatchet]');
  }
  expect(told()).toBe('stalled');
  expectRefusal(driver, 'session.decrypt', args(), 'InvalidMessage', 'pq-header-mac [pqRatchet]');
  const { bundle } = ok(driver, 'device.bundle', { device: bob.device });
  ok(driver, 'session.process', { device: alice.device, remote: BOB, bundle });
  pass(alice, bob);
  expect(told()).toBe('on');
});

describe('groups', () => {
  /** Alice's sender key, which Bob and Carol hold. */
  function group() {
    const { driver, alice, bob } = twoDevices();
    const carol: string = ok(driver, 'device.create', { local: CAROL }).device;
    const { distribution } = ok(driver, 'group.create', { device: alice.device, distributionId: ID });
    for (const device of [bob.device, carol]) ok(driver, 'group.process', { device, sender: ALICE, distribution });
    const send = (plaintext: string): string =>
      ok(driver, 'group.encrypt', { device: alice.device, distributionId: ID.toUpperCase(), plaintext }).body;
    return { driver, alice, bob, carol, distribution: distribution as string, send };
  }

  test('[DRV-20] one message for all; out of order, once each', () => {
    const { driver, bob, carol, send } = group();
    const bodies = ['00', '01', '02'].map((text) => [text, send(text)] as const);
    for (const device of [bob.device, carol]) {
      for (const [text, body] of device === carol ? bodies : bodies.toReversed()) {
        const args = { device, sender: ALICE, body };
        expect(ok(driver, 'group.decrypt', args)).toEqual({ plaintext: text });
        expectRefusal(driver, 'group.decrypt', args, 'DuplicateMessage', 'message-key-used [iteration]');
      }
    }
  });

  test('[DRV-20] who joins late reads what follows; created again, the key stays', () => {
    const { driver, alice, send } = group();
    const early = send('00');
    const again = ok(driver, 'group.create', { device: alice.device, distributionId: ID }).distribution;
    const dave: string = ok(driver, 'device.create', { local: { name: 'dave', deviceId: 2 } }).device;
    ok(driver, 'group.process', { device: dave, sender: ALICE, distribution: again });
    const args = { device: dave, sender: ALICE };
    expect(answerTo(driver, request('group.decrypt', { ...args, body: early })).error?.code).toBe('DuplicateMessage');
    expect(ok(driver, 'group.decrypt', { ...args, body: send('01') })).toEqual({ plaintext: '01' });
  });

  test('[DRV-20] [DRV-04] another sender, an unknown id, a forged signature, a foreign key', () => {
    const { driver, alice, bob, distribution, send } = group();
    const body = send('00');
    const refuse = (args: object, code: string, message: string) =>
      expectRefusal(driver, 'group.decrypt', { device: bob.device, sender: ALICE, body, ...args }, code, message);
    refuse({ sender: CAROL }, 'NoSession', 'no-sender-key [senderKeyRecord]');
    refuse({ sender: { ...ALICE, deviceId: 2 } }, 'NoSession', 'no-sender-key [senderKeyRecord]');
    refuse({ body: '' }, 'InvalidMessage', 'too-short [senderKeyMessage]');
    const last = body.endsWith('0') ? '1' : '0';
    const forged = body.slice(0, -1) + last;
    refuse({ body: forged }, 'InvalidSignature', 'sender-key-signature [signature]');
    const encrypt = { device: bob.device, distributionId: ID, plaintext: '' };
    expectRefusal(driver, 'group.encrypt', encrypt, 'NoSession', 'no-sender-key [senderKeyRecord]');
    const cut = { device: bob.device, sender: ALICE, distribution: distribution.slice(0, 40) };
    expect(answerTo(driver, request('group.process', cut)).error?.code).toBe('InvalidMessage');
    const foreign = ok(driver, 'group.create', { device: bob.device, distributionId: ID }).distribution;
    const own = { device: alice.device, sender: ALICE, distribution: foreign };
    expectRefusal(driver, 'group.process', own, 'NotAllowed', 'own-sender-key [senderKeyRecord]');
  });
});

test('[DRV-03] [DRV-05] good requests with something changed: refused without a trace, or done', () => {
  const { driver, alice, bob, pass, send } = twoDevices({ seed: '5e'.repeat(32) });
  pass(alice, bob);
  pass(bob, alice);
  const { distribution } = ok(driver, 'group.create', { device: alice.device, distributionId: ID });
  const { body } = ok(driver, 'group.encrypt', { device: alice.device, distributionId: ID, plaintext: 'cafe' });
  const { bundle } = ok(driver, 'device.bundle', { device: bob.device });
  const { state } = ok(driver, 'device.save', { device: bob.device });
  ok(driver, 'session.process', { device: alice.device, remote: BOB, bundle });
  const good: readonly [string, object][] = [
    ['session.decrypt', { device: bob.device, remote: ALICE, ...send(alice, bob, 'beef') }],
    ['session.decrypt', { device: alice.device, remote: BOB, ...send(bob, alice, 'beef') }],
    ['session.process', { device: alice.device, remote: BOB, bundle }],
    ['group.process', { device: bob.device, sender: ALICE, distribution }],
    ['group.decrypt', { device: bob.device, sender: ALICE, body }],
    ['device.load', { state }],
  ];
  const texts = good.map(([op, args]) => request(op, args));
  const change = fc.record({ at: fc.nat(), put: fc.constantFrom(...'0123456789abcdefABg"{}[],:x'), cut: fc.nat(3) });
  const before = stateOf(driver);
  const saved = [...driver.devices].map(([name, device]) => [name, saveDevice(driver.provider, device)] as const);
  let refusals = 0;
  const property = fc.property(
    fc.constantFrom(...texts),
    fc.array(change, { minLength: 1, maxLength: 2 }),
    (text, all) => {
      const line = all.reduce((now, { at, put, cut }) => {
        const place = at % now.length;
        return now.slice(0, place) + put + now.slice(place + cut);
      }, text);
      const answer = answerTo(driver, line);
      if ('error' in answer) {
        expect(stateOf(driver)).toBe(before);
        refusals++;
        return;
      }
      driver.devices.clear();
      for (const [name, state] of saved) driver.devices.set(name, loadDevice(driver.provider, state));
    },
  );
  fc.assert(property, { numRuns: scaled(600, 30_000) });
  expect(refusals).toBeGreaterThan(100);
  reportCount('DRV-05', 'changed requests', refusals);
});
