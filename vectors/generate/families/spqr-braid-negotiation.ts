/**
 * What a braid takes although it looks odd, and how two versions come to terms.
 *
 * @spec 08-braid §2, §10
 * Owns: encodings that must not be refused, versions, messages without a key. Must not know: what is refused.
 */
import type { SequenceDefinition, StepDefinition } from '../definition.ts';
import { ALONE } from './spqr-braid-refused.ts';
import {
  BITS,
  block,
  DATA,
  flip,
  look,
  pass,
  payload,
  receive,
  type Side,
  send,
  start,
  turns,
} from './spqr-braid-script.ts';

function odd(comment: string, req: string, flag: string, ...steps: StepDefinition[]): SequenceDefinition {
  return { comment, req: [req], flags: [flag], steps: [ALONE, ...steps] };
}

const taken = (body: string, side: Side = '$b') => receive(side, body, 'trace');

const encodings: SequenceDefinition[] = [
  odd('the first message that A can send', 'BRD-12', 'Alone', taken(payload(1, 1)), send('$b', '$q', 'trace')),
  odd('no chunk, a single message each way', 'BRD-12', 'Alone', taken(payload(1, 0)), send('$b', '$q', 'trace')),
  odd('an epoch in two bytes', 'BRD-04', 'NotMinimal', taken('0181000100'), look('$b'), taken(payload(2, 0))),
  odd('an epoch in ten bytes', 'BRD-04', 'NotMinimal', taken('01818080808080808080000100'), taken(payload(2, 0))),
  odd('an epoch with a bit at 2^64', 'BRD-04', 'NotMinimal', taken('01818080808080808080020100'), taken(payload(2, 0))),
  odd('an index in three bytes', 'BRD-04', 'NotMinimal', taken('010181800000'), taken(payload(2, 0))),
  odd('a chunk index in three bytes', 'BRD-04', 'NotMinimal', taken(`01010101858000${DATA}`), look('$b')),
  odd('two bytes behind a payload without a chunk', 'BRD-04', 'More', taken('01010100ffff'), taken(payload(2, 0))),
  odd('a byte behind a chunk', 'BRD-04', 'More', taken(`${payload(1, 1)}77`), taken(payload(2, 0))),
  odd('a chunk behind a type that has none', 'BRD-04', 'More', taken(`0101010400${DATA}`), look('$b')),
  odd('chunk 65535', 'BRD-03', 'Alone', taken(payload(1, 1, { chunkIndex: 65_535 })), look('$b')),
  odd(
    'the same chunk in three messages is one chunk',
    'BRD-08',
    'Alone',
    ...[1, 2, 3, 4].map((n) => taken(payload(n, 1))),
    look('$b'),
  ),
  odd('messages overtake each other', 'BRD-13', 'Alone', ...[4, 1, 3, 2].map((n) => taken(payload(n, 0)))),
  odd(
    'message 25,000 first, and the oldest that is kept',
    'BRD-13',
    'Limit',
    ...[25_000, 23_000].map((n) => receive('$b', payload(n, 0), 'values')),
  ),
];

function met(comment: string, req: string, flag: string, ...steps: StepDefinition[]): SequenceDefinition {
  return { comment, req: [req], flags: [flag], steps };
}

const both = (minVersion: 0 | 1) => [start('$a', { minVersion }), start('$b', { minVersion })];

const without: SequenceDefinition[] = [
  odd('epoch 1, index 0: no key', 'BRD-23', 'NoKey', taken(payload(0, 0)), look('$b'), taken(payload(1, 0))),
  odd('index 0 with a chunk', 'BRD-23', 'NoKey', taken(payload(0, 1)), look('$b'), taken(payload(1, 0))),
  odd('index 0 late', 'BRD-23', 'NoKey', taken(payload(3, 0)), taken(payload(0, 0)), taken(payload(1, 0))),
  odd('index 0 twice', 'BRD-23', 'NoKey', taken(payload(0, 0)), taken(payload(0, 0)), taken(payload(1, 0))),
  met(
    'where it is optional, messages have no key until one has come back',
    'BRD-23',
    'Optional',
    ...both(0),
    ...pass('$a', 'trace'),
    look('$a'),
    look('$b'),
    ...pass('$a', 'trace'),
    ...pass('$b', 'trace'),
    look('$a'),
    ...turns(4, 12, 'values'),
  ),
  met(
    'where it is optional, a first message without key reaches one who requires it',
    'BRD-23',
    'Optional',
    start('$a', { minVersion: 0 }),
    start('$b'),
    ...pass('$a', 'trace'),
    look('$b'),
    ...pass('$b', 'trace'),
    look('$a'),
    ...pass('$a', 'trace'),
  ),
  met(
    'where it is optional, B speaks first',
    'BRD-23',
    'Optional',
    ...both(0),
    ...pass('$b', 'trace'),
    look('$a'),
    ...pass('$a', 'trace'),
    ...pass('$b', 'trace'),
  ),
];

const downgrades: SequenceDefinition[] = [
  met(
    'an empty payload turns it off for good',
    'BRD-22',
    'TurnedOff',
    start('$b', { minVersion: 0, seed: null }),
    receive('$b', '', 'values'),
    look('$b'),
    send('$b', '$q', 'values'),
    receive('$b', payload(1, 1), 'values'),
    look('$b'),
  ),
  met(
    'a payload of version 0 turns it off for good',
    'BRD-22',
    'TurnedOff',
    start('$b', { minVersion: 0, seed: null }),
    receive('$b', '000101', 'values'),
    look('$b'),
    send('$b', '$q', 'values'),
  ),
  met(
    'it is turned off after messages were sent',
    'BRD-22',
    'TurnedOff',
    start('$a', { minVersion: 0 }),
    send('$a'),
    send('$a'),
    receive('$a', '', 'values'),
    look('$a'),
    send('$a', '$q', 'values'),
  ),
];

/** Until negotiation ends, a later version is keyed from epoch 0, and nothing moves. */
const later: SequenceDefinition[] = [
  ...[2, 3, 127, 255].map((version) => {
    const head = Buffer.from([version]).toString('hex');
    return odd(
      `version ${version}: key from epoch 0, whatever its epoch says`,
      'BRD-24',
      'Later',
      taken(`${head}0901`),
      look('$b'),
      taken(`${head}0103${DATA}`),
      taken(`${head}0100`),
      send('$b', '$q', 'trace'),
      taken(payload(2, 1)),
      look('$b'),
    );
  }),
  met(
    'an honest header of version 3: key, but no chunk',
    'BRD-24',
    'Later',
    start('$a'),
    start('$b'),
    send('$a'),
    receive('$b', flip(BITS.version + 1), 'values'),
    look('$b'),
    ...block('$a', 2),
    look('$b'),
    ...block('$a', 1),
    look('$b'),
  ),
];

/** All of them. */
export const braidNegotiation: readonly SequenceDefinition[] = [...encodings, ...without, ...downgrades, ...later];
