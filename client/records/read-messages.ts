/**
 * Which messages this device has read: one that comes again is not shown again.
 *
 * @spec 07-devices §5
 * Owns: remembering message ids of each account, at least the last 5,000. Must not know: what a message says.
 * Two generations of ids: where the newer is full, the older is forgotten and the newer takes its place.
 */
import { toHex } from '../../protocol/bytes/bytes.ts';
import { ByteWriter } from '../../protocol/bytes/cursor.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from './sealed.ts';

const IDS = 'read-message';
const COUNTS = 'read-count';
/** More than the skipped keys that one session keeps: an older message does not decrypt any more. */
const GENERATION = 5_000;

interface Head {
  /** 0 or 1: where new ids go. */
  readonly side: number;
  readonly count: number;
}

function headOf(tx: StoreTransaction, provider: CryptoProvider, account: string): Head {
  const input = getRecord(tx, provider, COUNTS, account);
  return input === null ? { side: 0, count: 0 } : { side: input.u8(), count: input.u32() };
}

function keyOf(account: string, side: number, messageId: Uint8Array): string {
  return `${account}/${side}/${toHex(messageId)}`;
}

/** True for a message of this account that was noted. */
export function wasRead(tx: StoreTransaction, account: string, messageId: Uint8Array): boolean {
  return [0, 1].some((side) => tx.get(IDS, keyOf(account, side, messageId)) !== null);
}

/** Notes a message as read. */
export function noteRead(tx: StoreTransaction, provider: CryptoProvider, account: string, messageId: Uint8Array): void {
  let { side, count } = headOf(tx, provider, account);
  if (count >= GENERATION) {
    side = 1 - side;
    count = 0;
    for (const [key] of tx.list(IDS, `${account}/${side}/`)) tx.delete(IDS, key);
  }
  tx.put(IDS, keyOf(account, side, messageId), new Uint8Array(0));
  putRecord(
    tx,
    provider,
    COUNTS,
    account,
    new ByteWriter()
      .u8(side)
      .u32(count + 1)
      .finish(),
  );
}
