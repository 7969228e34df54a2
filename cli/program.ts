/**
 * The commands.
 *
 * @spec 00-conventions §7
 * Owns: the list of commands, their help, exit codes (CNV-20). Must not know: what a command does.
 */
import { Command } from 'commander';
import { conformCommand } from './conform-command.ts';
import { demoCommand } from './demo-command.ts';
import { doctorCommand } from './doctor-command.ts';
import { driverCommand } from './driver-command.ts';
import { relayCommand } from './relay-command.ts';

// Wrong usage is 2 for every command, so that 1 always means a failed check.
function exitWithTwo(command: Command): void {
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  for (const child of command.commands) exitWithTwo(child);
}

/** Runs the command line of this process. */
export async function main(version: string): Promise<void> {
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
  pawl conform --driver ./driver  the test vectors against an implementation in any language
  pawl doctor kem --help          which ML-KEM or Kyber does the other side speak?

Exit codes: 0 all good, 1 a check failed, 2 wrong usage or a fault of the environment, 130 interrupted.`,
    );
  program
    .addCommand(demoCommand())
    .addCommand(relayCommand())
    .addCommand(driverCommand(version))
    .addCommand(doctorCommand())
    .addCommand(conformCommand());
  exitWithTwo(program);
  await program.parseAsync();
}
