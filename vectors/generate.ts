/**
 * `npm run vectors:generate`: every vector file, schema and the manifest, from the definitions and one seed.
 *
 * @spec 14-vectors §2
 * Owns: which files there are, writing them, comparing them with what is there (`--check`). Must not know: what is in them.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { VectorFile, VectorTest } from '../cli/conform/vector-file.ts';
import { FAMILIES } from './generate/families/index.ts';
import { makeFile, textOf, VECTORS_VERSION } from './generate/maker.ts';
import { schemaOf } from './generate/schemas.ts';

const FOLDER = import.meta.dirname;

/** What a file holds, in numbers. */
export interface Census {
  readonly tests: number;
  readonly valid: number;
  readonly invalid: number;
  /** Distinct pairs of check and reason among the invalid ones. */
  readonly pairs: number;
  /** Distinct refusals among them, whatever a check is called: operation, message type or suite or KEM, code, reason, field. */
  readonly refusals: number;
}

/** The refusals of a test, as an implementation tells them apart. */
function refusalsOf(test: VectorTest, groupOp: string): string[] {
  const calls = 'steps' in test ? test.steps : [{ op: groupOp, ...test }];
  return calls.flatMap(({ op, args, ok, error }) => {
    if (error === undefined && ok?.valid !== false) return [];
    const kind = op.startsWith('message.') ? args.type : (args.suite ?? args.kem);
    return [[op, kind ?? '', error?.code ?? 'not-valid', error?.reason ?? '', error?.field ?? ''].join(' ')];
  });
}

function reasonsOf(file: VectorFile): { invalid: number; pairs: Set<string>; refusals: Set<string> } {
  const tests = file.testGroups.flatMap((group) => group.tests);
  const bad = tests.filter(({ result }) => result === 'invalid');
  const pairs = bad.map((test) => {
    const reasons =
      'steps' in test ? test.steps.map(({ error }) => error?.reason ?? '') : [test.error?.reason ?? 'not-valid'];
    return `${test.check} | ${[...new Set(reasons.filter((reason) => reason !== ''))].join(' ')}`;
  });
  const refusals = file.testGroups.flatMap(({ op = '', tests: all }) =>
    all.filter(({ result }) => result === 'invalid').map((test) => refusalsOf(test, op).join(', ')),
  );
  return { invalid: bad.length, pairs: new Set(pairs), refusals: new Set(refusals) };
}

/** Path below `vectors/` → text, the manifest last. @throws {Error} where a test comes out otherwise than declared. */
export function generate(progress: (line: string) => void = () => undefined): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const files: Record<string, Census & { readonly sha256: string }> = {};
  for (const family of FAMILIES) {
    const file = makeFile(family);
    const name = `${family.name}.vectors.json`;
    const text = textOf(file);
    texts.set(name, text);
    texts.set(`schemas/${file.schema}`, `${JSON.stringify(schemaOf(file))}\n`);
    const { invalid, pairs, refusals } = reasonsOf(file);
    progress(`  ${family.name}: ${file.numberOfTests} tests`);
    const sha256 = createHash('sha256').update(text).digest('hex');
    files[name] = {
      sha256,
      tests: file.numberOfTests,
      valid: file.numberOfTests - invalid,
      invalid,
      pairs: pairs.size,
      refusals: refusals.size,
    };
  }
  const sum = (key: keyof Census) => Object.values(files).reduce((total, file) => total + file[key], 0);
  const totals = {
    tests: sum('tests'),
    valid: sum('valid'),
    invalid: sum('invalid'),
    pairs: sum('pairs'),
    refusals: sum('refusals'),
  };
  texts.set('manifest.json', `${JSON.stringify({ version: VECTORS_VERSION, totals, files }, null, 2)}\n`);
  return texts;
}

/** Differences between what is there and what would be generated, as lines; none where all is byte-equal. */
export function compare(texts: ReadonlyMap<string, string>): string[] {
  const wrong = [...texts].filter(([path, text]) => {
    const file = join(FOLDER, path);
    return !existsSync(file) || readFileSync(file, 'utf8') !== text;
  });
  const there = [
    ...readdirSync(FOLDER).filter((name) => name.endsWith('.vectors.json')),
    ...readdirSync(join(FOLDER, 'schemas')).map((name) => `schemas/${name}`),
  ];
  const extra = there.filter((path) => !texts.has(path));
  return [
    ...wrong.map(([path]) => `vectors/${path} is not what vectors:generate makes`),
    ...extra.map((path) => `vectors/${path} is made by no family`),
  ];
}

function write(texts: ReadonlyMap<string, string>): void {
  for (const [path, text] of texts) {
    const file = join(FOLDER, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

if (import.meta.main) {
  const texts = generate((line) => process.stderr.write(`${line}\n`));
  // @req VEC-10
  if (!process.argv.includes('--check')) write(texts);
  const faults = compare(texts);
  for (const fault of faults) process.stdout.write(`${fault}\n`);
  const { totals } = JSON.parse(texts.get('manifest.json') as string) as { totals: Census };
  const bytes = [...texts.values()].reduce((sum, text) => sum + text.length, 0);
  const { tests, valid, invalid, pairs, refusals } = totals;
  const counts = `${tests} tests, ${valid} valid, ${invalid} invalid (${pairs} pairs of check and reason, ${refusals} refusals)`;
  process.stdout.write(`${counts}, ${bytes} bytes\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
