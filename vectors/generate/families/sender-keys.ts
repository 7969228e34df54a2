/**
 * Vectors of sender keys.
 *
 * @spec 13-groups
 * Owns: conversations in which nothing is refused. Must not know: pairwise sessions.
 */
import type { Family, SequenceDefinition, StepDefinition } from '../definition.ts';
import { fixed, fixedHex, hex } from '../definition.ts';
import { REFUSALS } from '../group-refusals.ts';
import { distribution, LIST, message, senderOf, signedBy, unsigned } from '../group-sender.ts';
import { ALICE, ALICES_TABLET, BOB, create, decrypt, encrypt, process, seeded, traced } from '../group-steps.ts';
import { numberField } from '../protobuf.ts';

const OTHER_LIST = '11111111-2222-4333-8444-555555555555';
const alice = senderOf('alice', 0x1234567);
const start: readonly StepDefinition[] = [BOB, process(distribution(alice))];

function valid(comment: string, req: string[], steps: StepDefinition[], flags: string[] = []): SequenceDefinition {
  return { comment, req, flags, steps };
}

const read = (order: readonly number[]) => order.map((iteration) => decrypt(message(alice, iteration)));

const orders: SequenceDefinition[] = [
  valid('four messages in order', ['SKY-05', 'SKY-06'], [...start, ...read([0, 1, 2, 3]).map(traced)]),
  valid('four messages with a gap', ['SKY-06'], [...start, ...read([0, 2, 1, 5]).map(traced)]),
  ...[
    [1, 0],
    [3, 2, 1, 0],
    [0, 3, 1, 2],
    [2, 3, 0, 1],
    [7, 0, 8, 6, 1],
  ].map((order) => valid(`messages in the order ${order.join(', ')}`, ['SKY-08'], [...start, ...read(order)])),
  valid('2,000 messages passed over, the oldest read last', ['SKY-07'], [...start, ...read([2_000, 1_999, 0])]),
  valid('2,001 messages passed over, all but the oldest are kept', ['SKY-07'], [...start, ...read([2_001, 1])]),
  valid('a jump of 25,000', ['SKY-07'], [...start, ...read([25_000, 23_000])]),
  valid('jumps that add up to more than 25,000', ['SKY-07'], [...start, ...read([20_000, 20_001, 25_001])]),
];

const chainIds: SequenceDefinition[] = [0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff].map((chainId) => {
  const sender = senderOf('chain id', chainId);
  return valid(
    `chain id ${chainId}`,
    ['SKY-15'],
    [BOB, process(distribution(sender)), traced(decrypt(message(sender, 0)))],
  );
});

const LAST = 0xffff_ffff;
const nearEnd = senderOf('near the end', 77, LIST, LAST - 2);

const places: SequenceDefinition[] = [1, 5, 300, 70_000].map((iteration) => {
  const sender = senderOf('late', 78, LIST, iteration);
  return valid(
    `a member who joins at iteration ${iteration}`,
    ['SKY-11'],
    [
      BOB,
      process(distribution(sender, iteration)),
      traced(decrypt(message(sender, iteration))),
      decrypt(message(sender, iteration + 1)),
    ],
  );
});

const end = valid(
  'the last two iterations that are read',
  ['SKY-09'],
  [
    BOB,
    process(distribution(nearEnd, LAST - 2)),
    decrypt(message(nearEnd, LAST - 1)),
    decrypt(message(nearEnd, LAST - 2)),
  ],
);

const LENGTHS = [0, 1, 15, 16, 17, 300];

const texts: SequenceDefinition[] = LENGTHS.map((length) => {
  const plaintext = fixed(`group text ${length}`, length).reduce(
    (all, byte) => all + String.fromCharCode(byte & 0x7f),
    '',
  );
  return valid(`a text of ${length} bytes`, ['SKY-06'], [...start, traced(decrypt(message(alice, 0, plaintext)))]);
});

/** What the sender signs counts, canonical or not. */
const loose: SequenceDefinition[] = [
  ['0', '4', 'f'].map((low) => [
    `a low nibble ${low} of the version`,
    `3${low}${unsigned(alice, 0, 'loose').slice(2)}`,
  ]),
  [['an unknown field', unsigned(alice, 0, 'loose') + numberField(99, 1)]],
]
  .flat()
  .map(([name = '', body = '']) =>
    valid(`a signed message with ${name}`, ['SKY-01'], [...start, decrypt(signedBy(alice.signing, body))], ['Loose']),
  );

const chains = Array.from({ length: 6 }, (_, i) => senderOf(`chain ${i}`, 100 + i));
const elsewhere = senderOf('alice elsewhere', 0x1234567, OTHER_LIST);
const tablet = senderOf('tablet', 0x1234567);

const states: SequenceDefinition[] = [
  valid(
    'five chains of one sender, read oldest first',
    ['SKY-14', 'SKY-15'],
    [
      BOB,
      ...chains.slice(0, 5).map((sender) => process(distribution(sender))),
      ...chains.slice(0, 5).map((sender) => decrypt(message(sender, 0))),
    ],
  ),
  valid(
    'a repeated distribution keeps its chain from being dropped',
    ['SKY-13', 'SKY-14'],
    [
      BOB,
      ...chains.slice(0, 5).map((sender) => process(distribution(sender))),
      ...chains.slice(0, 1).map((sender) => process(distribution(sender))),
      ...chains.slice(5).map((sender) => process(distribution(sender))),
      ...chains.slice(0, 1).map((sender) => decrypt(message(sender, 0))),
    ],
  ),
  valid(
    'a repeated distribution leaves skipped messages readable',
    ['SKY-13'],
    [...start, ...read([2]), process(distribution(alice)), ...read([0, 1, 3])],
  ),
  valid(
    'a later distribution of a known chain moves it nowhere',
    ['SKY-13'],
    [...start, process(distribution(alice, 5)), ...read([0, 4, 5])],
  ),
  valid(
    'one chain id in two lists',
    ['SKY-03'],
    [...start, process(distribution(elsewhere)), decrypt(message(elsewhere, 0)), ...read([0])],
  ),
  valid(
    'one chain id on two devices of an account',
    ['SKY-03', 'DRV-20'],
    [...start, process(distribution(tablet), ALICES_TABLET), decrypt(message(tablet, 0), ALICES_TABLET), ...read([0])],
  ),
];

const text = (name: string) => hex(Buffer.from(name));
const share: readonly StepDefinition[] = [
  seeded('alice'),
  seeded('bob'),
  create('$alice', LIST, '$key'),
  process('$key'),
];

const drawn: SequenceDefinition[] = [
  valid(
    'a sender who draws from a seed',
    ['SKY-05', 'DRV-15'],
    [
      ...share,
      ...[0, 1, 2].flatMap((i) => [
        encrypt('$alice', LIST, text(`text ${i}`), `$body${i}`),
        traced(decrypt(`$body${i}`)),
      ]),
    ],
    ['Drawn'],
  ),
  valid(
    'three messages, read last first',
    ['SKY-07', 'SKY-08'],
    [
      ...share,
      ...[0, 1, 2].map((i) => encrypt('$alice', LIST, text(`text ${i}`), `$body${i}`)),
      ...[2, 0, 1].map((i) => decrypt(`$body${i}`)),
    ],
    ['Drawn'],
  ),
  valid(
    'a member who joins after the first message',
    ['SKY-11'],
    [
      ...share,
      seeded('carol'),
      encrypt('$alice', LIST, text('before'), '$before'),
      create('$alice', LIST, '$later'),
      process('$later', ALICE, '$carol'),
      encrypt('$alice', LIST, text('after'), '$after'),
      decrypt('$after', ALICE, '$carol'),
      decrypt('$before'),
      decrypt('$after'),
    ],
    ['Drawn'],
  ),
  valid(
    'a distribution id in upper case is the same',
    ['SKY-03', 'SKY-11'],
    [...share, encrypt('$alice', LIST.toUpperCase(), text('upper'), '$body'), decrypt('$body')],
    ['Drawn'],
  ),
  valid(
    'two devices send in one list',
    ['SKY-03'],
    [
      ...share,
      create('$bob', LIST, '$bobsKey'),
      process('$bobsKey', { ...ALICE, name: ALICE.name.replace(/a1$/, 'b0') }, '$alice'),
      encrypt('$alice', LIST, text('from Alice'), '$one'),
      encrypt('$bob', LIST, text('from Bob'), '$two'),
      decrypt('$one'),
      decrypt('$two', { ...ALICE, name: ALICE.name.replace(/a1$/, 'b0') }, '$alice'),
    ],
    ['Drawn'],
  ),
  valid(
    'a receiver saved and loaded in between',
    ['DRV-19', 'SKY-17'],
    [
      ...share,
      ...[0, 1].map((i) => encrypt('$alice', LIST, text(`text ${i}`), `$body${i}`)),
      decrypt('$body1'),
      { op: 'device.save', args: { device: '$bob' }, bind: { $state: 'state' }, keep: [] },
      { op: 'device.load', args: { state: '$state' }, bind: { $loaded: 'device' } },
      decrypt('$body0', ALICE, '$loaded'),
    ],
    ['Drawn'],
  ),
  valid(
    'an empty text and a long one',
    ['SKY-06'],
    [
      ...share,
      encrypt('$alice', LIST, '', '$empty'),
      encrypt('$alice', LIST, fixedHex('group long text', 200), '$long'),
      decrypt('$empty'),
      decrypt('$long'),
    ],
    ['Drawn'],
  ),
];

export const senderKeys: Family = {
  name: 'sender-keys',
  algorithm: 'Sender keys: HMAC-SHA256 chain, AES-256-CBC, XEdDSA',
  header: [
    'CK′ = HMAC(CK, 02), S = HMAC(CK, 01), IV ‖ cipher key = HKDF(S, no salt, "WhisperGroup", 48).',
    'Where keys and messages are given, every byte can be compared, by drivers without seeds too.',
    'Behind every refusal stands an honest step that still works.',
  ],
  notes: {
    Drawn: { description: 'A sender draws its keys, from a seed where the driver takes one.' },
    Loose: { description: 'Signed by the sender in a form that no canonical writer uses.' },
  },
  groups: [
    {
      type: 'SenderKeySequence',
      spec: 'spec/13-groups.md §2 … §6',
      tests: [...orders, ...chainIds, ...places, end, ...texts, ...loose, ...states, ...drawn, ...REFUSALS],
    },
  ],
};
