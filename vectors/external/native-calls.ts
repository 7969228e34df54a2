/**
 * Which work is OpenSSL's.
 *
 * @spec 14-vectors §1
 * Owns: counting the entries into `node:crypto`, so that a native answer is one that was seen to be, not one that should be.
 * Must not know: vectors. The count holds for the process: nothing else may compute beside it.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

const CALLS = [
  'hash',
  'createHash',
  'createHmac',
  'hkdfSync',
  'createCipheriv',
  'createDecipheriv',
  'diffieHellman',
  'createPublicKey',
  'verify',
  'encapsulate',
  'decapsulate',
] as const;

/** A function of `node:crypto` that computes something. */
export type NativeCall = (typeof CALLS)[number];

const counts = new Map<NativeCall, number>();

/** Puts a counter in front of each function, once. */
function watch(): void {
  const functions = crypto as unknown as Record<NativeCall, (...args: unknown[]) => unknown>;
  for (const name of CALLS) {
    const original = functions[name];
    counts.set(name, 0);
    functions[name] = (...args) => {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return original(...args);
    };
  }
  syncBuiltinESMExports();
}

/** How often any of the functions was called so far. */
export function nativeCalls(names: readonly NativeCall[]): number {
  if (counts.size === 0) watch();
  return names.reduce((sum, name) => sum + (counts.get(name) ?? 0), 0);
}
