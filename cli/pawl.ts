#!/usr/bin/env node
/**
 * The command line's front door.
 *
 * @spec 00-conventions §7
 * Owns: refusing a Node too old for the rest, which is therefore loaded after that. Must not know: commands.
 */
import { readFileSync } from 'node:fs';

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
}

/** The manifest of the package this file belongs to: beside its folder in the repository, one folder up in `dist/`. */
function manifest(): Manifest {
  for (const candidate of ['../package.json', '../../package.json']) {
    try {
      return JSON.parse(readFileSync(new URL(candidate, import.meta.url), 'utf8')) as Manifest;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error('pawl is not installed whole: its package.json is missing');
}

/** Negative where version `a` is older than `b`. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const { version, engines } = manifest();
const wanted = engines.node.replace('>=', '');
// @req CNV-18
if (compareVersions(process.versions.node, wanted) < 0) {
  process.stderr.write(
    `pawl needs Node ${wanted} or newer; this is Node ${process.versions.node} (${process.execPath}).\n` +
      'Install one from https://nodejs.org, or beside pawl with   npm install node\n',
  );
  process.exit(2);
}
const { main } = await import('./program.ts');
await main(version);
