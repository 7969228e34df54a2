/**
 * Vectors of messages as bytes.
 *
 * @spec 04-messages, 08-braid §2, 13-groups §2, §3
 * Owns: the tests of single messages, beside those that all have. Must not know: sessions, whether anything is authentic.
 */
import { SMALL_ORDER_U, wire } from '../../../test/support/points.ts';
import { BUILDS, REFUSED_BUILDS } from '../build-tests.ts';
import type { CallDefinition, Family } from '../definition.ts';
import { fixedHex, hex } from '../definition.ts';
import {
  decryptionError,
  distributionMessage,
  encoded,
  type Field,
  fieldsOf,
  LAYOUTS,
  type Layout,
  plaintextContent,
  preKeySignalMessage,
  senderKeyMessage,
  signalMessage,
} from '../layouts.ts';
import { fieldFlaws, looseForms, refused, strayFlaws, versionFlaws, withField } from '../message-flaws.ts';
import { PAYLOAD_TESTS } from '../payload-tests.ts';
import { bytesField, numberField, varint } from '../protobuf.ts';

const good = (layout: Layout) => encoded(layout, fieldsOf(layout.fields));

function fieldOf({ fields, name }: Layout, wanted: string): Field {
  const found = fields.find((field) => field.name === wanted);
  if (found === undefined) throw new Error(`${name} has no ${wanted}`);
  return found;
}

function accepted(layout: Layout, what: string, req: string, body: string): CallDefinition {
  const { type, name } = layout;
  return { comment: `${name}: ${what}`, req: [req], args: { type, body } };
}

/** Bodies that end before there is anything to read. */
const short: CallDefinition[] = [
  ...[0, 1, 8].map((bytes) =>
    refused(signalMessage, good(signalMessage).slice(0, bytes * 2), {
      what: `of ${bytes} bytes`,
      reason: 'too-short',
      req: ['MSG-13'],
    }),
  ),
  refused(signalMessage, `44${signalMessage.tail}`, { what: 'of version and MAC alone', reason: 'missing-field' }),
  refused(preKeySignalMessage, '', { what: 'of 0 bytes', reason: 'too-short' }),
  refused(preKeySignalMessage, '44', { what: 'of the version alone', reason: 'missing-field' }),
  ...[0, 1, 64].map((bytes) =>
    refused(senderKeyMessage, good(senderKeyMessage).slice(0, bytes * 2), {
      what: `of ${bytes} bytes`,
      reason: 'too-short',
    }),
  ),
  refused(senderKeyMessage, `33${senderKeyMessage.tail}`, {
    what: 'of version and signature alone',
    reason: 'missing-field',
  }),
  refused(distributionMessage, '', { what: 'of 0 bytes', reason: 'too-short' }),
  refused(distributionMessage, '33', { what: 'of the version alone', reason: 'missing-field' }),
  refused(decryptionError, '', { what: 'of 0 bytes', reason: 'missing-field' }),
  refused(plaintextContent, '', { what: 'of 0 bytes', reason: 'too-short' }),
  refused(plaintextContent, 'c0', { what: 'of 1 byte', reason: 'too-short' }),
  refused(plaintextContent, 'c080', { what: 'of its ends alone', reason: 'missing-field' }),
];

/** The low nibble of the first byte means nothing. */
const lowNibbles: CallDefinition[] = [
  signalMessage,
  preKeySignalMessage,
  senderKeyMessage,
  distributionMessage,
].flatMap((layout) =>
  ['0', '3', 'f']
    .filter((low) => low !== layout.head[1])
    .map((low) => {
      const body = layout.head.slice(0, 1) + low + good(layout).slice(2);
      return accepted(layout, `with ${low} as low nibble of the version`, 'MSG-12', body);
    }),
);

const fieldsWithout = ({ fields }: Layout, ...names: readonly string[]) =>
  fieldsOf(fields.filter(({ name }) => !names.includes(name)));
const kem = ['KEM prekey id', 'KEM ciphertext'] as const;
const older = { ...preKeySignalMessage, head: '34' };

const kemParts: CallDefinition[] = [
  accepted(older, 'of version 3 without KEM', 'MSG-16', encoded(older, fieldsWithout(older, ...kem))),
  accepted(older, 'of version 3 with a KEM', 'MSG-16', good(older)),
  ...kem.map((name) =>
    refused(older, encoded(older, fieldsWithout(older, name)), {
      what: `of version 3 without ${name}`,
      reason: 'missing-field',
      against: 'PQX-07',
      req: ['MSG-16'],
    }),
  ),
  refused(preKeySignalMessage, encoded(preKeySignalMessage, fieldsWithout(preKeySignalMessage, ...kem)), {
    what: 'of version 4 without KEM',
    reason: 'missing-field',
    against: 'PQX-07',
    req: ['MSG-16'],
  }),
  refused(
    preKeySignalMessage,
    encoded(preKeySignalMessage, fieldsWithout(preKeySignalMessage, ...kem, 'one-time prekey id')),
    {
      what: 'of version 4 without KEM and one-time prekey',
      reason: 'missing-field',
      against: 'PQX-07',
      req: ['MSG-16'],
    },
  ),
];

/** Which key is welcome is decided by who uses it: a canonical one of small order is read. */
const smallOrder: CallDefinition[] = [
  [signalMessage, 'ratchet key'] as const,
  [preKeySignalMessage, 'base key'] as const,
  [preKeySignalMessage, 'identity key'] as const,
  [distributionMessage, 'signing key'] as const,
].flatMap(([layout, name]) =>
  SMALL_ORDER_U.slice(0, 2).map((u, i) => {
    const field = fieldOf(layout, name);
    const body = withField(layout, field, bytesField(field.number, hex(wire(u))));
    return accepted(layout, `${name} of small order, u = ${i}`, 'MSG-06', body);
  }),
);

const time = (layout: Layout, value: bigint) => withField(layout, fieldOf(layout, 'time'), numberField(2, value));

/** A time that JavaScript would round is refused; libsignal reads 64 bits. */
const times: CallDefinition[] = [decryptionError, plaintextContent].flatMap((layout) => [
  accepted(layout, 'time 2^53 − 1', 'MSG-28', time(layout, 2n ** 53n - 1n)),
  accepted(layout, 'time 0', 'MSG-28', time(layout, 0n)),
  accepted(
    layout,
    'time in 10 bytes',
    'MSG-02',
    withField(layout, fieldOf(layout, 'time'), numberField(2, varint(5, 10))),
  ),
  ...[['2^53', 2n ** 53n] as const, ['2^53 + 1', 2n ** 53n + 1n] as const, ['2^64 − 1', 2n ** 64n - 1n] as const].map(
    ([name, value]) =>
      refused(layout, time(layout, value), {
        what: `time ${name}`,
        reason: 'value-out-of-range',
        against: 'PAR-02',
        req: ['MSG-28'],
        lenient: true,
      }),
  ),
]);

const inner = fieldsOf(plaintextContent.fields);
const plaintext = (what: string, reason: string, body: string) =>
  refused(plaintextContent, body, { what, reason, req: ['MSG-30'] });

const contents: CallDefinition[] = [
  ...['00', '80', 'c1', '44', '33'].map((first) =>
    plaintext(`with ${first} in front`, 'not-plaintext-content', first + good(plaintextContent).slice(2)),
  ),
  ...['00', '81', 'c0'].map((last) =>
    plaintext(`with ${last} at its end`, 'bad-padding', good(plaintextContent).slice(0, -2) + last),
  ),
  plaintext('with a zero behind its end', 'bad-padding', `${good(plaintextContent)}00`),
  plaintext('whose error is another field', 'missing-field', `c0${bytesField(1, inner)}80`),
  plaintext('whose error is a number', 'wrong-wire-type', `c0${numberField(8, 1)}80`),
  plaintext('whose error is longer than it is', 'length-past-end', `c0${bytesField(8, inner, '7f')}80`),
  plaintext('whose error is empty', 'missing-field', `c0${bytesField(8, '')}80`),
  plaintext('with a data message beside its error cut off', 'length-past-end', `c0${bytesField(8, inner)}0a0580`),
  accepted(
    plaintextContent,
    'with a data message, passed over',
    'MSG-30',
    `c0${bytesField(1, '0a0161')}${bytesField(8, inner)}80`,
  ),
  accepted(
    plaintextContent,
    'with two errors, the last counts',
    'MSG-02',
    `c0${bytesField(8, '1001')}${bytesField(8, inner)}80`,
  ),
];

const bytesOf = (layout: Layout, name: string, value: string) => {
  const field = fieldOf(layout, name);
  return withField(layout, field, bytesField(field.number, value));
};

/** Fields whose length nothing here decides. */
const anyLength: CallDefinition[] = [
  accepted(signalMessage, 'an empty ciphertext', 'MSG-13', bytesOf(signalMessage, 'ciphertext', '')),
  accepted(signalMessage, 'an empty payload', 'MSG-13', bytesOf(signalMessage, 'PQ ratchet payload', '')),
  accepted(signalMessage, 'empty addresses', 'MSG-13', bytesOf(signalMessage, 'addresses', '')),
  accepted(signalMessage, 'addresses of 37 bytes', 'MSG-13', bytesOf(signalMessage, 'addresses', fixedHex('37', 37))),
  accepted(senderKeyMessage, 'an empty ciphertext', 'SKY-02', bytesOf(senderKeyMessage, 'ciphertext', '')),
  accepted(
    preKeySignalMessage,
    'an empty KEM ciphertext',
    'MSG-16',
    bytesOf(preKeySignalMessage, 'KEM ciphertext', ''),
  ),
];

/** Some bytes behind the end of a message that has nothing to hold it: they are fields, or none. */
const trailing: CallDefinition[] = [preKeySignalMessage, distributionMessage, decryptionError].flatMap((layout) => [
  refused(layout, `${good(layout)}00`, { what: 'with a zero behind it', reason: 'field-zero', req: ['MSG-03'] }),
  refused(layout, `${good(layout)}ff`, { what: 'with ff behind it', reason: 'varint-truncated', req: ['MSG-03'] }),
]);

const versions = [
  ...[signalMessage, preKeySignalMessage].flatMap((layout) => versionFlaws(layout, [3, 4])),
  ...[senderKeyMessage, distributionMessage].flatMap((layout) => versionFlaws(layout, [3])),
];

const spec = 'spec/04-messages.md §1, §4, §5, §8';

export const messages: Family = {
  name: 'messages',
  algorithm:
    'SignalMessage, PreKeySignalMessage, SenderKeyMessage, SenderKeyDistributionMessage, DecryptionErrorMessage, PlaintextContent, payload of the post-quantum ratchet',
  header: [
    'Bytes to fields and back. Nothing is verified: what a MAC or a signature is over is answered as `authenticated`.',
    'Oversized messages are left out for their size: more than 1 MiB is refused.',
  ],
  notes: {
    Loose: { description: 'No canonical encoding, and read all the same: peers may extend their messages.' },
    Head: { description: 'A payload of another version: only version, epoch and index are answered.' },
  },
  groups: [
    {
      type: 'MessageBuild',
      spec: 'spec/15-driver-lab.md §9',
      op: 'message.build',
      tests: [...BUILDS, ...REFUSED_BUILDS],
    },
    ...LAYOUTS.map((layout) => ({
      type: `${layout.name}Parse`,
      spec,
      op: 'message.parse',
      tests: [...looseForms(layout), ...fieldFlaws(layout), ...strayFlaws(layout)],
    })),
    {
      type: 'MessageParse',
      spec,
      op: 'message.parse',
      tests: [
        ...versions,
        ...lowNibbles,
        ...short,
        ...kemParts,
        ...smallOrder,
        ...times,
        ...contents,
        ...anyLength,
        ...trailing,
      ],
    },
    { type: 'PayloadParse', spec: 'spec/08-braid.md §2', op: 'message.parse', tests: PAYLOAD_TESTS },
  ],
};
