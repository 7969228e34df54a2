/**
 * PreKeySignalMessage: a message that brings its handshake along.
 *
 * @spec 04-messages §5
 * Owns: version byte and fields. Must not know: prekeys, which suites are allowed. Has no MAC of its own: ids are hints.
 */
import { concat } from '../bytes/bytes.ts';
import { ProtocolError } from '../errors.ts';
import { decodePublicKey, encodePublicKey } from './keys.ts';
import { copyMessage, ProtobufReader, ProtobufWriter, required } from './protobuf.ts';
import { decodeVersion, encodeVersion } from './signal-message.ts';

/** Version from which a handshake has a KEM. */
const FIRST_KEM_VERSION = 4;

/** A handshake and the message it carries. */
export interface PreKeySignalMessage {
  /** Session version, 3 or 4, independent of the inner message's version byte. */
  readonly version: number;
  /** One-time prekey, or null where none was used. */
  readonly preKeyId: number | null;
  /** Raw, 32 bytes. */
  readonly baseKey: Uint8Array;
  /** The initiator's identity key, raw, 32 bytes. */
  readonly identityKey: Uint8Array;
  /** A complete SignalMessage, version byte and MAC included. */
  readonly message: Uint8Array;
  /** The sender's, not authenticated; 0 where the field is missing. */
  readonly registrationId: number;
  readonly signedPreKeyId: number;
  /** Null in version 3 without a KEM; both or neither with `kemCiphertext`. */
  readonly kemPreKeyId: number | null;
  /** Wire form, with its type byte; length and type are the suite's to check. */
  readonly kemCiphertext: Uint8Array | null;
}

/** Version byte ‖ protobuf, fields ascending, absent ones omitted. */
export function encodePreKeySignalMessage(message: PreKeySignalMessage): Uint8Array {
  const writer = new ProtobufWriter();
  // @req MSG-15
  if (message.preKeyId !== null) writer.uint32(1, message.preKeyId);
  writer.bytes(2, encodePublicKey(message.baseKey));
  writer.bytes(3, encodePublicKey(message.identityKey));
  writer.bytes(4, message.message);
  writer.uint32(5, message.registrationId);
  writer.uint32(6, message.signedPreKeyId);
  if (message.kemPreKeyId !== null) writer.uint32(7, message.kemPreKeyId);
  if (message.kemCiphertext !== null) writer.bytes(8, message.kemCiphertext);
  return concat(encodeVersion(message.version), writer.finish());
}

interface RawFields {
  preKeyId: number | null;
  baseKey: Uint8Array | null;
  identityKey: Uint8Array | null;
  message: Uint8Array | null;
  registrationId: number;
  signedPreKeyId: number | null;
  kemPreKeyId: number | null;
  kemCiphertext: Uint8Array | null;
}

function readFields(protobuf: Uint8Array): RawFields {
  const reader = new ProtobufReader(protobuf, 'preKeySignalMessage');
  const raw: RawFields = {
    preKeyId: null,
    baseKey: null,
    identityKey: null,
    message: null,
    registrationId: 0,
    signedPreKeyId: null,
    kemPreKeyId: null,
    kemCiphertext: null,
  };
  while (reader.next()) {
    if (reader.field === 1) raw.preKeyId = reader.uint32('preKeyId');
    else if (reader.field === 2) raw.baseKey = reader.bytes('baseKey');
    else if (reader.field === 3) raw.identityKey = reader.bytes('identityKey');
    else if (reader.field === 4) raw.message = reader.bytes('message');
    else if (reader.field === 5) raw.registrationId = reader.uint32('registrationId');
    else if (reader.field === 6) raw.signedPreKeyId = reader.uint32('signedPreKeyId');
    else if (reader.field === 7) raw.kemPreKeyId = reader.uint32('kemPreKeyId');
    else if (reader.field === 8) raw.kemCiphertext = reader.bytes('kemCiphertext');
    else reader.skip();
  }
  return raw;
}

/**
 * Parses a prekey message; the inner message is left as bytes.
 * @throws {ProtocolError} `InvalidMessage`: `too-short` (empty), `too-long`, `missing-field` (one KEM field without the other
 * and, from version 4 on, no KEM field at all are such), and what `ProtobufReader` refuses; `UnsupportedVersion`; `InvalidKey`
 * for base or identity key (33 bytes, type `05`, canonical).
 */
export function parsePreKeySignalMessage(bytes: Uint8Array): PreKeySignalMessage {
  const copy = copyMessage(bytes, 'preKeySignalMessage');
  const first = copy[0];
  if (first === undefined) throw new ProtocolError('InvalidMessage', 'parse', 'too-short', 'preKeySignalMessage');
  const version = decodeVersion(first);
  const raw = readFields(copy.subarray(1));
  const withKem = version >= FIRST_KEM_VERSION || raw.kemPreKeyId !== null || raw.kemCiphertext !== null;
  // @req MSG-16
  const kemPreKeyId = withKem ? required(raw.kemPreKeyId, 'kemPreKeyId') : null;
  const kemCiphertext = withKem ? required(raw.kemCiphertext, 'kemCiphertext') : null;
  // @req MSG-13
  const message = required(raw.message, 'message');
  const signedPreKeyId = required(raw.signedPreKeyId, 'signedPreKeyId');
  const baseKey = required(raw.baseKey, 'baseKey');
  const identityKey = required(raw.identityKey, 'identityKey');
  return {
    version,
    preKeyId: raw.preKeyId,
    baseKey: decodePublicKey(baseKey, 'baseKey'),
    identityKey: decodePublicKey(identityKey, 'identityKey'),
    message,
    registrationId: raw.registrationId,
    signedPreKeyId,
    kemPreKeyId,
    kemCiphertext,
  };
}
