/** Protobuf wire format. @spec 04-messages §1 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copyMessage, ProtobufReader, ProtobufWriter } from '../../protocol/codec/protobuf.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { MAX_MESSAGE_BYTES } from '../../protocol/limits.ts';
import { refusal } from '../support/refusal.ts';
import { bytes, counting, group, join, number, refusedAs, SIGNAL_FIELDS, signal, tag, varint } from './sample.ts';

/** Reads everything; field 1 is a number, field 2 bytes, the rest unknown. */
function read(input: Uint8Array, strict: boolean): Array<number | string> {
  const reader = new ProtobufReader(input, 'test', { strict, repeated: 2 });
  const values: Array<number | string> = [];
  while (reader.next()) {
    if (reader.field === 1) values.push(reader.uint32('number'));
    else if (reader.field === 2) values.push(Buffer.from(reader.bytes('bytes')).toString('hex'));
    else reader.skip();
  }
  return values;
}

const nested = (depth: number): Uint8Array => {
  const open = Array.from({ length: depth }, () => tag(9, 3));
  return join(...open, ...open.map(() => tag(9, 4)));
};

describe('writing', () => {
  test('[MSG-01] numbers are written even when 0, bytes even when empty', () => {
    const written = new ProtobufWriter().uint32(1, 0).uint53(2, 0).bytes(3, new Uint8Array(0)).finish();
    expect(written).toEqual(join(number(1, 0), number(2, 0), bytes(3, new Uint8Array(0))));
  });

  test('[MSG-01] fields out of order and numbers out of range are a mistake of the program', () => {
    expect(() => new ProtobufWriter().uint32(2, 0).uint32(1, 0)).toThrow(TypeError);
    for (const field of [0, -1, 1.5, 2 ** 29]) expect(() => new ProtobufWriter().uint32(field, 0)).toThrow(TypeError);
    for (const value of [-1, 1.5, 2 ** 32, Number.NaN]) {
      expect(() => new ProtobufWriter().uint32(1, value)).toThrow(TypeError);
    }
    for (const value of [-1, 1.5, 2 ** 53]) expect(() => new ProtobufWriter().uint53(1, value)).toThrow(TypeError);
  });

  test('[MSG-01] what is written reads back, strictly too, and is what another writer writes', () => {
    const field = fc.record({ number: fc.nat(0xffff_ffff), text: fc.uint8Array({ maxLength: 300 }) });
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 5 }), ([first, ...more]) => {
        const value = first?.number ?? 0;
        const texts = more.map(({ text }) => text);
        const writer = new ProtobufWriter().uint32(1, value);
        for (const text of texts) writer.bytes(2, text);
        const written = writer.finish();
        expect(written).toEqual(join(number(1, value), ...texts.map((text) => bytes(2, text))));
        expect(read(written, true)).toEqual([value, ...texts.map((text) => Buffer.from(text).toString('hex'))]);
      }),
    );
  });

  test('[MSG-01, PAR-01] every number below 2^53 survives, in its shortest form', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constant(Number.MAX_SAFE_INTEGER)), (value) => {
        const written = new ProtobufWriter().uint53(1, value).finish();
        expect(written).toEqual(number(1, value));
        const reader = new ProtobufReader(written, 'test', { strict: true });
        expect(reader.next() && reader.uint53('number')).toBe(value);
      }),
    );
  });
});

describe('what peers may send (O13)', () => {
  test.each<[string, Uint8Array, Array<number | string>]>([
    ['an unknown varint', join(number(1, 1), number(15, 3)), [1]],
    ['an unknown fixed64', join(tag(15, 1), counting(0, 8), number(1, 1)), [1]],
    ['unknown bytes', join(bytes(15, counting(0, 9)), number(1, 1)), [1]],
    ['an unknown fixed32', join(tag(15, 5), counting(0, 4), number(1, 1)), [1]],
    ['the largest field number', join(number(0x1fff_ffff, 3), number(1, 1)), [1]],
    ['an unknown empty group', join(group(9), number(1, 1)), [1]],
    ['a group with known numbers inside', join(group(9, number(1, 8), bytes(2, counting(0, 3))), number(1, 1)), [1]],
    ['groups of one number inside each other', join(group(9, group(9, group(8))), number(1, 1)), [1]],
    ['100 groups inside each other', join(nested(100), number(1, 1)), [1]],
    ['a number twice', join(number(1, 1), number(1, 2)), [1, 2]],
    ['fields in any order', join(bytes(2, counting(1, 1)), number(1, 2)), ['01', 2]],
    ['a varint of 10 bytes', join(tag(1, 0), varint(7, 10)), [7]],
    ['a length of 10 bytes', join(tag(2, 2), varint(1, 10), counting(1, 1)), ['01']],
    ['a tag of 10 bytes', join(varint(8, 10), varint(7)), [7]],
    ['2^32 + 7 in a uint32', number(1, 2n ** 32n + 7n), [7]],
    ['2^64 − 1 in a uint32', number(1, 2n ** 64n - 1n), [0xffff_ffff]],
  ])('[MSG-02, PAR-01] accepts %s', (_, input, expected) => {
    expect(read(input, false)).toEqual(expected);
  });

  test('[MSG-02] the last of several values wins', () => {
    const twice = [number(2, 1), bytes(4, counting(0, 32)), ...SIGNAL_FIELDS];
    expect(parseSignalMessage(signal(twice))).toMatchObject({ counter: 5, ciphertext: counting(0x40, 16) });
    expect(parseSignalMessage(signal([...SIGNAL_FIELDS, number(2, 1)])).counter).toBe(1);
  });
});

describe('what nobody may send (O14)', () => {
  test.each<[string, Uint8Array, string]>([
    ['a varint of 11 bytes', join(tag(1, 0), varint(7, 11)), 'varint-too-long'],
    ['an unknown varint of 11 bytes', join(tag(15, 0), varint(7, 11)), 'varint-too-long'],
    ['a varint of 10 bytes above 2^64 − 1', join(tag(1, 0), varint(2n ** 64n)), 'varint-too-long'],
    ['a varint cut off', join(tag(1, 0), Uint8Array.of(0x80)), 'varint-truncated'],
    ['a tag without a value', tag(1, 0), 'varint-truncated'],
    ['bytes for a number', bytes(1, counting(0, 1)), 'wrong-wire-type'],
    ['a fixed32 for a number', join(tag(1, 5), counting(0, 4)), 'wrong-wire-type'],
    ['a number for bytes', number(2, 0), 'wrong-wire-type'],
    ['a group for bytes', group(2), 'wrong-wire-type'],
    ['a length beyond the end', join(tag(2, 2), varint(2), counting(0, 1)), 'length-past-end'],
    ['a length of 2^32', join(tag(2, 2), varint(2n ** 32n)), 'length-past-end'],
    ['a length of 2^64 − 1', join(tag(2, 2), varint(2n ** 64n - 1n)), 'length-past-end'],
    ['unknown bytes beyond the end', join(tag(15, 2), varint(2), counting(0, 1)), 'length-past-end'],
    ['unknown bytes of length 2^32', join(tag(15, 2), varint(2n ** 32n)), 'length-past-end'],
    ['a fixed64 of 7 bytes', join(tag(15, 1), counting(0, 7)), 'length-past-end'],
    ['a fixed32 of 3 bytes', join(tag(15, 5), counting(0, 3)), 'length-past-end'],
    ['field 0', number(0, 1), 'field-zero'],
    ['field 0 inside a group', group(9, number(0, 1)), 'field-zero'],
    ['wire type 6', tag(3, 6), 'bad-tag'],
    ['wire type 7', tag(3, 7), 'bad-tag'],
    ['a tag of 2^32', join(varint(2n ** 32n + 8n), varint(1)), 'bad-tag'],
    ['a group not closed', tag(9, 3), 'unterminated-group'],
    ['an inner group not closed', join(tag(9, 3), group(8), tag(8, 3), tag(8, 4)), 'unterminated-group'],
    ['a group not opened', tag(9, 4), 'group-mismatch'],
    ['a group closed by another number', join(tag(9, 3), tag(8, 4)), 'group-mismatch'],
    ['101 groups inside each other', nested(101), 'group-too-deep'],
  ])('[MSG-03, PAR-01] refuses %s', (_, input, reason) => {
    expect(refusal(() => read(input, false))).toMatchObject({ code: 'InvalidMessage', stage: 'parse', reason });
    expect(() => read(input, true)).toThrow(refusedAs('InvalidMessage', expect.any(String) as unknown as string));
  });

  test('[MSG-03] a number of 2^53 or more is refused where 53 bits are read, never rounded', () => {
    const reader = new ProtobufReader(number(1, 2n ** 53n), 'test');
    expect(reader.next()).toBe(true);
    expect(refusal(() => reader.uint53('number'))).toMatchObject({ reason: 'value-out-of-range', field: 'number' });
  });
});

describe('our own frames', () => {
  test.each<[string, Uint8Array, string]>([
    ['an unknown field', join(number(1, 1), number(15, 3)), 'unknown-field'],
    ['an unknown group', join(number(1, 1), group(15)), 'unknown-field'],
    ['a number twice', join(number(1, 1), number(1, 1)), 'field-order'],
    ['fields out of order', join(bytes(2, counting(0, 1)), number(1, 1)), 'field-order'],
    ['a varint not the shortest', join(tag(1, 0), varint(7, 2)), 'varint-not-minimal'],
    ['a length not the shortest', join(tag(2, 2), varint(1, 2), counting(0, 1)), 'varint-not-minimal'],
    ['a tag not the shortest', join(varint(8, 2), varint(1)), 'varint-not-minimal'],
    ['zero in two bytes', join(tag(1, 0), varint(0, 2)), 'varint-not-minimal'],
    ['2^32 in a uint32', number(1, 2n ** 32n), 'value-out-of-range'],
  ])('[MSG-04] %s is refused, though peers may send it', (_, input, reason) => {
    expect(() => read(input, false)).not.toThrow();
    expect(refusal(() => read(input, true))).toMatchObject({ code: 'InvalidMessage', stage: 'parse', reason });
  });

  test('[MSG-04] a repeated field may repeat, and no other', () => {
    const input = join(number(1, 1), bytes(2, counting(1, 1)), bytes(2, counting(2, 1)));
    expect(read(input, true)).toEqual([1, '01', '02']);
  });
});

test('[MSG-05] a message of more than 1 MiB is refused, one of exactly that is read', () => {
  const error = refusal(() => copyMessage(new Uint8Array(MAX_MESSAGE_BYTES + 1), 'signalMessage'));
  expect(error).toMatchObject({ code: 'InvalidMessage', reason: 'too-long', field: 'signalMessage' });
  const room = MAX_MESSAGE_BYTES - signal(SIGNAL_FIELDS.slice(0, 3)).length - 4;
  const largest = signal([...SIGNAL_FIELDS.slice(0, 3), bytes(4, new Uint8Array(room))]);
  expect(largest.length).toBe(MAX_MESSAGE_BYTES);
  expect(parseSignalMessage(largest).ciphertext.length).toBe(room);
  expect(() => parseSignalMessage(join(largest, counting(0, 1)))).toThrow(refusedAs('InvalidMessage', 'too-long'));
});
