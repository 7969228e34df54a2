/**
 * From definitions to tests: every value is made by this project's driver, every verdict is the author's.
 *
 * @spec 14-vectors §2
 * Owns: asking the driver, failing where it decides otherwise than the author. Must not know: single families, files.
 */

import { type Names, resolve } from '../../cli/conform/arguments.ts';
import type {
  CallTest,
  Expectation,
  Fields,
  Json,
  Step,
  StepTest,
  TestGroup,
  VectorFile,
} from '../../cli/conform/vector-file.ts';
import { answerLine } from '../../cli/driver/answer.ts';
import { type Driver, newDriver } from '../../cli/driver/driver.ts';
import { utf8 } from '../../protocol/bytes/bytes.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import type {
  CallDefinition,
  CallGroup,
  Family,
  SequenceDefinition,
  SequenceGroup,
  StepDefinition,
} from './definition.ts';
import { checkAgainst } from './origins.ts';

/** Version of the vectors; `vectors/CHANGELOG.md` says what changed. */
export const VECTORS_VERSION = '0.1.0';

interface Answered {
  readonly ok?: Fields;
  readonly error?: { readonly code: string; readonly message: string };
  readonly intermediate?: Readonly<Record<string, string>>;
}

function failNow(place: string, problem: string): never {
  throw new Error(`${place}: ${problem}`);
}

/** A driver without a source of randomness: what is not given is an error. */
function dryDriver(): Driver {
  return newDriver({
    version: VECTORS_VERSION,
    provider: nodeProvider,
    random: () => failNow('vectors', 'an operation drew randomness that its arguments did not give'),
    clock: () => failNow('vectors', 'an operation asked for the time'),
    notice: () => undefined,
  });
}

function ask(driver: Driver, op: string, args: Fields, place: string): Answered {
  const line = answerLine(driver, utf8(JSON.stringify({ id: 1, op, args })), (_op, error) => {
    throw error instanceof Error ? error : new Error(`${place}: ${String(error)}`);
  });
  return JSON.parse(line) as Answered;
}

/** The reason in an answer: its message without the field in brackets. */
const reasonOf = (message: string): string => message.replace(/ \[.*\]$/, '');

/** What a refusal is recorded as. @throws {Error} where nothing was refused, or for another reason. */
function refusal(answer: Answered, reason: string, place: string): NonNullable<Expectation['error']> {
  const { error } = answer;
  if (error === undefined)
    return failNow(place, `must be refused as ${reason}, but is accepted: ${JSON.stringify(answer.ok)}`);
  const given = reasonOf(error.message);
  // @req VEC-11
  if (given !== reason) failNow(place, `must be refused as ${reason}, but is as ${error.code}: ${error.message}`);
  const field = / \[(.*)\]$/.exec(error.message)?.[1];
  return { code: error.code, reason, ...(field === undefined ? {} : { field }) };
}

function accepted(answer: Answered, place: string): Fields {
  if (answer.ok === undefined) return failNow(place, `is refused: ${answer.error?.code}: ${answer.error?.message}`);
  return answer.ok;
}

/** Fields that an operation answers at times: where there is none, none may come. */
const AT_TIMES: Readonly<Record<string, readonly string[]>> = {
  'handshake.initiate': ['kemCiphertext'],
  'message.parse': ['authenticated', 'signature', 'mac'],
  'spqr.braid.send': ['key'],
  'spqr.braid.receive': ['key'],
};

function absentFrom(op: string, ok: Fields): { absent?: readonly string[] } {
  const absent = (AT_TIMES[op] ?? []).filter((field) => ok[field] === undefined);
  return absent.length === 0 ? {} : { absent };
}

function callTest(group: CallGroup, definition: CallDefinition, tcId: number): CallTest {
  const { comment, flags = [], req, args, refused, verdicts, trace = false } = definition;
  const place = `${group.type} "${comment}"`;
  const answer = ask(dryDriver(), group.op, trace ? { ...args, trace: true } : args, place);
  const head = { tcId, comment, flags, req };
  const tail = verdicts === undefined ? {} : { verdicts };
  if (refused === undefined) {
    const ok = accepted(answer, place);
    if (ok.valid === false) failNow(place, 'answers valid: false');
    const { intermediate } = answer;
    const absent = absentFrom(group.op, ok);
    return {
      ...head,
      args,
      ok,
      ...(intermediate === undefined ? {} : { intermediate }),
      ...absent,
      result: 'valid',
      ...tail,
    };
  }
  const { check, reason, against } = refused;
  checkAgainst(against, place);
  // A verification says no by its answer: there is no reason to compare.
  const outcome =
    answer.ok?.valid === false && reason === 'not-valid'
      ? { ok: answer.ok }
      : { error: refusal(answer, reason, place) };
  return { ...head, check, against, args, ...outcome, result: 'invalid', ...tail };
}

/** Fields of answers that are what they are because of a seed. */
const SEEDED: Readonly<Record<string, readonly string[]>> = {
  'device.create': ['identityPublic', 'registrationId'],
  'device.bundle': ['bundle'],
  'device.save': ['state'],
  'session.encrypt': ['body'],
  'group.create': ['distribution'],
  'group.encrypt': ['body'],
  'spqr.braid.send': ['payload', 'key'],
  'spqr.braid.receive': ['key'],
};

function stepOf(driver: Driver, definition: StepDefinition, names: Names, seeded: boolean, place: string): Step {
  const { op, args, bind, refused, trace = false, keep } = definition;
  const resolved = resolve(args, names) as Fields;
  const answer = ask(driver, op, trace ? { ...resolved, trace: true } : resolved, place);
  if (refused !== undefined) return { op, args, error: refusal(answer, refused, place) };
  const ok = accepted(answer, place);
  for (const [name, field] of Object.entries(bind ?? {})) names.set(name, ok[field] ?? failNow(place, `no ${field}`));
  // Handles are a driver's own.
  const handles = new Set(Object.values(bind ?? {}).filter((field) => /^[a-z]+-\d+$/.test(String(ok[field]))));
  const kept = Object.entries(ok).filter(
    ([field]) => !handles.has(field) && (keep === undefined || keep.includes(field)),
  );
  const drawn = seeded ? (SEEDED[op] ?? []).filter((field) => kept.some(([name]) => name === field)) : [];
  const { intermediate } = answer;
  return {
    op,
    args,
    ok: Object.fromEntries(kept),
    ...(intermediate === undefined ? {} : { intermediate }),
    ...absentFrom(op, ok),
    ...(bind === undefined ? {} : { bind }),
    ...(drawn.length === 0 ? {} : { seeded: drawn }),
  };
}

function stepTest(group: SequenceGroup, definition: SequenceDefinition, tcId: number): StepTest {
  const { comment, flags = [], req, steps, refused, verdicts } = definition;
  const place = `${group.type} "${comment}"`;
  const names: Names = new Map();
  const driver = dryDriver();
  const seeded = steps.some(({ args }) => Object.hasOwn(args, 'seed'));
  const made = steps.map((step, i) => stepOf(driver, step, names, seeded, `${place}, step ${i + 1} (${step.op})`));
  const refusals = made.filter(({ error }) => error !== undefined).length;
  if (refusals > 0 !== (refused !== undefined))
    failNow(place, `${refusals} steps are refused: that is not what was declared`);
  if (refused !== undefined) checkAgainst(refused.against, place);
  return {
    tcId,
    comment,
    flags,
    req,
    ...(refused === undefined ? {} : { check: refused.check, against: refused.against }),
    steps: made,
    result: refused === undefined ? 'valid' : 'invalid',
    ...(verdicts === undefined ? {} : { verdicts }),
  };
}

function checkFlags({ name, notes }: Family, groups: readonly TestGroup[]): void {
  const used = new Set(groups.flatMap(({ tests }) => tests.flatMap(({ flags }) => flags)));
  for (const flag of used) if (!Object.hasOwn(notes, flag)) failNow(name, `flag ${flag} has no note`);
  for (const note of Object.keys(notes)) if (!used.has(note)) failNow(name, `no test bears the flag ${note}`);
}

/** One input is one test: a second one would count twice what is tested once. */
function checkDistinct(groups: readonly TestGroup[]): void {
  const seen = new Map<string, string>();
  for (const { type, op, tests } of groups) {
    for (const test of tests) {
      const asked = 'steps' in test ? test.steps.map((step) => [step.op, step.args]) : [op, test.args];
      const text = JSON.stringify(asked);
      const other = seen.get(text);
      // @req VEC-11
      if (other !== undefined) failNow(type, `"${test.comment}" asks what "${other}" asks`);
      seen.set(text, test.comment);
    }
  }
}

/** The file of a family. @throws {Error} naming the first test that comes out otherwise than declared. */
export function makeFile(family: Family): VectorFile {
  let tcId = 0;
  const source = { name: 'pawl', version: VECTORS_VERSION };
  const groups = family.groups.map((group): TestGroup => {
    const { type, spec } = group;
    if (!('op' in group)) {
      return { type, source, spec, tests: group.tests.map((test) => stepTest(group, test, ++tcId)) };
    }
    return { type, source, spec, op: group.op, tests: group.tests.map((test) => callTest(group, test, ++tcId)) };
  });
  checkFlags(family, groups);
  checkDistinct(groups);
  const { name, algorithm, header, notes } = family;
  const head = {
    algorithm,
    family: name,
    schema: `${name}.schema.json`,
    vectorsVersion: VECTORS_VERSION,
    licence: 'CC0-1.0',
  };
  return { ...head, numberOfTests: tcId, header, notes, testGroups: groups };
}

/** A file as it is written: one line a test, so that changes can be read. */
export function textOf(file: VectorFile): string {
  const line = (value: Json | object) => JSON.stringify(value);
  const groups = file.testGroups.map(({ tests, ...group }) => {
    const rows = tests.map((test) => `    ${line(test)}`).join(',\n');
    return `  ${line(group).slice(0, -1)},"tests":[\n${rows}\n  ]}`;
  });
  const { testGroups: _, ...head } = file;
  const fields = Object.entries(head).map(([key, value]) => ` ${JSON.stringify(key)}: ${line(value)}`);
  return `{\n${fields.join(',\n')},\n "testGroups": [\n${groups.join(',\n')}\n ]\n}\n`;
}
