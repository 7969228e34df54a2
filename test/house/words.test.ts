/** What text and code must not say. @spec 00-conventions §7 */
import { describe, expect, test } from 'vitest';
import { claims, leftovers, treeClaims, treeLeftovers } from '../../scripts/lib/words.ts';
import { withTree } from './fixture-tree.ts';

describe('claims', () => {
  test('[JS-02] README, CHANGELOG, docs/ and spec/ claim nothing that JavaScript cannot keep', () => {
    expect(treeClaims()).toEqual([]);
  });

  test('[JS-02] a missing README is a failure', () => {
    expect(() => withTree({ 'CHANGELOG.md': '' }, (root) => treeClaims(root))).toThrow(/README\.md/);
  });

  test.each([
    'All comparisons are constant-time.',
    'Runs in constant time on every platform.',
    'The comparison is algorithmic; it is constant\ntime too.',
    'Side-channel resistant by design.',
    'Immune to timing attacks.',
    'Military-grade encryption.',
    'Secrets are completely erased after use.',
    'Keys are fully wiped.',
    'The code is audited.',
    'It guarantees that keys leave memory.',
    'A production-ready messenger.',
    '| MAC | constant-time compare |',
    '- provably secure',
  ])('[JS-02] finds the planted claim "%s"', (claim) => {
    const text = `# Title\n\nAn honest line.\n\n${claim} Then another.\n`;
    expect(claims('README.md', text)).toHaveLength(1);
    const tree = { 'README.md': text, 'CHANGELOG.md': '' };
    expect(withTree(tree, (root) => treeClaims(root))).toHaveLength(1);
  });

  test.each([
    'Comparison of MACs is algorithmic constant time.',
    'JavaScript cannot promise constant time: the compiler and the collector defeat it.',
    'Not audited.',
    'It is not side-channel resistant.',
    "We don't guarantee that keys leave memory.",
  ])('[JS-02] allows "%s"', (text) => {
    expect(claims('README.md', text)).toEqual([]);
  });
});

describe('left-overs', () => {
  test('[CNV-19] no unfinished work and no silenced check without a reason', () => {
    expect(treeLeftovers()).toEqual([]);
  });

  test.each([
    '// TODO later',
    '/* FIXME */',
    "throw new Error('not implemented');",
    'const x = y as any;',
    '// @ts-ignore',
    '// @ts-expect-error',
    '// biome-ignore lint/suspicious/noExplicitAny',
    '// biome-ignore lint/suspicious/noExplicitAny:',
    '// eslint-disable-next-line',
    "test.skip('x', f);",
    "describe.only('x', f);",
    'debugger;',
  ])('[CNV-19] finds %s', (line) => {
    expect(leftovers('a.ts', `const a = 1;\n${line}\n`)).toEqual([expect.stringMatching(/^a\.ts:2 /)]);
  });

  test.each([
    '// @ts-expect-error the argument is wrong on purpose',
    '// biome-ignore lint/suspicious/noExplicitAny: the callee takes anything',
    "test.skipIf(folder === null)('x', f);",
  ])('[CNV-19] allows %s', (line) => {
    expect(leftovers('a.ts', line)).toEqual([]);
  });
});
