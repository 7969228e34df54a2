#!/usr/bin/env node
/**
 * The command line's front door.
 *
 * @spec 00-conventions §7
 * Owns: the list of commands, their help, exit codes (CNV-20). Must not know: what a command does.
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { demoCommand } from './demo-command.ts';
import { driverCommand } from './driver-command.ts';
import { relayCommand } from './relay-command.ts';

/** The version of the package this file belongs to: beside it in the repository, one folder up in `dist/`. */
function packageVersion(): string {
  for (const candidate of ['../package.json', '../../package.json']) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(new URL(candidate, import.meta.url), 'utf8'));
      if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return 'unknown';
}

const version = packageVersion();
const program = new Command('pawl')
  .description('Post-quantum hybrid messaging: a reference implementation you can run.')
  .version(version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .showHelpAfterError('(pawl --help lists the commands)')
  .addHelpText(
    'after',
    `
Examples:
  pawl demo                       a relay, seven device processes, and a table of what was checked
  pawl demo --quick --json        the same with fewer messages, as data
  pawl relay --data ./relay.db    a relay on http://127.0.0.1:8787
  pawl driver                     the protocol as JSON lines, for programs in other languages

Exit codes: 0 all good, 1 a check failed, 2 wrong usage or a fault of the environment.`,
  );

program.addCommand(demoCommand()).addCommand(relayCommand()).addCommand(driverCommand(version));
// Wrong usage is 2 for every command, so that 1 always means a failed check.
const exitWithTwo = (command: Command): void => {
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  for (const child of command.commands) exitWithTwo(child);
};
exitWithTwo(program);
await program.parseAsync();
