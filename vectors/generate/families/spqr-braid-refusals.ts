/**
 * Payloads that a braid refuses before it looks at what they carry.
 *
 * @spec 08-braid §2, §10
 * Owns: malformed payloads, versions. Must not know: epochs, objects that are not authentic.
 */
import type { Json } from '../../../cli/conform/vector-file.ts';
import type { SequenceDefinition } from '../definition.ts';
import { ALONE, malformed, refused } from './spqr-braid-refused.ts';
import {
  BITS,
  cut,
  DATA,
  flip,
  pass,
  payload,
  receive,
  refuse,
  START,
  send,
  start,
  TYPES,
  varint,
} from './spqr-braid-script.ts';

const CUT = 'pq-varint-truncated';
const SHORT = 'pq-chunk-truncated';
const LARGE = 'pq-number-too-large';
const LONG = 'pq-varint-too-long';
const TYPE = 'pq-unknown-type';
const ZERO = 'pq-epoch-zero';
/** A varint of so many bytes before its last one. */
const more = (count: number) => '80'.repeat(count);

const parses: SequenceDefinition[] = [
  malformed('nothing behind the version', '01', CUT),
  malformed('epoch cut off within its varint', '0180', CUT),
  malformed('no index', '0101', CUT),
  malformed('index cut off within its varint', '010181', CUT),
  malformed('no type', '010101', TYPE),
  ...[1, 2, 3, 5, 6].flatMap((type) => [
    malformed(`${TYPES[type]} without a chunk`, `010101${varint(type)}`, CUT),
    malformed(`${TYPES[type]} with 31 bytes of a chunk`, payload(1, type).slice(0, -2), SHORT),
  ]),
  malformed('chunk index cut off within its varint', '0101010180', CUT),
  malformed('chunk of no bytes', '0101010100', SHORT),
  malformed('chunk of one byte', '010101010042', SHORT),
  ...[7, 8, 64, 127, 128, 255].map((type) =>
    malformed(`type ${type}`, `010101${Buffer.from([type]).toString('hex')}00${DATA}`, TYPE),
  ),
  malformed('epoch 0', '01000100', ZERO),
  malformed('epoch 0 in two bytes', '0180000100', ZERO),
  malformed('epoch 2^64, whose bit is lost', `01${more(9)}020100`, ZERO),
  malformed('epoch of 11 bytes', `01${more(10)}010100`, LONG),
  malformed('epoch that never ends', `01${'ff'.repeat(40)}`, LONG),
  malformed('index of 11 bytes', `0101${more(10)}0100`, LONG),
  malformed('chunk index of 11 bytes', `01010101${more(10)}01${DATA}`, LONG),
  malformed('epoch 2^53', `01${more(7)}100100`, LARGE),
  malformed('epoch 2^53 + 1, which a double rounds', `0181${more(6)}100100`, LARGE),
  malformed('epoch 2^63', `01${more(9)}010100`, LARGE),
  malformed('epoch 2^56 + 1, which 56 bits cut to 1', `0181${more(7)}010100`, LARGE),
  malformed('epoch 2^63 + 1, which 63 bits cut to 1', `0181${more(8)}010100`, LARGE),
  malformed('epoch 2^64 − 1', `01${'ff'.repeat(9)}010100`, LARGE),
  malformed('index 2^32', `0101${varint(4_294_967_296)}00`, LARGE),
  malformed('index 2^32 + 1, which 32 bits cut to 1', `0101${varint(4_294_967_297)}00`, LARGE),
  malformed('index 2^64 − 1', `0101${'ff'.repeat(9)}0100`, LARGE),
  malformed('chunk 65536', payload(1, 1, { chunkIndex: 65_536 }), LARGE, 'PRIM-13'),
  malformed('chunk 65537, which 16 bits cut to 1', payload(1, 1, { chunkIndex: 65_537 }), LARGE, 'PRIM-13'),
  malformed('chunk 2^32', payload(1, 1, { chunkIndex: 4_294_967_296 }), LARGE, 'PRIM-13'),
  malformed('version 2 and nothing', '02', CUT),
  malformed('version 2, epoch cut off', '02ff', CUT),
  malformed('version 2, epoch 0', '020001', ZERO),
  malformed('version 2, no index', '0201', CUT),
  malformed('version 2, index 2^32', `0201${varint(4_294_967_296)}`, LARGE),
  malformed('version 0 and nothing', '00', CUT, 'RAT-04'),
  malformed('version 0, no index', '0001', CUT, 'RAT-04'),
  malformed('version 0, epoch 0', '000001', ZERO, 'RAT-04'),
];

const TOO_LOW = 'pq-version-too-low';
const MISMATCH = 'pq-version-mismatch';

/** An honest message of A's second, damaged, after negotiation; then as it was. */
function damaged(check: string, damage: Json, reason: string, against: string, req = 'BRD-03'): SequenceDefinition {
  const steps = [...START, ...pass('$a'), send('$a'), refuse('$b', damage, reason)];
  return refused(
    `${check}; then as it was`,
    req,
    check,
    against,
    ...steps,
    receive('$b', '$p', 'values'),
    ...pass('$b', 'values'),
  );
}

const damages: SequenceDefinition[] = [
  damaged('honest payload, its version alone', cut(1), CUT, 'PAR-02'),
  damaged('honest payload without index', cut(2), CUT, 'PAR-02'),
  damaged('honest payload without type', cut(3), TYPE, 'PAR-02'),
  damaged('honest payload without chunk', cut(4), CUT, 'PAR-02'),
  damaged('honest payload without the bytes of its chunk', cut(5), SHORT, 'PAR-02'),
  damaged('honest payload with half a chunk', cut(21), SHORT, 'PAR-02'),
  damaged('honest payload without its last byte', cut(36), SHORT, 'PAR-02'),
  damaged('honest payload of type 9', flip(BITS.type + 3), TYPE, 'RAT-03'),
  damaged('honest payload of type 129', flip(BITS.type + 7), TYPE, 'RAT-03'),
  damaged('honest payload of epoch 0', flip(BITS.epoch), ZERO, 'RAT-05'),
  damaged('honest payload of epoch 3', flip(BITS.epoch + 1), 'pq-epoch-out-of-range', 'RAT-05', 'BRD-17'),
  damaged('honest payload stripped after negotiation', cut(0), MISMATCH, 'RAT-04', 'BRD-22'),
  damaged('honest payload of version 0 after negotiation', flip(BITS.version), MISMATCH, 'RAT-04', 'BRD-22'),
  damaged('honest payload of version 3 after negotiation', flip(BITS.version + 1), MISMATCH, 'RAT-04', 'BRD-24'),
  damaged('honest payload of version 129 after negotiation', flip(BITS.version + 7), MISMATCH, 'RAT-04', 'BRD-24'),
];

const versions: SequenceDefinition[] = [
  malformed('empty payload where the ratchet is required', '', TOO_LOW, 'RAT-11'),
  malformed('version 0 where the ratchet is required', '000101', TOO_LOW, 'RAT-04'),
  malformed('version 0 with a chunk where the ratchet is required', `00${payload(1, 1).slice(2)}`, TOO_LOW, 'RAT-04'),
  refused(
    'a stripped first message; then as it was',
    'BRD-22',
    'honest payload stripped before negotiation',
    'RAT-04',
    ...START,
    send('$a'),
    refuse('$b', cut(0), TOO_LOW),
    receive('$b', '$p', 'values'),
    ...pass('$b', 'values'),
  ),
  refused(
    'a first message of version 0; then as it was',
    'BRD-22',
    'honest payload of version 0 before negotiation',
    'RAT-04',
    ...START,
    send('$a'),
    refuse('$b', flip(BITS.version), TOO_LOW),
    receive('$b', '$p', 'values'),
    ...pass('$b', 'values'),
  ),
  refused(
    'the initiator, too, refuses an empty answer',
    'BRD-22',
    'empty answer to the initiator',
    'RAT-11',
    ...START,
    ...pass('$a'),
    send('$b'),
    refuse('$a', '', TOO_LOW),
    receive('$a', '$p', 'values'),
    ...pass('$a', 'values'),
  ),
  refused(
    'optional, but agreed on: an empty payload comes too late',
    'BRD-22',
    'empty payload after an optional ratchet was agreed on',
    'RAT-04',
    start('$a', { minVersion: 0 }),
    start('$b', { minVersion: 0 }),
    ...pass('$a'),
    refuse('$b', '', MISMATCH),
    ...pass('$b', 'values'),
  ),
  refused(
    'optional, but agreed on: version 0 comes too late',
    'BRD-22',
    'version 0 after an optional ratchet was agreed on',
    'RAT-04',
    start('$a', { minVersion: 0 }),
    start('$b', { minVersion: 0 }),
    ...pass('$a'),
    refuse('$b', '000101', MISMATCH),
    ...pass('$b', 'values'),
  ),
  ...[2, 255].map((version) =>
    refused(
      `version ${version} after negotiation`,
      'BRD-24',
      `version ${version} after negotiation`,
      'RAT-04',
      ALONE,
      receive('$b', payload(1, 0)),
      refuse('$b', `${varint(version).slice(0, 2)}0102`, MISMATCH),
      receive('$b', payload(2, 0), 'values'),
    ),
  ),
  refused(
    'a key of a later version, twice',
    'BRD-24',
    'key of version 2 used twice',
    'RAT-02',
    ALONE,
    receive('$b', '020901', 'values'),
    refuse('$b', '020901', 'pq-key-used'),
    refuse('$b', payload(1, 0), 'pq-key-used'),
    receive('$b', payload(2, 0), 'values'),
  ),
  refused(
    'a jump of a later version',
    'BRD-24',
    'jump of 25,001 in version 2',
    'RAT-05',
    ALONE,
    refuse('$b', `0201${varint(25_001)}`, 'pq-key-jump'),
    receive('$b', '020101', 'values'),
  ),
  ...[
    ['version alone', '01', CUT],
    ['epoch 0', '01000100', ZERO],
    ['index of 2^32', `0101${varint(4_294_967_296)}00`, LARGE],
  ].map(([what, body, reason]) =>
    refused(
      `${what}, once the ratchet is off; then a good message`,
      'BRD-03',
      `${what} after the ratchet was turned off`,
      'PAR-02',
      start('$b', { minVersion: 0, seed: null }),
      receive('$b', ''),
      refuse('$b', body as string, reason as string),
      receive('$b', payload(1, 1), 'values'),
    ),
  ),
];

/** Refused for their form. */
export const malformedPayloads: readonly SequenceDefinition[] = [...parses, ...damages];
/** Refused for their version. */
export const refusedPayloads: readonly SequenceDefinition[] = versions;
