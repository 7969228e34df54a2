/**
 * A folder of published vectors.
 *
 * @spec 14-vectors §1
 * Owns: which files of a folder are looked at, and which are missing. Must not know: what is in them.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { baseName, RECORDED } from './catalogue.ts';
import { BadFile } from './shape.ts';

/** Where a checkout of Wycheproof has the vectors of its current form. The rest of it is not looked at. */
const CHECKOUT_FOLDER = 'testvectors_v1';
const WYCHEPROOF = 'wycheproof/';

/** What was found. Paths are relative to the folder. */
export interface Found {
  readonly files: readonly string[];
  /** Recorded files that a folder of this layout has, and this one has not. */
  readonly missing: readonly string[];
  /** Laid out like the collection that was recorded, so that what is missing was lost. */
  readonly collection: boolean;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function filesBelow(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(root, path) : [path];
    })
    .sort();
}

/** The files of a folder. @throws {BadFile} if there is none, or it cannot be read. */
export function findFiles(folder: string): Found {
  // @req VEC-05
  if (!isFolder(folder)) throw new BadFile(folder, 'there is no such folder');
  const checkout = isFolder(join(folder, CHECKOUT_FOLDER));
  const collection = isFolder(join(folder, WYCHEPROOF));
  try {
    const files = filesBelow(folder, checkout ? CHECKOUT_FOLDER : '');
    const names = new Set(files.map(baseName));
    const expected = Object.keys(RECORDED).filter((name) => collection || (checkout && name.startsWith(WYCHEPROOF)));
    return { files, missing: expected.filter((name) => !names.has(baseName(name))), collection };
  } catch (error) {
    throw new BadFile(folder, `cannot be read (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** The text of a file. @throws {BadFile} */
export function readVectors(folder: string, file: string): string {
  try {
    return readFileSync(join(folder, file), 'utf8');
  } catch (error) {
    throw new BadFile(file, `cannot be read (${error instanceof Error ? error.message : String(error)})`);
  }
}
