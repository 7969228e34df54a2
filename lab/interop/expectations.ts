/**
 * What becomes of each pairing, as known of libsignal's releases among themselves.
 *
 * @spec 12-interop §5
 * Owns: the table of outcomes and judging an observation by it. Pure. Must not know: processes.
 */

/** How a party treats the post-quantum ratchet; `none` has never heard of it and still makes classical sessions. */
export type Class = 'none' | 'off' | 'optional' | 'required';

/** What the handshake is made from. */
export type SuiteColumn = 'kyber' | 'x3dh' | 'ml-kem';

/** A conversation that works (Triple Ratchet, PQXDH with the Double Ratchet, X3DH), or the reason why there is none. */
export type Outcome = 'triple' | 'pqxdh' | 'x3dh' | Reason;

/** Why there is no conversation. */
export type Reason = 'no-x3dh' | 'ratchet-demanded' | 'no-kem-key' | 'field-ignored' | 'kem-unknown';

/** Each reason in a sentence, with the stage at which it shows and what is said there. */
export const REASONS: Readonly<
  Record<Reason, { readonly stage: 'bundle' | 'first message'; readonly said: RegExp; readonly text: string }>
> = {
  'no-x3dh': {
    stage: 'first message',
    said: /X3DH no longer supported|InvalidMessage/,
    text: 'the responder no longer takes X3DH handshakes',
  },
  'ratchet-demanded': {
    stage: 'first message',
    said: /InvalidMessage/,
    text: 'the responder demands the post-quantum ratchet, the initiator does without',
  },
  'no-kem-key': {
    stage: 'bundle',
    said: /./,
    text: 'the initiator takes no bundle without a KEM key',
  },
  'field-ignored': {
    stage: 'first message',
    said: /InvalidMessage/,
    text: 'the responder ignores the post-quantum field, which the initiator mixes into the first message: the MAC is wrong',
  },
  'kem-unknown': {
    stage: 'bundle',
    said: /InvalidKey/,
    text: "the bundle's KEM key is of another suite: type 0x0A is on no wire of libsignal's, 0x08 not in this suite",
  },
};

const WITH_KYBER: Readonly<Record<Class, Readonly<Record<Class, Outcome>>>> = {
  none: { none: 'pqxdh', off: 'pqxdh', optional: 'pqxdh', required: 'ratchet-demanded' },
  off: { none: 'pqxdh', off: 'pqxdh', optional: 'pqxdh', required: 'ratchet-demanded' },
  optional: { none: 'pqxdh', off: 'pqxdh', optional: 'triple', required: 'triple' },
  required: { none: 'field-ignored', off: 'field-ignored', optional: 'triple', required: 'triple' },
};

/** A party as the table sees it: `classical` is one of ours that offers nothing but X3DH. */
export type Party = Class | 'classical';

/** What must become of a conversation. */
export function expectedOutcome(suite: SuiteColumn, initiator: Party, responder: Party): Outcome {
  if (suite === 'ml-kem') return 'kem-unknown';
  if (suite === 'x3dh') {
    const old = (party: Party) => party === 'none' || party === 'classical';
    if (!old(initiator)) return 'no-kem-key';
    return old(responder) ? 'x3dh' : 'no-x3dh';
  }
  if (initiator === 'classical' || responder === 'classical') throw new TypeError('a classical party has no KEM');
  return WITH_KYBER[initiator][responder];
}

/** What was seen of a conversation. */
export type Observation =
  | { readonly established: true; readonly version: number; readonly pq: readonly [string, string] }
  | {
      readonly established: false;
      readonly stage: 'bundle' | 'first message' | 'later';
      readonly said: string;
      /** Whether the refusal left the refuser's state alone. */
      readonly unchanged: boolean;
    };

/** Whether an observation is what was expected, and if not, why not. @req IOP-07 */
export function judge(expected: Outcome, seen: Observation): string | null {
  if (!seen.established) {
    if (!isReason(expected)) return `expected ${expected}, but no conversation: ${seen.said}`;
    const { stage, said } = REASONS[expected];
    if (seen.stage !== stage) return `expected a refusal of the ${stage}, was refused at: ${seen.stage} (${seen.said})`;
    if (!said.test(seen.said)) return `expected ${expected}, but was told: ${seen.said}`;
    return seen.unchanged ? null : `refused as expected, but the refusal left a trace: ${seen.said}`;
  }
  const is = outcomeOf(seen.version, seen.pq);
  return is === expected
    ? null
    : `expected ${expected}, is ${is} (version ${seen.version}, ratchet ${seen.pq.join('/')})`;
}

function isReason(outcome: Outcome): outcome is Reason {
  return outcome in REASONS;
}

function outcomeOf(version: number, pq: readonly [string, string]): Outcome | 'mixed' {
  if (version < 4) return 'x3dh';
  if (pq.every((state) => state === 'on')) return 'triple';
  return pq.every((state) => state === 'off' || state === 'refused') ? 'pqxdh' : 'mixed';
}
