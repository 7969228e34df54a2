/**
 * Fixed-layout reading and writing, for records that never leave the device.
 *
 * @spec 05-sessions §2
 * Owns: bounds checks. Must not know: what is stored.
 */
import { ProtocolError } from '../errors.ts';

/** Appends fields to a growing buffer. */
export class ByteWriter {
  #buffer = new Uint8Array(512);
  #length = 0;

  #reserve(count: number): number {
    const start = this.#length;
    const needed = start + count;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, start));
      this.#buffer.fill(0);
      this.#buffer = grown;
    }
    this.#length = needed;
    return start;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
    return this;
  }

  /** Big-endian unsigned 32-bit. */
  u32(value: number): this {
    const at = this.#reserve(4);
    this.#buffer[at] = value >>> 24;
    this.#buffer[at + 1] = value >>> 16;
    this.#buffer[at + 2] = value >>> 8;
    this.#buffer[at + 3] = value;
    return this;
  }

  /** A whole number below 2^53, as two 32-bit halves. */
  u53(value: number): this {
    return this.u32(Math.floor(value / 0x1_0000_0000)).u32(value >>> 0);
  }

  /** Bytes whose length the reader knows. */
  fixed(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** Bytes behind their 32-bit length. */
  sized(bytes: Uint8Array): this {
    return this.u32(bytes.length).fixed(bytes);
  }

  /** The bytes written; the writer's own buffer, which may hold secrets, is erased. */
  finish(): Uint8Array {
    const out = this.#buffer.slice(0, this.#length);
    this.#buffer.fill(0);
    this.#length = 0;
    return out;
  }
}

/**
 * Reads what {@link ByteWriter} wrote.
 * @throws {ProtocolError} `InvalidState`/`record-truncated` past the end, naming the record kind.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #kind: string;
  #at = 0;

  constructor(bytes: Uint8Array, kind: string) {
    this.#bytes = bytes;
    this.#kind = kind;
  }

  #take(count: number): number {
    const start = this.#at;
    if (count > this.#bytes.length - start)
      throw new ProtocolError('InvalidState', 'parse', 'record-truncated', this.#kind);
    this.#at = start + count;
    return start;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  u32(): number {
    const at = this.#take(4);
    const b = this.#bytes;
    return (
      (((b[at] as number) << 24) |
        ((b[at + 1] as number) << 16) |
        ((b[at + 2] as number) << 8) |
        (b[at + 3] as number)) >>>
      0
    );
  }

  u53(): number {
    const high = this.u32();
    if (high > 0x1f_ffff) throw new ProtocolError('InvalidState', 'parse', 'record-malformed', this.#kind);
    return high * 0x1_0000_0000 + this.u32();
  }

  /** A copy of the next `length` bytes. */
  fixed(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  sized(): Uint8Array {
    return this.fixed(this.u32());
  }

  /** @throws {ProtocolError} `InvalidState`/`record-trailing-bytes` unless everything was read. */
  end(): void {
    if (this.#at !== this.#bytes.length)
      throw new ProtocolError('InvalidState', 'parse', 'record-trailing-bytes', this.#kind);
  }
}
