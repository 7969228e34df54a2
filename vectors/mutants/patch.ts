/**
 * The sources of a mutant.
 *
 * @spec 14-vectors §7
 * Owns: applying changes, refusing those that do not apply. Must not know: modules, processes.
 */
import type { Mutant } from './mutant.ts';

/** A change that does not apply: what it would make is not the mutant that it says. */
export class PatchFault extends Error {}

/**
 * The changed files of a mutant, path → text.
 * @param read the text of a file of the repository
 * @throws {PatchFault} where a text does not stand in its file exactly once, or is not changed.
 */
export function patchedSources(
  { name, changes }: Pick<Mutant, 'name' | 'changes'>,
  read: (file: string) => string,
): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  if (changes.length === 0) throw new PatchFault(`${name}: changes nothing`);
  for (const { file, text, becomes } of changes) {
    const source = sources.get(file) ?? read(file);
    const found = source.split(text).length - 1;
    // @req VEC-30
    if (text === '' || found !== 1) throw new PatchFault(`${name}: ${file} has the text ${found} times: ${text}`);
    if (text === becomes) throw new PatchFault(`${name}: ${file} is left as it is`);
    sources.set(
      file,
      source.replace(text, () => becomes),
    );
  }
  return sources;
}
