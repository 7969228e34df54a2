/**
 * `pawl driver`: the protocol for programs in other languages, over standard input and output.
 *
 * @spec 11-driver §1
 * Owns: the process: its streams, its end. Must not know: operations.
 */
import { once } from 'node:events';
import { Command } from 'commander';
import { nodeProvider, systemRandom } from '../protocol/crypto/node.ts';
import { newDriver } from './driver/driver.ts';
import { runDriver } from './driver/loop.ts';

/** Where a fault of ours happened, for standard error: what was thrown may speak of a request, so its text stays out. */
function reportFault(op: string, error: unknown): void {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  const kind = error instanceof Error ? error.name : typeof error;
  process.stderr.write(`pawl driver: ${op || 'request'}: ${kind}\n${frames.join('\n')}\n`);
}

async function write(line: string): Promise<void> {
  if (!process.stdout.write(line)) await once(process.stdout, 'drain');
}

async function run(version: string): Promise<void> {
  const driver = newDriver({
    version,
    provider: nodeProvider,
    random: systemRandom,
    clock: Date.now,
    notice: (text) => void process.stderr.write(`pawl driver: ${text}\n`),
  });
  // Whoever reads the answers may stop reading: there is nothing left to do then, and nothing to say.
  // @req DRV-16
  process.stdout.on('error', () => process.exit(0));
  await runDriver(driver, process.stdin, write, reportFault);
}

/** The command, for the program to add. */
export function driverCommand(version: string): Command {
  return new Command('driver')
    .description(
      'Speak the protocol to programs in other languages: one JSON request a line in, one answer a line out.',
    )
    .addHelpText(
      'after',
      `
Requests are {"id":<number>,"op":"<name>","args":{…}}, answers {"id":…,"ok":{…}} or {"id":…,"error":{"code":…,"message":…}}.
Bytes are lower-case hex, X25519 public keys have their type byte 05 in front. End of input ends the driver.
All operations: spec/11-driver.md and spec/15-driver-lab.md, and the answer to hello. Each also takes "trace":true.

Example: two devices in one driver. Alice takes Bob's bundle and writes; Bob reads.
  > {"id":1,"op":"hello"}
  > {"id":2,"op":"device.create","args":{"local":{"name":"alice","deviceId":1}}}
  < {"id":2,"ok":{"device":"device-1","identityPublic":"05…","registrationId":4711}}
  > {"id":3,"op":"device.create","args":{"local":{"name":"bob","deviceId":1}}}
  < {"id":3,"ok":{"device":"device-2","identityPublic":"05…","registrationId":815}}
  > {"id":4,"op":"device.bundle","args":{"device":"device-2"}}
  < {"id":4,"ok":{"bundle":{"registrationId":815,"deviceId":1,"identity":"05…",…}}}
  > {"id":5,"op":"session.process","args":{"device":"device-1","remote":{"name":"bob","deviceId":1},"bundle":{…}}}
  < {"id":5,"ok":{}}
  > {"id":6,"op":"session.encrypt","args":{"device":"device-1","remote":{"name":"bob","deviceId":1},"plaintext":"6869"}}
  < {"id":6,"ok":{"type":"prekey","body":"44…"}}
  > {"id":7,"op":"session.decrypt","args":{"device":"device-2","remote":{"name":"alice","deviceId":1},"type":"prekey","body":"44…"}}
  < {"id":7,"ok":{"plaintext":"6869"}}

Exit codes: 0 at the end of input, 2 wrong usage or an input that cannot be read.`,
    )
    .action(async () => {
      try {
        await run(version);
      } catch (error) {
        process.stderr.write(`pawl driver: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exitCode = 2;
      }
    });
}
