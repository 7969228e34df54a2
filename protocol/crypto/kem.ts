/**
 * The KEMs, as data.
 *
 * @spec 01-keys §6
 * Owns: names, type bytes, which parameter set a KEM runs on. Adding a KEM is adding an entry here.
 * Must not know: suites, wire form.
 */
import type { Secret } from '../bytes/secret.ts';
import { ProtocolError } from '../errors.ts';
import type {
  CryptoProvider,
  Encapsulation,
  KemKeyPair,
  KemLengths,
  KemParameterSet,
  RandomSource,
} from './provider.ts';

/** The names of the registry. */
export type KemName = KemParameterSet;

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
    checkPublicKey: (provider, publicKey) => provider.kemCheckPublicKey(parameterSet, publicKey),
    encapsulate: (provider, publicKey, random) => provider.kemEncapsulate(parameterSet, publicKey, random),
    decapsulate: (provider, privateKey, ciphertext) => provider.kemDecapsulate(parameterSet, privateKey, ciphertext),
  };
}

const KEMS: readonly Kem[] = [mlKem('ML-KEM-512', null), mlKem('ML-KEM-768', null), mlKem('ML-KEM-1024', 0x0a)];

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
