/**
 * Verdicts over several steps, and drivers without seeds.
 *
 * @spec 14-vectors §3
 * Owns: what a run makes of them, with a driver that answers from a list. Must not know: protocols.
 */
import { expect, test } from 'vitest';
import type { Answer, DriverProcess } from '../../cli/conform/driver-process.ts';
import { type Profile, runTest, type Subject } from '../../cli/conform/run-test.ts';
import type { CallTest, Fields, StepTest, TestGroup } from '../../cli/conform/vector-file.ts';

const GROUP: TestGroup = { type: 'x', source: { name: 'x', version: '0' }, spec: 'x', tests: [] };
const refusal = { code: 'InvalidKey', reason: 'signing-key-changed' };

/** Two steps, of which libsignal takes the first, and then answers the second otherwise. */
const lenient: StepTest = {
  tcId: 1,
  comment: 'x',
  flags: [],
  req: ['SKY-12'],
  steps: [
    { op: 'group.process', args: { distribution: '00' }, error: refusal },
    { op: 'group.decrypt', args: { body: '00' }, ok: { plaintext: '00' } },
  ],
  result: 'invalid',
  verdicts: { strict: 'invalid', libsignal: 'valid' },
};

const REFUSED: Answer = { id: 1, error: { code: 'InvalidKey', message: 'signing-key-changed' } } as Answer;
const DONE: Answer = { id: 1, ok: {} } as Answer;

/** A test of one call whose answer is the vector's whole answer. */
const agreement: CallTest = {
  tcId: 1,
  comment: 'x',
  flags: [],
  req: ['HSK-01'],
  args: {},
  ok: { secrets: {} },
  result: 'valid',
};

/** A driver that gives these answers in turn, and what it was asked. */
function subject(profile: Profile, answers: readonly Answer[], seeds = true): { subject: Subject; asked: Fields[] } {
  const asked: Fields[] = [];
  const rest = [...answers];
  const driver = {
    ask: (_op: string, args: Fields) => {
      asked.push(args);
      return Promise.resolve(rest.shift());
    },
  } as unknown as DriverProcess;
  const ops = ['group.process', 'group.decrypt', 'device.create', 'handshake.initiate', 'fingerprint'];
  const hello = { implementation: 'x', version: '0', ops, suites: [], kems: [], trace: true, canonicalState: false };
  return { subject: { driver, hello: hello as unknown as Subject['hello'], seeds, profile }, asked };
}

test('[VEC-15] the first step that the profile accepts decides, and ends the test', async () => {
  const { subject: libsignal, asked } = subject('libsignal', [DONE]);
  expect((await runTest(libsignal, GROUP, lenient)).verdict).toBe('passed');
  expect(asked).toHaveLength(1);
});

test('[VEC-15] a libsignal that refuses what its column accepts has failed', async () => {
  const outcome = await runTest(subject('libsignal', [REFUSED]).subject, GROUP, lenient);
  expect(outcome.verdict).toBe('failed');
  expect(outcome).toMatchObject({
    step: 1,
    op: 'group.process',
    difference: { what: 'verdict', expected: 'accepted' },
  });
});

test('[VEC-15] a strict driver must refuse, and go on', async () => {
  const read: Answer = { id: 2, ok: { plaintext: '00' } } as Answer;
  expect((await runTest(subject('strict', [REFUSED, read]).subject, GROUP, lenient)).verdict).toBe('passed');
  expect((await runTest(subject('strict', [DONE, read]).subject, GROUP, lenient)).verdict).toBe('failed');
});

test('[VEC-14] values on the way of a test with a seed are not compared where the driver takes none', async () => {
  const drawn: StepTest = {
    tcId: 2,
    comment: 'x',
    flags: [],
    req: ['SKY-06'],
    steps: [
      { op: 'device.create', args: { seed: '00' }, ok: {} },
      { op: 'group.decrypt', args: {}, ok: { plaintext: '00' }, intermediate: { 'group.seed': '11' } },
    ],
    result: 'valid',
  };
  const read = { id: 2, ok: { plaintext: '00' }, intermediate: { 'group.seed': '22' } } as Answer;
  const untraced = { id: 2, ok: { plaintext: '00' } } as Answer;
  const without = subject('strict', [DONE, untraced], false);
  expect((await runTest(without.subject, GROUP, drawn)).verdict).toBe('passed');
  expect(without.asked).toEqual([{}, {}]);
  expect((await runTest(subject('strict', [DONE, read]).subject, GROUP, drawn)).verdict).toBe('failed');
});

test('[VEC-14] a field that the test lists as absent is a difference; one that nobody speaks of is none', async () => {
  const answer = { id: 1, ok: { secrets: {}, kemCiphertext: '00' } } as unknown as Answer;
  const classical = { ...agreement, absent: ['kemCiphertext'] };
  const { subject: first } = subject('strict', [answer]);
  expect(await runTest(first, { ...GROUP, op: 'handshake.initiate' }, classical)).toMatchObject({
    verdict: 'failed',
    difference: { what: 'kemCiphertext', expected: 'no such field', actual: '00' },
  });
  const { subject: second } = subject('strict', [answer]);
  expect(await runTest(second, { ...GROUP, op: 'handshake.initiate' }, agreement)).toMatchObject({ verdict: 'passed' });
});
