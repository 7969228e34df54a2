/**
 * What the relay asks of its storage.
 *
 * @spec 06-relay §4
 * Owns: the operations, each of them one transaction. Arguments and results are plain data, so that an implementation may
 * live in a worker thread or another process.
 * Must not know: SQL, HTTP, JSON. Signatures were verified before; what an operation needs besides, it checks itself.
 *
 * Every operation rejects with a `RelayRefusal` where it refuses, and resolves only after its commit (RLY-09). An operation of a caller
 * first uses up the caller's nonce, in the same transaction; the nonce stays used when the rest is refused (RLY-05).
 */
import type { ManifestDevice } from '../../protocol/codec/manifest.ts';
import type { EnvelopeType } from '../../protocol/codec/relay-api.ts';

/** A device whose request was verified. */
export interface Caller {
  /** The relay's own number of the device, never used again. */
  readonly dev: number;
  readonly account: string;
  readonly deviceId: number;
  /** Raw, 32 bytes. */
  readonly identityKey: Uint8Array;
  /** 16 bytes. */
  readonly nonce: Uint8Array;
  /** When the nonce may be forgotten, because its request is too old by then. */
  readonly nonceExpires: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What a signature is verified with. */
export interface DeviceCredentials {
  readonly dev: number;
  /** Ed25519, raw, 32 bytes. */
  readonly authKey: Uint8Array;
  /** X25519, raw, 32 bytes. */
  readonly identityKey: Uint8Array;
}

/** A public key under its id, in wire form. */
export interface StoredKey {
  readonly id: number;
  readonly publicKey: Uint8Array;
}

/** A signed public key. */
export interface StoredSignedKey extends StoredKey {
  readonly signature: Uint8Array;
}

/** Keys to store; null leaves what is there. `replaceOneTime`: the one-time keys stored before are deleted. */
export interface StoredKeys {
  readonly signedPreKey: StoredSignedKey | null;
  readonly lastResortKem: StoredSignedKey | null;
  readonly oneTime: readonly StoredKey[];
  readonly oneTimeKem: readonly StoredSignedKey[];
  readonly replaceOneTime?: true | undefined;
}

/** What is left of a device's keys. */
export interface KeyCounts {
  readonly oneTime: number;
  readonly oneTimeKem: number;
  readonly signedPreKeyId: number | null;
  readonly lastResortKemId: number | null;
}

/** Keys of one device, taken. */
export interface Bundle {
  readonly registrationId: number;
  readonly deviceId: number;
  readonly identityKey: Uint8Array;
  readonly signedPreKey: StoredSignedKey;
  readonly oneTimePreKey: StoredKey | null;
  readonly kemPreKey: StoredSignedKey | null;
  readonly kemIsLastResort: boolean;
}

/** A verified manifest. */
export interface ManifestRecord {
  readonly account: string;
  readonly version: number;
  /** 32 bytes. */
  readonly previousHash: Uint8Array;
  /** 32 bytes. */
  readonly hash: Uint8Array;
  /** The encoded SignedManifest. */
  readonly encoded: Uint8Array;
  readonly devices: readonly ManifestDevice[];
}

/** A new account: its first manifest with device 1, whose first keys these are. */
export interface Registration {
  readonly manifest: ManifestRecord;
  readonly keys: StoredKeys;
  readonly nonce: Uint8Array;
  readonly nonceExpires: number;
  readonly now: number;
}

/** One message for one device. */
export interface OutgoingMessage {
  readonly deviceId: number;
  readonly registrationId: number;
  readonly type: EnvelopeType;
  readonly body: Uint8Array;
  /** UUIDv7 that it gets if it is stored. */
  readonly guid: string;
}

/** A fan-out to an account. */
export interface SendRequest {
  readonly account: string;
  /** 16 bytes. */
  readonly sendId: Uint8Array;
  /** The sender's clock, handed on. */
  readonly timestamp: number;
  /** True where not every device need be addressed. */
  readonly partial: boolean;
  /** Over everything that the sender determined. */
  readonly requestHash: Uint8Array;
  readonly messages: readonly OutgoingMessage[];
}

/** A stored fan-out; `deposited` are the devices that have new mail. */
export interface SendResult {
  readonly accepted: number;
  readonly deposited: readonly number[];
}

/** A message in a mailbox. */
export interface StoredEnvelope {
  readonly seq: number;
  readonly guid: string;
  readonly sourceAccount: string;
  readonly sourceDevice: number;
  readonly type: EnvelopeType;
  readonly body: Uint8Array;
  readonly timestamp: number;
  readonly serverTime: number;
}

/** A part of a mailbox, ascending. */
export interface MailboxPage {
  readonly envelopes: readonly StoredEnvelope[];
  readonly more: boolean;
}

/** One relay's data. */
export interface RelayStore {
  /** Null where the account has no such device, or no longer. */
  credentials(account: string, deviceId: number): Promise<DeviceCredentials | null>;
  /** The stored manifest, encoded; null where there is none. */
  storedManifest(account: string): Promise<Uint8Array | null>;

  /** Repeating a registration changes nothing. 409 `account-exists` where the account has another manifest. */
  register(registration: Registration): Promise<void>;
  /** Uses up the nonce of a request that needs nothing else. */
  admit(caller: Caller): Promise<void>;
  /** Uses up the nonce of a request that is refused for what is stored. */
  spendNonce(caller: Caller): Promise<void>;
  manifest(caller: Caller, account: string): Promise<Uint8Array>;
  /** Adds and removes devices as the manifest says. `removed`: numbers of the devices whose sockets must go. */
  replaceManifest(caller: Caller, manifest: ManifestRecord): Promise<{ readonly removed: readonly number[] }>;
  uploadKeys(caller: Caller, keys: StoredKeys): Promise<void>;
  keyCounts(caller: Caller): Promise<KeyCounts>;
  takeBundle(caller: Caller, account: string, deviceId: number): Promise<Bundle>;
  send(caller: Caller, request: SendRequest): Promise<SendResult>;
  mailbox(caller: Caller, after: number, limit: number): Promise<MailboxPage>;
  acknowledge(caller: Caller, seq: number): Promise<void>;

  /** Whether another connection to the file has committed since this was asked last; true the first time. */
  changedElsewhere(): Promise<boolean>;
  /** False where the device was removed. */
  isLive(dev: number): Promise<boolean>;
  /** A page for a socket of the device; null where the device was removed. */
  readMailbox(dev: number, after: number, limit: number, bytes: number): Promise<MailboxPage | null>;
  /** An acknowledgement that came over a socket of the device. */
  acknowledgePushed(dev: number, seq: number): Promise<void>;

  /** Deletes some of what is out of date; true where there may be more. */
  expire(now: number): Promise<boolean>;
  close(): Promise<void>;
}
