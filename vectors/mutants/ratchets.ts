/**
 * Mutants of chains and the Double Ratchet.
 *
 * @spec 14-vectors §7
 * Owns: their changes. Must not know: how they are run.
 */
import type { Mutant } from './mutant.ts';

const CHAIN = 'protocol/ratchet/symmetric.ts';
const DOUBLE = 'protocol/ratchet/double.ts';
const LIMITS = 'protocol/limits.ts';
const SKIPPING = 'https://github.com/signalapp/libsignal-protocol-java/issues/54';

export const RATCHET_MUTANTS: readonly Mutant[] = [
  {
    name: 'pq-salt-missing',
    wrong: 'leaves the post-quantum key out of the message keys: both ratchets run, one protects',
    origin: 'RAT-04',
    family: 'symmetric-chain',
    changes: [{ file: CHAIN, text: 'hkdfSha256(seed, salt,', becomes: 'hkdfSha256(seed, new Uint8Array(0),' }],
  },
  {
    name: 'salt-and-seed-swapped',
    wrong: 'gives the post-quantum key as HKDF’s input and the seed as its salt',
    origin: 'https://www.rfc-editor.org/rfc/rfc5869#section-2.2',
    family: 'triple-ratchet',
    changes: [{ file: CHAIN, text: 'hkdfSha256(seed, salt,', becomes: 'hkdfSha256(salt, seed,' }],
  },
  {
    name: 'old-chain-dropped',
    wrong: 'drops the receiving chain before when the ratchet turns: late messages are lost',
    origin: SKIPPING,
    family: 'double-ratchet',
    changes: [{ file: DOUBLE, text: '[...state.receivers, receiver]', becomes: '[receiver]' }],
  },
  {
    name: 'old-chain-not-advanced',
    wrong: 'reads on an older chain only what was skipped before the ratchet turned, nothing behind it',
    origin: 'https://github.com/status-im/status-go/pull/1257',
    family: 'double-ratchet',
    changes: [
      {
        file: DOUBLE,
        text: 'if (counter < receiver.chain.index) return',
        becomes: 'if (counter < receiver.chain.index || position < state.receivers.length - 1) return',
      },
    ],
  },
  {
    name: 'six-chains-kept',
    wrong: 'keeps a sixth receiving chain',
    origin: 'RAT-01',
    family: 'double-ratchet',
    changes: [{ file: LIMITS, text: 'MAX_RECEIVER_CHAINS = 5;', becomes: 'MAX_RECEIVER_CHAINS = 6;' }],
  },
  {
    name: 'second-chain-evicted',
    wrong: 'lets go of the second oldest receiving chain instead of the oldest',
    origin: 'RAT-01',
    family: 'double-ratchet',
    changes: [{ file: DOUBLE, text: 'receivers.splice(0, ', becomes: 'receivers.splice(1, ' }],
  },
  {
    name: 'skipped-cap-off-by-one',
    wrong: 'keeps 2,001 skipped keys of a chain',
    origin: 'RAT-01',
    family: 'double-ratchet',
    changes: [{ file: LIMITS, text: 'MAX_MESSAGE_KEYS = 2_000;', becomes: 'MAX_MESSAGE_KEYS = 2_001;' }],
  },
  {
    name: 'skipped-cap-missing',
    wrong: 'keeps every skipped key',
    origin: 'https://github.com/microsoft/agent-governance-toolkit/pull/2184',
    family: 'double-ratchet',
    changes: [{ file: LIMITS, text: 'MAX_MESSAGE_KEYS = 2_000;', becomes: 'MAX_MESSAGE_KEYS = 30_000;' }],
  },
  {
    name: 'jump-limit-off-by-one',
    wrong: 'refuses a jump of exactly 25,000',
    origin: 'RAT-01',
    family: 'double-ratchet',
    changes: [{ file: DOUBLE, text: 'if (jump > maxJump ||', becomes: 'if (jump >= maxJump ||' }],
  },
  {
    name: 'skipped-key-kept',
    wrong: 'keeps the key of a skipped message after its use: the message can be read again',
    origin: 'RAT-02',
    family: 'double-ratchet',
    changes: [
      {
        file: DOUBLE,
        text: 'withoutSkipped(receiver.skipped, pending.entry)',
        becomes: 'receiver.skipped.clone()',
      },
    ],
  },
  {
    name: 'counter-reset-after-skip',
    wrong: 'counts on from the length of a gap, not from the message behind it',
    origin: 'https://github.com/guardyn/guardyn/issues/198',
    family: 'double-ratchet',
    changes: [{ file: DOUBLE, text: '{ index: counter + 1,', becomes: '{ index: (jump > 0 ? jump : counter) + 1,' }],
  },
  {
    name: 'advanced-before-limit',
    wrong: 'walks the chain as far as it may before it refuses to walk further',
    origin: 'STATE-01',
    family: 'double-ratchet',
    changes: [
      {
        file: DOUBLE,
        text: 'payForWalk(receiver.chain.index, counter, maxJump, work);',
        becomes: `const { index } = receiver.chain;
    if (counter - index > maxJump) Object.assign(receiver, { chain: walk(provider, receiver.chain, index + 9).next });
    payForWalk(index, counter, maxJump, work);`,
      },
    ],
  },
  {
    name: 'previous-counter-of-the-text',
    wrong: 'sends the length of the chain before as PN, as the text says, not its last index, as deployed',
    origin: 'https://signal.org/docs/specifications/doubleratchet/',
    family: 'double-ratchet',
    changes: [
      {
        file: DOUBLE,
        text: 'Math.max(state.sender.chain.index - 1, 0)',
        becomes: 'state.sender.chain.index',
      },
    ],
  },
];
