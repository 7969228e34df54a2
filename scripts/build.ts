/**
 * `npm run build`: `dist/` as it is published, JavaScript and declarations.
 *
 * Owns: emptying `dist/`, running the compiler, the last touches that the compiler does not do.
 */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow } from './lib/files.ts';
import { ROOT, runTool } from './lib/run.ts';

const DIST = join(ROOT, 'dist');

/** The compiler rewrites `.ts` in emitted imports, but not in emitted declarations. */
function rewriteDeclaration(file: string): void {
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/((?:from |import\(|import )(['"])\.[^'"]*)\.ts\2/g, '$1.js$2'));
}

async function main(): Promise<void> {
  rmSync(DIST, { recursive: true, force: true });
  const { code, output } = await runTool('typescript/bin/tsc', ['-p', 'tsconfig.build.json', '--pretty', 'false']);
  if (output !== '') console.log(output.trimEnd());
  const files = filesBelow('dist');
  for (const file of files) if (file.endsWith('.d.ts')) rewriteDeclaration(join(ROOT, file));
  const bin = join(DIST, 'cli/pawl.js');
  if (existsSync(bin)) chmodSync(bin, 0o755);
  console.log(`dist/: ${files.length} files`);
  process.exitCode = code;
}

await main();
