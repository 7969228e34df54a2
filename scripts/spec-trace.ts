/**
 * `npm run spec:index` and the requirement trace of `npm run verify`.
 *
 * @spec 00-conventions §7
 * Owns: `spec/requirements.json`, and the rule that every MUST has code and a test, every attack that is due a test.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from './lib/files.ts';
import { ROOT } from './lib/run.ts';
import { sectionFaults } from './lib/sections.ts';
import {
  type Attack,
  prefixOf,
  type Requirement,
  readAllTitles,
  readAttacks,
  readCodeTags,
  readPythonTags,
  readRequirements,
  type Title,
} from './lib/spec.ts';

const INDEX = 'spec/requirements.json';

interface Sources {
  readonly requirements: readonly Requirement[];
  readonly malformed: readonly string[];
  readonly attacks: readonly Attack[];
  readonly code: ReadonlyMap<string, ReadonlySet<string>>;
  readonly python: ReadonlyMap<string, ReadonlySet<string>>;
  readonly titles: readonly Title[];
}

/** The figures of a trace and what is wrong with it. */
export interface Trace {
  readonly musts: number;
  readonly traced: number;
  readonly due: number;
  readonly dueTested: number;
  readonly attacks: number;
  readonly attacksTested: number;
  readonly violations: readonly string[];
}

/** Reads everything that the trace compares. */
export function readSources(root?: string): Sources {
  const { requirements, malformed } = readRequirements(root);
  const [attacks, code, titles] = [readAttacks(root), readCodeTags(root), readAllTitles(root)];
  return { requirements, malformed, attacks, code, python: readPythonTags(root), titles };
}

function testFiles(titles: readonly Title[], id: string): string[] {
  return [...new Set(titles.filter((title) => title.ids.includes(id)).map((title) => title.file))];
}

/** The generated index: free of line numbers, so that it changes only when a requirement or its files do. */
export function buildIndex({ requirements, attacks, code, titles }: Sources): string {
  const index = {
    generatedBy: 'npm run spec:index',
    requirements: requirements.map((requirement) => ({
      ...requirement,
      code: [...(code.get(requirement.id) ?? [])],
      tests: testFiles(titles, requirement.id),
    })),
    attacks: attacks.map((attack) => ({ ...attack, tests: testFiles(titles, attack.id) })),
  };
  return `${JSON.stringify(index, null, 2)}\n`;
}

function duplicates(ids: readonly string[]): string[] {
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  return [...new Set(twice)].map((id) => `${id} is defined twice`);
}

function requirementFaults({ requirements, code, titles }: Sources): string[] {
  const tested = new Set(titles.flatMap((title) => title.ids));
  return requirements
    .filter((requirement) => requirement.level.startsWith('MUST'))
    .flatMap(({ id, file }) => [
      ...(code.has(id) ? [] : [`${id} (${file}) has no code tag`]),
      ...(tested.has(id) ? [] : [`${id} (${file}) has no test`]),
    ]);
}

function titleFaults({ titles }: Sources, known: ReadonlySet<string>): string[] {
  return titles.flatMap((title) => {
    const place = `${title.file}:${title.line}`;
    const unknown = title.ids.filter((id) => !known.has(id)).map((id) => `${place} names ${id}, which does not exist`);
    const named = title.group || title.ids.length > 0 || title.inherited.length > 0;
    const bare = title.text === null ? 'has a computed title' : 'begins with no requirement or attack id';
    return named ? unknown : [...unknown, `${place} ${bare}`];
  });
}

function codeFaults({ code, python }: Sources, known: ReadonlySet<string>): string[] {
  const prefixes = new Set([...known].map(prefixOf));
  const own = [...code].filter(([id]) => prefixes.has(prefixOf(id)));
  const wrong = [...own, ...python].filter(([id]) => !known.has(id));
  return wrong.map(([id, files]) => `${[...files].join(', ')} names ${id}, which does not exist`);
}

function indexFaults(sources: Sources, root?: string): string[] {
  try {
    return readText(INDEX, root) === buildIndex(sources) ? [] : [`${INDEX} is stale: npm run spec:index`];
  } catch {
    return [`${INDEX} is missing: npm run spec:index`];
  }
}

/**
 * Compares specification, code, tests and index of a tree.
 * @req CNV-17
 */
export function traceSpec(root?: string): Trace {
  const sources = readSources(root);
  const { requirements, attacks, code, titles } = sources;
  const ids = [...requirements.map(({ id }) => id), ...attacks.map(({ id }) => id)];
  const known = new Set(ids);
  const tested = new Set(titles.flatMap((title) => title.ids));
  const musts = requirements.filter(({ level }) => level.startsWith('MUST'));
  const due = attacks.filter((attack) => attack.due === 'now');
  const missing = due.filter(({ id }) => !tested.has(id)).map(({ id }) => `${id} is due and has no test`);
  return {
    musts: musts.length,
    traced: musts.filter(({ id }) => code.has(id) && tested.has(id)).length,
    due: due.length,
    dueTested: due.length - missing.length,
    attacks: attacks.length,
    attacksTested: attacks.filter(({ id }) => tested.has(id)).length,
    violations: [
      ...(musts.length === 0 || due.length === 0 ? ['no requirement or no attack was found'] : []),
      ...sources.malformed,
      ...duplicates(ids),
      ...requirementFaults(sources),
      ...missing,
      ...titleFaults(sources, known),
      ...codeFaults(sources, known),
      ...sectionFaults(root),
      ...indexFaults(sources, root),
    ],
  };
}

if (import.meta.main) {
  if (process.argv.includes('--write')) writeFileSync(join(ROOT, INDEX), buildIndex(readSources()));
  const trace = traceSpec();
  for (const violation of trace.violations) console.log(violation);
  console.log(`requirement trace ${trace.traced}/${trace.musts}`);
  console.log(`negative tests ${trace.dueTested}/${trace.due} (catalogue ${trace.attacksTested}/${trace.attacks})`);
  process.exitCode = trace.violations.length === 0 ? 0 : 1;
}
