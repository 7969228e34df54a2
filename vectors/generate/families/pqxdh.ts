/**
 * Vectors of PQXDH, over ML-KEM-1024 and over Kyber-1024 of round 3.
 *
 * @spec 02-handshake
 * Owns: their tests. Must not know: sessions.
 */
import type { Fields } from '../../../cli/conform/vector-file.ts';
import type { CallDefinition, Family } from '../definition.ts';
import { change, flipped } from '../definition.ts';
import { bundleKeyFlaws, peerKeyFlaws, signedPreKeySignatureFlaws } from '../handshake-flaws.ts';
import {
  bundleOf,
  type Choice,
  described,
  honest,
  initiateArgs,
  type KemKit,
  type Kit,
  kemKit,
  keysOf,
  respondArgs,
  SPOILT,
} from '../handshakes.ts';
import { kemInputFlaws, kemKeyFlaws, kemResponderFlaws, kemSignatureFlaws } from '../kem-flaws.ts';

type HybridKit = Kit & { readonly kem: KemKit };

/** X3DH has every flaw of an EC key and of a signature; here stand those that could be lost on the way to a KEM. */
const REPEATED: readonly string[] = [
  'one byte long',
  'of a KEM’s type',
  'with bit 255 set',
  'of small order (order 8)',
  'with a point of order 8 added',
  'with a bit of s flipped',
  'with s + L',
  'of another identity',
  'over the raw key',
];

/** Those on which libsignal has a verdict of its own, or which it refuses late. */
const DEPLOYED: readonly string[] = [
  '9 + p',
  '2 + p',
  'with R the identity',
  'with the sign of A flipped',
  'of the initiator',
];

/** Kyber has every flaw of a KEM key or ciphertext, ML-KEM these. */
const KEM_REPEATED: readonly string[] = [
  'empty',
  'one byte short',
  'of the other suite’s type',
  'with 3329 as last coefficient',
];

const mlKem: HybridKit = {
  suite: 'PQXDH_X25519_SHA-256_ML-KEM-1024',
  name: 'ML-KEM',
  kem: kemKit('ML-KEM-1024'),
  deployed: false,
  req: ['HSK-07', 'HSK-09', 'HSK-10'],
  repeats: (flaw) => REPEATED.includes(flaw),
  repeatsKem: (flaw) => KEM_REPEATED.includes(flaw),
};

const kyber: HybridKit = {
  suite: 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024',
  name: 'Kyber',
  kem: kemKit('Kyber-1024-r3'),
  deployed: true,
  req: ['HSK-07', 'HSK-09', 'KEY-21', 'KEY-22'],
  repeats: (flaw) => REPEATED.includes(flaw) || DEPLOYED.includes(flaw),
  repeatsKem: () => true,
};

/** The one that is spoilt and two more, each with and without one-time prekey; the KEM's secret is given in more than half. */
function choices(form: 'seed' | 'expanded'): readonly { readonly name: string; readonly choice: Choice }[] {
  return [SPOILT.name, '1', '2'].flatMap((name, i) =>
    [true, false].map((oneTime): { name: string; choice: Choice } => ({
      name,
      choice: { oneTime, kem: i % 3 === 2 ? form : 'given', turn: i },
    })),
  );
}

function initiates(kit: Kit): CallDefinition[] {
  return choices('seed').map(({ name, choice }) => {
    const keys = keysOf(name);
    const run: Choice = choice.kem === 'given' ? choice : { ...choice, kem: 'run' };
    const { comment, flags } = described(kit, keys, run);
    return honest(kit, comment, initiateArgs(kit, keys, run), flags);
  });
}

function responds(kit: Kit): CallDefinition[] {
  return [
    ...choices('seed'),
    ...choices('expanded').filter(({ choice }) => choice.kem === 'expanded' && choice.oneTime),
  ].map(({ name, choice }) => {
    const keys = keysOf(name);
    const { comment, flags } = described(kit, keys, choice);
    return honest(kit, comment, respondArgs(kit, keys, choice), flags);
  });
}

/** Ids enter nothing. */
function extremeIds(kit: Kit): CallDefinition[] {
  const keys = keysOf('0');
  const extremes = [
    ['smallest ids', 0],
    ['largest ids', 0xffff_ffff],
  ] as const;
  return extremes.map(([name, id]) => {
    const good = initiateArgs(kit, keys, { oneTime: true, kem: 'given', turn: 0 });
    const remote = change(bundleOf(kit, keys, true), { preKeyId: id, signedPreKeyId: id, kemPreKeyId: id });
    return { ...honest(kit, name, { ...good, remote } as Fields), req: ['HSK-03'] };
  });
}

/** A damaged ciphertext of right length is no error: the secrets are others. */
function rejections(kit: HybridKit): CallDefinition[] {
  const bits: readonly (readonly [string, number, Choice['kem']])[] = [
    ['the first bit', 15, 'seed'],
    ['a bit of v', -8 * 80, 'seed'],
  ];
  return bits.map(([name, bit, form]) => {
    const good = respondArgs(kit, keysOf('0'), { oneTime: true, kem: form, turn: 0 });
    const kemCiphertext = flipped(good.kemCiphertext as string, bit);
    const comment = `${name} of the ciphertext flipped: implicit rejection`;
    return { ...honest(kit, comment, { ...good, kemCiphertext }, ['ImplicitRejection']), req: ['HSK-12', 'KEY-14'] };
  });
}

/** In the binding suite every public value of the handshake is in the info; here the secret stays and the info does not. */
function bindings(kit: HybridKit): CallDefinition[] {
  const good = respondArgs(kit, keysOf('0'), { oneTime: true, kem: 'given', turn: 0 });
  const [, second] = kit.kem.encapsulations as readonly [unknown, KemKit['encapsulations'][0]];
  const changed = (comment: string, args: Fields) => ({
    ...honest(kit, comment, { ...good, ...args }, ['Binding', 'GivenKem']),
    req: ['HSK-10'],
  });
  return [
    changed('the same KEM secret beside another ciphertext', { kemCiphertext: second.ciphertext }),
    changed('the same KEM secret beside another public key', { kemPublic: flipped(kit.kem.public, -1) }),
  ];
}

function initiateTests(kit: HybridKit): CallDefinition[] {
  return [
    ...initiates(kit),
    ...(kit.deployed ? extremeIds(kit) : []),
    ...bundleKeyFlaws(kit),
    ...signedPreKeySignatureFlaws(kit),
    ...kemKeyFlaws(kit, kit.kem),
    ...kemSignatureFlaws(kit, kit.kem),
    ...kemInputFlaws(kit, kit.kem),
  ];
}

function respondTests(kit: HybridKit): CallDefinition[] {
  return [
    ...responds(kit),
    ...rejections(kit),
    ...bindings(kit),
    ...peerKeyFlaws(kit),
    ...kemResponderFlaws(kit, kit.kem),
  ];
}

export const pqxdh: Family = {
  name: 'pqxdh',
  algorithm: 'PQXDH over X25519 and ML-KEM-1024 or Kyber-1024 round 3, HKDF-SHA256',
  header: [
    'ikm = FF × 32 ‖ DH1 ‖ DH2 ‖ DH3 [‖ DH4] ‖ SS, root key ‖ chain key ‖ PQ ratchet key = HKDF(ikm, no salt, info, 96).',
    'All tests of a suite share one KEM pair. Where the public values are the same on both sides, so are the secrets.',
    'Verdicts of libsignal stand in the Kyber suite alone: libsignal 0.103.0 speaks no other.',
  ],
  notes: {
    NoOneTime: { description: 'There is no one-time prekey, hence no DH4.' },
    GivenKem: { description: 'The secret of the KEM is given: a driver without the KEM can take part.' },
    ImplicitRejection: { description: 'The ciphertext is damaged: the KEM answers the secret of implicit rejection.' },
    Binding: {
      description: 'A public value of the KEM differs while its secret does not: a binding suite tells them apart.',
    },
  },
  groups: [mlKem, kyber].flatMap((kit) => [
    {
      type: `PqxdhInitiate${kit.name.replace('-', '')}`,
      spec: 'spec/02-handshake.md §2, §3',
      op: 'handshake.initiate',
      tests: initiateTests(kit),
    },
    {
      type: `PqxdhRespond${kit.name.replace('-', '')}`,
      spec: 'spec/02-handshake.md §3, §4',
      op: 'handshake.respond',
      tests: respondTests(kit),
    },
  ]),
};
