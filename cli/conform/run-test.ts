/**
 * One test against one driver.
 *
 * @spec 14-vectors §3
 * Owns: asking step by step, that a refusal changed nothing, when a test is unsupported. Must not know: reports.
 */
import { type Names, resolve } from './arguments.ts';
import type { Answer, DriverProcess, Hello } from './driver-process.ts';
import { countGiven, type Difference, differing, judge, judgeVerdict } from './judge.ts';
import type { Expectation, Fields, Json, Step, TestGroup, VectorTest } from './vector-file.ts';

export type Profile = 'strict' | 'libsignal';

/** What came of a test. */
export interface Outcome {
  readonly verdict: 'passed' | 'failed' | 'unsupported';
  /** Of an unsupported test: the operation or the suite that the driver does not have. */
  readonly lacking: string | null;
  readonly difference: Difference | null;
  /** Where it failed: which step, from 1, of which operation. */
  readonly step: number | null;
  readonly op: string | null;
  /** What it was asked there, handles of this run included. */
  readonly args: Fields | null;
  /** Values on the way that were compared. */
  readonly intermediates: number;
  /** Saved states that were compared. */
  readonly states: number;
}

/** A driver with what is known of it. */
export interface Subject {
  readonly driver: DriverProcess;
  readonly hello: Hello;
  /** Whether it takes seeds: without them bytes that a seed makes cannot be compared. */
  readonly seeds: boolean;
  readonly profile: Profile;
}

/** Argument that holds a handle → operation that writes down what the handle names. */
const SAVES: Readonly<Record<string, string>> = {
  device: 'device.save',
  ratchet: 'ratchet.save',
  chain: 'spqr.chain.save',
  braid: 'spqr.braid.save',
};

const PASSED: Outcome = {
  verdict: 'passed',
  lacking: null,
  difference: null,
  step: null,
  op: null,
  args: null,
  intermediates: 0,
  states: 0,
};

/** The state behind the handle in some arguments, as the driver writes it; null where it cannot be asked for. */
async function stateOf({ driver, hello }: Subject, args: Fields): Promise<Json> {
  if (!hello.canonicalState) return null;
  for (const [argument, op] of Object.entries(SAVES)) {
    const handle = args[argument];
    if (typeof handle !== 'string' || !hello.ops.includes(op)) continue;
    const answer = await driver.ask(op, { [argument]: handle });
    // Whoever announces canonicalState has a state to show: an answer without one stands for itself.
    return 'ok' in answer && typeof answer.ok.state === 'string' ? answer.ok.state : { ...answer };
  }
  return null;
}

/** What a driver says that it does not have only once it is asked: a suite's option, a source of randomness. */
function declined(answer: Answer, expected: Expectation, op: string): string | null {
  if ('ok' in answer || answer.error.code !== 'UnsupportedOperation') return null;
  return expected.error?.code === 'UnsupportedOperation' ? null : `${op} (${answer.error.message})`;
}

function unsupported(lacking: string): Outcome {
  return { ...PASSED, verdict: 'unsupported', lacking };
}

/** Which part of an answer a seed decides. */
interface Drawn {
  /** Fields of `ok`. */
  readonly fields: readonly string[];
  /** Whether the test has a seed that the driver does not take: its values on the way are then others. */
  readonly elsewhere: boolean;
}

const NOTHING_DRAWN: Drawn = { fields: [], elsewhere: false };

/** What was compared besides outputs. */
type Compared = Pick<Outcome, 'intermediates' | 'states'>;
const NOTHING: Compared = { intermediates: 0, states: 0 };

interface Asked {
  readonly answer: Answer;
  readonly difference: Difference | null;
  readonly intermediates: number;
  readonly states: number;
}

/** A refused step must leave behind what it found. */
async function unchanged(subject: Subject, args: Fields, before: Json): Promise<Difference | null> {
  if (typeof before !== 'string') return differing('state before a refusal', 'a saved state', before);
  const after = await stateOf(subject, args);
  // @req VEC-14
  return after === before ? null : differing('state after a refusal', before, after);
}

async function ask(subject: Subject, op: string, args: Fields, expected: Expectation, drawn: Drawn): Promise<Asked> {
  const { driver, hello, seeds } = subject;
  const trace = !drawn.elsewhere && expected.intermediate !== undefined && hello.trace;
  const traced = trace !== false;
  const before = expected.error === undefined ? null : await stateOf(subject, args);
  const answer = await driver.ask(op, traced ? { ...args, trace: true } : args);
  const difference = judge(expected, answer, { trace, skip: seeds ? [] : drawn.fields });
  const intermediates = traced ? countGiven(expected, answer) : 0;
  if (difference !== null || before === null) return { answer, difference, intermediates, states: 0 };
  return { answer, difference: await unchanged(subject, args, before), intermediates, states: 1 };
}

interface Call {
  readonly op: string;
  readonly args: Fields;
}

function failed(difference: Difference, { op, args }: Call, step: number | null, counts: Compared = NOTHING): Outcome {
  return { ...PASSED, ...counts, verdict: 'failed', difference, step, op, args };
}

/** Without the seed, for a driver that takes none. */
function withoutSeed(args: Fields): Fields {
  const { seed, ...rest } = args;
  return seed === undefined ? args : rest;
}

/** @param lenient whether the profile accepts what the steps refuse: the first such step then decides, and ends the test */
async function runSteps(subject: Subject, steps: readonly Step[], lenient: boolean): Promise<Outcome> {
  const names: Names = new Map();
  const elsewhere = !subject.seeds && steps.some(({ args }) => args.seed !== undefined);
  let compared = NOTHING;
  for (const [i, step] of steps.entries()) {
    const resolved = resolve(step.args, names) as Fields;
    const args = subject.seeds ? resolved : withoutSeed(resolved);
    const call: Call = { op: step.op, args };
    if (lenient && step.error !== undefined) {
      // @req VEC-15
      const answer = await subject.driver.ask(step.op, args);
      const lacking = declined(answer, {}, step.op);
      if (lacking !== null) return unsupported(lacking);
      const difference = judgeVerdict('valid', answer);
      return difference === null ? { ...PASSED, ...compared } : failed(difference, call, i + 1, compared);
    }
    const asked = await ask(subject, step.op, args, step, { fields: step.seeded ?? [], elsewhere });
    const { intermediates, states } = asked;
    compared = { intermediates: compared.intermediates + intermediates, states: compared.states + states };
    const lacking = declined(asked.answer, step, step.op);
    if (lacking !== null) return unsupported(lacking);
    if (asked.difference !== null) return failed(asked.difference, call, i + 1, compared);
    for (const [name, field] of Object.entries(step.bind ?? {})) {
      const value = 'ok' in asked.answer ? asked.answer.ok[field] : undefined;
      if (value === undefined) {
        return failed({ what: field, expected: '(any value)', actual: null }, call, i + 1, compared);
      }
      names.set(name, value);
    }
  }
  return { ...PASSED, ...compared };
}

/** The KEM of a suite. */
const KEMS: Readonly<Record<string, string>> = {
  'PQXDH_X25519_SHA-256_ML-KEM-1024': 'ML-KEM-1024',
  'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024': 'Kyber-1024-r3',
};

/** The KEM that a driver has to run for a handshake, unless its caller did. */
function kemToRun(op: string, { suite, kemShared }: Fields): string | undefined {
  return op.startsWith('handshake.') && kemShared === undefined ? KEMS[String(suite)] : undefined;
}

/** What a test needs that a driver has not announced, or null. */
function lackingFor({ hello }: Subject, group: TestGroup, test: VectorTest): string | null {
  const calls = 'steps' in test ? test.steps : [{ op: group.op ?? '', args: test.args }];
  const missing = calls.find(({ op }) => !hello.ops.includes(op));
  // @req VEC-13
  if (missing !== undefined) return missing.op;
  const suites = calls.flatMap(({ args }) => [args.suite, ...(Array.isArray(args.suites) ? args.suites : [])]);
  const suite = suites.find((name) => typeof name === 'string' && !hello.suites.includes(name));
  if (suite !== undefined) return String(suite);
  const run = calls
    .map(({ op, args }) => kemToRun(op, args))
    .find((name) => name !== undefined && !hello.kems.includes(name));
  if (run !== undefined) return run;
  const kem = calls.map(({ args }) => args.kem).find((name) => typeof name === 'string' && !hello.kems.includes(name));
  return kem === undefined ? null : String(kem);
}

/**
 * Runs a test.
 * @throws {DriverFault} where the driver breaks the protocol of lines, {@link VectorFault} where the test makes no sense.
 */
export async function runTest(subject: Subject, group: TestGroup, test: VectorTest): Promise<Outcome> {
  const lacking = lackingFor(subject, group, test);
  if (lacking !== null) return unsupported(lacking);
  const verdict = subject.profile === 'strict' ? undefined : test.verdicts?.[subject.profile];
  if ('steps' in test) return runSteps(subject, test.steps, verdict !== undefined && verdict !== test.result);
  const op = group.op ?? '';
  if (verdict !== undefined) {
    // @req VEC-15
    const answer = await subject.driver.ask(op, test.args);
    const refusal = declined(answer, {}, op);
    if (refusal !== null) return unsupported(refusal);
    const difference = judgeVerdict(verdict, answer);
    return difference === null ? PASSED : failed(difference, { op, args: test.args }, null);
  }
  const { answer, difference, intermediates, states } = await ask(subject, op, test.args, test, NOTHING_DRAWN);
  const refusal = declined(answer, test, op);
  if (refusal !== null) return unsupported(refusal);
  const compared = { intermediates, states };
  return difference === null ? { ...PASSED, ...compared } : failed(difference, { op, args: test.args }, null, compared);
}
