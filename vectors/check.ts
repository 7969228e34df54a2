/**
 * `npm run vectors:check`: everything that must hold of the vectors.
 *
 * @spec 14-vectors §2
 * Owns: the four checks, one line each, the last line `N passed, N failed`. Must not know: what is in a file.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runVectors } from '../cli/conform/run.ts';
import { families, totals } from '../cli/conform/summary.ts';
import { summaryLines } from '../cli/conform/terminal.ts';
import { type LoadedFile, loadVectors } from '../cli/conform/vector-file.ts';
import { type Census, compare, generate } from './generate.ts';

const FOLDER = import.meta.dirname;
const TIMEOUT = 60_000;

interface Check {
  readonly name: string;
  readonly faults: readonly string[];
  readonly figures: string;
}

interface Manifest {
  readonly version: string;
  readonly totals: Census;
  readonly files: Readonly<Record<string, Census & { readonly sha256: string }>>;
}

function schemas(files: readonly LoadedFile[]): Check {
  const tests = files.reduce((sum, { content }) => sum + content.numberOfTests, 0);
  return { name: 'schemas', faults: [], figures: `${files.length} families, ${tests} tests match closed schemas` };
}

function manifest(files: readonly LoadedFile[]): Check {
  const {
    version,
    totals: sum,
    files: listed,
  } = JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8')) as Manifest;
  const faults = files.flatMap(({ name, content }) => {
    const sha256 = createHash('sha256')
      .update(readFileSync(join(FOLDER, name)))
      .digest('hex');
    const entry = listed[name];
    if (entry === undefined) return [`${name} is not in the manifest`];
    if (entry.sha256 !== sha256) return [`${name} has another SHA-256 than the manifest says`];
    return content.vectorsVersion === version
      ? []
      : [`${name} is of version ${content.vectorsVersion}, the manifest of ${version}`];
  });
  const gone = Object.keys(listed).filter((name) => !files.some((file) => file.name === name));
  const figures = `version ${version}: ${sum.valid} valid, ${sum.invalid} invalid, ${sum.pairs} pairs of check and reason, ${sum.refusals} refusals`;
  return { name: 'manifest', faults: [...faults, ...gone.map((name) => `${name} is missing`)], figures };
}

function regeneration(): Check {
  const texts = generate();
  return { name: 'regeneration', faults: compare(texts), figures: `${texts.size} files byte-equal` };
}

async function driver(files: readonly LoadedFile[]): Promise<Check> {
  const command = `"${process.execPath}" "${join(FOLDER, '../cli/pawl.ts')}" driver`;
  const run = await runVectors({ command, files, timeout: TIMEOUT, profile: 'strict' });
  const { passed, failed, unsupported, intermediates } = totals(run);
  const bad = failed + unsupported > 0 || run.fault !== null;
  const figures = `${passed} passed in ${families(run).length} families, ${intermediates} values on the way compared`;
  return { name: 'our driver', faults: bad ? summaryLines(run) : [], figures };
}

const files = loadVectors(FOLDER);
const checks: Check[] = [];
for (const check of [() => schemas(files), () => manifest(files), regeneration, () => driver(files)]) {
  const result = await check();
  checks.push(result);
  process.stdout.write(`${result.faults.length === 0 ? 'ok  ' : 'FAIL'}  ${result.name.padEnd(14)}${result.figures}\n`);
  for (const fault of result.faults) process.stdout.write(`      ${fault}\n`);
}
const failed = checks.filter(({ faults }) => faults.length > 0).length;
process.stdout.write(`${checks.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
