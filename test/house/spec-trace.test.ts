/** The trace from requirement to code and test. @spec 00-conventions §7 */
import { describe, expect, test } from 'vitest';
import { idsOfTitle, parseRequirements, readTitles } from '../../scripts/lib/spec.ts';
import { buildIndex, readSources, traceSpec } from '../../scripts/spec-trace.ts';
import { withTree } from './fixture-tree.ts';

const attack = (id: string, due: string) => ({ id, due, policy: 'own', summary: 'x' });

const GOOD: Readonly<Record<string, string>> = {
  'spec/02-handshake.md': '# 02\n\n## 1 First\n\n- **HSK-01** MUST refuse\n  everything.\n- **HSK-02** MAY rest.\n',
  'spec/attacks.json': JSON.stringify({ attacks: [attack('PRIM-01', 'now'), attack('PRIM-02', 'later')] }),
  'protocol/handshake/a.ts': '/** @req HSK-01 */\nexport const a = 1;\n',
  'test/a.test.ts': "test('[HSK-01] refuses', f);\ntest('[PRIM-01] refuses', f);\n",
};

/** The violations of the good tree with some files replaced, its index written afresh. */
function faults(changes: Readonly<Record<string, string>>): readonly string[] {
  const files = { ...GOOD, ...changes };
  const index = withTree(files, (root) => buildIndex(readSources(root)));
  return withTree({ 'spec/requirements.json': index, ...files }, (root) => traceSpec(root)).violations;
}

describe('trace', () => {
  test('[CNV-17] a tree with everything in place has no violation', () => {
    expect(faults({})).toEqual([]);
  });

  test('[CNV-17] finds a MUST without code or test', () => {
    const tagged = { 'lab/a.py': '# @req HSK-01\n' };
    expect(faults({ ...tagged, 'protocol/handshake/a.ts': "export const a = 'HSK-01';\n" })).toEqual([
      'HSK-01 (spec/02-handshake.md) has no code tag',
    ]);
    expect(faults({ 'test/a.test.ts': "test('[PRIM-01] refuses HSK-01', f);\n" })).toEqual([
      'HSK-01 (spec/02-handshake.md) has no test',
    ]);
  });

  test('[CNV-17] finds a due attack without a test, and lets others wait', () => {
    expect(faults({ 'test/a.test.ts': "test('[HSK-01] refuses', f);\n" })).toEqual(['PRIM-01 is due and has no test']);
  });

  test('[CNV-17] finds unknown ids in titles and comments', () => {
    const title = { 'test/b.test.ts': "test('[HSK-01, HSK-77] x', f);\n" };
    expect(faults(title)).toEqual(['test/b.test.ts:1 names HSK-77, which does not exist']);
    const comment = { 'client/b.ts': '// @req HSK-78\nf();\n' };
    expect(faults(comment)).toEqual(['client/b.ts names HSK-78, which does not exist']);
    const python = { 'lab/b.py': '# @req HSK-79\n' };
    expect(faults(python)).toEqual(['lab/b.py names HSK-79, which does not exist']);
  });

  test('[CNV-17] finds sections that are named and do not exist', () => {
    const named = (tag: string) => faults({ 'protocol/handshake/b.ts': `/** @spec ${tag} */\nexport const b = 1;\n` });
    expect(named('02-handshake §1')).toEqual([]);
    expect(named('02-handshake')).toEqual([]);
    expect(named('02-handshake §1, §2')).toEqual([
      'protocol/handshake/b.ts names 02-handshake §2, which does not exist',
    ]);
    expect(named('07-devices §1')).toEqual(['protocol/handshake/b.ts names spec/07-devices.md, which does not exist']);
  });

  test('[CNV-17] finds duplicate ids and bullets that only look like a requirement', () => {
    const text = `${GOOD['spec/02-handshake.md']}- **HSK-01** SHOULD refuse.\n- **HSK-03** must refuse.\n`;
    expect(faults({ 'spec/02-handshake.md': text })).toEqual([
      'spec/02-handshake.md: not of the form "- **ID** MUST …": - **HSK-03** must refuse.',
      'HSK-01 is defined twice',
    ]);
  });

  test('[CNV-17] finds tests without an id', () => {
    const tests = "test('works', f);\ntest(title, f);\ndescribe('[HSK-01] all', () => { test('inherits', f); });\n";
    expect(faults({ 'test/b.test.ts': tests })).toEqual([
      'test/b.test.ts:1 begins with no requirement or attack id',
      'test/b.test.ts:2 has a computed title',
    ]);
  });

  test('[CNV-17] finds a stale and a missing index', () => {
    expect(faults({ 'spec/requirements.json': '{}' })).toEqual(['spec/requirements.json is stale: npm run spec:index']);
    expect(withTree(GOOD, (root) => traceSpec(root)).violations).toEqual([
      'spec/requirements.json is missing: npm run spec:index',
    ]);
  });

  test('[CNV-17] an empty specification is no success', () => {
    expect(faults({ 'spec/02-handshake.md': '', 'protocol/handshake/a.ts': '', 'test/a.test.ts': '' })).toContain(
      'no requirement or no attack was found',
    );
  });
});

describe('reading', () => {
  test('[CNV-17] a requirement may run over several lines and knows its section', () => {
    const text = '## 4.2 Title\n\n- **HSK-05** MUST NOT do\n  this.\n  Nor that.\n\n  Not part.\n- other\n';
    expect(parseRequirements('spec/x.md', text)).toEqual([
      { id: 'HSK-05', level: 'MUST NOT', file: 'spec/x.md', section: '4.2', text: 'do this. Nor that.' },
    ]);
  });

  test('[CNV-17] ids stand in brackets at the beginning of a title', () => {
    expect(idsOfTitle('[HSK-04] x')).toEqual(['HSK-04']);
    expect(idsOfTitle('[HSK-04, REL-22b] x')).toEqual(['HSK-04', 'REL-22b']);
    expect(idsOfTitle('[HSK-04] [PQX-11] x [RAT-01]')).toEqual(['HSK-04', 'PQX-11']);
    expect(idsOfTitle('HSK-04 x')).toEqual([]);
  });

  test('[CNV-17] titles are read from every form of a test', () => {
    const text = [
      "test('[HSK-01] a', f);",
      `it(\`[HSK-02] \${name}\`, f);`,
      "test.each([[1]])('[HSK-03] c', f);",
      "test.skipIf(x)('[HSK-04] d', f);",
      `test.each\`a\n\${1}\`('[HSK-05] e', f);`,
      "describe.each([1])('[HSK-06] f', () => { test('g', f); });",
      "/x/.test('[HSK-07] not one');",
    ].join('\n');
    const titles = withTree({ 'test/t.test.ts': text }, (root) => readTitles('test/t.test.ts', root));
    expect(titles.map((title) => [title.ids, title.inherited])).toEqual([
      [['HSK-01'], []],
      [['HSK-02'], []],
      [['HSK-03'], []],
      [['HSK-04'], []],
      [['HSK-05'], []],
      [['HSK-06'], []],
      [[], ['HSK-06']],
    ]);
  });
});
