/**
 * Vectors of X3DH.
 *
 * @spec 02-handshake
 * Owns: its tests. Must not know: KEMs.
 */
import type { CallDefinition, Family } from '../definition.ts';
import { change } from '../definition.ts';
import {
  bundleKeyFlaws,
  idFlaws,
  initiatorKeyFlaws,
  peerKeyFlaws,
  responderKeyFlaws,
  signedPreKeySignatureFlaws,
} from '../handshake-flaws.ts';
import {
  bundleOf,
  described,
  honest,
  initiateArgs,
  type Keys,
  type Kit,
  keysOf,
  respondArgs,
  SPOILT,
  type Spoiling,
  spoiltInitiate,
  spoiltRespond,
} from '../handshakes.ts';
import { pairOf } from '../parties.ts';

const kit: Kit = {
  suite: 'X3DH_X25519_SHA-256',
  name: 'X3DH',
  kem: null,
  deployed: false,
  req: ['HSK-07', 'HSK-09'],
  repeats: () => true,
  repeatsKem: () => false,
};

const HANDSHAKES = 11;

const numbered = Array.from({ length: HANDSHAKES }, (_, i) => keysOf(String(i)));

const choices = [...numbered, SPOILT].flatMap((keys) =>
  [true, false].map((oneTime) => ({ keys, choice: { oneTime, kem: 'run', turn: 0 } as const })),
);

const filled = (byte: number) => pairOf(new Uint8Array(32).fill(byte));
const usual = keysOf('0');

/** Keys that an implementation may take for special, and that are not. */
const UNUSUAL: readonly Keys[] = [
  { ...usual, name: 'with an ephemeral key of ones, clamped', ephemeral: filled(0xff) },
  { ...usual, name: 'with an initiator identity of zeros, clamped', alice: filled(0) },
  { ...usual, name: 'of a device with itself', alice: usual.bob },
  { ...usual, name: 'with one key as signed and one-time prekey', oneTime: usual.signed },
  { ...usual, name: 'with the identity as ephemeral key', ephemeral: usual.alice },
];

const EXTREMES = { registrationId: 0xffff_ffff, deviceId: 127, signedPreKeyId: 0xffff_ffff, preKeyId: 0xffff_ffff };

/** Ids enter nothing: the secrets are those of handshake 0. */
const ids: CallDefinition[] = [
  ['smallest ids', { registrationId: 0, deviceId: 1, signedPreKeyId: 0, preKeyId: 0 }] as const,
  ['largest ids', EXTREMES] as const,
].map(([name, changes]) => ({
  ...honest(kit, name, {
    ...initiateArgs(kit, usual, { oneTime: true, kem: 'run', turn: 0 }),
    remote: change(bundleOf(kit, usual, true), changes),
  }),
  req: ['HSK-03'],
}));

const all = [...choices, ...UNUSUAL.map((keys) => ({ keys, choice: { oneTime: true, kem: 'run', turn: 0 } as const }))];

const initiates = all.map(({ keys, choice }) => {
  const { comment, flags } = described(kit, keys, choice);
  return honest(kit, comment, initiateArgs(kit, keys, choice), flags);
});

const responds = all.map(({ keys, choice }) => {
  const { comment, flags } = described(kit, keys, choice);
  return honest(kit, comment, respondArgs(kit, keys, choice), flags);
});

const secret = '11'.repeat(32);
const ciphertext = `0a${'22'.repeat(1_568)}`;
const foreign = (what: string, against: string, args: Spoiling['args']): Spoiling => ({
  what,
  reason: 'not-of-this-suite',
  against,
  req: ['DRV-23'],
  ...(args && { args }),
});

/** A KEM where the suite has none: nobody may believe that it counted. */
const kemFields: CallDefinition[] = [
  spoiltInitiate(kit, foreign('with KEM randomness', 'PQX-07', { kemRandom: secret })),
  spoiltInitiate(kit, foreign('with a KEM secret', 'PQX-07', { kemShared: secret })),
  spoiltInitiate(kit, foreign('with a KEM ciphertext', 'PQX-07', { kemCiphertext: ciphertext })),
  ...['08', '0a', '05'].map((type) =>
    spoiltInitiate(kit, {
      what: `with a KEM prekey of type ${type}`,
      reason: 'kem-type-not-allowed',
      against: 'PQX-01',
      req: ['HSK-01'],
      remote: {
        kemPreKeyId: 31,
        kemPreKey: type + '33'.repeat(1_568),
        kemPreKeySignature: '44'.repeat(64),
      },
    }),
  ),
];

const kemFieldsOfResponder: CallDefinition[] = [
  spoiltRespond(kit, foreign('with a private KEM key', 'PQX-07', { kemPrivate: `0a${secret}${secret}` })),
  spoiltRespond(kit, foreign('with a KEM secret', 'PQX-07', { kemShared: secret })),
  spoiltRespond(kit, foreign('with a public KEM key', 'PQX-07', { kemPublic: ciphertext })),
  spoiltRespond(kit, foreign('with a KEM ciphertext', 'PQX-07', { kemCiphertext: ciphertext })),
];

export const x3dh: Family = {
  name: 'x3dh',
  algorithm: 'X3DH over X25519, HKDF-SHA256',
  header: [
    'ikm = FF × 32 ‖ DH1 ‖ DH2 ‖ DH3 [‖ DH4], root key ‖ chain key = HKDF(ikm, no salt, "WhisperText", 64).',
    'Both halves of each handshake are there: where the public keys are the same, so are the secrets.',
    'libsignal 0.103.0 has no X3DH any more: no test has a verdict of its own for it.',
  ],
  notes: { NoOneTime: { description: 'There is no one-time prekey, hence no DH4.' } },
  groups: [
    {
      type: 'X3dhInitiate',
      spec: 'spec/02-handshake.md §2, §3',
      op: 'handshake.initiate',
      tests: [
        ...initiates,
        ...ids,
        ...bundleKeyFlaws(kit),
        ...signedPreKeySignatureFlaws(kit),
        ...idFlaws(kit),
        ...initiatorKeyFlaws(kit),
        ...kemFields,
      ],
    },
    {
      type: 'X3dhRespond',
      spec: 'spec/02-handshake.md §3',
      op: 'handshake.respond',
      tests: [...responds, ...peerKeyFlaws(kit), ...responderKeyFlaws(kit), ...kemFieldsOfResponder],
    },
  ],
};
