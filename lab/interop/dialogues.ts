/**
 * Many dialogues between two drivers.
 *
 * @spec 12-interop §3
 * Owns: playing them, adding up what they came to, writing the failed ones down. Must not know: what is expected of releases.
 */
import { Dialogue, Mismatch, type Tally } from './dialogue.ts';
import { pooled, type Running, withDrivers } from './drivers.ts';
import { writeFailure } from './failure-file.ts';
import type { DriverCommand } from './peer.ts';
import { KINDS, type Kind, type Plan, planDialogue } from './plan.ts';

/** Dialogues that go on at the same time, and how many a pair of processes lives through: drivers keep every device. */
const WIDTH = 8;
const PER_PROCESS = 250;

/** What is to be run. */
export interface Batch {
  readonly a: DriverCommand;
  readonly b: DriverCommand;
  readonly seed: string;
  readonly first: number;
  readonly dialogues: number;
  readonly messages: number;
  readonly kind?: Kind | undefined;
}

/** What it came to. */
export interface BatchResult {
  readonly a: string;
  readonly b: string;
  readonly seed: string;
  readonly dialogues: number;
  readonly messagesEach: number;
  readonly sent: number;
  readonly delivered: number;
  readonly lost: number;
  readonly forgedRefused: number;
  readonly duplicatesRefused: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly epochs: number;
  /** Not played because a driver lacks an operation. */
  readonly skipped: number;
  readonly mismatches: readonly string[];
  readonly seconds: number;
}

const NEEDED: readonly string[] = [
  'device.create',
  'device.bundle',
  'device.save',
  'session.process',
  'session.encrypt',
  'session.decrypt',
  'session.info',
];
const MORE: Partial<Record<Kind, readonly string[]>> = {
  archived: ['session.archive', 'device.load'],
  group: ['group.create', 'group.process', 'group.encrypt', 'group.decrypt'],
  chaos: ['session.archive', 'device.load', 'group.create', 'group.process', 'group.encrypt', 'group.decrypt'],
};

/** Whether both drivers have what a kind of dialogue needs. */
function playable(kind: Kind, drivers: readonly Running[]): boolean {
  const needed = [...NEEDED, ...(MORE[kind] ?? [])];
  return drivers.every(({ hello }) => needed.every((op) => hello.ops.includes(op)));
}

/** What must hold when a dialogue of a kind has ended, besides every step having come to what it must. */
function afterwards({ kind }: Plan, { info }: Tally): string | null {
  const { a, b } = info;
  if (kind === 'one-way') {
    const idle = a?.pqEpoch === 0 && b?.pqEpoch === 0 && a.pq === 'negotiating';
    return idle ? null : 'one-way traffic must complete no epoch and leave the sender negotiating';
  }
  const steady = kind === 'ping-pong' || kind === 'blocks' || kind === 'burst';
  if (steady && (a?.pq !== 'on' || b?.pq !== 'on')) return `post-quantum ratchet ${a?.pq}/${b?.pq} after ${kind}`;
  return null;
}

type Played = { readonly tally: Tally } | { readonly failure: string } | { readonly skipped: true };

async function playOne(plan: Plan, first: Running, second: Running): Promise<Played> {
  if (!playable(plan.kind, [first, second])) return { skipped: true };
  const ends = { a: first.end(), b: second.end() };
  const dialogue = new Dialogue(plan, ends);
  try {
    const tally = await dialogue.play();
    const fault = afterwards(plan, tally);
    if (fault !== null) throw new Mismatch(plan.steps.length, 'info', 'a', 'info', fault);
    return { tally };
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    const path = await writeFailure(dialogue, error, ends, { a: first.command, b: second.command });
    return { failure: `dialogue ${plan.index} (${plan.kind}), step ${error.step}: ${error.message}\n    ${path}` };
  }
}

function add(counts: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, n] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + n;
}

function chunks(plans: readonly Plan[]): Plan[][] {
  const starts = Array.from({ length: Math.ceil(plans.length / PER_PROCESS) }, (_, at) => at * PER_PROCESS);
  return starts.map((start) => plans.slice(start, start + PER_PROCESS));
}

/** Plays a batch. @throws {Error} where a driver ends or cannot be started: that is no result. */
export async function runBatch(batch: Batch, progress: (done: number, of: number) => void): Promise<BatchResult> {
  const { a, b, seed, first, dialogues, messages, kind } = batch;
  const began = performance.now();
  const plans = Array.from({ length: dialogues }, (_, at) =>
    planDialogue({ seed, index: first + at, messages, kind: kind ?? KINDS[(first + at) % KINDS.length] }),
  );
  const played: Played[] = [];
  let done = 0;
  for (const chunk of chunks(plans)) {
    const results = await withDrivers([a, b], (one, two) =>
      pooled(chunk, WIDTH, async (plan) => {
        const result = await playOne(plan, one, two);
        progress(++done, dialogues);
        return result;
      }),
    );
    played.push(...results);
  }
  return sumUp(batch, played, (performance.now() - began) / 1000);
}

function sumUp({ a, b, seed, dialogues, messages }: Batch, played: readonly Played[], seconds: number): BatchResult {
  const tallies = played.flatMap((result) => ('tally' in result ? [result.tally] : []));
  const total = (of: (tally: Tally) => number) => tallies.reduce((sum, tally) => sum + of(tally), 0);
  const refusals: Record<string, number> = {};
  for (const tally of tallies) add(refusals, tally.refusals);
  return {
    a: a.label,
    b: b.label,
    seed,
    dialogues,
    messagesEach: messages,
    sent: total(({ sent }) => sent),
    delivered: total(({ delivered }) => delivered),
    lost: total(({ lost }) => lost),
    forgedRefused: total(({ forged }) => forged),
    duplicatesRefused: total(({ duplicates }) => duplicates),
    refusals,
    epochs: total(({ info }) => Math.max(info.a?.pqEpoch ?? 0, info.b?.pqEpoch ?? 0)),
    skipped: played.filter((result) => 'skipped' in result).length,
    mismatches: played.flatMap((result) => ('failure' in result ? [result.failure] : [])),
    seconds: Math.round(seconds * 10) / 10,
  };
}
