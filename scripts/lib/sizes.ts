/**
 * How long files and functions are.
 *
 * @spec 00-conventions §7
 * Owns: the limits of CNV-14 and measuring against them.
 */
import ts from 'typescript';
import { lineOf, parse, pythonFiles, readText, sourceFiles, walk } from './files.ts';

/** @req CNV-14 */
export const MAX_FILE_LINES = 400;
/** @req CNV-14 Signature, body and braces. */
export const MAX_FUNCTION_LINES = 60;

/** The longest file and function, and whatever is over the limit. */
export interface Sizes {
  readonly longestFile: number;
  readonly longestFunction: number;
  readonly violations: readonly string[];
}

/** A `describe` callback groups tests and is no function in this sense; the tests in it are. */
function isGroup(node: ts.Node): boolean {
  if (!ts.isCallExpression(node.parent)) return false;
  return /^describe\b/.test(node.parent.expression.getText());
}

/** Measures the files of a tree; of those in Python the length alone. */
export function measureSizes(root?: string): Sizes {
  let longestFile = 0;
  let longestFunction = 0;
  const violations: string[] = [];
  const files = sourceFiles(undefined, root);
  for (const file of [...files, ...pythonFiles(root)]) {
    const lines = readText(file, root).replace(/\n$/, '').split('\n').length;
    longestFile = Math.max(longestFile, lines);
    if (lines > MAX_FILE_LINES) violations.push(`${file} has ${lines} lines`);
  }
  for (const file of files) {
    const tree = parse(file, root);
    walk(tree, (node) => {
      if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined || isGroup(node)) return;
      const length = tree.getLineAndCharacterOfPosition(node.end).line + 2 - lineOf(node);
      longestFunction = Math.max(longestFunction, length);
      if (length > MAX_FUNCTION_LINES) violations.push(`${file}:${lineOf(node)} is a function of ${length} lines`);
    });
  }
  return { longestFile, longestFunction, violations };
}
