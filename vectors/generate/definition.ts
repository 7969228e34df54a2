/**
 * What an author of vectors writes down.
 *
 * @spec 14-vectors §2
 * Owns: the shapes of definitions: what is asked, and what must come of it. Must not know: how values are made.
 */

import type { Fields, Json, TestHead } from '../../cli/conform/vector-file.ts';
import { concat, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';

/** Where an invalid test comes from: an attack of the catalogue, or the address of a public bug. */
export interface Refusal {
  /** The reason that this project gives, as its slug. */
  readonly reason: string;
  /** Which check refuses: what is wrong with which value. */
  readonly check: string;
  readonly against: string;
}

interface Head {
  readonly comment: string;
  readonly flags?: readonly string[];
  readonly req: readonly string[];
  readonly verdicts?: TestHead['verdicts'];
}

/** One call. Without `refused` it must succeed; `verdict` names the field that says `false` where a call refuses so. */
export interface CallDefinition extends Head {
  readonly args: Fields;
  readonly refused?: Refusal;
  readonly trace?: boolean;
}

/** One step: it succeeds, or is refused for the reason named. */
export interface StepDefinition {
  readonly op: string;
  readonly args: Fields;
  readonly bind?: Readonly<Record<string, string>>;
  readonly refused?: string;
  readonly trace?: boolean;
  /** Fields of the answer that are recorded; all but handles unless said otherwise. */
  readonly keep?: readonly string[];
}

/** Several steps; `refused` says of which kind the refusals in it are. */
export interface SequenceDefinition extends Head {
  readonly steps: readonly StepDefinition[];
  readonly refused?: Omit<Refusal, 'reason'>;
}

export interface CallGroup {
  readonly type: string;
  readonly spec: string;
  readonly op: string;
  readonly tests: readonly CallDefinition[];
}

export interface SequenceGroup {
  readonly type: string;
  readonly spec: string;
  readonly tests: readonly SequenceDefinition[];
}

export type Notes = Readonly<Record<string, { readonly description: string; readonly links?: readonly string[] }>>;

/** One file of vectors. */
export interface Family {
  /** Name of the family and of its file. */
  readonly name: string;
  readonly algorithm: string;
  readonly header: readonly string[];
  /** A note for each flag that a test bears. */
  readonly notes: Notes;
  readonly groups: readonly (CallGroup | SequenceGroup)[];
}

/** The seed of all vectors. */
const SEED = 'pawl vectors, seed 1';

/** Bytes that anybody can make again: SHAKE256 of the seed and a name. */
export function fixed(name: string, length = 32): Uint8Array {
  return nobleProvider.shake256(utf8(`${SEED}: ${name}`), length);
}

/** The same as hex. */
export function fixedHex(name: string, length = 32): string {
  return toHex(fixed(name, length));
}

/** Bytes as arguments carry them. */
export function hex(...parts: readonly Uint8Array[]): string {
  return toHex(concat(...parts));
}

/** Hex with one bit flipped, counted from the beginning or, where negative, from the end. */
export function flipped(value: string, bit: number): string {
  const bytes = Buffer.from(value, 'hex');
  const at = bit < 0 ? bytes.length * 8 + bit : bit;
  bytes[at >>> 3] = (bytes[at >>> 3] as number) ^ (1 << (at & 7));
  return bytes.toString('hex');
}

/** Arguments with some of them replaced, or, where `undefined`, left out. */
export function change(args: Fields, changes: Readonly<Record<string, Json | undefined>>): Fields {
  const entries = Object.entries({ ...args, ...changes });
  return Object.fromEntries(entries.filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
