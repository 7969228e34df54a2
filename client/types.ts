/**
 * What a device is given and what it tells.
 *
 * @spec 07-devices §1
 * Owns: the shapes of the public interface. Must not know: how any of it is done.
 */
import type { CryptoProvider, RandomSource } from '../protocol/crypto/provider.ts';
import type { ProtocolError } from '../protocol/errors.ts';
import type { SuiteName } from '../protocol/handshake/suites.ts';
import type { Protected } from '../protocol/session/protection.ts';
import type { MessageType, PqRatchetPolicy, SessionInfo } from '../protocol/session/session.ts';
import type { Clock } from './clock.ts';
import type { RelayConnector } from './relay/transport.ts';
import type { Store } from './store/store.ts';
import type { Witness } from './store/witness.ts';

/** Figures of a device; all have defaults (limits.ts). Times in milliseconds. */
export interface DeviceLimits {
  /** A new signed prekey after this long: 2 days. */
  readonly signedPreKeyAge: number;
  /** A new last-resort KEM prekey after this long: 7 days. */
  readonly lastResortKemAge: number;
  /** A replaced prekey is deleted after this long: 30 days. */
  readonly preKeyGrace: number;
  /** One-time keys are refilled when the relay holds fewer: 20. */
  readonly oneTimeLow: number;
  /** How many one-time keys are made at once: 100, the relay's limit. */
  readonly oneTimeBatch: number;
  /** Private one-time keys kept; the oldest go first: 5,000. */
  readonly oneTimeKept: number;
  /** Sessions begun without a one-time key, or on the last-resort KEM prekey, after which both shared prekeys are replaced: 100. */
  readonly sharedKeySessions: number;
  /** Sessions that one remote device may begin at once: 10. */
  readonly sessionBurst: number;
  /** After which one more is allowed: an hour. */
  readonly sessionInterval: number;
  /** Refused envelopes of one device, within an hour, that raise an alert: 100. */
  readonly failureAlert: number;
  /** Messages waiting for one account that the relay has not accepted yet: 1,000. */
  readonly outboxKept: number;
  /** Sent messages kept, with their text, for devices that could not decrypt them: 100; none turns resending off. */
  readonly resendKept: number;
  /** After which they are forgotten: a day. */
  readonly resendAge: number;
}

/** Everything a device takes from outside. */
export interface DeviceOptions {
  readonly provider: CryptoProvider;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly store: Store;
  readonly witness: Witness;
  readonly relay: RelayConnector;
  /** The policy: suites it speaks, the hybrid default alone unless told otherwise. */
  readonly suites?: readonly SuiteName[];
  /** Whether sessions must run the post-quantum ratchet: `required` unless told otherwise. */
  readonly pqRatchet?: PqRatchetPolicy;
  readonly limits?: Partial<DeviceLimits>;
  /** Called synchronously. What it throws is ignored. */
  readonly onEvent?: (event: DeviceEvent) => void;
  /** Receives at most one line a minute about refused envelopes. */
  readonly log?: (line: string) => void;
}

/** What an application should know of. */
export type DeviceEvent =
  | { readonly type: 'message'; readonly id: string }
  | { readonly type: 'connected' }
  | { readonly type: 'queueEmpty' }
  /** 4401: this device was removed; 4409: a newer connection of this device took over. */
  | { readonly type: 'closed'; readonly code: number; readonly final: boolean }
  | { readonly type: 'accountPinned'; readonly account: string }
  | { readonly type: 'deviceAdded'; readonly account: string; readonly deviceId: number; readonly name: string }
  | { readonly type: 'deviceRemoved'; readonly account: string; readonly deviceId: number }
  /** The relay offers another account key, or a device the account never certified: nothing was accepted. */
  | { readonly type: 'identityChanged'; readonly account: string; readonly deviceId: number | null }
  | { readonly type: 'manifestRefused'; readonly account: string; readonly reason: string }
  | { readonly type: 'decryptFailureAlert'; readonly peer: string; readonly count: number }
  | { readonly type: 'sessionRateLimited'; readonly peer: string }
  /** The post-quantum ratchet of the session refuses what the peer sends: the next message to it begins a new session. */
  | { readonly type: 'sessionStalled'; readonly account: string; readonly deviceId: number }
  /** A message from this device could not be decrypted: it was asked to send it again. */
  | { readonly type: 'resendRequested'; readonly account: string; readonly deviceId: number }
  /** This device could not decrypt: so many messages go there again. */
  | { readonly type: 'sentAgain'; readonly account: string; readonly deviceId: number; readonly messages: number }
  /** A session was begun on keys that others may have had too: the relay had, or gave, no one-time key. */
  | {
      readonly type: 'sharedKeySession';
      readonly account: string;
      readonly deviceId: number;
      readonly noOneTimeKey: boolean;
      readonly lastResortKem: boolean;
    }
  /** A message came on a session that its sender had left for a newer one: late, or from a copy of the sender's older state. */
  | { readonly type: 'oldSessionUsed'; readonly account: string; readonly deviceId: number }
  | { readonly type: 'recordDamaged'; readonly peer: string; readonly reason: string }
  | { readonly type: 'rollbackDetected'; readonly generation: number; readonly witnessed: number }
  | { readonly type: 'keysRotated'; readonly signedPreKeyId: number; readonly kemPreKeyId: number | null }
  | { readonly type: 'keysRefilled'; readonly oneTime: number; readonly oneTimeKem: number }
  | { readonly type: 'sendFailed'; readonly messageId: string; readonly account: string; readonly reason: string }
  /** This own device got no copy of a message, or a repetition: its session or its bundle is not good. Null: none of them did. */
  | { readonly type: 'copyFailed'; readonly deviceId: number | null; readonly reason: string }
  /** Work in the background failed and will be tried again. */
  | { readonly type: 'backgroundError'; readonly reason: string };

/** One envelope that the relay accepted, and what its keys owe to a KEM. */
export interface SentEnvelope extends Protected {
  readonly account: string;
  readonly deviceId: number;
  readonly type: MessageType;
  /** Length of its body. */
  readonly bytes: number;
}

/** One correction on the way: 409 or 410, with the devices that the relay named. */
export interface Repair {
  readonly status: 409 | 410;
  readonly account: string;
  readonly missing: readonly number[];
  readonly extra: readonly number[];
  readonly stale: readonly number[];
}

/**
 * What became of a message. `queued`: it is stored, and goes out with {@link Device.flush} or the next connection; sending it
 * again would send it twice. Where `send` rejects instead, it was not stored and will not go out.
 */
export interface SendResult {
  readonly messageId: string;
  readonly status: 'sent' | 'queued';
  readonly envelopes: readonly SentEnvelope[];
  readonly repairs: readonly Repair[];
  /** Why it is queued. */
  readonly reason: string | null;
}

/** A decrypted message, kept until {@link Device.discard}, and what its keys owed to a KEM. */
export interface InboxMessage extends Protected {
  /** Key of the entry, ascending in the order of decryption. */
  readonly id: string;
  /** The sender's id of the message, 32 hex digits: the same on all devices. */
  readonly messageId: string;
  readonly sourceAccount: string;
  readonly sourceDevice: number;
  readonly kind: 'text' | 'bytes';
  readonly body: Uint8Array;
  /** The sender's clock, milliseconds since 1970. */
  readonly sentAt: number;
  readonly receivedAt: number;
  /** For a copy of what this account sent from another device: to whom. Otherwise null. */
  readonly sentTo: string | null;
}

/** What became of an envelope. Every one of these may be acknowledged. */
export type Receipt =
  | { readonly status: 'delivered'; readonly id: string }
  | { readonly status: 'duplicate' }
  /** A request to send again, and how many messages are queued for it. */
  | { readonly status: 'sentAgain'; readonly messages: number }
  | { readonly status: 'refused'; readonly error: ProtocolError };

/** What a device tells about itself: counters and ids, no key. */
export interface DeviceStatus {
  readonly account: string;
  readonly deviceId: number;
  readonly registrationId: number;
  readonly manifestVersion: number;
  readonly devices: readonly { readonly deviceId: number; readonly name: string }[];
  /** The signed prekey in use; null before the first upload. */
  readonly signedPreKeyId: number | null;
  readonly kemPreKeyId: number | null;
  /** Private one-time keys held. */
  readonly oneTimePreKeys: number;
  readonly oneTimeKemPreKeys: number;
  /** Sessions begun by others without a one-time key, or on the last-resort KEM prekey, since the last rotation. */
  readonly sharedKeySessions: number;
  readonly generation: number;
  readonly queued: number;
  readonly unread: number;
  /** By address, `account.device`. */
  readonly sessions: Readonly<Record<string, SessionInfo>>;
  /** Since the device was opened. */
  readonly refused: number;
  readonly duplicates: number;
}
