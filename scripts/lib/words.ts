/**
 * Words that must not stand in code, and claims that must not stand in text.
 *
 * @spec 00-conventions §7
 * Owns: both lists. This file and its test are the only ones in which they may be spelt out.
 */
import { CODE_FOLDERS, filesBelow, readText } from './files.ts';

/** Left-overs and silenced checks. @req CNV-19 */
const LEFTOVERS: readonly (readonly [RegExp, string])[] = [
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'unfinished work'],
  [/\bnot (yet )?implemented\b|\bplaceholder\b/i, 'unfinished work'],
  [/\bas any\b|<any>/, 'a type switched off'],
  [/@ts-(ignore|nocheck)\b/, 'a type check switched off'],
  [/@ts-expect-error\s*$/, 'an expected type error without a reason'],
  [/biome-ignore[^:]*$|biome-ignore[^:]*:\s*$|biome-ignore-all/, 'a lint rule switched off without a reason'],
  [/eslint-disable|prettier-ignore/, 'a directive for a tool that is not used'],
  [/\b(test|it|describe)\.(skip|only|todo|fails)\b/, 'a test switched off or singled out'],
  [/\bdebugger;/, 'a break point'],
];

/**
 * Claims that JavaScript cannot keep or that nobody has checked (attack JS-02). A sentence that denies the claim may
 * contain it, and constant time may be claimed of an algorithm.
 */
const CLAIMS: readonly RegExp[] = [
  /(?<!algorithmic(ally)?[ -])\bconstant[- ]time\b/i,
  /\b(side[- ]channels?|timing([- ]attacks?)?)[- ](free|resistant|resistance|proof|safe|immune)\b/i,
  /\b(immune|resistant|invulnerable) (to|against) (all )?(timing|side[- ]channel)/i,
  /\b(timing|side)[- ](safe|proof)\b/i,
  /\b(unbreakable|unhackable|bullet-?proof|military[- ]grade|bank[- ]grade|quantum[- ]proof|100 ?% secure)\b/i,
  /\b(perfectly|absolutely|completely|fully) (secure|safe|erased?|wiped?|zeroi[sz]ed?)\b/i,
  /\b(provably secure|proven secure|formally verified|production[- ]ready|battle[- ]tested)\b/i,
  /\baudited\b/i,
  /\bguarante(e|es|ed|eing)\b[^.]*\b(eras|wip|zeroi|memory)/i,
];
const DENIAL = /\b(no|not|never|cannot|neither|nor|without|none|nobody|un(audited|proven))\b|n['’]t\b/i;

const CODE_WORDS_EXEMPT: readonly string[] = ['scripts/lib/words.ts', 'test/house/words.test.ts'];

/** Unfinished work and silenced checks in one text, as `file:line what`. */
export function leftovers(file: string, text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      LEFTOVERS.flatMap(([pattern, what]) => (pattern.test(line) ? [`${file}:${index + 1} ${what}`] : [])),
    );
}

/** The sentences, list items and table cells of a Markdown text, on one line each. */
function sentences(text: string): string[] {
  const joined = text.replace(/\n(?=[^\n#>|*\-\d`])\s*/g, ' ');
  return joined.split(/\n|(?<=[.!?])\s|(?<=\S) \| /).map((sentence) => sentence.trim());
}

/** Forbidden claims in one text, as `file: sentence`. */
export function claims(file: string, text: string): string[] {
  return sentences(text)
    .filter((sentence) => CLAIMS.some((claim) => claim.test(sentence)) && !DENIAL.test(sentence))
    .map((sentence) => `${file}: ${sentence}`);
}

/** Left-overs in the code and texts of a tree. */
export function treeLeftovers(root?: string): string[] {
  const files = [...CODE_FOLDERS, 'spec', 'docs'].flatMap((folder) => filesBelow(folder, root));
  const texts = files.filter((file) => /\.([cm]?[jt]s|py|md)$/.test(file) && !file.startsWith('docs/api/'));
  return texts
    .filter((file) => !CODE_WORDS_EXEMPT.includes(file))
    .flatMap((file) => leftovers(file, readText(file, root)));
}

/**
 * Forbidden claims in the texts that a user reads.
 * @throws {Error} when README.md is missing: a check over nothing must not pass.
 */
export function treeClaims(root?: string): string[] {
  const folders = ['docs', 'spec'].flatMap((folder) => filesBelow(folder, root));
  const texts = folders.filter((file) => file.endsWith('.md') && !file.startsWith('docs/api/'));
  return ['README.md', 'CHANGELOG.md', ...texts].flatMap((file) => claims(file, readText(file, root)));
}
