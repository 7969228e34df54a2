/**
 * What the tests of a family say about each other: sides that must agree, forms that must mean the same.
 *
 * @spec 14-vectors §2
 * Owns: relations between tests that no single one shows. Must not know: how they are made.
 */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CallTest, VectorFile } from '../../cli/conform/vector-file.ts';
import { loadVectors } from '../../cli/conform/vector-file.ts';

const files = loadVectors(join(import.meta.dirname, '../../vectors'));

function fileOf(family: string): VectorFile {
  const found = files.find(({ content }) => content.family === family);
  if (found === undefined) throw new Error(`no vectors of ${family}`);
  return found.content;
}

/** Valid calls of one operation. */
function validCalls(family: string, op: string): CallTest[] {
  const groups = fileOf(family).testGroups.filter((group) => group.op === op);
  const calls = groups.flatMap(({ tests }) => tests.filter((one): one is CallTest => !('steps' in one)));
  return calls.filter(({ result }) => result === 'valid');
}

/** One handshake of one suite; behind it a comment says what became of the KEM on that side. */
const handshakeOf = ({ args, comment }: CallTest) =>
  `${String(args.suite)} ${/^handshake .* one-time prekey/.exec(comment)?.[0] ?? ''}`;

describe('[VEC-11] handshakes', () => {
  test.each([
    ['x3dh', 29],
    ['pqxdh', 14],
  ])('both halves of %s come to the same secrets', (family, count) => {
    const initiated = validCalls(family, 'handshake.initiate');
    const secrets = new Map(initiated.map((call) => [handshakeOf(call), call.ok?.secrets]));
    const responded = validCalls(family, 'handshake.respond').filter(({ comment }) => comment.startsWith('handshake '));
    for (const call of responded) expect(call.ok?.secrets, call.comment).toEqual(secrets.get(handshakeOf(call)));
    expect(responded).toHaveLength(count);
  });

  test('a binding suite tells public values apart that the other does not', () => {
    const bindings = validCalls('pqxdh', 'handshake.respond').filter(({ flags }) => flags.includes('Binding'));
    const secretsOf = (suite: RegExp) =>
      bindings.filter(({ args }) => suite.test(String(args.suite))).map(({ ok }) => JSON.stringify(ok?.secrets));
    expect(secretsOf(/ML-KEM/)).toHaveLength(2);
    expect(new Set(secretsOf(/ML-KEM/)).size).toBe(2);
    expect(secretsOf(/KYBER/)).toHaveLength(2);
    expect(new Set(secretsOf(/KYBER/)).size).toBe(1);
  });
});

/** Loose forms that say what the canonical one says. */
const SAME = /reverse order|twice|once spoilt|unknown|groups|largest field number/;

test('[VEC-11] a message in a loose form has the fields of the canonical one', () => {
  const calls = validCalls('messages', 'message.parse');
  const canonical = new Map(
    calls
      .filter(({ comment }) => comment.endsWith(': every field, canonical'))
      .map(({ args, ok }) => [args.type, ok?.fields]),
  );
  const loose = calls.filter(
    ({ flags, comment }) => flags.includes('Loose') && SAME.test(comment) && !comment.startsWith('payload'),
  );
  for (const { args, ok, comment } of loose) expect(ok?.fields, comment).toEqual(canonical.get(args.type));
  expect(canonical.size).toBe(6);
  expect(loose.length).toBeGreaterThan(60);
});

test('[VEC-11] [FPR-04] a safety number is the same from both sides, its code the other way round', () => {
  const calls = validCalls('fingerprint', 'fingerprint');
  const halves = (code: unknown) => [String(code).slice(12, 76), String(code).slice(84, 148)];
  expect(calls.length).toBeGreaterThan(40);
  const others = calls.filter(({ comment }) => comment.endsWith(', from the other side'));
  expect(others.length).toBeGreaterThan(20);
  for (const { comment, ok: theirs } of others) {
    const ours = calls.find((one) => `${one.comment}, from the other side` === comment)?.ok;
    expect(ours?.displayable, comment).toBe(theirs?.displayable);
    expect(halves(ours?.scannable), comment).toEqual(halves(theirs?.scannable).toReversed());
  }
});

test.each(['x3dh', 'pqxdh', 'messages', 'sender-keys', 'fingerprint'])(
  '[VEC-11] no two refusals of %s are of the same check',
  (family) => {
    const tests = fileOf(family).testGroups.flatMap((group) => [...group.tests]);
    const checks = tests.filter(({ result }) => result === 'invalid').map(({ check }) => check);
    expect(checks.length).toBeGreaterThan(20);
    expect(new Set(checks).size).toBe(checks.length);
  },
);
