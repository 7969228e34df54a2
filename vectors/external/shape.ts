/**
 * The shape of a file of published vectors.
 *
 * @spec 14-vectors §1
 * Owns: turning text into checked cases, and saying which file and case is not what it should be.
 * Must not know: what a case means.
 */
import { z } from 'zod';
import { fromHex } from '../../protocol/bytes/bytes.ts';

/** A file that cannot be used as it is: wrong input, not a wrong answer. */
export class BadFile extends Error {
  readonly file: string;
  constructor(file: string, problem: string) {
    super(`${file}: ${problem}`);
    this.name = 'BadFile';
    this.file = file;
  }
}

/** The JSON of a file. @throws {BadFile} */
export function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // @req VEC-05
    throw new BadFile(file, `not JSON, or cut off (${error instanceof Error ? error.message : String(error)})`);
  }
}

const NAMES = ['tcId', 'id', 'name'];

/** Where in a file something is wrong, with the number or name of the case that it belongs to. */
function placeOf(json: unknown, path: readonly PropertyKey[]): string {
  let [at, place, label] = [json, '', ''];
  for (const key of path) {
    place += typeof key === 'number' ? `[${key}]` : `${place === '' ? '' : '.'}${String(key)}`;
    at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined;
    const named = typeof at === 'object' && at !== null ? (at as Readonly<Record<string, unknown>>) : {};
    const name = NAMES.find((one) => ['number', 'string'].includes(typeof named[one]));
    if (name !== undefined) label = ` (${name} ${String(named[name])})`;
  }
  return `${place === '' ? 'the file' : place}${label}`;
}

/** What a schema makes of the JSON of a file. @throws {BadFile} naming the case and the field. */
export function readShape<T>(schema: z.ZodType<T>, file: string, json: unknown): T {
  const read = schema.safeParse(json);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  // @req VEC-05
  throw new BadFile(file, `wrong shape at ${placeOf(json, issue?.path ?? [])}: ${issue?.message ?? 'not as expected'}`);
}

/** Bytes written as hex, in upper or lower case. */
export const hexBytes = z
  .string()
  .regex(/^([0-9a-fA-F]{2})*$/, 'not hex')
  .transform((text) => fromHex(text));

const CASE = z.object({
  tcId: z.int(),
  result: z.enum(['valid', 'invalid', 'acceptable']),
  flags: z.array(z.string()).default([]),
});

/** What every case of Wycheproof's says. */
export type WycheproofCase = z.output<typeof CASE>;

/** Groups of tests. */
export interface GroupedFile<G, T> {
  readonly testGroups: readonly (G & { readonly tests: readonly T[] })[];
}

/** A file in groups, as Wycheproof and ACVP have them: what a group says of all its tests, what a test says. */
export function grouped<G, T>(group: z.ZodType<G>, test: z.ZodType<T>): z.ZodType<GroupedFile<G, T>> {
  const tests = z.object({ tests: z.array(test) });
  const file = z.object({ numberOfTests: z.int().optional(), testGroups: z.array(z.intersection(group, tests)) });
  return file.refine(
    ({ numberOfTests, testGroups }) =>
      numberOfTests === undefined || numberOfTests === testGroups.reduce((sum, { tests }) => sum + tests.length, 0),
    { path: ['numberOfTests'], message: 'not the number of cases in the file' },
  );
}

/** {@link grouped}, where every test says what it should come to. */
export function wycheproof<G, T>(
  group: z.ZodType<G>,
  test: z.ZodType<T>,
): z.ZodType<GroupedFile<G, WycheproofCase & T>> {
  return grouped(group, z.intersection(CASE, test));
}

/** Every test together with its group. */
export function flat<G, T>(file: GroupedFile<G, T>): { readonly group: G; readonly vector: T }[] {
  return file.testGroups.flatMap((group) => group.tests.map((vector) => ({ group, vector })));
}

const COUNTABLE = z.union([
  z.object({ algorithm: z.string().optional(), testGroups: z.array(z.object({ tests: z.array(z.unknown()) })) }),
  z.object({ algorithm: z.string().optional(), cases: z.array(z.unknown()) }),
]);

/** What a file that is not run says of itself: its algorithm, and how many cases it has; null for what has no cases. */
export function summaryOf(json: unknown): { readonly algorithm: string | null; readonly cases: number } | null {
  const { data } = COUNTABLE.safeParse(json);
  if (data === undefined) return null;
  const cases = 'cases' in data ? data.cases.length : data.testGroups.flatMap(({ tests }) => tests).length;
  return { algorithm: data.algorithm ?? null, cases };
}
