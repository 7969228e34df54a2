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
import { quoted } from './visible.ts';

/** The first value that is not as it should be. */
export interface Difference {
  /** A label of an intermediate value, a field of the answer, or `error`. */
  readonly what: string;
  /** Of a label: the section that defines it. What came out is defined where the test says. */
  readonly section?: string;
  readonly expected: Json;
  readonly actual: Json;
}

/** What of an answer is compared. */
interface Comparison {
  /** Of the values on the way that were asked for, those that the driver has: all, the listed, or none. */
  readonly trace: boolean | readonly string[];
  /** Fields of the answer that depend on a seed which the driver does not take. */
  readonly skip: readonly string[];
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

/** The labels that a driver has not announced. */
function withoutLabels(intermediate: Fields, trace: true | readonly string[]): readonly string[] {
  return trace === true ? [] : Object.keys(intermediate).filter((label) => !trace.includes(plainLabel(label)));
}

/** How many of the values on the way an answer has, of those that were expected. */
export function countGiven({ intermediate = {} }: Expectation, answer: Answer): number {
  const given = 'ok' in answer ? (answer.intermediate ?? {}) : {};
  return Object.keys(intermediate).filter((label) => Object.hasOwn(given, label)).length;
}

function compareOnTheWay(intermediate: Fields, given: Fields, trace: true | readonly string[]): Difference | null {
  const difference = compareFields(intermediate, given, withoutLabels(intermediate, trace));
  const section = difference === null ? null : sectionOf(difference.what);
  if (difference !== null) return section === null ? difference : { ...difference, section };
  // @req VEC-14
  return compareAbsent(
    Object.keys(given).filter((label) => !Object.hasOwn(intermediate, label)),
    given,
  );
}

/** Compares in the order of computation: values on the way first, then what came out. */
export function judge(expected: Expectation, answer: Answer, { trace, skip }: Comparison): Difference | null {
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
  if (trace === false || intermediate === undefined) {
    if (answer.intermediate !== undefined) return differing('intermediate', 'nothing that was not asked for', given);
  } else {
    const difference = compareOnTheWay(intermediate, given, trace);
    if (difference !== null) return difference;
  }
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
