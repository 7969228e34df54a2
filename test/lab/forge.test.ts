import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Form, flipBit } from '../../lab/interop/forge.ts';
import { encodePreKeySignalMessage, parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { seededRandom } from '../support/seeded-random.ts';

const random = seededRandom('forge');
const inner = random(120);
const fields = {
  version: 4,
  preKeyId: 7,
  baseKey: random(32).fill(9, 31),
  identityKey: random(32).fill(9, 31),
  registrationId: 11,
  signedPreKeyId: 8,
};
const hybrid = encodePreKeySignalMessage({
  ...fields,
  message: inner,
  kemPreKeyId: 9,
  kemCiphertext: random(1569).fill(8, 0, 1),
});
const classical = encodePreKeySignalMessage({
  ...fields,
  version: 3,
  message: inner,
  kemPreKeyId: null,
  kemCiphertext: null,
});

function differences(a: Uint8Array, b: Uint8Array): number[] {
  const bits = (byte: number) => byte.toString(2).replaceAll('0', '').length;
  return [...a].map((byte, at) => bits(byte ^ (b[at] ?? 0)));
}

describe('[IOP-04] forged messages', () => {
  test('differ in one bit and leave the original alone', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff_ffff),
        fc.constantFrom<Form>('message', 'group', 'prekey'),
        fc.boolean(),
        (at, form, kem) => {
          const before = hybrid.slice();
          const forged = flipBit(hybrid, form, at, kem);
          expect(forged.length).toBe(hybrid.length);
          expect(differences(hybrid, forged).reduce((sum, n) => sum + n, 0)).toBe(1);
          expect(hybrid).toEqual(before);
        },
      ),
    );
  });

  test('touch in a prekey message only what is authenticated: the inner message, or the KEM ciphertext', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (at) => {
        const original = parsePreKeySignalMessage(hybrid);
        const forged = parsePreKeySignalMessage(flipBit(hybrid, 'prekey', at, false));
        expect({ ...forged, message: original.message }).toEqual(original);
        expect(forged.message).not.toEqual(original.message);
        const without = flipBit(classical, 'prekey', at, true);
        expect(parsePreKeySignalMessage(without).message).not.toEqual(original.message);
      }),
    );
    const kem = flipBit(hybrid, 'prekey', 1568 * 8, true);
    expect(parsePreKeySignalMessage(kem).message).toEqual(inner);
    expect(parsePreKeySignalMessage(kem).kemCiphertext).not.toEqual(parsePreKeySignalMessage(hybrid).kemCiphertext);
  });

  test('cover every bit of a plain message', () => {
    const body = random(20);
    const seen = new Set(
      Array.from({ length: 160 }, (_, at) => Buffer.from(flipBit(body, 'message', at, false)).toString('hex')),
    );
    expect(seen.size).toBe(160);
  });
});
