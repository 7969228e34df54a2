/**
 * Messages built from their fields, with what their MAC or signature is over.
 *
 * @spec 15-driver-lab §9
 * Owns: tests of `message.build`, and the same messages parsed again. Must not know: malformed encodings.
 */
import type { Fields, Json } from '../../cli/conform/vector-file.ts';
import type { CallDefinition } from './definition.ts';
import { change, fixedHex } from './definition.ts';
import { formFlaws, rangeFlaws } from './flaws.ts';
import { pair } from './parties.ts';

/** Arguments of one message. */
interface Message {
  readonly what: string;
  readonly type: string;
  readonly fields: Fields;
  readonly authentication?: Fields;
  readonly req: readonly string[];
}

const key = (name: string) => pair(`messages, ${name}`);
const UUID = '6f1d2c3b-4a59-6877-8091-9fa0b1c2d3e4';
const largest = 2 ** 32 - 1;

const macInputs: Fields = {
  macKey: fixedHex('messages, mac key'),
  sender: key('sender').public,
  receiver: key('receiver').public,
};

const message: Fields = {
  version: 4,
  ratchetKey: key('ratchet').public,
  counter: 7,
  previousCounter: 3,
  ciphertext: fixedHex('messages, ciphertext', 32),
};
const addresses = `00${fixedHex('messages, from', 16)}0100${fixedHex('messages, to', 16)}02`;

const signal = (what: string, changes: Fields, authentication: Fields = macInputs): Message => ({
  what: `SignalMessage ${what}`,
  type: 'message',
  fields: { ...message, ...changes },
  authentication,
  req: ['MSG-11', 'MSG-14', 'SES-05'],
});

const prekey: Fields = {
  version: 4,
  preKeyId: 23,
  baseKey: key('base').public,
  identityKey: key('identity').public,
  message: `44${fixedHex('messages, inner', 90)}`,
  registrationId: 17,
  signedPreKeyId: 29,
  kemPreKeyId: 31,
  kemCiphertext: `08${fixedHex('messages, KEM', 1_568)}`,
};
const noKem = { kemPreKeyId: undefined, kemCiphertext: undefined };

const preKeySignal = (what: string, changes: Readonly<Record<string, Json | undefined>>): Message => ({
  what: `PreKeySignalMessage ${what}`,
  type: 'prekey',
  fields: change(prekey, changes),
  req: ['MSG-15'],
});

const signing: Fields = {
  signingPrivate: key('signing').private,
  random: fixedHex('messages, signing random', 64),
};
const group: Fields = {
  distributionId: UUID,
  chainId: 0x12345,
  iteration: 300,
  ciphertext: fixedHex('messages, group', 16),
};
const senderKey = (what: string, changes: Fields, authentication: Fields = signing): Message => ({
  what: `SenderKeyMessage ${what}`,
  type: 'sender-key',
  fields: { ...group, ...changes },
  authentication,
  req: ['SKY-02', 'SKY-05'],
});

const chain: Fields = {
  distributionId: UUID,
  chainId: 0x12345,
  iteration: 300,
  chainKey: fixedHex('messages, chain'),
  signingKey: key('signing').public,
};
const distribution = (what: string, changes: Fields): Message => ({
  what: `SenderKeyDistributionMessage ${what}`,
  type: 'distribution',
  fields: { ...chain, ...changes },
  req: ['SKY-02'],
});

const failure: Fields = { ratchetKey: key('failed').public, timestamp: 1_790_000_000_123, deviceId: 2 };
const errors = (what: string, changes: Readonly<Record<string, Json | undefined>>): Message[] =>
  [
    ['decryption-error', 'DecryptionErrorMessage'],
    ['plaintext', 'PlaintextContent'],
  ].map(([type = '', name = '']) => ({
    what: `${name} ${what}`,
    type,
    fields: change(failure, changes),
    req: ['MSG-27', 'MSG-30'],
  }));

const payload = (what: string, fields: Fields): Message => ({
  what: `payload ${what}`,
  type: 'spqr',
  fields: { epoch: 1, index: 1, ...fields },
  req: ['BRD-02'],
});
const chunk = (index: number) => ({ index, data: fixedHex('messages, chunk') });

const MESSAGES: readonly Message[] = [
  signal('of version 4', {}),
  signal('of version 3', { version: 3 }),
  signal('with a payload', { pqRatchet: '01010100' }),
  signal('with addresses', { pqRatchet: '01010100', addresses }),
  signal('with addresses and no payload', { addresses }),
  signal('of zeros', { counter: 0, previousCounter: 0 }),
  signal('of the largest numbers', { counter: largest, previousCounter: largest }),
  signal('of numbers of two bytes', { counter: 128, previousCounter: 16_383 }),
  signal('without ciphertext', { ciphertext: '' }),
  signal('with a ciphertext of 1,000 bytes', { ciphertext: fixedHex('messages, long', 1_000) }),
  signal('with one identity on both ends', {}, { ...macInputs, receiver: key('sender').public }),
  signal(
    'with the ends exchanged',
    {},
    { ...macInputs, sender: key('receiver').public, receiver: key('sender').public },
  ),
  signal('with a given MAC', {}, { mac: fixedHex('messages, mac', 8) }),
  preKeySignal('of version 4', {}),
  preKeySignal('without a one-time prekey', { preKeyId: undefined }),
  preKeySignal('of version 3', { version: 3, ...noKem }),
  preKeySignal('of version 3 without a one-time prekey', { version: 3, ...noKem, preKeyId: undefined }),
  preKeySignal('of ids 0', { preKeyId: 0, signedPreKeyId: 0, registrationId: 0, ...noKem, version: 3 }),
  preKeySignal('of the largest ids', {
    preKeyId: largest,
    signedPreKeyId: largest,
    registrationId: largest,
    ...noKem,
    version: 3,
  }),
  senderKey('', {}),
  senderKey('of zeros', { chainId: 0, iteration: 0 }),
  senderKey('of the largest numbers', { chainId: largest, iteration: largest }),
  senderKey('without ciphertext', { ciphertext: '' }),
  senderKey('with a given signature', {}, { signature: fixedHex('messages, signature', 64) }),
  senderKey('of an id in upper case', { distributionId: UUID.toUpperCase() }),
  distribution('', {}),
  distribution('of zeros', { chainId: 0, iteration: 0 }),
  distribution('of the largest numbers', { chainId: largest, iteration: largest }),
  ...errors('of a session’s message', {}),
  ...errors('of a group message', { ratchetKey: undefined }),
  ...errors('of zeros', { timestamp: 0, deviceId: 0 }),
  ...errors('of the largest numbers', { timestamp: Number.MAX_SAFE_INTEGER, deviceId: largest }),
  payload('none', { kind: 'none' }),
  payload('header', { kind: 'header', chunk: chunk(0) }),
  payload('ek', { kind: 'ek', chunk: chunk(127) }),
  payload('ekCt1Ack', { kind: 'ekCt1Ack', chunk: chunk(128) }),
  payload('ct1Ack', { kind: 'ct1Ack' }),
  payload('ct1', { kind: 'ct1', chunk: chunk(0xffff), index: largest }),
  payload('ct2', { kind: 'ct2', chunk: chunk(4), epoch: Number.MAX_SAFE_INTEGER, version: 1 }),
];

/** Each of them built. */
export const BUILDS: readonly CallDefinition[] = MESSAGES.map(({ what, type, fields, authentication, req }) => ({
  comment: what.trim(),
  req: [...req, 'DRV-31'],
  args: { type, fields, ...(authentication === undefined ? {} : { authentication }) },
  trace: authentication?.macKey !== undefined,
}));

function refused(good: Message, what: string, reason: string, against: string, changes: Fields | null): CallDefinition {
  const { type, fields, authentication } = good;
  const [name = ''] = good.what.split(' ');
  const auth = authentication === undefined ? {} : { authentication };
  return {
    comment: `${name} ${what}`,
    req: ['DRV-06', 'DRV-31'],
    args: { type, fields, ...auth, ...changes },
    refused: { reason, against, check: `build ${name} ${what}` },
  };
}

const GOOD = {
  message: signal('', {}),
  prekey: preKeySignal('', { ...noKem, version: 3 }),
  senderKey: senderKey('', {}),
  distribution: distribution('', {}),
  error: errors('', {})[0] as Message,
  payload: payload('', { kind: 'ct1', chunk: chunk(1) }),
};

/** Changes of a field; `undefined` takes it out. */
function field(
  good: Message,
  what: string,
  reason: string,
  against: string,
  changes: Readonly<Record<string, Json | undefined>>,
) {
  return refused(good, what, reason, against, { fields: change(good.fields, changes) });
}

function authentication(
  good: Message,
  what: string,
  reason: string,
  against: string,
  changes: Readonly<Record<string, Json | undefined>>,
) {
  return refused(good, what, reason, against, { authentication: change(good.authentication ?? {}, changes) });
}

const keyFields: readonly (readonly [Message, string])[] = [
  [GOOD.message, 'ratchetKey'],
  [GOOD.prekey, 'baseKey'],
  [GOOD.prekey, 'identityKey'],
  [GOOD.distribution, 'signingKey'],
  [GOOD.error, 'ratchetKey'],
];

const keys = keyFields.flatMap(([good, name]) => {
  const value = good.fields[name] as string;
  const u = Uint8Array.from(Buffer.from(value.slice(2), 'hex'));
  const [, , raw, , longer, typed] = formFlaws(value);
  const [high] = rangeFlaws(u);
  return [raw, longer, typed, high].flatMap((flaw) =>
    flaw === undefined ? [] : [field(good, `${name} ${flaw.name}`, flaw.reason, 'PRIM-04', { [name]: flaw.value })],
  );
});

const numbers: readonly (readonly [Message, string])[] = [
  [GOOD.message, 'counter'],
  [GOOD.message, 'previousCounter'],
  [GOOD.prekey, 'preKeyId'],
  [GOOD.prekey, 'registrationId'],
  [GOOD.prekey, 'signedPreKeyId'],
  [GOOD.senderKey, 'chainId'],
  [GOOD.senderKey, 'iteration'],
  [GOOD.distribution, 'iteration'],
  [GOOD.error, 'deviceId'],
  [GOOD.payload, 'index'],
];

const range = 'not-in-range';

const others: CallDefinition[] = [
  ...numbers.map(([good, name]) => field(good, `${name} 2^32`, range, 'RAT-02', { [name]: 2 ** 32 })),
  ...[0, 2, 5].flatMap((version) => [
    field(GOOD.message, `version ${version}`, range, 'RAT-04', { version }),
    field(GOOD.prekey, `version ${version}`, range, 'RAT-04', { version }),
  ]),
  field(GOOD.error, 'timestamp 2^53', range, 'PAR-02', { timestamp: 2 ** 53 }),
  field(GOOD.payload, 'epoch 0', range, 'RAT-05', { epoch: 0 }),
  field(GOOD.payload, 'epoch 2^53', range, 'PAR-02', { epoch: 2 ** 53 }),
  field(GOOD.payload, 'chunk index 2^16', range, 'PRIM-13', { chunk: chunk(2 ** 16) }),
  field(GOOD.payload, 'chunk of 31 bytes', 'bad-length', 'PAR-02', { chunk: { index: 1, data: '00'.repeat(31) } }),
  field(GOOD.payload, 'chunk of 33 bytes', 'bad-length', 'PAR-02', { chunk: { index: 1, data: '00'.repeat(33) } }),
  field(GOOD.payload, 'without its chunk', 'missing-field', 'PAR-02', { chunk: undefined }),
  field(GOOD.payload, 'none with a chunk', 'not-of-this-kind', 'PAR-02', { kind: 'none' }),
  field(GOOD.payload, 'ct1Ack with a chunk', 'not-of-this-kind', 'PAR-02', { kind: 'ct1Ack' }),
  field(GOOD.payload, 'of an unknown kind', 'not-one-of', 'PAR-02', { kind: 'ct3' }),
  field(GOOD.senderKey, 'of no UUID', 'not-a-uuid', 'PAR-03', { distributionId: UUID.replaceAll('-', '') }),
  field(GOOD.distribution, 'of a UUID in braces', 'not-a-uuid', 'PAR-03', { distributionId: `{${UUID}}` }),
  field(GOOD.distribution, 'chain key of 31 bytes', 'bad-length', 'GRP-01', { chainKey: '00'.repeat(31) }),
  field(GOOD.distribution, 'chain key of 33 bytes', 'bad-length', 'GRP-01', { chainKey: '00'.repeat(33) }),
  ...[7, 9, 32].map((length) =>
    refused(GOOD.message, `MAC of ${length} bytes`, 'bad-length', 'RAT-13', {
      authentication: { mac: '00'.repeat(length) },
    }),
  ),
  authentication(GOOD.message, 'MAC key of 31 bytes', 'bad-length', 'RAT-13', { macKey: '00'.repeat(31) }),
  authentication(GOOD.message, 'without a MAC key', 'missing-field', 'RAT-13', { macKey: undefined }),
  authentication(GOOD.message, 'without a sender', 'missing-field', 'RAT-13', { sender: undefined }),
  authentication(GOOD.message, 'without a receiver', 'missing-field', 'RAT-13', { receiver: undefined }),
  authentication(GOOD.message, 'MAC beside a MAC key', 'not-together', 'RAT-13', { mac: '00'.repeat(8) }),
  authentication(GOOD.message, 'raw sender', 'bad-length', 'PRIM-04', { sender: key('sender').public.slice(2) }),
  authentication(GOOD.message, 'receiver of type 06', 'bad-key-type', 'PRIM-04', {
    receiver: `06${key('receiver').public.slice(2)}`,
  }),
  refused(GOOD.senderKey, 'signature of 63 bytes', 'bad-length', 'GRP-01', {
    authentication: { signature: '00'.repeat(63) },
  }),
  refused(GOOD.senderKey, 'signature of 65 bytes', 'bad-length', 'GRP-01', {
    authentication: { signature: '00'.repeat(65) },
  }),
  authentication(GOOD.senderKey, 'signing key of 31 bytes', 'bad-length', 'GRP-01', {
    signingPrivate: '00'.repeat(31),
  }),
  authentication(GOOD.senderKey, 'without a signing key', 'missing-field', 'GRP-01', { signingPrivate: undefined }),
  authentication(GOOD.senderKey, 'signing randomness of 32 bytes', 'bad-length', 'PRIM-12', {
    random: '00'.repeat(32),
  }),
  authentication(GOOD.senderKey, 'signature beside a signing key', 'not-together', 'GRP-01', {
    signature: '00'.repeat(64),
  }),
];

/** What cannot be built. */
export const REFUSED_BUILDS: readonly CallDefinition[] = [...keys, ...others];
