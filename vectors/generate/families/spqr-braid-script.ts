/**
 * Steps of two braids: `$a` initiates, `$b` responds. Payloads go from one to the other by name.
 *
 * @spec 15-driver-lab §8
 * Owns: writing steps down, payloads by their bytes. Must not know: what must come of them.
 */
import type { Json } from '../../../cli/conform/vector-file.ts';
import type { StepDefinition } from '../definition.ts';
import { fixedHex } from '../definition.ts';

/** The two sides, and the initiator of another session. */
export type Side = '$a' | '$b' | '$x';

const PQ_RATCHET_KEY = fixedHex('spqr braid');

interface Beginning {
  readonly minVersion?: 0 | 1;
  /** A side without a seed must not come to the point where it draws. */
  readonly seed?: string | null;
  readonly pqRatchetKey?: string;
}

/** One side. Its seed is its own in every test. */
export function start(side: Side, { minVersion, seed = side, pqRatchetKey = PQ_RATCHET_KEY }: Beginning = {}) {
  const args = {
    direction: side === '$b' ? 'B2A' : 'A2B',
    pqRatchetKey,
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(seed === null ? {} : { seed: fixedHex(`spqr braid, seed of ${seed}`) }),
  };
  return { op: 'spqr.braid.init', args, bind: { [side]: 'braid' } };
}

/** Both sides, with seeds. */
export const START: readonly StepDefinition[] = [start('$a'), start('$b')];

/** How much of a message is recorded: nothing, payload and key, or those and what is on the way. */
export type Recording = 'nothing' | 'values' | 'trace';

/** Sends; the payload has a name afterwards. */
export function send(side: Side, name = '$p', recording: Recording = 'nothing'): StepDefinition {
  return {
    op: 'spqr.braid.send',
    args: { braid: side },
    bind: { [name]: 'payload' },
    keep: recording === 'nothing' ? [] : ['payload', 'key', 'epoch'],
    trace: recording === 'trace',
  };
}

/** Receives a payload, by name, damaged or by its bytes. */
export function receive(side: Side, payload: Json = '$p', recording: Recording = 'nothing'): StepDefinition {
  return {
    op: 'spqr.braid.receive',
    args: { braid: side, payload },
    keep: recording === 'nothing' ? [] : ['key', 'epoch'],
    trace: recording === 'trace',
  };
}

/** Is refused a payload. */
export function refuse(side: Side, payload: Json, reason: string): StepDefinition {
  return { op: 'spqr.braid.receive', args: { braid: side, payload }, refused: reason };
}

/** Looks at a side. */
export const look = (side: Side): StepDefinition => ({ op: 'spqr.braid.info', args: { braid: side } });

const other = (side: Side): Side => (side === '$a' ? '$b' : '$a');

/** Sends and delivers. */
export function pass(from: Side, recording: Recording = 'nothing'): StepDefinition[] {
  const sent = send(from, '$p', recording);
  // The key is recorded where it is received.
  return [recording === 'values' ? { ...sent, keep: ['payload'] } : sent, receive(other(from), '$p', recording)];
}

/** Delivers so many messages of one side. */
export function block(from: Side, count: number, recording: Recording = 'nothing'): StepDefinition[] {
  return Array.from({ length: count }, () => pass(from, recording)).flat();
}

/** Messages `first` to `last` of a conversation in strict turns, in which A sends those of odd number. */
export function turns(first: number, last: number, recording: Recording = 'nothing'): StepDefinition[] {
  return Array.from({ length: last - first + 1 }, (_, i) =>
    pass((first + i) % 2 === 1 ? '$a' : '$b', recording),
  ).flat();
}

/** The named payload with one bit flipped. */
export const flip = (bit: number, name = '$p'): Json => ({ damage: name, flipBit: bit });
/** The beginning of the named payload. */
export const cut = (bytes: number, name = '$p'): Json => ({ damage: name, cut: bytes });
/** Where the parts of an honest payload of epoch and index below 128 begin, in bits. */
export const BITS = { version: 0, epoch: 8, index: 16, type: 24, chunkIndex: 32, data: 40 };

/** A minimal varint, as hex. */
export function varint(value: number): string {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]).toString('hex');
}

/** Types by their number. */
export const TYPES = ['none', 'header', 'ek', 'ekCt1Ack', 'ct1Ack', 'ct1', 'ct2'] as const;
/** 32 bytes of a chunk that nobody sent. */
export const DATA = fixedHex('spqr braid chunk');

/** A payload of version 1 by its fields, with a chunk where its type has one. */
export function payload(index: number, type: number, { epoch = 1, chunkIndex = 0 } = {}): string {
  const chunk = type === 0 || type === 4 ? '' : `${varint(chunkIndex)}${DATA}`;
  return `01${varint(epoch)}${varint(index)}${Buffer.from([type]).toString('hex')}${chunk}`;
}
