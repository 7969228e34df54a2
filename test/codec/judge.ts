/**
 * Another opinion on messages: protobuf-es reads the wire, this file adds the rules of the messages.
 *
 * @spec 04-messages §1
 * Owns: the verdict to compare with, and the four ways in which protobuf-es reads otherwise than the deployed protocol.
 * Must not know: the code under test.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { type FieldKind, PREKEY_KINDS, SIGNAL_KINDS } from './generator.ts';

/**
 * Where protobuf-es differs from what this project specifies (MSG-02, MSG-03), each patched below and counted:
 * - `long-tag`: it refuses a tag of 6 to 10 bytes even if its value fits 32 bits; here it is read.
 * - `varint-overflow`: it ignores bits above 64 in the tenth byte; here that is refused.
 * - `wrapped-length`: it cuts a length to 32 bits; here a length beyond the end is beyond the end.
 * - `endless-unknown`: it passes over unknown varints of any length; here 10 bytes are the most.
 */
export const DIFFERENCES = ['long-tag', 'varint-overflow', 'wrapped-length', 'endless-unknown'] as const;
export type Difference = (typeof DIFFERENCES)[number];

class Refused extends Error {}

class Reader extends BinaryReader {
  readonly #input: Uint8Array;
  readonly #met: Set<Difference>;
  readonly #uint32: () => number;

  constructor(input: Uint8Array, met: Set<Difference>) {
    super(input);
    this.#input = input;
    this.#met = met;
    this.#uint32 = this.uint32;
    this.uint32 = () => this.#number('value');
  }

  /** The varint at the current place: its bytes, or null if it is cut off or longer than 10. */
  #peek(): { readonly size: number; readonly value: bigint } | null {
    let value = 0n;
    for (let size = 1; size <= 10 && this.pos + size <= this.len; size++) {
      const byte = this.#input[this.pos + size - 1] as number;
      value |= BigInt(byte & 0x7f) << BigInt(7 * (size - 1));
      if (byte < 0x80) return { size, value };
    }
    return null;
  }

  #refuse(difference: Difference): never {
    this.#met.add(difference);
    throw new Refused(difference);
  }

  #number(use: 'value' | 'length'): number {
    const peeked = this.#peek();
    if (peeked !== null && peeked.value >= 2n ** 64n) this.#refuse('varint-overflow');
    if (use === 'length' && peeked !== null && peeked.value >= 2n ** 32n) this.#refuse('wrapped-length');
    return this.#uint32();
  }

  override tag(): [number, WireType] {
    const peeked = this.#peek();
    if (peeked === null || peeked.size <= 5 || peeked.value >= 2n ** 32n) return super.tag();
    this.#met.add('long-tag');
    const short = new BinaryReader(Uint8Array.from(minimal(peeked.value)));
    this.pos += peeked.size;
    return short.tag();
  }

  override bytes(): Uint8Array {
    const length = this.#number('length');
    const start = this.pos;
    this.pos += length;
    if (this.pos > this.len) throw new Refused('length');
    return this.#input.slice(start, this.pos);
  }

  override skip(wireType: WireType, fieldNo?: number, recursionLimit?: number): Uint8Array {
    if (wireType === WireType.Varint) {
      const peeked = this.#peek();
      if (peeked === null && this.pos + 10 <= this.len) this.#refuse('endless-unknown');
      if (peeked !== null && peeked.value >= 2n ** 64n) this.#refuse('varint-overflow');
    }
    if (wireType === WireType.LengthDelimited && (this.#peek()?.value ?? 0n) >= 2n ** 32n) this.#number('length');
    return super.skip(wireType, fieldNo, recursionLimit);
  }
}

function minimal(value: bigint): number[] {
  return value < 0x80n ? [Number(value)] : [Number(value & 0x7fn) | 0x80, ...minimal(value >> 7n)];
}

type Value = number | Uint8Array;

function readFields(input: Uint8Array, kinds: readonly FieldKind[], met: Set<Difference>): Map<number, Value> {
  const reader = new Reader(input, met);
  const found = new Map<number, Value>();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const kind = kinds[number - 1];
    if (kind === undefined) {
      reader.skip(wireType, number);
      continue;
    }
    if (wireType !== (kind === 'number' ? WireType.Varint : WireType.LengthDelimited)) throw new Refused('wire type');
    found.set(number, kind === 'number' ? reader.uint32() : reader.bytes());
  }
  for (const [i, kind] of kinds.entries()) {
    const value = found.get(i + 1);
    if (kind === 'key' && value instanceof Uint8Array && !isWireKey(value)) throw new Refused('key');
  }
  return found;
}

function isWireKey(wire: Uint8Array): boolean {
  const u = wire.subarray(1).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  return wire.length === 33 && wire[0] === 5 && u < 2n ** 255n - 19n;
}

/** What the judge says: the fields of an accepted message by number, or null. */
export interface Verdict {
  readonly fields: Map<number, Value> | null;
  readonly met: ReadonlySet<Difference>;
}

function verdict(
  read: (met: Set<Difference>) => Map<number, Value>,
  missing: (f: Map<number, Value>) => boolean,
): Verdict {
  const met = new Set<Difference>();
  try {
    const fields = read(met);
    return { fields: missing(fields) ? null : fields, met };
  } catch {
    // protobuf-es throws plain errors: whatever it throws is a refusal.
    return { fields: null, met };
  }
}

const versionOf = (input: Uint8Array): number => (input[0] ?? 0) >> 4;
const knownVersion = (input: Uint8Array): boolean => versionOf(input) === 3 || versionOf(input) === 4;

/** The verdict on a SignalMessage. */
export function judgeSignal(input: Uint8Array): Verdict {
  if (input.length < 9 || !knownVersion(input)) return { fields: null, met: new Set() };
  const protobuf = input.subarray(1, -8);
  return verdict(
    (met) => readFields(protobuf, SIGNAL_KINDS, met),
    (found) => [1, 2, 4].some((number) => !found.has(number)),
  );
}

/** The verdict on a PreKeySignalMessage. */
export function judgePreKey(input: Uint8Array): Verdict {
  if (!knownVersion(input)) return { fields: null, met: new Set() };
  return verdict(
    (met) => readFields(input.subarray(1), PREKEY_KINDS, met),
    (found) => {
      const kem = found.has(7) && found.has(8);
      const neither = !found.has(7) && !found.has(8) && versionOf(input) === 3;
      return !(kem || neither) || [2, 3, 4, 6].some((number) => !found.has(number));
    },
  );
}
