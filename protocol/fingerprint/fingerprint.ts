/**
 * Safety numbers: two people see that they hold each other's keys.
 *
 * @spec 10-fingerprints §1, §3
 * Owns: the hash of one side, the 60 digits, and what counts as verified.
 * Must not know: which names an account goes by, who trusts whom. Only public keys pass through here.
 */
import { concat, copyInput, equalBytes, utf8 } from '../bytes/bytes.ts';
import { encodePublicKey } from '../codec/keys.ts';
import { encodeScannable, parseScannable, SCANNABLE_HALF_BYTES } from '../codec/scannable.ts';
import { assertCanonicalPublicKey } from '../crypto/keys.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { FINGERPRINT_ITERATIONS, MAX_FINGERPRINT_ITERATIONS, MIN_FINGERPRINT_ITERATIONS } from '../limits.ts';

/** In front of the first hash, whatever version the code is of. */
const HASH_PREFIX = Uint8Array.of(0, 0);
const CHUNK_BYTES = 5;
const CHUNKS_PER_SIDE = 6;
const CHUNK_DIGITS = 5;
const CHUNK_MODULUS = 100_000;
const SAFETY_NUMBER = /^(?: ?[0-9]{5}){12}$/;

/** One side of a conversation. */
export interface FingerprintSide {
  /** What the account is known by: for version 1 a telephone number in ASCII, for version 2 the bytes of its Service ID. */
  readonly stableId: Uint8Array;
  /** Raw, 32 bytes. */
  readonly identityKey: Uint8Array;
}

/** What a safety number is made from. */
export interface FingerprintInput {
  /** 1 or 2: says in the code which kind of `stableId` was hashed; the digits do not depend on it. */
  readonly version: number;
  /** 5,200 where absent; both sides must use the same. */
  readonly iterations?: number;
  readonly local: FingerprintSide;
  readonly remote: FingerprintSide;
}

/** A safety number in both its forms. */
export interface Fingerprint {
  /** 60 digits, the same on both sides; shown whole or not at all. */
  readonly displayable: string;
  /** The content of the code to scan, about 74 bytes; the two sides show different ones. */
  readonly scannable: Uint8Array;
}

function checkInput(input: FingerprintInput, iterations: number): void {
  if (input.version !== 1 && input.version !== 2) {
    throw new ProtocolError('InvalidArgument', 'parse', 'bad-fingerprint-version', 'version');
  }
  const whole = Number.isInteger(iterations);
  // @req FPR-02
  if (!whole || iterations < MIN_FINGERPRINT_ITERATIONS || iterations > MAX_FINGERPRINT_ITERATIONS) {
    throw new ProtocolError('InvalidArgument', 'parse', 'bad-iterations', 'iterations');
  }
}

/** h_0 = SHA-512(00 00 ‖ ser(IK) ‖ stableId ‖ ser(IK)), h_i = SHA-512(h_{i−1} ‖ ser(IK)); `iterations` hashes in all. */
function hashSide(provider: CryptoProvider, side: FingerprintSide, iterations: number, field: string): Uint8Array {
  const identityKey = copyInput(side.identityKey, field);
  assertCanonicalPublicKey(identityKey, field);
  const key = encodePublicKey(identityKey);
  // @req FPR-01
  let hash = provider.sha512(concat(HASH_PREFIX, key, copyInput(side.stableId, 'stableId'), key));
  for (let i = 1; i < iterations; i++) hash = provider.sha512(concat(hash, key));
  return hash;
}

/** 30 digits: six chunks of five bytes, each big-endian, modulo 100,000, with its leading zeros. */
function digits(hash: Uint8Array): string {
  let out = '';
  // @req FPR-03
  for (let chunk = 0; chunk < CHUNKS_PER_SIDE; chunk++) {
    let value = 0;
    for (let i = 0; i < CHUNK_BYTES; i++) value = value * 256 + (hash[chunk * CHUNK_BYTES + i] as number);
    out += (value % CHUNK_MODULUS).toString().padStart(CHUNK_DIGITS, '0');
  }
  return out;
}

/**
 * Computes the safety number of a conversation.
 * @throws {ProtocolError} `InvalidArgument`: `bad-fingerprint-version`, `bad-iterations` outside 2 to 1,000,000;
 * `InvalidKey` for an identity key that is not 32 canonical bytes.
 */
export function createFingerprint(provider: CryptoProvider, input: FingerprintInput): Fingerprint {
  const { version, iterations = FINGERPRINT_ITERATIONS } = input;
  checkInput(input, iterations);
  const local = hashSide(provider, input.local, iterations, 'localIdentity');
  const remote = hashSide(provider, input.remote, iterations, 'remoteIdentity');
  const [ours, theirs] = [digits(local), digits(remote)];
  return {
    // @req FPR-04
    displayable: ours < theirs ? ours + theirs : theirs + ours,
    scannable: encodeScannable({
      version,
      local: local.subarray(0, SCANNABLE_HALF_BYTES),
      remote: remote.subarray(0, SCANNABLE_HALF_BYTES),
    }),
  };
}

function differs(reason: string): ProtocolError {
  return new ProtocolError('UntrustedIdentity', 'verify', reason, 'fingerprint');
}

/**
 * Compares our code with the one scanned from the other side. Returning is the only way in which it verifies.
 * @throws {ProtocolError} what `parseScannable` refuses, in either code; `UnsupportedVersion`/`fingerprint-version-differs`;
 * `UntrustedIdentity`: `fingerprint-own-side` (our own code, or one with its sides swapped), `fingerprint-local-differs` (they
 * hold another key for us), `fingerprint-remote-differs` (we hold another key for them), `fingerprint-differs` (both).
 */
export function verifyScannable(ours: Uint8Array, scanned: Uint8Array): void {
  const mine = parseScannable(ours);
  const theirs = parseScannable(scanned);
  // @req FPR-05
  if (mine.version !== theirs.version) {
    throw new ProtocolError('UnsupportedVersion', 'verify', 'fingerprint-version-differs', 'version');
  }
  const localAgrees = equalBytes(mine.local, theirs.remote);
  const remoteAgrees = equalBytes(mine.remote, theirs.local);
  if (localAgrees && remoteAgrees) return;
  // @req FPR-07
  if (equalBytes(mine.local, theirs.local) && equalBytes(mine.remote, theirs.remote)) {
    throw differs('fingerprint-own-side');
  }
  if (localAgrees) throw differs('fingerprint-remote-differs');
  throw differs(remoteAgrees ? 'fingerprint-local-differs' : 'fingerprint-differs');
}

function readDigits(text: string): Uint8Array {
  // @req FPR-08
  if (typeof text !== 'string' || !SAFETY_NUMBER.test(text)) {
    throw new ProtocolError('InvalidArgument', 'parse', 'not-a-safety-number', 'displayable');
  }
  return utf8(text.replaceAll(' ', ''));
}

/**
 * Compares two displayed safety numbers, 60 digits each; a space before a group of five is passed over.
 * @throws {ProtocolError} `InvalidArgument`/`not-a-safety-number` (never a part of one); `UntrustedIdentity`/`safety-number-differs`.
 */
export function verifyDisplayable(ours: string, theirs: string): void {
  // @req FPR-08
  if (!equalBytes(readDigits(ours), readDigits(theirs))) throw differs('safety-number-differs');
}
