/**
 * What arguments are refused, and how.
 *
 * @spec 11-driver §2, §3; 15-driver-lab
 */
import { describe, expect, test } from 'vitest';
import type { Driver } from '../../cli/driver/driver.ts';
import { answerTo, expectRefusal, type Json, newDriver, ok } from '../support/driver.ts';
import { argumentsOf, KEY, OPS, OTHER_WAY, samples } from '../support/driver-samples.ts';
import { KYBER, SUITE_NAMES } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';

/** Values that are never right: what stands in a request for a text, a number, an object or a list. */
const WRONG = [null, true, 1.5, -1, 2 ** 53, 'AA', 'abc', 'zz', '0x', ' aa', 'aa ', 'é', '\ud800', [], {}, [[]], ['x']];
/** Of these, some are right for a field of another kind. */
const allowed = (name: string, value: Json): boolean =>
  (name === 'oneTime' && value === true) ||
  // A handle and a name may be any text: no device has these, and no session leads there.
  (name === 'device' && typeof value === 'string') ||
  // A list may be empty.
  ((name === 'indices' || name === 'chunks') && Array.isArray(value) && value.length === 0);

/** Optional arguments of which the sample cannot do without. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  'handshake.respond': ['kemPrivate', 'kemCiphertext'],
  'ratchet.init': ['remote'],
  'message.build': ['authentication'],
};
/** Operations that take the same arguments once. */
const ONCE = [
  'session.decrypt',
  'session.archive',
  'group.decrypt',
  'ratchet.receive',
  'spqr.chain.advance',
  'spqr.chain.receive',
  'spqr.braid.receive',
];

function without(args: object, name: string): object {
  return Object.fromEntries(Object.entries(args).filter(([key]) => key !== name));
}

describe('the table', () => {
  test('[DRV-09] hello announces exactly the operations, suites and KEMs of the specification', () => {
    const { implementation, version, protocol, ops, suites, kems, ...can } = ok(newDriver(), 'hello');
    expect({ implementation, version, protocol }).toEqual({ implementation: 'pawl', version: '0.0.0', protocol: 1 });
    expect(ops).toEqual(OPS);
    expect(OPS).toHaveLength(51);
    expect(suites).toEqual(SUITE_NAMES);
    expect(kems).toEqual(['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024', 'Kyber-1024-r3']);
    expect(can).toEqual({ trace: true, canonicalState: true, seeded: false });
  });

  test.each(OPS)('[DRV-06] [DRV-07] [DRV-05] %s takes the arguments of its row, and nothing else', (op) => {
    const { driver, all } = samples();
    const good = all[op] as Record<string, Json>;
    const { required, optional } = argumentsOf(op);
    const elsewhere = OTHER_WAY[op] ?? [];
    expect([...Object.keys(good), ...elsewhere].sort()).toEqual([...required, ...optional].sort());
    let count = 0;
    for (const name of required) {
      expectRefusal(driver, op, without(good, name), 'InvalidArgument', `missing-field [${name}]`);
    }
    for (const name of [...required, ...optional]) {
      for (const value of WRONG.filter((wrong) => !allowed(name, wrong))) {
        const { error } = answerTo(driver, JSON.stringify({ id: 1, op, args: { ...good, [name]: value } }));
        expect(error?.code, `${name} ${JSON.stringify(value)}`).toBe('InvalidArgument');
        expect(error?.message, JSON.stringify(value)).toMatch(new RegExp(`^[a-z0-9-]+ \\[${name}(\\.\\w+)*\\]$`));
        count++;
      }
    }
    for (const name of ['more', 'constructor', 'toString', 'hasOwnProperty']) {
      expectRefusal(driver, op, { ...good, [name]: 1 }, 'InvalidArgument', `unknown-field [${name}]`);
    }
    const args = JSON.stringify(good)
      .replace(/^\{(?!\})/, '{"__proto__":{},')
      .replace(/^\{\}/, '{"__proto__":{}}');
    expect(answerTo(driver, `{"id":1,"op":"${op}","args":${args}}`).error?.message).toBe('unknown-field [__proto__]');
    // The good ones go last: an operation may be one that succeeds once.
    const leftOut = optional.filter((name) => !(NEEDED[op] ?? []).includes(name));
    ok(driver, op, leftOut.reduce<object>(without, good));
    if (!ONCE.includes(op)) ok(driver, op, good);
    if (count > 0) reportCount('DRV-06', 'wrong arguments', count);
  });
});

describe('inside a value', () => {
  const refusals: readonly [string, string, Json, string][] = [
    ['session.info', 'remote', { name: '', deviceId: 1 }, 'bad-name [remote.name]'],
    ['session.info', 'remote', { name: 'a\u0000', deviceId: 1 }, 'bad-name [remote.name]'],
    ['session.info', 'remote', { name: 'é'.repeat(129), deviceId: 1 }, 'bad-name [remote.name]'],
    ['session.info', 'remote', { name: 'a', deviceId: 0 }, 'not-in-range [remote.deviceId]'],
    ['session.info', 'remote', { name: 'a', deviceId: 128 }, 'not-in-range [remote.deviceId]'],
    ['session.info', 'remote', { name: 'a', deviceId: '1' }, 'wrong-type [remote.deviceId]'],
    ['session.info', 'remote', { name: 'a' }, 'missing-field [remote.deviceId]'],
    ['session.info', 'remote', { name: 'a', deviceId: 1, more: 1 }, 'unknown-field [remote.more]'],
    ['device.create', 'registrationId', 0, 'not-in-range [registrationId]'],
    ['device.create', 'registrationId', 16384, 'not-in-range [registrationId]'],
    ['device.create', 'pqRatchet', 'Required', 'not-one-of [pqRatchet]'],
    ['device.create', 'suites', [], 'not-in-range [suites]'],
    ['device.create', 'suites', [KYBER, KYBER], 'repeated [suites]'],
    ['device.create', 'suites', [KYBER, 'toString'], 'not-one-of [suites.1]'],
    ['device.create', 'seed', '00'.repeat(31), 'bad-length [seed]'],
    ['device.create', 'seed', '00'.repeat(33), 'bad-length [seed]'],
    ['device.save', 'device', 'device-9', 'unknown-device [device]'],
    ['device.save', 'device', '__proto__', 'unknown-device [device]'],
    ['kem.keygen', 'kem', 'ML-KEM-2048', 'not-one-of [kem]'],
    ['kem.keygen', 'seed', '00'.repeat(32), 'bad-length [seed]'],
    ['kem.encapsulate', 'random', '00'.repeat(33), 'bad-length [random]'],
    ['xeddsa.sign', 'random', '00'.repeat(63), 'bad-length [random]'],
    ['handshake.initiate', 'kemRandom', '00'.repeat(64), 'bad-length [kemRandom]'],
    ['handshake.initiate', 'suite', 'X3DH', 'not-one-of [suite]'],
    ['session.decrypt', 'type', 'Prekey', 'not-one-of [type]'],
    ['session.encrypt', 'now', 2 ** 60, 'not-in-range [now]'],
    ['fingerprint', 'iterations', 1, 'not-in-range [iterations]'],
    ['fingerprint', 'iterations', 1_000_001, 'not-in-range [iterations]'],
    ['fingerprint', 'version', 3, 'not-in-range [version]'],
    ['group.create', 'distributionId', 'group', 'not-a-uuid [distributionId]'],
  ];

  test.each(refusals)('[DRV-06] %s with %s %j: %s', (op, name, value, message) => {
    const { driver, all } = samples();
    expectRefusal(driver, op, { ...all[op], [name]: value }, 'InvalidArgument', message);
  });

  test('[DRV-06] [DRV-07] a bundle: every field, and those that stand together', () => {
    const { driver, all } = samples();
    const { bundle, ...args } = all['session.process'] as { bundle: Record<string, Json> };
    const refuse = (changed: object, message: string) =>
      expectRefusal(driver, 'session.process', { ...args, bundle: changed }, 'InvalidArgument', message);
    expect(Object.keys(bundle)).toHaveLength(11);
    for (const [name, value] of Object.entries(bundle)) {
      refuse(without(bundle, name), `missing-field [bundle.${name}]`);
      const wrong = typeof value === 'number' ? [-1, 1.5, 2 ** 32, '1'] : ['AB', 'a', 'gg', 7];
      for (const other of wrong) {
        const { error } = answerTo(
          driver,
          JSON.stringify({ id: 1, op: 'session.process', args: { ...args, bundle: { ...bundle, [name]: other } } }),
        );
        expect(error?.code).toBe('InvalidArgument');
        expect(error?.message.endsWith(` [bundle.${name}]`)).toBe(true);
      }
    }
    refuse({ ...bundle, more: 1 }, 'unknown-field [bundle.more]');
    refuse({ ...bundle, deviceId: 128 }, 'not-in-range [bundle.deviceId]');
    refuse([], 'wrong-type [bundle]');
  });

  test('[DRV-04] a message repeats no value, and no name that does not look like one', () => {
    const driver = newDriver();
    const secret = 'c0ffee'.repeat(20);
    const wrong: object[] = [{ [secret]: 1 }, { 'c0 ffee': 1 }].map((args) => ({ private: KEY, ...args }));
    for (const args of [...wrong, { private: secret }, { private: 'not hex c0ffee' }]) {
      const answer = JSON.stringify(answerTo(driver, JSON.stringify({ id: 1, op: 'x25519.public', args })));
      expect(answer).toContain('"error"');
      expect(answer).not.toContain('ff');
      expect(answer).not.toMatch(/ at |\.ts|Error/);
    }
  });

  test('[DRV-04] a fault of the driver’s own is told as such, without its words', () => {
    const driver: Driver = {
      ...newDriver(),
      random: () => {
        throw new Error('c0ffee');
      },
    };
    const answer = answerTo(driver, `{"id":1,"op":"xeddsa.sign","args":{"private":"${KEY}","message":""}}`, true);
    expect(answer).toEqual({ id: 1, error: { code: 'InvalidState', message: 'internal-error' } });
  });
});
