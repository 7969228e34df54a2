/**
 * `pawl demo`: the whole line at work, and a table of what was checked.
 *
 * @spec 00-conventions §7
 * Owns: flags, the temporary folder, cleaning up whatever happens. Must not know: the scenario.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { DEFAULT_SUITE, SUITES } from '../client/index.ts';
import { Report } from './demo/report.ts';
import { playScenario } from './demo/scenario.ts';
import { Stage } from './demo/stage.ts';

interface DemoFlags {
  suite: string;
  quick: boolean;
  json: boolean;
  keep: boolean;
}

/** A folder for the databases, or null (and a line about it) where none can be made. */
function makeFolder(): string | null {
  try {
    return mkdtempSync(join(tmpdir(), 'pawl-demo-'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`pawl demo: no temporary folder: ${reason}. Set TMPDIR to a folder that you may write to.\n`);
    return null;
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function run(flags: DemoFlags): Promise<number> {
  const folder = makeFolder();
  if (folder === null) return 2;
  const report = new Report({ json: flags.json });
  const stage = new Stage(folder, flags.suite);
  const cleanUp = async () => {
    await stage.stopAll();
    if (!flags.keep) rmSync(folder, { recursive: true, force: true });
  };
  let leaving = false;
  const interrupted = () => {
    if (leaving) return;
    leaving = true;
    const leave = () => process.exit(130);
    cleanUp().then(leave, leave);
  };
  for (const signal of SIGNALS) process.once(signal, interrupted);
  // Whoever reads our output may stop reading (`| head`): that ends the demo, and its processes with it.
  process.stdout.on('error', interrupted);
  try {
    await playScenario(stage, report, flags.quick);
  } catch (error) {
    if (leaving) await new Promise<never>(() => undefined);
    report.check('the demo ran to its end', false, error instanceof Error ? error.message : String(error));
  } finally {
    await cleanUp();
    for (const signal of SIGNALS) process.off(signal, interrupted);
  }
  report.finish({ suite: flags.suite, quick: flags.quick, ...(flags.keep ? { folder } : {}) });
  return report.ok ? 0 : 1;
}

/** The command, for the program to add. */
export function demoCommand(): Command {
  const suites = new Option('--suite <name>', 'the handshake suite that all devices speak');
  return new Command('demo')
    .description('Run a relay and seven device processes through a conversation, and check what happened.')
    .addOption(suites.choices(SUITES.map((suite) => suite.name)).default(DEFAULT_SUITE))
    .option('--quick', 'fewer messages; under ten seconds on two idle cores', false)
    .option('--json', 'print one JSON object instead: {"ok":…,"checks":[{"name":…,"ok":…},…]}', false)
    .option('--keep', 'keep the databases, and say where they are', false)
    .addHelpText(
      'after',
      `
Alice has a phone and a laptop, Bob a phone, a laptop and later a tablet; Carol and Dave have a phone each. Each device is a process
with a database file of its own; the relay is another. The people are made up, and so is the network that loses and repeats.

Exit codes: 0 every check passed, 1 one failed, 2 wrong usage or a fault of the environment, 130 interrupted.`,
    )
    .action(async (flags: DemoFlags) => {
      process.exitCode = await run(flags);
    });
}
