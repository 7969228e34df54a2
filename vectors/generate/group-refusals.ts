/**
 * What is refused in groups, each with an honest step behind it that still works.
 *
 * @spec 13-groups §5, §6
 * Owns: the refused tests of the family. Must not know: honest conversations.
 */
import type { SequenceDefinition, StepDefinition } from './definition.ts';
import { flipped, hex } from './definition.ts';
import { keyFlaws } from './flaws.ts';
import { withIdentityR, withLargeS } from './forged.ts';
import { badlyPadded, distribution, LIST, message, type Sender, senderOf, signedBy, unsigned } from './group-sender.ts';
import {
  ALICE,
  ALICES_TABLET,
  BOB,
  create,
  decrypt,
  encrypt,
  MALLORY,
  process,
  refused,
  seeded,
} from './group-steps.ts';
import { pair, sign } from './parties.ts';
import { bytesField, numberField } from './protobuf.ts';

const LENIENT = { strict: 'invalid', libsignal: 'valid' } as const;

/** What is wrong, against what, and whether libsignal takes it. */
interface Wrong {
  readonly what: string;
  readonly against: string;
  readonly req: readonly string[];
  readonly lenient?: boolean;
  readonly flags?: readonly string[];
}

function sequence(
  { what, against, req, lenient = false, flags = [] }: Wrong,
  steps: StepDefinition[],
): SequenceDefinition {
  return {
    comment: what,
    req,
    flags,
    steps,
    refused: { check: `sender key ${what}`, against },
    ...(lenient ? { verdicts: LENIENT } : {}),
  };
}

const alice = senderOf('alice', 0x1234567);
const mallory = senderOf('mallory', 0x1234567);
const first = message(alice, 0);
const second = message(alice, 1);
const start: readonly StepDefinition[] = [BOB, process(distribution(alice))];

/** Bob has Alice's key; a body is refused; what Alice sent is read. */
function refusedBody(wrong: Wrong, reason: string, body: string): SequenceDefinition {
  return sequence(wrong, [...start, refused(decrypt(body), reason), decrypt(first)]);
}

const SIGNATURE = 128;
const authenticated = first.slice(0, -SIGNATURE);
const signature = first.slice(-SIGNATURE);

function forgedSignature(name: string, value: string, lenient = false): SequenceDefinition {
  const wrong = { what: `signature ${name}`, against: 'GRP-01', req: ['SKY-05'], lenient };
  return refusedBody(wrong, 'sender-key-signature', authenticated + value);
}

const signatures: SequenceDefinition[] = [
  forgedSignature('with a bit of R flipped', flipped(signature, 9)),
  forgedSignature('with a bit of s flipped', flipped(signature, 300)),
  forgedSignature('with the sign of A flipped', flipped(signature, 511)),
  forgedSignature('of zeros', '00'.repeat(64)),
  forgedSignature('of ones', 'ff'.repeat(64)),
  forgedSignature('with its halves swapped', signature.slice(64) + signature.slice(0, 64)),
  forgedSignature('with s + L', withLargeS(signature), true),
  forgedSignature('with R the identity', withIdentityR(alice.signing, authenticated), true),
  forgedSignature('of another message', second.slice(-SIGNATURE)),
  forgedSignature('of a member who has the chain key', sign(mallory.signing, authenticated, 'mallory')),
  forgedSignature('of the receiver’s identity', sign(pair('group bob'), authenticated, 'bob')),
  forgedSignature('over all but the version', sign(alice.signing, authenticated.slice(2), 'without version')),
];

/** A good signature under other bytes. */
function altered(name: string, reason: string, body: string, req: readonly string[] = ['SKY-05']): SequenceDefinition {
  return refusedBody({ what: `message with ${name}`, against: 'GRP-01', req }, reason, body + signature);
}

const at = (iteration: number, sender: Sender = alice) => unsigned(sender, iteration, 'message 0');

const alterations: SequenceDefinition[] = [
  altered('another low nibble of the version', 'sender-key-signature', flipped(authenticated, 0)),
  altered('another ciphertext', 'sender-key-signature', flipped(authenticated, -1)),
  altered('another iteration', 'sender-key-signature', at(5)),
  altered('an iteration beyond every jump', 'sender-key-signature', withIteration(0xffff_fffe)),
  altered('an unknown field behind it', 'sender-key-signature', authenticated + numberField(99, 1)),
  altered('a chain id that is unknown', 'no-sender-key-state', at(0, { ...alice, chainId: 5 }), ['SKY-15']),
  altered('another distribution id', 'no-sender-key', flipped(authenticated, 8 * 3), ['SKY-15']),
  altered('version 2', 'version-too-old', `23${authenticated.slice(2)}`, ['SKY-01']),
  altered('version 4', 'version-unrecognised', `43${authenticated.slice(2)}`, ['SKY-01']),
];

/** The good ciphertext under a number that no walk reaches. */
function withIteration(iteration: number): string {
  const fields = authenticated.slice(2);
  const id = fields.slice(0, 36);
  return `33${id}${numberField(2, alice.chainId)}${numberField(3, iteration)}${bytesField(4, authenticated.slice(-32))}`;
}

/** Signed by the sender, and yet no message. */
function signedNonsense(name: string, reason: string, body: string, against = 'PAR-01'): SequenceDefinition {
  const wrong = { what: `signed message ${name}`, against, req: ['SKY-02', 'KEY-16'] };
  return refusedBody(wrong, reason, signedBy(alice.signing, body));
}

const ciphertextOf = (bytes: Uint8Array) => unsigned(alice, 0, '', bytes);
const padding = 'PRIM-11';
const header = authenticated.slice(2, 2 + 36);
const sealed = bytesField(4, authenticated.slice(-32));

const nonsense: SequenceDefinition[] = [
  signedNonsense('with no ciphertext', 'bad-ciphertext', ciphertextOf(new Uint8Array(0)), padding),
  signedNonsense('with 15 bytes of ciphertext', 'bad-ciphertext', ciphertextOf(new Uint8Array(15)), padding),
  signedNonsense('with 17 bytes of ciphertext', 'bad-ciphertext', ciphertextOf(new Uint8Array(17)), padding),
  signedNonsense('with bad padding', 'bad-ciphertext', ciphertextOf(badlyPadded(alice, 0)), padding),
  signedNonsense('without its ciphertext', 'missing-field', authenticated.slice(0, -36)),
  signedNonsense('without its iteration', 'missing-field', `33${header}${numberField(2, alice.chainId)}${sealed}`),
  signedNonsense('without its chain id', 'missing-field', `33${header}${numberField(3, 0)}${sealed}`),
  signedNonsense(
    'with an id of 15 bytes',
    'bad-length',
    `33${bytesField(1, '00'.repeat(15))}${authenticated.slice(2 + 36)}`,
  ),
  signedNonsense('with a field number 0', 'field-zero', `${authenticated}0000`),
  refusedBody({ what: 'message of 64 bytes', against: 'PAR-01', req: ['SKY-02'] }, 'too-short', first.slice(0, 128)),
  refusedBody({ what: 'message of nothing', against: 'PAR-01', req: ['SKY-02'] }, 'too-short', ''),
];

/** The jump is refused and every message before it still opens. */
const LAST = 0xffff_ffff;
const nearEnd = senderOf('near the end', 77, LIST, LAST - 1);

const iterations: SequenceDefinition[] = [
  sequence({ what: 'message again', against: 'GRP-06', req: ['SKY-08'] }, [
    ...start,
    decrypt(first),
    refused(decrypt(first), 'message-key-used'),
    decrypt(second),
  ]),
  sequence({ what: 'skipped message again', against: 'GRP-06', req: ['SKY-08'] }, [
    ...start,
    decrypt(message(alice, 2)),
    decrypt(first),
    refused(decrypt(first), 'message-key-used'),
    decrypt(second),
    refused(decrypt(message(alice, 2)), 'message-key-used'),
    decrypt(message(alice, 3)),
  ]),
  sequence({ what: 'message from before the distribution', against: 'GRP-06', req: ['SKY-08', 'SKY-11'] }, [
    BOB,
    process(distribution(alice, 3)),
    refused(decrypt(message(alice, 2)), 'message-key-used'),
    decrypt(message(alice, 3)),
  ]),
  sequence({ what: 'message 25,001 ahead', against: 'RAT-01', req: ['SKY-07'] }, [
    ...start,
    refused(decrypt(message(alice, 25_001)), 'counter-too-far'),
    decrypt(first),
    decrypt(message(alice, 25_001)),
  ]),
  sequence({ what: 'oldest of 2,001 messages passed over', against: 'RAT-01', req: ['SKY-07'] }, [
    ...start,
    decrypt(message(alice, 2_001)),
    refused(decrypt(first), 'message-key-used'),
    decrypt(second),
  ]),
  sequence({ what: 'oldest passed over, dropped by a later one', against: 'RAT-01', req: ['SKY-07'] }, [
    ...start,
    decrypt(message(alice, 1_500)),
    decrypt(message(alice, 2_600)),
    refused(decrypt(message(alice, 598)), 'message-key-used'),
    decrypt(message(alice, 600)),
  ]),
  sequence({ what: 'message of the last iteration', against: 'RAT-02', req: ['SKY-09'] }, [
    BOB,
    process(distribution(nearEnd, LAST - 1)),
    refused(decrypt(message(nearEnd, LAST)), 'counter-too-far'),
    decrypt(message(nearEnd, LAST - 1)),
    refused(decrypt(message(nearEnd, LAST)), 'counter-too-far'),
  ]),
];

const senders: SequenceDefinition[] = [
  sequence({ what: 'message without any sender key', against: 'GRP-02', req: ['SKY-15'] }, [
    BOB,
    refused(decrypt(first), 'no-sender-key'),
    process(distribution(alice)),
    decrypt(first),
  ]),
  sequence({ what: 'message under another account’s name', against: 'GRP-02', req: ['SKY-03', 'DRV-20'] }, [
    ...start,
    refused(decrypt(first, MALLORY), 'no-sender-key'),
    decrypt(first),
  ]),
  sequence({ what: 'message under another device of the account', against: 'GRP-02', req: ['SKY-03', 'DRV-20'] }, [
    ...start,
    refused(decrypt(first, ALICES_TABLET), 'no-sender-key'),
    decrypt(first),
  ]),
  sequence({ what: 'message under the name of a member with another key', against: 'GRP-02', req: ['SKY-03'] }, [
    ...start,
    process(distribution(mallory), MALLORY),
    refused(decrypt(first, MALLORY), 'sender-key-signature'),
    decrypt(message(mallory, 0), MALLORY),
    decrypt(first),
  ]),
];

/** Chains of one sender, so many that the first is dropped. */
const chains = Array.from({ length: 6 }, (_, i) => senderOf(`chain ${i}`, 100 + i));
const texts = chains.map((sender) => message(sender, 0));

const rewound = (what: string, iteration: number): SequenceDefinition =>
  sequence({ what, against: 'GRP-03', req: ['SKY-13'] }, [
    ...start,
    decrypt(first),
    decrypt(second),
    process(distribution(alice, iteration)),
    refused(decrypt(first), 'message-key-used'),
    decrypt(message(alice, 2)),
  ]);

const states: SequenceDefinition[] = [
  sequence({ what: 'message of the sixth chain before', against: 'RAT-01', req: ['SKY-14'] }, [
    BOB,
    ...chains.map((sender) => process(distribution(sender))),
    refused(decrypt(texts[0] as string), 'no-sender-key-state'),
    ...texts.slice(1).map((text) => decrypt(text)),
  ]),
  sequence(
    { what: 'message of a chain that a repeated distribution outlived', against: 'RAT-01', req: ['SKY-13', 'SKY-14'] },
    [
      BOB,
      ...chains.slice(0, 5).map((sender) => process(distribution(sender))),
      process(distribution(chains[0] as Sender)),
      process(distribution(chains[5] as Sender)),
      refused(decrypt(texts[1] as string), 'no-sender-key-state'),
      decrypt(texts[0] as string),
    ],
  ),
  rewound('message read before a repeated distribution', 0),
  rewound('message read before a later distribution of the same chain', 5),
  sequence(
    {
      what: 'distribution with another signing key for a known chain',
      against: 'GRP-03',
      req: ['SKY-12'],
      lenient: true,
    },
    [
      ...start,
      refused(process(distribution({ ...alice, signing: mallory.signing })), 'signing-key-changed'),
      decrypt(first),
    ],
  ),
  sequence(
    { what: 'distribution with other keys for a known chain', against: 'GRP-03', req: ['SKY-12'], lenient: true },
    [...start, decrypt(first), refused(process(distribution(mallory)), 'signing-key-changed'), decrypt(second)],
  ),
];

const good = distribution(alice);
const SIGNING_KEY = 66;

function badDistribution(what: string, reason: string, body: string, wrong: Partial<Wrong> = {}): SequenceDefinition {
  const { against = 'PAR-01', req = ['SKY-02'], lenient = false } = wrong;
  return sequence({ what: `distribution ${what}`, against, req, lenient }, [
    BOB,
    refused(process(body), reason),
    process(good),
    decrypt(first),
  ]);
}

const KEYS = ['of type 06', 'of a KEM’s type', 'with bit 255 set', '9 + p', '2 + p'];

const distributions: SequenceDefinition[] = [
  badDistribution('of nothing', 'too-short', ''),
  badDistribution('of the version alone', 'missing-field', '33'),
  badDistribution('of version 2', 'version-too-old', `23${good.slice(2)}`, { req: ['SKY-01'] }),
  badDistribution('of version 4', 'version-unrecognised', `43${good.slice(2)}`, { req: ['SKY-01'] }),
  badDistribution('one byte short', 'length-past-end', good.slice(0, -2)),
  badDistribution('with a chain key of 31 bytes', 'bad-length', withChainKey(31)),
  badDistribution('with a chain key of 33 bytes', 'bad-length', withChainKey(33)),
  ...keyFlaws(alice.signing.u)
    .filter(({ name }) => KEYS.includes(name))
    .map(({ name, value, reason, against, lenient = false }) => {
      const body = good.slice(0, -SIGNING_KEY - 4) + bytesField(5, value);
      return badDistribution(`with a signing key ${name}`, reason, body, { against, req: ['MSG-06'], lenient });
    }),
];

function withChainKey(length: number): string {
  const id = bytesField(1, LIST.replaceAll('-', ''));
  const numbers = numberField(2, alice.chainId) + numberField(3, 0);
  return `33${id}${numbers}${bytesField(4, '11'.repeat(length))}${bytesField(5, alice.signing.public)}`;
}

const OTHER_LIST = '11111111-2222-4333-8444-555555555555';
const text = hex(Buffer.from('honest'));

/** Alice draws from a seed and gives Bob her key. */
const drawn: readonly StepDefinition[] = [
  seeded('alice'),
  BOB,
  create('$alice', LIST, '$key'),
  process('$key'),
  encrypt('$alice', LIST, text, '$body'),
];

function damaged(what: string, reason: string, change: { flipBit: number } | { cut: number }, against = 'GRP-01') {
  return sequence({ what: `drawn message ${what}`, against, req: ['SKY-05'], flags: ['Drawn'] }, [
    ...drawn,
    refused(decrypt({ damage: '$body', ...change }), reason),
    decrypt('$body'),
  ]);
}

const owns: SequenceDefinition[] = [
  sequence(
    {
      what: 'distribution of a new chain for one’s own record',
      against: 'GRP-03',
      req: ['SKY-10'],
      lenient: true,
      flags: ['Drawn'],
    },
    [
      ...drawn,
      refused(process(distribution(senderOf('new', 9)), ALICE, '$alice'), 'own-sender-key'),
      decrypt('$body'),
      encrypt('$alice', LIST, text, '$next'),
      decrypt('$next'),
    ],
  ),
  sequence({ what: 'sending without a sender key', against: 'GRP-02', req: ['SKY-10'], flags: ['Drawn'] }, [
    ...drawn,
    refused(encrypt('$alice', OTHER_LIST, text, '$none'), 'no-sender-key'),
    decrypt('$body'),
  ]),
  sequence(
    { what: 'sending with a sender key that is not one’s own', against: 'GRP-02', req: ['SKY-10'], flags: ['Drawn'] },
    [
      ...drawn,
      process(distribution(senderOf('foreign', 10, OTHER_LIST)), ALICE, '$alice'),
      refused(encrypt('$alice', OTHER_LIST, text, '$none'), 'not-own-sender-key'),
      decrypt('$body'),
    ],
  ),
  sequence({ what: 'sending to a list that has no UUID', against: 'PAR-03', req: ['DRV-06'], flags: ['Drawn'] }, [
    ...drawn,
    refused(encrypt('$alice', LIST.slice(1), text, '$none'), 'not-a-uuid'),
    decrypt('$body'),
  ]),
  damaged('with the sign of its signature flipped', 'sender-key-signature', { flipBit: -1 }),
  damaged('with a bit of s flipped', 'sender-key-signature', { flipBit: -100 }),
  damaged('with a bit of R flipped', 'sender-key-signature', { flipBit: -400 }),
  damaged('with a bit of its ciphertext flipped', 'sender-key-signature', { flipBit: -8 * 64 - 1 }),
  damaged('with a bit of its distribution id flipped', 'no-sender-key', { flipBit: 8 * 5 }),
  damaged('with a bit of its chain id flipped', 'no-sender-key-state', { flipBit: 8 * 20 }),
  damaged('cut to 64 bytes', 'too-short', { cut: 64 }, 'PAR-01'),
  damaged('cut to 65 bytes', 'missing-field', { cut: 65 }, 'PAR-01'),
];

/** All of them. */
export const REFUSALS: readonly SequenceDefinition[] = [
  ...signatures,
  ...alterations,
  ...nonsense,
  ...iterations,
  ...senders,
  ...states,
  ...distributions,
  ...owns,
];
