/**
 * Whole conversations of two braids.
 *
 * @spec 08-braid §1, §7, §8
 * Owns: orders of sending and delivery, from handshake to several epochs. Must not know: refusals.
 */
import type { SequenceDefinition, StepDefinition } from '../definition.ts';
import {
  BITS,
  block,
  flip,
  look,
  pass,
  payload,
  type Recording,
  receive,
  type Side,
  START,
  send,
  turns,
} from './spqr-braid-script.ts';

function talk(comment: string, flags: string[], ...steps: StepDefinition[]): SequenceDefinition {
  return { comment, req: ['BRD-05', 'BRD-07', 'BRD-12', 'BRD-16'], flags, steps: [...START, ...steps] };
}

/** In turns; message i is lost where i mod 7 is 2 or 5. */
function lossy(count: number): StepDefinition[] {
  return Array.from({ length: count }, (_, i) => {
    const from: Side = i % 2 === 0 ? '$a' : '$b';
    return [2, 5].includes(i % 7) ? [send(from)] : pass(from, i < count / 2 ? 'nothing' : 'values');
  }).flat();
}

/** Blocks of one size by turns. */
function blocks(sizeA: number, sizeB: number, count: number, recording: Recording): StepDefinition[] {
  return Array.from({ length: count }, () => [
    ...block('$a', sizeA, recording),
    ...block('$b', sizeB, recording),
  ]).flat();
}

/** Four at once from each side, delivered in another order. */
function shuffled(rounds: number): StepDefinition[] {
  const order = [2, 0, 3, 1];
  return Array.from({ length: rounds }, (_, i) => {
    const [from, to]: [Side, Side] = i % 2 === 0 ? ['$a', '$b'] : ['$b', '$a'];
    return [...order.map((_at, n) => send(from, `$p${n}`)), ...order.map((n) => receive(to, `$p${n}`, 'values'))];
  }).flat();
}

/** Every message of one side arrives one turn late. */
function crossing(count: number): StepDefinition[] {
  return Array.from({ length: count }, () => [
    send('$a', '$x'),
    send('$b', '$y'),
    receive('$b', '$x', 'values'),
    receive('$a', '$y', 'values'),
  ]).flat();
}

/** A header chunk of epoch 1 that the network kept back arrives when B waits for the header of epoch 3. */
const straggler: StepDefinition[] = [
  send('$a', '$late0'),
  send('$a', '$late1'),
  ...block('$a', 3),
  ...block('$b', 30),
  ...block('$a', 36),
  ...block('$b', 5),
  // Epoch 2: A is the ct side.
  ...block('$a', 1),
  ...block('$b', 3),
  ...block('$a', 30),
  ...block('$b', 36),
  ...block('$a', 5),
  look('$b'),
  receive('$b', '$late1', 'values'),
  look('$b'),
  // Epoch 3 reaches A with B's next message.
  ...pass('$b'),
  send('$a', '$first'),
  send('$a'),
  receive('$b', '$first', 'values'),
  send('$a'),
  receive('$b', '$p', 'values'),
  look('$b'),
  ...pass('$a', 'values'),
  look('$b'),
  ...pass('$b', 'values'),
];

const whole: SequenceDefinition[] = [
  talk('one epoch in strict turns, with all values on the way', ['Traced'], ...turns(1, 88, 'trace')),
  talk('three epochs in strict turns', ['Epochs'], ...turns(1, 180), ...turns(181, 262, 'values')),
  talk('two of seven messages lost', ['Lossy'], ...lossy(210), look('$a'), look('$b')),
  talk(
    'blocks of five',
    ['Blocks'],
    ...blocks(5, 5, 15, 'nothing'),
    ...blocks(5, 5, 5, 'values'),
    look('$a'),
    look('$b'),
  ),
  talk(
    'blocks of forty',
    ['Blocks'],
    ...blocks(40, 40, 3, 'nothing'),
    ...blocks(2, 2, 2, 'values'),
    look('$a'),
    look('$b'),
  ),
  talk(
    'five from A to one from B',
    ['Blocks'],
    ...blocks(5, 1, 36, 'nothing'),
    ...blocks(5, 1, 2, 'values'),
    look('$a'),
    look('$b'),
  ),
  talk(
    'one from A to five from B',
    ['Blocks'],
    ...blocks(1, 5, 40, 'nothing'),
    ...blocks(1, 5, 2, 'values'),
    look('$a'),
    look('$b'),
  ),
  talk('messages overtake each other', ['Reordered'], ...shuffled(28), look('$a'), look('$b')),
  talk('messages cross', ['Reordered'], ...crossing(60), look('$a'), look('$b')),
  talk('B speaks first', ['Blocks'], ...block('$b', 3, 'values'), ...turns(1, 10, 'values')),
  talk(
    'A alone, heard by nobody but for its last three messages',
    ['OneSided', 'Lossy'],
    ...Array.from({ length: 40 }, () => send('$a')),
    ...block('$a', 3, 'values'),
    look('$b'),
    ...block('$b', 1, 'values'),
    look('$a'),
  ),
  talk('A alone: headers for ever', ['OneSided'], ...block('$a', 12, 'values'), look('$a'), look('$b')),
  talk('a chunk of epoch 1 arrives in epoch 3 and is no part of its header', ['OldEpoch'], ...straggler),
];

/** What a state does with a message that it does not wait for: it takes the key, and nothing else. */
function ignored(comment: string, ...steps: StepDefinition[]): SequenceDefinition {
  return { comment, req: ['BRD-18'], flags: ['Ignored'], steps: [...START, ...steps] };
}

const unexpected: SequenceDefinition[] = [
  ignored(
    'every type, to one who waits for a header: chunks of other kinds change nothing',
    ...[0, 2, 3, 4, 5, 6].flatMap((type, i) => [receive('$b', payload(i + 1, type), 'values'), look('$b')]),
    receive('$b', payload(7, 0, { chunkIndex: 3 }), 'values'),
    ...Array.from({ length: 7 }, () => send('$a')),
    ...block('$a', 3),
    look('$b'),
  ),
  ignored(
    'every type, to one who has not made its keys',
    ...[0, 1, 2, 3, 4, 5, 6].flatMap((type, i) => [receive('$a', payload(i + 1, type), 'values'), look('$a')]),
  ),
  ignored(
    'header chunks, to one who has the header',
    ...block('$a', 3),
    look('$b'),
    ...block('$a', 3, 'values'),
    look('$b'),
    ...pass('$b', 'values'),
    ...pass('$a', 'values'),
  ),
  ignored(
    'header chunks that come late, while the vector is under way',
    ...block('$a', 3),
    send('$a', '$late'),
    ...block('$b', 2),
    ...block('$a', 2),
    receive('$b', '$late', 'values'),
    look('$b'),
    ...pass('$a', 'values'),
  ),
  ignored(
    'ct1 chunks, to one who has all of ct1',
    ...block('$a', 3),
    ...block('$b', 30),
    look('$a'),
    ...block('$b', 2, 'values'),
    look('$a'),
    ...pass('$a', 'values'),
    look('$b'),
  ),
];

/** The states by their names, as two sides come past them. */
const states: SequenceDefinition[] = [
  {
    comment: 'the states of one epoch in strict turns',
    req: ['BRD-16', 'BRD-17', 'BRD-25'],
    flags: ['States'],
    steps: [
      ...START,
      look('$a'),
      look('$b'),
      ...[1, 5, 6, 63, 64, 65, 76, 77, 78, 85, 86, 87, 88].flatMap((message, i, all) => [
        ...turns((all[i - 1] ?? 0) + 1, message),
        look('$a'),
        look('$b'),
      ]),
    ],
  },
  {
    comment: 'a chunk of the header under the index of the next: the next one takes its place, and the header is good',
    req: ['BRD-08'],
    flags: ['States'],
    steps: [
      ...START,
      send('$a'),
      receive('$b', flip(BITS.chunkIndex), 'values'),
      ...block('$a', 2, 'values'),
      look('$b'),
      ...block('$a', 1, 'values'),
      look('$b'),
      ...pass('$b', 'values'),
    ],
  },
  {
    comment: 'the whole vector arrives before ct1 is acknowledged',
    req: ['BRD-06', 'BRD-16'],
    flags: ['States'],
    steps: [
      ...START,
      ...block('$a', 3),
      ...block('$b', 1),
      ...block('$a', 36),
      look('$b'),
      ...block('$b', 29),
      look('$a'),
      ...block('$a', 1, 'values'),
      look('$b'),
      ...block('$b', 5, 'values'),
      look('$a'),
      ...block('$a', 1, 'values'),
      look('$b'),
    ],
  },
  {
    comment: 'an acknowledgement of ct1 is believed: whoever could forge it has the keys of messages',
    req: ['BRD-16'],
    flags: ['States'],
    steps: [
      ...START,
      ...block('$a', 3),
      ...block('$b', 1),
      send('$a'),
      receive('$b', flip(BITS.type), 'values'),
      look('$b'),
      ...pass('$b', 'values'),
      look('$a'),
    ],
  },
  {
    comment: 'the message that completes the vector is the first to acknowledge ct1',
    req: ['BRD-06', 'BRD-16'],
    flags: ['States'],
    steps: [
      ...START,
      ...block('$a', 3),
      ...block('$b', 29),
      ...block('$a', 35),
      look('$b'),
      ...block('$b', 1),
      look('$a'),
      ...block('$a', 1, 'values'),
      look('$b'),
      ...block('$b', 5, 'values'),
      look('$a'),
    ],
  },
  {
    comment: 'the message that completes the vector was sent before ct1 was acknowledged, and comes after',
    req: ['BRD-06', 'BRD-16'],
    flags: ['States'],
    steps: [
      ...START,
      ...block('$a', 3),
      ...block('$b', 1),
      send('$a', '$late'),
      ...block('$b', 29),
      ...block('$a', 35),
      look('$b'),
      receive('$b', '$late', 'values'),
      look('$b'),
      ...block('$b', 5, 'values'),
      look('$a'),
    ],
  },
  {
    comment: 'ct1 is acknowledged by a message without a chunk, where the vector is there already',
    req: ['BRD-16'],
    flags: ['States'],
    steps: [
      ...START,
      ...block('$a', 3),
      ...block('$b', 1),
      ...block('$a', 36),
      receive('$b', payload(40, 4), 'values'),
      look('$b'),
      ...block('$b', 1, 'values'),
    ],
  },
  {
    comment: 'ct1 alone is acknowledged first, the vector follows whole',
    req: ['BRD-06', 'BRD-16'],
    flags: ['States'],
    steps: [
      ...START,
      ...block('$a', 3),
      ...block('$b', 30),
      ...block('$a', 1),
      look('$b'),
      ...block('$b', 1, 'values'),
      ...block('$a', 35),
      look('$b'),
      ...block('$b', 5),
      look('$a'),
    ],
  },
];

/** All of them. */
export const braidTalks: readonly SequenceDefinition[] = [...whole, ...unexpected, ...states];
