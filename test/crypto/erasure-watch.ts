/**
 * Watches what a program wipes and what it leaves: the common part of the programs that search their own memory.
 *
 * @spec 01-keys §7
 * Owns: the list of what was wiped: every `Secret` of 32 bytes or more, planted ones apart; and every byte string that the
 * project's code made meanwhile. Must not know: what is done, nor verdicts.
 */
import { EMPTY } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { systemRandom } from '../../protocol/crypto/node.ts';
import type { CryptoProvider, EcKeyPair } from '../../protocol/crypto/provider.ts';
import { NEEDLE_BYTES, Needles, scanMemory } from './memory-scan.ts';

/** What a search found. The labels of secrets say where in the code they were wiped, or {@link NUMBER}. */
export interface ErasureReport {
  readonly canariesFound: readonly string[];
  /** Wiped secrets in byte strings that were kept from the collector. */
  readonly unerased: readonly string[];
  /** Wiped secrets anywhere in the process. */
  readonly found: readonly string[];
  readonly secrets: number;
  readonly kept: number;
  readonly rounds: number;
  readonly bytes: number;
}

/** Label of secrets that were BigInts in curve arithmetic, numbers and agreements, which nothing can erase. */
export const NUMBER = 'number';
const EXPANDED_KEY_BYTES = nobleProvider.kemLengths('ML-KEM-1024').expandedKey;
const MAX_ROUNDS = 8;

const wiped = new Needles();
const numbers = new Needles();
/** What would be garbage by the time of the scan, kept so that it is found unless it was erased. */
const held: Uint8Array[] = [];
const OriginalBytes = globalThis.Uint8Array;

/** Kept and unwiped: a whole secret, and one in the middle of other data. */
const canaries = [systemRandom(NEEDLE_BYTES), systemRandom(4096)] as const;
const planted = new Needles();
planted.add('whole', canaries[0]);
planted.add('inside', canaries[1].subarray(1001, 1001 + NEEDLE_BYTES));

/** Keeps a byte string that code of the project was given or gives away, and that must be erased in the end. */
export function hold(bytes: Uint8Array): void {
  held.push(bytes);
}

/** `file:line` of the caller's caller, when that is in `protocol/` or `client/`; else the empty string. */
function callSite(inside: string): string {
  const lines = (new Error('where').stack ?? '').split('\n');
  const above = lines.slice(lines.findIndex((line) => line.includes(inside)) + 1);
  const caller = above.find((line) => !line.includes('bytes/secret.ts')) ?? '';
  return /(?<!test\/)(?:protocol|client)\/[^)]*/.exec(caller)?.[0] ?? '';
}

/**
 * From now on each wiped secret is remembered masked, and its bytes kept, which must be empty. The secret itself is not kept,
 * because the platform's key object goes with it.
 */
function watchWiping(): void {
  const wipe = Secret.prototype.wipe;
  Secret.prototype.wipe = function watched(this: Secret) {
    if (!this.wiped) {
      const bytes = this.expose();
      wiped.add(numbers.find(bytes, bytes.length)[0] ?? `wiped at ${callSite('watched') || 'the end'}`, bytes);
      held.push(bytes);
    }
    wipe.call(this);
  };
}

/** From now on each byte string that the project's code makes is kept: an intermediate copy has to be erased too. */
function holdBytes(): void {
  const { slice } = Uint8Array.prototype;
  Uint8Array.prototype.slice = function heldSlice(this: Uint8Array<ArrayBuffer>, ...range) {
    const made = slice.apply(this, range);
    if (callSite('heldSlice') !== '') held.push(made);
    return made;
  };
  globalThis.Uint8Array = new Proxy(Uint8Array, {
    construct(target, args, newTarget) {
      const made: Uint8Array = Reflect.construct(target, args, newTarget === Uint8Array ? target : newTarget);
      // Libraries clean up after themselves or not; the expanded KEM key, though, is handed to us.
      if (made.length === EXPANDED_KEY_BYTES || callSite('Object.construct') !== '') held.push(made);
      return made;
    },
  });
}

/** Begins to watch: call it before anything is made that is to be wiped. */
export function watch(): void {
  watchWiping();
  holdBytes();
}

/** `provider`, with each byte string that it returns kept and each result of curve arithmetic known as one. */
export function holding(provider: CryptoProvider): CryptoProvider {
  return new Proxy({} as CryptoProvider, {
    get(_, name) {
      const member: unknown = Reflect.get(provider, name);
      if (typeof member !== 'function') return member;
      return (...args: readonly unknown[]): unknown => {
        const result: unknown = Reflect.apply(member, provider, args);
        if (result instanceof Uint8Array) held.push(result);
        else if (/25519/.test(String(name))) numbers.add(NUMBER, secretOf(result));
        return result;
      };
    },
  });
}

function secretOf(result: unknown): Uint8Array {
  if (result instanceof Secret) return result.expose();
  const { privateKey } = Object(result) as Partial<EcKeyPair>;
  return privateKey?.expose() ?? EMPTY;
}

/** A source whose every draw has to be gone in the end. */
export function watchedRandom(length: number): Uint8Array {
  const drawn = systemRandom(length);
  wiped.add(NUMBER, drawn);
  held.push(drawn);
  return drawn;
}

/**
 * Makes the engine reuse the memory of dead objects: what its collector moved or left behind, and what libraries dropped,
 * is out of this project's hands, but goes once memory is reused. What is kept alive does not.
 */
function reuseMemory(): void {
  const objects: unknown[] = [];
  // Of every small size, because a hole is filled by what fits.
  for (let i = 0; i < 200_000; i++) objects.push(new Uint8Array(8 * (i % 9)).fill(i), (1n << BigInt(i % 512)) + 1n);
  collect();
  objects.length = 0;
  collect();
}

function collect(): void {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run with --expose-gc');
  gc();
}

/** Ends the watch, searches and prints the report, one line of JSON. */
export function printReport(): void {
  globalThis.Uint8Array = OriginalBytes;
  // What is kept is looked at first: this part does not depend on what the engine does with dead objects.
  const unerased = held.flatMap((bytes) => wiped.find(bytes, bytes.length));
  const { found: canariesFound } = scanMemory(planted);
  let [rounds, scan] = [0, scanMemory(wiped)];
  while (scan.found.some((label) => label !== NUMBER) && rounds < MAX_ROUNDS) {
    reuseMemory();
    scan = scanMemory(wiped);
    rounds++;
  }
  const figures = { secrets: wiped.count, kept: held.length + canaries.length, rounds, bytes: scan.bytes };
  const report: ErasureReport = { canariesFound, unerased, found: scan.found, ...figures };
  process.stdout.write(JSON.stringify(report));
}
