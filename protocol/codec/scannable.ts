/**
 * Scannable fingerprint: what a safety number's code holds.
 *
 * @spec 10-fingerprints §2
 * Owns: the one encoding. Must not know: how a half is computed, what it means that two agree.
 */
import { ProtocolError } from '../errors.ts';
import { copyMessage, ProtobufReader, ProtobufWriter, required } from './protobuf.ts';

/** Bytes of one side of a code. */
export const SCANNABLE_HALF_BYTES = 32;

const STRICT = { strict: true };

/** A code as its maker sees it: `local` is the side of the device that shows it. */
export interface Scannable {
  readonly version: number;
  /** 32 bytes. */
  readonly local: Uint8Array;
  /** 32 bytes. */
  readonly remote: Uint8Array;
}

/** The bytes of a code. */
export function encodeScannable(scannable: Scannable): Uint8Array {
  return new ProtobufWriter()
    .uint32(1, scannable.version)
    .bytes(2, new ProtobufWriter().bytes(1, scannable.local).finish())
    .bytes(3, new ProtobufWriter().bytes(1, scannable.remote).finish())
    .finish();
}

function readHalf(bytes: Uint8Array, field: string): Uint8Array {
  const reader = new ProtobufReader(bytes, field, STRICT);
  let half: Uint8Array | null = null;
  while (reader.next()) {
    if (reader.field === 1) half = reader.bytes(field);
    else reader.skip();
  }
  const content = required(half, field);
  // @req FPR-06
  if (content.length !== SCANNABLE_HALF_BYTES) throw new ProtocolError('InvalidMessage', 'parse', 'bad-length', field);
  return content;
}

/**
 * Reads a code, strictly: nothing unknown, repeated, missing or behind it.
 * @throws {ProtocolError} `InvalidMessage`: `missing-field`, `bad-length` unless a side has 32 bytes, `too-long`, and what
 * a strict `ProtobufReader` refuses; `InvalidArgument` as `copyInput`.
 */
export function parseScannable(bytes: Uint8Array): Scannable {
  // @req FPR-06
  const reader = new ProtobufReader(copyMessage(bytes, 'scannable'), 'scannable', STRICT);
  let version: number | null = null;
  let local: Uint8Array | null = null;
  let remote: Uint8Array | null = null;
  while (reader.next()) {
    if (reader.field === 1) version = reader.uint32('version');
    else if (reader.field === 2) local = reader.bytes('local');
    else if (reader.field === 3) remote = reader.bytes('remote');
    else reader.skip();
  }
  return {
    version: required(version, 'version'),
    local: readHalf(required(local, 'local'), 'local'),
    remote: readHalf(required(remote, 'remote'), 'remote'),
  };
}
