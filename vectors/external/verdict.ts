/**
 * What came of one published case with one provider.
 *
 * @spec 14-vectors §1
 * Owns: comparing, telling refusals from faults, and whether node answered natively or by its fallback.
 * Must not know: files, primitives.
 */
import type { z } from 'zod';
import { equalBytes, toHex } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { isProtocolError } from '../../protocol/errors.ts';
import { type NativeCall, nativeCalls } from './native-calls.ts';
import { BadFile, readShape } from './shape.ts';

/** The verdict on one case. */
export interface Verdict {
  /** tcId, or the name of the case. */
  readonly id: string;
  /** True of a case that we made from a published one. */
  readonly derived: boolean;
  /** Code and reason where the input was refused. */
  readonly refused: string | null;
  /** What was not as published; empty where all was. */
  readonly differences: readonly string[];
  /** Answers that the node provider had from OpenSSL, and refusals on the way there. */
  readonly native: number;
  /** Answers that the node provider let JavaScript compute. */
  readonly fallback: number;
}

/** A published case that is not run. */
export interface Unused {
  readonly id: string;
  readonly reason: string;
}

/** What came of a file. */
export interface Outcome {
  readonly verdicts: readonly Verdict[];
  readonly unused: readonly Unused[];
}

/** Runs the cases of a file that was read. */
export type Run = (provider: CryptoProvider) => Outcome;

/** Reads the JSON of a file. @throws {BadFile} where it has another shape. */
export type Family = (file: string, json: unknown) => Run;

/** A family of files: their shape, and how to run one. */
export function family<T>(schema: z.ZodType<T>, run: (provider: CryptoProvider, file: T) => Outcome): Family {
  return (file, json) => {
    const read = readShape(schema, file, json);
    return (provider) => run(provider, read);
  };
}

type Answer = Uint8Array | Secret | string | readonly number[];

function shown(answer: Answer): string {
  if (answer instanceof Secret) return shown(answer.expose());
  const text = answer instanceof Uint8Array ? toHex(answer) : String(answer);
  return text.length <= 64 ? text || 'nothing' : `${text.slice(0, 64)}…`;
}

function same(a: Answer, b: Answer): boolean {
  const [left, right] = [a, b].map((one) => (one instanceof Secret ? one.expose() : one));
  if (left instanceof Uint8Array && right instanceof Uint8Array) return equalBytes(left, right);
  return String(left) === String(right);
}

/** How a call ended: with a value, with a refusal, or in a way that none should. */
type Ending<T> = { readonly value: T } | { readonly refused: string } | { readonly fault: string };

function ending<T>(act: () => T): Ending<T> {
  try {
    return { value: act() };
  } catch (error) {
    if (error instanceof BadFile) throw error;
    if (isProtocolError(error)) return { refused: `${error.code} ${error.reason}` };
    // What never comes from outside is refused as a mistake of the caller.
    if (error instanceof TypeError) return { refused: 'TypeError' };
    return { fault: `threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}` };
  }
}

function failure(end: { readonly refused: string } | { readonly fault: string }): string {
  return 'refused' in end ? `refused as ${end.refused}` : end.fault;
}

/** A case being tried. `natives` are the functions of `node:crypto` one of which makes the answer OpenSSL's; none: it never is. */
export class Trial {
  readonly #provider: CryptoProvider;
  readonly differences: string[] = [];
  refused: string | null = null;
  native = 0;
  fallback = 0;

  constructor(provider: CryptoProvider) {
    this.#provider = provider;
  }

  /** What is refused before anything is computed was refused on the native way if there is one. @req VEC-02 */
  #try<T>(natives: readonly NativeCall[], act: () => T, turnsAway: (value: T) => boolean = () => false): Ending<T> {
    const before = nativeCalls(natives);
    const end = ending(act);
    if (this.#provider.name !== 'node') return end;
    const turnedAway = natives.length > 0 && ('refused' in end || ('value' in end && turnsAway(end.value)));
    if (nativeCalls(natives) > before || turnedAway) this.native++;
    else this.fallback++;
    return end;
  }

  #isSame(what: string, expected: Answer, actual: Answer): void {
    if (!same(actual, expected)) this.differences.push(`${what}: ${shown(actual)} instead of ${shown(expected)}`);
  }

  /** The answer must be the published one. Returns it, or null. */
  equal<T extends Answer>(what: string, natives: readonly NativeCall[], expected: Answer, act: () => T): T | null {
    const end = this.#try(natives, act);
    if ('value' in end) {
      this.#isSame(what, expected, end.value);
      return end.value;
    }
    this.refused = 'refused' in end ? end.refused : null;
    this.differences.push(`${what}: ${failure(end)}`);
    return null;
  }

  /** A part of an answer that was already computed must be the published one. */
  part(what: string, expected: Answer, act: () => Answer): void {
    const end = ending(act);
    if ('value' in end) this.#isSame(what, expected, end.value);
    else this.differences.push(`${what}: ${failure(end)}`);
  }

  /** The answer must not be the published one. */
  differs(what: string, natives: readonly NativeCall[], unexpected: Answer, act: () => Answer): void {
    const end = this.#try(natives, act);
    if (!('value' in end)) this.differences.push(`${what}: ${failure(end)}`);
    else if (same(end.value, unexpected)) this.differences.push(`${what}: equal, which it must not be`);
  }

  /** A signature must be taken, or must not. */
  accepts(what: string, natives: readonly NativeCall[], expected: boolean, act: () => boolean): void {
    const end = this.#try(natives, act, (accepted) => !accepted);
    if ('fault' in end) this.differences.push(`${what}: ${end.fault}`);
    else if (('value' in end && end.value) !== expected) {
      this.differences.push(`${what}: ${expected ? 'refused' : 'accepted'}`);
    }
  }

  /** The input must be refused, in one of these ways. */
  refuses(natives: readonly NativeCall[], ways: readonly string[], act: () => unknown): void {
    const end = this.#try(natives, act);
    if ('fault' in end) this.differences.push(end.fault);
    else if ('value' in end) this.differences.push('accepted instead of refused');
    else {
      this.refused = end.refused;
      if (!ways.includes(end.refused)) this.differences.push(`refused as ${end.refused}, not as ${ways.join(' or ')}`);
    }
  }

  /** Something that is no answer of a primitive must hold. */
  holds(what: string, act: () => boolean): void {
    const end = ending(act);
    if ('value' in end && end.value) return;
    const why = 'value' in end ? 'does not hold' : failure(end);
    this.differences.push(`${what}: ${why}`);
  }
}

/** The verdict on one case. */
export function judge(
  provider: CryptoProvider,
  id: string | number,
  body: (trial: Trial) => void,
  options: { readonly derived?: boolean } = {},
): Verdict {
  const trial = new Trial(provider);
  trial.holds('the case', () => {
    body(trial);
    return true;
  });
  const { differences, refused, native, fallback } = trial;
  return { id: String(id), derived: options.derived ?? false, refused, differences, native, fallback };
}
