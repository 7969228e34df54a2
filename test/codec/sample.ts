/**
 * Valid messages, and protobuf written by hand.
 *
 * @spec 04-messages
 * Owns: test input that the code under test did not make. Must not know: what is accepted.
 */
import { expect } from 'vitest';
import type { PreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import type { SignalMessage } from '../../protocol/codec/signal-message.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';

/** Lower-case hex to bytes. */
export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

export const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** Bytes from `first` on, counting up. */
export const counting = (first: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);

/** A varint of a number below 2^64, stretched to at least `length` bytes. */
export function varint(value: number | bigint, length = 1): Uint8Array {
  const out: number[] = [];
  let rest = BigInt(value);
  while (rest > 0x7fn || out.length + 1 < length) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Uint8Array.from([...out, Number(rest)]);
}

export const tag = (field: number, wireType: number): Uint8Array => varint(field * 8 + wireType);
export const number = (field: number, value: number | bigint): Uint8Array => join(tag(field, 0), varint(value));
export const bytes = (field: number, value: Uint8Array): Uint8Array => join(tag(field, 2), varint(value.length), value);
export const group = (field: number, ...content: readonly Uint8Array[]): Uint8Array =>
  join(tag(field, 3), ...content, tag(field, 4));

/** A canonical raw EC key; not necessarily a good one. */
export const rawKey = (first: number): Uint8Array => {
  const key = counting(first, 32);
  key[31] = (key[31] as number) & 0x7f;
  return key;
};

export const wireKey = (first: number): Uint8Array => join(Uint8Array.of(5), rawKey(first));

/** A raw EC key that some device could have. */
export const goodKey = (first: number): Uint8Array => nobleProvider.x25519FromPrivate(counting(first, 32)).publicKey;

export const MAC = counting(0xa0, 8);

/** The fields of a small SignalMessage, ascending. */
export const SIGNAL_FIELDS: readonly Uint8Array[] = [
  bytes(1, wireKey(1)),
  number(2, 5),
  number(3, 0),
  bytes(4, counting(0x40, 16)),
];

/** A complete SignalMessage around the given fields. */
export const signal = (fields: readonly Uint8Array[], versionByte = 0x44): Uint8Array =>
  join(Uint8Array.of(versionByte), ...fields, MAC);

export const SIGNAL: SignalMessage = {
  version: 4,
  ratchetKey: rawKey(1),
  counter: 5,
  previousCounter: 0,
  ciphertext: counting(0x40, 16),
  pqRatchet: new Uint8Array(0),
  addresses: null,
};

/** The fields of a small PreKeySignalMessage, ascending. */
export const PREKEY_FIELDS: readonly Uint8Array[] = [
  number(1, 7),
  bytes(2, wireKey(2)),
  bytes(3, wireKey(3)),
  bytes(4, signal(SIGNAL_FIELDS)),
  number(5, 1111),
  number(6, 8),
  number(7, 9),
  bytes(8, counting(0x08, 40)),
];

export const prekey = (fields: readonly Uint8Array[], versionByte = 0x44): Uint8Array =>
  join(Uint8Array.of(versionByte), ...fields);

export const PREKEY: PreKeySignalMessage = {
  version: 4,
  preKeyId: 7,
  baseKey: rawKey(2),
  identityKey: rawKey(3),
  message: signal(SIGNAL_FIELDS),
  registrationId: 1111,
  signedPreKeyId: 8,
  kemPreKeyId: 9,
  kemCiphertext: counting(0x08, 40),
};

/** Code and reason of a refusal, and its field. */
export const refusedAs = (code: string, reason: string, field?: string) =>
  expect.objectContaining(field === undefined ? { code, reason } : { code, reason, field });
