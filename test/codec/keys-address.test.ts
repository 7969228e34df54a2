/** Keys in wire form, addresses, base64. @spec 04-messages §2, §3, §7 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressKey,
  checkAddress,
  encodeAddresses,
  type ProtocolAddress,
  sameAccount,
  serviceId,
} from '../../protocol/codec/address.ts';
import { fromBase64, fromBase64Url, toBase64, toBase64Url } from '../../protocol/codec/base64.ts';
import {
  decodeKemCiphertext,
  decodeKemPublicKey,
  decodePublicKey,
  encodeKemKey,
  encodePublicKey,
  kemTypeByteOf,
} from '../../protocol/codec/keys.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { refusal } from '../support/refusal.ts';
import { counting, hex, join, rawKey, refusedAs, wireKey } from './sample.ts';

const KEM = getKem('ML-KEM-1024');
const ALICE = '9d0652a3-dcc3-4d11-975f-74d61598733f';
const BOB = '796abedb-ca4e-4f18-8803-1fde5b921f9f';
const at = (name: string, deviceId = 1): ProtocolAddress => ({ name, deviceId });

describe('EC keys', () => {
  test('[MSG-06] the wire form is 05 and u', () => {
    expect(encodePublicKey(rawKey(1))).toEqual(wireKey(1));
    expect(decodePublicKey(wireKey(1), 'key')).toEqual(rawKey(1));
    expect(() => encodePublicKey(new Uint8Array(31))).toThrow(TypeError);
  });

  test('[MSG-06] every other type byte and every other length is refused', () => {
    for (let type = 0; type < 256; type++) {
      if (type === 5) continue;
      const error = refusal(() => decodePublicKey(wireKey(1).with(0, type), 'key'));
      expect(error).toMatchObject({ code: 'InvalidKey', reason: 'bad-key-type', field: 'key' });
    }
    for (const length of [0, 1, 32, 34, 64, 65]) {
      const input = join(wireKey(1), counting(0, 40)).subarray(0, length);
      expect(() => decodePublicKey(input, 'key')).toThrow(refusedAs('InvalidKey', 'bad-length', 'key'));
    }
  });
});

describe('KEM keys and ciphertexts', () => {
  const raw = counting(1, 1568);

  test('[MSG-07] the lengths are those of the provider', () => {
    for (const name of ['ML-KEM-512', 'ML-KEM-768', 'ML-KEM-1024'] as const) {
      const lengths = nobleProvider.kemLengths(name);
      const kem = { ...getKem(name), typeByte: 0x0a };
      const key = encodeKemKey(kem, counting(0, lengths.publicKey));
      expect(decodeKemPublicKey(kem, key, 'key')).toEqual(counting(0, lengths.publicKey));
      const ciphertext = encodeKemKey(kem, counting(0, lengths.ciphertext));
      expect(decodeKemCiphertext(kem, ciphertext, 'ct')).toEqual(counting(0, lengths.ciphertext));
    }
  });

  test('[MSG-07] every other type byte is refused (O8)', () => {
    expect(kemTypeByteOf(encodeKemKey(KEM, raw))).toBe(0x0a);
    for (let type = 0; type < 256; type++) {
      if (type === 0x0a) continue;
      const wire = join(Uint8Array.of(type), raw);
      expect(() => decodeKemPublicKey(KEM, wire, 'key')).toThrow(refusedAs('InvalidKey', 'bad-key-type', 'key'));
      expect(() => decodeKemCiphertext(KEM, wire, 'ct')).toThrow(refusedAs('InvalidKey', 'bad-key-type', 'ct'));
    }
  });

  test('[MSG-07] every other length is refused', () => {
    for (const length of [1, 2, 1185, 1568, 1570]) {
      const wire = join(Uint8Array.of(0x0a), raw, raw).subarray(0, length);
      expect(() => decodeKemPublicKey(KEM, wire, 'key')).toThrow(refusedAs('InvalidKey', 'bad-length', 'key'));
      expect(() => decodeKemCiphertext(KEM, wire, 'ct')).toThrow(refusedAs('InvalidMessage', 'bad-length', 'ct'));
    }
    expect(() => decodeKemPublicKey(KEM, new Uint8Array(0), 'key')).toThrow(refusedAs('InvalidKey', 'bad-length'));
    expect(() => kemTypeByteOf(new Uint8Array(0))).toThrow(refusedAs('InvalidKey', 'bad-length'));
  });

  test('[MSG-07] a KEM without a type byte is never on the wire', () => {
    expect(() => encodeKemKey(getKem('ML-KEM-768'), raw)).toThrow(TypeError);
  });
});

describe('addresses', () => {
  test('[MSG-09] 36 bytes for two Service IDs, in either case, PNI included', () => {
    const expected = hex('009d0652a3dcc34d11975f74d61598733f0100796abedbca4e4f1888031fde5b921f9f03');
    expect(encodeAddresses(at(ALICE), at(BOB, 3))).toEqual(expected);
    expect(encodeAddresses(at(ALICE.toUpperCase()), at(BOB, 3))).toEqual(expected);
    expect(encodeAddresses(at(`PNI:${ALICE}`), at(BOB, 3))).toEqual(expected.with(0, 1));
  });

  test.each(['alice', '+14152222222', `pni:${ALICE}`, `PNI: ${ALICE}`, `{${ALICE}}`, `urn:uuid:${ALICE}`])(
    '[MSG-09, PAR-03] %s is a name and not a Service ID',
    (name) => {
      expect(serviceId(name)).toBeNull();
      expect(encodeAddresses(at(name), at(BOB))).toBeNull();
      expect(encodeAddresses(at(BOB), at(name))).toBeNull();
      expect(sameAccount(at(name), at(name))).toBe(false);
    },
  );

  test.each([
    ['without hyphens', ALICE.replaceAll('-', '')],
    ['with a hyphen moved', '9d0652a-3dcc3-4d11-975f-74d61598733f'],
    ['with a Cyrillic а', ALICE.replace('a', '\u0430')],
    ['with a full-width digit', ALICE.replace('9', '\uff19')],
    ['with a letter past f', ALICE.replace('f', 'g')],
    ['with a zero-width space', `${ALICE}\u200b`],
    ['with a right-to-left mark', `\u200f${ALICE}`],
  ])('[MSG-10, PAR-03] a UUID %s is another name', (_, name) => {
    expect(serviceId(name)).toBeNull();
    expect(sameAccount(at(name), at(ALICE))).toBe(false);
    expect(addressKey(at(name))).toBe(`${name}.1`);
    expect(addressKey(at(name))).not.toBe(addressKey(at(ALICE)));
  });

  test('[MSG-10, PAR-03] only the case of a UUID is ignored', () => {
    expect(addressKey(at(ALICE.toUpperCase()))).toBe(addressKey(at(ALICE)));
    expect(addressKey(at(`PNI:${ALICE.toUpperCase()}`))).toBe(addressKey(at(`PNI:${ALICE}`)));
    expect(sameAccount(at(ALICE.toUpperCase(), 2), at(ALICE, 9))).toBe(true);
    expect(sameAccount(at(`PNI:${ALICE}`), at(ALICE))).toBe(false);
    const names = ['Alice', 'alice', 'caf\u00e9', 'cafe\u0301', 'a.1', 'a', `PNI:${ALICE}`, ALICE, 'al\u202eice'];
    const keys = names.flatMap((name) => [addressKey(at(name, 1)), addressKey(at(name, 11))]);
    expect(new Set(keys).size).toBe(2 * names.length);
  });

  test.each([
    ['empty', ''],
    ['a lone surrogate', 'a\ud800'],
    ['a NUL', 'a\u0000b'],
    ['a newline', 'a\n'],
    ['an escape', '\u001b[2J'],
    ['a C1 control', 'a\u009b'],
    ['257 characters', 'a'.repeat(257)],
    ['129 characters of 2 bytes', 'é'.repeat(129)],
    ['not a string', 7 as unknown as string],
  ])('[MSG-08, PAR-03] refuses a name that is, or has, %s', (_, name) => {
    for (const use of [checkAddress, addressKey, (a: ProtocolAddress) => encodeAddresses(a, at(BOB))]) {
      expect(() => use(at(name))).toThrow(refusedAs('InvalidArgument', 'bad-name', 'name'));
    }
  });

  test('[MSG-08] device ids run from 1 to 127', () => {
    for (const id of [0, 128, -1, 1.5, Number.NaN, 2 ** 32 + 1, '1' as unknown as number]) {
      expect(() => checkAddress(at(ALICE, id))).toThrow(refusedAs('InvalidArgument', 'bad-device-id', 'deviceId'));
    }
    expect([1, 127].map((id) => checkAddress(at('a'.repeat(256), id)).deviceId)).toEqual([1, 127]);
  });
});

describe.each([
  ['standard', 'base64', toBase64, fromBase64],
  ['URL-safe', 'base64url', toBase64Url, fromBase64Url],
] as const)('%s base64', (_, name, encode, decode) => {
  test('[MSG-22] agrees with the platform and comes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (input) => {
        expect(encode(input)).toBe(Buffer.from(input).toString(name));
        expect(decode(encode(input))).toEqual(input);
      }),
    );
  });

  test('[MSG-22] what is accepted is the one encoding of its bytes', () => {
    const alphabet = fc.constantFrom(...'AQZgw/+-_=é \n');
    fc.assert(
      fc.property(fc.string({ unit: alphabet, maxLength: 9 }), (text) => {
        try {
          expect(encode(decode(text))).toBe(text);
        } catch (error) {
          expect(error).toEqual(refusedAs('InvalidArgument', 'not-base64'));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test('[MSG-22] refuses other alphabets, paddings and unused bits', () => {
  for (const text of ['A', 'AA', 'AA=', 'AAA', 'AB==', 'AAB=', 'AA==\n', 'A===', '====', 'AA-_', 'AAAA====', 'AA=A']) {
    expect(() => fromBase64(text)).toThrow(refusedAs('InvalidArgument', 'not-base64'));
  }
  for (const text of ['A', 'AB', 'AAB', 'AA==', 'AA+/', 'AA AA', 'AAÄA']) {
    expect(() => fromBase64Url(text)).toThrow(refusedAs('InvalidArgument', 'not-base64'));
  }
});
