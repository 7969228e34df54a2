/**
 * Vectors of sessions that must not begin: a hybrid stripped, another's address, a first message of long ago.
 *
 * @spec 05-sessions §5
 * Owns: those tests. Must not know: bytes of messages.
 */
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

export const neverBegun: readonly SequenceDefinition[] = [...stripped, ...elsewhere, outlived];
