/**
 * What a device says inside an encrypted message.
 *
 * @spec 07-devices §4
 * Owns: the frame around the application's bytes, and the padding that hides their length.
 * Must not know: sessions, the relay.
 */
import { copyInput, fromUtf8, toHex, utf8 } from '../protocol/bytes/bytes.ts';
import { isUuid, uuidBytes } from '../protocol/codec/address.ts';
import { copyMessage, ProtobufReader, ProtobufWriter, required } from '../protocol/codec/protobuf.ts';
import { ProtocolError } from '../protocol/errors.ts';

/** Length of a message id, in bytes. */
export const MESSAGE_ID_BYTES = 16;
/** Plaintexts are one byte short of a multiple of this, in bytes. */
const PADDING_BLOCK_BYTES = 160;
/** Longest body of one message, in bytes: with frame and handshake it fits the relay's 96 KiB. */
export const MAX_BODY_BYTES = 90 * 1024;
const TERMINATOR = 0x80;

const TEXT = 1;
const BYTES = 2;

/** The content of one message. */
export interface Content {
  /** 16 bytes, drawn by the sender, the same on every device. */
  readonly messageId: Uint8Array;
  readonly kind: 'text' | 'bytes';
  /** UTF-8 where the kind is text. */
  readonly body: Uint8Array;
  /** The sender's clock, milliseconds since 1970. */
  readonly sentAt: number;
  /** Set in a copy for the sender's own devices alone: the account it was sent to, UUID in lower case. */
  readonly sentTo: string | null;
}

function pad(frame: Uint8Array): Uint8Array {
  const length = Math.ceil((frame.length + 2) / PADDING_BLOCK_BYTES) * PADDING_BLOCK_BYTES - 1;
  const padded = new Uint8Array(length);
  padded.set(frame);
  padded[frame.length] = TERMINATOR;
  return padded;
}

function unpad(padded: Uint8Array): Uint8Array {
  const end = padded.findLastIndex((byte) => byte !== 0);
  // @req DEV-11
  if (padded[end] !== TERMINATOR || (padded.length + 1) % PADDING_BLOCK_BYTES !== 0) {
    throw new ProtocolError('InvalidMessage', 'parse', 'bad-padding', 'content');
  }
  return padded.subarray(0, end);
}

/** The padded plaintext of a message. */
export function encodeContent(content: Content): Uint8Array {
  const writer = new ProtobufWriter().uint32(1, content.kind === 'text' ? TEXT : BYTES);
  writer.bytes(2, content.messageId).uint53(3, content.sentAt).bytes(4, content.body);
  if (content.sentTo !== null) writer.bytes(5, uuidBytes(content.sentTo, 'sentTo'));
  return pad(writer.finish());
}

function accountOf(bytes: Uint8Array): string {
  const account = toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  if (!isUuid(account)) throw new ProtocolError('InvalidMessage', 'parse', 'bad-length', 'sentTo');
  return account;
}

/**
 * Reads a decrypted plaintext, strictly.
 * @throws {ProtocolError} `InvalidMessage`: `bad-padding`, `bad-length`, `unknown-kind`, `bad-utf8`, or as the strict
 * protobuf reader.
 */
export function decodeContent(plaintext: Uint8Array): Content {
  const reader = new ProtobufReader(unpad(copyMessage(plaintext, 'content')), 'content', { strict: true });
  let kind: number | null = null;
  let messageId: Uint8Array | null = null;
  let sentAt: number | null = null;
  let body: Uint8Array | null = null;
  let sentTo: Uint8Array | null = null;
  while (reader.next()) {
    if (reader.field === 1) kind = reader.uint32('kind');
    else if (reader.field === 2) messageId = reader.bytes('messageId');
    else if (reader.field === 3) sentAt = reader.uint53('sentAt');
    else if (reader.field === 4) body = reader.bytes('body');
    else if (reader.field === 5) sentTo = reader.bytes('sentTo');
    else reader.skip();
  }
  const id = required(messageId, 'messageId');
  if (id.length !== MESSAGE_ID_BYTES) throw new ProtocolError('InvalidMessage', 'parse', 'bad-length', 'messageId');
  if (kind !== TEXT && kind !== BYTES) throw new ProtocolError('InvalidMessage', 'parse', 'unknown-kind', 'kind');
  const content = required(body, 'body');
  if (kind === TEXT) fromUtf8(content, 'body');
  return {
    messageId: id,
    kind: kind === TEXT ? 'text' : 'bytes',
    body: content,
    sentAt: required(sentAt, 'sentAt'),
    sentTo: sentTo === null ? null : accountOf(sentTo),
  };
}

/**
 * The bytes of what an application sends, and their kind.
 * @throws {ProtocolError} `InvalidArgument`: `bad-utf8` for a string with a lone surrogate, `too-long` above 90 KiB.
 */
export function bodyOf(value: string | Uint8Array): Pick<Content, 'kind' | 'body'> {
  const isText = typeof value === 'string';
  if (isText && !value.isWellFormed()) throw new ProtocolError('InvalidArgument', 'parse', 'bad-utf8', 'text');
  const body = isText ? utf8(value) : copyInput(value, 'body');
  if (body.length > MAX_BODY_BYTES) throw new ProtocolError('InvalidArgument', 'parse', 'too-long', 'body');
  return { kind: isText ? 'text' : 'bytes', body };
}
