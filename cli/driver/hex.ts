/**
 * Hex, as requests and answers carry bytes.
 *
 * @spec 11-driver §2
 * Owns: that hex is lower-case and whole. Must not know: what the bytes are. Runs on megabytes, hence Node's own conversion.
 */
import { Buffer } from 'node:buffer';

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** True for lower-case hex of whole bytes, the empty string included. */
export function isHex(text: string): boolean {
  return text.length % 2 === 0 && !/[^0-9a-f]/.test(text);
}

/** The bytes of a text that {@link isHex} accepts. */
export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}
