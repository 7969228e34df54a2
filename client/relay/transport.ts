/**
 * What a device asks of a relay.
 *
 * @spec 07-devices §5
 * Owns: the interface between a device and any relay, its errors. Bytes are bytes here, whatever the wire makes of them.
 * Must not know: HTTP, sessions. Whatever a relay says is a claim: the device verifies it (manifest-trust.ts).
 */
import type { EnvelopeType } from '../../protocol/codec/relay-api.ts';
import type { AuthKeyPair, CryptoProvider, RandomSource } from '../../protocol/crypto/provider.ts';
import type { PreKeyBundle } from '../../protocol/handshake/bundle.ts';
import type { Clock } from '../clock.ts';

/** A public one-time prekey: EC, 33 bytes. */
export interface UploadedPreKey {
  readonly id: number;
  readonly publicKey: Uint8Array;
}

/** A public signed prekey: EC 33 bytes or KEM 1569 bytes, signature 64 bytes. */
export interface UploadedSignedPreKey extends UploadedPreKey {
  readonly signature: Uint8Array;
}

/** Keys to publish; null leaves unchanged. */
export interface KeyUpload {
  readonly signedPreKey: UploadedSignedPreKey | null;
  readonly lastResortKem: UploadedSignedPreKey | null;
  /** At most 100. */
  readonly oneTime: readonly UploadedPreKey[];
  /** At most 100. */
  readonly oneTimeKem: readonly UploadedSignedPreKey[];
  /** Those that the relay has go first. */
  readonly replaceOneTime?: true;
}

/** What a relay still holds of a device's keys. */
export interface KeyCounts {
  readonly oneTime: number;
  readonly oneTimeKem: number;
  readonly signedPreKeyId: number | null;
  readonly lastResortKemId: number | null;
}

/** One encrypted message for one device. */
export interface OutgoingMessage {
  readonly deviceId: number;
  readonly registrationId: number;
  readonly type: EnvelopeType;
  readonly body: Uint8Array;
}

/** A fan-out to one account. */
export interface OutgoingFanOut {
  /** 16 bytes: repeated with the same content, it is one fan-out. */
  readonly sendId: Uint8Array;
  /** This device's clock, milliseconds since 1970; handed on in clear. */
  readonly timestamp: number;
  /** True where the messages are not for every device of the account. */
  readonly partial: boolean;
  readonly messages: readonly OutgoingMessage[];
}

/** How a relay answers a fan-out: all of it accepted, or none. */
export type SendOutcome =
  | { readonly kind: 'accepted' }
  /** 409: the account's devices are others than were addressed. */
  | { readonly kind: 'mismatch'; readonly missing: readonly number[]; readonly extra: readonly number[] }
  /** 410: these devices registered anew. */
  | { readonly kind: 'stale'; readonly stale: readonly number[] };

/** A message as a relay delivers it. */
export interface Envelope {
  /** Ascending per mailbox; acknowledged cumulatively. */
  readonly seq: number;
  /** The relay's name for it, unique. */
  readonly guid: string;
  /** Account of the sender, the relay's word until it is decrypted. */
  readonly sourceAccount: string;
  readonly sourceDevice: number;
  readonly type: EnvelopeType;
  readonly body: Uint8Array;
  /** The sender's clock, milliseconds since 1970: the relay's word. */
  readonly timestamp: number;
  /** Milliseconds since 1970, the relay's word. */
  readonly serverTime: number;
}

/** A part of the mailbox. */
export interface MailboxPage {
  readonly envelopes: readonly Envelope[];
  readonly more: boolean;
}

/** What a live connection tells. `onEnvelope` is called in order, and not again before its promise settled. */
export interface ConnectionHandlers {
  /** Acknowledged when it resolves; the connection starts over when it rejects. */
  onEnvelope(envelope: Envelope): Promise<void>;
  /** After every successful connect, once what had been waiting was delivered. */
  onQueueEmpty(): void;
  /** After every successful connect, at once. */
  onConnected(): void;
  /** `final`: 4401 revoked, 4409 displaced by a newer connection; otherwise it reconnects by itself. */
  onClosed(code: number, final: boolean): void;
}

/** A live connection. */
export interface RelayConnection {
  /** Closes and waits until the envelope in work, if any, is done. */
  close(): Promise<void>;
}

/** One relay, as one device uses it. Every method rejects with a {@link RelayError} where the relay refuses or is not there. */
export interface RelayTransport {
  /** Registers the account of a first manifest. @throws {RelayError} 409 where it exists. */
  register(manifest: Uint8Array, keys: KeyUpload): Promise<void>;
  /** Publishes keys. @throws {RelayError} 422 for a one-time key id that it has already. */
  putKeys(keys: KeyUpload): Promise<void>;
  /** What it still has of this device's keys. */
  keyCounts(): Promise<KeyCounts>;
  /** An encoded signed manifest, or null where there is no such account. */
  fetchManifest(account: string): Promise<Uint8Array | null>;
  /** @throws {RelayError} 409 where it is not the successor of the stored one. */
  putManifest(manifest: Uint8Array): Promise<void>;
  /** Takes one bundle; null where there is no such device, or it has no keys yet. */
  takeBundle(account: string, deviceId: number): Promise<PreKeyBundle | null>;
  /** Repeating a fan-out under its send id delivers once. */
  send(account: string, fanOut: OutgoingFanOut): Promise<SendOutcome>;
  /** At most `limit` envelopes behind `after`, ascending. */
  fetchMailbox(after: number, limit: number): Promise<MailboxPage>;
  /** Acknowledges everything up to `seq`. */
  acknowledge(seq: number): Promise<void>;
  /** Opens a live connection, which reconnects by itself until closed. */
  connect(handlers: ConnectionHandlers): RelayConnection;
}

/** Who speaks to the relay. */
export interface RelayCredentials {
  /** UUID, lower case. */
  readonly account: string;
  readonly deviceId: number;
  readonly authKey: AuthKeyPair;
  readonly provider: CryptoProvider;
  readonly random: RandomSource;
  readonly clock: Clock;
}

/** Makes the transport of a device, once its credentials are known. */
export type RelayConnector = (credentials: RelayCredentials) => RelayTransport;

/** A relay refused, or could not be reached. Holds no key, no body and no address. */
export class RelayError extends Error {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** The relay's slug, or `unreachable`. */
  readonly reason: string;

  constructor(status: number, reason: string) {
    super(`relay ${status}: ${reason}`);
    this.name = 'RelayError';
    this.status = status;
    this.reason = reason;
  }

  /** True where the same request may succeed later. */
  get transient(): boolean {
    return this.status === 0 || this.status === 401 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** True for a relay's failure that may pass. */
export function isTransient(error: unknown): boolean {
  return error instanceof RelayError && error.transient;
}
