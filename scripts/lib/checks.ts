/**
 * The checks of `npm run verify` that read the tree.
 *
 * @spec 00-conventions §7
 * Owns: turning each report into one line and its details.
 */
import { cycles, layerViolations, packageViolations, readImportGraph } from '../import-graph.ts';
import { traceSpec } from '../spec-trace.ts';
import { ambientUses } from './ambient.ts';
import { checkDependencies, MAX_DEPENDENCIES } from './dependencies.ts';
import { type Finished, runTool } from './run.ts';
import { MAX_FILE_LINES, MAX_FUNCTION_LINES, measureSizes } from './sizes.ts';
import { treeClaims, treeLeftovers } from './words.ts';

/** The outcome of one check. */
export interface Outcome {
  readonly ok: boolean;
  /** The figures, for the one line that is always printed. */
  readonly figures: string;
  /** What is wrong, printed when the check fails. */
  readonly details: readonly string[];
}

/** A named check. */
export interface Check {
  readonly name: string;
  readonly run: () => Outcome | Promise<Outcome>;
}

function outcome(violations: readonly string[], figures: string): Outcome {
  return { ok: violations.length === 0, figures, details: violations };
}

/** The outcome of a tool that prints what is wrong and exits non-zero. */
export function toolOutcome(finished: Finished, figures = ''): Outcome {
  const details = finished.output.trimEnd().split('\n');
  return finished.code === 0 ? { ok: true, figures, details: [] } : { ok: false, figures: 'see below', details };
}

async function types(project: string): Promise<Outcome> {
  return toolOutcome(await runTool('typescript/bin/tsc', ['-p', project, '--noEmit', '--pretty', 'false']), project);
}

async function lint(): Promise<Outcome> {
  const finished = await runTool('@biomejs/biome/bin/biome', ['ci', '--colors=off', '--error-on-warnings', '.']);
  return toolOutcome(finished, /Checked \d+ files/.exec(finished.output)?.[0].toLowerCase());
}

async function unused(): Promise<Outcome> {
  return toolOutcome(await runTool('knip/bin/knip.js', ['--no-progress']), 'no unused files, exports or packages');
}

function trace(): Outcome {
  const found = traceSpec();
  return outcome(
    found.violations.filter((violation) => !violation.includes(' is due ')),
    `requirement trace ${found.traced}/${found.musts}`,
  );
}

function negativeTests(): Outcome {
  const found = traceSpec();
  const missing = found.violations.filter((violation) => violation.includes(' is due '));
  const figures = `negative tests ${found.dueTested}/${found.due} (whole catalogue ${found.attacksTested}/${found.attacks})`;
  return outcome(missing, figures);
}

function imports(): Outcome {
  const graph = readImportGraph();
  const pure = graph.files.filter((file) => file.startsWith('protocol/') && file !== 'protocol/crypto/node.ts');
  const circles = cycles(graph);
  const violations = [
    ...layerViolations(graph),
    ...circles.map((cycle) => `cycle: ${cycle}`),
    ...packageViolations(graph),
    ...pure.flatMap((file) => ambientUses(file)),
  ];
  return outcome(
    violations,
    `import-graph edges ${graph.edges.length} over ${graph.files.length} files, ${circles.length} cycles`,
  );
}

function sizes(): Outcome {
  const { longestFile, longestFunction, violations } = measureSizes();
  const file = `longest file ${longestFile}/${MAX_FILE_LINES} lines`;
  return outcome(violations, `${file}, longest function ${longestFunction}/${MAX_FUNCTION_LINES}`);
}

function dependencies(): Outcome {
  const { counted, violations } = checkDependencies();
  return outcome(violations, `${counted}/${MAX_DEPENDENCIES} runtime dependencies, each with its reason`);
}

/** typedoc builds everything in memory; `npm run docs` writes it. */
async function documentation(): Promise<Outcome> {
  const finished = await runTool('typedoc/bin/typedoc', ['--emit', 'none']);
  return toolOutcome(finished, 'every public export described');
}

/** Every check of the tree, cheap ones first. */
export const TREE_CHECKS: readonly Check[] = [
  { name: 'requirements', run: trace },
  { name: 'attacks', run: negativeTests },
  { name: 'imports', run: imports },
  { name: 'sizes', run: sizes },
  { name: 'left-overs', run: () => outcome(treeLeftovers(), 'no unfinished work, no silenced check without reason') },
  { name: 'claims', run: () => outcome(treeClaims(), 'no claim that JavaScript cannot keep') },
  { name: 'dependencies', run: dependencies },
  { name: 'lint', run: lint },
  { name: 'types', run: () => types('tsconfig.json') },
  { name: 'pure types', run: () => types('tsconfig.protocol.json') },
  { name: 'unused', run: unused },
  { name: 'documentation', run: documentation },
];
