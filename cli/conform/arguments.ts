/**
 * Arguments of a step: literal values, and what earlier answers gave.
 *
 * @spec 14-vectors §3
 * Owns: `$name`, damaged copies of named bytes. Must not know: operations.
 */
import type { Fields, Json } from './vector-file.ts';
import { VectorFault } from './vector-file.ts';

/** Answers by the names that steps gave them. */
export type Names = Map<string, Json>;

function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function named(names: Names, name: Json | undefined): Json {
  const value = typeof name === 'string' ? names.get(name) : undefined;
  if (value === undefined) throw new VectorFault(`a step uses ${JSON.stringify(name)}, which no step before it binds`);
  return value;
}

/** A copy with one bit flipped, `flipBit` counted from the beginning or, negative, from the end; or the first `cut` bytes. */
function damaged(source: Json, { flipBit, cut }: Fields): string {
  if (typeof source !== 'string') throw new VectorFault('only bytes can be damaged');
  const bytes = Buffer.from(source, 'hex');
  if (typeof cut === 'number') return bytes.subarray(0, cut).toString('hex');
  if (typeof flipBit !== 'number') throw new VectorFault('a damaged copy says neither flipBit nor cut');
  const bit = flipBit < 0 ? bytes.length * 8 + flipBit : flipBit;
  bytes[bit >>> 3] = (bytes[bit >>> 3] as number) ^ (1 << (bit & 7));
  return bytes.toString('hex');
}

/** A value with every name replaced. @throws {VectorFault} for a name that no step has bound. */
export function resolve(value: Json, names: Names): Json {
  if (typeof value === 'string') return value.startsWith('$') ? named(names, value) : value;
  if (Array.isArray(value)) return value.map((entry: Json) => resolve(entry, names));
  if (!isRecord(value)) return value;
  if (Object.hasOwn(value, 'damage')) return damaged(named(names, value.damage), value);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, resolve(entry, names)]));
}
