/**
 * The bytes of field 5: version, epoch, chain index, and at most one chunk.
 *
 * @spec 08-braid §2
 * Owns: the layout and its checks. Must not know: states, keys.
 */
import { concat } from '../../bytes/bytes.ts';
import { ProtocolError } from '../../errors.ts';
import type { Chunk } from './erasure.ts';
import { CHUNK_BYTES } from './erasure.ts';

/** The only payload version that carries content. */
export const BRAID_VERSION = 1;

/** What a message of the braid carries; the position in this list is its type byte. */
export const PAYLOAD_KINDS = ['none', 'header', 'ek', 'ekCt1Ack', 'ct1Ack', 'ct1', 'ct2'] as const;
export type PayloadKind = (typeof PAYLOAD_KINDS)[number];
const WITH_CHUNK: readonly PayloadKind[] = ['header', 'ek', 'ekCt1Ack', 'ct1', 'ct2'];
const MAX_VARINT_BYTES = 10;

/** The braid's part of a payload. */
export interface BraidMessage {
  /** The sender's epoch, from 1. */
  readonly epoch: number;
  readonly kind: PayloadKind;
  readonly chunk: Chunk | null;
}

/** A whole payload; `index` counts the sender's keys in the chain epoch `epoch − 1`, 0 where there is no key. */
export interface Payload extends BraidMessage {
  readonly index: number;
}

function malformed(reason: string): ProtocolError {
  return new ProtocolError('InvalidMessage', 'parse', reason, 'pqRatchet');
}

function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
  return Uint8Array.from(out);
}

/** Bits of the byte at a position of a varint that lie at 2^53 or above and below 2^64. */
const TOO_LARGE = [0, 0, 0, 0, 0, 0, 0, 0x70, 0x7f, 0x01];

/** A varint and the offset behind it. Bits at 2^64 and above are lost, as in the deployed code; 2^53 and above is refused. */
function readVarint(bytes: Uint8Array, start: number): { value: number; next: number } {
  let value = 0;
  let large = 0;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) throw malformed('pq-varint-truncated');
    large |= byte & (TOO_LARGE[i] as number);
    if (i < 8) value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte >= 0x80) continue;
    if (large !== 0) throw malformed('pq-number-too-large');
    return { value, next: start + i + 1 };
  }
  throw malformed('pq-varint-too-long');
}

/** The encoding of a payload, version 1 (BRD-02). */
export function encodePayload(payload: Payload): Uint8Array {
  // @req BRD-02
  const head = concat(
    Uint8Array.of(BRAID_VERSION),
    varint(payload.epoch),
    varint(payload.index),
    Uint8Array.of(PAYLOAD_KINDS.indexOf(payload.kind)),
  );
  return payload.chunk === null ? head : concat(head, varint(payload.chunk.index), payload.chunk.data);
}

/** The fields that every non-empty payload has, whatever its version. */
export interface PayloadHead {
  readonly version: number;
  readonly epoch: number;
  readonly index: number;
  readonly next: number;
}

/**
 * Reads them (BRD-03).
 * @throws {ProtocolError} `InvalidMessage`: `pq-varint-truncated`, `pq-varint-too-long`, `pq-number-too-large`, `pq-epoch-zero`.
 */
export function parsePayloadHead(bytes: Uint8Array): PayloadHead {
  // @req BRD-03
  const epoch = readVarint(bytes, 1);
  if (epoch.value === 0) throw malformed('pq-epoch-zero');
  const index = readVarint(bytes, epoch.next);
  if (index.value > 0xffff_ffff) throw malformed('pq-number-too-large');
  return { version: bytes[0] as number, epoch: epoch.value, index: index.value, next: index.next };
}

/**
 * Parses a version 1 payload; bytes behind it are ignored (BRD-04).
 * @throws {ProtocolError} `InvalidMessage`: as the head, or `pq-unknown-type`, `pq-chunk-truncated`, `pq-number-too-large`.
 */
export function parsePayload(bytes: Uint8Array): Payload {
  const head = parsePayloadHead(bytes);
  const kind = PAYLOAD_KINDS[bytes[head.next] ?? -1];
  if (kind === undefined) throw malformed('pq-unknown-type');
  const { epoch, index } = head;
  if (!WITH_CHUNK.includes(kind)) return { epoch, index, kind, chunk: null };
  const chunkIndex = readVarint(bytes, head.next + 1);
  if (chunkIndex.value > 0xffff) throw malformed('pq-number-too-large');
  // @req BRD-04
  const data = bytes.slice(chunkIndex.next, chunkIndex.next + CHUNK_BYTES);
  if (data.length < CHUNK_BYTES) throw malformed('pq-chunk-truncated');
  return { epoch, index, kind, chunk: { index: chunkIndex.value, data } };
}
