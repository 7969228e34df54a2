/**
 * Requirements and attacks, and where they are named.
 *
 * @spec 00-conventions §7
 * Owns: reading `spec/*.md`, `spec/attacks.json`, the ids in comments of the code and in titles of tests.
 */
import ts from 'typescript';
import { filesBelow, lineOf, parse, pythonFiles, readText, SHIPPED_FOLDERS, sourceFiles } from './files.ts';

/** One requirement of `spec/`. */
export interface Requirement {
  readonly id: string;
  readonly level: string;
  readonly file: string;
  /** Number of the section it stands in. */
  readonly section: string;
  readonly text: string;
}

/** One attack of `spec/attacks.json`. */
export interface Attack {
  readonly id: string;
  readonly due: 'now' | 'later';
  readonly policy: string;
  readonly summary: string;
}

/** One test title, or the title of a group. */
export interface Title {
  readonly file: string;
  readonly line: number;
  /** The literal beginning of the title; null where it is computed altogether. */
  readonly text: string | null;
  readonly ids: readonly string[];
  /** Ids of the groups around it. */
  readonly inherited: readonly string[];
  readonly group: boolean;
}

const ID = /\b[A-Z]{2,6}-\d{2}[a-z]?\b/g;
const BULLET = /^- \*\*([A-Z]+-\d+[a-z]?)\*\* ((?:MUST|SHOULD)(?: NOT)?|MAY)\b ?(.*)$/;

/** The requirements of one specification file. */
export function parseRequirements(file: string, text: string): Requirement[] {
  const found: { id: string; level: string; file: string; section: string; text: string }[] = [];
  let section = '';
  let open = false;
  for (const line of text.split('\n')) {
    section = /^#{2,} (\d+(?:\.\d+)*)/.exec(line)?.[1] ?? section;
    const bullet = BULLET.exec(line);
    const last = found.at(-1);
    if (bullet !== null) {
      const [, id = '', level = '', rest = ''] = bullet;
      found.push({ id, level, file, section, text: rest });
      open = true;
    } else if (open && last !== undefined && /^ +\S/.test(line)) last.text += ` ${line.trim()}`;
    else open = false;
  }
  return found;
}

/** Bullets that begin like a requirement but are not of the one form. */
function malformedBullets(file: string, text: string): string[] {
  const lines = text.split('\n').filter((line) => /^\s*[-*] \*\*[A-Z]+-\d/.test(line) && !BULLET.test(line));
  return lines.map((line) => `${file}: not of the form "- **ID** MUST …": ${line.slice(0, 60)}`);
}

/** All requirements of `spec/`, and the lines that look like one but are none. */
export function readRequirements(root?: string): { requirements: Requirement[]; malformed: string[] } {
  const files = filesBelow('spec', root).filter((file) => /^spec\/[^/]+\.md$/.test(file));
  const texts = files.map((file): [string, string] => [file, readText(file, root)]);
  return {
    requirements: texts.flatMap(([file, text]) => parseRequirements(file, text)),
    malformed: texts.flatMap(([file, text]) => malformedBullets(file, text)),
  };
}

/** The attacks of `spec/attacks.json`. */
export function readAttacks(root?: string): readonly Attack[] {
  return (JSON.parse(readText('spec/attacks.json', root)) as { attacks: Attack[] }).attacks;
}

/** Id → the files of shipped code, of the checks in `scripts/`, of the lab and of the vectors whose comments name it. */
export function readCodeTags(root?: string): Map<string, Set<string>> {
  const tags = new Map<string, Set<string>>();
  for (const file of sourceFiles([...SHIPPED_FOLDERS, 'scripts', 'lab', 'vectors'], root)) {
    for (const line of readText(file, root).split('\n')) {
      const comment = /(?:\/\/|^\s*\/?\*).*$/.exec(line)?.[0] ?? '';
      for (const id of comment.match(ID) ?? []) tags.set(id, (tags.get(id) ?? new Set()).add(file));
    }
  }
  return tags;
}

/** The same of the driver in Python, whose tags must lead somewhere, but are no sign that our own code obeys. */
export function readPythonTags(root?: string): Map<string, Set<string>> {
  const tags = new Map<string, Set<string>>();
  for (const file of pythonFiles(root)) {
    for (const [, id = ''] of readText(file, root).matchAll(/@req ([A-Z]{2,6}-\d{2}[a-z]?)\b/g)) {
      tags.set(id, (tags.get(id) ?? new Set()).add(file));
    }
  }
  return tags;
}

/** `test`, `it` or `describe` for a call of those or of `test.each(…)` and the like. */
function callKind(node: ts.CallExpression): string | null {
  let callee: ts.Node = node.expression;
  let applied = false;
  for (;;) {
    if (ts.isPropertyAccessExpression(callee)) {
      if (!applied && ['each', 'for', 'skipIf', 'runIf'].includes(callee.name.text)) return null;
      callee = callee.expression;
    } else if (ts.isCallExpression(callee) || ts.isTaggedTemplateExpression(callee)) {
      callee = ts.isCallExpression(callee) ? callee.expression : callee.tag;
      applied = true;
    } else break;
  }
  return ts.isIdentifier(callee) && ['test', 'it', 'describe'].includes(callee.text) ? callee.text : null;
}

function literalText(node: ts.Node | undefined): string | null {
  if (node === undefined) return null;
  if (ts.isStringLiteralLike(node)) return node.text;
  return ts.isTemplateExpression(node) && node.head.text !== '' ? node.head.text : null;
}

/** `[HSK-04, PQX-11] …` and `[HSK-04] [PQX-11] …` alike. */
export function idsOfTitle(title: string): string[] {
  return /^(\[[^\]]*\]\s*)+/.exec(title)?.[0].match(ID) ?? [];
}

/** The titles of one test file. */
export function readTitles(file: string, root?: string): Title[] {
  const titles: Title[] = [];
  const visit = (node: ts.Node, inherited: readonly string[]): void => {
    const kind = ts.isCallExpression(node) ? callKind(node) : null;
    let below = inherited;
    if (ts.isCallExpression(node) && kind !== null && node.arguments.length > 1) {
      const text = literalText(node.arguments[0]);
      const ids = text === null ? [] : idsOfTitle(text);
      titles.push({ file, line: lineOf(node), text, ids, inherited, group: kind === 'describe' });
      below = [...inherited, ...ids];
    }
    ts.forEachChild(node, (child) => visit(child, below));
  };
  visit(parse(file, root), []);
  return titles;
}

/** The titles of every test file. */
export function readAllTitles(root?: string): Title[] {
  return sourceFiles(['test'], root)
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => readTitles(file, root));
}

/** `HSK` of `HSK-04`. */
export function prefixOf(id: string): string {
  return id.split('-')[0] ?? '';
}
