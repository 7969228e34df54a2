/**
 * Releases of libsignal that the lab runs.
 *
 * @spec 12-interop §1
 * Owns: which releases, in what they differ as seen from outside, where each is installed and how. Must not know: dialogues.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The package; each release lives in a folder of its own outside git. */
export const PACKAGE = '@signalapp/libsignal-client';
const FOLDER = join(import.meta.dirname, '.releases');

/** What a release's interface looks like from outside. */
export interface Traits {
  /** Wants `Buffer` for every byte argument. */
  readonly buffers: boolean;
  /** Its identity store answers `saveIdentity` with a boolean. */
  readonly booleanIdentity: boolean;
  /** Notes the identity of a prekey message before it is decrypted, and keeps it where that fails. */
  readonly earlyIdentity: boolean;
  /** Local address in encryption and prekey decryption (0.91.0). */
  readonly localAddress: boolean;
  /** Local address in `processPreKeyBundle` and `signalDecrypt` too (0.93.0). */
  readonly localAddressEverywhere: boolean;
  /** Takes `UsePQRatchet` (0.74.0 to 0.82). */
  readonly usePqRatchet: boolean;
  /** Makes and takes X3DH sessions (until 0.74). */
  readonly x3dh: boolean;
  /** Policies of the post-quantum ratchet that it can be set to, its own default first; empty where it has none. */
  readonly pqRatchet: readonly string[];
}

const OLD: Traits = {
  buffers: true,
  booleanIdentity: false,
  earlyIdentity: false,
  localAddress: false,
  localAddressEverywhere: false,
  usePqRatchet: false,
  x3dh: true,
  pqRatchet: [],
};
const OPTIONAL: Traits = { ...OLD, buffers: false, x3dh: false, pqRatchet: ['optional'] };
const REQUIRED: Traits = { ...OPTIONAL, localAddress: true, pqRatchet: ['required'] };
const NEWEST: Traits = { ...REQUIRED, localAddressEverywhere: true };

const TRAITS: ReadonlyMap<string, Traits> = new Map([
  ['0.31.0', { ...OLD, booleanIdentity: true, earlyIdentity: true }],
  ['0.72.1', OLD],
  ['0.76.7', { ...OPTIONAL, usePqRatchet: true, pqRatchet: ['optional', 'off'] }],
  ['0.88.3', OPTIONAL],
  ['0.92.2', REQUIRED],
  ['0.103.0', NEWEST],
]);

/** Releases of the matrix, oldest first. */
export const RELEASES: readonly string[] = [...TRAITS.keys()];
/** The one that continuous integration installs, and every other figure is measured against. */
export const REFERENCE = '0.103.0';

/** A release that is not in the table is newer than it and taken to be like the newest that is. */
export function traitsOf(version: string): Traits {
  return TRAITS.get(version) ?? NEWEST;
}

/** Where a release is installed. */
export function releaseFolder(version: string): string {
  return join(FOLDER, version);
}

function installed(version: string): boolean {
  const manifest = join(releaseFolder(version), 'node_modules', ...PACKAGE.split('/'), 'package.json');
  if (!existsSync(manifest)) return false;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version === version;
}

/**
 * Installs a release unless it is there. Install scripts do not run: the package brings its binaries.
 * @throws {Error} where npm cannot: a missing peer is never passed over.
 */
export async function install(version: string, progress: (line: string) => void): Promise<void> {
  if (installed(version)) return;
  const folder = releaseFolder(version);
  mkdirSync(folder, { recursive: true });
  // Its own manifest keeps npm from looking for one further up.
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name: `libsignal-${version}`, private: true })}\n`);
  const began = Date.now();
  progress(`installing ${PACKAGE}@${version} (about 100 MB unpacked) …`);
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', `${PACKAGE}@${version}`];
  const child = spawn('npm', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ticking = setInterval(() => progress(`  … ${version}: ${Math.round((Date.now() - began) / 1000)} s`), 10_000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  }).finally(() => clearInterval(ticking));
  if (code !== 0 || !installed(version)) {
    throw new Error(`npm could not install ${PACKAGE}@${version} (exit ${code}):\n${output.trim().slice(-2000)}`);
  }
  progress(`  installed ${version} in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

/** The newest release that npm knows. @throws {Error} where npm cannot tell. */
export async function newestRelease(): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', ['view', PACKAGE, 'version', '--json']);
  const version: unknown = JSON.parse(stdout);
  if (typeof version !== 'string') throw new Error(`npm names no newest release of ${PACKAGE}`);
  return version;
}
