/**
 * Published ML-KEM and Kyber-1024 round 3.
 *
 * @spec 14-vectors §1, 01-keys §6
 * Owns: key generation, encapsulation and decapsulation of every published form. Native encapsulation takes no coins, so what
 * it makes cannot be compared: there it must refuse every invalid key and take every valid one.
 */
import { z } from 'zod';
import { concat } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { getKem, type Kem } from '../../protocol/crypto/kem.ts';
import { systemRandom } from '../../protocol/crypto/node.ts';
import type { CryptoProvider, KemParameterSet } from '../../protocol/crypto/provider.ts';
import { scriptedRandom } from '../../test/support/seeded-random.ts';
import { encapsulateInHalves } from './halves.ts';
import type { NativeCall } from './native-calls.ts';
import { flat, grouped, hexBytes, wycheproof } from './shape.ts';
import { family, judge, type Trial, type Verdict } from './verdict.ts';

const GENERATE: readonly NativeCall[] = ['createPublicKey'];
const ENCAPSULATE: readonly NativeCall[] = ['encapsulate'];
const DECAPSULATE: readonly NativeCall[] = ['decapsulate'];

const GROUP = z.object({ parameterSet: z.enum(['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024']) });

function tryKeys(
  provider: CryptoProvider,
  trial: Trial,
  set: KemParameterSet,
  { seed, ek, dk }: { readonly seed: Uint8Array; readonly ek: Uint8Array; readonly dk: Uint8Array },
): void {
  trial.equal('ek', GENERATE, ek, () => provider.kemFromSeed(set, seed).publicKey);
  trial.equal('dk', [], dk, () => provider.kemExpand(set, provider.kemFromSeed(set, seed).privateKey));
}

/** Seeds to key pairs. */
export const kemKeys = family(
  wycheproof(GROUP, z.object({ seed: hexBytes, ek: hexBytes, dk: hexBytes })),
  (provider, file) => ({
    verdicts: flat(file).map(({ group, vector }) =>
      judge(provider, vector.tcId, (trial) => {
        if (vector.result === 'valid') tryKeys(provider, trial, group.parameterSet, vector);
        else {
          const ways = ['InvalidKey bad-length'];
          trial.refuses(GENERATE, ways, () => provider.kemFromSeed(group.parameterSet, vector.seed));
        }
      }),
    ),
    unused: [],
  }),
);

/** The same in ACVP's form. */
export const acvpKeys = family(
  grouped(GROUP, z.object({ tcId: z.int(), d: hexBytes, z: hexBytes, ek: hexBytes, dk: hexBytes })),
  (provider, file) => ({
    verdicts: flat(file).map(({ group, vector }) =>
      judge(provider, vector.tcId, (trial) => {
        const { d, z, ek, dk } = vector;
        tryKeys(provider, trial, group.parameterSet, { seed: concat(d, z), ek, dk });
      }),
    ),
    unused: [],
  }),
);

const BAD_KEY = ['InvalidKey bad-length', 'InvalidKey unreduced-kem-key'];

function tryEncapsulation(
  kem: Kem,
  provider: CryptoProvider,
  trial: Trial,
  published: { readonly ek: Uint8Array; readonly m: Uint8Array; readonly c: Uint8Array; readonly K: Uint8Array },
): void {
  const { ek, m, c, K } = published;
  const made = () => kem.encapsulate(provider, ek, scriptedRandom([m]));
  trial.equal('c', [], c, () => made().ciphertext);
  trial.equal('K', [], K, () => made().sharedSecret);
  if (kem.name === 'ML-KEM-768') {
    const halves = () => encapsulateInHalves(provider, ek, m);
    trial.equal('c, in halves', [], c, () => concat(halves().c1, halves().c2()));
    trial.equal('K, with the first half', [], K, () => halves().K);
  }
  if (provider.name !== 'node') return;
  const { ciphertext } = provider.kemLengths(kem.parameterSet);
  trial.holds(
    'native encapsulation',
    () => kem.encapsulate(provider, ek, systemRandom).ciphertext.length === ciphertext,
  );
}

/** Keys and coins to ciphertexts; bad moduli and lengths. */
export const kemEncapsulations = family(
  wycheproof(GROUP, z.object({ ek: hexBytes, m: hexBytes, c: hexBytes, K: hexBytes })),
  (provider, file) => ({
    verdicts: flat(file).map(({ group, vector }) =>
      judge(provider, vector.tcId, (trial) => {
        const kem = getKem(group.parameterSet);
        if (vector.result === 'valid') tryEncapsulation(kem, provider, trial, vector);
        else {
          trial.refuses(ENCAPSULATE, BAD_KEY, () => kem.encapsulate(provider, vector.ek, systemRandom));
          trial.refuses([], BAD_KEY, () => kem.encapsulate(provider, vector.ek, scriptedRandom([vector.m])));
        }
      }),
    ),
    unused: [],
  }),
);

/** Seeds and ciphertexts to secrets, that of implicit rejection among them; wrong lengths. */
export const kemDecapsulations = family(
  wycheproof(GROUP, z.object({ seed: hexBytes, ek: hexBytes.optional(), c: hexBytes, K: hexBytes })),
  (provider, file) => ({
    verdicts: flat(file).map(({ group: { parameterSet }, vector }) =>
      judge(provider, vector.tcId, (trial) => {
        const { seed, ek, c, K, result } = vector;
        const pair = () => provider.kemFromSeed(parameterSet, seed);
        const open = () => provider.kemDecapsulate(parameterSet, pair().privateKey, c);
        if (result !== 'valid') {
          trial.refuses(DECAPSULATE, ['InvalidKey bad-length', 'InvalidMessage bad-length'], open);
          return;
        }
        if (ek !== undefined) trial.equal('ek', GENERATE, ek, () => pair().publicKey);
        trial.equal('K', DECAPSULATE, K, open);
      }),
    ),
    unused: [],
  }),
);

const BAD_DECAPSULATION = ['InvalidMessage bad-length', 'InvalidKey bad-length', 'InvalidKey kem-key-hash-mismatch'];

/** Expanded keys: a bad hash or length is refused. Node takes seeds alone, so this is its fallback. */
export const kemExpandedKeys = family(
  wycheproof(GROUP, z.object({ dk: hexBytes, c: hexBytes, K: hexBytes.optional() })),
  (provider, file) => ({
    verdicts: flat(file).map(({ group, vector }) =>
      judge(provider, vector.tcId, (trial) => {
        const { dk, c, K, result } = vector;
        const key = new Secret<'KemPrivateKey'>(dk.slice());
        const open = () => provider.kemDecapsulate(group.parameterSet, key, c);
        if (result !== 'valid') trial.refuses([], BAD_DECAPSULATION, open);
        else if (K !== undefined) trial.equal('K', [], K, open);
        else trial.holds('decapsulation', () => open().length > 0);
      }),
    ),
    unused: [],
  }),
);

const KNOWN_ANSWER = z.object({
  key_generation_seed: hexBytes,
  sha3_256_hash_of_public_key: hexBytes,
  sha3_256_hash_of_secret_key: hexBytes,
  encapsulation_seed: hexBytes,
  sha3_256_hash_of_ciphertext: hexBytes,
  shared_secret: hexBytes,
});

/** Round 3 has its own expansion of seeds and its own secret, in JavaScript; its private keys are expanded ones. */
function natives(kem: Kem, calls: readonly NativeCall[]): readonly NativeCall[] {
  return kem.name === 'Kyber-1024-r3' ? [] : calls;
}

function tryKnownAnswer(kem: Kem, provider: CryptoProvider, trial: Trial, vector: z.output<typeof KNOWN_ANSWER>): void {
  const { publicKey, privateKey } = kem.fromSeed(provider, vector.key_generation_seed);
  const expand = () => provider.kemExpand(kem.parameterSet, privateKey);
  const sha3 = (data: Uint8Array) => provider.sha3_256(data);
  trial.equal('public key', natives(kem, GENERATE), vector.sha3_256_hash_of_public_key, () =>
    sha3(kem.fromSeed(provider, vector.key_generation_seed).publicKey),
  );
  trial.equal('secret key', [], vector.sha3_256_hash_of_secret_key, () => sha3(expand().expose()));
  const made = kem.encapsulate(provider, publicKey, scriptedRandom([vector.encapsulation_seed]));
  trial.equal('ciphertext', [], vector.sha3_256_hash_of_ciphertext, () => sha3(made.ciphertext));
  trial.equal('shared secret', [], vector.shared_secret, () => made.sharedSecret);
  trial.equal('shared secret, opened', natives(kem, DECAPSULATE), vector.shared_secret, () =>
    kem.decapsulate(provider, privateKey, made.ciphertext),
  );
  trial.equal('shared secret, opened with the expanded key', [], vector.shared_secret, () =>
    kem.decapsulate(provider, expand(), made.ciphertext),
  );
}

/** Answers in the form of NIST's known-answer tests, for one KEM. */
export const kemKnownAnswers = (name: 'ML-KEM-1024' | 'Kyber-1024-r3') =>
  family(z.object({ cases: z.array(KNOWN_ANSWER) }), (provider, { cases }) => ({
    verdicts: cases.map(
      (vector, i): Verdict =>
        judge(provider, `no. ${i + 1}`, (trial) => tryKnownAnswer(getKem(name), provider, trial, vector)),
    ),
    unused: [],
  }));
