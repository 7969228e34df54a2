/**
 * Runtime dependencies and the reasons for them.
 *
 * @spec 00-conventions §7
 * Owns: comparing `package.json` and `package-lock.json` with `docs/dependencies.md`.
 */
import { readText } from './files.ts';

/** @req CNV-15 Direct runtime dependencies; all of `@noble/*` counts as one. */
export const MAX_DEPENDENCIES = 20;

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly allowScripts?: Readonly<Record<string, boolean>>;
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean; readonly resolved?: string }>>;
}

/** What was found. */
export interface DependencyReport {
  readonly counted: number;
  readonly violations: readonly string[];
}

/** The packages that the document gives for run time, with their reasons. */
function documented(text: string): Map<string, string> {
  const [runTime = ''] = text.split(/^## For development/m);
  const rows = runTime.matchAll(/^\| `([^`]+)` \| ([^|]*) \|/gm);
  return new Map([...rows].map((row) => [row[1] ?? '', (row[2] ?? '').trim()]));
}

function lockFaults(manifest: Manifest, lock: Lock, lockText: string): string[] {
  const approved = Object.keys(manifest.allowScripts ?? {});
  const scripted = Object.entries(lock.packages).filter(
    ([path, entry]) => path !== '' && entry.hasInstallScript === true,
  );
  const names = scripted.map(([path]) => path.replace(/^.*node_modules\//, ''));
  const unapproved = names.filter((name) => !approved.some((key) => key.startsWith(`${name}@`)));
  return [
    ...unapproved.map((name) => `${name} has an install script that allowScripts does not name`),
    ...approved
      .filter((key) => !key.startsWith('node@'))
      .map((key) => `allowScripts approves ${key}; only node may run`),
    ...(/"resolved": "https?:/.test(lockText) ? ['package-lock.json names a registry host'] : []),
  ];
}

/** Compares manifest, lock file and document of a tree. */
export function checkDependencies(root?: string): DependencyReport {
  const manifest = JSON.parse(readText('package.json', root)) as Manifest;
  const lockText = readText('package-lock.json', root);
  const reasons = documented(readText('docs/dependencies.md', root));
  const names = Object.keys(manifest.dependencies ?? {});
  const counted = new Set(names.map((name) => (name.startsWith('@noble/') ? '@noble/*' : name))).size;
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  const violations = [
    ...names
      .filter((name) => (reasons.get(name) ?? '') === '')
      .map((name) => `${name} has no reason in docs/dependencies.md`),
    ...[...reasons.keys()].filter((name) => !names.includes(name)).map((name) => `docs/dependencies.md names ${name}`),
    ...(counted > MAX_DEPENDENCIES ? [`${counted} runtime dependencies, at most ${MAX_DEPENDENCIES}`] : []),
    ...versions
      .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
      .map(([name]) => `${name} is not pinned exactly`),
    ...lockFaults(manifest, JSON.parse(lockText) as Lock, lockText),
  ];
  return { counted, violations };
}
