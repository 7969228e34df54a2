/** Seeded and given randomness, and who can reach it. @spec 00-conventions §7 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ImportGraph, layerOf, layerViolations, reachable, readImportGraph } from '../../scripts/import-graph.ts';
import { ambientUses } from '../../scripts/lib/ambient.ts';
import { SHIPPED_FOLDERS } from '../../scripts/lib/files.ts';
import { ROOT } from '../../scripts/lib/run.ts';
import { withTree } from './fixture-tree.ts';

const TESTING = 'protocol/testing';
const graph = readImportGraph();
const shipped = graph.files.filter((file) => SHIPPED_FOLDERS.includes(file.split('/')[0] ?? ''));
/** The command, which is the driver's process, and the program that offers it. */
const DRIVER = ['cli/pawl.ts', 'cli/program.ts', 'cli/driver-command.ts'];
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { default: string }>;
};
/** The source files behind the package's `exports`. */
const entries = Object.values(manifest.exports).flatMap((target) =>
  typeof target === 'string' ? [] : [target.default.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts')],
);

/** Files of protocol/testing that others lead to. */
function testingBehind(starts: readonly string[], within: ImportGraph = graph): string[] {
  return [...reachable(within, starts)].filter((file) => layerOf(file) === TESTING);
}

describe('derandomised entries', () => {
  test('[CNV-13] [JS-05] neither the exports of the package nor client, server or protocol reach protocol/testing', () => {
    expect(entries).toEqual(expect.arrayContaining(['protocol/index.ts', 'client/index.ts', 'server/index.ts']));
    expect(entries.every((entry) => graph.files.includes(entry))).toBe(true);
    expect(testingBehind(entries)).toEqual([]);
    const others = shipped.filter((file) => !/^(cli\/driver|protocol\/testing)\//.test(file) && !DRIVER.includes(file));
    expect(others.length).toBeGreaterThan(100);
    expect(testingBehind(others)).toEqual([]);
  });

  test('[CNV-13] [JS-05] the driver alone brings it along: of the command line, its command and the program', () => {
    for (const file of shipped.filter((name) => name.startsWith('cli/') && layerOf(name) === 'cli')) {
      expect([file, testingBehind([file]).length > 0]).toEqual([file, DRIVER.includes(file)]);
    }
    const importers = graph.edges.filter(({ from, to }) => layerOf(to) === TESTING && layerOf(from) !== TESTING);
    const layers = new Set(importers.map(({ from }) => layerOf(from)));
    const allowed = ['cli/driver', 'test', 'vectors', 'lab', 'bench'];
    expect([...layers].filter((layer) => !allowed.includes(layer))).toEqual([]);
    expect(layers).toContain('cli/driver');
  });

  test('[CNV-13] finds a planted import of protocol/testing', () => {
    const testing = 'protocol/testing/tape.ts';
    const planted = (from: string) => {
      const up = '../'.repeat(from.split('/').length - 1);
      return withTree({ [from]: `import '${up}${testing}';`, [testing]: '' }, (root) =>
        layerViolations(readImportGraph(root)),
      );
    };
    for (const from of [
      'protocol/session/a.ts',
      'client/b/a.ts',
      'server/b/a.ts',
      'cli/b/a.ts',
      'cli/driver-command.ts',
    ]) {
      expect(planted(from)).toEqual([`${from}:1 must not import ${testing}`]);
    }
    for (const from of ['cli/driver/a.ts', 'lab/driver/a.ts', 'bench/b/a.ts', 'vectors/gen/a.ts', 'test/b/a.ts']) {
      expect(planted(from)).toEqual([]);
    }
  });

  test('[JS-05] nothing that ships calls the language’s own weak generator', () => {
    const weak = (file: string, root?: string) => ambientUses(file, root).filter((use) => use.endsWith(' Math.random'));
    expect(shipped.flatMap((file) => weak(file))).toEqual([]);
    const files = { 'client/a.ts': 'export const x = Math.random();' };
    expect(withTree(files, (root) => weak('client/a.ts', root))).toEqual(['client/a.ts:1 Math.random']);
  });
});
