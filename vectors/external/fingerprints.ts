/**
 * Published safety numbers.
 *
 * @spec 14-vectors §1, 10-fingerprints
 * Owns: both sides' digits and codes, and which codes agree.
 */
import { z } from 'zod';
import { utf8 } from '../../protocol/bytes/bytes.ts';
import { decodePublicKey } from '../../protocol/codec/keys.ts';
import { encodeScannable } from '../../protocol/codec/scannable.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { createFingerprint, verifyScannable } from '../../protocol/fingerprint/fingerprint.ts';
import type { NativeCall } from './native-calls.ts';
import { hexBytes } from './shape.ts';
import { family, judge, type Verdict } from './verdict.ts';

const HASH: readonly NativeCall[] = ['hash'];

const SIDE = z
  .object({ identityKey: hexBytes, stableId: z.string() })
  .transform(({ identityKey, stableId }) => ({ identityKey, stableId: utf8(stableId) }));
const CASE = z.object({
  id: z.string(),
  version: z.int(),
  iterations: z.int(),
  alice: SIDE,
  bob: SIDE,
  displayable: z.string(),
  aliceScannable: hexBytes,
  bobScannable: hexBytes,
});
const ENCODING = z.object({ version: z.int(), local: hexBytes, remote: hexBytes, scannable: hexBytes });

type Case = z.output<typeof CASE>;

/** The safety number as its first or second side makes it, with something else in place of what is published. */
function made(provider: CryptoProvider, vector: Case, side: 'alice' | 'bob', other: Partial<Case['bob']> = {}) {
  const read = ({ identityKey, stableId }: Case['bob']) => ({
    identityKey: decodePublicKey(identityKey, 'key'),
    stableId,
  });
  const [alice, bob] = [read(vector.alice), read({ ...vector.bob, ...other })];
  const [local, remote] = side === 'alice' ? [alice, bob] : [bob, alice];
  return createFingerprint(provider, { version: vector.version, iterations: vector.iterations, local, remote });
}

function published(provider: CryptoProvider, vector: Case): Verdict {
  return judge(provider, vector.id, (trial) => {
    for (const side of ['alice', 'bob'] as const) {
      trial.equal(`displayable of ${side}`, HASH, vector.displayable, () => made(provider, vector, side).displayable);
      const scannable = `${side}Scannable` as const;
      trial.equal(scannable, HASH, vector[scannable], () => made(provider, vector, side).scannable);
    }
  });
}

/** The rules that come with the numbers: the mirrored code agrees; one's own, another key's and another id's do not. */
function compared(provider: CryptoProvider, vector: Case): Verdict[] {
  const alice = made(provider, vector, 'alice').scannable;
  const rows: [string, string | null, Partial<Case['bob']>][] = [
    ['mirrored', null, {}],
    ['own', 'fingerprint-own-side', {}],
    ['of another key', 'fingerprint-remote-differs', { identityKey: vector.alice.identityKey }],
    ['of another id', 'fingerprint-remote-differs', { stableId: utf8('+14150000000') }],
  ];
  return rows.map(([what, reason, other]) =>
    judge(
      provider,
      `${vector.id}, code ${what}`,
      (trial) => {
        const theirs = reason === 'fingerprint-own-side' ? alice : made(provider, vector, 'bob', other).scannable;
        const verify = () => verifyScannable(alice, theirs);
        if (reason !== null) trial.refuses([], [`UntrustedIdentity ${reason}`], verify);
        else trial.holds('agreement', () => verify() === undefined);
      },
      { derived: true },
    ),
  );
}

/** Safety numbers of two versions, and an encoding of two given halves. */
export const fingerprints = family(
  z.object({ cases: z.array(CASE), encodingOnly: ENCODING }),
  (provider, { cases, encodingOnly }) => ({
    verdicts: [
      ...cases.flatMap((vector) => [published(provider, vector), ...compared(provider, vector)]),
      judge(provider, 'encodingOnly', (trial) => {
        trial.part('scannable', encodingOnly.scannable, () => encodeScannable(encodingOnly));
      }),
    ],
    unused: [],
  }),
);
