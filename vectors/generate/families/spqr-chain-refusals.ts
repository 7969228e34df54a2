/**
 * What the braid's key chains refuse.
 *
 * @spec 08-braid §6
 * Owns: refused keys, epochs and shapes. Must not know: payloads, states of the braid.
 */
import type { Json } from '../../../cli/conform/vector-file.ts';
import type { SequenceDefinition, StepDefinition } from '../definition.ts';
import { lengthFlaws } from '../flaws.ts';
import { STORED_SHORT } from './kem-material.ts';
import { across, advance, advances, KEY, receive, received, START, secretOf, send } from './spqr-chain-script.ts';

function invalid(
  comment: string,
  req: string,
  check: string,
  against: string,
  ...steps: StepDefinition[]
): SequenceDefinition {
  return {
    comment,
    req: [req],
    flags: [],
    refused: { check, against },
    steps: [...START, ...steps].map(({ trace: _, ...step }) => step),
  };
}

const USED = 'pq-key-used';
const used: SequenceDefinition[] = [
  invalid(
    'the newest key again',
    'BRD-13',
    'newest key used twice',
    'RAT-05',
    ...received([1]),
    receive('$b', 0, 1, USED),
    ...received([2]),
  ),
  invalid(
    'an older key again',
    'BRD-13',
    'older key used twice',
    'RAT-05',
    ...received([1, 2, 3]),
    receive('$b', 0, 2, USED),
    ...received([4]),
  ),
  invalid(
    'a skipped key twice',
    'BRD-13',
    'skipped key used twice',
    'RAT-02',
    ...received([4, 2]),
    receive('$b', 0, 2, USED),
    ...received([3]),
  ),
  invalid(
    'a skipped key twice, the oldest that is kept',
    'BRD-13',
    'oldest kept key used twice',
    'RAT-02',
    ...received([2_001, 1]),
    receive('$b', 0, 1, USED),
    ...received([2]),
  ),
  invalid(
    'a key of the epoch before, again',
    'BRD-13',
    'key of an older epoch used twice',
    'RAT-05',
    ...received([2]),
    ...advances('$b', 1),
    send('$b', 1),
    ...received([1]),
    receive('$b', 0, 1, USED),
    receive('$b', 0, 2, USED),
    ...received([3]),
  ),
  invalid(
    'index 0 before anything',
    'BRD-13',
    'index 0 of a fresh chain',
    'RAT-05',
    receive('$b', 0, 0, USED),
    ...received([1]),
  ),
  invalid(
    'index 0 later',
    'BRD-13',
    'index 0 of a used chain',
    'RAT-05',
    ...received([3]),
    receive('$b', 0, 0, USED),
    ...received([1]),
  ),
  invalid(
    'index 0 of a later epoch',
    'BRD-13',
    'index 0 of a later epoch',
    'RAT-05',
    ...advances('$b', 1),
    receive('$b', 1, 0, USED),
    ...received([1], 1),
  ),
];

const JUMP = 'pq-key-jump';
const jumps: SequenceDefinition[] = [
  invalid(
    'a jump of 25,001',
    'BRD-13',
    'jump of 25,001 from a fresh chain',
    'RAT-05',
    receive('$b', 0, 25_001, JUMP),
    ...received([1]),
  ),
  invalid(
    'a jump of 25,001 after five messages',
    'BRD-13',
    'jump of 25,001 from message 5',
    'RAT-01',
    ...received([5]),
    receive('$b', 0, 25_006, JUMP),
    ...received([6]),
  ),
  invalid(
    'a jump of 25,001 in a later epoch',
    'BRD-13',
    'jump of 25,001 in a later epoch',
    'RAT-05',
    ...received([3]),
    ...advances('$b', 1),
    receive('$b', 1, 25_001, JUMP),
    ...received([1], 1),
  ),
  invalid(
    'a jump of 25,001 in an epoch that is over',
    'BRD-13',
    'jump of 25,001 in an older epoch',
    'RAT-05',
    ...advances('$b', 1),
    send('$b', 1),
    receive('$b', 0, 25_001, JUMP),
    ...received([1]),
  ),
  invalid(
    'the largest index that there is',
    'BRD-13',
    'jump to 2^32 − 1',
    'DOS-01',
    receive('$b', 0, 4_294_967_295, JUMP),
    ...received([1]),
  ),
  invalid(
    'an index whose distance is negative as a signed number',
    'BRD-13',
    'jump to 2^31',
    'DOS-01',
    receive('$b', 0, 2_147_483_648, JUMP),
    ...received([1]),
  ),
];

const TRIMMED = 'pq-key-trimmed';
const trims: SequenceDefinition[] = [
  invalid(
    '2,001 behind the newest',
    'BRD-13',
    '2,001 behind the newest',
    'RAT-05',
    ...received([2_002]),
    receive('$b', 0, 1, TRIMMED),
    ...received([2]),
  ),
  invalid(
    '2,001 behind the newest, after 3,000',
    'BRD-13',
    '2,001 behind message 3,000',
    'RAT-01',
    ...received([3_000]),
    receive('$b', 0, 999, TRIMMED),
    ...received([1_000]),
  ),
  invalid(
    'a skipped key that a later message pushed out',
    'BRD-13',
    'skipped key pushed out by a later one',
    'DOS-02',
    ...received([10, 2_010]),
    receive('$b', 0, 9, TRIMMED),
    ...received([2_009, 2_011]),
  ),
  invalid(
    'a skipped key that a jump pushed out',
    'BRD-13',
    'skipped key pushed out by a jump',
    'DOS-02',
    ...received([10, 25_010]),
    receive('$b', 0, 5, TRIMMED),
    ...received([23_010]),
  ),
  invalid(
    'a used key so old that nobody knows',
    'BRD-13',
    'used key 2,001 behind',
    'RAT-05',
    ...received([1, 2_002]),
    receive('$b', 0, 1, TRIMMED),
    ...received([2]),
  ),
];

const RANGE = 'pq-epoch-out-of-range';
const SENDING = 'pq-send-epoch';
const GAP = 'pq-epoch-gap';
const gone: SequenceDefinition[] = [
  invalid(
    'an epoch that has not come',
    'BRD-13',
    'receiving in the epoch to come',
    'RAT-05',
    receive('$b', 1, 1, RANGE),
    ...received([1]),
  ),
  invalid(
    'an epoch far ahead',
    'BRD-13',
    'receiving in an epoch far ahead',
    'RAT-05',
    receive('$b', 4_294_967_296, 1, RANGE),
    ...received([1]),
  ),
  invalid(
    'epoch 0, once this side sends in epoch 2',
    'BRD-14',
    'receiving two epochs back',
    'RAT-05',
    ...received([1]),
    ...advances('$b', 2),
    send('$b', 1),
    receive('$b', 0, 2),
    send('$b', 2),
    receive('$b', 0, 3, RANGE),
    ...received([1], 1),
  ),
  invalid(
    'a key skipped in epoch 0, once this side sends in epoch 2',
    'BRD-14',
    'skipped key of two epochs back',
    'RAT-10',
    ...received([5]),
    ...advances('$b', 2),
    send('$b', 2),
    receive('$b', 0, 1, RANGE),
    ...received([1], 1),
  ),
  invalid(
    'sending in an epoch that has not come',
    'BRD-14',
    'sending in the epoch to come',
    'RAT-05',
    send('$a', 1, SENDING),
    ...across(0, 1),
  ),
  invalid(
    'sending in epoch 0 after epoch 1',
    'BRD-14',
    'sending one epoch back',
    'RAT-10',
    ...advances('$a', 1),
    send('$a', 1),
    send('$a', 0, SENDING),
    send('$a', 1),
  ),
  invalid(
    'sending in epoch 0 after epoch 2',
    'BRD-14',
    'sending two epochs back',
    'RAT-10',
    ...advances('$a', 2),
    send('$a', 2),
    send('$a', 0, SENDING),
    send('$a', 1, SENDING),
    send('$a', 2),
  ),
  invalid(
    'epoch 2 without epoch 1',
    'BRD-12',
    'advance by two',
    'RAT-05',
    advance('$a', 2, GAP),
    advance('$a', 1),
    send('$a', 1),
  ),
  invalid(
    'epoch 1 twice',
    'BRD-12',
    'advance to the same epoch',
    'RAT-05',
    advance('$a', 1),
    advance('$a', 1, GAP),
    advance('$a', 2),
    send('$a', 2),
  ),
  invalid(
    'epoch 1 after epoch 2',
    'BRD-12',
    'advance backwards',
    'RAT-05',
    ...advances('$a', 2),
    advance('$a', 1, GAP),
    advance('$a', 3),
    send('$a', 3),
  ),
  invalid(
    'an epoch far ahead of the next',
    'BRD-12',
    'advance far ahead',
    'RAT-05',
    advance('$a', 4_294_967_296, GAP),
    advance('$a', 1),
    send('$a', 1),
  ),
];

const shaped = (comment: string, check: string, against: string, ...steps: StepDefinition[]) =>
  invalid(comment, 'DRV-06', check, against, ...steps, ...across(0, 1));

function starting(args: Readonly<Record<string, Json>>, refused: string): StepDefinition {
  return { op: 'spqr.chain.init', args, refused };
}

const shapes: SequenceDefinition[] = [
  ...lengthFlaws(KEY, 'bad-length', STORED_SHORT).map(({ name, value, reason, against }) =>
    shaped(
      `a PQ ratchet key ${name}`,
      `chain PQ ratchet key ${name}`,
      against,
      starting({ direction: 'A2B', pqRatchetKey: value }, reason),
    ),
  ),
  ...lengthFlaws(secretOf(1), 'bad-length', STORED_SHORT).map(({ name, value, reason, against }) =>
    shaped(`an epoch secret ${name}`, `chain epoch secret ${name}`, against, advance('$a', 1, reason, value)),
  ),
  shaped(
    'a third direction',
    'direction that is none',
    'RAT-05',
    starting({ direction: 'A2A', pqRatchetKey: KEY }, 'not-one-of'),
  ),
  shaped('advancing to epoch 0', 'advance to epoch 0', 'RAT-05', advance('$a', 0, 'not-in-range')),
  shaped('an index of 2^32', 'index of 2^32', 'PAR-02', receive('$b', 0, 4_294_967_296, 'not-in-range')),
];

/** All of them. */
export const chainRefusals: readonly SequenceDefinition[] = [...used, ...jumps, ...trims, ...gone, ...shapes];
