/**
 * Vectors of the braid's key chains.
 *
 * @spec 08-braid §6
 * Owns: their tests. Must not know: payloads, states of the braid.
 */
import type { Family, SequenceDefinition, StepDefinition } from '../definition.ts';
import { chainRefusals } from './spqr-chain-refusals.ts';
import { across, advance, advances, KEY, receive, received, START, send, start } from './spqr-chain-script.ts';

function valid(comment: string, req: string, flags: string[], ...steps: StepDefinition[]): SequenceDefinition {
  return { comment, req: [req], flags, steps };
}

const orders: SequenceDefinition[] = [
  valid('A sends, B receives', 'BRD-12', [], ...START, ...across(0, 1), ...across(0, 2), ...across(0, 3)),
  valid(
    'both send, in turns',
    'BRD-12',
    ['Symmetry'],
    ...START,
    ...[1, 2, 3].flatMap((index) => [...across(0, index), send('$b', 0), receive('$a', 0, index)]),
  ),
  valid(
    'the keys that libsignal was seen to use',
    'BRD-12',
    ['Deployed'],
    ...(['$a', '$b'] as const).map((side) =>
      start(side, Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, '0')).join('')),
    ),
    send('$a', 0),
    send('$a', 0),
    receive('$b', 0, 1),
    receive('$b', 0, 2),
    send('$b', 0),
    advance('$a', 1, undefined, '421d4c7f616e305d86f52daf9935cd2a5c1031f0ad568e197137b7d41961eb42'),
    send('$a', 1),
    receive('$a', 1, 1),
  ),
  valid(
    'two chains of one direction send under the same keys',
    'BRD-12',
    ['Symmetry'],
    start('$a'),
    start('$b', KEY, 'A2B'),
    send('$a', 0),
    send('$b', 0),
    receive('$a', 0, 1),
    receive('$b', 0, 1),
  ),
  valid('a key of zeros', 'BRD-12', [], start('$a', '00'.repeat(32)), send('$a', 0), receive('$a', 0, 1)),
  valid('a key of ones', 'BRD-12', [], start('$a', 'ff'.repeat(32)), send('$a', 0), receive('$a', 0, 1)),
];

const skips: SequenceDefinition[] = [
  valid('the fifth first, then the others', 'BRD-13', ['Skipped'], ...START, ...received([5, 1, 2, 3, 4])),
  valid('backwards', 'BRD-13', ['Skipped'], ...START, ...received([6, 5, 4, 3, 2, 1])),
  valid('gap upon gap', 'BRD-13', ['Skipped'], ...START, ...received([3, 9, 1, 20, 8, 19, 2])),
  valid('2,000 behind the newest', 'BRD-13', ['Limit'], ...START, ...received([2_001, 1])),
  valid('2,000 behind, again after a gap', 'BRD-13', ['Limit'], ...START, ...received([3_000, 1_000, 1_001, 3_001])),
  valid('2,000 behind what came in two jumps', 'BRD-13', ['Limit'], ...START, ...received([5, 2_005, 2_006, 6])),
  valid('a jump of 25,000', 'BRD-13', ['Limit'], ...START, ...received([25_000, 23_000])),
  valid('a jump of 25,000 twice', 'BRD-13', ['Limit'], ...START, ...received([25_000, 50_000])),
];

const epochs: SequenceDefinition[] = [
  valid(
    'five epochs, a message each way in each',
    'BRD-12',
    ['Epochs'],
    ...START,
    ...[0, 1, 2, 3, 4].flatMap((epoch) => [
      ...(epoch === 0 ? [] : [advance('$a', epoch), advance('$b', epoch)]),
      ...across(epoch, 1),
      send('$b', epoch),
      receive('$a', epoch, 1),
    ]),
  ),
  valid(
    'indices begin with 1 in each epoch',
    'BRD-12',
    ['Epochs'],
    ...START,
    ...across(0, 1),
    ...across(0, 2),
    ...advances('$a', 1),
    ...advances('$b', 1),
    ...across(1, 1),
    ...across(1, 2),
  ),
  valid(
    'while one side knows the next epoch, both still use this one',
    'BRD-12',
    ['Epochs'],
    ...START,
    ...across(0, 1),
    advance('$a', 1),
    ...across(0, 2),
    send('$b', 0),
    receive('$a', 0, 1),
    advance('$b', 1),
    ...across(1, 1),
    ...across(1, 2),
  ),
  valid(
    'an epoch in which nothing was sent: its secret is in the root of the next',
    'BRD-12',
    ['Epochs'],
    ...START,
    ...advances('$a', 2),
    ...advances('$b', 2),
    ...across(2, 1),
  ),
  valid(
    'who sends in epoch 1 still reads epoch 0',
    'BRD-14',
    ['Kept'],
    ...START,
    ...advances('$b', 1),
    send('$b', 1),
    ...received([4, 1, 2]),
  ),
  valid(
    'who sends in epoch 2 still reads epoch 1',
    'BRD-14',
    ['Kept'],
    ...START,
    ...advances('$b', 2),
    send('$b', 1),
    send('$b', 2),
    ...received([3, 1], 1),
    ...received([1], 2),
  ),
  valid(
    'keys skipped in an epoch outlive its end',
    'BRD-14',
    ['Kept', 'Skipped'],
    ...START,
    receive('$b', 0, 10),
    ...advances('$b', 1),
    receive('$b', 1, 1),
    send('$b', 1),
    ...received([9, 1]),
  ),
  valid(
    'who does not send keeps every epoch',
    'BRD-14',
    ['Kept'],
    ...START,
    ...advances('$b', 3),
    receive('$b', 3, 1),
    receive('$b', 2, 1),
    receive('$b', 1, 1),
    receive('$b', 0, 1),
  ),
  valid(
    'receiving drops nothing',
    'BRD-14',
    ['Kept'],
    ...START,
    ...advances('$b', 2),
    ...received([1, 2], 2),
    send('$b', 0),
    ...received([1]),
  ),
];

export const spqrChain: Family = {
  name: 'spqr-chain',
  algorithm: 'Key chains of the sparse post-quantum ratchet',
  header: [
    'start: HKDF(PQ ratchet key, no salt, "Signal PQ Ratchet V1 Chain  Start", 96); next epoch: HKDF(secret, root, "Signal PQ Ratchet V1 Chain Add Epoch", 96).',
    'step n = 1, 2, …: HKDF(chain key, no salt, be32(n) ‖ "Signal PQ Ratchet V1 Chain Next", 64). Epochs are those of the chain, from 0.',
  ],
  notes: {
    Symmetry: { description: 'What one direction sends under, the other receives under.' },
    Deployed: { description: 'The same keys are known from libsignal 0.103.0.' },
    Skipped: { description: 'Messages overtake each other: keys passed over are kept.' },
    Limit: { description: 'The last one that is accepted.' },
    Epochs: { description: 'Secrets of epochs are mixed into the root, one after the other.' },
    Kept: { description: 'Receiving keys of the epoch before the one that is sent in are still there.' },
  },
  groups: [
    {
      type: 'SpqrChain',
      spec: 'spec/08-braid.md §6',
      tests: [...orders, ...skips, ...epochs, ...chainRefusals],
    },
  ],
};
