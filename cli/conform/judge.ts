/**
 * What an answer is worth.
 *
 * @spec 14-vectors §3
 * Owns: comparing an answer with an expectation; the first difference, by its name. Must not know: processes, files.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Answer } from './driver-process.ts';
import type { Expectation, Fields, Json } from './vector-file.ts';
import { quoted } from './visible.ts';

/** The first value that is not as it should be. */
export interface Difference {
  /** A label of an intermediate value, a field of the answer, or `error`. */
  readonly what: string;
  readonly expected: Json;
  readonly actual: Json;
}

/** Characters of an answer that a report keeps: a driver may answer 64 MiB to every test. */
const MAX_KEPT = 100_000;

/** A difference, with as much of the answer as is kept. */
export function differing(what: string, expected: Json, actual: Json): Difference {
  const text = typeof actual === 'string' ? actual : JSON.stringify(actual);
  const kept = text.length <= MAX_KEPT ? actual : `${text.slice(0, MAX_KEPT)}… (${text.length} characters)`;
  return { what, expected, actual: kept };
}

/** The first field that must not be there, and is. */
function compareAbsent(absent: readonly string[], actual: Fields): Difference | null {
  const extra = absent.find((field) => actual[field] !== undefined);
  return extra === undefined ? null : differing(quoted(extra, 80), 'no such field', actual[extra] as Json);
}

function compareFields(expected: Fields, actual: Fields, skip: readonly string[]): Difference | null {
  for (const [field, value] of Object.entries(expected)) {
    if (skip.includes(field)) continue;
    const answered = actual[field] ?? null;
    if (!isDeepStrictEqual(answered, value)) return differing(field, value, answered);
  }
  return null;
}

/**
 * Compares in the order of computation: values on the way first, then what came out.
 * @param traced whether the driver was asked for values on the way
 * @param skip fields of the answer that depend on a seed which the driver does not take
 */
export function judge(
  expected: Expectation,
  answer: Answer,
  { traced, skip }: { readonly traced: boolean; readonly skip: readonly string[] },
): Difference | null {
  const { ok, error, intermediate, absent = [] } = expected;
  if (error !== undefined) {
    if ('ok' in answer) return differing('error', `${error.code} (${error.reason})`, { ok: answer.ok });
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
  const given = answer.intermediate ?? {};
  if (traced && intermediate !== undefined) {
    const difference = compareFields(intermediate, given, []);
    if (difference !== null) return difference;
    // @req VEC-14
    const others = Object.keys(given).filter((label) => !Object.hasOwn(intermediate, label));
    if (others.length > 0) return compareAbsent(others, given);
  }
  if (!traced && answer.intermediate !== undefined)
    return differing('intermediate', 'nothing that was not asked for', given);
  return compareFields(ok ?? {}, answer.ok, skip) ?? compareAbsent(absent, answer.ok);
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
