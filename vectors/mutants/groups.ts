/**
 * Mutants of groups and safety numbers.
 *
 * @spec 14-vectors §7
 * Owns: their changes. Must not know: how they are run.
 */
import type { Mutant } from './mutant.ts';

const SENDER_KEY = 'protocol/group/sender-key.ts';
const FINGERPRINT = 'protocol/fingerprint/fingerprint.ts';

export const GROUP_MUTANTS: readonly Mutant[] = [
  {
    name: 'iteration-off-by-one',
    wrong: 'numbers the messages of a sender key from 1',
    origin: 'GRP-06',
    family: 'sender-keys',
    changes: [
      { file: SENDER_KEY, text: 'iteration: state.chain.index,', becomes: 'iteration: state.chain.index + 1,' },
    ],
  },
  {
    name: 'sender-signature-unverified',
    wrong: 'reads a group message without the sender’s signature: every member can write for every other',
    origin: 'GRP-01',
    family: 'sender-keys',
    changes: [
      {
        file: SENDER_KEY,
        text: 'if (!provider.xeddsaVerify(state.signingKey, message.authenticated, message.signature))',
        becomes: 'if (false)',
      },
    ],
  },
  {
    name: 'sender-key-rewound',
    wrong: 'lets a distribution message that comes again set the chain back',
    origin: 'GRP-03',
    family: 'sender-keys',
    changes: [
      {
        file: SENDER_KEY,
        text: 'distribution.chainKey.fill(0);\n    return { record: { key, states: [known,',
        becomes: 'return { record: { key, states: [receivedState(distribution),',
      },
    ],
  },
  {
    name: 'halves-not-sorted',
    wrong: 'shows its own half of the safety number first: the two sides see different numbers',
    origin: 'ID-01',
    family: 'fingerprint',
    changes: [{ file: FINGERPRINT, text: 'ours < theirs ? ours + theirs : theirs + ours', becomes: 'ours + theirs' }],
  },
  {
    name: 'leading-zeros-dropped',
    wrong: 'writes a group of digits without its leading zeros',
    origin: 'ID-01',
    family: 'fingerprint',
    changes: [{ file: FINGERPRINT, text: ".padStart(CHUNK_DIGITS, '0')", becomes: '' }],
  },
];
