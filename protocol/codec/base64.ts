/**
 * Base64 in one form only.
 *
 * @spec 04-messages §7
 * Owns: both alphabets (RFC 4648 §4 with padding, §5 without). Must not know: what is encoded.
 * Every byte string has one text here: characters outside the alphabet, wrong padding and unused bits are refused.
 */
import { ProtocolError } from '../errors.ts';

const COMMON = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

interface Alphabet {
  readonly characters: string;
  readonly values: Int8Array;
  readonly padded: boolean;
}

function alphabet(last: string, padded: boolean): Alphabet {
  const characters = COMMON + last;
  const values = new Int8Array(128).fill(-1);
  for (let i = 0; i < 64; i++) values[characters.charCodeAt(i)] = i;
  return { characters, values, padded };
}

const STANDARD = alphabet('+/', true);
const URL_SAFE = alphabet('-_', false);

function encode(bytes: Uint8Array, { characters, padded }: Alphabet): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6) text += characters[(held >>> (bits - 6)) & 63];
  }
  if (bits > 0) text += characters[(held << (6 - bits)) & 63];
  return padded ? text.padEnd(Math.ceil(bytes.length / 3) * 4, '=') : text;
}

function decode(text: string, { values, padded }: Alphabet, field: string): Uint8Array {
  const refusal = () => new ProtocolError('InvalidArgument', 'parse', 'not-base64', field);
  const padding = padded ? (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0) : 0;
  const length = text.length - padding;
  if (length % 4 === 1 || (padded && text.length % 4 !== 0)) throw refusal();
  const out = new Uint8Array(Math.floor((length * 3) / 4));
  let at = 0;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < length; i++) {
    const value = values[text.charCodeAt(i)] ?? -1;
    if (value < 0) throw refusal();
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = held >>> bits;
    }
  }
  // @req MSG-22
  if ((held & ((1 << bits) - 1)) !== 0) throw refusal();
  return out;
}

/** Standard alphabet, padded (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  return encode(bytes, STANDARD);
}

/** @throws {ProtocolError} `InvalidArgument`/`not-base64` unless `text` is the one encoding of some bytes. */
export function fromBase64(text: string, field = 'base64'): Uint8Array {
  return decode(text, STANDARD, field);
}

/** URL-safe alphabet without padding (RFC 4648 §5). */
export function toBase64Url(bytes: Uint8Array): string {
  return encode(bytes, URL_SAFE);
}

/** @throws {ProtocolError} `InvalidArgument`/`not-base64` unless `text` is the one encoding of some bytes. */
export function fromBase64Url(text: string, field = 'base64url'): Uint8Array {
  return decode(text, URL_SAFE, field);
}
