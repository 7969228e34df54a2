/**
 * Vectors of safety numbers.
 *
 * @spec 10-fingerprints
 * Owns: their tests. Must not know: what accounts go by.
 */
import type { Fields } from '../../../cli/conform/vector-file.ts';
import { utf8 } from '../../../protocol/bytes/bytes.ts';
import { nobleProvider as provider } from '../../../protocol/crypto/noble.ts';
import { createFingerprint } from '../../../protocol/fingerprint/fingerprint.ts';
import type { CallDefinition, Family } from '../definition.ts';
import { change, fixed, fixedHex, hex } from '../definition.ts';
import { formFlaws, rangeFlaws } from '../flaws.ts';
import { pair } from '../parties.ts';

const alice = pair('fingerprint alice');
const bob = pair('fingerprint bob');

const UUIDS = { local: fixedHex('fingerprint uuid a', 16), remote: fixedHex('fingerprint uuid b', 16) };

const usual: Fields = {
  localId: UUIDS.local,
  localIdentity: alice.public,
  remoteId: UUIDS.remote,
  remoteIdentity: bob.public,
};

/** The same conversation as the other side sees it. */
function mirrored(args: Fields): Fields {
  const { localId, localIdentity, remoteId, remoteIdentity } = args;
  return change(args, {
    localId: remoteId,
    localIdentity: remoteIdentity,
    remoteId: localId,
    remoteIdentity: localIdentity,
  });
}

/** Both sides of a conversation: the digits are the same, the codes have their halves exchanged. */
function both(comment: string, changes: Fields, flags: string[] = []): CallDefinition[] {
  const args = { ...usual, ...changes };
  const req = ['FPR-01', 'FPR-03', 'FPR-04'];
  return [
    { comment, req, flags, args },
    { comment: `${comment}, from the other side`, req, flags, args: mirrored(args) },
  ];
}

const phone = (number: string) => hex(utf8(number));

/** Key and id for which a group of five digits has at least two leading zeros; found by search. */
function leadingZeros(): Fields {
  for (let i = 0; ; i++) {
    const localId = fixed(`fingerprint zeros ${i}`, 16);
    const local = { stableId: localId, identityKey: alice.u };
    const remote = { stableId: Buffer.from(UUIDS.remote, 'hex'), identityKey: bob.u };
    const { displayable } = createFingerprint(provider, { version: 2, iterations: 2, local, remote });
    if (/^(.{5})*000/.test(displayable)) return { localId: hex(localId), iterations: 2 };
  }
}

const ids: CallDefinition[] = [
  ...both('Service IDs, as deployed', {}),
  ...both('Service IDs, version named', { version: 2, iterations: 5_200 }),
  ...both('telephone numbers, as deployed', {
    version: 1,
    localId: phone('+14152222222'),
    remoteId: phone('+14153333333'),
  }),
  ...both('PNIs of 17 bytes', { localId: `01${UUIDS.local}`, remoteId: `01${UUIDS.remote}`, iterations: 3 }),
  ...both('an account id and a PNI', { remoteId: `01${UUIDS.remote}`, iterations: 3 }),
  ...both('empty ids', { localId: '', remoteId: '', iterations: 3 }),
  ...both('one id empty', { localId: '', iterations: 3 }),
  ...both('ids of 300 bytes', {
    localId: fixedHex('fingerprint long a', 300),
    remoteId: fixedHex('fingerprint long b', 300),
    iterations: 3,
  }),
  ...both('one id of which the other is the beginning', { localId: UUIDS.remote.slice(0, 30), iterations: 3 }),
  ...both('the same ids', { remoteId: UUIDS.local, iterations: 3 }),
  ...both('the same keys', { remoteIdentity: alice.public, iterations: 3 }),
  // Its own mirror.
  ...both('the same account on both sides', {
    remoteId: UUIDS.local,
    remoteIdentity: alice.public,
    iterations: 3,
  }).slice(0, 1),
  ...both('digits with leading zeros', leadingZeros(), ['LeadingZeros']),
];

const versions = [1, 2].flatMap((version) => both(`version ${version}, two iterations`, { version, iterations: 2 }));

const iterations = [2, 3, 10, 1_024, 5_199, 5_201].flatMap((count) =>
  both(`${count} iterations`, { iterations: count }),
);

const keys = Array.from({ length: 6 }, (_, i) => i).flatMap((i) =>
  both(`keys ${i}`, {
    localIdentity: pair(`fingerprint local ${i}`).public,
    remoteIdentity: pair(`fingerprint remote ${i}`).public,
    iterations: 100,
  }),
);

const LENIENT = { strict: 'invalid', libsignal: 'valid' } as const;

const badKeys: CallDefinition[] = [
  ['localIdentity', 'own identity key', alice] as const,
  ['remoteIdentity', 'other identity key', bob] as const,
].flatMap(([field, name, { public: key, u }]) =>
  [...formFlaws(key), ...rangeFlaws(u)].map((flaw) => ({
    comment: `${name} ${flaw.name}`,
    req: ['MSG-06'],
    args: { ...usual, iterations: 2, [field]: flaw.value },
    refused: { reason: flaw.reason, against: flaw.against, check: `fingerprint ${name} ${flaw.name}` },
    ...(flaw.lenient === true ? { verdicts: LENIENT } : {}),
  })),
);

function outOfRange(what: string, changes: Fields): CallDefinition {
  return {
    comment: what,
    req: ['FPR-02', 'DRV-06'],
    args: { ...usual, ...changes },
    refused: { reason: 'not-in-range', against: 'ID-01', check: `fingerprint ${what}` },
  };
}

const ranges: CallDefinition[] = [
  ...[0, 1, 1_000_001, 2 ** 32 + 5_200].map((count) => outOfRange(`${count} iterations`, { iterations: count })),
  ...[0, 3, 255].map((version) => ({
    ...outOfRange(`version ${version}`, { version, iterations: 2 }),
    verdicts: LENIENT,
  })),
];

export const fingerprint: Family = {
  name: 'fingerprint',
  algorithm: 'Safety numbers: iterated SHA-512',
  header: [
    'h0 = SHA-512(00 00 ‖ ser(IK) ‖ id ‖ ser(IK)), hi = SHA-512(h(i−1) ‖ ser(IK)); 30 digits a side, the smaller first.',
    'Every conversation is there from both sides: the digits are the same, the codes have their halves exchanged.',
  ],
  notes: { LeadingZeros: { description: 'A group of five digits begins with zeros, which are shown.' } },
  groups: [
    {
      type: 'Fingerprint',
      spec: 'spec/10-fingerprints.md §1, §2',
      op: 'fingerprint',
      tests: [...ids, ...versions, ...iterations, ...keys, ...badKeys, ...ranges],
    },
  ],
};
