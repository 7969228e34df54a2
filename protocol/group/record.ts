/**
 * Sender key records as bytes.
 *
 * @spec 13-groups §7
 * Owns: the stored layout, its version, its checks: a damaged, foreign or newer record is refused, never half-read.
 * Must not know: where records are stored. The bytes hold secrets; they are the caller's to guard.
 */
import { concat, equalBytes, utf8 } from '../bytes/bytes.ts';
import { ByteReader, ByteWriter } from '../bytes/cursor.ts';
import { Secret } from '../bytes/secret.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { EC_KEY_BYTES } from '../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { MAX_SENDER_KEY_STATES } from '../limits.ts';
import { isSkippedSeeds } from '../ratchet/skipped.ts';
import { RATCHET_KEY_BYTES } from '../ratchet/symmetric.ts';
import type { SenderKeyName, SenderKeyRecord, SenderKeyState } from './state.ts';
import { assertBelongs, senderKeyRecordKey } from './state.ts';

const MAGIC = 0x53;
const RECORD_VERSION = 1;
const CHECKSUM_BYTES = 8;
const NAME_TAG_BYTES = 8;
const KIND = 'senderKeyRecord';

function malformed(reason: string): ProtocolError {
  return new ProtocolError('InvalidState', 'parse', reason, KIND);
}

function digest(provider: CryptoProvider, bytes: Uint8Array, length: number): Uint8Array {
  return provider.sha256(bytes).subarray(0, length);
}

function writeState(out: ByteWriter, state: SenderKeyState): void {
  out.u32(state.chainId).u32(state.chain.index).fixed(state.chain.key.expose()).fixed(state.signingKey);
  out.u8(state.signingPrivateKey === null ? 0 : 1);
  if (state.signingPrivateKey !== null) out.fixed(state.signingPrivateKey.expose());
  out.sized(state.skipped.expose());
}

function readState(input: ByteReader): SenderKeyState {
  const chainId = input.u32();
  const chain = { index: input.u32(), key: new Secret<'ChainKey'>(input.fixed(RATCHET_KEY_BYTES)) };
  const signingKey = input.fixed(EC_KEY_BYTES);
  const own = input.u8();
  if (own > 1) throw malformed('record-malformed');
  const signingPrivateKey = own === 1 ? new Secret<'EcPrivateKey'>(input.fixed(EC_KEY_BYTES)) : null;
  const skipped = input.sized();
  // The message before the chain's index was read or sent: it brought the chain there.
  if (!isSkippedSeeds(skipped, 0, chain.index - 1)) throw malformed('record-malformed');
  return { chainId, chain, signingKey, signingPrivateKey, skipped: new Secret<'SkippedSeeds'>(skipped) };
}

/**
 * The stored form: `53`, version 1, an 8-byte tag of sender and distribution id, an 8-byte checksum, the states. At most
 * 361 KB. The result holds secrets.
 * @throws {ProtocolError} `InvalidState`/`record-other-sender`; `InvalidArgument` for a bad name.
 */
export function serializeSenderKeyRecord(
  provider: CryptoProvider,
  record: SenderKeyRecord,
  name: SenderKeyName,
): Uint8Array {
  const tag = digest(provider, utf8(assertBelongs(record, name)), NAME_TAG_BYTES);
  const states = new ByteWriter().u8(record.states.length);
  for (const state of record.states) writeState(states, state);
  const body = states.finish();
  const bytes = concat(Uint8Array.of(MAGIC, RECORD_VERSION), tag, digest(provider, body, CHECKSUM_BYTES), body);
  body.fill(0);
  return bytes;
}

/**
 * Reads a stored record.
 * @throws {ProtocolError} `InvalidState`: `record-version` (a newer layout), `record-other-sender` (stored under another
 * name), `record-checksum`, `record-malformed`, `record-truncated`, `record-trailing-bytes`; `InvalidArgument` for a bad name.
 */
export function parseSenderKeyRecord(
  provider: CryptoProvider,
  bytes: Uint8Array,
  name: SenderKeyName,
): SenderKeyRecord {
  const key = senderKeyRecordKey(name);
  const header = new ByteReader(bytes, KIND);
  // @req SKY-17
  if (header.u8() !== MAGIC) throw malformed('record-malformed');
  if (header.u8() !== RECORD_VERSION) throw malformed('record-version');
  if (!equalBytes(header.fixed(NAME_TAG_BYTES), digest(provider, utf8(key), NAME_TAG_BYTES))) {
    throw malformed('record-other-sender');
  }
  const checksum = header.fixed(CHECKSUM_BYTES);
  const body = bytes.subarray(2 + NAME_TAG_BYTES + CHECKSUM_BYTES);
  if (!equalBytes(digest(provider, body, CHECKSUM_BYTES), checksum)) throw malformed('record-checksum');
  const input = new ByteReader(body, KIND);
  const count = input.u8();
  if (count === 0 || count > MAX_SENDER_KEY_STATES) throw malformed('record-malformed');
  const states = Array.from({ length: count }, () => readState(input));
  input.end();
  if (new Set(states.map(({ chainId }) => chainId)).size !== count) throw malformed('record-malformed');
  return { key, states };
}
