/**
 * Does the time of an operation depend on a secret? Two classes of input in random order, Welch's t between their times (JS-01).
 *
 * @spec 01-keys §7
 * Owns: the subjects, the measurement, `bench/results/timing.json`. Says what this machine showed, never that nothing leaks: a
 * JavaScript engine may compile the same code differently tomorrow. A comparison that stops early is planted first; unless that is
 * found, nothing else is reported. Run: `npm run bench:timing`, or `npm run bench:timing -- 5000` for fewer samples, not written.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { equalBytes } from '../protocol/bytes/bytes.ts';
import { Secret } from '../protocol/bytes/secret.ts';
import { nodeProvider, systemRandom } from '../protocol/crypto/node.ts';
import { findSkipped, noSkippedSeeds, withSkipped } from '../protocol/ratchet/skipped.ts';
import { manifestOf } from './manifest.ts';
import { differ, THRESHOLD, worstT } from './welch.ts';

const SAMPLES = 100_000;
/** Each subject is measured so often; it differs where most rounds say so, in the same direction: one round may meet a disturbance. */
const ROUNDS = 3;
const FILE = new URL('./results/timing.json', import.meta.url);

/** One operation and its two classes. `promised`: the bar holds for it; the others are reported. */
interface Subject {
  readonly name: string;
  readonly classes: string;
  readonly promised: boolean;
  /** Calls in one measurement, so that it is longer than the clock's tick. */
  readonly batch: number;
  /** Divides the number of samples, for what is slow. */
  readonly slower: number;
  /** Puts the input of a class where `run` finds it: in one place for both, and not timed. */
  readonly prepare: (second: boolean) => void;
  readonly run: () => unknown;
}

/** The planted leak: stops at the first difference. */
function leaky(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Compares a value with one that differs in its first byte, or in its last. */
function comparison(name: string, length: number, compare: typeof equalBytes, promised: boolean): Subject {
  const value = systemRandom(length);
  const [first, last] = [value.slice(), value.slice()];
  first[0] = (value[0] as number) ^ 1;
  last[length - 1] = (value[length - 1] as number) ^ 1;
  const other = new Uint8Array(length);
  const classes = 'differs in the first byte / in the last';
  const prepare = (second: boolean) => other.set(second ? last : first);
  return { name, classes, promised, batch: 200, slower: 1, prepare, run: () => compare(value, other) };
}

function skippedLookup(): Subject {
  const count = 2_000;
  const seeds = withSkipped(noSkippedSeeds(), 1, systemRandom(count * 32));
  let index = 1;
  const prepare = (second: boolean) => {
    index = second ? count : 1;
  };
  const run = () => findSkipped(seeds, index);
  return {
    name: 'lookup of a skipped key',
    classes: 'the oldest / the newest',
    promised: false,
    batch: 20,
    slower: 1,
    prepare,
    run,
  };
}

function signing(): Subject {
  const message = systemRandom(33);
  const key = (bytes: Uint8Array) =>
    new Secret<'EcPrivateKey'>(nodeProvider.x25519FromPrivate(bytes).privateKey.expose());
  const fixed = key(new Uint8Array(32).fill(0x40));
  const keys = Array.from({ length: 64 }, () => key(systemRandom(32)));
  let next = 0;
  let chosen = fixed;
  const prepare = (second: boolean) => {
    next = (next + 1) % keys.length;
    chosen = second ? (keys[next] as Secret<'EcPrivateKey'>) : fixed;
  };
  const run = () => nodeProvider.xeddsaSign(chosen, message, systemRandom);
  return {
    name: 'XEdDSA signature',
    classes: 'one sparse key / random keys',
    promised: false,
    batch: 1,
    slower: 50,
    prepare,
    run,
  };
}

function padding(): Subject {
  const [key, iv] = [systemRandom(32), systemRandom(16)];
  const good = nodeProvider.aes256CbcEncrypt(key, iv, new Uint8Array(95));
  const bad = good.slice();
  bad[good.length - 17] = (bad[good.length - 17] as number) ^ 0x55;
  const body = new Uint8Array(good.length);
  const prepare = (second: boolean) => body.set(second ? bad : good);
  const run = () => {
    try {
      return nodeProvider.aes256CbcDecrypt(key, iv, body);
    } catch {
      return null;
    }
  };
  return {
    name: 'AES-CBC padding',
    classes: 'good / bad (behind the MAC)',
    promised: false,
    batch: 1,
    slower: 10,
    prepare,
    run,
  };
}

function measure({ batch, slower, prepare, run }: Subject, samples: number): { t: number; samples: number } {
  const times: [number[], number[]] = [[], []];
  const total = Math.max(200, Math.floor(samples / slower));
  for (let i = -Math.ceil(total / 10); i < total; i++) {
    const second = ((systemRandom(1)[0] as number) & 1) === 1;
    prepare(second);
    const start = process.hrtime.bigint();
    for (let call = 0; call < batch; call++) run();
    const took = Number(process.hrtime.bigint() - start);
    if (i >= 0) times[second ? 1 : 0].push(took);
  }
  return { t: worstT(...times), samples: total };
}

const asked = process.argv[2];
const samples = asked === undefined ? SAMPLES : Number(asked);
if (!Number.isSafeInteger(samples) || samples < 200)
  throw new TypeError('usage: npm run bench:timing -- [samples, 200 or more]');
const manifest = manifestOf('npm run bench:timing');
const planted = comparison('planted: a comparison that stops early', 32, leaky, false);
const subjects = [
  comparison('MAC comparison, 8 bytes', 8, equalBytes, true),
  comparison('key comparison, 32 bytes', 32, equalBytes, true),
  skippedLookup(),
  signing(),
  padding(),
];
const rows = [planted, ...subjects].map((subject) => {
  if (process.stderr.isTTY) process.stderr.write(`\r${subject.name} …\x1b[K`);
  const { name, classes, promised } = subject;
  const rounds = Array.from({ length: ROUNDS }, () => measure(subject, samples));
  const differs = differ(rounds.map(({ t }) => t));
  if (subject === planted && !differs) {
    throw new Error('the planted leak was not found: this machine is too noisy, and nothing else would mean anything');
  }
  const verdict = differs ? 'differs' : 'no difference seen';
  const t = rounds.map((round) => round.t.toFixed(1)).join(', ');
  return { name, classes, samples: rounds[0]?.samples ?? 0, t, verdict, promised };
});
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
console.info(`JS-01: Welch's t, largest over croppings; below ${THRESHOLD} no difference is seen`);
console.table(rows);
if (asked === undefined) {
  mkdirSync(new URL('.', FILE), { recursive: true });
  writeFileSync(FILE, `${JSON.stringify({ manifest, threshold: THRESHOLD, rows })}\n`);
}
process.exitCode = rows.some(({ promised, verdict }) => promised && verdict === 'differs') ? 1 : 0;
