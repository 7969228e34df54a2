/**
 * What the texts of ML-KEM and its predecessors make of the same inputs.
 *
 * @spec 16-doctor §2
 * Owns: the expansions of a seed, the secrets of a decapsulation and of an encapsulation, each under its name.
 * Must not know: which of them a peer speaks. Nothing is wiped: the inputs are material that somebody debugs with.
 */
import { concat, equalBytes } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { earlyPairOfSeed } from '../../protocol/crypto/kyber-seed.ts';
import type { CryptoProvider, KemKeyPair, KemParameterSet } from '../../protocol/crypto/provider.ts';

const HALF = 32;
const RANKS = { 'ML-KEM-512': 2, 'ML-KEM-768': 3, 'ML-KEM-1024': 4 } as const;

/** A text that an implementation may follow. */
export type Variant = 'FIPS 203' | 'Kyber round 3' | 'a mixture';

/** One way to read a seed, and the pair that it gives. */
export interface SeedReading {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly privateKey: Secret<'KemPrivateKey'>;
}

/** A secret that some implementation would have come to. */
export interface Candidate {
  readonly variant: Variant;
  readonly name: string;
  /** True where it is what a decapsulation answers to a ciphertext that is not for its key. */
  readonly rejected: boolean;
  readonly secret: Uint8Array;
}

function expansions(provider: CryptoProvider, set: KemParameterSet, seed: Uint8Array): [string, KemKeyPair][] {
  const rank = RANKS[set];
  return [
    ['FIPS 203: G(d ‖ k)', provider.kemFromSeed(set, seed)],
    ['Kyber round 3 or the draft of FIPS 203: G(d)', earlyPairOfSeed(provider, { rank, swapped: false }, seed)],
    [
      'the draft of FIPS 203 as printed: G(d), matrix indices swapped',
      earlyPairOfSeed(provider, { rank, swapped: true }, seed),
    ],
  ];
}

/** Every reading of a 64-byte seed. @throws {ProtocolError} `InvalidKey`/`bad-length`. */
export function seedReadings(provider: CryptoProvider, set: KemParameterSet, seed: Uint8Array): SeedReading[] {
  const orders = [
    ['', seed],
    [', with the seed as z ‖ d', concat(seed.subarray(HALF), seed.subarray(0, HALF))],
  ] as const;
  return orders.flatMap(([suffix, ordered]) =>
    expansions(provider, set, ordered).map(([name, { publicKey, privateKey }]) => {
      const expanded = provider.kemExpand(set, privateKey);
      return { name: `${name}${suffix}`, publicKey, privateKey: expanded };
    }),
  );
}

const roundThree = (provider: CryptoProvider, inner: Uint8Array, ciphertext: Uint8Array) =>
  provider.shake256(concat(inner, provider.sha3_256(ciphertext)), HALF);

/** What a private key makes of a ciphertext. `valid`: the ciphertext is one that encapsulation to this key gives. */
export function decapsulations(
  provider: CryptoProvider,
  set: KemParameterSet,
  privateKey: Secret<'KemPrivateKey'>,
  ciphertext: Uint8Array,
): { readonly valid: boolean; readonly candidates: readonly Candidate[] } {
  const answer = provider.kemDecapsulate(set, privateKey, ciphertext).expose();
  const z = privateKey.expose().slice(-HALF);
  const rejection = provider.shake256(concat(z, ciphertext), HALF);
  // @req DOC-05
  const valid = !equalBytes(answer, rejection);
  const rejected: Candidate[] = [
    { variant: 'FIPS 203', name: 'J(z ‖ c)', rejected: true, secret: rejection },
    {
      variant: 'Kyber round 3',
      name: 'KDF(z ‖ H(c)), as submitted',
      rejected: true,
      secret: roundThree(provider, z, ciphertext),
    },
    {
      variant: 'Kyber round 3',
      name: 'KDF(J(z ‖ c) ‖ H(c)), over an ML-KEM',
      rejected: true,
      secret: roundThree(provider, rejection, ciphertext),
    },
  ];
  const accepted: Candidate[] = [
    { variant: 'FIPS 203', name: 'K', rejected: false, secret: answer },
    {
      variant: 'Kyber round 3',
      name: 'KDF(K ‖ H(c))',
      rejected: false,
      secret: roundThree(provider, answer, ciphertext),
    },
  ];
  return { valid, candidates: valid ? [...accepted, ...rejected] : rejected };
}

/** What encapsulation with given coins comes to: one entry as each text has it, and the mixtures of the two. */
export interface Encapsulated {
  readonly name: string;
  readonly ciphertext: Uint8Array;
  readonly candidates: readonly Candidate[];
}

/** @throws {ProtocolError} `InvalidKey`: `bad-length`, `unreduced-kem-key`. */
export function encapsulations(
  provider: CryptoProvider,
  set: KemParameterSet,
  publicKey: Uint8Array,
  coins: Uint8Array,
): Encapsulated[] {
  const run = (m: Uint8Array) => {
    const { ciphertext, sharedSecret } = provider.kemEncapsulate(set, publicKey, () => m.slice());
    const inner = sharedSecret.expose();
    return { ciphertext, inner, wrapped: roundThree(provider, inner, ciphertext) };
  };
  const [plain, hashed] = [run(coins), run(provider.sha3_256(coins))];
  const candidate = (variant: Variant, name: string, secret: Uint8Array) => ({
    variant,
    name,
    rejected: false,
    secret,
  });
  return [
    {
      name: 'FIPS 203: m is the coins themselves',
      ciphertext: plain.ciphertext,
      candidates: [
        candidate('FIPS 203', 'K', plain.inner),
        candidate('a mixture', 'KDF(K ‖ H(c)) over coins that were not hashed', plain.wrapped),
      ],
    },
    {
      name: 'Kyber round 3: m is H(coins)',
      ciphertext: hashed.ciphertext,
      candidates: [
        candidate('Kyber round 3', 'KDF(K ‖ H(c))', hashed.wrapped),
        candidate('a mixture', 'K over hashed coins, without the last hash', hashed.inner),
      ],
    },
  ];
}

/** True where `outer` is what round 3 makes of `inner`: one side stopped before the last hash. */
export function isWrapped(
  provider: CryptoProvider,
  inner: Uint8Array,
  outer: Uint8Array,
  ciphertext: Uint8Array,
): boolean {
  return equalBytes(roundThree(provider, inner, ciphertext), outer);
}

/** Whether a private key opens what is encapsulated to a public key. The coins are anybody's. */
export function opensItsOwn(
  provider: CryptoProvider,
  set: KemParameterSet,
  privateKey: Secret<'KemPrivateKey'>,
  publicKey: Uint8Array,
): boolean {
  const { ciphertext, sharedSecret } = provider.kemEncapsulate(set, publicKey, (length) => new Uint8Array(length));
  return equalBytes(provider.kemDecapsulate(set, privateKey, ciphertext).expose(), sharedSecret.expose());
}

/** A 64-byte seed, or an expanded key, as the provider takes it. */
export function privateKeyOf(bytes: Uint8Array): Secret<'KemPrivateKey'> {
  return new Secret<'KemPrivateKey'>(bytes.slice());
}
