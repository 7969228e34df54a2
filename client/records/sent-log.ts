/**
 * Messages lately sent: what may be sent again to a device that could not decrypt.
 *
 * @spec 07-devices §9
 * Owns: their stored form, and how many are kept for how long. Must not know: who asks. Entries hold plaintexts.
 */
import { fromUtf8, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { type ByteReader, ByteWriter } from '../../protocol/bytes/cursor.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { type Content, decodeContent, encodeContent } from '../content.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from './sealed.ts';

const TABLE = 'sent-log';
const TIME_DIGITS = 16;
const KEY_BYTES = 32;

/** A device that a message went to, and how often it went there again. */
export interface Addressee {
  readonly deviceId: number;
  readonly registrationId: number;
  /** Raw, 32 bytes: who the message was encrypted for. */
  readonly identityKey: Uint8Array;
  readonly again: number;
}

/** One message as it went to one account. */
export interface SentRecord {
  readonly account: string;
  readonly content: Content;
  readonly addressees: readonly Addressee[];
}

/** How many entries are kept, and for how long in milliseconds. */
export interface LogLimits {
  readonly resendKept: number;
  readonly resendAge: number;
}

/** Ascending by time, whatever the account. */
function keyOf({ account, content }: Pick<SentRecord, 'account' | 'content'>): string {
  return `${timeKey(content.sentAt)}/${account}/${toHex(content.messageId)}`;
}

function timeKey(sentAt: number): string {
  return String(sentAt).padStart(TIME_DIGITS, '0');
}

/** Writes an entry, over the one of the same message and account. */
export function putSent(tx: StoreTransaction, provider: CryptoProvider, entry: SentRecord): void {
  const out = new ByteWriter().sized(utf8(entry.account)).sized(encodeContent(entry.content));
  out.u8(entry.addressees.length);
  for (const { deviceId, registrationId, identityKey, again } of entry.addressees) {
    out.u8(deviceId).u32(registrationId).fixed(identityKey).u8(again);
  }
  putRecord(tx, provider, TABLE, keyOf(entry), out.finish());
}

/** Adds an entry, and forgets what is too old or one too many (DEV-42). */
export function logSent(
  tx: StoreTransaction,
  provider: CryptoProvider,
  entry: SentRecord,
  now: number,
  limits: LogLimits,
): void {
  if (limits.resendKept > 0) putSent(tx, provider, entry);
  // @req DEV-42
  const keys = tx.list(TABLE, '').map(([key]) => key);
  const old = keys.filter((key) => key < timeKey(Math.max(0, now - limits.resendAge)));
  const surplus = keys.slice(old.length, Math.max(old.length, keys.length - limits.resendKept));
  for (const key of [...old, ...surplus]) tx.delete(TABLE, key);
}

function readSent(input: ByteReader): SentRecord {
  const account = fromUtf8(input.sized(), TABLE);
  const content = decodeContent(input.sized());
  const addressees = Array.from({ length: input.u8() }, (): Addressee => {
    const [deviceId, registrationId] = [input.u8(), input.u32()];
    return { deviceId, registrationId, identityKey: input.fixed(KEY_BYTES).slice(), again: input.u8() };
  });
  input.end();
  return { account, content, addressees };
}

/** The entries for an account that were sent at a time of this device's clock. */
export function findSent(
  tx: StoreTransaction,
  provider: CryptoProvider,
  account: string,
  sentAt: number,
): readonly SentRecord[] {
  return tx.list(TABLE, `${timeKey(sentAt)}/${account}/`).flatMap(([key]) => {
    const input = getRecord(tx, provider, TABLE, key);
    return input === null ? [] : [readSent(input)];
  });
}

/** Forgets what was sent to an account: it is held to another key now (STATE-12). */
export function forgetSent(tx: StoreTransaction, account: string): void {
  for (const [key] of tx.list(TABLE, '')) if (key.split('/')[1] === account) tx.delete(TABLE, key);
}
