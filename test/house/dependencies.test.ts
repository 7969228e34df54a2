/** Runtime dependencies and their reasons. @spec 00-conventions §7 */
import { expect, test } from 'vitest';
import { checkDependencies, MAX_DEPENDENCIES } from '../../scripts/lib/dependencies.ts';
import { withTree } from './fixture-tree.ts';

const row = (name: string): string => `| \`${name}\` | because |\n`;

/** The violations of a tree with these dependencies and this document. */
function planted(names: readonly string[], document: string, extra: object = {}, lock: object = { packages: {} }) {
  const dependencies = Object.fromEntries(names.map((name) => [name, '1.0.0']));
  const files = {
    'package.json': JSON.stringify({ dependencies, ...extra }),
    'package-lock.json': JSON.stringify(lock, null, 2),
    'docs/dependencies.md': `| package | reason |\n| --- | --- |\n${document}`,
  };
  return withTree(files, checkDependencies);
}

test('[CNV-15] every runtime dependency has a reason, and there are few', () => {
  const report = checkDependencies();
  expect(report.counted).toBeGreaterThan(0);
  expect(report.violations).toEqual([]);
});

test('[CNV-15] counts to twenty, @noble/* as one', () => {
  const names = Array.from({ length: MAX_DEPENDENCIES }, (_, i) => `p${i}`);
  const noble = ['@noble/hashes', '@noble/curves'];
  const document = [...names, ...noble].map(row).join('');
  expect(planted([...names.slice(1), ...noble], document.replace(row('p0'), ''))).toEqual({
    counted: 20,
    violations: [],
  });
  expect(planted([...names, ...noble], document).violations).toEqual(['21 runtime dependencies, at most 20']);
});

test('[CNV-15] finds a missing reason, a stale row and a range', () => {
  expect(planted(['hono'], '').violations).toEqual(['hono has no reason in docs/dependencies.md']);
  expect(planted(['hono'], '| `hono` |  |\n').violations).toEqual(['hono has no reason in docs/dependencies.md']);
  expect(planted([], row('hono')).violations).toEqual(['docs/dependencies.md names hono']);
  expect(planted([], '', { devDependencies: { vitest: '^5.0.0' } }).violations).toEqual([
    'vitest is not pinned exactly',
  ]);
});

test('[CNV-15] finds install scripts nobody approved and approvals of others', () => {
  const scripted = { packages: { 'node_modules/sharp': { hasInstallScript: true, integrity: 'x' } } };
  expect(planted([], '', {}, scripted).violations).toEqual(['sharp has an install script nobody approved']);
  const approved = planted([], '', { allowScripts: { sharp: true } }, scripted);
  expect(approved.violations).toEqual(['allowScripts approves sharp']);
});

test('[CNV-15] finds what is wrong with the lock file', () => {
  const entry = { integrity: 'x', optionalDependencies: { b: '1.0.0', c: '1.0.0' } };
  const packages = {
    '': {},
    'node_modules/a': entry,
    'node_modules/a/node_modules/b': { resolved: 'https://registry.example/b.tgz' },
  };
  expect(planted([], '', {}, { packages }).violations).toEqual([
    'package-lock.json lacks c, an optional part of node_modules/a',
    'package-lock.json has no hash of node_modules/a/node_modules/b',
    'package-lock.json names a registry host for node_modules/a/node_modules/b',
  ]);
});
