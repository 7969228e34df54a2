/**
 * `pawl relay`: the relay alone.
 *
 * @spec 06-relay
 * Owns: flags, start, the two signals that stop it. Must not know: routes or tables.
 */
import { Command, InvalidArgumentError, Option } from 'commander';

function port(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number > 65_535) throw new InvalidArgumentError('a port is a number from 0 to 65535.');
  return number;
}

function file(value: string): string {
  if (value === '')
    throw new InvalidArgumentError('a database needs a file name: without one it would be lost with the process.');
  return value;
}

interface RelayFlags {
  data: string;
  host: string;
  port: number;
  json: boolean;
  logLevel: string;
  exitWithStdin: boolean;
}

async function run(flags: RelayFlags): Promise<void> {
  // Loaded here: the other commands start without a server's libraries.
  const [{ default: pino }, { startRelay }] = await Promise.all([import('pino'), import('../server/relay.ts')]);
  // Logs go to standard error: standard output carries the one line that tells where the relay listens.
  const logger = pino({ level: flags.logLevel, base: null }, pino.destination({ dest: 2, sync: true }));
  const relay = await startRelay({ database: flags.data, host: flags.host, port: flags.port, logger });
  const ready = { listening: relay.url, database: flags.data, pid: process.pid };
  process.stdout.write(
    flags.json ? `${JSON.stringify(ready)}\n` : `pawl relay: ${relay.url}  database ${flags.data}  (Ctrl-C stops it)\n`,
  );
  const stop = () => {
    relay.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'the relay did not stop cleanly');
        process.exit(2);
      },
    );
  };
  // A relay that another program started must not outlive it, however that program ends.
  if (flags.exitWithStdin) process.stdin.once('end', stop).once('error', stop).resume();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  process.once('SIGHUP', stop);
}

/** The command, for the program to add. */
export function relayCommand(): Command {
  return new Command('relay')
    .description('Start the relay: it stores envelopes and public keys, never a message.')
    .option('--data <file>', 'the SQLite database file, made if missing', file, './relay.db')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <number>', 'the port to listen on; 0 takes a free one', port, 8787)
    .option('--json', 'print where it listens as one JSON line', false)
    .addOption(new Option('--exit-with-stdin', 'stop when standard input ends').default(false).hideHelp())
    .addOption(
      new Option('--log-level <level>', 'how much to log, on standard error')
        .choices(['silent', 'error', 'warn', 'info', 'debug'])
        .default('info'),
    )
    .addHelpText(
      'after',
      `
Every message is acknowledged only after it is in the database file. Stop with Ctrl-C; kill -9 loses nothing acknowledged.

Example:
  pawl relay --data ./relay.db --port 8787
  curl http://127.0.0.1:8787/v1/health`,
    )
    .action(async (flags: RelayFlags) => {
      try {
        await run(flags);
      } catch (error) {
        process.stderr.write(
          `pawl relay: ${error instanceof Error ? error.message : String(error)} (database ${flags.data})\n`,
        );
        process.exitCode = 2;
      }
    });
}
