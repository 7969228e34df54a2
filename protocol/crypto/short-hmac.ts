/**
 * HMAC-SHA256 and HKDF-SHA256 of short inputs, over noble's compression function.
 *
 * @spec 01-keys §1
 * Owns: the arrangement of blocks that RFC 2104 and RFC 5869 ask for, one engine and one scratch block for all calls.
 * Must not know: which provider asks. A chain step hashes a few dozen bytes, and there entering OpenSSL, or building a hash object
 * for each hash, costs more than the hashing: a walk over 25,000 skipped keys on two ratchets has to fit its budget (DOS-01).
 */
import { _SHA256 } from '@noble/hashes/sha2.js';

const BLOCK_BYTES = 64;
const HASH_BYTES = 32;
const STATE_WORDS = HASH_BYTES / 4;
const SCRATCH_BYTES = 4 * BLOCK_BYTES;
/** The byte 80 and the 8-byte length that end a padded message (FIPS 180-4 §5.1.1). */
const PADDING_BYTES = 9;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** Longest HMAC message taken here, in bytes. */
export const SHORT_MESSAGE_BYTES = SCRATCH_BYTES - PADDING_BYTES;

/** Opens noble's engine at its block boundary: a chaining value in, a block, a chaining value out. */
class Compression extends _SHA256 {
  load(words: Int32Array): void {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = words;
    this.set(a, b, c, d, e, f, g, h);
  }
  save(words: Int32Array): void {
    words[0] = this.A;
    words[1] = this.B;
    words[2] = this.C;
    words[3] = this.D;
    words[4] = this.E;
    words[5] = this.F;
    words[6] = this.G;
    words[7] = this.H;
  }
  block(view: DataView, offset: number): void {
    this.process(view, offset);
  }
  write(view: DataView, offset: number): void {
    view.setInt32(offset, this.A);
    view.setInt32(offset + 4, this.B);
    view.setInt32(offset + 8, this.C);
    view.setInt32(offset + 12, this.D);
    view.setInt32(offset + 16, this.E);
    view.setInt32(offset + 20, this.F);
    view.setInt32(offset + 24, this.G);
    view.setInt32(offset + 28, this.H);
  }
  forget(): void {
    this.set(0, 0, 0, 0, 0, 0, 0, 0);
    this.roundClean();
  }
}

const engine = new Compression();
const scratch = new Uint8Array(SCRATCH_BYTES);
const scratchView = new DataView(scratch.buffer);
const start = new Int32Array(STATE_WORDS);
engine.save(start);

/** The two chaining values that a key leaves behind (RFC 2104 §4). */
interface KeyState {
  readonly inner: Int32Array;
  readonly outer: Int32Array;
}

function emptyState(): KeyState {
  return { inner: new Int32Array(STATE_WORDS), outer: new Int32Array(STATE_WORDS) };
}

function absorbPad(key: Uint8Array, pad: number, into: Int32Array): void {
  for (let i = 0; i < BLOCK_BYTES; i++) scratch[i] = (key[i] ?? 0) ^ pad;
  engine.load(start);
  engine.block(scratchView, 0);
  engine.save(into);
}

function setKey(state: KeyState, key: Uint8Array): KeyState {
  absorbPad(key, INNER_PAD, state.inner);
  absorbPad(key, OUTER_PAD, state.outer);
  return state;
}

/** Pads what stands in the scratch block after one block of key, and hashes it on. */
function absorbTail(length: number): void {
  const end = Math.ceil((length + PADDING_BYTES) / BLOCK_BYTES) * BLOCK_BYTES;
  scratch[length] = 0x80;
  scratch.fill(0, length + 1, end);
  scratchView.setUint32(end - 4, (BLOCK_BYTES + length) * 8);
  for (let at = 0; at < end; at += BLOCK_BYTES) engine.block(scratchView, at);
}

/** The tag of the `length` bytes in the scratch block, left at its start. */
function finish(state: KeyState, length: number): void {
  engine.load(state.inner);
  absorbTail(length);
  engine.write(scratchView, 0);
  engine.load(state.outer);
  absorbTail(HASH_BYTES);
  engine.write(scratchView, 0);
}

function forget(): void {
  scratch.fill(0);
  engine.forget();
}

const keyed = emptyState();
const derived = emptyState();
const extracted = new Uint8Array(HASH_BYTES);
const unsalted = setKey(emptyState(), new Uint8Array(0));

function forgetKey(state: KeyState): void {
  state.inner.fill(0);
  state.outer.fill(0);
}

/** HMAC-SHA256, 32 bytes; null where key or message is too long for this file. */
export function shortHmac(key: Uint8Array, data: Uint8Array): Uint8Array | null {
  if (key.length > BLOCK_BYTES || data.length > SHORT_MESSAGE_BYTES) return null;
  setKey(keyed, key);
  scratch.set(data);
  finish(keyed, data.length);
  const tag = scratch.slice(0, HASH_BYTES);
  forgetKey(keyed);
  forget();
  return tag;
}

/** HKDF-SHA256 with a 32-byte pseudo-random key left in the scratch block by the extraction. */
function expand(info: Uint8Array, length: number): Uint8Array {
  extracted.set(scratch.subarray(0, HASH_BYTES));
  setKey(derived, extracted);
  extracted.fill(0);
  const out = new Uint8Array(length);
  for (let at = 0, counter = 1; at < length; at += HASH_BYTES, counter++) {
    const carried = at === 0 ? 0 : HASH_BYTES;
    scratch.set(info, carried);
    scratch[carried + info.length] = counter;
    finish(derived, carried + info.length + 1);
    out.set(scratch.subarray(0, Math.min(HASH_BYTES, length - at)), at);
  }
  forgetKey(derived);
  return out;
}

/** HKDF-SHA256 (RFC 5869), `length` bytes; null where an input is too long for this file. */
export function shortHkdf(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array | null {
  const longest = Math.max(ikm.length, HASH_BYTES + info.length + 1);
  if (salt.length > BLOCK_BYTES || longest > SHORT_MESSAGE_BYTES) return null;
  const state = salt.length === 0 ? unsalted : setKey(keyed, salt);
  scratch.set(ikm);
  finish(state, ikm.length);
  const out = expand(info, length);
  forgetKey(keyed);
  forget();
  return out;
}
