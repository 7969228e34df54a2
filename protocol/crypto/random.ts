/**
 * A random source that is watched.
 *
 * @spec 01-keys §2
 * Owns: refusing a source that throws, returns short, or repeats itself (PRIM-12); whose draws a wrapped source hands out.
 * Must not know: where randomness comes from, what it is for.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { isAllZero, toHex } from '../bytes/bytes.ts';
import { ProtocolError } from '../errors.ts';
import type { RandomSource } from './provider.ts';

/** Draws shorter than this may repeat by chance and are not compared. */
const COMPARED_BYTES = 16;

const sources = new WeakMap<RandomSource, RandomSource>();

function failed(): ProtocolError {
  return new ProtocolError('InvalidState', 'state', 'randomness-failed');
}

function draw(source: RandomSource, length: number): Uint8Array {
  try {
    return source(length);
  } catch {
    throw failed();
  }
}

/** The source behind a checked one, or the source itself. */
export function rootSource(source: RandomSource): RandomSource {
  return sources.get(source) ?? source;
}

/**
 * Wraps a source for one operation.
 * @returns a source that throws `InvalidState`/`randomness-failed` when the given one throws, returns anything but the bytes
 * asked for, returns 16 or more zero bytes, or returns the same 16 or more bytes twice.
 */
export function checkedRandom(source: RandomSource): RandomSource {
  if (sources.has(source)) return source;
  // Digests, because draws become private keys and a copy kept here would outlive their erasure.
  const seen = new Set<string>();
  const checked: RandomSource = (length) => {
    const bytes = draw(source, length);
    // @req KEY-03
    if (!(bytes instanceof Uint8Array) || bytes.length !== length) throw failed();
    if (length >= COMPARED_BYTES) {
      const digest = toHex(sha256(bytes));
      if (isAllZero(bytes) || seen.has(digest)) throw failed();
      seen.add(digest);
    }
    return bytes;
  };
  sources.set(checked, source);
  return checked;
}

/**
 * A source whose draws pass through `change`, which owns them. It counts as the source behind it, so that a provider with a
 * generator of its own may still use that where the source is the system's.
 */
export function derivedRandom(source: RandomSource, change: (drawn: Uint8Array) => Uint8Array): RandomSource {
  const derived: RandomSource = (length) => change(source(length));
  sources.set(derived, rootSource(source));
  return derived;
}
