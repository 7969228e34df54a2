/**
 * The doctor's inputs: bytes from files and standard input, never from the command line, where others can read them.
 *
 * @spec 16-doctor §1
 * Owns: `@file`, `@-`, hex or raw bytes, lengths. Must not know: what the bytes mean.
 */
import { readFileSync } from 'node:fs';
import { bytesOf } from '../driver/hex.ts';

/** Wrong usage: its message says which option, and what to do. */
export class InputError extends Error {}

function readAll(option: string, value: string): Buffer {
  // @req DOC-01
  if (!value.startsWith('@') || value.length === 1) {
    throw new InputError(
      `--${option} takes @file, or @- for standard input: what stands on a command line is not secret.`,
    );
  }
  const path = value.slice(1);
  try {
    return readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    throw new InputError(`--${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The bytes of an input: hex (white space and case do not matter), or else the file as it is. */
export function readInput(option: string, value: string): Uint8Array {
  const raw = readAll(option, value);
  const text = raw.toString('latin1').replace(/\s+/g, '').toLowerCase();
  if (text.length === 0) throw new InputError(`--${option}: ${value} is empty.`);
  if (/^[0-9a-f]+$/.test(text)) {
    if (text.length % 2 === 1) throw new InputError(`--${option}: ${value} has an odd number of hex digits.`);
    return bytesOf(text);
  }
  return new Uint8Array(raw);
}

/** One of the lengths that an input may have, and what it is then. */
export interface Shape {
  readonly length: number;
  readonly what: string;
}

/** What may have a type byte in front, as on Signal's wire; a secret, a seed and coins have none. */
const TYPED: readonly string[] = ['public', 'private', 'ciphertext'];

/** Bytes of a given shape; the type byte in front of a key or ciphertext is taken off. */
export function withShape(option: string, bytes: Uint8Array, shapes: readonly Shape[], hint = ''): Uint8Array {
  if (shapes.some(({ length }) => length === bytes.length)) return bytes;
  const typed = TYPED.includes(option) && (bytes[0] === 0x08 || bytes[0] === 0x0a);
  if (typed && shapes.some(({ length }) => length === bytes.length - 1)) return bytes.subarray(1);
  // @req DOC-02
  const wanted = shapes.map(({ length, what }) => `${length} (${what})`).join(' or ');
  throw new InputError(`--${option}: ${bytes.length} bytes, where ${wanted} are wanted${hint}.`);
}
