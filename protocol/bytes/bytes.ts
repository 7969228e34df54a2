/**
 * Byte strings: join, compare, copy, hex and UTF-8.
 *
 * @spec 00-conventions §2
 * Owns: the only comparison of bytes in the project, and the copy that every byte string from outside passes through.
 * Must not know: keys or messages.
 */
import { ProtocolError } from '../errors.ts';

/** The empty byte string. */
export const EMPTY = new Uint8Array(0);

/** Joins byte strings into one new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Compares two byte strings without leaving early at the first difference; different lengths differ (CNV-01). */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** True if every byte is zero; looks at all of them. */
export function isAllZero(bytes: Uint8Array): boolean {
  let seen = 0;
  for (let i = 0; i < bytes.length; i++) seen |= bytes[i] as number;
  return seen === 0;
}

/**
 * Copies bytes that come from outside, so that no later change of the caller's buffer is seen.
 *
 * Accepts any `Uint8Array` (a Node `Buffer` too, pooled or not); refuses shared memory and detached buffers, which could
 * change or vanish between check and use (CNV-02, PAR-05). The result is a plain `Uint8Array` over memory of its own.
 * @throws {ProtocolError} `InvalidArgument` naming `field`.
 */
export function copyInput(value: unknown, field: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new ProtocolError('InvalidArgument', 'parse', 'not-bytes', field);
  const { buffer } = value;
  if (!(buffer instanceof ArrayBuffer)) throw new ProtocolError('InvalidArgument', 'parse', 'shared-memory', field);
  if (buffer.detached) throw new ProtocolError('InvalidArgument', 'parse', 'detached-buffer', field);
  const copy = new Uint8Array(value.length);
  copy.set(value);
  return copy;
}

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += HEX[byte];
  return out;
}

/**
 * Reads hex of either case.
 * @throws {ProtocolError} `InvalidArgument` on an odd length or a character outside 0-9, a-f, A-F.
 */
export function fromHex(hex: string, field = 'hex'): Uint8Array {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex))
    throw new ProtocolError('InvalidArgument', 'parse', 'not-hex', field);
  const out = new Uint8Array(hex.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return out;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 bytes of a string. A lone surrogate has no UTF-8 form and becomes U+FFFD: check names before, see `codec/address.ts`. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * Strict UTF-8: overlong forms, surrogates and truncated sequences are refused.
 * @throws {ProtocolError} `InvalidMessage` naming `field`.
 */
export function fromUtf8(bytes: Uint8Array, field: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ProtocolError('InvalidMessage', 'parse', 'bad-utf8', field);
  }
}

/** Big-endian unsigned 16-bit. */
export function be16(value: number): Uint8Array {
  return Uint8Array.of((value >>> 8) & 0xff, value & 0xff);
}

/** Big-endian unsigned 32-bit. */
export function be32(value: number): Uint8Array {
  return Uint8Array.of((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** Big-endian unsigned 64-bit, of a whole number below 2^53. */
export function be64(value: number): Uint8Array {
  return concat(be32(Math.floor(value / 0x1_0000_0000)), be32(value % 0x1_0000_0000));
}
