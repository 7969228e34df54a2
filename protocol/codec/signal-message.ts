/**
 * SignalMessage: one message of a session.
 *
 * @spec 04-messages §4
 * Owns: version byte, fields, where the MAC stands. Must not know: the MAC key, whether a version is welcome.
 */
import { concat } from '../bytes/bytes.ts';
import { ProtocolError } from '../errors.ts';
import { decodePublicKey, encodePublicKey } from './keys.ts';
import { copyMessage, ProtobufReader, ProtobufWriter, required } from './protobuf.ts';

/** Bytes of the MAC at the end of a message. */
const MESSAGE_MAC_BYTES = 8;
/** Versions that the parser takes: 3 (X3DH) and 4 (PQXDH). */
const OLDEST_VERSION = 3;
const NEWEST_VERSION = 4;
/** Low nibble of a version byte that is written; ignored in one that is read. */
const VERSION_LOW_NIBBLE = 4;

/** The content of a message. */
export interface SignalMessage {
  /** Session version, 3 or 4. */
  readonly version: number;
  /** The sender's current ratchet key, raw, 32 bytes. */
  readonly ratchetKey: Uint8Array;
  /** Index in the sending chain, below 2^32. */
  readonly counter: number;
  /** Sent for the field's sake, never used on receipt. */
  readonly previousCounter: number;
  readonly ciphertext: Uint8Array;
  /** Payload of a post-quantum ratchet; empty without one. */
  readonly pqRatchet: Uint8Array;
  /** 36 bytes as sent (a peer may send any length), or null. */
  readonly addresses: Uint8Array | null;
}

/** A parsed message: `authenticated` ‖ `mac` are exactly the bytes that arrived, unknown fields included. */
export interface ParsedSignalMessage extends SignalMessage {
  /** All but the last 8 bytes. */
  readonly authenticated: Uint8Array;
  /** The last 8 bytes. */
  readonly mac: Uint8Array;
}

/** The first byte of a message. */
export function encodeVersion(version: number): Uint8Array {
  if (version < OLDEST_VERSION || version > NEWEST_VERSION) throw new TypeError('unknown session version');
  return Uint8Array.of((version << 4) | VERSION_LOW_NIBBLE);
}

/**
 * The session version in the first byte of a message; the low nibble means nothing.
 * @throws {ProtocolError} `UnsupportedVersion`: `version-too-old` below 3, `version-unrecognised` above 4.
 */
export function decodeVersion(byte: number): number {
  const version = byte >>> 4;
  // @req MSG-12
  if (version < OLDEST_VERSION) throw new ProtocolError('UnsupportedVersion', 'parse', 'version-too-old', 'version');
  if (version > NEWEST_VERSION)
    throw new ProtocolError('UnsupportedVersion', 'parse', 'version-unrecognised', 'version');
  return version;
}

/** Version byte ‖ protobuf, ready to be authenticated; the MAC goes behind it. */
export function encodeSignalMessage(message: SignalMessage): Uint8Array {
  const writer = new ProtobufWriter();
  // @req MSG-11
  writer.bytes(1, encodePublicKey(message.ratchetKey));
  writer.uint32(2, message.counter);
  writer.uint32(3, message.previousCounter);
  writer.bytes(4, message.ciphertext);
  if (message.pqRatchet.length > 0) writer.bytes(5, message.pqRatchet);
  if (message.addresses !== null) writer.bytes(6, message.addresses);
  return concat(encodeVersion(message.version), writer.finish());
}

function readFields(protobuf: Uint8Array): Omit<SignalMessage, 'version'> {
  const reader = new ProtobufReader(protobuf, 'signalMessage');
  let ratchetKey: Uint8Array | null = null;
  let counter: number | null = null;
  let previousCounter = 0;
  let ciphertext: Uint8Array | null = null;
  let pqRatchet = protobuf.subarray(0, 0);
  let addresses: Uint8Array | null = null;
  while (reader.next()) {
    if (reader.field === 1) ratchetKey = reader.bytes('ratchetKey');
    else if (reader.field === 2) counter = reader.uint32('counter');
    else if (reader.field === 3) previousCounter = reader.uint32('previousCounter');
    else if (reader.field === 4) ciphertext = reader.bytes('ciphertext');
    else if (reader.field === 5) pqRatchet = reader.bytes('pqRatchet');
    else if (reader.field === 6) addresses = reader.bytes('addresses');
    else reader.skip();
  }
  // @req MSG-13
  return {
    counter: required(counter, 'counter'),
    previousCounter,
    ciphertext: required(ciphertext, 'ciphertext'),
    pqRatchet,
    addresses,
    ratchetKey: decodePublicKey(required(ratchetKey, 'ratchetKey'), 'ratchetKey'),
  };
}

/**
 * Parses a complete message: version byte, protobuf, MAC; at least 9 bytes. Nothing is authenticated here.
 * @throws {ProtocolError} `InvalidMessage`: `too-short`, `too-long`, `missing-field`, and what `ProtobufReader` refuses;
 * `UnsupportedVersion`; `InvalidKey` for the ratchet key (33 bytes, type `05`, canonical).
 */
export function parseSignalMessage(bytes: Uint8Array): ParsedSignalMessage {
  const copy = copyMessage(bytes, 'signalMessage');
  const macAt = copy.length - MESSAGE_MAC_BYTES;
  // @req MSG-13
  if (macAt < 1) throw new ProtocolError('InvalidMessage', 'parse', 'too-short', 'signalMessage');
  const version = decodeVersion(copy[0] as number);
  const fields = readFields(copy.subarray(1, macAt));
  // @req MSG-14
  return { version, ...fields, authenticated: copy.subarray(0, macAt), mac: copy.subarray(macAt) };
}
