/**
 * Who imports whom.
 *
 * @spec 00-conventions §7
 * Owns: reading the import graph and the rules of its direction. `test/house/imports.test.ts` asserts that there are
 * no violations; `npm run verify` prints the number of edges.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { lineOf, parse, SHIPPED_FOLDERS, sourceFiles, walk } from './lib/files.ts';
import { ROOT } from './lib/run.ts';

/** One import, `import()` or re-export. `to` is a path of the repository, or a package or `node:` specifier. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly local: boolean;
  readonly line: number;
}

/** The graph of a tree. */
export interface ImportGraph {
  readonly files: readonly string[];
  readonly edges: readonly Edge[];
  /** Imports that cannot be judged: a computed specifier or a file that does not exist. */
  readonly unresolved: readonly string[];
}

/** A specifier as written, or null where it is computed. */
function specifierOf(node: ts.Node): string | null | undefined {
  let target: ts.Node | undefined;
  if (ts.isImportDeclaration(node)) target = node.moduleSpecifier;
  else if (ts.isExportDeclaration(node)) {
    if (node.moduleSpecifier === undefined) return undefined;
    target = node.moduleSpecifier;
  } else if (ts.isCallExpression(node) && isImportCall(node)) target = node.arguments[0];
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) target = node.argument.literal;
  else if (ts.isExternalModuleReference(node)) target = node.expression;
  else return undefined;
  return target !== undefined && ts.isStringLiteralLike(target) ? target.text : null;
}

function isImportCall(node: ts.CallExpression): boolean {
  const callee = node.expression;
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require');
}

/** Reads the imports of every TypeScript file below `folders` of `root`. */
export function readImportGraph(root: string = ROOT, folders?: readonly string[]): ImportGraph {
  const files = sourceFiles(folders, root).filter((file) => file.endsWith('.ts'));
  const edges: Edge[] = [];
  const unresolved: string[] = [];
  for (const from of files) {
    walk(parse(from, root), (node) => {
      const specifier = specifierOf(node);
      if (specifier === undefined) return;
      const place = `${from}:${lineOf(node)}`;
      if (specifier === null) unresolved.push(`${place} imports a computed name`);
      else if (!specifier.startsWith('.')) edges.push({ from, to: specifier, local: false, line: lineOf(node) });
      else {
        const to = posix.join(posix.dirname(from), specifier);
        if (existsSync(join(root, to))) edges.push({ from, to, local: true, line: lineOf(node) });
        else unresolved.push(`${place} imports ${specifier}, which does not exist`);
      }
    });
  }
  return { files, edges, unresolved };
}

/** The layer that a file belongs to: `bottom`, a folder of `protocol/`, the driver, or a top-level folder. */
export function layerOf(file: string): string {
  const [top = '', second = '', third] = file.split('/');
  if (top === 'cli' && second === 'driver' && third !== undefined) return 'cli/driver';
  if (top !== 'protocol') return top;
  if (second === 'bytes' || ['errors.ts', 'limits.ts', 'labels.ts'].includes(second)) return 'bottom';
  if (third === undefined) return 'protocol-entry';
  return `protocol/${second}`;
}

const PARTS = ['protocol/handshake', 'protocol/ratchet', 'protocol/group', 'protocol/fingerprint'];
const CODEC = ['bottom', 'protocol/crypto', 'protocol/codec'];
const PROTOCOL = [...CODEC, ...PARTS, 'protocol/session'];

/**
 * Layer → the other layers that it may import. `null`: anything. A layer that is not here may not exist.
 * @req CNV-10
 * @req CNV-13 Of what ships only the driver may import `protocol/testing`.
 */
export const ALLOWED: ReadonlyMap<string, readonly string[] | null> = new Map([
  ['bottom', []],
  ['protocol/crypto', ['bottom']],
  ['protocol/codec', ['bottom', 'protocol/crypto']],
  ...PARTS.map((part): [string, readonly string[]] => [part, CODEC]),
  // A sender key's chain is the ratchet's symmetric half.
  ['protocol/group', [...CODEC, 'protocol/ratchet']],
  ['protocol/session', [...CODEC, ...PARTS]],
  ['protocol-entry', PROTOCOL],
  ['protocol/testing', PROTOCOL],
  ['client', [...PROTOCOL, 'protocol-entry']],
  ['server', CODEC],
  ['cli', ['client', 'server', ...CODEC, 'protocol-entry', 'cli/driver']],
  // The driver opens the parts of the protocol to other programs, one by one; it knows neither client nor relay.
  ['cli/driver', [...PROTOCOL, 'protocol-entry', 'protocol/testing']],
  ['lab', null],
  ['bench', null],
  ['vectors', null],
  ['test', null],
  ['scripts', null],
]);

/** Imports against the one-way order of the layers. */
export function layerViolations(graph: ImportGraph): string[] {
  const unknown = graph.files.filter((file) => !ALLOWED.has(layerOf(file)));
  const wrong = graph.edges.filter((edge) => edge.local && !edgeAllowed(edge));
  return [
    ...graph.unresolved,
    ...unknown.map((file) => `${file} is in no known layer`),
    ...wrong.map((edge) => `${edge.from}:${edge.line} must not import ${edge.to}`),
  ];
}

function edgeAllowed(edge: Edge): boolean {
  const from = layerOf(edge.from);
  const to = layerOf(edge.to);
  if (from === to) return true;
  const allowed = ALLOWED.get(from);
  return allowed === null || (allowed?.includes(to) ?? false);
}

/** Cycles among files, each once, as `a → b → a`. Type imports count: a cycle of types is a cycle of ideas. */
export function cycles(graph: ImportGraph): string[] {
  const next = new Map<string, string[]>(graph.files.map((file) => [file, []]));
  for (const edge of graph.edges) if (edge.local) next.get(edge.from)?.push(edge.to);
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at >= 0) found.add([...trail.slice(at), file].join(' → '));
    if (at >= 0 || done.has(file)) return;
    for (const target of next.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.files) visit(file, []);
  return [...found];
}

/** Files reachable from `starts` by imports, the starts included. */
export function reachable(graph: ImportGraph, starts: readonly string[]): Set<string> {
  const seen = new Set(starts);
  const queue = [...starts];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    for (const edge of graph.edges) {
      if (edge.from !== file || !edge.local || seen.has(edge.to)) continue;
      seen.add(edge.to);
      queue.push(edge.to);
    }
  }
  return seen;
}

/** `@scope/name` or `name` of a package specifier. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function isShipped(file: string): boolean {
  return SHIPPED_FOLDERS.includes(file.split('/')[0] ?? '');
}

/**
 * Why a file may not import a package or a `node:` module; null if it may.
 * @req CNV-12
 */
function packageFault(from: string, specifier: string, dependencies: readonly string[]): string | null {
  const layer = layerOf(from);
  const pure = from.startsWith('protocol/');
  if (specifier.startsWith('node:')) {
    if (pure && from !== 'protocol/crypto/node.ts') return 'protocol/ takes nothing from Node but in crypto/node.ts';
    const effects = /(^|[/-])(sqlite|file|node)([-.]|$)/.test(from);
    if (layer === 'client' && !effects) return 'client/ uses Node only in files named sqlite, file or node';
    return null;
  }
  if (!isShipped(from)) return null;
  if (specifier.startsWith('@signalapp/')) return 'nothing that ships may depend on it';
  if (specifier.startsWith('@noble/') && layer !== 'protocol/crypto')
    return 'crypto packages belong to protocol/crypto/';
  if ((pure || layer === 'client') && !specifier.startsWith('@noble/')) return `${layer} imports no package`;
  if (!dependencies.includes(packageOf(specifier))) return 'it is not among the dependencies of package.json';
  return null;
}

/** Imports of packages and Node modules from where they do not belong. */
export function packageViolations(graph: ImportGraph, root: string = ROOT): string[] {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies?: object };
  const dependencies = Object.keys(manifest.dependencies ?? {});
  return graph.edges.flatMap((edge) => {
    const fault = edge.local ? null : packageFault(edge.from, edge.to, dependencies);
    return fault === null ? [] : [`${edge.from}:${edge.line} imports ${edge.to}: ${fault}`];
  });
}
