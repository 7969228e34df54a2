/**
 * What a driver says, made harmless for whoever reads it.
 *
 * @spec 14-vectors §5
 * Owns: characters that move a cursor, end a line or turn the direction of text. Must not know: where the text goes.
 */

/** Longest text of a driver's own that a report keeps. */
const MAX_TEXT = 1_000;

// @req VEC-19
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffe\uffff]/gu;

/** A text with every control character, line break and mark of direction written out as its code. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (one) => `\\u${(one.codePointAt(0) as number).toString(16).padStart(4, '0')}`);
}

/** The same of what is shown as a message: at most so much of it. */
export function quoted(text: string, length = MAX_TEXT): string {
  return visible(text.length <= length ? text : `${text.slice(0, length)}…`);
}
