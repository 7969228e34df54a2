/**
 * `node vectors/mutants/driver.ts NAME`: the driver of a mutant; `control` is the one that is right.
 *
 * @spec 14-vectors §7
 * Owns: putting changed sources in the place of those on disk, before any of them is loaded. Must not know: vectors.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MUTANTS } from './index.ts';
import { patchedSources } from './patch.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Address of a module → its changed text. */
function sourcesOf(name: string): ReadonlyMap<string, string> {
  if (name === 'control') return new Map();
  const mutant = MUTANTS.find((one) => one.name === name);
  if (mutant === undefined) throw new Error(`no mutant is called ${name}`);
  const sources = patchedSources(mutant, (file) => readFileSync(join(ROOT, file), 'utf8'));
  return new Map([...sources].map(([file, text]) => [pathToFileURL(join(ROOT, file)).href, text]));
}

async function main(name: string): Promise<void> {
  const sources = sourcesOf(name);
  registerHooks({
    load: (url, context, next) => {
      const source = sources.get(url);
      return source === undefined ? next(url, context) : { format: 'module-typescript', source, shortCircuit: true };
    },
  });
  const { driverCommand } = await import('../../cli/driver-command.ts');
  await driverCommand(`mutant ${name}`).parseAsync([], { from: 'user' });
}

try {
  await main(process.argv[2] ?? '');
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
