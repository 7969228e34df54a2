/**
 * The generator: its teeth, and that what is committed is what it makes.
 *
 * @spec 14-vectors §2
 */
import { describe, expect, test } from 'vitest';
import { loadVectors } from '../../cli/conform/vector-file.ts';
import type { CallDefinition, Family } from '../../vectors/generate/definition.ts';
import { makeFile } from '../../vectors/generate/maker.ts';
import { compare, generate } from '../../vectors/generate.ts';
import { reportCount } from '../support/report.ts';

const FOLDER = new URL('../../vectors', import.meta.url).pathname;

test('[VEC-10] what is committed is what the generator makes, byte for byte', () => {
  const texts = generate();
  expect(compare(texts)).toEqual([]);
  const { totals } = JSON.parse(texts.get('manifest.json') as string) as { totals: Record<string, number> };
  for (const [what, count] of Object.entries(totals)) reportCount('VEC-10', what, count);
  expect(totals.tests).toBeGreaterThanOrEqual(1_200);
  expect(totals.refusals).toBeGreaterThanOrEqual(400);
});

test('[VEC-11] every test names a requirement that exists, and every invalid one its check and its origin', async () => {
  const { default: index } = await import('../../spec/requirements.json', { with: { type: 'json' } });
  const known = new Set(index.requirements.map(({ id }) => id));
  const tests = loadVectors(FOLDER).flatMap(({ content }) => content.testGroups.flatMap((group) => group.tests));
  expect(tests.length).toBeGreaterThan(1_000);
  for (const { req, result, check, against } of tests) {
    for (const id of req) expect(known).toContain(id);
    expect(result === 'invalid').toBe(check !== undefined && against !== undefined);
  }
});

test('[VEC-15] verdicts stand only where the profiles may part, and the strict one is the test’s own', () => {
  const tests = loadVectors(FOLDER).flatMap(({ content }) => content.testGroups.flatMap((group) => group.tests));
  const parted = tests.filter(({ verdicts }) => verdicts !== undefined);
  expect(parted.length).toBeGreaterThan(0);
  for (const { verdicts, result } of parted) expect(verdicts?.strict).toBe(result);
  reportCount(
    'VEC-15',
    'tests that libsignal decides otherwise',
    parted.filter(({ verdicts }) => verdicts?.libsignal === 'valid').length,
  );
});

describe('[VEC-11] the generator fails where', () => {
  const args = { private: '11'.repeat(32), public: `05${'09'.padEnd(64, '0')}` };
  const good: CallDefinition = { comment: 'x', req: ['KEY-02'], args };
  const refused = { reason: 'zero-shared-secret', check: 'x', against: 'PRIM-02' };
  const make = (test: CallDefinition, notes: Family['notes'] = {}) =>
    makeFile({
      name: 'x',
      algorithm: 'x',
      header: [],
      notes,
      groups: [{ type: 'X', spec: 'spec/01-keys.md §2', op: 'x25519.shared', tests: [test] }],
    });
  const zero = { ...args, public: `05${'00'.repeat(32)}` };

  test.each([
    ['what is declared valid is refused', { ...good, args: zero }, /is refused: InvalidKey/],
    [
      'what is declared invalid is accepted',
      { ...good, refused },
      /must be refused as zero-shared-secret, but is accepted/,
    ],
    [
      'the reason is another',
      { ...good, args: zero, refused: { ...refused, reason: 'bad-length' } },
      /must be refused as bad-length, but is as InvalidKey: zero-shared-secret/,
    ],
    [
      'the origin is unknown',
      { ...good, args: zero, refused: { ...refused, against: 'PRIM-99' } },
      /PRIM-99 is neither/,
    ],
    ['a flag has no note', { ...good, flags: ['Odd'] }, /flag Odd has no note/],
  ])('[VEC-11] %s', (_, definition, message) => {
    expect(() => make(definition as CallDefinition)).toThrow(message);
  });

  test('[VEC-11] two tests ask the same, whatever they are called', () => {
    const group = { type: 'X', spec: 'spec/01-keys.md §2', op: 'x25519.shared' };
    const tests = [good, { ...good, comment: 'y' }];
    const family: Family = { name: 'x', algorithm: 'x', header: [], notes: {}, groups: [{ ...group, tests }] };
    expect(() => makeFile(family)).toThrow('X: "y" asks what "x" asks');
  });

  test('[VEC-11] an operation would draw randomness', () => {
    const steps = [{ op: 'kem.keygen', args: { kem: 'ML-KEM-768' } }];
    const family: Family = {
      name: 'x',
      algorithm: 'x',
      header: [],
      notes: {},
      groups: [{ type: 'X', spec: 'spec/01-keys.md §6', tests: [{ comment: 'x', req: ['KEY-02'], steps }] }],
    };
    expect(() => makeFile(family)).toThrow(/randomness|internal-error/);
    expect(() => make(good, { Unused: { description: 'x' } })).toThrow(/no test bears the flag Unused/);
  });
});
