/**
 * Messages with one bit changed.
 *
 * @spec 12-interop §3
 * Owns: which bits of a message are authenticated, so that every flip of one must be refused. Pure.
 */
import { ProtobufReader } from '../../protocol/codec/protobuf.ts';

/** Fields of a prekey message. Those around them are hints that nothing authenticates. */
const INNER_MESSAGE = 4;
const KEM_CIPHERTEXT = 8;
/** Length of the version byte in front of the fields. */
const VERSION_BYTES = 1;

/** What travels: a message of a session, of either form, or one of a group. */
export type Form = 'prekey' | 'message' | 'group';

/** Where the value of a field lies in a prekey message, null where there is none. */
function fieldRange(body: Uint8Array, wanted: number): readonly [number, number] | null {
  const fields = Uint8Array.from(body.subarray(VERSION_BYTES));
  const reader = new ProtobufReader(fields, 'prekey-message');
  while (reader.next()) {
    if (reader.field !== wanted) reader.skip();
    else {
      const value = reader.bytes('prekey-message');
      const start = VERSION_BYTES + value.byteOffset;
      return [start, start + value.length];
    }
  }
  return null;
}

/** Where every bit counts. @req IOP-04 A classical handshake has no ciphertext. */
function authenticated(body: Uint8Array, form: Form, kem: boolean): readonly [number, number] {
  if (form !== 'prekey') return [0, body.length];
  const range = (kem ? fieldRange(body, KEM_CIPHERTEXT) : null) ?? fieldRange(body, INNER_MESSAGE);
  if (range === null) throw new Error('a prekey message without a message');
  return range;
}

/** A copy with one bit flipped; `at` is any number below 2^32. */
export function flipBit(body: Uint8Array, form: Form, at: number, kem: boolean): Uint8Array {
  const [start, end] = authenticated(body, form, kem);
  const bit = at % ((end - start) * 8);
  const copy = Uint8Array.from(body);
  const index = start + (bit >>> 3);
  copy[index] = (copy[index] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
