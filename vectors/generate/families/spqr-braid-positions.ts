/**
 * Payloads that a braid refuses for their epoch or their index.
 *
 * @spec 08-braid §6, §8
 * Owns: epochs ahead and behind, keys used or out of reach. Must not know: malformed payloads, versions.
 */
import type { SequenceDefinition } from '../definition.ts';
import { ALONE, malformed, refused } from './spqr-braid-refused.ts';
import { BITS, block, flip, pass, payload, receive, refuse, START, send, turns } from './spqr-braid-script.ts';

const RANGE = 'pq-epoch-out-of-range';
/** B's chain knows the next epoch already, its braid does not: the chain alone would give a key. */
const ahead = (
  [
    ['Ct1Sampled', block('$b', 1)],
    ['EkReceived', [...block('$b', 1), ...block('$a', 36)]],
    ['Ct1Acknowledged', [...block('$b', 30), ...block('$a', 1)]],
  ] as const
).map(([state, steps]) =>
  refused(
    `the epoch that the chain knows, and the braid in state ${state} does not`,
    'BRD-17',
    `epoch 2 in state ${state} of epoch 1`,
    'RAT-05',
    ...START,
    ...block('$a', 3),
    ...steps,
    refuse('$b', payload(1, 0, { epoch: 2 }), RANGE),
    ...pass('$a', 'values'),
    ...pass('$b', 'values'),
  ),
);

const epochs: SequenceDefinition[] = [
  ...ahead,
  ...[2, 3, 4_294_967_296, Number.MAX_SAFE_INTEGER].map((epoch) =>
    malformed(`epoch ${epoch} in epoch 1`, payload(1, 1, { epoch }), RANGE, 'RAT-05'),
  ),
  refused(
    'epoch 2, to one who has not made its keys',
    'BRD-17',
    'epoch 2 before any key',
    'RAT-05',
    ...START,
    refuse('$a', payload(1, 0, { epoch: 2 }), RANGE),
    receive('$a', payload(1, 0), 'values'),
    ...pass('$a', 'values'),
  ),
  refused(
    'two epochs ahead, where the next one is waited for',
    'BRD-17',
    'epoch 3 in state Ct2Sampled of epoch 1',
    'RAT-05',
    ...START,
    ...turns(1, 78),
    send('$a'),
    refuse('$b', flip(BITS.epoch + 1), RANGE),
    receive('$b', '$p', 'values'),
    ...turns(80, 88, 'values'),
  ),
  refused(
    'one epoch ahead in epoch 2',
    'BRD-17',
    'epoch 3 in epoch 2',
    'RAT-05',
    ...START,
    ...turns(1, 87),
    send('$b'),
    refuse('$a', flip(BITS.epoch), RANGE),
    receive('$a', '$p', 'values'),
    ...pass('$a', 'values'),
  ),
  refused(
    'a message of an epoch whose keys are gone',
    'BRD-14',
    'message of chain epoch 0 once epoch 2 is sent in',
    'RAT-10',
    ...START,
    send('$a', '$late'),
    ...turns(1, 176),
    refuse('$b', '$late', RANGE),
    ...pass('$a', 'values'),
    ...pass('$b', 'values'),
  ),
];

const keys: SequenceDefinition[] = [
  refused(
    'the same payload again',
    'BRD-13',
    'newest payload again',
    'RAT-05',
    ...START,
    ...pass('$a'),
    refuse('$b', '$p', 'pq-key-used'),
    ...pass('$a', 'values'),
  ),
  refused(
    'an older payload again',
    'BRD-13',
    'older payload again',
    'RAT-04',
    ...START,
    send('$a', '$old'),
    receive('$b', '$old'),
    ...block('$a', 2),
    refuse('$b', '$old', 'pq-key-used'),
    ...pass('$a', 'values'),
  ),
  refused(
    'a payload of the epoch before, again',
    'BRD-13',
    'payload of the epoch before again',
    'RAT-05',
    ...START,
    send('$a', '$old'),
    receive('$b', '$old'),
    ...turns(1, 92),
    refuse('$b', '$old', 'pq-key-used'),
    ...pass('$a', 'values'),
  ),
  refused(
    'index 0 in epoch 2, where no message is without a key',
    'BRD-23',
    'index 0 in epoch 2',
    'RAT-05',
    ...START,
    ...turns(1, 87),
    send('$b'),
    refuse('$a', flip(BITS.index), 'pq-key-used'),
    receive('$a', '$p', 'values'),
  ),
  malformed('index 25,001 from 0', payload(25_001, 0), 'pq-key-jump', 'RAT-05'),
  malformed('index 2^32 − 1', payload(4_294_967_295, 0), 'pq-key-jump', 'DOS-01'),
  refused(
    'a message 2,001 behind the newest',
    'BRD-13',
    'index 2,001 behind',
    'RAT-05',
    ALONE,
    receive('$b', payload(2_002, 0)),
    refuse('$b', payload(1, 0), 'pq-key-trimmed'),
    receive('$b', payload(2, 0), 'values'),
  ),
  refused(
    'a jump of 25,001 from message 5',
    'BRD-13',
    'index 25,006 from 5',
    'RAT-05',
    ALONE,
    receive('$b', payload(5, 0)),
    refuse('$b', payload(25_006, 0), 'pq-key-jump'),
    receive('$b', payload(6, 0), 'values'),
  ),
  ...[0, 31, 33].map((length) =>
    refused(
      `a PQ ratchet key of ${length} bytes`,
      'DRV-06',
      `PQ ratchet key of ${length} bytes`,
      'RAT-05',
      { op: 'spqr.braid.init', args: { direction: 'B2A', pqRatchetKey: '00'.repeat(length) }, refused: 'bad-length' },
      ALONE,
      receive('$b', payload(1, 1), 'values'),
    ),
  ),
];

/** All of them. */
export const misplacedPayloads: readonly SequenceDefinition[] = [...epochs, ...keys];
