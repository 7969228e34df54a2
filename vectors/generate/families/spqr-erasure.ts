/**
 * Vectors of the braid's erasure code.
 *
 * @spec 08-braid §4
 * Owns: its tests. Must not know: what the messages are for.
 */
import { utf8 } from '../../../protocol/bytes/bytes.ts';
import { nobleProvider as provider } from '../../../protocol/crypto/noble.ts';
import { chunkAt } from '../../../protocol/ratchet/braid/erasure.ts';
import type { CallDefinition, Family, Refusal } from '../definition.ts';
import { fixed, flipped, hex } from '../definition.ts';

const ROW = 32;

/** A message as the protocol sends it, with its number of rows. */
interface Message {
  readonly name: string;
  readonly length: number;
  readonly rows: number;
  readonly bytes: Uint8Array;
}

const message = (name: string, length: number): Message => ({
  name,
  length,
  rows: length / ROW,
  bytes: fixed(`erasure, ${name}`, length),
});

const MESSAGES = [
  message('header with its MAC', 96),
  message('ct2 with its MAC', 160),
  message('ct1', 960),
  message('vector', 1_152),
] as const;
const [HEADER, CT2] = MESSAGES;
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

function encoding(comment: string, bytes: Uint8Array, indices: readonly number[], flags: string[] = []) {
  return { comment, req: ['BRD-07'], flags, args: { message: hex(bytes), indices } };
}

/** The message of the same length that the deployed encoder was asked about. */
const deployed = (length: number) => provider.shake256(utf8('spqr-kat'), length);

const encodings: CallDefinition[] = [
  ...MESSAGES.flatMap(({ name, bytes, rows }) => [
    encoding(`${name}: its own rows`, bytes, range(0, rows)),
    encoding(`${name}: the first interpolated chunks`, bytes, range(rows, 4)),
    encoding(`${name}: the last index and others far out`, bytes, [127, 128, 255, 256, 32_768, 65_534, 65_535]),
  ]),
  ...[
    [64, [0, 1, 2, 5, 1_000]],
    [96, [3, 5, 1_000]],
    [160, [5]],
    [960, [30, 65_535]],
    [1_152, [36, 70]],
  ].map(([length, indices]) =>
    encoding(`SHAKE256("spqr-kat", ${length as number})`, deployed(length as number), indices as number[], [
      'Deployed',
    ]),
  ),
  encoding(
    'bytes that count up from 0: an affine message',
    Uint8Array.from(range(0, 64)),
    [0, 1, 5, 255],
    ['Deployed'],
  ),
  encoding('a single row: every chunk is that row', fixed('one row'), [0, 1, 65_535]),
  encoding('zeros: every chunk is zero', new Uint8Array(96), [0, 3, 65_535]),
  encoding('ones', new Uint8Array(96).fill(0xff), [0, 3, 4, 65_535]),
  encoding('one element is 1, all others 0: the weights themselves', oneElement(), [3, 4, 5, 6, 65_535]),
  encoding('no chunk at all', HEADER.bytes, []),
  encoding('one index three times, out of order', HEADER.bytes, [5, 0, 5, 3, 5]),
];

function oneElement(): Uint8Array {
  const bytes = new Uint8Array(96);
  bytes[33] = 1;
  return bytes;
}

const badEncodings: CallDefinition[] = [
  ...[0, 31, 33, 95, 1_184].map(
    (length): CallDefinition => ({
      comment: `a message of ${length} bytes`,
      req: ['BRD-07'],
      args: { message: '5a'.repeat(length), indices: [0] },
      refused: { reason: 'bad-length', check: `encode message of ${length} bytes`, against: 'PRIM-13' },
    }),
  ),
  ...[65_536, 4_294_967_296].map(
    (index): CallDefinition => ({
      comment: `chunk ${index}`,
      req: ['BRD-07'],
      args: { message: hex(HEADER.bytes), indices: [0, index] },
      refused: { reason: 'not-in-range', check: `encode index ${index}`, against: 'PRIM-13' },
    }),
  ),
];

interface Sent {
  readonly index: number;
  readonly data: string;
}

const chunk = ({ bytes }: Message, index: number): Sent => ({ index, data: hex(chunkAt(bytes, index)) });
const chunks = (of: Message, indices: readonly number[]) => indices.map((index) => chunk(of, index));
const spoilt = (of: Message, index: number): Sent => ({ index, data: flipped(chunk(of, index).data, 100) });

function decoding(
  comment: string,
  { length }: Message,
  arrived: readonly Sent[],
  flags: readonly string[] = [],
): CallDefinition {
  return {
    comment,
    req: ['BRD-07', 'BRD-08'],
    flags,
    args: { length, chunks: arrived.map(({ index, data }) => ({ index, data })) },
  };
}

/** Every second row is lost. */
const holed = ({ rows }: Message) => [...range(0, rows).filter((k) => k % 2 === 0), ...range(rows, rows >> 1)];

const decodings: CallDefinition[] = [
  ...MESSAGES.flatMap((of) => {
    const { name, rows } = of;
    const last = [...range(0, rows)].reverse();
    return [
      decoding(`${name}: its rows in order`, of, chunks(of, range(0, rows))),
      decoding(`${name}: its rows from the last to the first`, of, chunks(of, last), ['AnyOrder']),
      decoding(`${name}: every second row lost`, of, chunks(of, holed(of)), ['Lossy']),
      decoding(`${name}: the first row lost`, of, chunks(of, range(1, rows)), ['Lossy']),
      decoding(`${name}: interpolated chunks alone`, of, chunks(of, range(rows, rows)), ['Lossy']),
      decoding(`${name}: the highest indices alone`, of, chunks(of, range(65_536 - rows, rows)), ['Lossy']),
      decoding(`${name}: one row twice`, of, chunks(of, [0, 0, ...range(1, rows - 1)]), ['Repeated']),
    ];
  }),
  decoding('scattered and out of order', CT2, chunks(CT2, [40_000, 2, 65_535, 6, 0]), ['Lossy', 'AnyOrder']),
  decoding('each interpolated chunk three times', HEADER, chunks(HEADER, [9, 9, 9, 7, 7, 7, 5, 5, 5]), ['Repeated']),
  decoding('rows after completion', HEADER, chunks(HEADER, [3, 4, 5, 0, 1, 2]), ['More']),
  decoding('interpolated chunks after completion', HEADER, chunks(HEADER, [0, 1, 2, 3, 65_535]), ['More']),
  decoding(
    'a spoilt interpolated chunk after completion counts for nothing',
    HEADER,
    [...chunks(HEADER, [0, 1, 2]), spoilt(HEADER, 3)],
    ['More', 'Spoilt'],
  ),
  decoding(
    'a spoilt interpolated chunk of a lower index than those held, after completion',
    HEADER,
    [...chunks(HEADER, [10, 11, 12]), spoilt(HEADER, 9)],
    ['More', 'Spoilt'],
  ),
  decoding(
    'a spoilt row, then the good one of the same index: the last one counts',
    HEADER,
    [spoilt(HEADER, 0), ...chunks(HEADER, [0, 1, 2])],
    ['LastCounts', 'Spoilt'],
  ),
  decoding(
    'a good interpolated chunk, then a spoilt one of the same index: the last one counts',
    HEADER,
    [chunk(HEADER, 7), spoilt(HEADER, 7), ...chunks(HEADER, [0, 1])],
    ['LastCounts', 'Spoilt'],
  ),
  decoding(
    'a spoilt row after completion takes its place before what was interpolated',
    HEADER,
    [...chunks(HEADER, [3, 4, 5]), spoilt(HEADER, 0)],
    ['LastCounts', 'Spoilt'],
  ),
  decoding(
    'a spoilt chunk among those needed gives another message',
    CT2,
    [...chunks(CT2, [0, 1, 2, 3]), spoilt(CT2, 9)],
    ['Spoilt'],
  ),
  decoding(
    'chunks of zeros',
    HEADER,
    range(3, 3).map((index) => ({ index, data: '00'.repeat(ROW) })),
  ),
  decoding('a message of one row, from chunk 65535', message('a row', ROW), [
    { index: 65_535, data: 'c3'.repeat(ROW) },
  ]),
];

function refusedDecoding(
  comment: string,
  reason: string,
  check: string,
  args: CallDefinition['args'],
  against = 'PRIM-13',
): CallDefinition {
  const refused: Refusal = { reason, check: `decode ${check}`, against };
  return { comment, req: ['BRD-08', 'DRV-29'], args, refused };
}

const tooFew = (of: Message, name: string, indices: readonly number[]): CallDefinition =>
  refusedDecoding(`${of.name}: ${name}`, 'not-enough-chunks', `${of.name}, ${name}`, {
    length: of.length,
    chunks: chunks(of, indices).map(({ index, data }) => ({ index, data })),
  });

const badDecodings: CallDefinition[] = [
  ...MESSAGES.flatMap((of) => {
    const { rows } = of;
    return [
      tooFew(of, 'one row too few', range(0, rows - 1)),
      tooFew(of, 'one interpolated chunk too few', range(rows, rows - 1)),
      tooFew(of, 'a row that came twice counted twice', [0, ...range(0, rows - 1)]),
      tooFew(of, 'an interpolated chunk that came twice counted twice', [...range(rows, rows - 1), rows]),
      tooFew(
        of,
        'nothing but one chunk, again and again',
        Array.from({ length: rows }, () => 70),
      ),
    ];
  }),
  tooFew(HEADER, 'nothing', []),
  refusedDecoding(
    'one index with two contents counts once',
    'not-enough-chunks',
    'two contents of one index counted twice',
    { length: 96, chunks: [chunk(HEADER, 0), spoilt(HEADER, 0), chunk(HEADER, 1)].map((one) => ({ ...one })) },
    'RAT-06',
  ),
  ...[0, 31, 33, 1_184, 65_536].map((length) =>
    refusedDecoding(`a length of ${length} bytes`, 'not-in-range', `length ${length}`, {
      length,
      chunks: chunks(HEADER, [0, 1, 2]).map((one) => ({ ...one })),
    }),
  ),
  ...[65_536, 4_294_967_296].map((index) =>
    refusedDecoding(`chunk ${index}`, 'not-in-range', `index ${index}`, {
      length: 96,
      chunks: [...chunks(HEADER, [0, 1]), { index, data: '00'.repeat(ROW) }].map((one) => ({ ...one })),
    }),
  ),
  ...[0, 31, 33].map((length) =>
    refusedDecoding(`a chunk of ${length} bytes`, 'bad-length', `chunk of ${length} bytes`, {
      length: 96,
      chunks: [...chunks(HEADER, [0, 1]), { index: 2, data: '00'.repeat(length) }].map((one) => ({ ...one })),
    }),
  ),
];

const SPEC = 'spec/08-braid.md §4';

export const spqrErasure: Family = {
  name: 'spqr-erasure',
  algorithm: 'Erasure code of the ML-KEM Braid over GF(2^16)',
  header: [
    'GF(2^16) modulo x^16 + x^12 + x^3 + x + 1, elements big-endian. A message of N rows of 32 bytes is 16 columns; chunk j is their value at j.',
    'Chunks are taken in the order given. N is 3 for a header, 5 for ct2, 30 for ct1 and 36 for the vector of a key.',
  ],
  notes: {
    Deployed: { description: 'The same chunks are known from the encoder of libsignal 0.103.0.' },
    AnyOrder: { description: 'The order in which chunks arrive does not matter.' },
    Lossy: { description: 'Some of the message’s own rows never arrive.' },
    Repeated: { description: 'A chunk that arrives again counts once.' },
    More: { description: 'More chunks arrive than are needed: an interpolated one is ignored then.' },
    LastCounts: { description: 'Of two chunks with one index the one that arrived last counts.' },
    Spoilt: { description: 'One chunk is not what was sent. The code has no integrity: MACs and a hash above it do.' },
  },
  groups: [
    { type: 'SpqrEncode', spec: SPEC, op: 'spqr.encode', tests: [...encodings, ...badEncodings] },
    { type: 'SpqrDecode', spec: SPEC, op: 'spqr.decode', tests: [...decodings, ...badDecodings] },
  ],
};
