/**
 * Good arguments for every operation of the driver, and what the specification's tables say of them.
 *
 * @spec 11-driver §3, 15-driver-lab
 * Owns: reading the tables, one driver that takes every sample. Must not know: what is refused.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Driver } from '../../cli/driver/driver.ts';
import { ALICE, BOB, CAROL, type Json, newDriver, ok, twoDevices } from './driver.ts';
import { KYBER } from './peers.ts';
import { seededRandom } from './seeded-random.ts';

const read = (name: string) => readFileSync(join(import.meta.dirname, '../../spec', name), 'utf8');
const specification = read('11-driver.md') + read('15-driver-lab.md');
const rows = [...specification.matchAll(/^\| `([a-z0-9.]+)` \| (–|`\{.*?[^\\]) \| .* \|$/gm)];

/** Every operation, in the order of the specification. */
export const OPS = rows.map((row) => row[1] as string);

export const GROUP_ID = '2b1c6d3e-8f40-4a5b-9c7d-0e1f2a3b4c5d';
export const KEY = '77'.repeat(32);

/** The arguments in a row of the table: those with a question mark may be left out. */
export function argumentsOf(op: string): { required: string[]; optional: string[] } {
  const row = rows.find((found) => found[1] === op)?.[2] ?? '';
  const inner = (/^`\{(.*)\}`$/.exec(row)?.[1] ?? '').replaceAll(/<\w+>|\[[^\]]*\]/g, '');
  const names = [...inner.matchAll(/(?:^|, )([A-Za-z]\w*)(\?)?/g)];
  const named = (mark: string | undefined) => names.filter((name) => name[2] === mark).map((name) => name[1] as string);
  return { required: named(undefined).sort(), optional: named('?').sort() };
}

/** The same for what is below devices. */
function labSamples(driver: Driver, remote: string): Readonly<Record<string, Record<string, Json>>> {
  const secrets = { rootKey: KEY, chainKey: KEY };
  const [mine, theirs] = ['11'.repeat(32), '22'.repeat(32)];
  const signedPreKey = ok(driver, 'x25519.public', { private: theirs }).public;
  const init = { role: 'initiator', ...secrets, private: mine };
  const { ratchet: alice } = ok(driver, 'ratchet.init', { ...init, remote: signedPreKey });
  const { ratchet } = ok(driver, 'ratchet.init', { role: 'responder', ...secrets, private: theirs });
  const { header } = ok(driver, 'ratchet.send', { ratchet: alice });
  const keys = ok(driver, 'kem.incremental.keygen', { seed: KEY + KEY });
  const begun = ok(driver, 'kem.incremental.encaps1', { header: keys.header, random: KEY });
  const encaps2 = { state: begun.state, header: keys.header, encapsulationKey: keys.encapsulationKey };
  const { ciphertext2 } = ok(driver, 'kem.incremental.encaps2', encaps2);
  const { chunks } = ok(driver, 'spqr.encode', { message: KEY, indices: [0] });
  const { chain } = ok(driver, 'spqr.chain.init', { direction: 'A2B', pqRatchetKey: KEY });
  const braid = { direction: 'A2B', pqRatchetKey: KEY, minVersion: 1, seed: KEY };
  const sending = ok(driver, 'spqr.braid.init', braid);
  const receiving = ok(driver, 'spqr.braid.init', { ...braid, direction: 'B2A' });
  const { payload } = ok(driver, 'spqr.braid.send', sending);
  const fields = {
    version: 4,
    ratchetKey: remote,
    counter: 1,
    previousCounter: 0,
    ciphertext: '',
    pqRatchet: '',
    addresses: '',
  };
  const authentication = { macKey: KEY, sender: remote, receiver: remote };
  const build = { type: 'message', fields, authentication };
  return {
    hkdf: { ikm: KEY, salt: '00', info: '01', length: 42 },
    'chain.step': { chainKey: KEY, index: 3, pqKey: KEY },
    'ratchet.init': { ...init, remote },
    'ratchet.send': { ratchet: alice, pqKey: KEY },
    'ratchet.receive': { ratchet, header, nextPrivate: mine, pqKey: KEY },
    'ratchet.save': { ratchet },
    'kem.incremental.keygen': { seed: KEY + KEY },
    'kem.incremental.encaps1': { header: keys.header, random: KEY },
    'kem.incremental.encaps2': encaps2,
    'kem.incremental.decaps': { private: keys.private, ciphertext1: begun.ciphertext1, ciphertext2 },
    'spqr.encode': { message: KEY, indices: [0, 1] },
    'spqr.decode': { length: 32, chunks },
    'spqr.secret': { shared: KEY, epoch: 1 },
    'spqr.auth.update': { rootKey: KEY, epoch: 1, secret: KEY },
    'spqr.auth.mac': { macKey: KEY, epoch: 1, kind: 'header', message: keys.header },
    'spqr.chain.init': { direction: 'A2B', pqRatchetKey: KEY },
    'spqr.chain.advance': { chain, epoch: 1, secret: KEY },
    'spqr.chain.send': { chain, epoch: 0 },
    'spqr.chain.receive': { chain, epoch: 0, index: 1 },
    'spqr.chain.save': { chain },
    'spqr.braid.init': braid,
    'spqr.braid.send': sending,
    'spqr.braid.receive': { ...receiving, payload },
    'spqr.braid.info': sending,
    'spqr.braid.save': sending,
    'message.parse': { type: 'message', body: ok(driver, 'message.build', build).body },
    'message.build': build,
  };
}

/** Arguments that stand for another way to say the same, hence in no sample. */
export const OTHER_WAY: Readonly<Record<string, readonly string[]>> = {
  'handshake.initiate': ['kemCiphertext', 'kemShared'],
  'handshake.respond': ['kemPublic', 'kemShared'],
};

/** Good arguments for every operation, all optional ones included, and the driver that takes them; the same ones every time. */
export function samples(): { driver: Driver; all: Readonly<Record<string, Record<string, Json>>> } {
  const quiet = { random: seededRandom('samples') };
  const { driver, alice, bob, bundle, send } = twoDevices({ seed: 'a5'.repeat(32) }, newDriver(quiet));
  const [device, remote] = [alice.device, BOB];
  const sealed = send(alice, bob, 'cafe');
  const { distribution } = ok(driver, 'group.create', { device, distributionId: GROUP_ID });
  ok(driver, 'group.process', { device: bob.device, sender: ALICE, distribution });
  const group = ok(driver, 'group.encrypt', { device, distributionId: GROUP_ID, plaintext: 'cafe' });
  const kem = 'ML-KEM-768';
  const pair = ok(driver, 'kem.keygen', { kem });
  const { ciphertext } = ok(driver, 'kem.encapsulate', { kem, public: pair.public });
  const kyber = ok(driver, 'kem.keygen', { kem: 'Kyber-1024-r3' });
  const kemCiphertext = `08${ok(driver, 'kem.encapsulate', { kem: 'Kyber-1024-r3', public: kyber.public }).ciphertext}`;
  const initiate = { suite: KYBER, identityPrivate: KEY, ephemeralPrivate: KEY, kemRandom: KEY, remote: bundle };
  const respond = { suite: KYBER, identityPrivate: KEY, signedPreKeyPrivate: KEY, oneTimePreKeyPrivate: KEY };
  const publics = { remoteIdentity: bundle.identity, ephemeralPublic: bundle.preKey };
  const now = 1_796_083_200_001;
  const { state } = ok(driver, 'device.save', { device });
  const create = { local: CAROL, suites: [KYBER], pqRatchet: 'optional', registrationId: 16383, seed: KEY };
  const sides = { localId: '01', localIdentity: bundle.identity, remoteId: '', remoteIdentity: bundle.preKey };
  const all = {
    hello: {},
    'x25519.public': { private: KEY },
    'x25519.shared': { private: KEY, public: bundle.identity },
    'xeddsa.sign': { private: KEY, message: '', random: KEY + KEY },
    'xeddsa.verify': { public: bundle.identity, message: '', signature: '' },
    'kem.keygen': { kem, seed: KEY + KEY },
    'kem.encapsulate': { kem, public: pair.public, random: KEY },
    'kem.decapsulate': { kem, private: pair.private, ciphertext },
    'handshake.initiate': initiate,
    'handshake.respond': { ...respond, ...publics, kemPrivate: `08${kyber.private}`, kemCiphertext },
    'device.create': { ...create, identityPrivate: KEY },
    'device.bundle': { device, oneTime: false },
    'device.save': { device },
    'device.load': { state },
    'session.process': { device, remote, bundle: ok(driver, 'device.bundle', { device: bob.device }).bundle, now },
    'session.encrypt': { device, remote, plaintext: '', now },
    'session.decrypt': { device: bob.device, remote: ALICE, ...sealed, now },
    'session.info': { device, remote, now },
    'session.archive': { device, remote, now },
    fingerprint: { ...sides, iterations: 2, version: 1 },
    'group.create': { device, distributionId: GROUP_ID },
    'group.process': { device: bob.device, sender: ALICE, distribution },
    'group.encrypt': { device, distributionId: GROUP_ID, plaintext: '' },
    'group.decrypt': { device: bob.device, sender: ALICE, body: group.body },
    ...labSamples(driver, bundle.identity),
  };
  return { driver, all };
}
