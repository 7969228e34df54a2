/**
 * The folder of test vectors published by others, which is not part of this repository.
 *
 * @spec 14-vectors §1
 * Owns: where it is looked for, saying so where it is missing, and that a test gets every recorded case as published.
 * Must not know: what is in a file.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { countsOf, recordedOf, useOf } from '../../vectors/external/catalogue.ts';
import { drops } from '../../vectors/external/results.ts';
import type { Outcome } from '../../vectors/external/verdict.ts';
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

/**
 * What came of one file, or null where there is no folder.
 * @throws {Error} naming every case that did not come out as published, and every count that is less than recorded.
 */
export function externalOutcome(path: string, provider: CryptoProvider): Outcome | null {
  const json = externalVectors<unknown>(path);
  if (json === null) return null;
  const [use, recorded] = [useOf(path, json), recordedOf(path)];
  if (use.use !== 'run' || recorded === null) throw new Error(`${path} is not run`);
  const outcome = use.run(provider);
  const expected = provider.name === 'node' ? recorded : { ...recorded, native: 0, answers: 0 };
  const differences = outcome.verdicts
    .filter((verdict) => verdict.differences.length > 0)
    .map((verdict) => `${path} ${verdict.id}: ${verdict.differences.join('; ')}`);
  const faults = [...differences, ...drops(path, countsOf(outcome), expected)];
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return outcome;
}

/** How often each refusal was given; cases that were not refused are left out. */
export function refusals({ verdicts }: Outcome): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { refused } of verdicts) if (refused !== null) counts[refused] = (counts[refused] ?? 0) + 1;
  return counts;
}
