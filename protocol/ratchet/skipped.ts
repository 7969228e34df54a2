/**
 * Seeds of messages that have not arrived, for one receiving chain.
 *
 * @spec 03-ratchet §5
 * Owns: the packed list (ascending be32 index ‖ 32-byte seed), its cap and eviction.
 * Must not know: how seeds are derived. A replaced list is the caller's to wipe.
 */
import { Secret } from '../bytes/secret.ts';
import { MAX_MESSAGE_KEYS } from '../limits.ts';
import { RATCHET_KEY_BYTES } from './symmetric.ts';

const INDEX_BYTES = 4;
/** Bytes of one packed entry. */
export const SKIPPED_ENTRY_BYTES = INDEX_BYTES + RATCHET_KEY_BYTES;

/** A packed list of seeds. */
export type SkippedSeeds = Secret<'SkippedSeeds'>;

/** The empty list. */
export function noSkippedSeeds(): SkippedSeeds {
  return new Secret<'SkippedSeeds'>(new Uint8Array(0));
}

/** How many seeds are kept. */
export function skippedCount(seeds: SkippedSeeds): number {
  return seeds.length / SKIPPED_ENTRY_BYTES;
}

function indexAt(packed: Uint8Array, position: number): number {
  const at = position * SKIPPED_ENTRY_BYTES;
  return (
    (((packed[at] as number) << 24) |
      ((packed[at + 1] as number) << 16) |
      ((packed[at + 2] as number) << 8) |
      (packed[at + 3] as number)) >>>
    0
  );
}

/** True if the bytes are a list: whole entries, within the cap, their indices strictly ascending from `least` to below `end`. */
export function isSkippedSeeds(packed: Uint8Array, least: number, end: number): boolean {
  const count = packed.length / SKIPPED_ENTRY_BYTES;
  if (!Number.isInteger(count) || count > MAX_MESSAGE_KEYS) return false;
  let next = least;
  for (let i = 0; i < count; i++) {
    const index = indexAt(packed, i);
    if (index < next || index >= end) return false;
    next = index + 1;
  }
  return true;
}

/** The position of an index, or -1. Message indices are public, so the search need not hide them. */
export function findSkipped(seeds: SkippedSeeds, index: number): number {
  const packed = seeds.expose();
  let low = 0;
  let high = skippedCount(seeds) - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = indexAt(packed, middle);
    if (found === index) return middle;
    if (found < index) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** A copy of the seed at a position. */
export function seedAt(seeds: SkippedSeeds, position: number): Secret<'MessageSeed'> {
  const start = position * SKIPPED_ENTRY_BYTES + INDEX_BYTES;
  return new Secret<'MessageSeed'>(seeds.expose().slice(start, start + RATCHET_KEY_BYTES));
}

/** The list without one entry. */
export function withoutSkipped(seeds: SkippedSeeds, position: number): SkippedSeeds {
  const packed = seeds.expose();
  const rest = new Uint8Array(packed.length - SKIPPED_ENTRY_BYTES);
  rest.set(packed.subarray(0, position * SKIPPED_ENTRY_BYTES));
  rest.set(packed.subarray((position + 1) * SKIPPED_ENTRY_BYTES), position * SKIPPED_ENTRY_BYTES);
  return new Secret<'SkippedSeeds'>(rest);
}

/**
 * The list with seeds of consecutive indices from `firstIndex` behind it; the oldest go where the cap is exceeded (DRT-10).
 * `added` holds whole 32-byte seeds.
 */
export function withSkipped(seeds: SkippedSeeds, firstIndex: number, added: Uint8Array): SkippedSeeds {
  const addedCount = added.length / RATCHET_KEY_BYTES;
  // @req DRT-10
  const keptCount = Math.min(skippedCount(seeds), MAX_MESSAGE_KEYS - addedCount);
  const packed = new Uint8Array((keptCount + addedCount) * SKIPPED_ENTRY_BYTES);
  packed.set(seeds.expose().subarray(seeds.length - keptCount * SKIPPED_ENTRY_BYTES));
  const view = new DataView(packed.buffer);
  for (let i = 0; i < addedCount; i++) {
    const at = (keptCount + i) * SKIPPED_ENTRY_BYTES;
    view.setUint32(at, firstIndex + i);
    packed.set(added.subarray(i * RATCHET_KEY_BYTES, (i + 1) * RATCHET_KEY_BYTES), at + INDEX_BYTES);
  }
  return new Secret<'SkippedSeeds'>(packed);
}

/** The list without indices below `least`. */
export function skippedFrom(seeds: SkippedSeeds, least: number): SkippedSeeds {
  const packed = seeds.expose();
  let gone = 0;
  while (gone < skippedCount(seeds) && indexAt(packed, gone) < least) gone++;
  return new Secret<'SkippedSeeds'>(packed.slice(gone * SKIPPED_ENTRY_BYTES));
}
