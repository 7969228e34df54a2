/**
 * Vector files: their shape, and reading a folder of them.
 *
 * @spec 14-vectors §2
 * Owns: types of what is in a file, the check against its JSON Schema. Must not know: drivers, verdicts.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Fields = Readonly<Record<string, Json>>;

/** What an operation must answer. Exactly one of `ok` and `error` is there. */
export interface Expectation {
  readonly ok?: Fields;
  /** The code alone is compared; the reason says why, the field where, in this project's words. */
  readonly error?: { readonly code: string; readonly reason: string; readonly field?: string };
  /** Values on the way, by label, in the order in which they are computed. */
  readonly intermediate?: Readonly<Record<string, string>>;
  /** Fields that the operation may answer, and here must not. */
  readonly absent?: readonly string[];
}

/** One operation of a sequence. */
export interface Step extends Expectation {
  readonly op: string;
  readonly args: Fields;
  /** Name → field of `ok`: later arguments use it as `$name`. */
  readonly bind?: Readonly<Record<string, string>>;
  /** Fields of `ok` that are what they are because of a seed: not compared where a driver takes none. */
  readonly seeded?: readonly string[];
}

/** What all tests have. */
export interface TestHead {
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly req: readonly string[];
  /** Of an invalid test: the check that must refuse it, an attack of the catalogue or the address of a public bug. */
  readonly check?: string;
  readonly against?: string;
  readonly result: 'valid' | 'invalid';
  /** Verdicts by profile, where the deployed implementation differs from the strict one. */
  readonly verdicts?: Readonly<Record<'strict' | 'libsignal', 'valid' | 'invalid'>>;
}

/** A test of one operation, the one that its group names. */
export interface CallTest extends TestHead, Expectation {
  readonly args: Fields;
}

/** A test of several operations in a row. */
export interface StepTest extends TestHead {
  readonly steps: readonly Step[];
}

export type VectorTest = CallTest | StepTest;

export interface TestGroup {
  readonly type: string;
  readonly source: { readonly name: string; readonly version: string };
  /** File and section of the specification that define what is tested. */
  readonly spec: string;
  /** The operation of every test that has no steps. */
  readonly op?: string;
  readonly tests: readonly VectorTest[];
}

export interface VectorFile {
  readonly algorithm: string;
  readonly family: string;
  readonly schema: string;
  readonly vectorsVersion: string;
  readonly licence: string;
  readonly numberOfTests: number;
  readonly header: readonly string[];
  readonly notes: Readonly<Record<string, { readonly description: string; readonly links?: readonly string[] }>>;
  readonly testGroups: readonly TestGroup[];
}

/** A file that cannot be used: the message names it. */
export class VectorFault extends Error {}

/** A file with the name it has on disk. */
export interface LoadedFile {
  readonly name: string;
  readonly content: VectorFile;
}

function parse(folder: string, name: string): unknown {
  try {
    return JSON.parse(readFileSync(join(folder, name), 'utf8'));
  } catch (error) {
    throw new VectorFault(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Of the ways in which a value fails every choice of a schema, the one that got furthest. */
function deepest(errors: readonly ErrorObject[]): ErrorObject | undefined {
  return [...errors].sort((a, b) => b.instancePath.split('/').length - a.instancePath.split('/').length)[0];
}

function describe(first: ErrorObject | undefined): string {
  if (first === undefined) return 'does not match its schema';
  const extra = first.keyword === 'additionalProperties' ? ` (${String(first.params.additionalProperty)})` : '';
  return `${first.instancePath || '/'} ${first.message ?? 'is wrong'}${extra}`;
}

/** The test behind a JSON pointer into a file, as a person names it. */
function placeOf(content: unknown, pointer: string): string {
  const [, group, test] = /^\/testGroups\/(\d+)(?:\/tests\/(\d+))?/.exec(pointer) ?? [];
  if (group === undefined || test === undefined) return '';
  const { testGroups } = content as { testGroups: { tests: { tcId?: unknown }[] }[] };
  return ` tcId ${String(testGroups[Number(group)]?.tests[Number(test)]?.tcId)}:`;
}

/** Validators by the name of the schema file, from the folder `schemas/` beside the vectors. */
function schemaChecker(folder: string): (name: string, content: unknown) => VectorFile {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: false });
  const schemas = join(folder, 'schemas');
  for (const name of readdirSync(schemas).sort()) ajv.addSchema(parse(schemas, name) as object, name);
  return (name, content) => {
    const named = (content as { schema?: unknown } | null)?.schema;
    const validate = typeof named === 'string' ? ajv.getSchema(named) : undefined;
    // @req VEC-12
    if (validate === undefined) throw new VectorFault(`${name}: names no schema of schemas/ (${String(named)})`);
    if (!validate(content)) {
      const error = deepest(validate.errors ?? []);
      throw new VectorFault(`${name}:${placeOf(content, error?.instancePath ?? '')} ${describe(error)}`);
    }
    return content as VectorFile;
  };
}

function checkCounts(name: string, { numberOfTests, testGroups }: VectorFile): void {
  const ids = testGroups.flatMap(({ tests }) => tests.map(({ tcId }) => tcId));
  if (ids.length !== numberOfTests)
    throw new VectorFault(`${name}: ${ids.length} tests, but numberOfTests ${numberOfTests}`);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw new VectorFault(`${name}: tcId ${twice} stands twice`);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new VectorFault(
      `no vectors: ${why}. They are not in the npm package: --vectors <folder> names vectors/ of a checkout`,
    );
  }
}

/**
 * Every vector file of a folder, checked, in the order of their names.
 * @throws {VectorFault} for the first one that is truncated, breaks its schema or its counts; where there is none.
 */
export function loadVectors(folder: string): readonly LoadedFile[] {
  const names = namesIn(folder)
    .filter((name) => name.endsWith('.vectors.json'))
    .sort();
  if (names.length === 0) throw new VectorFault(`no vectors: ${folder} holds no *.vectors.json`);
  if (!existsSync(join(folder, 'schemas'))) throw new VectorFault(`no schemas: ${folder} holds no schemas/`);
  const check = schemaChecker(folder);
  return names.map((name) => {
    const content = check(name, parse(folder, name));
    checkCounts(name, content);
    return { name, content };
  });
}
