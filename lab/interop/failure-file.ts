/**
 * A failed dialogue on disk.
 *
 * @spec 12-interop §4
 * Owns: what is written of it. Must not know: how it is replayed.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dialogue, End, Entry, Mismatch } from './dialogue.ts';
import type { DriverCommand } from './peer.ts';
import type { Plan, Side } from './plan.ts';

const FOLDER = join(import.meta.dirname, 'failures');

/** Everything that is needed to look at a failure and to play our side of it again. Holds the secrets of throw-away devices. */
export interface FailureFile {
  readonly drivers: Readonly<Record<Side, DriverCommand & { readonly seeded: boolean }>>;
  readonly mismatch: {
    readonly step: number;
    readonly doing: string;
    readonly side: Side;
    readonly code: string;
    readonly message: string;
  };
  readonly plan: Plan;
  /** Both devices as they were when the dialogue ended, null where one cannot be saved. */
  readonly states: Readonly<Record<Side, string | null>>;
  /** Every request and its answer, in order. */
  readonly entries: readonly Entry[];
}

async function stateOf(dialogue: Dialogue, side: Side, end: End): Promise<string | null> {
  const device = dialogue.handles[side];
  if (device === undefined) return null;
  const answer = await end.peer.ask('device.save', { device }).catch(() => null);
  return answer !== null && 'ok' in answer ? String(answer.ok.state) : null;
}

/** Writes a failure. @req IOP-06 @returns the file's path. */
export async function writeFailure(
  dialogue: Dialogue,
  mismatch: Mismatch,
  ends: Readonly<Record<Side, End>>,
  commands: Readonly<Record<Side, DriverCommand>>,
): Promise<string> {
  const { step, doing, side, code, message } = mismatch;
  const { plan, entries } = dialogue;
  const file: FailureFile = {
    drivers: {
      a: { ...commands.a, seeded: ends.a.seeded },
      b: { ...commands.b, seeded: ends.b.seeded },
    },
    mismatch: { step, doing, side, code, message },
    plan,
    states: { a: await stateOf(dialogue, 'a', ends.a), b: await stateOf(dialogue, 'b', ends.b) },
    entries: [...entries],
  };
  mkdirSync(FOLDER, { recursive: true });
  const names = [commands.a.label, commands.b.label, plan.kind, plan.seed, String(plan.index)];
  const path = join(
    FOLDER,
    `${names
      .join('-')
      .replace(/[^\w.-]+/g, '_')
      .slice(0, 120)}.json`,
  );
  writeFileSync(path, `${JSON.stringify(file, null, 1)}\n`);
  return path;
}
