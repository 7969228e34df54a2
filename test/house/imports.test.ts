/** The import graph of the whole tree: direction, cycles, packages, ambient effects. @spec 00-conventions §7 */
import { describe, expect, test } from 'vitest';
import {
  cycles,
  layerOf,
  layerViolations,
  packageViolations,
  reachable,
  readImportGraph,
} from '../../scripts/import-graph.ts';
import { ambientUses } from '../../scripts/lib/ambient.ts';
import { withTree } from './fixture-tree.ts';

const graph = readImportGraph();
const pure = graph.files.filter((file) => file.startsWith('protocol/') && file !== 'protocol/crypto/node.ts');
const manifest = '{"dependencies":{"hono":"1","@noble/hashes":"1"}}';

/** The layer violations of a tree of the given files; each imported file that is not given is added empty. */
function planted(files: Readonly<Record<string, string>>, check: typeof layerViolations = layerViolations): string[] {
  return withTree({ 'package.json': manifest, ...files }, (root) => check(readImportGraph(root)));
}

function plantedPackage(file: string, specifier: string): string[] {
  const files = { 'package.json': manifest, [file]: `import '${specifier}';` };
  return withTree(files, (root) => packageViolations(readImportGraph(root), root));
}

describe('direction', () => {
  test('[CNV-10] the graph is not empty', () => {
    expect(pure.length).toBeGreaterThan(20);
    expect(graph.edges.length).toBeGreaterThan(100);
  });

  test('[CNV-10] every import of the tree follows the one-way order', () => {
    expect(layerViolations(graph)).toEqual([]);
  });

  test('[CNV-10] no files import each other in a circle', () => {
    expect(cycles(graph)).toEqual([]);
  });

  test.each([
    ['protocol/bytes/a.ts', 'protocol/crypto/b.ts'],
    ['protocol/errors.ts', 'protocol/codec/b.ts'],
    ['protocol/crypto/a.ts', 'protocol/codec/b.ts'],
    ['protocol/codec/a.ts', 'protocol/handshake/b.ts'],
    ['protocol/handshake/a.ts', 'protocol/ratchet/b.ts'],
    ['protocol/ratchet/a.ts', 'protocol/session/b.ts'],
    ['protocol/session/a.ts', 'client/b.ts'],
    ['client/a.ts', 'server/b.ts'],
    ['server/a.ts', 'protocol/session/b.ts'],
    ['server/a.ts', 'client/b.ts'],
    ['cli/a.ts', 'protocol/ratchet/b.ts'],
    ['cli/a.ts', 'lab/b.ts'],
    ['cli/demo/a.ts', 'protocol/session/b.ts'],
    ['cli/driver.ts', 'protocol/session/b.ts'],
    ['cli/driver/a.ts', 'client/b.ts'],
    ['cli/driver/a.ts', 'server/b.ts'],
    ['cli/driver/a.ts', 'cli/b.ts'],
    ['protocol/session/a.ts', 'cli/driver/b.ts'],
    ['client/a.ts', 'cli/driver/b.ts'],
    ['protocol/session/a.ts', 'protocol/surprise/b.ts'],
  ])('[CNV-10] finds a planted import of %s from %s', (from, to) => {
    const up = '../'.repeat(from.split('/').length - 1);
    for (const form of [`import '${up}${to}';`, `export * from '${up}${to}';`, `await import('${up}${to}');`]) {
      expect(planted({ [from]: form, [to]: '' })).toContain(`${from}:1 must not import ${to}`);
    }
    const type = `import type { T } from '${up}${to}';`;
    expect(planted({ [from]: type, [to]: '' })).toContain(`${from}:1 must not import ${to}`);
  });

  test.each([
    ['cli/a.ts', 'cli/driver/b.ts'],
    ['cli/driver/a.ts', 'protocol/session/b.ts'],
    ['cli/driver/a.ts', 'protocol/handshake/b.ts'],
    ['cli/driver/a.ts', 'protocol/crypto/b.ts'],
    ['cli/driver/a.ts', 'protocol/testing/b.ts'],
  ])('[CNV-10] lets %s import %s', (from, to) => {
    expect(planted({ [from]: `import '${'../'.repeat(from.split('/').length - 1)}${to}';`, [to]: '' })).toEqual([]);
  });

  test('[CNV-10] finds a planted cycle, a missing file and a computed import', () => {
    const a = "import './b.ts';";
    const b = "import './c.ts';";
    const c = "import type { T } from './a.ts';";
    expect(planted({ 'client/a.ts': a, 'client/b.ts': b, 'client/c.ts': c }, cycles)).toEqual([
      'client/a.ts → client/b.ts → client/c.ts → client/a.ts',
    ]);
    expect(planted({ 'client/a.ts': a })).toEqual(['client/a.ts:1 imports ./b.ts, which does not exist']);
    expect(planted({ 'client/a.ts': 'await import(name);' })).toEqual(['client/a.ts:1 imports a computed name']);
  });
});

describe('ambient effects', () => {
  test('[CNV-11] protocol/ reads no clock, randomness or environment', () => {
    expect(pure.flatMap((file) => ambientUses(file))).toEqual([]);
  });

  test.each([
    ['Date.now()', 'Date'],
    ['new Date()', 'Date'],
    ['Math.random()', 'Math.random'],
    ['process.env.HOME', 'process'],
    ['globalThis.crypto', 'globalThis'],
    ['crypto.getRandomValues(a)', 'crypto'],
    ['performance.now()', 'performance'],
    ['f(setTimeout)', 'setTimeout'],
    ['({ fetch })', 'fetch'],
  ])('[CNV-11] finds a planted %s', (code, name) => {
    const files = { 'protocol/a.ts': `export const x = ${code};` };
    expect(withTree(files, (root) => ambientUses('protocol/a.ts', root))).toEqual([`protocol/a.ts:1 ${name}`]);
  });

  test('[CNV-11] is not misled by properties, keys and types of those names', () => {
    const files = {
      'protocol/a.ts': 'export const x = (a: Date) => ({ process: a.crypto, Date: Math.max(a.random) });',
    };
    expect(withTree(files, (root) => ambientUses('protocol/a.ts', root))).toEqual([]);
  });
});

describe('packages', () => {
  test('[CNV-12] packages and Node modules are imported only where they belong', () => {
    expect(packageViolations(graph)).toEqual([]);
  });

  test.each([
    ['protocol/codec/a.ts', '@noble/hashes/sha2.js'],
    ['client/a.ts', '@noble/hashes/sha2.js'],
    ['server/a.ts', '@noble/hashes/sha2.js'],
    ['protocol/crypto/noble.ts', 'node:crypto'],
    ['protocol/crypto/noble.ts', 'hono'],
    ['client/device.ts', 'node:fs'],
    ['client/device.ts', 'hono'],
    ['server/a.ts', '@signalapp/libsignal-client'],
    ['server/a.ts', 'left-pad'],
    ['server/a.ts', 'vitest'],
  ])('[CNV-12] refuses %s importing %s', (file, specifier) => {
    expect(plantedPackage(file, specifier)).toHaveLength(1);
  });

  test.each([
    ['protocol/crypto/noble.ts', '@noble/hashes/sha2.js'],
    ['protocol/crypto/node.ts', 'node:crypto'],
    ['client/store/sqlite.ts', 'node:sqlite'],
    ['server/a.ts', 'hono'],
    ['test/a.test.ts', 'vitest'],
  ])('[CNV-12] lets %s import %s', (file, specifier) => {
    expect(plantedPackage(file, specifier)).toEqual([]);
  });

  test('[CNV-12] protocol/ without the node provider reaches nothing of Node', () => {
    const entries = graph.files.filter((file) => layerOf(file) === 'protocol-entry');
    expect(entries).toContain('protocol/index.ts');
    const files = reachable(graph, [...entries, 'protocol/crypto/noble.ts']);
    expect(files.size).toBeGreaterThan(20);
    expect(graph.edges.filter((edge) => files.has(edge.from) && edge.to.startsWith('node:'))).toEqual([]);
  });
});
