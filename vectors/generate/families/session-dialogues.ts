/**
 * Vectors of whole sessions: dialogues of two devices.
 *
 * @spec 05-sessions
 * Owns: its tests. Must not know: bytes of messages.
 */
import type { Fields } from '../../../cli/conform/vector-file.ts';
import type { Family, SequenceDefinition } from '../definition.ts';
import { DAY, type Damage, DialogueScript } from '../dialogue-script.ts';
import { neverBegun } from './session-dialogues-more.ts';

const X3DH = 'X3DH_X25519_SHA-256';
const ML_KEM = 'PQXDH_X25519_SHA-256_ML-KEM-1024';
const KYBER = 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024';
const SUITES = [X3DH, ML_KEM, KYBER];
const PQ_SUITES = [ML_KEM, KYBER];

type Head = Omit<SequenceDefinition, 'steps' | 'comment'>;

function dialogue(
  suite: string,
  comment: string,
  head: Head,
  play: (s: DialogueScript) => void,
  create: Fields = {},
): SequenceDefinition {
  const script = new DialogueScript(`${suite}, ${comment}`, { suites: [suite], ...create });
  play(script);
  return { ...head, comment: `${suite}: ${comment}`, steps: script.steps };
}

function refusedDialogue(
  suite: string,
  comment: string,
  req: readonly string[],
  against: string,
  play: (s: DialogueScript) => void,
): SequenceDefinition {
  return dialogue(suite, comment, { req, refused: { check: `session, ${suite}, ${comment}`, against } }, play);
}

const plain = (suite: string): SequenceDefinition[] => [
  dialogue(suite, 'a first message, an answer, three turns', { req: ['SES-01', 'SES-04'] }, (s) => {
    s.begin('alice');
    s.info('alice');
    for (let i = 0; i < 4; i++) s.turn();
    s.info('alice');
    s.info('bob');
  }),
  dialogue(suite, 'without a one-time key', { req: ['SES-01'] }, (s) => {
    s.begin('alice', { oneTime: false });
    s.turn();
    s.turn('bob');
  }),
  dialogue(suite, 'three first messages before an answer, out of order', { req: ['SES-04'] }, (s) => {
    s.begin('alice');
    const sent = [s.send('alice'), s.send('alice'), s.send('alice')];
    for (const i of [2, 0, 1]) s.receive(sent[i] as (typeof sent)[0]);
    s.receive(s.send('bob'));
    s.info('alice');
    s.turn();
  }),
  dialogue(suite, 'lost and late messages in both directions', { req: ['DRT-10'] }, (s) => {
    s.begin('alice');
    s.turn();
    const late = s.send('alice');
    s.send('alice');
    s.turn();
    s.receive(late);
    s.send('bob');
    s.turn('bob');
  }),
  dialogue(suite, 'one-time keys serve one session each', { req: ['SES-01'] }, (s) => {
    for (let i = 0; i < 3; i++) {
      s.begin('alice');
      s.turn();
    }
    s.info('bob', ['archived']);
  }),
];

/** Sessions that cross, and sessions that come back. */
const several = (suite: string): SequenceDefinition[] => [
  dialogue(
    suite,
    'both begin at once, and end on one session',
    { req: ['SES-01', 'SES-06'], flags: ['Simultaneous'] },
    (s) => {
      s.begin('alice');
      s.begin('bob');
      const [a, b] = [s.send('alice'), s.send('bob')];
      s.receive(a);
      s.receive(b);
      s.turn();
      s.turn('bob');
      s.info('alice', ['unacknowledged', 'archived']);
      s.info('bob', ['unacknowledged', 'archived']);
    },
  ),
  dialogue(
    suite,
    'both begin at once, and one first message is lost',
    { req: ['SES-01', 'SES-06'], flags: ['Simultaneous'] },
    (s) => {
      s.begin('alice');
      s.begin('bob');
      s.send('alice');
      s.receive(s.send('bob'));
      s.turn();
      s.turn('bob');
    },
  ),
  dialogue(
    suite,
    'a message on an archived session brings it back',
    { req: ['SES-06', 'SES-07'], flags: ['Archive'] },
    (s) => {
      s.begin('alice');
      s.turn();
      const late = s.send('bob');
      s.archive('alice');
      s.begin('alice');
      s.receive(s.send('alice'));
      s.receive(late);
      s.info('alice', ['unacknowledged', 'archived']);
      s.turn();
    },
  ),
];

/** Where a bit is flipped; negative: from the end of the message. */
const FLIPS: readonly (readonly [string, Damage, string])[] = [
  ['the last bit of the MAC', { flipBit: -1 }, 'RAT-03'],
  ['the first bit of the MAC', { flipBit: -64 }, 'RAT-03'],
  ['a bit of the last field before the MAC', { flipBit: -70 }, 'RAT-03'],
  ['cut by its last byte', { cut: 40 }, 'PAR-01'],
  ['cut to its first byte', { cut: 1 }, 'PAR-01'],
  ['cut to nothing', { cut: 0 }, 'PAR-01'],
];

const tampered = (suite: string): SequenceDefinition[] =>
  FLIPS.map(([name, damage, against]) => {
    const reason = damage.flipBit !== undefined ? 'decryption-failed' : REASONS[String(damage.cut)];
    return refusedDialogue(suite, `a message damaged: ${name}`, ['SES-09'], against, (s) => {
      s.begin('alice');
      s.turn();
      const sent = s.send('alice');
      s.receive(sent, { damage, refused: reason ?? '' });
      s.receive(sent);
      s.turn();
    });
  });
const REASONS: Readonly<Record<string, string>> = { 40: 'length-past-end', 1: 'too-short', 0: 'too-short' };

const refusals = (suite: string): SequenceDefinition[] => [
  refusedDialogue(suite, 'a message again', ['DRT-11'], 'RAT-02', (s) => {
    s.begin('alice');
    s.turn();
    const sent = s.send('alice');
    s.receive(sent);
    s.receive(sent, { refused: 'message-key-used' });
    s.turn();
  }),
  refusedDialogue(suite, 'a first message again', ['SES-05'], 'REPLAY-01', (s) => {
    s.begin('alice');
    const sent = s.send('alice');
    s.receive(sent);
    s.receive(sent, { refused: 'message-key-used' });
    s.receive(s.send('bob'));
    s.turn();
  }),
  refusedDialogue(suite, 'a first message again, after its session was left', ['SES-05'], 'REPLAY-01', (s) => {
    s.begin('alice');
    const sent = s.send('alice');
    s.receive(sent);
    s.archive('bob');
    s.receive(sent, { refused: 'message-key-used' });
    s.receive(s.send('alice'));
  }),
  refusedDialogue(suite, 'a plain message where there is no session', ['SES-15'], 'STATE-09', (s) => {
    s.begin('alice');
    s.turn();
    const sent = s.send('alice');
    s.create('bob', '$bob', { suites: [suite] });
    s.receive(sent, { refused: 'no-session' });
  }),
];

/** What a device must not do, or must not do any more. */
const unwilling = (suite: string): SequenceDefinition[] => [
  refusedDialogue(suite, 'nothing to encrypt with', ['SES-15'], 'STATE-09', (s) => {
    s.send('alice', { refused: 'no-current-session' });
    s.begin('alice');
    s.turn();
  }),
  refusedDialogue(suite, 'unanswered for more than thirty days', ['SES-13'], 'RAT-12', (s) => {
    s.begin('alice');
    s.receive(s.send('alice'));
    s.now += 30 * DAY;
    s.receive(s.send('alice'));
    s.now += 1_000;
    s.send('alice', { refused: 'session-expired' });
    s.begin('alice');
    s.turn();
  }),
  refusedDialogue(suite, 'a device that was set up again under the same address', ['SES-03'], 'PQX-12', (s) => {
    s.begin('alice');
    s.turn();
    s.create('bob', '$bob', { suites: [suite] });
    s.process('alice', s.bundle('bob'), { refused: 'untrusted-identity' });
  }),
  refusedDialogue(suite, 'a state set back reads a message that it had read, once', ['SES-02'], 'STATE-05', (s) => {
    s.begin('alice');
    s.turn();
    s.save('bob', '$saved');
    const sent = s.send('alice');
    s.receive(sent);
    s.restore('bob', '$saved');
    s.receive(sent);
    s.receive(sent, { refused: 'message-key-used' });
    s.turn();
  }),
];

const epochs = (suite: string): SequenceDefinition[] =>
  [
    ['ping-pong until an epoch has completed', 46],
    ['ping-pong until two epochs have completed', 92],
  ].map(([comment, turns]) =>
    dialogue(suite, comment as string, { req: ['SES-18'], flags: ['Epoch'] }, (s) => {
      s.begin('alice');
      for (let i = 0; i < (turns as number); i++) s.turn();
      s.info('alice');
      s.info('bob');
    }),
  );

/** In the suite of our own alone: a deployed implementation does not say so of itself. */
const required = dialogue(
  ML_KEM,
  'the post-quantum ratchet required: no way back, an answer or none',
  { req: ['SES-18'] },
  (s) => {
    s.begin('alice');
    s.info('alice', ['pq', 'pqMayFallBack']);
    s.turn();
    s.info('alice', ['pq', 'pqMayFallBack']);
  },
);

const policies: SequenceDefinition[] = PQ_SUITES.flatMap((suite) => [
  dialogue(
    suite,
    'the post-quantum ratchet turned off on both sides',
    { req: ['SES-18'], flags: ['Policy'] },
    (s) => {
      s.begin('alice');
      s.turn();
      s.turn();
      s.info('alice');
    },
    { pqRatchet: 'off' },
  ),
  dialogue(
    suite,
    'the post-quantum ratchet optional on both sides: it runs',
    { req: ['SES-18'], flags: ['Policy'] },
    (s) => {
      s.begin('alice');
      s.info('alice', ['pq', 'pqMayFallBack', 'usable']);
      for (let i = 0; i < 3; i++) s.turn();
      s.info('alice', ['pqMayFallBack', 'usable']);
      s.info('alice');
      s.info('bob');
    },
    { pqRatchet: 'optional' },
  ),
]);

export const sessionDialogues: Family = {
  name: 'session-dialogues',
  algorithm: 'Sessions of two devices',
  header: [
    'Devices draw everything from their seeds; a driver that takes no seeds is judged by what arrives and what is refused.',
  ],
  notes: {
    Simultaneous: { description: 'Both sides begin a session before either has heard of the other’s.' },
    Archive: { description: 'A session is left for another and comes back.' },
    Epoch: {
      description: 'Long enough for the post-quantum ratchet to complete an epoch.',
      links: ['https://github.com/AsamK/signal-cli/issues/1859'],
    },
    Policy: { description: 'The post-quantum ratchet is not required.' },
  },
  groups: [
    {
      type: 'Dialogue',
      spec: 'spec/05-sessions.md §3',
      tests: [
        ...SUITES.flatMap((suite) => [...plain(suite), ...several(suite)]),
        ...PQ_SUITES.flatMap(epochs),
        ...policies,
        required,
      ],
    },
    {
      type: 'DialogueRefusal',
      spec: 'spec/05-sessions.md §4',
      tests: [
        ...SUITES.flatMap((suite) => [...tampered(suite), ...refusals(suite), ...unwilling(suite)]),
        ...neverBegun,
      ],
    },
  ],
};
