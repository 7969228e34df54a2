/**
 * Why messages were refused that another process may wait for.
 *
 * @spec 07-devices §5
 * Owns: the last reasons, by key of the outbox entry. Must not know: who waits. Keys of entries are never used again.
 */
import { fromUtf8, utf8 } from '../../protocol/bytes/bytes.ts';
import { ByteWriter } from '../../protocol/bytes/cursor.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { isProtocolError } from '../../protocol/errors.ts';
import { RelayError } from '../relay/transport.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from './sealed.ts';

const TABLE = 'refused';
/** Reasons kept: whoever waits asks at once. */
const KEPT = 100;

/** The number by which entries of all accounts are ordered. */
const order = (key: string): string => key.slice(key.indexOf('/') + 1);

/** Notes why an entry was refused. */
export function putRefusal(tx: StoreTransaction, provider: CryptoProvider, key: string, error: unknown): void {
  const known = isProtocolError(error) || error instanceof RelayError;
  const status = error instanceof RelayError ? error.status : 0;
  const out = new ByteWriter().u32(status).sized(utf8(known ? error.reason : 'refused'));
  putRecord(tx, provider, TABLE, key, out.finish());
  const keys = tx.list(TABLE, '').map(([entry]) => entry);
  const old = keys.sort((a, b) => (order(a) < order(b) ? -1 : 1)).slice(0, Math.max(0, keys.length - KEPT));
  for (const entry of old) tx.delete(TABLE, entry);
}

/** The refusal of an entry, or null where it was not refused. */
export function getRefusal(tx: StoreTransaction, provider: CryptoProvider, key: string): RelayError | null {
  const input = getRecord(tx, provider, TABLE, key);
  return input === null ? null : new RelayError(input.u32(), fromUtf8(input.sized(), TABLE));
}
