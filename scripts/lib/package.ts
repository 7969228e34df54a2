/**
 * The checks of `npm run verify` that look at the package as its users get it.
 *
 * Owns: building, packing, and judging the tarball: metadata, types, size, contents, and that every entry loads.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reachable, readImportGraph } from '../import-graph.ts';
import { type Check, type Outcome, toolOutcome } from './checks.ts';
import { ROOT, run, runTool } from './run.ts';

/** Largest size of the package once unpacked, in bytes. */
const MAX_UNPACKED_BYTES = 1_500_000;

interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
}

/** What must never be published. */
const PRIVATE = /(^|\/)(test|lab|bench|scripts|node_modules)\/|\.(db|tgz|test\.js)$/;

/** Derandomised entries beyond those that the driver needs, which it alone brings along. @req CNV-13 */
function strayTesting(paths: readonly string[]): string[] {
  const needed = reachable(readImportGraph(), ['cli/driver-command.ts']);
  const testing = paths.filter((path) => path.startsWith('dist/protocol/testing/'));
  return testing.filter((path) => !needed.has(path.replace(/^dist\//, '').replace(/(\.d)?\.[jt]s$/, '.ts')));
}

async function build(): Promise<Outcome> {
  const finished = await run(process.execPath, ['scripts/build.ts']);
  return toolOutcome(finished, finished.stdout.trim().split('\n').at(-1));
}

async function pack(folder: string): Promise<Packed> {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const finished = await run('npm', args);
  if (finished.code !== 0) throw new Error(finished.output);
  const [packed] = JSON.parse(finished.stdout) as Packed[];
  if (packed === undefined) throw new Error('npm pack made nothing');
  return packed;
}

function contents(packed: Packed): Outcome {
  const paths = packed.files.map(({ path }) => path);
  const wrong = [...paths.filter((path) => PRIVATE.test(path)), ...strayTesting(paths)];
  const missing = ['LICENSE', 'README.md', 'CHANGELOG.md', 'dist/cli/pawl.js'].filter(
    (path) => !packed.files.some((file) => file.path === path),
  );
  const tooLarge = packed.unpackedSize >= MAX_UNPACKED_BYTES;
  const figures = `${packed.unpackedSize.toLocaleString('en')} of ${MAX_UNPACKED_BYTES.toLocaleString('en')} bytes unpacked`;
  const details = [
    ...(tooLarge ? [`the package is too large: ${figures}`] : []),
    ...wrong.map((path) => `must not be published: ${path}`),
    ...missing.map((path) => `is missing: ${path}`),
  ];
  return { ok: details.length === 0, figures: `${figures}, ${packed.files.length} files`, details };
}

/** Installs the tarball beside the dependencies of this repository and loads every entry and the command. */
async function loads(folder: string, tarball: string): Promise<Outcome> {
  const modules = join(folder, 'node_modules');
  const home = join(modules, 'pawl');
  mkdirSync(home, { recursive: true });
  const unpacked = await run('tar', ['-xzf', tarball, '-C', home, '--strip-components=1']);
  if (unpacked.code !== 0) return toolOutcome(unpacked);
  symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as Manifest;
  const entries = Object.entries(manifest.exports).filter(([, target]) => typeof target === 'object');
  const names = entries.map(([entry]) => entry.replace(/^\./, 'pawl'));
  const code = names.map(
    (name) => `if (Object.keys(await import('${name}')).length === 0) throw new Error('${name}');`,
  );
  const imported = await run(process.execPath, ['--input-type=module', '-e', code.join('\n')], { cwd: folder });
  if (imported.code !== 0) return toolOutcome(imported);
  const help = await run(process.execPath, [join(home, 'dist/cli/pawl.js'), '--help'], { cwd: folder });
  return toolOutcome(help, `${names.length} entries and the command load`);
}

async function publint(tarball: string): Promise<Outcome> {
  return toolOutcome(await runTool('publint/src/cli.js', ['--strict', tarball]), 'publint has nothing to say');
}

async function typesOfPackage(tarball: string): Promise<Outcome> {
  const args = ['--profile', 'esm-only', '--no-emoji', '--format', 'ascii', tarball];
  const finished = await runTool('@arethetypeswrong/cli/dist/index.js', args);
  return toolOutcome(finished, 'types resolve from every entry');
}

/** The checks of the package; they share one build and one tarball. `dispose` removes the temporary folder. */
export function packageChecks(): { checks: readonly Check[]; dispose: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-pack-'));
  let packing: Promise<Packed> | undefined;
  const packed = (): Promise<Packed> => {
    packing ??= pack(folder);
    return packing;
  };
  const tarball = async (): Promise<string> => join(folder, (await packed()).filename);
  const checks = [
    { name: 'build', run: build },
    { name: 'package', run: async () => contents(await packed()) },
    { name: 'entries', run: async () => loads(folder, await tarball()) },
    { name: 'publint', run: async () => publint(await tarball()) },
    { name: 'attw', run: async () => typesOfPackage(await tarball()) },
  ];
  return { checks, dispose: () => rmSync(folder, { recursive: true, force: true }) };
}
