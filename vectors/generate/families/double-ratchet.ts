/**
 * Vectors of the Double Ratchet at key level: headers in, keys out.
 *
 * @spec 03-ratchet
 * Owns: its tests. Must not know: message formats, MACs.
 */
import { nobleProvider } from '../../../protocol/crypto/noble.ts';
import { torsioned, wire } from '../../../test/support/points.ts';
import type { Family, SequenceDefinition } from '../definition.ts';
import { fixed, fixedHex, hex } from '../definition.ts';
import { formFlaws, keyFlaws, rangeFlaws, smallOrderFlaws } from '../flaws.ts';
import { publicOf, type RatchetScript } from '../ratchet-script.ts';
import { type Head, repeats, scripted, sixthChain } from './double-ratchet-more.ts';

const inOrder: SequenceDefinition[] = [
  ...[1, 2, 3, 7].map((turns) =>
    scripted(
      `ping-pong ${turns}`,
      { comment: `${turns} messages each way, in turn`, req: ['DRT-01', 'DRT-05', 'DRT-06'] },
      (s) => {
        for (let i = 0; i < turns; i++) s.turn();
      },
    ),
  ),
  ...[2, 5, 20].map((burst) =>
    scripted(
      `burst ${burst}`,
      { comment: `${burst} messages in a row, an answer, as many again`, req: ['DRT-02', 'DRT-07'] },
      (s) => {
        for (let round = 0; round < 2; round++) {
          const sent = Array.from({ length: burst }, () => s.send('alice'));
          for (const header of sent) s.receive('bob', header);
          s.receive('alice', s.send('bob'));
        }
      },
    ),
  ),
  scripted('one-sided', { comment: 'thirty messages one way, none back', req: ['DRT-07'] }, (s) => {
    for (let i = 0; i < 30; i++) s.receive('bob', s.send('alice'));
  }),
  scripted(
    'salted',
    { comment: 'message keys salted by the post-quantum ratchet', req: ['DRT-04'], flags: ['Salted'] },
    (s) => {
      for (let i = 0; i < 3; i++) {
        const [there, back] = [
          fixedHex(`double ratchet, salt ${2 * i}`),
          fixedHex(`double ratchet, salt ${2 * i + 1}`),
        ];
        s.receive('bob', s.send('alice', { pqKey: there }), { pqKey: there });
        s.receive('alice', s.send('bob', { pqKey: back }), { pqKey: back });
      }
    },
  ),
  scripted('crossing', { comment: 'answers that cross: both send before they receive', req: ['DRT-08'] }, (s) => {
    s.turn();
    for (let i = 0; i < 4; i++) {
      const [a, b] = [s.send('alice'), s.send('bob')];
      s.receive('bob', a);
      s.receive('alice', b);
    }
  }),
];

/** The orders in which five messages arrive. */
const ORDERS = [
  [4, 3, 2, 1, 0],
  [1, 0, 3, 2, 4],
  [2, 4, 0, 1, 3],
  [0, 4, 1, 3, 2],
  [3, 0, 4],
];

const skipped: SequenceDefinition[] = [
  ...ORDERS.map((order) =>
    scripted(
      `order ${order.join('')}`,
      { comment: `five messages arrive as ${order.join(', ')}`, req: ['DRT-10', 'DRT-11'], flags: ['Skipped'] },
      (s) => {
        const sent = Array.from({ length: 5 }, () => s.send('alice'));
        for (const i of order) s.receive('bob', sent[i] as (typeof sent)[0]);
      },
    ),
  ),
  ...[1, 2, 3, 4].map((turns) =>
    scripted(
      `late ${turns}`,
      {
        comment: `a message arrives ${turns} turns of the ratchet late: its chain is kept`,
        req: ['DRT-10', 'DRT-13'],
        flags: ['Skipped', 'OldChain'],
      },
      (s) => {
        const late = s.send('alice');
        s.receive('bob', s.send('alice'));
        s.receive('alice', s.send('bob'));
        for (let i = 0; i < turns; i++) s.turn();
        s.receive('bob', late);
        s.turn();
      },
    ),
  ),
  scripted(
    'unknown end',
    { comment: 'a chain whose last messages were lost is read on after a turn', req: ['DRT-13'], flags: ['OldChain'] },
    (s) => {
      const sent = Array.from({ length: 4 }, () => s.send('alice'));
      s.receive('bob', sent[1] as (typeof sent)[0]);
      s.receive('alice', s.send('bob'));
      s.receive('bob', s.send('alice'));
      for (const i of [3, 0, 2]) s.receive('bob', sent[i] as (typeof sent)[0]);
    },
  ),
  sixthChain,
  ...[2_000, 25_000].map((jump) =>
    scripted(
      `jump ${jump}`,
      { comment: `a jump of ${jump.toLocaleString('en')} is accepted`, req: ['DRT-09', 'DRT-10'], flags: ['Limit'] },
      (s) => {
        s.receive('bob', s.header('alice', jump));
        s.receive('bob', s.header('alice', jump - 2_000));
        s.receive('bob', s.header('alice', jump - 1));
      },
    ),
  ),
];

function refusedIn(
  name: string,
  head: Head & { readonly refused: NonNullable<Head['refused']> },
  play: (s: RatchetScript) => void,
) {
  return scripted(name, head, play);
}

const limits: SequenceDefinition[] = [
  ...[25_001, 0xffff_fffe, 0xffff_ffff].map((counter) =>
    refusedIn(
      `too far ${counter}`,
      {
        comment: `counter ${counter} on a fresh chain is too far`,
        req: ['DRT-09'],
        flags: ['Limit'],
        refused: { check: `ratchet jump to ${counter}`, against: 'RAT-01' },
      },
      (s) => {
        s.receive('bob', s.header('alice', counter), { refused: 'counter-too-far' });
        s.turn();
      },
    ),
  ),
  refusedIn(
    'too far later',
    {
      comment: 'a jump of 25,001 from a chain that has moved',
      req: ['DRT-09'],
      flags: ['Limit'],
      refused: { check: 'ratchet jump on a known chain', against: 'RAT-01' },
    },
    (s) => {
      s.receive('bob', s.header('alice', 9));
      s.receive('bob', s.header('alice', 9 + 25_002), { refused: 'counter-too-far' });
      s.receive('bob', s.header('alice', 9 + 25_001));
    },
  ),
  refusedIn(
    'evicted',
    {
      comment: 'of 2,001 skipped messages the oldest is forgotten',
      req: ['DRT-10', 'DRT-11'],
      flags: ['Limit', 'Skipped'],
      refused: { check: 'ratchet skipped keys, 2,001 at once', against: 'RAT-01' },
    },
    (s) => {
      s.receive('bob', s.header('alice', 2_001));
      s.receive('bob', s.header('alice', 0), { refused: 'message-key-used' });
      s.receive('bob', s.header('alice', 1));
    },
  ),
  refusedIn(
    'evicted by parts',
    {
      comment: 'the cap holds over two gaps of one chain',
      req: ['DRT-10'],
      flags: ['Limit', 'Skipped'],
      refused: { check: 'ratchet skipped keys, over two gaps', against: 'RAT-01' },
    },
    (s) => {
      s.receive('bob', s.header('alice', 1_000));
      s.receive('bob', s.header('alice', 2_500));
      s.receive('bob', s.header('alice', 498), { refused: 'message-key-used' });
      s.receive('bob', s.header('alice', 499));
    },
  ),
  refusedIn(
    'cap by chain',
    {
      comment: 'each chain has a cap of its own',
      req: ['DRT-10'],
      flags: ['Limit', 'Skipped', 'OldChain'],
      refused: { check: 'ratchet skipped keys, of another chain', against: 'RAT-01' },
    },
    (s) => {
      const first = s.header('alice', 0);
      s.receive('bob', s.header('alice', 2_000));
      s.receive('alice', s.send('bob'));
      s.receive('bob', s.header('alice', 2_001));
      s.receive('bob', s.header('alice', 0), { refused: 'message-key-used' });
      s.receive('bob', first);
    },
  ),
];

const twice: SequenceDefinition[] = [
  ['the newest', 0],
  ['an older', 2],
  ['the first', 5],
].map(([name, back]) =>
  refusedIn(
    `twice ${back}`,
    {
      comment: `${name} message comes again`,
      req: ['DRT-11'],
      refused: { check: `ratchet message again, ${name}`, against: 'RAT-02' },
    },
    (s) => {
      const sent = Array.from({ length: 6 }, () => s.send('alice'));
      for (const header of sent) s.receive('bob', header);
      s.receive('bob', sent[5 - (back as number)] as (typeof sent)[0], { refused: 'message-key-used' });
      s.turn();
    },
  ),
);

const twiceSkipped = refusedIn(
  'twice skipped',
  {
    comment: 'a skipped message comes twice',
    req: ['DRT-11'],
    flags: ['Skipped'],
    refused: { check: 'ratchet skipped message again', against: 'RAT-02' },
  },
  (s) => {
    const late = s.send('alice');
    s.receive('bob', s.send('alice'));
    s.receive('bob', late);
    s.receive('bob', late, { refused: 'message-key-used' });
    s.turn();
  },
);

const twiceOld = refusedIn(
  'twice old',
  {
    comment: 'a message of an older chain comes twice',
    req: ['DRT-11', 'DRT-13'],
    flags: ['OldChain'],
    refused: { check: 'ratchet message again, of an older chain', against: 'RAT-02' },
  },
  (s) => {
    const first = s.send('alice');
    s.receive('bob', first);
    s.receive('alice', s.send('bob'));
    s.turn();
    s.receive('bob', first, { refused: 'message-key-used' });
    s.turn();
  },
);

/** Ratchet keys in headers that are none; the next honest message still turns the ratchet. */
function badKeys(): SequenceDefinition[] {
  const { publicKey } = nobleProvider.x25519FromPrivate(fixed('double ratchet, bad key'));
  const flaws = [
    ...formFlaws(hex(wire(publicKey))),
    ...rangeFlaws(publicKey),
    ...smallOrderFlaws('zero-shared-secret'),
  ];
  return flaws.map(({ name, value, reason, against }) =>
    refusedIn(
      `key ${name}`,
      { comment: `a ratchet key ${name}`, req: ['DRT-08'], refused: { check: `ratchet key ${name}`, against } },
      (s) => {
        s.receive('bob', { ratchetKey: value, previousCounter: 0, counter: 0 }, { refused: reason });
        s.turn();
      },
    ),
  );
}

/** The signed prekey that an initiator begins against. */
function badRemotes(): SequenceDefinition[] {
  const { publicKey } = nobleProvider.x25519FromPrivate(fixed('double ratchet, bad remote'));
  const args = {
    role: 'initiator',
    rootKey: fixedHex('double ratchet, root'),
    chainKey: fixedHex('double ratchet, chain'),
    private: fixedHex('double ratchet, private'),
  };
  return keyFlaws(publicKey).map(({ name, value, reason, against }) => ({
    comment: `the initiator begins against a key ${name}`,
    req: ['DRT-05'],
    refused: { check: `ratchet initiator’s remote ${name}`, against },
    steps: [{ op: 'ratchet.init', args: { ...args, remote: value }, refused: reason }],
  }));
}

const torsion = scripted(
  'torsion',
  {
    comment: 'a ratchet key with a point of order 8 added agrees like the honest one',
    req: ['DRT-08'],
    flags: ['Torsion'],
  },
  (s) => {
    const honest = nobleProvider.x25519FromPrivate(fixed('double ratchet, torsion')).publicKey;
    s.receive('bob', { ratchetKey: hex(wire(torsioned(honest))), previousCounter: 0, counter: 0 });
    s.steps.push({
      op: 'ratchet.init',
      args: {
        role: 'responder',
        rootKey: fixedHex('double ratchet, torsion, root'),
        chainKey: fixedHex('double ratchet, torsion, chain'),
        private: fixedHex('double ratchet, torsion, signed prekey'),
      },
      bind: { $twin: 'ratchet' },
    });
    s.steps.push({
      op: 'ratchet.receive',
      args: {
        ratchet: '$twin',
        header: { ratchetKey: publicOf('double ratchet, torsion'), previousCounter: 0, counter: 0 },
        nextPrivate: fixedHex('double ratchet, torsion, twin'),
      },
      trace: true,
    });
  },
);

export const doubleRatchet: Family = {
  name: 'double-ratchet',
  algorithm: 'Double Ratchet, at key level',
  header: [
    'No message is encrypted or authenticated: who asks for a received key has a good MAC.',
    'nextPrivate is the ratchet key that follows where the header brings a new one.',
  ],
  notes: {
    Salted: { description: 'The salt of the message keys is the key of the post-quantum ratchet.' },
    Skipped: { description: 'Keys of skipped messages are kept and used once.' },
    OldChain: {
      description:
        'A message of a chain before the present one: five chains are kept; dropping them at a DH step loses messages.',
      links: ['https://github.com/signalapp/libsignal-protocol-java/issues/54'],
    },
    Limit: { description: '25,000 ahead, 2,000 skipped keys a chain, counter below 2^32 − 1.' },
    Torsion: { description: 'Clamped scalars remove torsion: ratchet keys need no subgroup check.' },
  },
  groups: [
    { type: 'RatchetSequence', spec: 'spec/03-ratchet.md §4', tests: [...inOrder, ...skipped, torsion] },
    {
      type: 'RatchetRefusal',
      spec: 'spec/03-ratchet.md §5',
      tests: [...limits, ...twice, twiceSkipped, twiceOld, ...repeats, ...badKeys(), ...badRemotes()],
    },
  ],
};
