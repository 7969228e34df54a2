/**
 * Random arguments for operations of the driver that keep nothing, good ones and forged ones.
 *
 * @spec 11-driver §3, 15-driver-lab §3
 * Owns: what belongs together in the arguments of an operation. Must not know: answers, drivers other than ours.
 */
import { fromHex, toHex } from '../../protocol/bytes/bytes.ts';
import {
  answer as answerOf,
  challenge,
  L,
  montgomeryOf,
  Point,
  SMALL_ORDER_POINTS,
  signature,
  T8,
  withSignOf,
} from '../crypto/edwards-forge.ts';
import { type Draw, strangeKey } from './damage.ts';
import { type Json, newDriver, ok } from './driver.ts';
import { KYBER, PQXDH, X3DH } from './peers.ts';
import { seededRandom } from './seeded-random.ts';

type Args = Record<string, Json>;

const maker = newDriver({ random: seededRandom('requests') });
const publicOf = (key: string): string => ok(maker, 'x25519.public', { private: key }).public;
const sign = (draw: Draw, key: string, message: string): string =>
  ok(maker, 'xeddsa.sign', { private: key, message, random: draw.hex(64) }).signature;

/** KEM keys are large and slow to make, and what is in them is no business of a driver that runs no KEM. */
const KEM_KEYS: readonly string[] = ['01', '02', '03'].map(
  (byte) => ok(maker, 'kem.keygen', { kem: 'ML-KEM-1024', seed: byte.repeat(64) }).public,
);

function pair(draw: Draw): { key: string; public: string } {
  const key = draw.hex(32);
  return { key, public: publicOf(key) };
}

const point = (draw: Draw) => Point.BASE.multiply(1n + BigInt(`0x${draw.hex(31)}`));

/**
 * A signature under a key of which a part has small order, or with such a nonce, for which R = sB − hA holds: chosen
 * among messages until it does. Of these only the key that is not of small order itself may verify.
 */
function forgedSignature(draw: Draw): Args {
  const scalar = 1n + BigInt(`0x${draw.hex(31)}`);
  const torsion = Point.fromBytes(draw.pick(SMALL_ORDER_POINTS.slice(1)));
  const way = draw.pick(['small key', 'mixed key', 'small nonce'] as const);
  const honest = Point.BASE.multiply(scalar);
  const key = way === 'small key' ? torsion : way === 'mixed key' ? honest.add(T8) : honest;
  const nonce = way === 'small nonce' ? draw.pick([Point.ZERO, torsion]) : point(draw);
  const r = way === 'small nonce' ? 0n : 1n + BigInt(`0x${draw.hex(31)}`);
  const R = (way === 'small nonce' ? nonce : Point.BASE.multiply(r)).toBytes();
  const [A, a] = [key.toBytes(), way === 'small key' ? 0n : scalar];
  const message = Array.from({ length: 64 }, () => fromHex(draw.hex(4))).find(
    (text) => challenge(R, A, text) % 8n === 0n,
  );
  const text = message ?? fromHex(draw.hex(4));
  const signed = withSignOf(A, signature(R, answerOf(r, R, A, a, text)));
  return { public: `05${toHex(montgomeryOf(key))}`, message: toHex(text), signature: toHex(signed) };
}

/** An honest signature with another s, another sign or another R. */
function alteredSignature(draw: Draw, args: Args): Args {
  const bytes = fromHex(args.signature);
  const s = BigInt(`0x${toHex(bytes.slice(32).reverse())}`) % 2n ** 255n;
  const more = draw.pick([
    () => signature(bytes.slice(0, 32), s + L),
    () => signature(bytes.slice(0, 32), 2n ** 255n - 1n),
    () => Uint8Array.from([...bytes.slice(0, 63), (bytes[63] as number) ^ draw.pick([0x80, 0x40, 0x20, 0x10])]),
    () => Uint8Array.from([...Point.fromBytes(bytes.slice(0, 32)).add(T8).toBytes(), ...bytes.slice(32)]),
  ])();
  return { ...args, signature: toHex(more) };
}

function verifyArgs(draw: Draw): Args {
  const { key, public: own } = pair(draw);
  const message = draw.hex(draw.below(100));
  const honest = { public: own, message, signature: sign(draw, key, message) };
  const way = draw.below(8);
  if (way < 2) return forgedSignature(draw);
  if (way < 4) return alteredSignature(draw, honest);
  return way < 5 ? { ...honest, public: strangeKey(draw, own) } : honest;
}

const hasKem = (suite: string) => suite !== X3DH;
const kemType = (suite: string) => (suite === KYBER ? '08' : '0a');
const kemKey = (draw: Draw, suite: string) => kemType(suite) + draw.pick(KEM_KEYS);

function bundleArgs(draw: Draw, withKem: boolean, suite: string): Args {
  const [identity, signed, oneTime] = [pair(draw), pair(draw), pair(draw)];
  const id = () => draw.pick([0, 1, 2 ** 32 - 1, draw.below(2 ** 32)]);
  const kem = kemKey(draw, suite);
  return {
    registrationId: id(),
    deviceId: 1 + draw.below(127),
    identity: identity.public,
    signedPreKeyId: id(),
    signedPreKey: signed.public,
    signedPreKeySignature: sign(draw, identity.key, signed.public),
    ...(draw.below(2) > 0 ? { preKeyId: id(), preKey: oneTime.public } : {}),
    ...(withKem ? { kemPreKeyId: id(), kemPreKey: kem, kemPreKeySignature: sign(draw, identity.key, kem) } : {}),
  };
}

const SUITES = [X3DH, PQXDH, KYBER];

/** One thing about a handshake that its shape allows and a peer must not have. */
type Alteration = (draw: Draw, args: Args) => Args;
const at = (field: string, change: (draw: Draw, value: string) => string): Alteration => {
  const [first = '', second] = field.split('.');
  return (draw, args) => {
    if (args[first] === undefined || (second !== undefined && args[first][second] === undefined)) return args;
    if (second === undefined) return { ...args, [first]: change(draw, args[first]) };
    return { ...args, [first]: { ...args[first], [second]: change(draw, args[first][second]) } };
  };
};
const anotherKey = (draw: Draw) => pair(draw).public;
const anotherSignature = (draw: Draw) => sign(draw, draw.hex(32), draw.hex(33));
const anotherType = (draw: Draw, key: string) => draw.pick(['00', '05', '06', '08', '0a']) + key.slice(2);
const anotherLength = (draw: Draw, key: string) => draw.pick([key.slice(2), `${key}00`, '', key.slice(0, 2)]);

/** One coefficient of a vector of 12-bit numbers is q = 3329 or more. */
function unreducedKem(draw: Draw, key: string): string {
  const bytes = fromHex(key);
  const from = 1 + 3 * draw.below(512);
  const pairs = draw.pick([
    [0x01, 0x0d, 0x00],
    [0xff, 0x0f, 0x00],
    [0x00, 0x10, 0xd0],
    [0x00, 0xf0, 0xff],
    // The largest that are reduced.
    [0x00, 0x0d, 0xd0],
  ]);
  bytes.set(pairs, from);
  return toHex(bytes);
}

const BUNDLE_ALTERATIONS: readonly Alteration[] = [
  ...['identity', 'signedPreKey', 'preKey'].flatMap((key) => [
    at(`remote.${key}`, strangeKey),
    at(`remote.${key}`, strangeKey),
    at(`remote.${key}`, anotherType),
    at(`remote.${key}`, anotherLength),
    at(`remote.${key}`, anotherKey),
  ]),
  ...['signedPreKeySignature', 'kemPreKeySignature'].flatMap((signed) => [
    at(`remote.${signed}`, anotherSignature),
    at(`remote.${signed}`, anotherLength),
  ]),
  at('remote.kemPreKey', unreducedKem),
  at('remote.kemPreKey', anotherType),
  at('remote.kemPreKey', anotherLength),
  at('kemCiphertext', anotherType),
  at('kemCiphertext', anotherLength),
  (draw, args) => ({ ...args, suite: hasKem(args.suite) ? draw.pick(SUITES) : args.suite }),
  (draw, args) => ({ ...args, remote: bundleArgs(draw, !hasKem(args.suite), args.suite) }),
  (draw, args) =>
    hasKem(args.suite) ? { ...args, kemRandom: draw.hex(32) } : { ...args, ...initiatorKem(draw, KYBER) },
];

const initiatorKem = (draw: Draw, suite: string): Args => ({
  kemShared: draw.hex(32),
  kemCiphertext: kemType(suite) + draw.hex(1568),
});

function initiateArgs(draw: Draw): Args {
  const suite = draw.pick(SUITES);
  return {
    suite,
    identityPrivate: draw.hex(32),
    ephemeralPrivate: draw.hex(32),
    ...(hasKem(suite) ? initiatorKem(draw, suite) : {}),
    remote: bundleArgs(draw, hasKem(suite), suite),
  };
}

const RESPONSE_ALTERATIONS: readonly Alteration[] = [
  ...['remoteIdentity', 'ephemeralPublic'].flatMap((key) => [
    at(key, strangeKey),
    at(key, strangeKey),
    at(key, anotherType),
    at(key, anotherLength),
  ]),
  ...['kemPublic', 'kemCiphertext'].flatMap((field) => [at(field, anotherType), at(field, anotherLength)]),
  at('kemPublic', unreducedKem),
  (draw, args) => ({ ...args, suite: hasKem(args.suite) ? draw.pick(SUITES) : args.suite }),
  (draw, args) =>
    hasKem(args.suite) ? { ...args, kemPrivate: `08${draw.hex(64)}` } : { ...args, ...responderKem(draw, KYBER) },
];

const responderKem = (draw: Draw, suite: string): Args => ({
  kemShared: draw.hex(32),
  kemPublic: kemKey(draw, suite),
  kemCiphertext: kemType(suite) + draw.hex(1568),
});

function respondArgs(draw: Draw): Args {
  const suite = draw.pick(SUITES);
  return {
    suite,
    identityPrivate: draw.hex(32),
    signedPreKeyPrivate: draw.hex(32),
    ...(draw.below(2) > 0 ? { oneTimePreKeyPrivate: draw.hex(32) } : {}),
    ...(hasKem(suite) ? responderKem(draw, suite) : {}),
    remoteIdentity: pair(draw).public,
    ephemeralPublic: pair(draw).public,
  };
}

const maybe = (draw: Draw, args: Args): Args => (draw.below(3) > 0 ? args : {});

/** Operation → random arguments; mostly such as are answered. */
export const MAKERS: Readonly<Record<string, (draw: Draw) => Args>> = {
  hello: () => ({}),
  'x25519.public': (draw) => ({ private: draw.pick([draw.hex(32), '00'.repeat(32), 'ff'.repeat(32)]) }),
  'x25519.shared': (draw) => {
    const { public: honest } = pair(draw);
    return { private: draw.hex(32), public: draw.below(4) > 0 ? honest : strangeKey(draw, honest) };
  },
  'xeddsa.sign': (draw) => ({ private: draw.hex(32), message: draw.hex(draw.below(200)), random: draw.hex(64) }),
  'xeddsa.verify': verifyArgs,
  hkdf: (draw) => ({
    ikm: draw.hex(draw.below(100)),
    ...maybe(draw, { salt: draw.hex(draw.below(100)) }),
    info: draw.hex(draw.below(100)),
    length: draw.pick([1, 31, 32, 33, 8160, 8161, 1 + draw.below(300)]),
  }),
  'chain.step': (draw) => ({
    chainKey: draw.hex(32),
    ...maybe(draw, { index: draw.pick([0, 1, draw.below(100), draw.below(2000), 25_001]) }),
    ...maybe(draw, { pqKey: draw.hex(32) }),
  }),
  fingerprint: (draw) => ({
    localId: draw.hex(draw.below(40)),
    localIdentity: pair(draw).public,
    remoteId: draw.hex(draw.pick([0, 16, 17])),
    remoteIdentity: pair(draw).public,
    iterations: draw.pick([0, 1, 2, 3, 5200, 1_000_001, 2 + draw.below(500)]),
    ...maybe(draw, { version: draw.pick([0, 1, 2, 3]) }),
  }),
  'handshake.initiate': initiateArgs,
  'handshake.respond': respondArgs,
};

/** Operation → what can be wrong with good arguments of it; of the others their makers see to that. */
export const ALTERATIONS: Readonly<Record<string, readonly Alteration[]>> = {
  'handshake.initiate': BUNDLE_ALTERATIONS,
  'handshake.respond': RESPONSE_ALTERATIONS,
};
