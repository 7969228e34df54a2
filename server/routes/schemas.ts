/**
 * What the relay accepts, field by field.
 *
 * @spec 06-relay §2
 * Owns: shapes, lengths and ranges of everything in a body, path or query; unknown fields are refused (RLY-02).
 * Must not know: what any of it is for. A value that passes is bytes, numbers and checked strings.
 */
import { z } from '@hono/zod-openapi';
import { fromBase64Url } from '../../protocol/codec/base64.ts';
import {
  ENVELOPE_TYPES,
  MAX_ENVELOPES_PER_PAGE,
  MAX_KEYS_PER_UPLOAD,
  SEND_ID_BYTES,
} from '../../protocol/codec/relay-api.ts';
import { SIGNATURE_BYTES } from '../../protocol/crypto/provider.ts';
import { MAX_DEVICE_ID, MAX_REGISTRATION_ID } from '../../protocol/limits.ts';

/** Longest key in wire form that any known KEM has, with room; the exact length is the codec's to check. */
const MAX_KEY_BYTES = 2048;
/** A manifest of 127 devices with the longest names. */
const MAX_MANIFEST_BYTES = 32_768;
const MAX_UINT32 = 0xffff_ffff;

/** Base64url of at most `most` bytes, as bytes. */
function bytes(most: number, least = 1) {
  const longest = Math.ceil((most * 4) / 3);
  return z
    .string()
    .max(longest)
    .transform((text, context) => {
      try {
        const decoded = fromBase64Url(text);
        if (decoded.length >= least && decoded.length <= most) return decoded;
      } catch {
        // Reported below, without the text.
      }
      context.addIssue({ code: 'custom', message: 'not base64url of the right length' });
      return z.NEVER;
    });
}

const keyId = z.int().min(0).max(MAX_UINT32);
const deviceId = z.int().min(1).max(MAX_DEVICE_ID);
const preKey = z.strictObject({ id: keyId, publicKey: bytes(MAX_KEY_BYTES) });
const signedPreKey = z.strictObject({ ...preKey.shape, signature: bytes(SIGNATURE_BYTES, SIGNATURE_BYTES) });

/** KeyUploadBody. */
export const keyUpload = z.strictObject({
  signedPreKey: signedPreKey.nullable(),
  lastResortKem: signedPreKey.nullable(),
  oneTime: z.array(preKey).max(MAX_KEYS_PER_UPLOAD),
  oneTimeKem: z.array(signedPreKey).max(MAX_KEYS_PER_UPLOAD),
  replaceOneTime: z.literal(true).optional(),
});

/** ManifestBody. */
export const manifestBody = z.strictObject({ manifest: bytes(MAX_MANIFEST_BYTES) });

/** RegistrationBody. */
export const registration = z.strictObject({ manifest: bytes(MAX_MANIFEST_BYTES), keys: keyUpload });

const message = z.strictObject({
  deviceId,
  registrationId: z.int().min(1).max(MAX_REGISTRATION_ID),
  type: z.enum(ENVELOPE_TYPES),
  body: bytes(2 * 1024 * 1024),
});

/** SendBody; that a body is short enough is said by its own status, 413. */
export const sendBody = z.strictObject({
  sendId: bytes(SEND_ID_BYTES, SEND_ID_BYTES),
  timestamp: z.int().min(0),
  partial: z.boolean(),
  messages: z.array(message).max(MAX_DEVICE_ID),
});

/** AckBody. */
export const ackBody = z.strictObject({ seq: z.int().min(1) });

/** Every name of a field in a body: no other name of a request is ever repeated in an answer. */
export const FIELD_NAMES: ReadonlySet<string> = new Set(
  [preKey, signedPreKey, keyUpload, manifestBody, registration, message, sendBody, ackBody].flatMap(({ shape }) =>
    Object.keys(shape),
  ),
);

/** An account in a path: its one spelling. */
export const accountParam = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);

function decimal(least: number, most: number) {
  return z
    .string()
    .regex(/^(0|[1-9][0-9]{0,15})$/)
    .transform(Number)
    .pipe(z.int().min(least).max(most));
}

/** A device id in a path. */
export const deviceParam = decimal(1, MAX_DEVICE_ID);

/** Query of a mailbox. */
export const mailboxQuery = z.strictObject({
  after: decimal(0, Number.MAX_SAFE_INTEGER).optional(),
  limit: decimal(1, MAX_ENVELOPES_PER_PAGE).optional(),
});

const text = z.string();
const whole = z.int();
const signedKeyAnswer = z.object({ id: whole, publicKey: text, signature: text });

/** Answers, for the description of the interface; the types of relay-api.ts are what the code is checked against. */
export const answers = {
  health: z.object({ ok: z.literal(true) }),
  registration: z.object({ account: text }),
  manifest: z.object({ manifest: text }),
  keyCounts: z.object({
    oneTime: whole,
    oneTimeKem: whole,
    signedPreKeyId: whole.nullable(),
    lastResortKemId: whole.nullable(),
  }),
  bundle: z.object({
    registrationId: whole,
    deviceId: whole,
    identityKey: text,
    signedPreKey: signedKeyAnswer,
    oneTimePreKey: z.object({ id: whole, publicKey: text }).nullable(),
    kemPreKey: signedKeyAnswer.nullable(),
    kemIsLastResort: z.boolean(),
  }),
  send: z.object({ accepted: whole }),
  mailbox: z.object({
    envelopes: z.array(
      z.object({
        seq: whole,
        guid: text,
        sourceAccount: text,
        sourceDevice: whole,
        type: z.enum(ENVELOPE_TYPES),
        body: text,
        timestamp: whole,
        serverTime: whole,
      }),
    ),
    more: z.boolean(),
  }),
};
