/**
 * The guide in `vectors/README.md`: what it shows is what its commands answer.
 *
 * @spec 14-vectors §3, 16-doctor §2
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const guide = readFileSync(join(root, 'vectors/README.md'), 'utf8');
const blocks = [...guide.matchAll(/^( *)```sh\n([\s\S]*?)\n\1```\n((?:\n {4,}\S.*(?:\n {4,}\S.*)*)?)/gm)].map(
  ([, , command = '', shown = '']) => ({ command, shown: shown.trim().split(/\n\s*/) }),
);
const run = (command: string) => spawnSync('sh', ['-c', command], { encoding: 'utf8', cwd: root });

describe('[CNV-16] the guide to the vectors', () => {
  test('[CNV-16] has a command of each kind', () => {
    expect(blocks.map(({ command }) => /driver$|conform|doctor/.exec(command)?.[0])).toEqual([
      'driver',
      'conform',
      'doctor',
      'doctor',
      'doctor',
    ]);
  });

  test('[CNV-16] [DRV-01] its request has the answer that is shown', () => {
    const [request] = blocks;
    expect(run(request?.command ?? '').stdout.trim()).toBe(request?.shown.join(''));
  });

  test('[CNV-16] [VEC-18] its first report has the numbers that are told', () => {
    const counts = /It ends with `([^`]+)`/.exec(guide)?.[1] ?? 'no numbers';
    const command = blocks[1]?.command.trim().replace(' --report out', '') ?? '';
    const { status, stdout } = run(command);
    expect({ status, last: stdout.trim().split('\n').at(-1)?.trim() }).toEqual({ status: 0, last: counts });
  });

  test.each(blocks.filter(({ command }) => command.includes('doctor')))('[CNV-16] [DOC-03] $command', (block) => {
    const { status, stdout } = run(block.command);
    expect(status).toBe(1);
    expect(block.shown.length).toBeGreaterThan(0);
    for (const line of block.shown) expect(stdout).toContain(line.replace(/…$/, ''));
  });
});
