/**
 * The project's own files.
 *
 * Owns: which folders hold code, walking them, parsing a file once.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './run.ts';

/** Folders whose code is published. */
export const SHIPPED_FOLDERS: readonly string[] = ['protocol', 'client', 'server', 'cli'];
/** Every folder with TypeScript of ours. */
export const CODE_FOLDERS: readonly string[] = [...SHIPPED_FOLDERS, 'lab', 'bench', 'vectors', 'test', 'scripts'];

/**
 * Paths below `folder` of `root`, with forward slashes and relative to `root`, sorted; none if it does not exist.
 * Hidden folders are scratch space: a test that runs at the same time may be filling or removing one.
 */
export function filesBelow(folder: string, root: string = ROOT): string[] {
  const start = join(root, folder);
  if (!existsSync(start)) return [];
  return readdirSync(start, { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isFile()) return [path];
      const own = entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.');
      return own ? filesBelow(path, root) : [];
    })
    .sort();
}

/** The TypeScript files of the given folders. */
export function sourceFiles(folders: readonly string[] = CODE_FOLDERS, root: string = ROOT): string[] {
  return folders.flatMap((folder) => filesBelow(folder, root)).filter((file) => /\.([cm]?ts|cjs)$/.test(file));
}

/** The Python files of a tree. */
export function pythonFiles(root?: string): string[] {
  return CODE_FOLDERS.flatMap((folder) => filesBelow(folder, root)).filter((file) => file.endsWith('.py'));
}

/** A file's text. */
export function readText(file: string, root: string = ROOT): string {
  return readFileSync(join(root, file), 'utf8');
}

const parsed = new Map<string, ts.SourceFile>();

/** A file's syntax tree, with parents. */
export function parse(file: string, root: string = ROOT): ts.SourceFile {
  const key = join(root, file);
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const tree = ts.createSourceFile(file, readText(file, root), ts.ScriptTarget.Latest, true);
  parsed.set(key, tree);
  return tree;
}

/** Calls `visit` for `node` and everything below it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** 1-based line of a node. */
export function lineOf(node: ts.Node): number {
  const source = node.getSourceFile();
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}
