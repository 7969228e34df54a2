/**
 * A release of libsignal as the lab's driver sees it.
 *
 * @spec 12-interop §2
 * Owns: the part of its public interface that is used, in our own words, and calls that are the same over all releases.
 * Must not know: requests. The library is a black box in this process and no other.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PACKAGE, releaseFolder, type Traits, traitsOf } from '../releases.ts';

/** A key, a record or a message. */
export interface Serializable {
  serialize(): Uint8Array;
}

export interface PublicKey extends Serializable {
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

export interface PrivateKey extends Serializable {
  sign(message: Uint8Array): Uint8Array;
  agree(other: PublicKey): Uint8Array;
  getPublicKey(): PublicKey;
}

export interface Address {
  name(): string;
  deviceId(): number;
}

export interface SessionRecord extends Serializable {
  archiveCurrentState(): void;
  hasCurrentState(): boolean;
}

interface CiphertextMessage extends Serializable {
  type(): number;
}

interface Reader<T> {
  deserialize(bytes: Uint8Array): T;
}

interface Maker<T, A extends readonly unknown[]> {
  new: (...args: A) => T;
}

interface Scannable {
  toBuffer(): Uint8Array;
}

interface Fingerprint {
  displayableFingerprint(): { toString(): string };
  scannableFingerprint(): Scannable;
}

type Store = new () => object;
type Call<T> = (...args: readonly unknown[]) => Promise<T>;

/** The names of the package that are used. */
export interface Exports {
  readonly PrivateKey: Reader<PrivateKey> & { generate(): PrivateKey };
  readonly PublicKey: Reader<PublicKey>;
  readonly IdentityKeyPair: new (publicKey: PublicKey, privateKey: PrivateKey) => Serializable;
  readonly KEMKeyPair: {
    generate(): { getPublicKey(): Serializable; getSecretKey(): Serializable };
  };
  readonly KEMPublicKey: Reader<Serializable>;
  readonly PreKeyRecord: Reader<Serializable> & Maker<Serializable, readonly unknown[]>;
  readonly SignedPreKeyRecord: Reader<Serializable> & Maker<Serializable, readonly unknown[]>;
  readonly KyberPreKeyRecord: Reader<Serializable> & Maker<Serializable, readonly unknown[]>;
  readonly PreKeyBundle: Maker<object, readonly unknown[]>;
  readonly ProtocolAddress: Maker<Address, readonly [string, number]>;
  readonly SessionRecord: Reader<SessionRecord>;
  readonly SenderKeyRecord: Reader<Serializable>;
  readonly SignalMessage: Reader<object>;
  readonly PreKeySignalMessage: Reader<object>;
  readonly SenderKeyDistributionMessage: Reader<object> & {
    create(sender: Address, distributionId: string, store: object): Promise<Serializable>;
  };
  readonly Fingerprint: Maker<Fingerprint, readonly unknown[]>;
  readonly UsePQRatchet?: { readonly Yes: unknown; readonly No: unknown };
  readonly SessionStore: Store;
  readonly IdentityKeyStore: Store;
  readonly PreKeyStore: Store;
  readonly SignedPreKeyStore: Store;
  readonly KyberPreKeyStore: Store;
  readonly SenderKeyStore: Store;
  readonly processPreKeyBundle: Call<void>;
  readonly signalEncrypt: Call<CiphertextMessage>;
  readonly signalDecrypt: Call<Uint8Array>;
  readonly signalDecryptPreKey: Call<Uint8Array>;
  readonly processSenderKeyDistributionMessage: Call<void>;
  readonly groupEncrypt: Call<CiphertextMessage>;
  readonly groupDecrypt: Call<Uint8Array>;
}

/** The stores that a call reads and writes. */
export interface Stores {
  readonly session: object;
  readonly identity: object;
  readonly preKey: object;
  readonly signedPreKey: object;
  readonly kyberPreKey: object;
  readonly senderKey: object;
}

/** Whose call it is, and to whom. */
export interface Ends {
  readonly remote: Address;
  readonly local: Address;
  readonly stores: Stores;
  /** Use of the post-quantum ratchet where the release lets the caller say. */
  readonly pqRatchet: boolean;
  readonly now: Date | undefined;
}

/** One release. */
export interface Library {
  readonly version: string;
  readonly traits: Traits;
  readonly exports: Exports;
  /** Bytes as the release wants them. */
  readonly bytes: (value: Uint8Array) => Uint8Array;
  readonly processBundle: (ends: Ends, bundle: object) => Promise<void>;
  readonly encrypt: (ends: Ends, plaintext: Uint8Array) => Promise<CiphertextMessage>;
  readonly decrypt: (ends: Ends, message: object) => Promise<Uint8Array>;
  readonly decryptPreKey: (ends: Ends, message: object) => Promise<Uint8Array>;
}

/** Loads an installed release. @throws {Error} where there is none. */
export function loadLibrary(version: string): Library {
  const load = createRequire(join(releaseFolder(version), 'lab.js'));
  const exports = load(PACKAGE) as Exports;
  const traits = traitsOf(version);
  const { localAddress, localAddressEverywhere, usePqRatchet } = traits;
  const use = ({ pqRatchet }: Ends) => (pqRatchet ? exports.UsePQRatchet?.Yes : exports.UsePQRatchet?.No);
  const early = (ends: Ends) => (localAddress ? [ends.remote, ends.local] : [ends.remote]);
  const late = (ends: Ends) => (localAddressEverywhere ? [ends.remote, ends.local] : [ends.remote]);
  const timed = (ends: Ends) => (ends.now === undefined ? [] : [ends.now]);
  return {
    version,
    traits,
    exports,
    bytes: (value) => (traits.buffers ? Buffer.from(value) : Uint8Array.from(value)),
    processBundle: (ends, bundle) => {
      const stores = [ends.stores.session, ends.stores.identity];
      return exports.processPreKeyBundle(
        bundle,
        ...late(ends),
        ...stores,
        ...(usePqRatchet ? [use(ends)] : []),
        ...timed(ends),
      );
    },
    encrypt: (ends, plaintext) =>
      exports.signalEncrypt(plaintext, ...early(ends), ends.stores.session, ends.stores.identity, ...timed(ends)),
    decrypt: (ends, message) =>
      exports.signalDecrypt(message, ...late(ends), ends.stores.session, ends.stores.identity),
    decryptPreKey: (ends, message) => {
      const { session, identity, preKey, signedPreKey, kyberPreKey } = ends.stores;
      const stores = [session, identity, preKey, signedPreKey, kyberPreKey];
      return exports.signalDecryptPreKey(message, ...early(ends), ...stores, ...(usePqRatchet ? [use(ends)] : []));
    },
  };
}
