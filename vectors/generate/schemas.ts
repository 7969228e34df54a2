/**
 * The JSON Schema of a family: closed, so that a field misspelt is a field refused.
 *
 * @spec 14-vectors §2
 * Owns: JSON Schema 2020-12 of a file. Must not know: single tests.
 */
import type { Json, VectorFile } from '../../cli/conform/vector-file.ts';
import { type Kind, OP_SHAPES, type OpShape, type Shape } from './op-shapes.ts';

type Schema = { readonly [key: string]: Json };

const HEX: Schema = { type: 'string', pattern: '^([0-9a-f]{2})*$' };
const NAME: Schema = { type: 'string', pattern: '^\\$[a-zA-Z][a-zA-Z0-9]*$' };
const DAMAGE: Schema = {
  type: 'object',
  properties: { damage: NAME, flipBit: { type: 'integer' }, cut: { type: 'integer', minimum: 0 } },
  required: ['damage'],
  minProperties: 2,
  maxProperties: 2,
  additionalProperties: false,
};
const TEXT: Schema = { type: 'string' };
const INTEGER: Schema = { type: 'integer', minimum: 0 };

function closed(properties: { readonly [key: string]: Json }, required: readonly string[]): Schema {
  return { type: 'object', properties, required, additionalProperties: false };
}

/** @param named whether a value may be that of a name, as in steps */
function ofKind(kind: Kind, named: boolean): Schema {
  if (typeof kind === 'object') {
    if (Array.isArray(kind)) return { type: 'array', items: ofKind(kind[0] as Kind, named) };
    const object = ofShape(kind as Shape, named);
    return named ? { anyOf: [object, NAME] } : object;
  }
  if (kind === 'hex') return named ? { anyOf: [HEX, NAME, DAMAGE] } : HEX;
  if (kind === 'int') return named ? { anyOf: [INTEGER, NAME] } : INTEGER;
  return kind === 'bool' ? { type: 'boolean' } : TEXT;
}

function ofShape(shape: Shape, named: boolean): Schema {
  const fields = Object.entries(shape);
  const bare = (field: string) => field.replace(/\?$/, '');
  return closed(
    Object.fromEntries(fields.map(([field, kind]) => [bare(field), ofKind(kind, named)])),
    fields.map(([field]) => field).filter((field) => !field.endsWith('?')),
  );
}

const ERROR = closed({ code: TEXT, reason: TEXT, field: TEXT }, ['code', 'reason']);
const INTERMEDIATE: Schema = {
  type: 'object',
  propertyNames: { pattern: '^[a-z0-9A-Z.]+$' },
  additionalProperties: HEX,
};

const ABSENT: Schema = { type: 'array', minItems: 1, items: TEXT };

const HEAD: { readonly [key: string]: Json } = {
  tcId: { type: 'integer', minimum: 1 },
  comment: { type: 'string', minLength: 1 },
  flags: { type: 'array', items: TEXT },
  req: { type: 'array', minItems: 1, items: { type: 'string', pattern: '^[A-Z]{2,6}-[0-9]{2}$' } },
  check: TEXT,
  against: TEXT,
  result: { enum: ['valid', 'invalid'] },
  verdicts: closed({ strict: { enum: ['valid', 'invalid'] }, libsignal: { enum: ['valid', 'invalid'] } }, [
    'strict',
    'libsignal',
  ]),
};
const HEAD_REQUIRED = ['tcId', 'comment', 'flags', 'req', 'result'];

/** What is invalid says by which check, and against what. */
const ORIGIN: { readonly [key: string]: Json } = {
  if: { properties: { result: { const: 'invalid' } } },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ['check', 'against'] },
};

const ONE_OUTCOME: Json = [{ required: ['ok'] }, { required: ['error'] }];

function callTest({ args, ok }: OpShape): Schema {
  const properties = {
    ...HEAD,
    args: ofShape(args, false),
    ok: ofShape(ok, false),
    error: ERROR,
    intermediate: INTERMEDIATE,
    absent: ABSENT,
  };
  return { ...closed(properties, [...HEAD_REQUIRED, 'args']), oneOf: ONE_OUTCOME, ...ORIGIN };
}

function step(op: string, { args, ok }: OpShape): Schema {
  const optional = Object.fromEntries(
    Object.entries(ok).map(([field, kind]) => [`${field.replace(/\?$/, '')}?`, kind]),
  );
  const properties = {
    op: { const: op },
    args: ofShape(args, true),
    ok: ofShape(optional, false),
    error: ERROR,
    intermediate: INTERMEDIATE,
    absent: ABSENT,
    bind: { type: 'object', additionalProperties: TEXT, propertyNames: NAME },
    seeded: { type: 'array', items: TEXT },
  };
  return { ...closed(properties, ['op', 'args']), oneOf: ONE_OUTCOME };
}

const SOURCE = closed({ name: TEXT, version: TEXT }, ['name', 'version']);

function shapeOf(op: string): OpShape {
  const shape = OP_SHAPES[op];
  if (shape === undefined) throw new Error(`${op} has no shape in op-shapes.ts`);
  return shape;
}

function callGroup(type: string, op: string): Schema {
  const tests = { type: 'array', minItems: 1, items: callTest(shapeOf(op)) };
  return closed({ type: { const: type }, source: SOURCE, spec: TEXT, op: { const: op }, tests }, [
    'type',
    'source',
    'spec',
    'op',
    'tests',
  ]);
}

function stepGroup(type: string, ops: readonly string[]): Schema {
  const steps = { type: 'array', minItems: 1, items: { oneOf: ops.map((op) => step(op, shapeOf(op))) } };
  const test = { ...closed({ ...HEAD, steps }, [...HEAD_REQUIRED, 'steps']), ...ORIGIN };
  return closed(
    { type: { const: type }, source: SOURCE, spec: TEXT, tests: { type: 'array', minItems: 1, items: test } },
    ['type', 'source', 'spec', 'tests'],
  );
}

/** The schema of a file: its groups are of the types, and use the operations, that the file has. */
export function schemaOf(file: VectorFile): Schema {
  const groups = new Map<string, Schema>();
  for (const { type, op, tests } of file.testGroups) {
    const ops = [...new Set(tests.flatMap((test) => ('steps' in test ? test.steps.map((one) => one.op) : [])))].sort();
    groups.set(type, op === undefined ? stepGroup(type, ops) : callGroup(type, op));
  }
  const note = closed({ description: TEXT, links: { type: 'array', items: TEXT } }, ['description']);
  const properties = {
    algorithm: TEXT,
    family: { const: file.family },
    schema: { const: file.schema },
    vectorsVersion: TEXT,
    licence: { const: 'CC0-1.0' },
    numberOfTests: { type: 'integer', minimum: 1 },
    header: { type: 'array', items: TEXT },
    notes: { type: 'object', additionalProperties: note },
    testGroups: { type: 'array', minItems: 1, items: { oneOf: [...groups.values()] } },
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: file.schema,
    title: `${file.algorithm}: test vectors`,
    ...closed(properties, Object.keys(properties)),
  };
}
