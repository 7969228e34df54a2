/**
 * JSON that everybody reads alike.
 *
 * @spec 06-relay §2
 * Owns: what `JSON.parse` lets through and two readers may take for two things: a name twice in one object, at any depth;
 * `__proto__`; a name written with escapes. Must not know: which names are expected.
 */

/** Why a text is refused although it is JSON, and the name, as it is written, for which it is refused. */
export interface NameFault {
  readonly reason: 'repeated-field' | 'prototype-field' | 'escaped-field';
  readonly name: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Index of the quote that ends the string which begins at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i += 1;
    else if (code === QUOTE) return i;
  }
  return text.length;
}

function faultOf(name: string, seen: Set<string>): NameFault | null {
  // V8 takes some escaped names for others (nodejs/node issue 63785), and none of ours needs an escape.
  if (name.includes('\\')) return { reason: 'escaped-field', name };
  if (name === '__proto__') return { reason: 'prototype-field', name };
  if (seen.has(name)) return { reason: 'repeated-field', name };
  seen.add(name);
  return null;
}

/** The first name at fault, or null. What it says of a text that is no JSON means nothing. */
export function findNameFault(text: string): NameFault | null {
  /** For each open bracket the names seen so far; null where it is an array. */
  const open: (Set<string> | null)[] = [];
  let expectsName = false;
  for (let i = 0; i < text.length; i++) {
    const mark = text[i];
    if (mark === '"') {
      const end = endOfString(text, i);
      const seen = open.at(-1);
      const fault = expectsName && seen != null ? faultOf(text.slice(i + 1, end), seen) : null;
      if (fault !== null) return fault;
      expectsName = false;
      i = end;
    } else if (mark === '{' || mark === '[') {
      open.push(mark === '{' ? new Set() : null);
      expectsName = mark === '{';
    } else if (mark === '}' || mark === ']') {
      open.pop();
      expectsName = false;
    } else if (mark === ',') {
      expectsName = open.at(-1) != null;
    }
  }
  return null;
}

/** `JSON.parse`, and a `SyntaxError` too where {@link findNameFault} finds something. */
export function parseJson(text: string): unknown {
  const fault = findNameFault(text);
  if (fault !== null) throw new SyntaxError(fault.reason);
  return JSON.parse(text);
}
