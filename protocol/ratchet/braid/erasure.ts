/**
 * The erasure code: a message of N rows of 32 bytes becomes any number of 32-byte chunks, any N of which give it back.
 *
 * @spec 08-braid §4
 * Owns: encoding and decoding over GF(2^16). Must not know: what is sent, and whether it is authentic: a wrong chunk gives a
 * wrong message, which the MACs and the hash above catch.
 */
import { invert, multiply } from './gf16.ts';

/** Bytes of one chunk: 16 elements of 2 bytes, big-endian, one for each column. */
export const CHUNK_BYTES = 32;
const COLUMNS = CHUNK_BYTES / 2;
const CHUNK_INDICES = 0x1_0000;

/** One chunk: the value of all 16 column polynomials at `index`. */
export interface Chunk {
  readonly index: number;
  readonly data: Uint8Array;
}

/** A message on its way out: its bytes and how many chunks have left. */
export interface Encoder {
  readonly message: Uint8Array;
  readonly sent: number;
}

/** A message on its way in: `rows` are needed, `chunks` are held, ascending by index. */
export interface Decoder {
  readonly rows: number;
  readonly chunks: readonly Chunk[];
}

function element(row: Uint8Array, column: number): number {
  return ((row[2 * column] as number) << 8) | (row[2 * column + 1] as number);
}

/** Lagrange coefficients of the points `xs` at `x`, which is none of them. Subtraction is XOR. */
function coefficients(xs: readonly number[], x: number): number[] {
  let all = 1;
  for (const point of xs) all = multiply(all, x ^ point);
  return xs.map((point) => {
    let denominator = x ^ point;
    for (const other of xs) if (other !== point) denominator = multiply(denominator, point ^ other);
    return multiply(all, invert(denominator));
  });
}

/** The row at `x` of the polynomials through the given rows. */
function interpolate(xs: readonly number[], rows: readonly Uint8Array[], x: number): Uint8Array {
  const weights = coefficients(xs, x);
  const out = new Uint8Array(CHUNK_BYTES);
  for (let column = 0; column < COLUMNS; column++) {
    let sum = 0;
    for (const [k, row] of rows.entries()) sum ^= multiply(weights[k] as number, element(row, column));
    out[2 * column] = sum >>> 8;
    out[2 * column + 1] = sum & 0xff;
  }
  return out;
}

/** Begins to send a message of whole rows. */
export function startEncoder(message: Uint8Array): Encoder {
  if (message.length === 0 || message.length % CHUNK_BYTES !== 0)
    throw new TypeError('a message has whole rows of 32 bytes');
  return { message, sent: 0 };
}

/** The chunk at an index (BRD-07): a row of the message itself below N, an interpolated one above. */
export function chunkAt(message: Uint8Array, index: number): Uint8Array {
  const count = message.length / CHUNK_BYTES;
  const row = (k: number) => message.subarray(k * CHUNK_BYTES, (k + 1) * CHUNK_BYTES);
  // @req BRD-07
  if (index < count) return row(index).slice();
  const xs = Array.from({ length: count }, (_, k) => k);
  return interpolate(xs, xs.map(row), index);
}

/** The next chunk; indices wrap after 65,535. */
export function nextChunk(encoder: Encoder): { readonly encoder: Encoder; readonly chunk: Chunk } {
  const index = encoder.sent % CHUNK_INDICES;
  return {
    encoder: { ...encoder, sent: (encoder.sent + 1) >>> 0 },
    chunk: { index, data: chunkAt(encoder.message, index) },
  };
}

/** Begins to receive a message of `bytes` bytes. */
export function startDecoder(bytes: number): Decoder {
  return { rows: bytes / CHUNK_BYTES, chunks: [] };
}

/** Takes a chunk: kept while fewer than N are held or if it is a row itself; a repeated index replaces (BRD-08). */
export function addChunk(decoder: Decoder, chunk: Chunk): Decoder {
  const held = decoder.chunks.filter((other) => other.index !== chunk.index);
  // @req BRD-08
  const repeated = held.length < decoder.chunks.length;
  if (!repeated && chunk.index >= decoder.rows && held.length >= decoder.rows) return decoder;
  return { ...decoder, chunks: [...held, chunk].sort((a, b) => a.index - b.index) };
}

/** The message once N chunks are held, else null. Uses the N smallest indices. */
export function decoded(decoder: Decoder): Uint8Array | null {
  if (decoder.chunks.length < decoder.rows) return null;
  const used = decoder.chunks.slice(0, decoder.rows);
  const xs = used.map((chunk) => chunk.index);
  const rows = used.map((chunk) => chunk.data);
  const message = new Uint8Array(decoder.rows * CHUNK_BYTES);
  for (let k = 0; k < decoder.rows; k++) {
    const at = xs.indexOf(k);
    message.set(at >= 0 ? (rows[at] as Uint8Array) : interpolate(xs, rows, k), k * CHUNK_BYTES);
  }
  return message;
}
