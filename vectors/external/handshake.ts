/**
 * Published X3DH agreements, chain keys and HKDF answers.
 *
 * @spec 14-vectors §1, 02-handshake §3, 03-ratchet §2
 * Owns: which side of an agreement can be run. Some initiators' keys of 2013 were used without clamping, so the responder's is.
 */
import { z } from 'zod';
import { concat, EMPTY, utf8 } from '../../protocol/bytes/bytes.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { respond } from '../../protocol/handshake/pqxdh.ts';
import { getSuite } from '../../protocol/handshake/suites.ts';
import { agreeAsResponder, type ResponderKeys } from '../../protocol/handshake/x3dh.ts';
import { messageKeys, messageSeed, nextChainKey } from '../../protocol/ratchet/symmetric.ts';
import type { NativeCall } from './native-calls.ts';
import { hexBytes } from './shape.ts';
import { family, judge, type Trial } from './verdict.ts';

const AGREE: readonly NativeCall[] = ['diffieHellman'];
const DERIVE: readonly NativeCall[] = ['createPublicKey'];
const HKDF: readonly NativeCall[] = ['hkdfSync', 'createHmac'];

/** Raw u of a key with or without its type byte. */
const publicKey = hexBytes.transform((key) => key.slice(-32));

const RESPONDER = {
  aliceIdentityPublic: publicKey,
  bobIdentityPublic: publicKey,
  bobIdentityPrivate: hexBytes,
  bobSignedPreKeyPublic: publicKey,
  bobSignedPreKeyPrivate: hexBytes,
};
const WITHOUT_ONE_TIME = z.object({
  id: z.literal('signal-v3-no-opk'),
  inputs: z.object({ ...RESPONDER, aliceBasePublic: publicKey }),
  expected: z.object({ bobSenderChainKey: hexBytes }),
});
const WITH_ONE_TIME = z.object({
  id: z.literal('syndace-with-opk'),
  inputs: z.object({
    ...RESPONDER,
    aliceEphemeralPublic: publicKey,
    bobOneTimePreKeyPublic: publicKey,
    bobOneTimePreKeyPrivate: hexBytes,
    info: z.string(),
  }),
  expected: z.object({ sk: hexBytes }),
});

type Inputs = z.output<typeof WITHOUT_ONE_TIME>['inputs'] | z.output<typeof WITH_ONE_TIME>['inputs'];

/** The responder's keys; its public halves must be the published ones. */
function keysOf(provider: CryptoProvider, trial: Trial, inputs: Inputs): ResponderKeys {
  const pair = (name: string, privateKey: Uint8Array, expected: Uint8Array) => {
    const made = provider.x25519FromPrivate(privateKey);
    trial.equal(name, DERIVE, expected, () => provider.x25519FromPrivate(privateKey).publicKey);
    return made;
  };
  return {
    identity: pair('bobIdentityPublic', inputs.bobIdentityPrivate, inputs.bobIdentityPublic),
    signedPreKey: pair('bobSignedPreKeyPublic', inputs.bobSignedPreKeyPrivate, inputs.bobSignedPreKeyPublic),
    oneTimePreKey:
      'info' in inputs
        ? pair('bobOneTimePreKeyPublic', inputs.bobOneTimePreKeyPrivate, inputs.bobOneTimePreKeyPublic)
        : null,
    theirIdentity: inputs.aliceIdentityPublic,
    theirEphemeral: 'info' in inputs ? inputs.aliceEphemeralPublic : inputs.aliceBasePublic,
  };
}

/** X3DH as responder: Signal's whole derivation, and the agreements under somebody else's label. */
export const x3dh = family(
  z.object({ cases: z.array(z.discriminatedUnion('id', [WITHOUT_ONE_TIME, WITH_ONE_TIME])) }),
  (provider, { cases }) => ({
    verdicts: cases.map((vector) =>
      judge(provider, vector.id, (trial) => {
        const keys = keysOf(provider, trial, vector.inputs);
        if (vector.id === 'signal-v3-no-opk') {
          const suite = getSuite('X3DH_X25519_SHA-256');
          trial.equal(
            'bobSenderChainKey',
            AGREE,
            vector.expected.bobSenderChainKey,
            () => respond(provider, suite, { ...keys, kemKeyPair: null, kemCiphertext: null }).chainKey,
          );
          return;
        }
        trial.equal('sk', AGREE, vector.expected.sk, () => {
          const ikm = concat(
            new Uint8Array(32).fill(0xff),
            ...agreeAsResponder(provider, keys).map((dh) => dh.expose()),
          );
          return provider.hkdfSha256(ikm, new Uint8Array(32), utf8(vector.inputs.info), 32);
        });
      }),
    ),
    unused: [],
  }),
);

const LEGACY = z
  .object({ id: z.string(), legacy: z.literal(true) })
  .transform((vector) => ({ ...vector, kind: 'legacy' as const }));
const CHAIN = z
  .object({
    id: z.string(),
    inputs: z.object({ seed: hexBytes }),
    expected: z.object({ cipherKey: hexBytes, macKey: hexBytes, nextChainKey: hexBytes }),
  })
  .transform((vector) => ({ ...vector, kind: 'chain' as const }));
const EXPANSION = z
  .object({
    id: z.string(),
    inputs: z.object({ ikm: hexBytes, salt: hexBytes, info: hexBytes, length: z.int() }),
    expected: z.object({ okm: hexBytes }),
  })
  .transform((vector) => ({ ...vector, kind: 'expansion' as const }));
type Kdf = z.output<typeof CHAIN> | z.output<typeof EXPANSION>;

function tryKdf(provider: CryptoProvider, trial: Trial, vector: Kdf): void {
  if (vector.kind === 'expansion') {
    const { ikm, salt, info, length } = vector.inputs;
    trial.equal('okm', HKDF, vector.expected.okm, () => provider.hkdfSha256(ikm, salt, info, length));
    return;
  }
  const { seed } = vector.inputs;
  const keys = () => messageKeys(provider, messageSeed(provider, seed), EMPTY);
  trial.equal('cipherKey', HKDF, vector.expected.cipherKey, () => keys().cipherKey);
  trial.equal('macKey', HKDF, vector.expected.macKey, () => keys().macKey);
  trial.equal('nextChainKey', HKDF, vector.expected.nextChainKey, () => nextChainKey(provider, seed));
}

/** Chain keys and HKDF. What is marked as legacy uses an HKDF that counts from 0, which Signal left in 2014. */
export const ratchetKdf = family(
  z.object({ cases: z.array(z.union([LEGACY, CHAIN, EXPANSION])) }),
  (provider, { cases }) => ({
    verdicts: cases
      .filter((vector) => vector.kind !== 'legacy')
      .map((vector) => judge(provider, vector.id, (trial) => tryKdf(provider, trial, vector))),
    unused: cases
      .filter(({ kind }) => kind === 'legacy')
      .map(({ id }) => ({ id, reason: 'an HKDF that Signal left in 2014' })),
  }),
);
