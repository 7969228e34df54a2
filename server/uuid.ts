/**
 * Names of envelopes.
 *
 * @spec 06-relay §7
 * Owns: UUIDv7 (RFC 9562 §5.7). Must not know: clocks, what is named.
 */
import { toHex } from '../protocol/bytes/bytes.ts';
import type { RandomSource } from '../protocol/crypto/provider.ts';

/** A UUID of version 7: 48 bits of milliseconds, 74 random bits. */
export function uuidV7(now: number, random: RandomSource): string {
  const bytes = random(16);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint32(0, Math.floor(now / 0x1_0000));
  view.setUint16(4, now % 0x1_0000);
  view.setUint8(6, (view.getUint8(6) & 0x0f) | 0x70);
  view.setUint8(8, (view.getUint8(8) & 0x3f) | 0x80);
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
