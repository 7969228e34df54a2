/**
 * What relay and client say to each other: the JSON bodies of the relay's interface, version 1.
 *
 * @spec 06-relay §2
 * Owns: the shapes, and the few constants that both ends must agree on. Bytes travel as base64url without padding.
 * Must not know: how either end checks or stores them. A type here is a claim about the other side, never a check.
 */
import type { ErrorCode } from '../errors.ts';

/** Bytes, as base64url without padding. */
export type Base64Url = string;

/** WebSocket subprotocol that the relay selects; the second one offered is the signature token. */
export const SOCKET_PROTOCOL = 'pawl.v1';
/** Close code: this device is not, or no longer, in its account's manifest. Final. */
export const CLOSE_REVOKED = 4401;
/** Close code: a newer socket of the same device took over. */
export const CLOSE_DISPLACED = 4409;
/** Close code: a frame of the client was not understood, or acknowledged what was never sent. */
export const CLOSE_BAD_FRAME = 4400;
/** Most one-time keys of each kind in one upload. */
export const MAX_KEYS_PER_UPLOAD = 100;
/** Most envelopes in one page of a mailbox. */
export const MAX_ENVELOPES_PER_PAGE = 100;
/** Length of a send id, in bytes. */
export const SEND_ID_BYTES = 16;

/** A public one-time prekey: EC, 33 bytes in wire form. */
export interface PreKeyBody {
  readonly id: number;
  readonly publicKey: Base64Url;
}

/** A public signed prekey: EC (33 bytes) or KEM (type byte and raw key), XEdDSA by the device over that wire form (64 bytes). */
export interface SignedPreKeyBody extends PreKeyBody {
  readonly signature: Base64Url;
}

/**
 * `PUT /v1/keys`; null leaves the stored key as it is. One-time keys are added to those stored; with `replaceOneTime`, those
 * stored are deleted first: for a device that may not have their private halves any more.
 */
export interface KeyUploadBody {
  readonly signedPreKey: SignedPreKeyBody | null;
  readonly lastResortKem: SignedPreKeyBody | null;
  readonly oneTime: readonly PreKeyBody[];
  readonly oneTimeKem: readonly SignedPreKeyBody[];
  readonly replaceOneTime?: true;
}

/** Answer of `GET /v1/keys`. */
export interface KeyCountsBody {
  readonly oneTime: number;
  readonly oneTimeKem: number;
  readonly signedPreKeyId: number | null;
  readonly lastResortKemId: number | null;
}

/** `POST /v1/accounts`: a manifest of version 1 with exactly device 1, and its first keys with a signed prekey. */
export interface RegistrationBody {
  readonly manifest: Base64Url;
  readonly keys: KeyUploadBody;
}

/** 201 to a registration. */
export interface RegistrationAnswer {
  readonly account: string;
}

/** `PUT /v1/manifest`, and the answer of `GET /v1/accounts/:account/manifest`: an encoded SignedManifest. */
export interface ManifestBody {
  readonly manifest: Base64Url;
}

/** Answer of `POST /v1/accounts/:account/devices/:device/bundle`. */
export interface BundleBody {
  readonly registrationId: number;
  readonly deviceId: number;
  /** Wire form, 33 bytes. */
  readonly identityKey: Base64Url;
  readonly signedPreKey: SignedPreKeyBody;
  readonly oneTimePreKey: PreKeyBody | null;
  readonly kemPreKey: SignedPreKeyBody | null;
  /** True where `kemPreKey` is the one that others get too. */
  readonly kemIsLastResort: boolean;
}

/** Kinds of message: two encrypted ones, and the plaintext in which a device says that it could not decrypt one. */
export const ENVELOPE_TYPES = ['prekey', 'message', 'plaintext'] as const;
export type EnvelopeType = (typeof ENVELOPE_TYPES)[number];

/** One encrypted message for one device; `body` at most 96 KiB. */
export interface OutgoingMessageBody {
  readonly deviceId: number;
  readonly registrationId: number;
  readonly type: EnvelopeType;
  readonly body: Base64Url;
}

/** `PUT /v1/messages/:account`: one message for every active device, the sending one excluded; `partial`: for some of them. */
export interface SendBody {
  /** 16 bytes, kept by the sender until it is answered. */
  readonly sendId: Base64Url;
  /** The sender's clock, milliseconds since 1970; a recipient who cannot decrypt names the message by it. */
  readonly timestamp: number;
  readonly partial: boolean;
  readonly messages: readonly OutgoingMessageBody[];
}

/** 200 to a send: durably stored. */
export interface SendAnswer {
  readonly accepted: number;
}

/** A stored message on its way to its device. */
export interface EnvelopeBody {
  /** 1, 2, … per device. */
  readonly seq: number;
  /** UUIDv7. */
  readonly guid: string;
  readonly sourceAccount: string;
  readonly sourceDevice: number;
  readonly type: EnvelopeType;
  readonly body: Base64Url;
  /** The sender's clock, as it was sent. */
  readonly timestamp: number;
  /** Milliseconds since 1970. */
  readonly serverTime: number;
}

/** Answer of `GET /v1/mailbox?after=…&limit=…`. */
export interface MailboxBody {
  readonly envelopes: readonly EnvelopeBody[];
  readonly more: boolean;
}

/** `POST /v1/mailbox/ack`: everything up to `seq` may go. */
export interface AckBody {
  readonly seq: number;
}

/** Frames of the relay on the socket. `queue_empty` comes once a connection, when what had been waiting was sent. */
export type ServerFrame =
  | { readonly type: 'envelope'; readonly envelope: EnvelopeBody }
  | { readonly type: 'queue_empty' };

/** Frames of the client on the socket. */
export type ClientFrame = { readonly type: 'ack' } & AckBody;

/** What the socket's token holds: base64url of this as JSON, the headers of the signed upgrade. */
export interface SocketToken {
  readonly 'signature-input': string;
  readonly signature: string;
}

/**
 * Every refusal. `missing` and `extra` come with 409 `device-mismatch` (devices to add and to leave out), `stale` with 410
 * `stale-device` (devices that registered anew under their id).
 */
export interface ErrorBody {
  readonly error: { readonly code: ErrorCode; readonly reason: string; readonly field?: string };
  readonly missing?: readonly number[];
  readonly extra?: readonly number[];
  readonly stale?: readonly number[];
}
