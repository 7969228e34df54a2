/**
 * Looks for secrets in the memory of this very process.
 *
 * @spec 01-keys §7
 * Owns: remembering 32-byte secrets without holding them (masked), and reading every writable map of the process.
 * Must not know: what the secrets were for. Linux only: it reads /proc/self/{maps,pagemap,mem}.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** Length of what is looked for, in bytes. */
export const NEEDLE_BYTES = 32;
const MASK = 0x5a;
/** Where a needle is first looked at, in bytes from its start: not at the start, where packed lists and records have numbers. */
const ANCHOR = 16;
const CHUNK_BYTES = 1 << 20;
const PAGE_BYTES = 4096;
const PAGEMAP_ENTRY_BYTES = 8;

interface Needle {
  readonly label: string;
  readonly masked: Uint8Array;
}

/** Secrets to look for. Each is kept xored with a constant, so that the list itself is never found. */
export class Needles {
  readonly #byAnchor = new Map<number, Needle[]>();
  readonly #anchors = new Uint8Array(1 << 16);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Remembers the first 32 bytes; shorter secrets (an IV), all-zero ones and known ones are left out. */
  add(label: string, secret: Uint8Array): void {
    if (secret.length < NEEDLE_BYTES || secret.subarray(0, NEEDLE_BYTES).every((byte) => byte === 0)) return;
    if (this.find(secret, NEEDLE_BYTES).length > 0) return;
    const masked = new Uint8Array(NEEDLE_BYTES);
    for (let i = 0; i < NEEDLE_BYTES; i++) masked[i] = (secret[i] as number) ^ MASK;
    const anchor = anchorAt(secret, 0);
    this.#anchors[anchor] = 1;
    this.#byAnchor.set(anchor, [...(this.#byAnchor.get(anchor) ?? []), { label, masked }]);
    this.#count++;
  }

  /** Labels of the needles found in `bytes`, once for each place. */
  find(bytes: Uint8Array, length: number): string[] {
    const found: string[] = [];
    for (let at = 0; at + NEEDLE_BYTES <= length; at++) {
      const anchor = anchorAt(bytes, at);
      if (this.#anchors[anchor] === 0) continue;
      for (const { label, masked } of this.#byAnchor.get(anchor) ?? [])
        if (matches(bytes, at, masked)) found.push(label);
    }
    return found;
  }
}

function anchorAt(bytes: Uint8Array, at: number): number {
  return (bytes[at + ANCHOR] as number) | ((bytes[at + ANCHOR + 1] as number) << 8);
}

function matches(bytes: Uint8Array, at: number, masked: Uint8Array): boolean {
  for (let i = 0; i < NEEDLE_BYTES; i++) if (((bytes[at + i] as number) ^ MASK) !== masked[i]) return false;
  return true;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Pages of a map that exist: a page never touched holds nothing, and to read it would make it. */
function touchedPages(pagemap: number, { from, to }: Range): Range[] {
  const entries = new Uint8Array(((to - from) / PAGE_BYTES) * PAGEMAP_ENTRY_BYTES);
  readSome(pagemap, entries, (from / PAGE_BYTES) * PAGEMAP_ENTRY_BYTES, entries.length);
  const ranges: { from: number; to: number }[] = [];
  for (let at = from, last = PAGEMAP_ENTRY_BYTES - 1; at < to; at += PAGE_BYTES, last += PAGEMAP_ENTRY_BYTES) {
    // Bits 63 and 62: in memory, in swap.
    if (((entries[last] as number) & 0xc0) === 0) continue;
    const previous = ranges.at(-1);
    if (previous?.to === at) previous.to = at + PAGE_BYTES;
    else ranges.push({ from: at, to: at + PAGE_BYTES });
  }
  return ranges;
}

function writableMaps(): Range[] {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .map((line) => /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line))
    .flatMap((map) => (map === null ? [] : [{ from: Number(`0x${map[1]}`), to: Number(`0x${map[2]}`) }]));
}

/** Reads all writable memory; returns how much that was and the label of each place where a needle lies. */
export function scanMemory(needles: Needles): { bytes: number; found: string[] } {
  const memory = openSync('/proc/self/mem', 'r');
  const pagemap = openSync('/proc/self/pagemap', 'r');
  const chunk = new Uint8Array(CHUNK_BYTES);
  const found: string[] = [];
  let bytes = 0;
  for (const { from, to } of writableMaps().flatMap((map) => touchedPages(pagemap, map))) {
    // Chunks overlap by a needle, so that none is cut in two.
    for (let at = from; at < to; at += CHUNK_BYTES - NEEDLE_BYTES) {
      const length = readSome(memory, chunk, at, Math.min(CHUNK_BYTES, to - at));
      found.push(...needles.find(chunk, length));
      chunk.fill(0);
      bytes += length;
    }
  }
  closeSync(pagemap);
  closeSync(memory);
  return { bytes, found };
}

/** 0 where the kernel does not let the map be read. */
function readSome(file: number, into: Uint8Array, at: number, length: number): number {
  try {
    return readSync(file, into, 0, length, at);
  } catch {
    return 0;
  }
}
