/** SignalMessage and PreKeySignalMessage. @spec 04-messages §4, §5 */
import { createHash } from 'node:crypto';
import { ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeAddresses } from '../../protocol/codec/address.ts';
import {
  encodePreKeySignalMessage,
  type PreKeySignalMessage,
  parsePreKeySignalMessage,
} from '../../protocol/codec/prekey-message.ts';
import {
  encodeSignalMessage,
  encodeVersion,
  parseSignalMessage,
  type SignalMessage,
} from '../../protocol/codec/signal-message.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { refusal } from '../support/refusal.ts';
import {
  bytes,
  counting,
  group,
  hex,
  join,
  MAC,
  number,
  PREKEY,
  PREKEY_FIELDS,
  prekey,
  SIGNAL,
  SIGNAL_FIELDS,
  signal,
  tag,
  wireKey,
} from './sample.ts';

/** A whole message that the deployed protocol accepts and decrypts, from the known answers of the wire format. */
const INNER = hex(
  '440a2105dc2cca31e8e43bbd91dff7e475cca3347eb478107d5bd765aba4ae4a30c35d44100018002210df00708991a739f73f8e1cd3' +
    '02f5f2ec2a04010101003224009d0652a3dcc34d11975f74d61598733f0100796abedbca4e4f1888031fde5b921f9f03cc2606be40f2a0ed',
);
const RATCHET = hex('dc2cca31e8e43bbd91dff7e475cca3347eb478107d5bd765aba4ae4a30c35d44');
const IDENTITY = hex('493e82fc74464a59268817623d2053c5eb8e2cc4a988b4fee179ec6b010d531d');
const BASE = hex('605a725d2a4adfeeb1a29e17edd621c1b7593ee8cdbc44ac6c4ab6e2f805d23c');
const ALICE = { name: '9d0652a3-dcc3-4d11-975f-74d61598733f', deviceId: 1 };
const BOB = { name: '796abedb-ca4e-4f18-8803-1fde5b921f9f', deviceId: 3 };
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

describe('known answers', () => {
  test('[MSG-11, MSG-14] an inner message of 110 bytes, field for field and back', () => {
    const parsed = parseSignalMessage(INNER);
    const content: SignalMessage = {
      version: 4,
      ratchetKey: RATCHET,
      counter: 0,
      previousCounter: 0,
      ciphertext: hex('df00708991a739f73f8e1cd302f5f2ec'),
      pqRatchet: hex('01010100'),
      addresses: encodeAddresses(ALICE, BOB),
    };
    expect(parsed).toEqual({ ...content, authenticated: INNER.subarray(0, 102), mac: hex('cc2606be40f2a0ed') });
    expect(encodeSignalMessage(content)).toEqual(INNER.slice(0, 102));
  });

  test('[MSG-15] an outer message of 1764 bytes, field for field and back', () => {
    const { publicKey } = ml_kem1024.keygen(counting(0, 64));
    const coins = createHash('sha3-256').update(counting(0xc8, 32)).digest();
    const { cipherText } = ml_kem1024.encapsulate(publicKey, new Uint8Array(coins));
    expect(sha256(cipherText)).toBe('29c4e2cfb464bbb9fa4ad9aad4eae290a71fbe984c51dd9b4592860f834fe57c');
    const content: PreKeySignalMessage = {
      version: 4,
      preKeyId: 7,
      baseKey: BASE,
      identityKey: IDENTITY,
      message: INNER,
      registrationId: 1111,
      signedPreKeyId: 8,
      kemPreKeyId: 9,
      kemCiphertext: join(Uint8Array.of(8), cipherText),
    };
    const encoded = encodePreKeySignalMessage(content);
    expect(encoded.length).toBe(1764);
    expect(sha256(encoded)).toBe('6166aae42d36dc1d52e0354b0d031767d57a739f1beffaf4297ffc49505e2a56');
    expect(parsePreKeySignalMessage(encoded)).toEqual(content);
  });
});

describe('writing', () => {
  test('[MSG-11] counters of 0 are written, an empty payload and missing addresses are not', () => {
    const encoded = encodeSignalMessage({ ...SIGNAL, counter: 0 });
    const [key, , previous, text] = SIGNAL_FIELDS as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    expect(join(encoded, MAC)).toEqual(signal([key, number(2, 0), previous, text]));
  });

  test('[MSG-15] absent fields are left out, present zeros are not', () => {
    const none = { ...PREKEY, version: 3, preKeyId: null, kemPreKeyId: null, kemCiphertext: null };
    expect(encodePreKeySignalMessage(none)).toEqual(prekey(PREKEY_FIELDS.slice(1, 6), 0x34));
    const zeros = { ...PREKEY, preKeyId: 0, registrationId: 0, signedPreKeyId: 0, kemPreKeyId: 0 };
    const [, base, identity, message, , , , ciphertext] = PREKEY_FIELDS as Uint8Array[] as [
      Uint8Array,
      ...Uint8Array[],
    ];
    const fields = [number(1, 0), base, identity, message, number(5, 0), number(6, 0), number(7, 0), ciphertext];
    expect(encodePreKeySignalMessage(zeros)).toEqual(prekey(fields as Uint8Array[]));
  });

  test('[MSG-12] only versions 3 and 4 are written', () => {
    expect([3, 4].map((version) => encodeVersion(version)[0])).toEqual([0x34, 0x44]);
    for (const version of [2, 5, 20]) expect(() => encodeVersion(version)).toThrow(TypeError);
  });
});

const uint32 = fc.oneof(fc.constantFrom(0, 1, 127, 128, 0xffff_ffff), fc.nat(0xffff_ffff));
const text = fc.uint8Array({ maxLength: 200 });
const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((u) => {
  const canonical = u.slice();
  canonical[31] = (canonical[31] as number) & 0x3f;
  return canonical;
});
const version = fc.constantFrom(3, 4);

describe('round trips', () => {
  test('[MSG-11, MSG-14] a SignalMessage comes back as it went', () => {
    const messages = fc.record({
      version,
      ratchetKey: key,
      counter: uint32,
      previousCounter: uint32,
      ciphertext: text,
      pqRatchet: text,
      addresses: fc.option(text),
    });
    fc.assert(
      fc.property(messages, (message) => {
        const encoded = encodeSignalMessage(message);
        expect(parseSignalMessage(join(encoded, MAC))).toEqual({ ...message, authenticated: encoded, mac: MAC });
      }),
    );
  });

  test('[MSG-15] a PreKeySignalMessage comes back as it went', () => {
    const kem = fc.record({ kemPreKeyId: uint32, kemCiphertext: text });
    const messages = fc.record({
      version,
      preKeyId: fc.option(uint32),
      baseKey: key,
      identityKey: key,
      message: text,
      registrationId: uint32,
      signedPreKeyId: uint32,
    });
    fc.assert(
      fc.property(messages, kem, fc.boolean(), (rest, withKem, classical) => {
        const without = { kemPreKeyId: null, kemCiphertext: null };
        const message = { ...rest, ...(classical && rest.version === 3 ? without : withKem) };
        expect(parsePreKeySignalMessage(encodePreKeySignalMessage(message))).toEqual(message);
      }),
    );
  });
});

const FORMS = [
  ['a message', (byte: number) => parseSignalMessage(signal(SIGNAL_FIELDS, byte))],
  ['a prekey message', (byte: number) => parsePreKeySignalMessage(prekey(PREKEY_FIELDS, byte))],
] as const;

describe.each(FORMS)('the version byte of %s (O15)', (_, parse) => {
  test('[MSG-12] every high nibble but 3 and 4 is refused, every low nibble is ignored', () => {
    for (let byte = 0; byte < 256; byte++) {
      const nibble = byte >>> 4;
      if (nibble === 3 || nibble === 4) expect(parse(byte).version).toBe(nibble);
      else {
        const reason = nibble < 3 ? 'version-too-old' : 'version-unrecognised';
        expect(refusal(() => parse(byte))).toMatchObject({ code: 'UnsupportedVersion', reason, field: 'version' });
      }
    }
  });
});

describe('shape', () => {
  test('[MSG-13] a message has 9 bytes at least, a prekey message 1', () => {
    for (let length = 0; length < 9; length++) {
      const error = refusal(() => parseSignalMessage(signal([]).subarray(0, length)));
      expect(error).toMatchObject({ code: 'InvalidMessage', reason: 'too-short', field: 'signalMessage' });
    }
    expect(refusal(() => parseSignalMessage(signal([])))).toMatchObject({ reason: 'missing-field' });
    const error = refusal(() => parsePreKeySignalMessage(new Uint8Array(0)));
    expect(error).toMatchObject({ code: 'InvalidMessage', reason: 'too-short', field: 'preKeySignalMessage' });
    expect(refusal(() => parsePreKeySignalMessage(Uint8Array.of(0x44)))).toMatchObject({ reason: 'missing-field' });
  });

  test.each([
    [0, 'ratchetKey'],
    [1, 'counter'],
    [3, 'ciphertext'],
  ])('[MSG-13] a message without its field %i is refused as %s', (index, field) => {
    const rest = SIGNAL_FIELDS.filter((_, i) => i !== index);
    const error = refusal(() => parseSignalMessage(signal(rest)));
    expect(error).toMatchObject({ code: 'InvalidMessage', reason: 'missing-field', field });
  });

  test.each([
    [1, 'baseKey'],
    [2, 'identityKey'],
    [3, 'message'],
    [5, 'signedPreKeyId'],
  ])('[MSG-13] a prekey message without its field %i is refused as %s', (index, field) => {
    const rest = PREKEY_FIELDS.filter((_, i) => i !== index);
    const error = refusal(() => parsePreKeySignalMessage(prekey(rest)));
    expect(error).toMatchObject({ code: 'InvalidMessage', reason: 'missing-field', field });
  });

  test('[MSG-13] previous counter, payload, addresses, one-time prekey and registration id may be missing', () => {
    const parsed = parseSignalMessage(signal(SIGNAL_FIELDS.filter((_, i) => i !== 2)));
    expect(parsed).toMatchObject({ previousCounter: 0, pqRatchet: new Uint8Array(0), addresses: null });
    const outer = parsePreKeySignalMessage(prekey(PREKEY_FIELDS.filter((_, i) => i !== 0 && i !== 4)));
    expect(outer).toMatchObject({ preKeyId: null, registrationId: 0 });
  });

  test('[MSG-14] unknown fields and odd encodings are inside what the MAC is over', () => {
    const odd = signal([group(30), ...[...SIGNAL_FIELDS].reverse(), number(2, 2n ** 32n + 6n), bytes(15, MAC)], 0x4f);
    const parsed = parseSignalMessage(odd);
    expect(parsed.counter).toBe(6);
    expect(join(parsed.authenticated, parsed.mac)).toEqual(odd);
    expect(parsed.mac).toEqual(MAC);
  });

  test('[MSG-13] an empty addresses field is there, and not the same as none', () => {
    const parsed = parseSignalMessage(signal([...SIGNAL_FIELDS, bytes(6, new Uint8Array(0))]));
    expect(parsed.addresses).toEqual(new Uint8Array(0));
  });

  test('[MSG-16, PQX-07] the KEM fields stand together, and from version 4 on must stand there', () => {
    const without = (...gone: readonly number[]) => PREKEY_FIELDS.filter((_, i) => !gone.includes(i + 1));
    const cases: Array<[Uint8Array, string]> = [
      [prekey(without(7)), 'kemPreKeyId'],
      [prekey(without(8)), 'kemCiphertext'],
      [prekey(without(7, 8)), 'kemPreKeyId'],
      [prekey(without(7), 0x34), 'kemPreKeyId'],
      [prekey(without(8), 0x34), 'kemCiphertext'],
    ];
    for (const [input, field] of cases) {
      const error = refusal(() => parsePreKeySignalMessage(input));
      expect(error).toMatchObject({ code: 'InvalidMessage', reason: 'missing-field', field });
    }
    const classical = parsePreKeySignalMessage(prekey(without(7, 8), 0x34));
    expect(classical).toMatchObject({ version: 3, kemPreKeyId: null, kemCiphertext: null });
    expect(parsePreKeySignalMessage(prekey(PREKEY_FIELDS, 0x34)).kemPreKeyId).toBe(9);
  });
});

describe('keys inside messages', () => {
  const high = wireKey(1).with(32, 0xff);
  const zeroPadded = join(wireKey(1), Uint8Array.of(0));
  const cases: Array<[string, Uint8Array, ErrorCode, string]> = [
    ['with a byte more (O6)', zeroPadded, 'InvalidKey', 'bad-length'],
    ['with a byte less', wireKey(1).subarray(0, 32), 'InvalidKey', 'bad-length'],
    ['that is empty', new Uint8Array(0), 'InvalidKey', 'bad-length'],
    ['of type 06 (O6)', wireKey(1).with(0, 6), 'InvalidKey', 'bad-key-type'],
    ['with bit 255 set (O4)', high, 'InvalidKey', 'non-canonical-public-key'],
    ['equal to p', join(hex('05ed'), hex('ff'.repeat(30)), hex('7f')), 'InvalidKey', 'non-canonical-public-key'],
  ];
  test.each(cases)('[MSG-06] a key %s is refused in each role', (_, wire, code, reason) => {
    const ratchet = signal([bytes(1, wire), ...SIGNAL_FIELDS.slice(1)]);
    expect(refusal(() => parseSignalMessage(ratchet))).toMatchObject({ code, reason, field: 'ratchetKey' });
    const base = prekey([...PREKEY_FIELDS, bytes(2, wire)]);
    expect(refusal(() => parsePreKeySignalMessage(base))).toMatchObject({ code, reason, field: 'baseKey' });
    const identity = prekey([...PREKEY_FIELDS, bytes(3, wire)]);
    expect(refusal(() => parsePreKeySignalMessage(identity))).toMatchObject({ code, reason, field: 'identityKey' });
  });

  test('[MSG-06] the largest canonical u is read', () => {
    const largest = join(hex('05ec'), hex('ff'.repeat(30)), hex('7f'));
    const parsed = parseSignalMessage(signal([bytes(1, largest), ...SIGNAL_FIELDS.slice(1)]));
    expect(parsed.ratchetKey).toEqual(largest.slice(1));
  });
});

test('[MSG-03] a known field of another wire type is refused by its name', () => {
  const wrong = refusal(() => parseSignalMessage(signal([...SIGNAL_FIELDS, tag(2, 5), counting(0, 4)])));
  expect(wrong).toMatchObject({ code: 'InvalidMessage', reason: 'wrong-wire-type', field: 'counter' });
  const outer = refusal(() => parsePreKeySignalMessage(prekey([...PREKEY_FIELDS, number(8, 1)])));
  expect(outer).toMatchObject({ code: 'InvalidMessage', reason: 'wrong-wire-type', field: 'kemCiphertext' });
});
