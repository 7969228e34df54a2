/**
 * Reading published vector files of the Wycheproof shape, with the number of cases pinned.
 *
 * @spec 01-keys
 * Owns: flattening groups, the pin. Must not know: what a case means.
 */
import { fromHex } from '../../protocol/bytes/bytes.ts';
import { externalVectors } from '../support/external-vectors.ts';

/** One case: hex strings by name, next to what Wycheproof says of it. */
export interface VectorCase {
  readonly tcId: number;
  readonly result?: 'valid' | 'invalid' | 'acceptable';
  readonly flags?: readonly string[];
  readonly comment?: string;
  readonly [name: string]: unknown;
}

/** A case together with what its group says of all its cases. */
export interface GroupedCase {
  readonly group: Readonly<Record<string, unknown>>;
  readonly vector: VectorCase;
}

interface VectorFile {
  readonly testGroups: readonly { readonly tests: readonly VectorCase[]; readonly [name: string]: unknown }[];
}

/** All cases of a file, which must be exactly `expected`; null where the folder is missing. */
export function vectorCases(path: string, expected: number): readonly GroupedCase[] | null {
  const file = externalVectors<VectorFile>(path);
  if (file === null) return null;
  const cases = file.testGroups.flatMap((group) => group.tests.map((vector) => ({ group, vector })));
  if (cases.length !== expected) throw new Error(`${path}: ${cases.length} cases instead of ${expected}`);
  return cases;
}

/** The bytes of a named hex value. */
export function hex(vector: Readonly<Record<string, unknown>>, name: string): Uint8Array {
  const value = vector[name];
  if (typeof value !== 'string') throw new Error(`vector has no ${name}`);
  return fromHex(value);
}
