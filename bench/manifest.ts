/**
 * Where and when a figure was made.
 *
 * @spec 00-conventions §7
 * Owns: the fields that every result file begins with. Must not know: what was measured.
 */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, platform, release } from 'node:os';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Command, commit, machine and date of a result. */
export interface Manifest {
  readonly command: string;
  readonly commit: string;
  readonly date: string;
  readonly node: string;
  readonly openssl: string;
  readonly cpu: string;
  readonly system: string;
  readonly load: number;
}

/** The commit, marked where the tree differs from it. */
function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
    return (
      git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' with changes')
    );
  } catch {
    return 'not in a repository';
  }
}

/** The manifest of a result that `command` makes now. */
export function manifestOf(command: string): Manifest {
  const [first] = cpus();
  return {
    command,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    openssl: process.versions.openssl,
    cpu: `${cpus().length} × ${first?.model.trim() ?? 'unknown'}`,
    system: `${platform()} ${release()}`,
    load: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}
