/**
 * The healing histogram: messages from the theft of a device's whole state until the thief, who breaks X25519, can read none any more
 * (RAT-09).
 *
 * @spec 08-braid §9
 * Owns: the run, its summary, `bench/results/healing.json`. Every run follows from its seed alone; only the manifest differs between
 * machines. Run: `npm run bench:healing`, or `npm run bench:healing -- 50` for fewer runs a traffic, printed and not written.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { messagesUntilHealed, TRAFFIC } from '../test/support/healing.ts';
import { manifestOf } from './manifest.ts';

const RUNS = 1_000;
const BIN = 25;
const FILE = new URL('./results/healing.json', import.meta.url);

interface Histogram {
  readonly traffic: string;
  readonly runs: number;
  readonly median: number;
  readonly p95: number;
  readonly most: number;
  /** Lower edge of each bin of 25 messages, and how many runs healed in it. */
  readonly bins: readonly (readonly [from: number, runs: number])[];
}

function summarise(traffic: string, counts: readonly number[]): Histogram {
  const sorted = counts.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
  const bins = new Map<number, number>();
  for (const count of sorted) {
    const from = Math.floor(count / BIN) * BIN;
    bins.set(from, (bins.get(from) ?? 0) + 1);
  }
  return { traffic, runs: sorted.length, median: at(0.5), p95: at(0.95), most: at(1), bins: [...bins] };
}

const asked = process.argv[2];
const runs = asked === undefined ? RUNS : Number(asked);
if (!Number.isSafeInteger(runs) || runs < 1) throw new TypeError('usage: npm run bench:healing -- [runs a traffic]');
// Taken first: the tree may change while the runs go on.
const manifest = manifestOf('npm run bench:healing');
const histograms = TRAFFIC.map((traffic) => {
  const counts: number[] = [];
  for (let run = 0; run < runs; run++) {
    counts.push(messagesUntilHealed(traffic, `${traffic.name} ${run}`));
    if (process.stderr.isTTY) process.stderr.write(`\r${traffic.name}: ${run + 1} of ${runs}\x1b[K`);
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  return summarise(traffic.name, counts);
});
console.info('RAT-09: messages, both directions, from the theft of the state until none is open to the thief');
console.table(histograms.map(({ bins: _, ...figures }) => figures));
if (asked === undefined) {
  mkdirSync(new URL('.', FILE), { recursive: true });
  writeFileSync(FILE, `${JSON.stringify({ manifest, bin: BIN, histograms })}\n`);
}
