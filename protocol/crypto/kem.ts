/**
 * The KEMs, as data.
 *
 * @spec 01-keys §6
 * Owns: names, type bytes, which parameter set a KEM runs on. Adding a KEM is adding an entry here.
 * Must not know: suites, wire form.
 */
import { concat } from '../bytes/bytes.ts';
import { Secret } from '../bytes/secret.ts';
import { ProtocolError } from '../errors.ts';
import { kyberPairOfSeed } from './kyber-seed.ts';
import type {
  CryptoProvider,
  Encapsulation,
  KemKeyPair,
  KemLengths,
  KemParameterSet,
  RandomSource,
} from './provider.ts';
import { derivedRandom } from './random.ts';

/** The names of the registry. */
export type KemName = KemParameterSet | 'Kyber-1024-r3';

/** One KEM. Keys and ciphertexts are raw. */
export interface Kem {
  readonly name: KemName;
  /** First byte of its keys and ciphertexts on the wire; null for a KEM that is never there. */
  readonly typeByte: number | null;
  readonly parameterSet: KemParameterSet;
  /** Lengths of its raw keys and ciphertexts, in bytes. */
  lengths(provider: CryptoProvider): KemLengths;
  /** A fresh pair, from 64 bytes of `random`. */
  generate(provider: CryptoProvider, random: RandomSource): KemKeyPair;
  /** The pair of a given 64-byte seed d ‖ z, expanded as this KEM's own text says. @throws {ProtocolError} `InvalidKey`/`bad-length`. */
  fromSeed(provider: CryptoProvider, seed: Uint8Array): KemKeyPair;
  /** @throws {ProtocolError} `InvalidKey`: `bad-length`, `unreduced-kem-key`. */
  checkPublicKey(provider: CryptoProvider, publicKey: Uint8Array): void;
  /** Draws 32 bytes. @throws {ProtocolError} as `checkPublicKey`. */
  encapsulate(provider: CryptoProvider, publicKey: Uint8Array, random: RandomSource): Encapsulation;
  /** Implicit rejection on a damaged ciphertext. @throws {ProtocolError} as `CryptoProvider.kemDecapsulate`. */
  decapsulate(
    provider: CryptoProvider,
    privateKey: Secret<'KemPrivateKey'>,
    ciphertext: Uint8Array,
  ): Secret<'KemSharedSecret'>;
}

function mlKem(parameterSet: KemParameterSet, typeByte: number | null): Kem {
  return {
    name: parameterSet,
    typeByte,
    parameterSet,
    lengths: (provider) => provider.kemLengths(parameterSet),
    generate: (provider, random) => provider.kemGenerate(parameterSet, random),
    fromSeed: (provider, seed) => provider.kemFromSeed(parameterSet, seed),
    checkPublicKey: (provider, publicKey) => provider.kemCheckPublicKey(parameterSet, publicKey),
    encapsulate: (provider, publicKey, random) => provider.kemEncapsulate(parameterSet, publicKey, random),
    decapsulate: (provider, privateKey, ciphertext) => provider.kemDecapsulate(parameterSet, privateKey, ciphertext),
  };
}

/** Round 3 hashes the ciphertext into the secret: SHAKE256(K ‖ SHA3-256(ct), 32) (KEY-21). Wipes K. */
function roundThreeSecret(
  provider: CryptoProvider,
  inner: Secret<'KemSharedSecret'>,
  ciphertext: Uint8Array,
): Secret<'KemSharedSecret'> {
  // @req KEY-21
  const input = concat(inner.expose(), provider.sha3_256(ciphertext));
  const secret = new Secret<'KemSharedSecret'>(provider.shake256(input, 32));
  inner.wipe();
  input.fill(0);
  return secret;
}

/**
 * CRYSTALS-Kyber-1024, round 3, over ML-KEM-1024: keys and ciphertexts are the same, the random m is hashed before use and the
 * secret after. A key pair of either serves the other, so the seeds that are made and kept here are ML-KEM's. Rejection is ML-KEM's, wrapped, as in the deployed code.
 */
function kyber1024(): Kem {
  const inner = mlKem('ML-KEM-1024', 0x08);
  return {
    ...inner,
    name: 'Kyber-1024-r3',
    fromSeed: kyberPairOfSeed,
    encapsulate: (provider, publicKey, random) => {
      const hashed = derivedRandom(random, (m) => {
        const hash = provider.sha3_256(m);
        m.fill(0);
        return hash;
      });
      const { ciphertext, sharedSecret } = inner.encapsulate(provider, publicKey, hashed);
      return { ciphertext, sharedSecret: roundThreeSecret(provider, sharedSecret, ciphertext) };
    },
    decapsulate: (provider, privateKey, ciphertext) =>
      roundThreeSecret(provider, inner.decapsulate(provider, privateKey, ciphertext), ciphertext),
  };
}

const KEMS: readonly Kem[] = [
  mlKem('ML-KEM-512', null),
  mlKem('ML-KEM-768', null),
  mlKem('ML-KEM-1024', 0x0a),
  kyber1024(),
];

/** @throws {ProtocolError} `InvalidArgument`/`unknown-kem`. */
export function getKem(name: KemName): Kem {
  const kem = KEMS.find((candidate) => candidate.name === name);
  if (kem === undefined) throw new ProtocolError('InvalidArgument', 'parse', 'unknown-kem', 'kem');
  return kem;
}

/** The KEM with this type byte, or null. */
export function kemByTypeByte(typeByte: number): Kem | null {
  // @req KEY-19
  return KEMS.find((candidate) => candidate.typeByte === typeByte) ?? null;
}
