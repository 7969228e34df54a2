import { describe, expect, test } from 'vitest';
import { concat, equalBytes, fromHex, fromUtf8, isAllZero, toHex } from '../../protocol/bytes/bytes.ts';
import { ByteReader, ByteWriter } from '../../protocol/bytes/cursor.ts';
import { isProtocolError, ProtocolError } from '../../protocol/errors.ts';
import * as labels from '../../protocol/labels.ts';
import { compareCounting } from '../support/counting-bytes.ts';

describe('bytes', () => {
  test('[CNV-01] a comparison reads every byte wherever the first difference is', () => {
    for (let at = 0; at < 8; at++) {
      const other = new Uint8Array(8);
      other[at] = 1;
      const { equal, reads } = compareCounting(new Uint8Array(8), other);
      expect(equal).toBe(false);
      expect(reads).toBe(8);
    }
    expect(compareCounting(new Uint8Array(8), new Uint8Array(8))).toEqual({ equal: true, reads: 8 });
  });

  test('[CNV-01] lengths differ, contents differ, contents agree', () => {
    expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 0))).toBe(false);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(isAllZero(new Uint8Array(4))).toBe(true);
    expect(isAllZero(Uint8Array.of(0, 0, 1))).toBe(false);
  });

  test('[CNV-03] no two labels are equal, and none is the beginning of another but the X3DH one, which older peers fix', () => {
    const values = Object.values(labels);
    expect(values.length).toBeGreaterThan(4);
    expect(new Set(values).size).toBe(values.length);
    const prefixes = values.flatMap((a) => values.filter((b) => a !== b && b.startsWith(a)).map(() => a));
    expect([...new Set(prefixes)]).toEqual([labels.X3DH_LABEL]);
  });

  test('[CNV-04] an error names code, stage, reason and field, and prints nothing else', () => {
    const error = new ProtocolError('InvalidKey', 'parse', 'bad-length', 'baseKey');
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'InvalidKey',
      stage: 'parse',
      reason: 'bad-length',
      field: 'baseKey',
    });
    expect(error.message).toBe('InvalidKey (parse): bad-length [baseKey]');
    expect(isProtocolError(error, 'InvalidKey')).toBe(true);
    expect(isProtocolError(error, 'InvalidState')).toBe(false);
    expect(isProtocolError(new Error('other'))).toBe(false);
  });

  test('[CNV-04] hex and text from outside are refused by field', () => {
    for (const bad of ['0', 'zz', '0x00']) {
      expect(() => fromHex(bad, 'seed')).toThrowError(expect.objectContaining({ reason: 'not-hex', field: 'seed' }));
    }
    expect(toHex(fromHex('00fFa0'))).toBe('00ffa0');
    for (const bad of [
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xe2, 0x82],
    ]) {
      expect(() => fromUtf8(Uint8Array.from(bad), 'name')).toThrowError(
        expect.objectContaining({ code: 'InvalidMessage', reason: 'bad-utf8', field: 'name' }),
      );
    }
  });
});

describe('records', () => {
  test('[SES-02] what the writer writes, over several buffer sizes, the reader reads', () => {
    const large = new Uint8Array(5000).fill(7);
    const bytes = new ByteWriter()
      .u8(255)
      .u32(0xffff_fffe)
      .u53(2 ** 53 - 1)
      .sized(large)
      .fixed(large)
      .u8(1)
      .finish();
    const reader = new ByteReader(bytes, 'test');
    expect([reader.u8(), reader.u32(), reader.u53()]).toEqual([255, 0xffff_fffe, 2 ** 53 - 1]);
    expect(concat(reader.sized(), reader.fixed(5000))).toEqual(concat(large, large));
    expect(() => reader.end()).toThrowError(expect.objectContaining({ reason: 'record-trailing-bytes' }));
    expect(reader.u8()).toBe(1);
    reader.end();
    expect(() => reader.u8()).toThrowError(
      expect.objectContaining({ code: 'InvalidState', reason: 'record-truncated' }),
    );
  });

  test('[SES-02] a number that JavaScript cannot hold is refused', () => {
    const reader = new ByteReader(Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0), 'test');
    expect(() => reader.u53()).toThrowError(
      expect.objectContaining({ code: 'InvalidState', reason: 'record-malformed' }),
    );
  });
});
