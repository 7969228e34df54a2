import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
// Inside the repository the package's names lead to sources, so that the example runs before anything is built.
const folder = mkdtempSync(join(root, 'test/docs/.example-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('[CNV-16] the README', () => {
  test('[CNV-16] its library example runs as printed', () => {
    expect(example.split('\n').length).toBeGreaterThan(15);
    const source = example
      .replace("'pawl/client'", "'../../../client/index.ts'")
      .replace("'pawl/server'", "'../../../server/index.ts'")
      .replace("'pawl/crypto/node'", "'../../../protocol/crypto/node.ts'");
    const file = join(folder, 'example.ts');
    writeFileSync(file, source);
    expect(execFileSync(process.execPath, [file], { encoding: 'utf8' })).toBe('hello, Bob\n');
  });

  test('[CNV-16] its two commands are scripts of the package', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(readme).toContain('npm ci && npm run demo');
    expect(readme).toContain('\nnpm test ');
    expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(['demo', 'test']));
  });

  test('[CNV-16] [DRV-09] its line to a driver is answered as shown', () => {
    const command = /^printf .* \| npm run -s driver$/m.exec(readme)?.[0] ?? '';
    const shown = /^ {4}(\{"id":1,"ok":.*\})$/m.exec(readme)?.[1] ?? '';
    const answer = execFileSync('sh', ['-c', command], { encoding: 'utf8', cwd: root });
    const { version, ops, suites, kems } = (JSON.parse(answer) as { ok: Record<string, string & string[]> }).ok;
    const filled = shown.replace('"…"', JSON.stringify(version)).replace('["hello",…]', JSON.stringify(ops));
    expect(answer).toBe(`${filled.replace('[…]', JSON.stringify(suites)).replace('[…]', JSON.stringify(kems))}\n`);
    expect(ops?.length).toBeGreaterThan(20);
  });

  test('[CNV-16] every file it links to exists', () => {
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1] as string);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) expect(() => readFileSync(join(root, link)), link).not.toThrow();
  });
});
