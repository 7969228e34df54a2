import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const manifest = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { default: string }>;
};

/** `pawl/protocol` and the like mean the sources here, so that examples run as a user would write them. */
const alias = Object.entries(manifest.exports).flatMap(([entry, target]) => {
  if (typeof target === 'string') return [];
  const source = target.default.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts');
  return [{ find: new RegExp(`^${entry.replace('.', 'pawl')}$`), replacement: join(import.meta.dirname, source) }];
});

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    passWithNoTests: false,
    allowOnly: false,
    testTimeout: process.env.PAWL_NIGHTLY === '1' ? 3_600_000 : 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 20_000,
    reporters: ['default'],
  },
});
