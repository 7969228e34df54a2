/**
 * Protocol Buffers wire format, as much of it as the messages need.
 *
 * @spec 04-messages §1
 * Owns: varints, tags, lengths, skipping; the lenient reading of peers' messages and the strict reading of our own frames.
 * Must not know: any message. Numbers above 2^53 are never formed, so nothing loses precision on the way.
 */
import { copyInput } from '../bytes/bytes.ts';
import { ByteWriter } from '../bytes/cursor.ts';
import { ProtocolError } from '../errors.ts';
import { MAX_MESSAGE_BYTES } from '../limits.ts';

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const FIXED_32 = 5;

/** Bytes of the longest varint. */
const MAX_VARINT_BYTES = 10;
/** Unknown groups that may stand inside each other. */
const MAX_GROUP_DEPTH = 100;
const MAX_UINT32 = 0xffff_ffff;
const MAX_FIELD_NUMBER = 0x1fff_ffff;

function malformed(reason: string, field: string): ProtocolError {
  return new ProtocolError('InvalidMessage', 'parse', reason, field);
}

/**
 * The copy that every parser takes of its input before it looks at it.
 * @throws {ProtocolError} `InvalidMessage`/`too-long` above 1 MiB, before anything is copied; `InvalidArgument` as `copyInput`.
 */
export function copyMessage(value: unknown, field: string): Uint8Array {
  // @req MSG-05
  if (value instanceof Uint8Array && value.length > MAX_MESSAGE_BYTES) throw malformed('too-long', field);
  return copyInput(value, field);
}

/** The value of a required field. @throws {ProtocolError} `InvalidMessage`/`missing-field` where there was none. */
export function required<T>(value: T | null, field: string): T {
  if (value === null) throw malformed('missing-field', field);
  return value;
}

/**
 * Writes fields in ascending order; every field that is asked for is written, zero and empty values too.
 * Arguments out of order or out of range are a `TypeError`: they come from this program, never from a peer.
 */
export class ProtobufWriter {
  readonly #out = new ByteWriter();
  #last = 0;

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#out.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#out.u8(rest);
  }

  #tag(field: number, wireType: number): void {
    // @req MSG-01
    if (!Number.isInteger(field) || field < Math.max(this.#last, 1) || field > MAX_FIELD_NUMBER) {
      throw new TypeError('protobuf fields are written in ascending order');
    }
    this.#last = field;
    this.#varint(field * 8 + wireType);
  }

  /** A whole number below 2^32. */
  uint32(field: number, value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > MAX_UINT32)
      throw new TypeError('not an unsigned 32-bit number');
    return this.uint53(field, value);
  }

  /** A whole number below 2^53, for fields of type uint64. */
  uint53(field: number, value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new TypeError('not an unsigned 53-bit number');
    this.#tag(field, VARINT);
    this.#varint(value);
    return this;
  }

  /** Bytes, or the encoding of a nested message; a field number may be repeated. */
  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(value.length);
    this.#out.fixed(value);
    return this;
  }

  /** The encoding; the writer is done with. */
  finish(): Uint8Array {
    return this.#out.finish();
  }
}

/** How a {@link ProtobufReader} reads. */
export interface ReadOptions {
  /** Only the one canonical encoding: fields ascending, none unknown, none twice, shortest varints, numbers in range. */
  readonly strict: boolean;
  /** In strict reading, the one field number that may be repeated. */
  readonly repeated?: number;
}

const LENIENT: ReadOptions = { strict: false };

/**
 * Reads fields one after the other: `while (reader.next())` looks at `reader.field`, then takes the value with the method
 * of its type, or skips it. Byte strings are views of the bytes given, so these must be a copy already.
 *
 * @throws {ProtocolError} from every method, `InvalidMessage` at stage `parse`, naming the message or the field:
 * `varint-truncated`, `varint-too-long`, `bad-tag`, `field-zero`, `wrong-wire-type`, `length-past-end`, `unterminated-group`,
 * `group-mismatch`, `group-too-deep`, `value-out-of-range`; in strict reading also `varint-not-minimal`, `field-order`,
 * `unknown-field`.
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #message: string;
  readonly #strict: boolean;
  readonly #repeated: number;
  #at = 0;
  #low = 0;
  #high = 0;
  #wireType = 0;
  #field = 0;

  /** @param message the name that errors carry */
  constructor(bytes: Uint8Array, message: string, options: ReadOptions = LENIENT) {
    this.#bytes = bytes;
    this.#message = message;
    this.#strict = options.strict;
    this.#repeated = options.repeated ?? 0;
  }

  /** Number of the current field. */
  get field(): number {
    return this.#field;
  }

  /** Moves to the next field; false at the end. */
  next(): boolean {
    if (this.#at === this.#bytes.length) return false;
    const last = this.#field;
    this.#tag();
    const ascending = this.#field > last || (this.#field === last && this.#field === this.#repeated);
    // @req MSG-04
    if (this.#strict && !ascending) throw malformed('field-order', this.#message);
    return true;
  }

  /** A uint32 field: a longer varint is cut to its low 32 bits (strict: refused). */
  uint32(name: string): number {
    this.#expect(VARINT, name);
    this.#varint(name);
    // @req MSG-02, MSG-04
    if (this.#strict && this.#high !== 0) throw malformed('value-out-of-range', name);
    return this.#low;
  }

  /** A uint64 field whose value must be below 2^53. */
  uint53(name: string): number {
    this.#expect(VARINT, name);
    this.#varint(name);
    if (this.#high > 0x1f_ffff) throw malformed('value-out-of-range', name);
    return this.#high * 0x1_0000_0000 + this.#low;
  }

  /** A bytes field: a view, not a copy. */
  bytes(name: string): Uint8Array {
    this.#expect(LENGTH_DELIMITED, name);
    const length = this.#length(name);
    const start = this.#at;
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }

  /** Passes over an unknown field (strict: refuses it). */
  skip(): void {
    // @req MSG-02, MSG-04
    if (this.#strict) throw malformed('unknown-field', this.#message);
    if (this.#wireType === START_GROUP) this.#skipGroup(this.#field);
    else this.#skipValue();
  }

  #expect(wireType: number, name: string): void {
    // @req MSG-03
    if (this.#wireType !== wireType) throw malformed('wrong-wire-type', name);
  }

  #varint(name: string): void {
    const bytes = this.#bytes;
    let low = 0;
    let high = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (this.#at === bytes.length) throw malformed('varint-truncated', name);
      const byte = bytes[this.#at++] as number;
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (i === MAX_VARINT_BYTES - 1 && bits > 1) throw malformed('varint-too-long', name);
      else high |= bits << (7 * i - 32);
      if (byte < 0x80) {
        if (this.#strict && byte === 0 && i > 0) throw malformed('varint-not-minimal', name);
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    // @req MSG-03
    throw malformed('varint-too-long', name);
  }

  #tag(): void {
    this.#varint(this.#message);
    if (this.#high !== 0) throw malformed('bad-tag', this.#message);
    this.#field = this.#low >>> 3;
    this.#wireType = this.#low & 7;
    if (this.#wireType > FIXED_32) throw malformed('bad-tag', this.#message);
    if (this.#field === 0) throw malformed('field-zero', this.#message);
  }

  #length(name: string): number {
    this.#varint(name);
    this.#check(this.#high === 0 ? this.#low : Number.POSITIVE_INFINITY, name);
    return this.#low;
  }

  #check(count: number, name: string): void {
    if (count > this.#bytes.length - this.#at) throw malformed('length-past-end', name);
  }

  #skipValue(): void {
    let count = 0;
    if (this.#wireType === VARINT) this.#varint(this.#message);
    else if (this.#wireType === FIXED_64) count = 8;
    else if (this.#wireType === FIXED_32) count = 4;
    else if (this.#wireType === LENGTH_DELIMITED) count = this.#length(this.#message);
    else throw malformed('group-mismatch', this.#message);
    this.#check(count, this.#message);
    this.#at += count;
  }

  #skipGroup(outermost: number): void {
    const open = [outermost];
    while (open.length > 0) {
      if (this.#at === this.#bytes.length) throw malformed('unterminated-group', this.#message);
      this.#tag();
      if (this.#wireType === START_GROUP) {
        if (open.length === MAX_GROUP_DEPTH) throw malformed('group-too-deep', this.#message);
        open.push(this.#field);
      } else if (this.#wireType === END_GROUP) {
        if (open.pop() !== this.#field) throw malformed('group-mismatch', this.#message);
      } else this.#skipValue();
    }
  }
}
