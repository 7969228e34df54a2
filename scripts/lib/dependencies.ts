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

interface LockEntry {
  readonly hasInstallScript?: boolean;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>;
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

/** The one package whose install script may run. By name, as npm asks where the lock file holds no addresses. */
const SCRIPTED = 'node';

function scriptFaults(manifest: Manifest, lock: Lock): string[] {
  const approved = Object.keys(manifest.allowScripts ?? {});
  const scripted = Object.entries(lock.packages).filter(
    ([path, entry]) => path !== '' && entry.hasInstallScript === true,
  );
  const names = scripted.map(([path]) => path.replace(/^.*node_modules\//, ''));
  return [
    ...names.filter((name) => !approved.includes(name)).map((name) => `${name} has an install script nobody approved`),
    ...approved.filter((name) => name !== SCRIPTED).map((name) => `allowScripts approves ${name}`),
  ];
}

/** A lock file made where a platform's binaries were not to be had lacks them, and `npm ci` then fails everywhere. */
function lockFaults(lock: Lock): string[] {
  return Object.entries(lock.packages).flatMap(([path, entry]) => {
    if (path === '') return [];
    const missing = Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) => !(`node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages),
    );
    return [
      ...missing.map((name) => `package-lock.json lacks ${name}, an optional part of ${path}`),
      ...(entry.integrity === undefined ? [`package-lock.json has no hash of ${path}`] : []),
      ...(/^https?:/.test(entry.resolved ?? '') ? [`package-lock.json names a registry host for ${path}`] : []),
    ];
  });
}

/** Compares manifest, lock file and document of a tree. */
export function checkDependencies(root?: string): DependencyReport {
  const manifest = JSON.parse(readText('package.json', root)) as Manifest;
  const lock = JSON.parse(readText('package-lock.json', root)) as Lock;
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
    ...scriptFaults(manifest, lock),
    ...lockFaults(lock),
  ];
  return { counted, violations };
}
