/**
 * What a device answers that could not decrypt: DecryptionErrorMessage, and PlaintextContent around it.
 *
 * @spec 04-messages §8
 * Owns: both encodings, and which ratchet key names the message that failed.
 * Must not know: sessions, whether anything is sent again. Both travel unencrypted: whatever they say is a hint.
 */
import { concat } from '../bytes/bytes.ts';
import { ProtocolError } from '../errors.ts';
import { decodePublicKey, encodePublicKey } from './keys.ts';
import { parsePreKeySignalMessage } from './prekey-message.ts';
import { copyMessage, ProtobufReader, ProtobufWriter, required } from './protobuf.ts';
import { parseSignalMessage } from './signal-message.ts';

/** First byte of a PlaintextContent; no version byte of an encrypted message has it. */
const PLAINTEXT_CONTENT = 0xc0;
/** Last byte of a PlaintextContent: where padding would begin. */
const PADDING_BOUNDARY = 0x80;
/** The field of `Content` that holds a DecryptionErrorMessage; it may hold no other. */
const DECRYPTION_ERROR_FIELD = 8;

/** Kinds of messages that fail to decrypt. */
export type FailedMessageType = 'message' | 'prekey' | 'senderkey';

/** Which message could not be decrypted. */
export interface DecryptionErrorMessage {
  /** The failed message's ratchet key, raw, 32 bytes; null where it had none, as group messages have. */
  readonly ratchetKey: Uint8Array | null;
  /** When the failed message was sent, milliseconds since 1970, below 2^53. */
  readonly timestamp: number;
  /** The device that sent the failed message. */
  readonly deviceId: number;
}

/** The bytes of a DecryptionErrorMessage. */
export function encodeDecryptionError(error: DecryptionErrorMessage): Uint8Array {
  const writer = new ProtobufWriter();
  // @req MSG-27
  if (error.ratchetKey !== null) writer.bytes(1, encodePublicKey(error.ratchetKey));
  return writer.uint53(2, error.timestamp).uint32(3, error.deviceId).finish();
}

/**
 * Parses a DecryptionErrorMessage.
 * @throws {ProtocolError} `InvalidMessage`: `too-long`, `missing-field` (timestamp), `value-out-of-range` (a timestamp of 2^53 or
 * more), and what `ProtobufReader` refuses; `InvalidKey` for the ratchet key (33 bytes, type `05`, canonical).
 */
export function parseDecryptionError(bytes: Uint8Array): DecryptionErrorMessage {
  const reader = new ProtobufReader(copyMessage(bytes, 'decryptionError'), 'decryptionError');
  let ratchetKey: Uint8Array | null = null;
  let timestamp: number | null = null;
  let deviceId = 0;
  while (reader.next()) {
    if (reader.field === 1) ratchetKey = reader.bytes('ratchetKey');
    else if (reader.field === 2) timestamp = reader.uint53('timestamp');
    else if (reader.field === 3) deviceId = reader.uint32('deviceId');
    else reader.skip();
  }
  // @req MSG-28
  return {
    ratchetKey: ratchetKey === null ? null : decodePublicKey(ratchetKey, 'ratchetKey'),
    timestamp: required(timestamp, 'timestamp'),
    deviceId,
  };
}

function ratchetKeyOf(type: FailedMessageType, body: Uint8Array): Uint8Array | null {
  if (type === 'senderkey') return null;
  // @req MSG-29
  return parseSignalMessage(type === 'message' ? body : parsePreKeySignalMessage(body).message).ratchetKey;
}

/**
 * The error message for one that failed to decrypt.
 * @param timestamp when it was sent, as its envelope says
 * @param deviceId the device that sent it
 * @throws {ProtocolError} what its parser refuses: what is no message gets no answer.
 */
export function decryptionErrorFor(
  failed: { readonly type: FailedMessageType; readonly body: Uint8Array },
  timestamp: number,
  deviceId: number,
): DecryptionErrorMessage {
  return { ratchetKey: ratchetKeyOf(failed.type, failed.body), timestamp, deviceId };
}

/** The PlaintextContent around an error: `C0`, Content with field 8 alone, `80`. */
export function encodePlaintextContent(error: DecryptionErrorMessage): Uint8Array {
  const content = new ProtobufWriter().bytes(DECRYPTION_ERROR_FIELD, encodeDecryptionError(error)).finish();
  return concat(Uint8Array.of(PLAINTEXT_CONTENT), content, Uint8Array.of(PADDING_BOUNDARY));
}

/**
 * Reads a PlaintextContent and gives back the error in it, never anything else: other fields of `Content` are what a message
 * says, and a message is encrypted.
 * @throws {ProtocolError} `InvalidMessage`: `too-short` (2 bytes), `too-long`, `not-plaintext-content`, `bad-padding`,
 * `missing-field`, and what `parseDecryptionError` refuses.
 */
export function parsePlaintextContent(bytes: Uint8Array): DecryptionErrorMessage {
  const copy = copyMessage(bytes, 'plaintextContent');
  const fail = (reason: string) => new ProtocolError('InvalidMessage', 'parse', reason, 'plaintextContent');
  // @req MSG-30
  if (copy.length < 2) throw fail('too-short');
  if (copy[0] !== PLAINTEXT_CONTENT) throw fail('not-plaintext-content');
  if (copy.at(-1) !== PADDING_BOUNDARY) throw fail('bad-padding');
  const reader = new ProtobufReader(copy.subarray(1, -1), 'plaintextContent');
  let error: Uint8Array | null = null;
  while (reader.next()) {
    if (reader.field === DECRYPTION_ERROR_FIELD) error = reader.bytes('decryptionError');
    else reader.skip();
  }
  return parseDecryptionError(required(error, 'decryptionError'));
}
