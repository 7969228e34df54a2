/**
 * The folder of test vectors published by others, which is not part of this repository.
 *
 * @spec 00-conventions §7
 * Owns: where it is looked for, and saying so where it is missing. Must not know: what is in a file.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { reportGap } from './report.ts';

const FOLDER = process.env.PAWL_VECTORS ?? fileURLToPath(new URL('../../../shared/vectors-external/', import.meta.url));

/** False where there is no folder: tests of vectors are then skipped, and counted as skipped, and the end of the run says so. */
export const HAVE_VECTORS = existsSync(FOLDER);
if (!HAVE_VECTORS) reportGap('EXTERNAL VECTORS NOT RUN (folder missing)');

/** The JSON of one file, or null where there is no folder. */
export function externalVectors<T>(path: string): T | null {
  if (!HAVE_VECTORS) return null;
  return JSON.parse(readFileSync(`${FOLDER}/${path}`, 'utf8')) as T;
}
