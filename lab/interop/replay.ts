/**
 * `node lab/interop/replay.ts FILE`: plays our side of a failed dialogue again, request by request.
 *
 * @spec 12-interop §4
 * Owns: asking again what was asked, and saying where an answer differs. Exit 0: the same to the last byte; 1: it differs, or
 * there is nothing of ours in the file; 2: wrong usage.
 */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Entry } from './dialogue.ts';
import { OURS } from './drivers.ts';
import type { FailureFile } from './failure-file.ts';
import { type Answer, Peer } from './peer.ts';
import type { Side } from './plan.ts';

const SHOWN = 300;

/** Handles count the devices of a driver, and this one has fewer: what the file calls a device → what it is called here. */
type Handles = Map<string, string>;

function translated({ args }: Entry, handles: Handles): Entry['args'] {
  const { device } = args;
  return typeof device === 'string' ? { ...args, device: handles.get(device) ?? device } : args;
}

/** Notes a new handle and gives the answer as the file would have it. */
function renamed(entry: Entry, answer: Answer, handles: Handles): Answer {
  if (!('ok' in answer) || !('ok' in entry.answer)) return answer;
  const { device } = entry.answer.ok;
  if (typeof device !== 'string' || typeof answer.ok.device !== 'string') return answer;
  handles.set(device, answer.ok.device);
  return { ok: { ...answer.ok, device } };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length} characters)` : text;
}

async function replaySide(file: FailureFile, side: Side): Promise<boolean> {
  const peer = new Peer(OURS);
  const handles: Handles = new Map();
  const entries = file.entries.filter((entry) => entry.side === side);
  try {
    for (const [at, entry] of entries.entries()) {
      const answer = renamed(entry, await peer.ask(entry.op, translated(entry, handles)), handles);
      if (isDeepStrictEqual(answer, entry.answer)) continue;
      console.log(`side ${side}: request ${at + 1} of ${entries.length}, ${entry.op}, is answered differently now`);
      console.log(`  asked ${shown(entry.args)}\n  then  ${shown(entry.answer)}\n  now   ${shown(answer)}`);
      return false;
    }
  } finally {
    await peer.close();
  }
  console.log(`side ${side}: all ${entries.length} answers are the same to the last byte`);
  return true;
}

async function main(): Promise<number> {
  const [path] = process.argv.slice(2);
  if (path === undefined || path === '--help') {
    console.log(
      'usage: node lab/interop/replay.ts FILE\n\nFILE is what a failed dialogue left in lab/interop/failures/.',
    );
    return path === undefined ? 2 : 0;
  }
  const file = JSON.parse(readFileSync(path, 'utf8')) as FailureFile;
  const { step, side, message } = file.mismatch;
  console.log(
    `the dialogue failed at step ${step} (${shown(file.plan.steps[step] ?? 'after the last')}), side ${side}:\n  ${message}`,
  );
  const ours = (['a', 'b'] as const).filter((name) => file.drivers[name].seeded);
  if (ours.length === 0) console.log('neither side can be replayed: libsignal takes no seed');
  const same: boolean[] = [];
  for (const name of ours) same.push(await replaySide(file, name));
  return same.length > 0 && same.every(Boolean) ? 0 : 1;
}

process.exitCode = await main();
