/**
 * The sections of the specification that code names.
 *
 * @spec 00-conventions §7
 * Owns: `@spec` tags and the headings they must lead to. Must not know: requirements.
 */
import { filesBelow, readText, sourceFiles } from './files.ts';

const TAG = /@spec (\d\d-[a-z-]+)((?:,? ?§\d+(?:\.\d+)*)*)/g;

/** Text → the numbers of its sections. */
function headings(root?: string): Map<string, Set<string>> {
  const texts = filesBelow('spec', root).filter((file) => file.endsWith('.md'));
  return new Map(
    texts.map((file) => {
      const numbers = readText(file, root).matchAll(/^#+ (\d+(?:\.\d+)*)[. ]/gm);
      return [file.slice('spec/'.length, -'.md'.length), new Set([...numbers].map(([, number]) => String(number)))];
    }),
  );
}

/** Tags that lead to no text, or to no section of it. */
export function sectionFaults(root?: string): string[] {
  const known = headings(root);
  return sourceFiles(undefined, root).flatMap((file) =>
    [...readText(file, root).matchAll(TAG)].flatMap(([, text = '', sections = '']) => {
      const numbers = [...sections.matchAll(/§([\d.]+)/g)].map(([, number]) => String(number));
      const there = known.get(text);
      if (there === undefined) return [`${file} names spec/${text}.md, which does not exist`];
      return numbers
        .filter((number) => !there.has(number))
        .map((number) => `${file} names ${text} §${number}, which does not exist`);
    }),
  );
}
