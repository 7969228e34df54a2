/**
 * Published XEdDSA and Ed25519 signatures.
 *
 * @spec 14-vectors §1, 01-keys §5
 * Owns: which form of XEdDSA signs as ours does, what damage must be noticed. Must not know: what is signed.
 */
import { z } from 'zod';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { scriptedRandom } from '../../test/support/seeded-random.ts';
import type { NativeCall } from './native-calls.ts';
import { flat, hexBytes, wycheproof } from './shape.ts';
import { family, judge, type Verdict } from './verdict.ts';

const VERIFY: readonly NativeCall[] = ['verify'];
const DERIVE: readonly NativeCall[] = ['createPublicKey'];

const XEDDSA = z.object({
  id: z.string(),
  form: z.enum(['spec', 'spec-unreduced', 'signal', 'signal-deterministic']),
  privateKey: hexBytes,
  publicKey: hexBytes.optional(),
  random: hexBytes.optional(),
  msg: hexBytes,
  sig: hexBytes,
  result: z.enum(['valid', 'invalid']),
});
type XeddsaCase = z.output<typeof XEDDSA>;

/** The signature as published, and with ours in its place where the form is ours. */
function published(provider: CryptoProvider, vector: XeddsaCase): Verdict {
  return judge(provider, vector.id, (trial) => {
    const { privateKey, publicKey } = provider.x25519FromPrivate(vector.privateKey);
    if (vector.publicKey !== undefined) trial.equal('publicKey', DERIVE, vector.publicKey, () => publicKey);
    trial.accepts('sig', VERIFY, vector.result === 'valid', () =>
      provider.xeddsaVerify(publicKey, vector.msg, vector.sig),
    );
    const other = new Uint8Array(32).fill(0xff);
    trial.accepts('sig under FF…', VERIFY, false, () => provider.xeddsaVerify(other, vector.msg, vector.sig));
    const { form, random } = vector;
    // The other forms sign other bytes, which verify alike.
    if (form !== 'signal' || random === undefined) return;
    trial.equal('sig of ours', [], vector.sig, () =>
      provider.xeddsaSign(privateKey, vector.msg, scriptedRandom([random])),
    );
  });
}

/** A bit of each byte flipped, and the first byte zero. */
function damages(signature: Uint8Array): [string, Uint8Array][] {
  const flipped = Array.from(signature, (byte, at): [string, Uint8Array] => [
    `byte ${at} ^ 1`,
    signature.with(at, byte ^ 1),
  ]);
  return signature[0] === 0 ? flipped : [...flipped, ['byte 0 = 0', signature.with(0, 0)]];
}

function damaged(provider: CryptoProvider, vector: XeddsaCase): Verdict[] {
  const { publicKey } = provider.x25519FromPrivate(vector.privateKey);
  return damages(vector.sig).map(([what, signature]) =>
    judge(
      provider,
      `${vector.id}, ${what}`,
      (trial) => {
        trial.accepts('sig', VERIFY, false, () => provider.xeddsaVerify(publicKey, vector.msg, signature));
      },
      { derived: true },
    ),
  );
}

/** XEdDSA of Signal's libraries and others. */
export const xeddsa = family(z.object({ cases: z.array(XEDDSA) }), (provider, { cases }) => ({
  verdicts: cases.flatMap((vector) => [published(provider, vector), ...damaged(provider, vector)]),
  unused: [],
}));

/** Ed25519, as requests to a relay are signed. */
export const ed25519Signatures = family(
  wycheproof(z.object({ publicKey: z.object({ pk: hexBytes }) }), z.object({ msg: hexBytes, sig: hexBytes })),
  (provider, file) => ({
    verdicts: flat(file).map(({ group, vector }) =>
      judge(provider, vector.tcId, (trial) => {
        const act = () => provider.ed25519Verify(group.publicKey.pk, vector.msg, vector.sig);
        if (vector.result !== 'acceptable') trial.accepts('sig', VERIFY, vector.result === 'valid', act);
      }),
    ),
    unused: [],
  }),
);
