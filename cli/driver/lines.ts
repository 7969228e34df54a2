/**
 * Bytes to lines.
 *
 * @spec 11-driver §1
 * Owns: where a line ends, how long it may be. Must not know: what a line says. A line that is too long is passed over as it
 * arrives, not kept.
 */
import { concat } from '../../protocol/bytes/bytes.ts';

/** Bytes of the longest line that is read: 64 MiB. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 0x0a;

/** A line without its line feed, or that there was one too long to read. */
export type Line = Uint8Array | 'too-long';

/** True for nothing but spaces, tabs and carriage returns. */
function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** Cuts a stream of bytes into lines; blank ones are left out (DRV-02). */
export class LineSplitter {
  readonly #limit: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(limit: number = MAX_LINE_BYTES) {
    this.#limit = limit;
  }

  #add(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#limit) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #take(): readonly Line[] {
    const [line, length] = [concat(...this.#parts), this.#length];
    this.#parts = [];
    this.#length = 0;
    // @req DRV-02
    if (length > this.#limit) return ['too-long'];
    return isBlank(line) ? [] : [line];
  }

  /** The lines that end in this chunk. */
  push(chunk: Uint8Array): readonly Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#add(chunk.subarray(start, end));
      lines.push(...this.#take());
      start = end + 1;
    }
    this.#add(chunk.slice(start));
    return lines;
  }

  /** What stands behind the last line feed. */
  end(): readonly Line[] {
    return this.#take();
  }
}
