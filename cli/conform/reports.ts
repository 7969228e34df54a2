/**
 * The files of a report.
 *
 * @spec 14-vectors §5
 * Owns: their folder, links from the page to the specification. Must not know: what is in them.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { junit } from './junit.ts';
import { page, type SpecLink } from './page.ts';
import type { Run } from './run.ts';
import { totals } from './summary.ts';

/** One folder after the other: Node's own recursion does not end below /proc. */
function make(folder: string): void {
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory()) throw new Error(`${folder} is no folder`);
    return;
  }
  make(dirname(folder));
  mkdirSync(folder);
}

/** Makes sure, before anything is run, that a report can be written. @throws {Error} that names the flag */
export function openFolder(folder: string): void {
  try {
    make(resolve(folder));
    // @req VEC-21
    closeSync(openSync(join(folder, 'report.json'), 'a'));
  } catch (error) {
    throw new Error(`--report ${folder}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The anchor that a heading `## 3 Name` has where Markdown is rendered; null where there is none. */
function anchorOf(text: string, number: string): string | null {
  const heading = text.split('\n').find((line) => line.startsWith(`## ${number} `));
  const words = heading
    ?.slice(3)
    .toLowerCase()
    .replace(/[^\p{L}\p{N} -]/gu, '');
  return words === undefined ? null : words.replaceAll(' ', '-');
}

function linksInto(spec: string, folder: string): SpecLink {
  return (section) => {
    const [, name = '', number] = /^spec\/([\w.-]+)(?: §(\d+))?/.exec(section) ?? [];
    const file = join(spec, name);
    if (name === '' || !existsSync(file)) return null;
    const anchor = number === undefined ? null : anchorOf(readFileSync(file, 'utf8'), number);
    const path = relative(folder, file).replaceAll('\\', '/') || pathToFileURL(file).href;
    return anchor === null ? path : `${path}#${encodeURIComponent(anchor)}`;
  };
}

/** Writes all three. @param spec the folder of the specification */
export async function writeReports(run: Run, folder: string, spec: string): Promise<void> {
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify({ date, totals: totals(run), ...run }, null, 1)}\n`);
  writeFileSync(join(folder, 'junit.xml'), await junit(run));
  writeFileSync(join(folder, 'index.html'), await page(run, linksInto(spec, folder), date));
}
