/**
 * Mailboxes in SQL.
 *
 * @spec 06-relay §7
 * Owns: the fan-out with its checks, reading, acknowledging, expiry.
 * Must not know: transactions (sqlite.ts), sockets.
 */
import { equalBytes } from '../../protocol/bytes/bytes.ts';
import type { EnvelopeType } from '../../protocol/codec/relay-api.ts';
import { ENVELOPE_TTL, EXPIRY_ROWS, MAX_QUEUE_BYTES, MAX_QUEUE_MESSAGES, SENT_TTL } from '../limits.ts';
import { noSuchAccount, RelayRefusal } from '../refusal.ts';
import { storedManifest } from './devices.ts';
import type { Caller, MailboxPage, OutgoingMessage, SendRequest, SendResult, StoredEnvelope } from './interface.ts';
import { ACTIVE } from './schema.ts';
import type { Statements } from './statements.ts';

interface TargetRow {
  readonly dev: number;
  readonly device_id: number;
  readonly registration_id: number;
  readonly queue_count: number;
  readonly queue_bytes: number;
}

interface EnvelopeRow {
  readonly seq: number;
  readonly guid: string;
  readonly src_account: string;
  readonly src_device: number;
  readonly kind: EnvelopeType;
  readonly body: Uint8Array;
  readonly sent_ts: number;
  readonly recv_ts: number;
}

/** The number accepted before under this send id, or null. @throws {RelayRefusal} 409 where that was another request. */
function earlierAnswer(sql: Statements, caller: Caller, request: SendRequest): number | null {
  const row = sql.get<{ request_hash: Uint8Array; result: number }>(
    'SELECT request_hash, result FROM sent WHERE src_dev = ? AND send_id = ?',
    caller.dev,
    request.sendId,
  );
  if (row === undefined) return null;
  // @req RLY-20
  if (!equalBytes(row.request_hash, request.requestHash))
    throw new RelayRefusal(409, 'InvalidState', 'send-id-reused', 'sendId');
  return row.result;
}

const byId = (a: number, b: number) => a - b;

/** Refuses unless exactly the active devices (or some, where it is partial) are addressed, each under its registration id. */
function checkTargets(targets: readonly TargetRow[], { messages, partial }: SendRequest): void {
  const active = new Map(targets.map((row) => [row.device_id, row.registration_id]));
  const addressed = new Set(messages.map((message) => message.deviceId));
  // @req RLY-18
  if (addressed.size !== messages.length)
    throw new RelayRefusal(422, 'InvalidArgument', 'duplicate-device', 'messages');
  const stale = messages.filter(({ deviceId, registrationId }) => {
    const current = active.get(deviceId);
    return current !== undefined && current !== registrationId;
  });
  // @req RLY-18
  if (stale.length > 0)
    throw new RelayRefusal(410, 'InvalidState', 'stale-device', 'messages', {
      stale: stale.map((message) => message.deviceId).sort(byId),
    });
  const missing = partial ? [] : [...active.keys()].filter((id) => !addressed.has(id)).sort(byId);
  const extra = [...addressed].filter((id) => !active.has(id)).sort(byId);
  // @req RLY-18
  if (missing.length > 0 || extra.length > 0)
    throw new RelayRefusal(409, 'InvalidState', 'device-mismatch', 'messages', { missing, extra });
}

function checkQuota(target: TargetRow, body: Uint8Array): void {
  // @req RLY-19
  if (target.queue_count >= MAX_QUEUE_MESSAGES || target.queue_bytes + body.length > MAX_QUEUE_BYTES)
    throw new RelayRefusal(429, 'NotAllowed', 'mailbox-full', 'messages');
}

function deposit(sql: Statements, caller: Caller, dev: number, timestamp: number, message: OutgoingMessage): void {
  const row = sql.get<{ seq: number }>(
    `UPDATE device SET next_seq = next_seq + 1, queue_count = queue_count + 1, queue_bytes = queue_bytes + ?
     WHERE dev = ? RETURNING next_seq - 1 AS seq`,
    message.body.length,
    dev,
  );
  if (row === undefined) throw new Error('a device disappeared within a transaction');
  sql.run(
    `INSERT INTO env (dev, seq, guid, src_account, src_device, kind, sent_ts, recv_ts, exp, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    dev,
    row.seq,
    message.guid,
    caller.account,
    caller.deviceId,
    message.type,
    timestamp,
    caller.now,
    caller.now + ENVELOPE_TTL,
    message.body,
  );
}

/** The fan-out: to every active device of the account but the sender itself, or to none. */
export function send(sql: Statements, caller: Caller, request: SendRequest): SendResult {
  if (storedManifest(sql, request.account) === null) throw noSuchAccount();
  const earlier = earlierAnswer(sql, caller, request);
  if (earlier !== null) return { accepted: earlier, deposited: [] };
  const targets = sql.all<TargetRow>(
    `SELECT dev, device_id, registration_id, queue_count, queue_bytes FROM device
     WHERE account = ? AND state = ${ACTIVE} AND dev <> ?`,
    request.account,
    caller.dev,
  );
  checkTargets(targets, request);
  const mailboxes = request.messages.map((message) => {
    const target = targets.find((row) => row.device_id === message.deviceId);
    if (target === undefined) throw new TypeError('an addressed device was checked before');
    checkQuota(target, message.body);
    return { dev: target.dev, message };
  });
  for (const { dev, message } of mailboxes) deposit(sql, caller, dev, request.timestamp, message);
  sql.run(
    'INSERT INTO sent (src_dev, send_id, request_hash, result, exp) VALUES (?, ?, ?, ?, ?)',
    caller.dev,
    request.sendId,
    request.requestHash,
    mailboxes.length,
    caller.now + SENT_TTL,
  );
  return { accepted: mailboxes.length, deposited: mailboxes.map(({ dev }) => dev) };
}

function envelope(row: EnvelopeRow): StoredEnvelope {
  return {
    seq: row.seq,
    guid: row.guid,
    sourceAccount: row.src_account,
    sourceDevice: row.src_device,
    type: row.kind,
    body: row.body,
    timestamp: row.sent_ts,
    serverTime: row.recv_ts,
  };
}

/** Up to `limit` messages behind `after` and up to `bytes` of bodies, but one at least. */
export function readMailbox(sql: Statements, dev: number, after: number, limit: number, bytes: number): MailboxPage {
  const envelopes: StoredEnvelope[] = [];
  let size = 0;
  const rows = sql.each<EnvelopeRow>(
    `SELECT seq, guid, src_account, src_device, kind, body, sent_ts, recv_ts FROM env
     WHERE dev = ? AND seq > ? ORDER BY seq LIMIT ?`,
    dev,
    after,
    limit + 1,
  );
  for (const row of rows) {
    size += row.body.length;
    if (envelopes.length >= limit || (envelopes.length > 0 && size > bytes)) return { envelopes, more: true };
    envelopes.push(envelope(row));
  }
  return { envelopes, more: false };
}

/** Deletes the messages of a device up to `seq`. @throws {RelayRefusal} 404 where no message ever had that number. */
export function acknowledge(sql: Statements, dev: number, seq: number): void {
  const row = sql.get<{ next_seq: number }>('SELECT next_seq FROM device WHERE dev = ?', dev);
  // @req RLY-21
  if (row === undefined || seq >= row.next_seq)
    throw new RelayRefusal(404, 'InvalidArgument', 'no-such-envelope', 'seq');
  const done = sql.get<{ count: number; bytes: number }>(
    'SELECT count(*) AS count, coalesce(sum(length(body)), 0) AS bytes FROM env WHERE dev = ? AND seq <= ?',
    dev,
    seq,
  );
  sql.run('DELETE FROM env WHERE dev = ? AND seq <= ?', dev, seq);
  sql.run(
    `UPDATE device SET acked_seq = max(acked_seq, ?), queue_count = queue_count - ?, queue_bytes = queue_bytes - ?
     WHERE dev = ?`,
    seq,
    done?.count ?? 0,
    done?.bytes ?? 0,
    dev,
  );
}

/** Deletes up to so many rows of a kind that are out of date; true where there may be more. */
export function expire(sql: Statements, now: number): boolean {
  // @req RLY-22
  const old = sql.all<{ id: number; dev: number; bytes: number }>(
    'SELECT id, dev, length(body) AS bytes FROM env WHERE exp < ? LIMIT ?',
    now,
    EXPIRY_ROWS,
  );
  for (const row of old) {
    sql.run('DELETE FROM env WHERE id = ?', row.id);
    sql.run(
      'UPDATE device SET queue_count = queue_count - 1, queue_bytes = queue_bytes - ? WHERE dev = ?',
      row.bytes,
      row.dev,
    );
  }
  const sent = sql.run(
    `DELETE FROM sent WHERE (src_dev, send_id) IN (SELECT src_dev, send_id FROM sent WHERE exp < ? LIMIT ?)`,
    now,
    EXPIRY_ROWS,
  );
  const nonces = sql.run(
    'DELETE FROM nonce WHERE (dev, nonce) IN (SELECT dev, nonce FROM nonce WHERE exp < ? LIMIT ?)',
    now,
    EXPIRY_ROWS,
  );
  return Math.max(old.length, sent, nonces) >= EXPIRY_ROWS;
}
