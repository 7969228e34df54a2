/**
 * Messages on their way: the outbox and the inbox.
 *
 * @spec 07-devices §5
 * Owns: their stored form and order. Must not know: encryption. Both hold plaintexts: an outbox entry until the relay has
 * accepted it (a corrected fan-out encrypts again), an inbox entry until the application discards it.
 */
import { fromUtf8, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { type ByteReader, ByteWriter } from '../../protocol/bytes/cursor.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Protected, Protection } from '../../protocol/session/protection.ts';
import type { MessageType } from '../../protocol/session/session.ts';
import type { Content } from '../content.ts';
import { decodeContent, encodeContent } from '../content.ts';
import type { OutgoingMessage } from '../relay/transport.ts';
import type { StoreTransaction } from '../store/store.ts';
import type { InboxMessage } from '../types.ts';
import { getRecord, listRecords, putRecord } from './sealed.ts';

const OUTBOX = 'outbox';
const INBOX = 'inbox';
const META = 'meta';
/** Length of a send id, in bytes. */
export const SEND_ID_BYTES = 16;

/** A message with what its keys owe to a KEM, which the relay is not told. */
export interface StoredMessage extends OutgoingMessage, Protected {
  readonly type: MessageType;
  /** Raw, 32 bytes: who it is encrypted for. */
  readonly identityKey: Uint8Array;
}

const PROTECTIONS: readonly Protection[] = ['classical', 'hybrid-start', 'pq-healed'];

function writeProtection(out: ByteWriter, { protection, pqEpoch }: Protected): ByteWriter {
  return out.u8(PROTECTIONS.indexOf(protection)).u53(pqEpoch);
}

function readProtection(input: ByteReader): Protected {
  const protection = PROTECTIONS[input.u8()];
  if (protection === undefined) throw new ProtocolError('InvalidState', 'parse', 'unknown-protection', 'protection');
  return { protection, pqEpoch: input.u53() };
}

const IDENTITY_BYTES = 32;
const PARTIAL = 1;
const AGAIN = 2;

/** One fan-out to one account that the relay has not accepted yet. */
export interface OutboxEntry {
  /** Recipient's account, then a number: ascending in the order of sending. */
  readonly key: string;
  readonly account: string;
  readonly sendId: Uint8Array;
  /** True for a repetition, which goes to the device that asked for it alone. */
  readonly again: boolean;
  /** True where not every device of the account gets it. */
  readonly partial: boolean;
  /** Attempts that failed for what the relay gave to repair it with. */
  readonly attempts: number;
  readonly content: Content;
  readonly messages: readonly StoredMessage[];
}

/** The next number of a counter kept in the store, as a key that sorts by it. */
function nextKey(tx: StoreTransaction, provider: CryptoProvider, counter: string): string {
  const stored = getRecord(tx, provider, META, counter);
  const next = (stored?.u53() ?? 0) + 1;
  putRecord(tx, provider, META, counter, new ByteWriter().u53(next).finish());
  return String(next).padStart(16, '0');
}

/** Writes an entry under its key. */
export function putOutbox(tx: StoreTransaction, provider: CryptoProvider, entry: OutboxEntry): void {
  const out = new ByteWriter()
    .fixed(entry.sendId)
    .u8((entry.partial ? PARTIAL : 0) | (entry.again ? AGAIN : 0))
    .u8(entry.attempts)
    .sized(encodeContent(entry.content));
  out.u8(entry.messages.length);
  for (const message of entry.messages) {
    out
      .u8(message.deviceId)
      .u32(message.registrationId)
      .u8(message.type === 'prekey' ? 1 : 0)
      .fixed(message.identityKey)
      .sized(message.body);
    writeProtection(out, message);
  }
  putRecord(tx, provider, OUTBOX, entry.key, out.finish());
}

/** Writes a new entry behind all others of its account. */
export function addOutbox(
  tx: StoreTransaction,
  provider: CryptoProvider,
  entry: Omit<OutboxEntry, 'key'>,
): OutboxEntry {
  const complete = { ...entry, key: `${entry.account}/${nextKey(tx, provider, OUTBOX)}` };
  putOutbox(tx, provider, complete);
  return complete;
}

function readEntry(key: string, input: ByteReader): OutboxEntry {
  const sendId = input.fixed(SEND_ID_BYTES);
  const flags = input.u8();
  const [partial, again] = [(flags & PARTIAL) !== 0, (flags & AGAIN) !== 0];
  const attempts = input.u8();
  const content = decodeContent(input.sized());
  const messages = Array.from({ length: input.u8() }, (): StoredMessage => {
    const deviceId = input.u8();
    const registrationId = input.u32();
    const type = input.u8() === 1 ? 'prekey' : 'message';
    const identityKey = input.fixed(IDENTITY_BYTES).slice();
    const body = input.sized();
    return { deviceId, registrationId, type, identityKey, body, ...readProtection(input) };
  });
  input.end();
  return { key, account: key.slice(0, key.indexOf('/')), sendId, partial, again, attempts, content, messages };
}

/** One entry, or null where it is gone. */
export function getOutbox(tx: StoreTransaction, provider: CryptoProvider, key: string): OutboxEntry | null {
  const input = getRecord(tx, provider, OUTBOX, key);
  return input === null ? null : readEntry(key, input);
}

/** Keys of the entries for an account, or of all, oldest first. */
export function outboxKeys(tx: StoreTransaction, account?: string): string[] {
  return tx.list(OUTBOX, account === undefined ? '' : `${account}/`).map(([key]) => key);
}

export function deleteOutbox(tx: StoreTransaction, key: string): void {
  tx.delete(OUTBOX, key);
}

/** Adds a decrypted message to the inbox. */
export function addInbox(
  tx: StoreTransaction,
  provider: CryptoProvider,
  message: Pick<InboxMessage, 'sourceAccount' | 'sourceDevice' | 'receivedAt' | keyof Protected> & {
    readonly content: Content;
  },
): string {
  const id = nextKey(tx, provider, INBOX);
  const out = new ByteWriter().sized(utf8(message.sourceAccount)).u8(message.sourceDevice).u53(message.receivedAt);
  putRecord(tx, provider, INBOX, id, writeProtection(out, message).sized(encodeContent(message.content)).finish());
  return id;
}

function readInbox(id: string, input: ByteReader): InboxMessage {
  const sourceAccount = fromUtf8(input.sized(), INBOX);
  const sourceDevice = input.u8();
  const receivedAt = input.u53();
  const protection = readProtection(input);
  const content = decodeContent(input.sized());
  input.end();
  const { kind, sentAt, sentTo } = content;
  const body = content.body.slice();
  return {
    id,
    messageId: toHex(content.messageId),
    sourceAccount,
    sourceDevice,
    kind,
    body,
    sentAt,
    receivedAt,
    sentTo,
    ...protection,
  };
}

/** All messages that wait for the application, oldest first. */
export function listInbox(tx: StoreTransaction, provider: CryptoProvider): InboxMessage[] {
  return listRecords(tx, provider, INBOX).map(([id, input]) => readInbox(id, input));
}

/** Forgets messages; unknown ids are none. */
export function deleteInbox(tx: StoreTransaction, ids: readonly string[]): void {
  for (const id of ids) tx.delete(INBOX, id);
}

/** How far the store has got: rises with every transaction that changes it (07-devices §7). */
export function getGeneration(tx: StoreTransaction, provider: CryptoProvider): number {
  const input = getRecord(tx, provider, META, 'generation');
  const generation = input?.u53() ?? 0;
  input?.end();
  return generation;
}

export function setGeneration(tx: StoreTransaction, provider: CryptoProvider, generation: number): void {
  if (!Number.isSafeInteger(generation)) throw new ProtocolError('InvalidState', 'state', 'generation-exhausted');
  putRecord(tx, provider, META, 'generation', new ByteWriter().u53(generation).finish());
}
