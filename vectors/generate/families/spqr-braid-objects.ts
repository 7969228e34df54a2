/**
 * Chunks that are not what the peer made: the object that they complete is refused, and nothing else is lost.
 *
 * @spec 08-braid §5, §8
 * Owns: headers, vectors and ciphertexts that are not authentic. Must not know: payloads that are malformed.
 */
import type { SequenceDefinition, StepDefinition } from '../definition.ts';
import { BITS, block, flip, look, pass, receive, refuse, type Side, START, send, start } from './spqr-braid-script.ts';

const HEADER = 'pq-header-mac';
const VECTOR = 'pq-ek-mismatch';
const CIPHERTEXT = 'pq-ciphertext-mac';

function spoilt(comment: string, check: string, against: string, ...steps: StepDefinition[]): SequenceDefinition {
  return {
    comment,
    req: ['BRD-11', 'BRD-19'],
    flags: ['Spoilt'],
    refused: { check: `braid: ${check}`, against },
    steps,
  };
}

/** `count` messages of one side, of which the one at a position arrives with a bit flipped. */
function withFlaw(from: Side, count: number, at: number, bit = -1): StepDefinition[] {
  const to: Side = from === '$a' ? '$b' : '$a';
  return Array.from({ length: count }, (_, i) => [send(from), receive(to, i === at ? flip(bit) : '$p')]).flat();
}

/** The message that completes the object is refused, the one after it too; in between the other side speaks. */
function fails(from: Side, reason: string): StepDefinition[] {
  const to: Side = from === '$a' ? '$b' : '$a';
  return [
    send(from),
    refuse(to, '$p', reason),
    ...pass(to, 'values'),
    send(from),
    refuse(to, '$p', reason),
    ...pass(to, 'values'),
  ];
}

const MAC_BIT = -1;

const headers: SequenceDefinition[] = [
  ...(
    [
      ['rho', 0],
      ['the hash', 1],
    ] as const
  ).map(([part, at]) =>
    spoilt(
      `a header with a bit of ${part} flipped`,
      `header, bit of ${part}`,
      'RAT-06',
      ...START,
      ...withFlaw('$a', 2, at),
      ...fails('$a', HEADER),
    ),
  ),
  spoilt(
    'a header with a bit of its MAC flipped',
    'header, bit of its MAC',
    'RAT-13',
    ...START,
    ...block('$a', 2),
    send('$a'),
    refuse('$b', flip(MAC_BIT), HEADER),
    receive('$b', '$p', 'values'),
    look('$b'),
    ...pass('$b', 'values'),
  ),
  spoilt(
    'a header whose spoilt chunk is an interpolated one',
    'header, interpolated chunk',
    'RAT-06',
    ...START,
    send('$a'),
    send('$a'),
    send('$a'),
    ...withFlaw('$a', 1, 0),
    ...block('$a', 1),
    ...fails('$a', HEADER),
  ),
  spoilt(
    'a chunk of the header under the index of another',
    'header, index of a chunk',
    'PRIM-13',
    ...START,
    ...withFlaw('$a', 1, 0, BITS.chunkIndex + 3),
    ...block('$a', 1),
    ...fails('$a', HEADER),
  ),
  spoilt(
    'two contents of one index count once, and the last one stays: the third chunk completes nothing, the fourth a header that is none',
    'header, a chunk counted twice',
    'PRIM-13',
    ...START,
    ...withFlaw('$a', 2, 1, BITS.chunkIndex),
    ...block('$a', 1),
    look('$b'),
    ...fails('$a', HEADER),
  ),
  spoilt(
    'a header under another session’s key',
    'header of another session',
    'RAT-06',
    start('$a', { pqRatchetKey: '42'.repeat(32) }),
    start('$b'),
    ...block('$a', 2),
    send('$a'),
    refuse('$b', '$p', HEADER),
    send('$b'),
    receive('$a', '$p'),
    send('$a'),
    refuse('$b', '$p', HEADER),
  ),
  spoilt(
    'a header that was sent in two sessions: chunks of one, MAC of the other',
    'header, MAC of another session',
    'RAT-06',
    start('$x', { pqRatchetKey: '42'.repeat(32), seed: '$a' }),
    ...START,
    send('$x', '$x0'),
    send('$x', '$x1'),
    send('$x', '$x2'),
    ...block('$a', 2),
    refuse('$b', '$x2', HEADER),
    ...pass('$a', 'values'),
    look('$b'),
  ),
];

/** B has sent its first ct1 chunk: A sends the vector. */
const UNDER_WAY = [...START, ...block('$a', 3), ...block('$b', 1)];
/** A has ct1: it sends the vector with an acknowledgement. */
const ACKNOWLEDGED = [...START, ...block('$a', 3), ...block('$b', 30)];

const vectors: SequenceDefinition[] = [
  ...([0, 17, 34] as const).map((at) =>
    spoilt(
      `a vector with a bit of row ${at} flipped, before ct1 is acknowledged`,
      `vector, row ${at}`,
      'RAT-07',
      ...UNDER_WAY,
      ...withFlaw('$a', 35, at),
      ...fails('$a', VECTOR),
    ),
  ),
  spoilt(
    'a vector whose last row has a bit flipped; then as it was',
    'vector, last row',
    'RAT-07',
    ...UNDER_WAY,
    ...block('$a', 35),
    send('$a'),
    refuse('$b', flip(MAC_BIT), VECTOR),
    receive('$b', '$p', 'values'),
    look('$b'),
    ...pass('$b', 'values'),
  ),
  spoilt(
    'a vector whose spoilt chunk is an interpolated one',
    'vector, interpolated chunk',
    'RAT-06',
    ...UNDER_WAY,
    ...Array.from({ length: 36 }, () => send('$a')),
    ...withFlaw('$a', 35, 0),
    ...fails('$a', VECTOR),
  ),
  spoilt(
    'a spoilt vector after ct1 is acknowledged',
    'vector, after the acknowledgement',
    'RAT-07',
    ...ACKNOWLEDGED,
    ...withFlaw('$a', 35, 3),
    ...fails('$a', VECTOR),
  ),
  spoilt(
    'a vector with a chunk under the index of another',
    'vector, index of a chunk',
    'PRIM-13',
    ...UNDER_WAY,
    ...withFlaw('$a', 36, 1, BITS.chunkIndex),
    look('$b'),
    ...fails('$a', VECTOR),
  ),
];

const SHARED = [...ACKNOWLEDGED, ...block('$a', 36)];

/** One ct1 chunk is spoilt; nobody notices before ct2 is there. */
function spoiltCt1(name: string, at: number): SequenceDefinition {
  return spoilt(
    `${name} of ct1 is spoilt: the MAC of the ciphertext says so`,
    `ct1, ${name}`,
    'RAT-06',
    ...START,
    ...block('$a', 3),
    ...withFlaw('$b', 30, at),
    ...block('$a', 36),
    ...block('$b', 4),
    ...fails('$b', CIPHERTEXT),
  );
}

const ciphertexts: SequenceDefinition[] = [
  spoiltCt1('the first row', 0),
  spoiltCt1('the last row', 29),
  ...([0, 3] as const).map((at) =>
    spoilt(
      `row ${at} of ct2 is spoilt`,
      `ct2, row ${at}`,
      'RAT-06',
      ...SHARED,
      ...withFlaw('$b', 4, at),
      ...fails('$b', CIPHERTEXT),
    ),
  ),
  spoilt(
    'the MAC of the ciphertext is spoilt; then as it was',
    'ct2, its MAC',
    'RAT-13',
    ...SHARED,
    ...block('$b', 4),
    send('$b'),
    refuse('$a', flip(MAC_BIT), CIPHERTEXT),
    receive('$a', '$p', 'values'),
    look('$a'),
    ...pass('$a', 'values'),
    look('$b'),
  ),
  spoilt(
    'a chunk of ct2 under the index of another',
    'ct2, index of a chunk',
    'PRIM-13',
    ...SHARED,
    ...withFlaw('$b', 5, 3, BITS.chunkIndex),
    look('$a'),
    ...fails('$b', CIPHERTEXT),
  ),
  spoilt(
    'the last row of the ciphertext comes with a bit flipped, and once more: each is refused, then the good one is not',
    'ct2, last row refused twice',
    'STATE-01',
    ...SHARED,
    ...block('$b', 4),
    send('$b'),
    refuse('$a', flip(BITS.data), CIPHERTEXT),
    refuse('$a', flip(BITS.data + 8), CIPHERTEXT),
    receive('$a', '$p', 'values'),
    ...pass('$a', 'values'),
  ),
];

/** All of them. */
export const spoiltObjects: readonly SequenceDefinition[] = [...headers, ...vectors, ...ciphertexts];
