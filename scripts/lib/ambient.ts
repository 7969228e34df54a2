/**
 * Ambient effects in code that must have none.
 *
 * @spec 00-conventions §7
 * Owns: the list of globals through which a clock, randomness, the environment or the outside world could enter.
 */
import ts from 'typescript';
import { lineOf, parse, walk } from './files.ts';

/**
 * Names that pure code may not use, however they are shadowed: rename the local instead. Globals that the language
 * itself does not define are refused by the compiler as well, see `tsconfig.protocol.json`.
 * @req CNV-11
 */
const AMBIENT: ReadonlySet<string> = new Set([
  ...['Date', 'performance', 'Temporal', 'process', 'globalThis', 'global', 'window', 'navigator'],
  ...['crypto', 'console', 'fetch', 'WebSocket', 'XMLHttpRequest', 'localStorage', 'indexedDB', 'require'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Buffer', 'Deno', 'Bun', 'eval', 'Function'],
]);

/** True for a name that is read as a value: not a property, a key, a declaration or a part of a type. */
function isReference(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isTypeNode(parent) || ts.isQualifiedName(parent)) return false;
  const named = parent as { readonly name?: ts.Node };
  return named.name !== node || ts.isShorthandPropertyAssignment(parent);
}

/** Uses of ambient effects in a file, as `file:line name`. */
export function ambientUses(file: string, root?: string): string[] {
  const found: string[] = [];
  walk(parse(file, root), (node) => {
    if (!ts.isIdentifier(node) || !isReference(node)) return;
    const access = ts.isPropertyAccessExpression(node.parent) ? node.parent.name.text : '';
    const random = node.text === 'Math' && access === 'random';
    if (random || AMBIENT.has(node.text)) found.push(`${file}:${lineOf(node)} ${random ? 'Math.random' : node.text}`);
  });
  return found;
}
