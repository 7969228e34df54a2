/** DecryptionErrorMessage and PlaintextContent. @spec 04-messages §8 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DecryptionErrorMessage } from '../../protocol/codec/decryption-error.ts';
import {
  decryptionErrorFor,
  encodeDecryptionError,
  encodePlaintextContent,
  parseDecryptionError,
  parsePlaintextContent,
} from '../../protocol/codec/decryption-error.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { withHighBit } from '../support/points.ts';
import { refusal } from '../support/refusal.ts';
import {
  bytes,
  counting,
  hex,
  join,
  number,
  PREKEY_FIELDS,
  prekey,
  rawKey,
  refusedAs,
  SIGNAL_FIELDS,
  signal,
  wireKey,
} from './sample.ts';

const ERROR: DecryptionErrorMessage = { ratchetKey: rawKey(1), timestamp: 1_796_083_200_000, deviceId: 3 };
const BYTES = join(bytes(1, wireKey(1)), number(2, ERROR.timestamp), number(3, 3));
const CONTENT = join(Uint8Array.of(0xc0), bytes(8, BYTES), Uint8Array.of(0x80));
const invalid = (reason: string, field?: string) => refusedAs('InvalidMessage', reason, field);

describe('decryption errors', () => {
  test('[MSG-27] the encoding, field for field and back', () => {
    expect(encodeDecryptionError(ERROR)).toEqual(BYTES);
    expect(parseDecryptionError(BYTES)).toEqual(ERROR);
    const without = { ratchetKey: null, timestamp: 0, deviceId: 0 };
    expect(encodeDecryptionError(without)).toEqual(hex('10001800'));
    expect(parseDecryptionError(hex('10001800'))).toEqual(without);
  });

  test('[MSG-27, MSG-30] whatever is written is read back', () => {
    const errors = fc.record({
      ratchetKey: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }).map((key) => key.with(31, 0))),
      timestamp: fc.maxSafeNat(),
      deviceId: fc.integer({ min: 0, max: 0xffff_ffff }),
    });
    fc.assert(
      fc.property(errors, (error) => {
        expect(parseDecryptionError(encodeDecryptionError(error))).toEqual(error);
        expect(parsePlaintextContent(encodePlaintextContent(error))).toEqual(error);
      }),
    );
  });

  test('[MSG-28] no time, a time that a number cannot hold, and keys that are none are refused', () => {
    expect(refusal(() => parseDecryptionError(number(3, 1)))).toEqual(invalid('missing-field', 'timestamp'));
    const late = number(2, 2n ** 53n + 1n);
    expect(refusal(() => parseDecryptionError(late))).toEqual(invalid('value-out-of-range', 'timestamp'));
    expect(parseDecryptionError(number(2, 2n ** 53n - 1n)).timestamp).toBe(Number.MAX_SAFE_INTEGER);
    for (const key of [rawKey(1), join(wireKey(1), hex('00')), join(hex('05'), withHighBit(rawKey(1)))]) {
      expect(refusal(() => parseDecryptionError(join(bytes(1, key), number(2, 1)))).code).toBe('InvalidKey');
    }
    for (let i = 0; i < BYTES.length - 2; i++) refusal(() => parseDecryptionError(BYTES.subarray(0, i)));
    expect(parseDecryptionError(BYTES.subarray(0, -2)).deviceId).toBe(0);
  });

  test('[MSG-28, MSG-02] unknown fields are passed over', () => {
    expect(parseDecryptionError(join(BYTES, bytes(9, counting(1, 5))))).toEqual(ERROR);
  });

  test('[MSG-29] the ratchet key is that of the message, or of the one in the prekey message, or none', () => {
    const message = signal(SIGNAL_FIELDS);
    const { ratchetKey } = parseSignalMessage(message);
    const of = (type: 'message' | 'prekey' | 'senderkey', body: Uint8Array) => decryptionErrorFor({ type, body }, 5, 2);
    expect(of('message', message)).toEqual({ ratchetKey, timestamp: 5, deviceId: 2 });
    expect(of('prekey', prekey(PREKEY_FIELDS))).toEqual({ ratchetKey, timestamp: 5, deviceId: 2 });
    expect(of('senderkey', counting(0, 70))).toEqual({ ratchetKey: null, timestamp: 5, deviceId: 2 });
    for (const type of ['message', 'prekey'] as const) refusal(() => of(type, counting(0x44, 60)));
  });
});

describe('plaintext content', () => {
  test('[MSG-30] the encoding, and back', () => {
    expect(encodePlaintextContent(ERROR)).toEqual(CONTENT);
    expect(parsePlaintextContent(CONTENT)).toEqual(ERROR);
  });

  test('[MSG-30] only a decryption error comes out, whatever else stands beside it', () => {
    const dataMessage = bytes(1, bytes(1, counting(0x41, 9)));
    const wrap = (content: Uint8Array) => join(Uint8Array.of(0xc0), content, Uint8Array.of(0x80));
    expect(parsePlaintextContent(wrap(join(dataMessage, bytes(8, BYTES))))).toEqual(ERROR);
    expect(refusal(() => parsePlaintextContent(wrap(dataMessage)))).toEqual(
      invalid('missing-field', 'decryptionError'),
    );
    expect(refusal(() => parsePlaintextContent(wrap(bytes(8, hex('')))))).toEqual(
      invalid('missing-field', 'timestamp'),
    );
  });

  test('[MSG-30] another first or last byte, and every truncation, are refused', () => {
    const field = 'plaintextContent';
    for (const first of [0x00, 0x33, 0x44, 0x80, 0xc1]) {
      const error = refusal(() => parsePlaintextContent(CONTENT.with(0, first)));
      expect(error).toEqual(invalid('not-plaintext-content', field));
    }
    expect(refusal(() => parsePlaintextContent(CONTENT.subarray(0, -1)))).toEqual(invalid('bad-padding', field));
    expect(refusal(() => parsePlaintextContent(join(CONTENT, hex('00'))))).toEqual(invalid('bad-padding', field));
    for (const short of ['', 'c0', '80']) {
      expect(refusal(() => parsePlaintextContent(hex(short)))).toEqual(invalid('too-short', field));
    }
    for (let i = 0; i < CONTENT.length; i++) refusal(() => parsePlaintextContent(CONTENT.subarray(0, i)));
  });

  test('[MSG-30, MSG-12] it is no version of an encrypted message', () => {
    expect(refusal(() => parseSignalMessage(CONTENT)).code).toBe('UnsupportedVersion');
  });
});
