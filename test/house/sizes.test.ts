/** Length of files and functions. @spec 00-conventions §7 */
import { expect, test } from 'vitest';
import { MAX_FILE_LINES, MAX_FUNCTION_LINES, measureSizes } from '../../scripts/lib/sizes.ts';
import { withTree } from './fixture-tree.ts';

const lines = (n: number): string => 'a();\n'.repeat(n);

test('[CNV-14] no file and no function of the tree is too long', () => {
  const sizes = measureSizes();
  expect(sizes.longestFile).toBeGreaterThan(100);
  expect(sizes.violations).toEqual([]);
});

test('[CNV-14] finds a file of one line too many', () => {
  for (const end of ['ts', 'py']) {
    const files = { [`lab/ok.${end}`]: lines(MAX_FILE_LINES), [`lab/long.${end}`]: lines(MAX_FILE_LINES + 1) };
    expect(withTree(files, measureSizes).violations).toEqual([`lab/long.${end} has 401 lines`]);
  }
});

test.each(['function f() {', 'const f = () => {', 'class A { f() {', 'const a = { get f() {'])(
  '[CNV-14] finds a function of one line too many: %s',
  (head) => {
    const close = head.startsWith('c') && !head.includes('=>') ? '} }' : '}';
    const tree = (n: number) => ({ 'client/a.ts': `${head}\n${lines(n)}${close}\n` });
    expect(withTree(tree(MAX_FUNCTION_LINES - 2), measureSizes).violations).toEqual([]);
    expect(withTree(tree(MAX_FUNCTION_LINES - 1), measureSizes).violations).toHaveLength(1);
  },
);

test('[CNV-14] counts the tests of a group, not the group', () => {
  const body = lines(MAX_FUNCTION_LINES);
  const group = { 'test/a.test.ts': `describe('x', () => {\n${body}});\n` };
  const single = { 'test/a.test.ts': `test('x', () => {\n${body}});\n` };
  expect(withTree(group, measureSizes).violations).toEqual([]);
  expect(withTree(single, measureSizes).violations).toHaveLength(1);
});
