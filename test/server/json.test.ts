/** JSON that everybody reads alike: exactly what JSON.parse takes, but for repeated and escaped names and `__proto__`. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { findNameFault, parseJson } from '../../server/json.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';

/** How many names a value has, at any depth. */
function namesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const below = Object.values(value).reduce<number>((sum, child) => sum + namesIn(child), 0);
  return below + (Array.isArray(value) ? 0 : Object.keys(value).length);
}

function hasPrototypeName(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasPrototypeName);
}

type Verdict = 'accepted' | 'refused' | 'no JSON';

/** What a text deserves, by other means than those under test. */
function deserved(text: string): Verdict {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'no JSON';
  }
  const strings = [...text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?/g)];
  const names = strings.flatMap(([, string, colon]) => (colon === undefined ? [] : [string]));
  if (names.some((name) => name?.includes('\\') === true)) return 'refused';
  // A value that was overwritten took its own names with it, so that fewer are left in any case.
  return namesIn(value) === names.length && !hasPrototypeName(value) ? 'accepted' : 'refused';
}

function check(text: string): Verdict {
  const verdict = deserved(text);
  if (verdict === 'accepted') {
    expect(parseJson(text)).toEqual(JSON.parse(text));
    expect(findNameFault(text)).toBeNull();
  } else {
    expect(() => parseJson(text)).toThrow(SyntaxError);
    // Of what is no JSON anything may be said, but something is.
    if (verdict === 'refused') expect(findNameFault(text)).not.toBeNull();
    else findNameFault(text);
  }
  return verdict;
}

const PLAIN = ['a', 'b', 'c', 'd', 'e', '', ':', ',', '{', '}[', '\u2028', '😀', '\ud800', 'constructor'];

/** A name in quotes, now and then with an escape, or the one that is none. */
const written = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom(...PLAIN).map((name) => `"${name}"`) },
  fc.constantFrom('"__proto__"', '"\\u0061"', '"\\""', '"\\\\"', '"\\\\\\""', '"a\\/"'),
);
const space = fc.constantFrom('', '', ' ', '\n', '\t ', '\r\n');

/** JSON text with names that may repeat. */
const { text } = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 5, depthSize: 'medium' },
    fc.oneof(
      written,
      fc.constantFrom('1', '-0', '1e9', 'true', 'false', 'null', '{}', '[]'),
      fc.string().map((value) => JSON.stringify(value)),
    ),
    fc
      .array(fc.tuple(space, written, space, tie('text')), { maxLength: 4 })
      .map((fields) => `{${fields.map(([a, name, b, value]) => `${a}${name}${b}:${a}${value}${b}`).join(',')}}`),
    fc.array(tie('text'), { maxLength: 4 }).map((values) => `[${values.join(', ')}]`),
  ),
}));

it('[RLY-02] accepts exactly what JSON.parse accepts, minus repeated and escaped names and __proto__', () => {
  const counts = { accepted: 0, refused: 0, 'no JSON': 0 };
  const cut = fc.tuple(text, fc.nat(), fc.constantFrom('', '"', '\\', '{', '}', ',', ':', '[', ']', 'x'));
  const damaged = cut.map(([whole, at, by]) => {
    const i = whole.length === 0 ? 0 : at % whole.length;
    return whole.slice(0, i) + by + whole.slice(i + 1);
  });
  const runs = scaled(6_000, 200_000);
  fc.assert(
    fc.property(fc.oneof({ weight: 3, arbitrary: text }, damaged, fc.json(), fc.string()), (input) => {
      counts[check(input)] += 1;
    }),
    { numRuns: runs },
  );
  for (const n of Object.values(counts)) expect(n).toBeGreaterThan(runs / 50);
  reportCount('RLY-02', 'JSON texts judged', runs);
});

it('[RLY-02] names the first name at fault', () => {
  expect(findNameFault('[{"a":{"b":1}},{"a":[{"b":1,"c":2,"b":3}],"a":0}]')).toEqual({
    reason: 'repeated-field',
    name: 'b',
  });
  expect(findNameFault('[{"__proto__":1}]')).toEqual({ reason: 'prototype-field', name: '__proto__' });
  expect(findNameFault('{"\\u005f_proto__":1}')).toEqual({ reason: 'escaped-field', name: '\\u005f_proto__' });
  expect(findNameFault('{"a":{"a":{"a":["a","a",{"b":"a"}]}},"b":"a:\\"a\\","}')).toBeNull();
});

it('[RLY-02] takes time and memory in proportion to the text', () => {
  const size = 1_500_000;
  const texts = ['['.repeat(size), '{"a":'.repeat(size / 5), `"${'\\"'.repeat(size / 2)}"`, `"${'a'.repeat(size)}`];
  const names = Array.from({ length: 100_000 }, (_, i) => `"${i}":0`).join(',');
  for (const input of [...texts, `{${names}}`]) expect(findNameFault(input)).toBeNull();
  expect(findNameFault(`{${names},"7":0}`)).toEqual({ reason: 'repeated-field', name: '7' });
});
