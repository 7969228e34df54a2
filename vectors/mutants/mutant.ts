/**
 * What a mutant is.
 *
 * @spec 14-vectors §7
 * Owns: its shape. Must not know: single mutants, processes.
 */

/** Exact text of one source file and what stands in its place. */
export interface Change {
  /** Path from the root of the repository. */
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly text: string;
  readonly becomes: string;
}

/** One wrong implementation: this one, with a few lines changed. */
export interface Mutant {
  readonly name: string;
  /** What it does wrong, as a sentence about it. */
  readonly wrong: string;
  /** Where the mistake comes from: an attack of the catalogue, or the address of a public text or bug. */
  readonly origin: string;
  /** The family of vectors that is there to notice. */
  readonly family: string;
  readonly changes: readonly Change[];
}
