/**
 * `npm run test:node24`: the test-suite on the oldest Node that `engines` allows.
 *
 * Owns: fetching that Node. It is the plain binary package of this platform, which has no install script, put into the
 * git-ignored `out/`. Arguments go to the test run.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run } from './lib/run.ts';

function oldestVersion(): string {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } };
  return manifest.engines.node.replace(/^>=\s*/, '');
}

/** Path of the Node executable of `version`, fetched unless it is there already. */
async function fetchNode(version: string): Promise<string> {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = join(ROOT, 'out', `node-${version}`);
  const binary = join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { code, output } = await run(npm, ['install', '--prefix', folder, ...flags, `${name}@${version}`]);
  if (code !== 0 || !existsSync(binary)) throw new Error(`npm could not fetch ${name}@${version}:\n${output}`);
  return binary;
}

async function main(): Promise<void> {
  const version = oldestVersion();
  const node = await fetchNode(version);
  const { stdout } = await run(node, ['--version']);
  if (stdout.trim() !== `v${version}`) throw new Error(`${node} is ${stdout.trim()}, not v${version}`);
  const { code } = await run(node, ['scripts/test.ts', ...process.argv.slice(2)], { inherit: true });
  process.exitCode = code;
}

await main();
