/**
 * Vectors of sessions that must not begin: a hybrid stripped, another's address, a first message of long ago.
 *
 * @spec 05-sessions §5
 * Owns: those tests. Must not know: bytes of messages.
 */
import type { Fields } from '../../../cli/conform/vector-file.ts';
import type { SequenceDefinition } from '../definition.ts';
import { DialogueScript } from '../dialogue-script.ts';

const X3DH = 'X3DH_X25519_SHA-256';
const PQ_SUITES = ['PQXDH_X25519_SHA-256_ML-KEM-1024', 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024'];
/** Archived sessions that a record holds. */
const ARCHIVED = 40;

interface Told {
  readonly suite: string;
  readonly comment: string;
  readonly req: readonly string[];
  readonly against: string;
  /** Bob's suites, where they are not Alice's. */
  readonly bobs?: readonly string[];
}

function refused(
  { suite, comment, req, against, bobs = [suite] }: Told,
  play: (s: DialogueScript) => void,
): SequenceDefinition {
  const script = new DialogueScript(`${suite}, ${comment}`, { suites: [suite] }, { suites: bobs });
  play(script);
  return {
    comment: `${suite}: ${comment}`,
    req,
    steps: script.steps,
    refused: { check: `session, ${suite}, ${comment}`, against },
  };
}

/** A bundle without a KEM key, where the policy has hybrid suites alone. */
const stripped = PQ_SUITES.map((suite) =>
  refused(
    {
      suite,
      comment: 'a bundle without a KEM key is no reason to fall back',
      req: ['HSK-02'],
      against: 'PQX-08',
      bobs: [X3DH],
    },
    (s) => {
      s.process('alice', s.bundle('bob'), { refused: 'no-kem-prekey' });
      s.send('alice', { refused: 'no-current-session' });
    },
  ),
);

/** A first message that the relay delivers as from somebody else. */
const elsewhere = [X3DH, ...PQ_SUITES].map((suite) =>
  refused(
    {
      suite,
      comment: 'a first message delivered as from another address, then as it was sent',
      req: ['SES-10'],
      against: 'PQX-05',
    },
    (s) => {
      s.begin('alice');
      const sent = s.send('alice');
      const remote = { name: 'c1b3f3a4-2a55-4e0f-9d3c-6f0d1c8f7a10', deviceId: 1 };
      s.receive(sent, { args: { remote }, refused: 'decryption-failed' });
      s.receive(sent);
      s.turn('bob');
    },
  ),
);

const CAROL = { name: 'c1b3f3a4-2a55-4e0f-9d3c-6f0d1c8f7a10', deviceId: 1 };
const BOB = { name: '796abedb-ca4e-4f18-8803-1fde5b921f9f', deviceId: 2 };
const ALICE = { name: '9d0652a3-dcc3-4d11-975f-74d61598733f', deviceId: 1 };

/** Bob's bundle under an address that is not Bob's: the message for it reaches Bob. */
const misaddressed = [X3DH, ...PQ_SUITES].flatMap((suite) =>
  [
    ['another account', CAROL],
    ['another device of the same account', { ...BOB, deviceId: 3 }],
  ].map(([whose, remote]) =>
    refused(
      { suite, comment: `a first message for ${whose}, on this device’s bundle`, req: ['SES-10'], against: 'PQX-05' },
      (s) => {
        s.process('alice', s.bundle('bob'), { args: { remote: remote as Fields } });
        s.receive(s.send('alice', { args: { remote: remote as Fields } }), { refused: 'decryption-failed' });
        s.begin('alice');
        s.turn();
      },
    ),
  ),
);

/** A first message of one device, delivered as from another of its account. */
const otherDevice = [X3DH, ...PQ_SUITES].map((suite) =>
  refused(
    { suite, comment: 'a first message delivered as from another device', req: ['SES-10'], against: 'PQX-05' },
    (s) => {
      s.begin('alice');
      const sent = s.send('alice');
      s.receive(sent, { args: { remote: { ...ALICE, deviceId: 2 } }, refused: 'decryption-failed' });
      s.receive(sent);
    },
  ),
);

/** Somebody under an address that is known by another key. */
const otherIdentity = [X3DH, ...PQ_SUITES].map((suite) =>
  refused(
    {
      suite,
      comment: 'a first message under another identity key for a known address',
      req: ['SES-03'],
      against: 'PQX-12',
    },
    (s) => {
      s.begin('alice');
      s.turn();
      s.save('alice', '$known');
      s.create('alice', '$alice', { suites: [suite] });
      s.begin('alice');
      s.receive(s.send('alice'), { refused: 'untrusted-identity' });
      s.restore('alice', '$known');
      s.turn();
    },
  ),
);

/** A message of a chain that five newer ones have displaced. */
const sixthChain = [X3DH, ...PQ_SUITES].map((suite) =>
  refused({ suite, comment: 'a message six turns of the ratchet late', req: ['DRT-13'], against: 'RAT-01' }, (s) => {
    s.begin('alice');
    s.turn();
    const late = Array.from({ length: 6 }, () => {
      const first = s.send('alice');
      s.turn();
      return first;
    });
    const [oldest, ...kept] = late as [(typeof late)[0], ...typeof late];
    s.receive(oldest, { refused: 'decryption-failed' });
    for (const sent of kept) s.receive(sent);
    s.turn();
  }),
);

/** Sessions in such number that the first is dropped, and its first message once more. */
const outlived = refused(
  {
    suite: X3DH,
    comment: 'a first message without a one-time key comes again after its session was dropped for 41 others',
    req: ['SES-07', 'SES-12'],
    against: 'REPLAY-02',
  },
  (s) => {
    s.begin('alice', { oneTime: false });
    const first = s.send('alice');
    s.receive(first);
    for (let i = 0; i <= ARCHIVED; i++) {
      s.begin('alice', { oneTime: false });
      s.receive(s.send('alice'));
    }
    s.info('bob', ['archived']);
    s.receive(first, { refused: 'base-key-reused' });
    s.turn();
  },
);

export const neverBegun: readonly SequenceDefinition[] = [
  ...stripped,
  ...elsewhere,
  ...misaddressed,
  ...otherDevice,
  ...otherIdentity,
  ...sixthChain,
  outlived,
];
