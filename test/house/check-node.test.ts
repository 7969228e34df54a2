/** The advice for a Node that is too old. @spec 00-conventions §7 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';

interface CheckNode {
  adviceFor(version: string, manifest: unknown, folder: string): string | null;
  compareVersions(a: string, b: string): number;
}

const PATH = 'scripts/check-node.cjs';
const { adviceFor, compareVersions } = createRequire(import.meta.url)(`../../${PATH}`) as CheckNode;
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  engines: { node: string };
  devDependencies: { node: string };
  scripts: Record<string, string>;
};

describe('check-node', () => {
  test('[CNV-18] every npm script begins with the check', () => {
    const scripts = Object.entries(manifest.scripts).filter(([, command]) => !command.startsWith('npm run '));
    expect(scripts.length).toBeGreaterThan(8);
    for (const [name, command] of scripts) expect(`${name}: ${command}`).toContain(`: node ${PATH} && `);
  });

  test('[CNV-18] an old Node is told what to do, a new one nothing', () => {
    const floor = manifest.engines.node.replace('>=', '');
    expect(adviceFor(`v${floor}`, manifest, '/x')).toBeNull();
    expect(adviceFor('v26.0.0', manifest, '/x')).toBeNull();
    expect(adviceFor('v100.0.0', manifest, '/x')).toBeNull();
    for (const old of ['v24.17.9', 'v22.99.0', 'v9.11.2', 'v0.10.48']) {
      const advice = adviceFor(old, manifest, '/x');
      for (const part of [floor, old.slice(1), 'npm ci', 'npm rebuild node', manifest.devDependencies.node, '/x']) {
        expect(advice).toContain(part);
      }
    }
  });

  test('[CNV-18] versions compare by number', () => {
    expect(compareVersions('24.18.0', '24.9.0')).toBeGreaterThan(0);
    expect(compareVersions('9.0.0', '24.0.0')).toBeLessThan(0);
    expect(compareVersions('24.18.0', '24.18.0')).toBe(0);
  });

  test('[CNV-18] the script is readable by a Node of 2010 and silent on this one', () => {
    const code = readFileSync(PATH, 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
    expect(code).not.toMatch(/=>|`|\b(const|let|class|import|async|await)\b|\.\.\.[a-z[]|\?\?|\?\.|,\s*\)/);
    expect(execFileSync(process.execPath, [PATH], { encoding: 'utf8' })).toBe('');
  });
});
