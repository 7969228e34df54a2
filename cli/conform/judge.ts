/**
 * What an answer is worth.
 *
 * @spec 14-vectors §3
 * Owns: comparing an answer with an expectation; the first difference, by its name. Must not know: processes, files.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Answer } from './driver-process.ts';
import { plainLabel, sectionOf } from './labels.ts';
import type { Expectation, Fields, Json } from './vector-file.ts';

/** The first value that is not as it should be. */
export interface Difference {
  /** A label of an intermediate value, a field of the answer, or `error`. */
  readonly what: string;
  /** Of a label: the section that defines it. What came out is defined where the test says. */
  readonly section?: string;
  readonly expected: Json;
  readonly actual: Json;
}

function compareFields(expected: Fields, actual: Fields, skip: readonly string[]): Difference | null {
  for (const [field, value] of Object.entries(expected)) {
    if (skip.includes(field)) continue;
    const answered = actual[field] ?? null;
    if (!isDeepStrictEqual(answered, value)) return { what: field, expected: value, actual: answered };
  }
  return null;
}

/** What of an answer is compared. */
interface Comparison {
  /** Of the values on the way that were asked for, those that the driver has: all, the listed, or none. */
  readonly trace: boolean | readonly string[];
  /** Fields of the answer that depend on a seed which the driver does not take. */
  readonly skip: readonly string[];
  /** Fields that may stand in the answer beside the expected ones; null: any. */
  readonly allowed: readonly string[] | null;
}

/** A field where there must be none: a key for a message that has none, a secret that the suite does not make. */
function unexpected(expected: Fields, actual: Fields, allowed: readonly string[] | null): Difference | null {
  if (allowed === null) return null;
  const what = Object.keys(actual).find((field) => !Object.hasOwn(expected, field) && !allowed.includes(field));
  return what === undefined ? null : { what, expected: null, actual: actual[what] as Json };
}

/** The labels that a driver has not announced. */
function withoutLabels(intermediate: Fields, trace: true | readonly string[]): readonly string[] {
  return trace === true ? [] : Object.keys(intermediate).filter((label) => !trace.includes(plainLabel(label)));
}

/** How many of the values on the way an answer has, of those that were expected. */
export function countGiven({ intermediate = {} }: Expectation, answer: Answer): number {
  const given = 'ok' in answer ? (answer.intermediate ?? {}) : {};
  return Object.keys(intermediate).filter((label) => Object.hasOwn(given, label)).length;
}

/**
 * Compares in the order of computation: values on the way first, then what came out.
 */
export function judge(expected: Expectation, answer: Answer, { trace, skip, allowed }: Comparison): Difference | null {
  const { ok, error, intermediate } = expected;
  if (error !== undefined) {
    if ('ok' in answer)
      return { what: 'error', expected: `${error.code} (${error.reason})`, actual: { ok: answer.ok } };
    if (answer.error.code === error.code) return null;
    return {
      what: 'error',
      expected: `${error.code} (${error.reason})`,
      actual: `${answer.error.code} (${answer.error.message})`,
    };
  }
  if ('error' in answer) {
    return { what: 'error', expected: 'no error', actual: `${answer.error.code} (${answer.error.message})` };
  }
  if (trace !== false && intermediate !== undefined) {
    const difference = compareFields(intermediate, answer.intermediate ?? {}, withoutLabels(intermediate, trace));
    const section = difference === null ? null : sectionOf(difference.what);
    if (difference !== null) return section === null ? difference : { ...difference, section };
  }
  return compareFields(ok ?? {}, answer.ok, skip) ?? unexpected(ok ?? {}, answer.ok, allowed);
}

/** By verdict alone: accepted or refused, whatever comes out. */
export function judgeVerdict(expected: 'valid' | 'invalid', answer: Answer): Difference | null {
  const accepted = 'ok' in answer && answer.ok.valid !== false;
  if (accepted === (expected === 'valid')) return null;
  const actual = accepted
    ? 'accepted'
    : 'ok' in answer
      ? 'not valid'
      : `refused: ${answer.error.code} (${answer.error.message})`;
  return { what: 'verdict', expected: expected === 'valid' ? 'accepted' : 'refused', actual };
}
