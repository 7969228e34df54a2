/**
 * What the protocol asks of a cryptography library.
 *
 * @spec 01-keys §1
 * Owns: the interface that `noble.ts` (portable reference) and `node.ts` (OpenSSL) implement with equal results.
 * Must not know: message formats, sessions. Wire type bytes are the codec's: every key here is raw.
 */
import type { Secret } from '../bytes/secret.ts';

/** Length of X25519 public keys, private keys and agreements, in bytes. */
export const EC_KEY_BYTES = 32;
/** Length of an XEdDSA or Ed25519 signature, in bytes. */
export const SIGNATURE_BYTES = 64;
/** Length of an ML-KEM seed (d ‖ z, FIPS 203 §7.1), in bytes. */
export const KEM_SEED_BYTES = 64;
/** Random bytes one encapsulation takes (m, FIPS 203 §7.2). */
export const KEM_COINS_BYTES = 32;

/**
 * A source of random bytes. Returns exactly `length` fresh bytes and hands over their ownership.
 * The protocol draws through `checkedRandom` (`crypto/random.ts`), which refuses a source that returns short or repeats itself.
 */
export type RandomSource = (length: number) => Uint8Array;

/** An X25519 key pair: raw 32-byte u-coordinate, clamped 32-byte scalar. */
export interface EcKeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: Secret<'EcPrivateKey'>;
}

/** An Ed25519 key pair (relay request authentication only): raw 32-byte point, 32-byte seed. */
export interface AuthKeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: Secret<'AuthPrivateKey'>;
}

/** The ML-KEM parameter sets of FIPS 203 §8. */
export type KemParameterSet = 'ML-KEM-512' | 'ML-KEM-768' | 'ML-KEM-1024';

/** Byte lengths of one parameter set (FIPS 203 table 3). */
export interface KemLengths {
  readonly publicKey: number;
  /** The expanded decapsulation key; the 64-byte seed is the preferred form. */
  readonly expandedKey: number;
  readonly ciphertext: number;
}

/** A KEM key pair: raw encapsulation key; the private key is the 64-byte seed d ‖ z, or an expanded decapsulation key. */
export interface KemKeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: Secret<'KemPrivateKey'>;
}

/** The result of an encapsulation. */
export interface Encapsulation {
  readonly ciphertext: Uint8Array;
  readonly sharedSecret: Secret<'KemSharedSecret'>;
}

/**
 * Synchronous primitives. Both implementations give equal bytes on equal inputs, refuse the same inputs with the same
 * error codes, and never keep a reference to an argument beyond the call, other than private-key `Secret` objects.
 */
export interface CryptoProvider {
  readonly name: 'noble' | 'node';

  /** 32 bytes. */
  sha256(data: Uint8Array): Uint8Array;
  /** 64 bytes. */
  sha512(data: Uint8Array): Uint8Array;
  /** 32 bytes. */
  sha3_256(data: Uint8Array): Uint8Array;
  /** 64 bytes. */
  sha3_512(data: Uint8Array): Uint8Array;
  /** As many bytes as asked for. */
  shake256(data: Uint8Array, length: number): Uint8Array;
  /** HMAC-SHA256, 32 bytes. */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** HKDF-SHA256 (RFC 5869). An empty salt means 32 zero bytes. */
  hkdfSha256(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array;

  /** AES-256-CBC with PKCS#7 padding; key 32 bytes, iv 16 bytes. */
  aes256CbcEncrypt(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** @throws {ProtocolError} `InvalidMessage`, one reason `bad-ciphertext` for length and padding alike (PRIM-11). */
  aes256CbcDecrypt(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array;

  /** A fresh X25519 pair: 32 bytes from `random`, clamped. */
  x25519Generate(random: RandomSource): EcKeyPair;
  /** The pair of a given 32-byte private key; clamps a copy. */
  x25519FromPrivate(privateKey: Uint8Array): EcKeyPair;
  /**
   * X25519 agreement, 32 bytes. High bit of the public key ignored and u reduced (RFC 7748 §5); callers check ranges first.
   * @throws {ProtocolError} `InvalidKey`, reason `zero-shared-secret`, on an all-zero result; `bad-length` on a wrong length.
   */
  x25519Agree(privateKey: Secret<'EcPrivateKey'>, publicKey: Uint8Array): Secret<'Agreement'>;
  /** True iff u lies in the prime-order subgroup of Curve25519 (not of the twist): X25519(5L−1, u) = u. */
  x25519IsPrimeOrder(publicKey: Uint8Array): boolean;

  /** XEdDSA signature, 64 bytes, sign bit of A in bit 7 of byte 63; draws 64 bytes from `random`. */
  xeddsaSign(privateKey: Secret<'EcPrivateKey'>, message: Uint8Array, random: RandomSource): Uint8Array;
  /** Cofactorless, byte-exact on R; refuses s ≥ L and small-order A or R (STRICTER). Never throws on input. */
  xeddsaVerify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;

  /** A fresh Ed25519 pair: a 32-byte seed from `random`. */
  ed25519Generate(random: RandomSource): AuthKeyPair;
  /** RFC 8032, 64 bytes. */
  ed25519Sign(privateKey: Secret<'AuthPrivateKey'>, message: Uint8Array): Uint8Array;
  /** Never throws on input. */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;

  /** Lengths of one parameter set, in bytes. */
  kemLengths(set: KemParameterSet): KemLengths;
  /** A fresh pair: 64 bytes (d ‖ z) from `random`; the private key is that seed. */
  kemGenerate(set: KemParameterSet, random: RandomSource): KemKeyPair;
  /** The pair of a 64-byte seed. @throws {ProtocolError} `InvalidKey` on another length. */
  kemFromSeed(set: KemParameterSet, seed: Uint8Array): KemKeyPair;
  /** The raw expanded decapsulation key of a private key in either form. */
  kemExpand(set: KemParameterSet, privateKey: Secret<'KemPrivateKey'>): Secret<'KemPrivateKey'>;
  /** FIPS 203 §7.2 input check (type, modulus). @throws {ProtocolError} `InvalidKey`, reasons `bad-length`, `unreduced-kem-key`. */
  kemCheckPublicKey(set: KemParameterSet, publicKey: Uint8Array): void;
  /** 32 bytes m from `random`. @throws {ProtocolError} as `kemCheckPublicKey`. */
  kemEncapsulate(set: KemParameterSet, publicKey: Uint8Array, random: RandomSource): Encapsulation;
  /**
   * FIPS 203 §7.3, implicit rejection on a bad ciphertext.
   * @throws {ProtocolError} `InvalidMessage`/`bad-length` (ciphertext), `InvalidKey`/`bad-length`, `InvalidKey`/`kem-key-hash-mismatch`.
   */
  kemDecapsulate(
    set: KemParameterSet,
    privateKey: Secret<'KemPrivateKey'>,
    ciphertext: Uint8Array,
  ): Secret<'KemSharedSecret'>;
}
