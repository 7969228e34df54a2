/**
 * The bytes of field 5.
 *
 * @spec 08-braid §2
 */
import { expect, test } from 'vitest';
import { concat, toHex } from '../../protocol/bytes/bytes.ts';
import type { Payload } from '../../protocol/ratchet/braid/payload.ts';
import { encodePayload, PAYLOAD_KINDS, parsePayload } from '../../protocol/ratchet/braid/payload.ts';
import { seq } from '../support/braid.ts';
import { refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';

const bytes = (...values: (number | Uint8Array)[]): Uint8Array =>
  concat(...values.map((value) => (typeof value === 'number' ? Uint8Array.of(value) : value)));
const DATA = seq(0x10);

test('[BRD-02] every kind, every boundary: written minimally and read back', () => {
  const sizes = new Set<number>();
  for (const kind of PAYLOAD_KINDS) {
    for (const epoch of [1, 127, 128, 300, 2 ** 32, 2 ** 49 - 1, 2 ** 49, Number.MAX_SAFE_INTEGER]) {
      for (const index of [0, 1, 127, 128, 0xffff_ffff]) {
        for (const at of [0, 127, 128, 0xffff]) {
          const chunk = kind === 'none' || kind === 'ct1Ack' ? null : { index: at, data: DATA };
          const payload: Payload = { epoch, index, kind, chunk };
          const encoded = encodePayload(payload);
          expect(parsePayload(encoded)).toEqual(payload);
          if (epoch === 1 && index < 256) sizes.add(encoded.length);
        }
      }
    }
  }
  expect([...sizes].sort((a, b) => a - b)).toEqual([4, 5, 37, 38, 39, 40]);
  expect(toHex(encodePayload({ epoch: 300, index: 128, kind: 'none', chunk: null }))).toBe('01ac02800100');
});

test('[BRD-04] [PAR-02] what must not be refused', () => {
  const plain = { epoch: 1, index: 1, kind: 'none', chunk: null };
  expect(parsePayload(bytes(1, 0x81, 0x00, 1, 0))).toEqual(plain);
  expect(parsePayload(bytes(1, 1, 0x81, 0x80, 0x00, 0))).toEqual(plain);
  // Nine bytes of nothing, then bits at 2^64 and above.
  expect(parsePayload(bytes(1, 0x81, new Uint8Array(8).fill(0x80), 0x02, 1, 0))).toEqual(plain);
  expect(parsePayload(bytes(1, 1, 1, 0, 0xff, 0xff))).toEqual(plain);
  const chunk = { index: 5, data: DATA };
  expect(parsePayload(bytes(1, 1, 1, 1, 5, DATA, 0x77))).toEqual({ epoch: 1, index: 1, kind: 'header', chunk });
});

test('[BRD-03] [PAR-02] what is refused, and why', () => {
  const continued = (count: number) => new Uint8Array(count).fill(0x80);
  const cases: readonly [reason: string, payload: Uint8Array][] = [
    ['pq-varint-truncated', bytes(1)],
    ['pq-varint-truncated', bytes(1, 1)],
    ['pq-varint-truncated', bytes(1, 0x80)],
    ['pq-varint-truncated', bytes(2, 0xff)],
    ['pq-varint-too-long', bytes(1, continued(10), 0, 1, 0)],
    ['pq-varint-too-long', bytes(1, 1, continued(11), 0)],
    ['pq-epoch-zero', bytes(1, 0, 1, 0)],
    ['pq-epoch-zero', bytes(1, continued(9), 0x02, 1, 0)],
    // 2^53 + 1, 2^53, 2^63: a double would round the first to the second.
    ['pq-number-too-large', bytes(1, 0x81, continued(6), 0x10, 1, 0)],
    ['pq-number-too-large', bytes(1, continued(7), 0x10, 1, 0)],
    ['pq-number-too-large', bytes(1, continued(9), 0x01, 1, 0)],
    ['pq-number-too-large', bytes(1, continued(8), 0x01, 1, 0)],
    ['pq-number-too-large', bytes(1, 1, continued(4), 0x10, 0)],
    ['pq-unknown-type', bytes(1, 1, 1)],
    ['pq-unknown-type', bytes(1, 1, 1, 7)],
    ['pq-unknown-type', bytes(1, 1, 1, 255)],
    ['pq-varint-truncated', bytes(1, 1, 1, 1)],
    ['pq-number-too-large', bytes(1, 1, 1, 1, 0x80, 0x80, 0x04, DATA)],
    ['pq-chunk-truncated', bytes(1, 1, 1, 1, 0, DATA.subarray(1))],
    ['pq-chunk-truncated', bytes(1, 1, 1, 6, 0)],
  ];
  for (const [reason, payload] of cases) {
    const expected = { code: 'InvalidMessage', stage: 'parse', reason, field: 'pqRatchet' };
    expect(refusal(() => parsePayload(payload)).toJSON(), toHex(payload)).toEqual(expected);
  }
  reportCount('PAR-02', 'malformed payloads refused', cases.length);
});

test('[BRD-03] [PAR-02] every truncation of every kind is refused', () => {
  for (const kind of PAYLOAD_KINDS) {
    const chunk = kind === 'none' || kind === 'ct1Ack' ? null : { index: 300, data: DATA };
    const whole = encodePayload({ epoch: 300, index: 70_000, kind, chunk });
    for (let length = 1; length < whole.length; length++) {
      expect(refusal(() => parsePayload(whole.subarray(0, length))).code).toBe('InvalidMessage');
    }
  }
});
