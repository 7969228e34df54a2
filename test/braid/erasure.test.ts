/**
 * The erasure code under loss, disorder and malice.
 *
 * @spec 08-braid §4
 */
import { expect, test } from 'vitest';
import type { Chunk, Decoder } from '../../protocol/ratchet/braid/erasure.ts';
import {
  addChunk,
  CHUNK_BYTES,
  chunkAt,
  decoded,
  nextChunk,
  startDecoder,
  startEncoder,
} from '../../protocol/ratchet/braid/erasure.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { seededIntegers, seededRandom } from '../support/seeded-random.ts';

const SIZES = [96, 160, 960, 1152];
const random = seededRandom('erasure');
const below = seededIntegers('erasure');

function take(length: number, chunks: readonly Chunk[]): Decoder {
  return chunks.reduce(addChunk, startDecoder(length));
}

/** `count` different indices, most of them above the message's own rows. */
function indices(count: number): number[] {
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(below(below(2) === 0 ? 2 * count : 0x1_0000));
  return [...chosen];
}

test('[BRD-07] any N different chunks give the message, N − 1 do not', () => {
  const rounds = scaled(15, 300);
  for (let round = 0; round < rounds; round++) {
    for (const length of SIZES) {
      const message = random(length);
      const chunks = indices(length / CHUNK_BYTES).map((index) => ({ index, data: chunkAt(message, index) }));
      expect(decoded(take(length, chunks))).toEqual(message);
      expect(decoded(take(length, chunks.slice(1)))).toBeNull();
    }
  }
  reportCount('BRD-07', 'objects decoded from random chunks', rounds * SIZES.length);
});

test('[PRIM-13] [BRD-08] a repeated index replaces, a surplus interpolated chunk is ignored, a row is always taken', () => {
  const message = random(96);
  const chunk = (index: number) => ({ index, data: chunkAt(message, index) });
  const wrong = { index: 7, data: random(32) };
  expect(decoded(take(96, [wrong, chunk(7), chunk(9), chunk(1)]))).toEqual(message);
  expect(decoded(take(96, [chunk(7), wrong, chunk(9), chunk(1)]))).not.toEqual(message);
  expect(take(96, [chunk(7), chunk(7), chunk(7)]).chunks.length).toBe(1);
  const full = take(96, [chunk(5), chunk(6), chunk(7)]);
  expect(addChunk(full, wrong)).toEqual({ ...full, chunks: [chunk(5), chunk(6), wrong] });
  expect(addChunk(full, { index: 60_000, data: random(32) })).toBe(full);
  const more = addChunk(full, chunk(2));
  expect(more.chunks.map(({ index }) => index)).toEqual([2, 5, 6, 7]);
  expect(decoded(more)).toEqual(message);
});

test('[PRIM-13] [BRD-07] the 65,536th chunk is the first again, and the counter wraps at 2^32', () => {
  const message = random(960);
  const last = nextChunk({ message, sent: 65_535 });
  expect(last.chunk).toEqual({ index: 65_535, data: chunkAt(message, 65_535) });
  expect(nextChunk(last.encoder).chunk).toEqual({ index: 0, data: message.slice(0, 32) });
  expect(nextChunk({ message, sent: 0xffff_ffff })).toEqual({
    encoder: { message, sent: 0 },
    chunk: { index: 65_535, data: chunkAt(message, 65_535) },
  });
  const far = [65_533, 65_534, 65_535].map((index) => ({ index, data: chunkAt(message.slice(0, 96), index) }));
  expect(decoded(take(96, far))).toEqual(message.slice(0, 96));
});

test('[PRIM-13] all-zero, wrong and mislabelled chunks end in some message, never in a loop', () => {
  for (const length of SIZES) {
    const rows = length / CHUNK_BYTES;
    const zeros = indices(rows).map((index) => ({ index, data: new Uint8Array(32) }));
    expect(decoded(take(length, zeros))).toEqual(new Uint8Array(length));
    const message = random(length);
    const shifted = indices(rows).map((index) => ({ index, data: chunkAt(message, (index + 1) & 0xffff) }));
    expect(decoded(take(length, shifted))?.length).toBe(length);
  }
  expect(() => startEncoder(new Uint8Array(33))).toThrow(TypeError);
  expect(() => startEncoder(new Uint8Array(0))).toThrow(TypeError);
});
