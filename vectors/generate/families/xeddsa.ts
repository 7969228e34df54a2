/**
 * Vectors of X25519 keys and XEdDSA signatures.
 *
 * @spec 01-keys §2, §5
 * Owns: their tests. Must not know: who signs what.
 */

import { nobleProvider as provider } from '../../../protocol/crypto/noble.ts';
import { challenge, L, Point, SMALL_ORDER_POINTS, signature } from '../../../test/crypto/edwards-forge.ts';
import { SMALL_ORDER_U, u32le, unreduced, wire, withHighBit } from '../../../test/support/points.ts';
import type { CallDefinition, Family } from '../definition.ts';
import { fixed, fixedHex, flipped, hex } from '../definition.ts';
import { type Flaw, formFlaws, lengthFlaws, rangeFlaws, smallOrderFlaws } from '../flaws.ts';

const LENIENT = { strict: 'invalid', libsignal: 'valid' } as const;
const verdicts = (lenient: boolean | undefined) => (lenient === true ? { verdicts: LENIENT } : {});

const pair = (name: string) => {
  const { publicKey, privateKey } = provider.x25519FromPrivate(fixed(name));
  return { u: publicKey, public: hex(wire(publicKey)), private: hex(privateKey.expose()) };
};

const publics: CallDefinition[] = [
  ...Array.from(
    { length: 8 },
    (_, i): CallDefinition => ({
      comment: `public key ${i}`,
      req: ['KEY-02'],
      args: { private: fixedHex(`x25519 public ${i}`) },
    }),
  ),
  { comment: 'all zero bits, clamped', req: ['KEY-02'], flags: ['Clamped'], args: { private: '00'.repeat(32) } },
  { comment: 'all bits set, clamped', req: ['KEY-02'], flags: ['Clamped'], args: { private: 'ff'.repeat(32) } },
  ...lengthFlaws(fixedHex('x25519 private'), 'bad-length', 'PRIM-04').map(({ name, value, ...refused }) => ({
    comment: `a private key ${name}`,
    req: ['KEY-02'],
    args: { private: value },
    refused: { ...refused, check: `x25519 private key ${name}` },
  })),
];

const alice = pair('x25519 alice');
const bob = pair('x25519 bob');

const shareds: CallDefinition[] = [
  ...Array.from(
    { length: 10 },
    (_, i): CallDefinition => ({
      comment: `agreement ${i}`,
      req: ['KEY-02'],
      args: { private: fixedHex(`x25519 shared ${i}`), public: pair(`x25519 peer ${i}`).public },
    }),
  ),
  ...[...formFlaws(bob.public), ...rangeFlaws(bob.u)].map((flaw) => badAgreement(flaw)),
  ...smallOrderFlaws('zero-shared-secret').map((flaw) => badAgreement(flaw)),
];

function badAgreement({ name, value, reason, against, lenient }: Flaw): CallDefinition {
  return {
    comment: `a public key ${name}`,
    req: ['KEY-02'],
    args: { private: alice.private, public: value },
    refused: { reason, against, check: `x25519 public key ${name}` },
    // Who reduces p comes to 0, and to no agreement.
    ...verdicts(lenient === true && name !== 'p itself'),
  };
}

const LENGTHS = [0, 1, 32, 33, 63, 64, 65, 127, 128, 1_000];

const signs: CallDefinition[] = Array.from({ length: 24 }, (_, i) => ({
  comment: `a message of ${LENGTHS[i % LENGTHS.length]} bytes, key ${i}`,
  req: ['KEY-08'],
  args: {
    private: fixedHex(`xeddsa sign ${i}`),
    message: fixedHex(`xeddsa sign ${i}, message`, LENGTHS[i % LENGTHS.length]),
    random: fixedHex(`xeddsa sign ${i}, random`, 64),
  },
}));

const message = fixed('xeddsa message', 33);
const own = provider.x25519FromPrivate(fixed('x25519 alice')).privateKey;
const good = hex(provider.xeddsaSign(own, message, () => fixed('xeddsa random', 64)));
const verify = (changes: { public?: string; message?: string; signature?: string }) => ({
  public: alice.public,
  message: hex(message),
  signature: good,
  ...changes,
});

const fromLe = (bytes: Uint8Array): bigint => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** Whether R = sB − hA holds as the deployed verifier looks at it: s below 2^253, nothing else asked. */
function holds(args: ReturnType<typeof verify>): boolean {
  const [u, made] = [Buffer.from(args.public, 'hex').subarray(1), Buffer.from(args.signature, 'hex')];
  if (made.length !== 64 || ((made[63] as number) & 0x60) !== 0) return false;
  const { Fp, Fn } = Point;
  try {
    const A = u32le(Fp.div(Fp.sub(fromLe(u), 1n), Fp.add(fromLe(u), 1n)));
    A[31] = (A[31] as number) | ((made[63] as number) & 0x80);
    made[63] = (made[63] as number) & 0x7f;
    const [point, R] = [Point.fromBytes(A, true), made.subarray(0, 32)];
    const s = Fn.create(fromLe(made.subarray(32)));
    const sB = s === 0n ? Point.ZERO : Point.BASE.multiply(s);
    const hA = point.multiplyUnsafe(challenge(R, A, Buffer.from(args.message, 'hex')));
    return sB.subtract(hA).equals(Point.fromBytes(R, true)) && hex(sB.subtract(hA).toBytes()) === hex(R);
  } catch {
    // u = −1 has no image on the curve.
    return false;
  }
}

function rejected(
  comment: string,
  check: string,
  against: string,
  changes: Parameters<typeof verify>[0],
): CallDefinition {
  const args = verify(changes);
  return {
    comment,
    req: ['KEY-09', 'KEY-10', 'KEY-11'],
    args,
    refused: { reason: 'not-valid', check: `xeddsa ${check}`, against },
    ...verdicts(holds(args)),
  };
}

/** The signature that all damaged ones are made of. */
const base: CallDefinition = {
  comment: 'the signature that the invalid ones are made of',
  req: ['KEY-11'],
  args: verify({}),
};

const valids: CallDefinition[] = Array.from({ length: 16 }, (_, i) => {
  const private_ = fixed(`xeddsa verify ${i}`);
  const text = fixed(`xeddsa verify ${i}, message`, LENGTHS[i % LENGTHS.length]);
  const { publicKey, privateKey } = provider.x25519FromPrivate(private_);
  const made = provider.xeddsaSign(privateKey, text, () => fixed(`xeddsa verify ${i}, random`, 64));
  const sign = (made[63] as number) >>> 7;
  return {
    comment: `a good signature, sign ${sign}`,
    flags: sign === 1 ? ['SignSet'] : [],
    req: ['KEY-09', 'KEY-11'],
    args: { public: hex(wire(publicKey)), message: hex(text), signature: hex(made) },
  };
});

/** s + nL, under the sign bit of the original. */
function withS(add: bigint): string {
  const bytes = Buffer.from(good, 'hex');
  const sign = (bytes[63] as number) & 0x80;
  bytes[63] = (bytes[63] as number) & 0x7f;
  const s = bytes.subarray(32).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n) + add;
  const out = u32le(s);
  out[31] = (out[31] as number) | sign;
  return hex(bytes.subarray(0, 32), out);
}

/** R of small order with s = h·a, which satisfies the equation up to R: refused for R itself. */
function smallR(R: Uint8Array): string {
  const scalar = provider.x25519FromPrivate(fixed('x25519 alice')).privateKey.expose();
  const a = Point.Fn.create(scalar.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n));
  const A = Point.BASE.multiply(a).toBytes();
  const made = signature(R, Point.Fn.create(challenge(R, A, message) * a));
  made[63] = (made[63] as number) | ((A[31] as number) & 0x80);
  return hex(made);
}

const invalids: CallDefinition[] = [
  rejected('one bit of R flipped', 'R flipped', 'PRIM-05', { signature: flipped(good, 9) }),
  rejected('one bit of s flipped', 's flipped', 'PRIM-05', { signature: flipped(good, 300) }),
  rejected('the sign of A flipped', 'sign flipped', 'PRIM-05', { signature: flipped(good, 511) }),
  rejected('one bit of the message flipped', 'message flipped', 'PRIM-05', { message: flipped(hex(message), 0) }),
  rejected('an empty message in place of the one signed', 'message cut', 'PRIM-05', { message: '' }),
  rejected('a byte after the message', 'message longer', 'PRIM-05', { message: `${hex(message)}00` }),
  rejected('another key', 'other key', 'PRIM-05', { public: bob.public }),
  rejected('halves swapped', 'halves swapped', 'PRIM-05', { signature: good.slice(64) + good.slice(0, 64) }),
  rejected('all zero', 'all zero', 'PRIM-05', { signature: '00'.repeat(64) }),
  rejected('all bits set', 'all one', 'PRIM-05', { signature: 'ff'.repeat(64) }),
  rejected('s + L', 's + L', 'PRIM-05', { signature: withS(L) }),
  rejected('s = L, R the identity', 's = L', 'PRIM-05', { signature: hex(u32le(1n), u32le(L)) }),
  rejected('empty', 'empty', 'PRIM-05', { signature: '' }),
  rejected('63 bytes', '63 bytes', 'PRIM-05', { signature: good.slice(0, -2) }),
  rejected('65 bytes', '65 bytes', 'PRIM-05', { signature: `${good}00` }),
  ...SMALL_ORDER_POINTS.map((point, i) =>
    rejected(`R of small order, point ${i}`, `R of small order ${i}`, 'PRIM-05', { signature: smallR(point) }),
  ),
  ...SMALL_ORDER_U.slice(0, 5).map((u, i) =>
    rejected(`A of small order, u ${i}`, `A of small order ${i}`, 'PRIM-05', {
      public: hex(wire(u)),
      signature: hex(u32le(1n), u32le(0n)),
    }),
  ),
];

/** Keys that are refused before any signature is looked at. */
const badKeys: CallDefinition[] = [
  ...formFlaws(alice.public),
  {
    name: 'with bit 255 set',
    value: hex(wire(withHighBit(alice.u))),
    reason: 'non-canonical-public-key',
    against: 'PRIM-04',
    lenient: true,
  },
  { name: '9 + p', value: hex(wire(unreduced(9n))), reason: 'non-canonical-public-key', against: 'PRIM-04' },
].map(({ name, value, reason, against, lenient }: Flaw) => ({
  comment: `a public key ${name}`,
  req: ['KEY-09'],
  args: verify({ public: value }),
  refused: { reason, against, check: `xeddsa public key ${name}` },
  // A verifier may say no to a key by its answer.
  verdicts: { strict: 'invalid', libsignal: lenient === true ? 'valid' : 'invalid' },
}));

export const xeddsa: Family = {
  name: 'xeddsa',
  algorithm: 'X25519 and XEdDSA',
  header: ['Public keys in wire form, 05 ‖ u. Signatures of the deployed form: the sign of A in bit 7 of byte 63.'],
  notes: {
    Clamped: { description: 'The private key is clamped where it is used.' },
    SignSet: { description: 'A has its sign set, which the published text would have forced to 0.' },
  },
  groups: [
    { type: 'X25519Public', spec: 'spec/01-keys.md §2', op: 'x25519.public', tests: publics },
    { type: 'X25519Shared', spec: 'spec/01-keys.md §2', op: 'x25519.shared', tests: shareds },
    { type: 'XeddsaSign', spec: 'spec/01-keys.md §5', op: 'xeddsa.sign', tests: signs },
    {
      type: 'XeddsaVerify',
      spec: 'spec/01-keys.md §5',
      op: 'xeddsa.verify',
      tests: [base, ...valids, ...invalids, ...badKeys],
    },
  ],
};
