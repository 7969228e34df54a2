/**
 * Stored records: their frame.
 *
 * @spec 07-devices §6
 * Owns: `44 ‖ version ‖ checksum ‖ body`. The checksum covers the record's place, so that one which was moved is refused.
 * Must not know: bodies. It guards against damage and mix-ups, not against somebody who may write the file.
 */
import { concat, equalBytes, utf8 } from '../../protocol/bytes/bytes.ts';
import { ByteReader } from '../../protocol/bytes/cursor.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { StoreTransaction } from '../store/store.ts';

const MAGIC = 0x44;
const VERSION = 1;
const CHECKSUM_BYTES = 8;
const HEADER_BYTES = 2 + CHECKSUM_BYTES;

function checksum(provider: CryptoProvider, table: string, key: string, body: Uint8Array): Uint8Array {
  const input = concat(utf8(`${table}\n${key}\n`), body);
  const digest = provider.sha256(input).subarray(0, CHECKSUM_BYTES);
  input.fill(0);
  return digest;
}

function damaged(reason: string, table: string): ProtocolError {
  return new ProtocolError('InvalidState', 'parse', reason, table);
}

/** Stores a record. Takes `body`, which may hold secrets, and erases it. */
export function putRecord(
  tx: StoreTransaction,
  provider: CryptoProvider,
  table: string,
  key: string,
  body: Uint8Array,
): void {
  const bytes = concat(Uint8Array.of(MAGIC, VERSION), checksum(provider, table, key, body), body);
  body.fill(0);
  try {
    tx.put(table, key, bytes);
  } finally {
    // @req KEY-18
    bytes.fill(0);
  }
}

/**
 * The body of a stored record, for reading within its transaction.
 * @throws {ProtocolError} `InvalidState`, naming the table: `record-malformed`, `record-version` (a newer layout),
 * `record-checksum` (damaged, or another record's); the reader adds `record-truncated` and `record-trailing-bytes`.
 */
function openRecord(provider: CryptoProvider, table: string, key: string, bytes: Uint8Array): ByteReader {
  // @req DEV-17
  if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC) throw damaged('record-malformed', table);
  if (bytes[1] !== VERSION) throw damaged('record-version', table);
  const body = bytes.subarray(HEADER_BYTES);
  if (!equalBytes(bytes.subarray(2, HEADER_BYTES), checksum(provider, table, key, body))) {
    throw damaged('record-checksum', table);
  }
  return new ByteReader(body, table);
}

/** Reads one record, or null where there is none. @throws {ProtocolError} as {@link openRecord}. */
export function getRecord(
  tx: StoreTransaction,
  provider: CryptoProvider,
  table: string,
  key: string,
): ByteReader | null {
  const bytes = tx.get(table, key);
  return bytes === null ? null : openRecord(provider, table, key, bytes);
}

/** Reads every record of a table, in key order. @throws {ProtocolError} as {@link openRecord}. */
export function listRecords(
  tx: StoreTransaction,
  provider: CryptoProvider,
  table: string,
  prefix = '',
): [key: string, reader: ByteReader][] {
  return tx.list(table, prefix).map(([key, bytes]) => [key, openRecord(provider, table, key, bytes)]);
}
