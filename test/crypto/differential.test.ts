/**
 * Two providers, one behaviour.
 *
 * @spec 01-keys §1
 */
import { describe, expect, test } from 'vitest';
import { toHex } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { CryptoProvider, KemParameterSet, RandomSource } from '../../protocol/crypto/provider.ts';
import { checkedRandom } from '../../protocol/crypto/random.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { PROVIDERS } from '../support/peers.ts';
import { SMALL_ORDER_ENCODINGS, torsioned, withHighBit } from '../support/points.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { seededIntegers, seededRandom } from '../support/seeded-random.ts';

const CASES = scaled(300, 10_000);
const KEM_CASES = scaled(100, 10_000);
const SETS: readonly KemParameterSet[] = ['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024'];
const ROLES = [
  [nodeProvider, nobleProvider],
  [nobleProvider, nodeProvider],
] as const;

/** What one case may draw from; both providers get the same. */
interface Input {
  readonly bytes: RandomSource;
  /** A whole number below the bound. */
  readonly pick: (bound: number) => number;
}

type Operation = (provider: CryptoProvider, input: Input) => unknown;

/** Bytes of a length around the ones where something changes. */
function some({ bytes, pick }: Input, most = 300): Uint8Array {
  return bytes(pick(most + 1));
}

/** Honest, torsioned, aliased, small-order or random: whatever may arrive as a public key. */
function anyPublicKey({ bytes, pick }: Input): Uint8Array {
  const { publicKey } = nodeProvider.x25519FromPrivate(bytes(32));
  const kinds = [
    () => publicKey,
    () => publicKey,
    () => bytes(32),
    () => torsioned(publicKey),
    () => withHighBit(publicKey),
    () => SMALL_ORDER_ENCODINGS[pick(SMALL_ORDER_ENCODINGS.length)] as Uint8Array,
    () => bytes(pick(40)),
  ];
  return (kinds[pick(kinds.length)] as () => Uint8Array)();
}

/** The same bytes, or some of them changed. */
function perhapsDamaged({ pick }: Input, good: Uint8Array): Uint8Array {
  const out = good.slice();
  if (pick(2) === 0) return out;
  const at = pick(out.length);
  out[at] = (out[at] as number) ^ (1 << pick(8));
  return pick(8) === 0 ? out.subarray(1) : out;
}

function kemOperations(set: KemParameterSet): Record<string, Operation> {
  return {
    [`${set} generate`]: (provider, { bytes }) => provider.kemGenerate(set, bytes),
    [`${set} expand`]: (provider, { bytes }) => provider.kemExpand(set, new Secret<'KemPrivateKey'>(bytes(64))),
    [`${set} encapsulate`]: (provider, input) => {
      const { publicKey } = nodeProvider.kemFromSeed(set, input.bytes(64));
      return provider.kemEncapsulate(set, perhapsDamaged(input, publicKey), input.bytes);
    },
    [`${set} decapsulate`]: (provider, input) => {
      const { publicKey, privateKey } = nodeProvider.kemFromSeed(set, input.bytes(64));
      const { ciphertext } = nobleProvider.kemEncapsulate(set, publicKey, input.bytes);
      return provider.kemDecapsulate(set, privateKey, perhapsDamaged(input, ciphertext));
    },
  };
}

const OPERATIONS: Record<string, Operation> = {
  sha256: (provider, input) => provider.sha256(some(input)),
  sha512: (provider, input) => provider.sha512(some(input)),
  sha3_256: (provider, input) => provider.sha3_256(some(input)),
  sha3_512: (provider, input) => provider.sha3_512(some(input)),
  shake256: (provider, input) => provider.shake256(some(input), input.pick(400)),
  hmacSha256: (provider, input) => provider.hmacSha256(some(input, 100), some(input)),
  hkdfSha256: (provider, input) =>
    provider.hkdfSha256(some(input, 100), some(input, 70), some(input, 1600), input.pick(400)),
  aes256CbcEncrypt: (provider, input) => provider.aes256CbcEncrypt(input.bytes(32), input.bytes(16), some(input)),
  aes256CbcDecrypt: (provider, input) => {
    const [key, iv] = [input.bytes(32), input.bytes(16)];
    const good = nodeProvider.aes256CbcEncrypt(key, iv, some(input, 60));
    return provider.aes256CbcDecrypt(key, iv, perhapsDamaged(input, good));
  },
  x25519Generate: (provider, { bytes }) => provider.x25519Generate(bytes),
  x25519FromPrivate: (provider, { bytes, pick }) => provider.x25519FromPrivate(bytes(pick(9) === 0 ? pick(40) : 32)),
  x25519Agree: (provider, input) =>
    provider.x25519Agree(new Secret<'EcPrivateKey'>(input.bytes(32)), anyPublicKey(input)),
  x25519IsPrimeOrder: (provider, input) => provider.x25519IsPrimeOrder(anyPublicKey(input)),
  xeddsaSign: (provider, input) => {
    const { privateKey } = nodeProvider.x25519FromPrivate(input.bytes(32));
    return provider.xeddsaSign(privateKey, some(input), input.bytes);
  },
  xeddsaVerify: (provider, input) => {
    const { publicKey, privateKey } = nodeProvider.x25519FromPrivate(input.bytes(32));
    const message = some(input);
    const signature = nodeProvider.xeddsaSign(privateKey, message, input.bytes);
    const key = input.pick(4) === 0 ? anyPublicKey(input) : publicKey;
    return provider.xeddsaVerify(key, message, perhapsDamaged(input, signature));
  },
  ed25519Generate: (provider, { bytes }) => provider.ed25519Generate(bytes),
  ed25519Sign: (provider, input) => provider.ed25519Sign(new Secret<'AuthPrivateKey'>(input.bytes(32)), some(input)),
  ed25519Verify: (provider, input) => {
    const { publicKey, privateKey } = nodeProvider.ed25519Generate(input.bytes);
    const message = some(input);
    const signature = nodeProvider.ed25519Sign(privateKey, message);
    return provider.ed25519Verify(perhapsDamaged(input, publicKey), message, perhapsDamaged(input, signature));
  },
  ...Object.assign({}, ...SETS.map(kemOperations)),
};

/** Any result or refusal as text: equal texts are equal outcomes. */
function outcome(act: () => unknown): string {
  const spell = (value: unknown): string => {
    if (value instanceof Secret) return toHex(value.expose());
    if (value instanceof Uint8Array) return `${Object.getPrototypeOf(value).constructor.name} ${toHex(value)}`;
    return typeof value === 'object' && value !== null ? Object.values(value).map(spell).join(' ') : String(value);
  };
  try {
    return spell(act());
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
}

describe('differential', () => {
  test.each(Object.entries(OPERATIONS))('[SUP-02] [KEY-01] %s gives equal outcomes', (name, operation) => {
    const outcomes = new Set<string>();
    for (let i = 0; i < CASES; i++) {
      const seed = `${name}/${i}`;
      const [a, b] = PROVIDERS.map((provider) =>
        outcome(() => operation(provider, { bytes: seededRandom(seed), pick: seededIntegers(seed) })),
      );
      if (a !== b) throw new Error(`providers differ, seed ${seed}: ${a} against ${b}`);
      outcomes.add(a as string);
    }
    expect(outcomes.size).toBeGreaterThan(1);
    reportCount('SUP-02', name, CASES);
  });

  test('[KEY-01] every method of a provider is compared', () => {
    const compared = Object.keys(OPERATIONS).join(' ');
    const byAnotherName = ['name', 'kemLengths', 'kemFromSeed', 'kemCheckPublicKey'];
    for (const method of Object.keys(nodeProvider).filter((key) => !byAnotherName.includes(key))) {
      const word = method.startsWith('kem') ? method.slice(3).toLowerCase() : method;
      expect(compared).toContain(word);
    }
    expect(Object.keys(nobleProvider).sort()).toEqual(Object.keys(nodeProvider).sort());
    for (const set of SETS) expect(nobleProvider.kemLengths(set)).toEqual(nodeProvider.kemLengths(set));
  });
});

describe.each(ROLES.map(([maker, user]) => ({ maker, user, title: `${maker.name} to ${user.name}` })))(
  'system randomness, $title',
  ({ maker, user }) => {
    const random = checkedRandom(systemRandom);

    test('[SUP-02] [KEY-01] [KEY-17] key pairs and signatures of one are accepted by the other', () => {
      for (let i = 0; i < CASES; i++) {
        const [ours, theirs] = [maker.x25519Generate(random), user.x25519Generate(random)];
        expect((ours.privateKey.expose()[0] as number) & 7).toBe(0);
        expect(user.x25519FromPrivate(ours.privateKey.expose()).publicKey).toEqual(ours.publicKey);
        const agreement = maker.x25519Agree(ours.privateKey, theirs.publicKey);
        expect(user.x25519Agree(theirs.privateKey, ours.publicKey).expose()).toEqual(agreement.expose());
        const message = systemRandom(i % 64);
        expect(user.xeddsaVerify(ours.publicKey, message, maker.xeddsaSign(ours.privateKey, message, random))).toBe(
          true,
        );
        const auth = maker.ed25519Generate(random);
        expect(user.ed25519Verify(auth.publicKey, message, maker.ed25519Sign(auth.privateKey, message))).toBe(true);
      }
      reportCount('SUP-02', 'system key pairs and signatures', CASES);
    });

    test.each(SETS)('[SUP-02] [KEY-01] [KEY-17] %s: keys and ciphertexts of one are opened by the other', (set) => {
      for (let i = 0; i < KEM_CASES; i++) {
        const { publicKey, privateKey } = maker.kemGenerate(set, random);
        const { ciphertext, sharedSecret } = user.kemEncapsulate(set, publicKey, random);
        expect(maker.kemDecapsulate(set, privateKey, ciphertext).expose()).toEqual(sharedSecret.expose());
        const again = new Secret<'KemPrivateKey'>(privateKey.expose().slice());
        expect(user.kemDecapsulate(set, again, ciphertext).expose()).toEqual(sharedSecret.expose());
      }
      reportCount('SUP-02', `${set} under the system's source`, KEM_CASES);
    });
  },
);
