/**
 * Arguments with one thing wrong.
 *
 * @spec 11-driver §2
 * Owns: what can be wrong with a field whatever it means, and with a key. Must not know: operations, who refuses what.
 */
import { x25519 } from '@noble/curves/ed25519.js';
import { fromHex, toHex } from '../../protocol/bytes/bytes.ts';
import type { Json } from './driver.ts';
import { SMALL_ORDER_ENCODINGS, torsioned, withHighBit } from './points.ts';
import { seededIntegers, seededRandom } from './seeded-random.ts';

/** Repeatable choices. */
export interface Draw {
  readonly below: (bound: number) => number;
  /** So many bytes in hex. */
  readonly hex: (length: number) => string;
  readonly pick: <T>(list: readonly T[]) => T;
}

export function drawFrom(seed: string): Draw {
  const [below, random] = [seededIntegers(`${seed}/choices`), seededRandom(`${seed}/bytes`)];
  return { below, hex: (length) => toHex(random(length)), pick: (list) => list[below(list.length)] as never };
}

/** 33 bytes that no honest peer sends as a public key; `key` is one in wire form, for an alias of it. */
export function strangeKey(draw: Draw, key: string): string {
  const bytes = draw.pick([
    () => draw.pick(SMALL_ORDER_ENCODINGS),
    () => withHighBit(fromHex(key.slice(2))),
    () => torsioned(x25519.getPublicKey(fromHex(draw.hex(32)))),
    // Half of all u are points of the twist, and seven in eight of the rest have torsion.
    () => fromHex(draw.hex(32)),
    () => new Uint8Array(32).fill(0xff),
  ])();
  return `05${toHex(bytes)}`;
}

function flipBit(draw: Draw, hex: string): string {
  const bytes = fromHex(hex);
  const at = draw.below(bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << draw.below(8));
  return toHex(bytes);
}

function damagedHex(draw: Draw, hex: string): Json {
  const ways: (() => Json)[] = [
    () => flipBit(draw, hex),
    () => hex.slice(2),
    () => hex.slice(1),
    () => `${hex}00`,
    () => `${hex} `,
    () => `${hex.slice(0, -1)}g`,
    () => hex.toUpperCase(),
    () => '',
    () => draw.pick<Json>([null, 7, true, [], {}]),
  ];
  if (hex.length === 66 || hex.length === 2 * 1569) {
    ways.push(() => draw.pick(['00', '04', '05', '06', '08', '0a']) + hex.slice(2));
  }
  if (/^05[0-9a-f]{64}$/.test(hex)) ways.push(...Array.from({ length: 6 }, () => () => strangeKey(draw, hex)));
  return hex === '' ? draw.pick<Json>([null, 0, 'a', 'AA', '0x']) : draw.pick(ways)();
}

function damagedValue(draw: Draw, value: Json): Json {
  if (typeof value === 'number')
    return draw.pick<Json>([-1, value + 0.5, 2 ** 32, 2 ** 53, `${value}`, null, true, []]);
  if (typeof value === 'string' && /^([0-9a-f]{2})*$/.test(value)) return damagedHex(draw, value);
  return draw.pick<Json>([null, 'other', '', 5, [], {}]);
}

/** Fields without which a driver draws: what two of them drew cannot be compared. */
const DRAWN: readonly string[] = ['random', 'private', 'ephemeralPrivate', 'nextPrivate'];

/** A copy with one field missing, too many, or damaged, at any depth. */
export function damaged(draw: Draw, args: Record<string, Json>): Record<string, Json> {
  const names = Object.keys(args);
  const way = draw.below(8);
  if (way === 0 || names.length === 0)
    return { ...args, [draw.pick(['more', 'seed', '__proto', ''])]: draw.pick([0, '00', null]) };
  const name = draw.pick(names);
  const value = args[name];
  if (way === 1 && !DRAWN.includes(name))
    return Object.fromEntries(Object.entries(args).filter(([field]) => field !== name));
  const deeper = value !== null && typeof value === 'object' && draw.below(8) > 0;
  return { ...args, [name]: deeper ? damaged(draw, value) : damagedValue(draw, value) };
}
