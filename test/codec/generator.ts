/**
 * Random protobuf messages: valid ones, odd ones and broken ones.
 *
 * @spec 04-messages §1
 * Owns: variety. Must not know: which of them are accepted.
 */
import { bytes, group, join, MAC, tag, varint } from './sample.ts';

/** Whole numbers below a bound. */
export type Dice = (bound: number) => number;

/** A small fast repeatable generator (mulberry32). */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

const pick = <T>(roll: Dice, options: readonly T[]): T => options[roll(options.length)] as T;

function randomBytes(roll: Dice, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => roll(256));
}

/** What a field of a message holds. */
export type FieldKind = 'number' | 'bytes' | 'key';

/** Field kinds by number, from 1. */
export const SIGNAL_KINDS: readonly FieldKind[] = ['key', 'number', 'number', 'bytes', 'bytes', 'bytes'];
export const PREKEY_KINDS: readonly FieldKind[] = [
  ...(['number', 'key', 'key', 'bytes', 'number', 'number', 'number', 'bytes'] as const),
];

const NUMBERS = [0n, 1n, 127n, 128n, 0xffff_ffffn, 0x1_0000_0007n, 0xffff_ffff_ffff_ffffn, 0x1_0000_0000_0000_0000n];

function anyVarint(roll: Dice, value: number | bigint): Uint8Array {
  return varint(value, roll(12) === 0 ? 1 + roll(12) : 1);
}

function anyTag(roll: Dice, field: number, wireType: number): Uint8Array {
  return anyVarint(roll, field * 8 + wireType);
}

function keyBytes(roll: Dice): Uint8Array {
  const key = join(Uint8Array.of(5), randomBytes(roll, 32));
  const odd = roll(40);
  if (odd > 0) key[32] = (key[32] as number) & 0x7f;
  if (odd === 1) key[0] = roll(256);
  if (odd === 2) return join(key, randomBytes(roll, 1));
  if (odd === 3) return key.subarray(0, roll(33));
  if (odd === 4) return join(Uint8Array.of(5, 0xe8 + roll(10)), new Uint8Array(30).fill(0xff), Uint8Array.of(0x7f));
  return key;
}

function field(roll: Dice, number: number, kind: FieldKind): Uint8Array {
  if (kind === 'number') {
    const value = roll(3) === 0 ? pick(roll, NUMBERS) : roll(70_000);
    return join(anyTag(roll, number, 0), anyVarint(roll, value));
  }
  const content = kind === 'key' ? keyBytes(roll) : randomBytes(roll, roll(3) === 0 ? roll(200) : roll(40));
  const length = roll(150) === 0 ? pick(roll, NUMBERS) : content.length;
  return join(anyTag(roll, number, 2), anyVarint(roll, length), content);
}

function unknownNumber(roll: Dice): number {
  return pick(roll, [9, 15, 16, 100, 2047, 2048, 0x1fff_ffff, 0, 1, 4]);
}

/** A field that no message has, of any wire type; sometimes one that has no right to exist. */
function unknown(roll: Dice, depth = 0): Uint8Array {
  const number = roll(4) === 0 ? unknownNumber(roll) : 9 + roll(60);
  const kind = roll(depth > 3 ? 4 : 7);
  if (kind === 0) return join(anyTag(roll, number, 0), anyVarint(roll, pick(roll, NUMBERS)));
  if (kind === 1) return join(anyTag(roll, number, 1), randomBytes(roll, 8));
  if (kind === 2) return join(anyTag(roll, number, 5), randomBytes(roll, 4));
  if (kind === 3) return bytes(number, randomBytes(roll, roll(30)));
  if (kind === 4) return join(tag(number, 3), unknown(roll, depth + 1), tag(roll(6) === 0 ? number + 1 : number, 4));
  if (kind === 5) return group(number, ...Array.from({ length: roll(4) }, () => unknown(roll, depth + 1)));
  if (roll(8) > 0) return group(number);
  const opened = Array.from({ length: 98 + roll(5) }, () => tag(number, 3));
  return join(...opened, ...opened.slice(roll(20) === 0 ? 1 : 0).map(() => tag(number, 4)));
}

/** One message as a list of fields, mostly complete and mostly in order. */
function fields(roll: Dice, kinds: readonly FieldKind[]): Uint8Array[] {
  const list = kinds.map((kind, i) => field(roll, i + 1, kind)).filter(() => roll(40) > 0);
  const extra = roll(3) === 0 ? 1 + roll(3) : 0;
  for (let i = 0; i < extra; i++) {
    const number = 1 + roll(kinds.length);
    const added = roll(2) === 0 ? unknown(roll) : field(roll, number, kinds[number - 1] as FieldKind);
    list.splice(roll(list.length + 1), 0, added);
  }
  if (roll(10) === 0) list.reverse();
  if (roll(100) === 0) list.push(field(roll, 1 + roll(8), pick(roll, ['number', 'bytes'])));
  return list;
}

function mutate(roll: Dice, input: Uint8Array, other: Uint8Array): Uint8Array {
  const at = roll(input.length + 1);
  const kind = roll(6);
  if (kind === 0) return input.subarray(0, at);
  if (kind === 1) return join(input.subarray(0, at), randomBytes(roll, 1 + roll(12)), input.subarray(at));
  if (kind === 2) return join(input.subarray(0, at), input.subarray(Math.min(input.length, at + 1 + roll(12))));
  if (kind === 3) return join(input.subarray(0, at), other.subarray(roll(other.length + 1)));
  const mutant = input.slice();
  for (let i = 0; i <= roll(3); i++) {
    const place = roll(kind === 4 ? Math.min(mutant.length, 12) : mutant.length);
    mutant[place] = kind === 5 ? (mutant[place] as number) ^ (1 << roll(8)) : roll(256);
  }
  return mutant;
}

/** A message of one kind, valid in about half of the cases. */
export function anyMessage(roll: Dice, kinds: readonly FieldKind[], mac: boolean): Uint8Array {
  const whole = (): Uint8Array => {
    const first = pick(roll, [0x44, 0x44, 0x44, 0x34, 0x33, 0x4f]);
    return join(Uint8Array.of(first), ...fields(roll, kinds), mac ? MAC : new Uint8Array(0));
  };
  const message = whole();
  return roll(3) === 0 ? mutate(roll, message, whole()) : message;
}
