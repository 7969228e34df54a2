/**
 * What a relay answers, checked.
 *
 * @spec 07-devices §5, 06-relay §2
 * Owns: the shape of every answer before anybody looks into it. Must not know: requests.
 */
import { fromBase64Url } from '../../protocol/codec/base64.ts';
import { isProtocolError, ProtocolError } from '../../protocol/errors.ts';
import type { PreKeyBundle } from '../../protocol/handshake/bundle.ts';
import { MAX_DEVICE_ID, MAX_ENVELOPE_BYTES } from '../../protocol/limits.ts';
import { type Envelope, type KeyCounts, type MailboxPage, RelayError, type SendOutcome } from './transport.ts';

function malformed(field: string): ProtocolError {
  return new ProtocolError('InvalidMessage', 'parse', 'relay-answer-malformed', field);
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown, field: string): Fields {
  // @req DEV-28
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(field);
  return value as Fields;
}

function own(object: Fields, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function whole(object: Fields, name: string, high = Number.MAX_SAFE_INTEGER): number {
  const value = own(object, name);
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > high) throw malformed(name);
  return value;
}

function text(object: Fields, name: string, longest = 256): string {
  const value = own(object, name);
  if (typeof value !== 'string' || value.length > longest) throw malformed(name);
  return value;
}

function bytes(object: Fields, name: string, longest: number): Uint8Array {
  try {
    return fromBase64Url(text(object, name, Math.ceil((longest * 4) / 3)), name);
  } catch (error) {
    throw isProtocolError(error) ? malformed(name) : error;
  }
}

function list(object: Fields, name: string, longest: number): readonly unknown[] {
  const value = own(object, name);
  if (!Array.isArray(value) || value.length > longest) throw malformed(name);
  return value;
}

const MAX_KEY_BYTES = 4096;
const MAX_MANIFEST_BYTES = 64 * 1024;
const MAX_PAGE = 1000;
const MAX_ID = 0xffff_ffff;

export function readCounts(body: unknown): KeyCounts {
  const answer = fields(body, 'keys');
  const id = (name: string) => (own(answer, name) === null ? null : whole(answer, name, MAX_ID));
  return {
    oneTime: whole(answer, 'oneTime'),
    oneTimeKem: whole(answer, 'oneTimeKem'),
    signedPreKeyId: id('signedPreKeyId'),
    lastResortKemId: id('lastResortKemId'),
  };
}

export function readManifest(body: unknown): Uint8Array {
  return bytes(fields(body, 'manifest'), 'manifest', MAX_MANIFEST_BYTES);
}

function readKey(value: unknown, field: string): { id: number; publicKey: Uint8Array } {
  const key = fields(value, field);
  return { id: whole(key, 'id', MAX_ID), publicKey: bytes(key, 'publicKey', MAX_KEY_BYTES) };
}

function readSignedKey(value: unknown, field: string): { id: number; publicKey: Uint8Array; signature: Uint8Array } {
  return { ...readKey(value, field), signature: bytes(fields(value, field), 'signature', MAX_KEY_BYTES) };
}

/** Keys and signatures are judged where the bundle is processed. */
export function readBundle(body: unknown): PreKeyBundle {
  const answer = fields(body, 'bundle');
  const signed = readSignedKey(own(answer, 'signedPreKey'), 'signedPreKey');
  const oneTime = own(answer, 'oneTimePreKey');
  const kem = own(answer, 'kemPreKey');
  return {
    registrationId: whole(answer, 'registrationId', MAX_ID),
    deviceId: whole(answer, 'deviceId', MAX_DEVICE_ID),
    identityKey: bytes(answer, 'identityKey', MAX_KEY_BYTES),
    signedPreKeyId: signed.id,
    signedPreKey: signed.publicKey,
    signedPreKeySignature: signed.signature,
    oneTimePreKey: oneTime === null ? null : readKey(oneTime, 'oneTimePreKey'),
    kemPreKey: kem === null ? null : readSignedKey(kem, 'kemPreKey'),
  };
}

function deviceIds(body: Fields, name: string): number[] {
  return list(body, name, MAX_DEVICE_ID).map((id) => whole({ id }, 'id', MAX_DEVICE_ID));
}

/** The outcome of a send: 200 with the number `accepted`; 409 with `missing` and `extra`; 410 with `stale`. */
export function readSend(status: number, body: unknown, reason: string, sent: number): SendOutcome {
  const answer = fields(body, 'send');
  if (status === 200) {
    // Anybody on the way can answer 200, a proxy's login page for one: a message counts as stored where the relay says so.
    if (whole(answer, 'accepted') !== sent) throw malformed('accepted');
    return { kind: 'accepted' };
  }
  if (status === 410) return { kind: 'stale', stale: deviceIds(answer, 'stale') };
  if (own(answer, 'missing') === undefined) throw new RelayError(status, reason);
  return { kind: 'mismatch', missing: deviceIds(answer, 'missing'), extra: deviceIds(answer, 'extra') };
}

export function readEnvelope(value: unknown): Envelope {
  const envelope = fields(value, 'envelope');
  const type = text(envelope, 'type');
  return {
    seq: whole(envelope, 'seq'),
    guid: text(envelope, 'guid'),
    sourceAccount: text(envelope, 'sourceAccount'),
    sourceDevice: whole(envelope, 'sourceDevice', MAX_DEVICE_ID),
    // Any other type is refused where the envelope is taken in.
    type: type as Envelope['type'],
    body: bytes(envelope, 'body', MAX_ENVELOPE_BYTES),
    timestamp: whole(envelope, 'timestamp'),
    serverTime: whole(envelope, 'serverTime'),
  };
}

export function readPage(body: unknown): MailboxPage {
  const page = fields(body, 'mailbox');
  return { envelopes: list(page, 'envelopes', MAX_PAGE).map(readEnvelope), more: own(page, 'more') === true };
}
