/**
 * Prekeys in SQL.
 *
 * @spec 06-relay §6
 * Owns: storing keys, counting them, and handing each one-time key out once.
 * Must not know: transactions (sqlite.ts), signatures.
 */

import { equalBytes } from '../../protocol/bytes/bytes.ts';
import { encodePublicKey } from '../../protocol/codec/keys.ts';
import { MAX_STORED_ONE_TIME_KEYS } from '../limits.ts';
import { RelayRefusal } from '../refusal.ts';
import type { Bundle, KeyCounts, StoredKey, StoredKeys, StoredSignedKey } from './interface.ts';
import { ACTIVE, EC_KIND, KEM_KIND, PENDING } from './schema.ts';
import type { Statements } from './statements.ts';

interface OneTimeRow {
  readonly key_id: number;
  readonly pub: Uint8Array;
  readonly sig: Uint8Array | null;
}

interface KeyRow {
  readonly dev: number;
  readonly registration_id: number;
  readonly identity: Uint8Array;
  readonly spk_id: number | null;
  readonly spk: Uint8Array;
  readonly spk_sig: Uint8Array;
  readonly kem_id: number | null;
  readonly kem: Uint8Array;
  readonly kem_sig: Uint8Array;
}

function countOneTime(sql: Statements, dev: number, kind: number): number {
  return sql.get<{ n: number }>('SELECT count(*) AS n FROM otk WHERE dev = ? AND kind = ?', dev, kind)?.n ?? 0;
}

/**
 * An id that is stored with the same key, or was handed out already, is passed over: the upload is being repeated. Storing it
 * again after it was handed out would hand it out twice.
 */
function addOneTime(sql: Statements, dev: number, kind: number, key: StoredKey, signature: Uint8Array | null): void {
  const where = 'dev = ? AND kind = ? AND key_id = ?';
  const stored = sql.get<{ pub: Uint8Array }>(`SELECT pub FROM otk WHERE ${where}`, dev, kind, key.id);
  if (stored !== undefined && !equalBytes(stored.pub, key.publicKey))
    throw new RelayRefusal(422, 'InvalidArgument', 'duplicate-key-id', kind === EC_KIND ? 'oneTime' : 'oneTimeKem');
  // @req RLY-16
  const known = stored ?? sql.get(`SELECT 1 FROM otk_spent WHERE ${where}`, dev, kind, key.id);
  if (known !== undefined) return;
  sql.run(
    'INSERT INTO otk (dev, kind, key_id, pub, sig) VALUES (?, ?, ?, ?, ?)',
    dev,
    kind,
    key.id,
    key.publicKey,
    signature,
  );
}

/** Stores keys of a device; a pending device that has a signed prekey now is active. All or nothing. */
export function storeKeys(sql: Statements, dev: number, keys: StoredKeys): void {
  const { signedPreKey: spk, lastResortKem: kem } = keys;
  // @req RLY-14
  if (spk !== null)
    sql.run(
      `UPDATE device SET spk_id = ?, spk = ?, spk_sig = ?,
       state = CASE state WHEN ${PENDING} THEN ${ACTIVE} ELSE state END WHERE dev = ?`,
      spk.id,
      spk.publicKey,
      spk.signature,
      dev,
    );
  if (kem !== null)
    sql.run(
      'UPDATE device SET kem_id = ?, kem = ?, kem_sig = ? WHERE dev = ?',
      kem.id,
      kem.publicKey,
      kem.signature,
      dev,
    );
  // @req RLY-26
  if (keys.replaceOneTime === true) sql.run('DELETE FROM otk WHERE dev = ?', dev);
  for (const key of keys.oneTime) addOneTime(sql, dev, EC_KIND, key, null);
  for (const key of keys.oneTimeKem) addOneTime(sql, dev, KEM_KIND, key, key.signature);
  for (const kind of [EC_KIND, KEM_KIND]) {
    // @req RLY-17
    if (countOneTime(sql, dev, kind) > MAX_STORED_ONE_TIME_KEYS)
      throw new RelayRefusal(429, 'NotAllowed', 'too-many-keys', kind === EC_KIND ? 'oneTime' : 'oneTimeKem');
  }
}

/** What is left of a device's keys. */
export function keyCounts(sql: Statements, dev: number): KeyCounts {
  const row = sql.get<Pick<KeyRow, 'spk_id' | 'kem_id'>>('SELECT spk_id, kem_id FROM device WHERE dev = ?', dev);
  return {
    oneTime: countOneTime(sql, dev, EC_KIND),
    oneTimeKem: countOneTime(sql, dev, KEM_KIND),
    signedPreKeyId: row?.spk_id ?? null,
    lastResortKemId: row?.kem_id ?? null,
  };
}

function takeOneTime(sql: Statements, dev: number, kind: number): OneTimeRow | undefined {
  // @req RLY-16
  const row = sql.get<OneTimeRow>(
    `DELETE FROM otk WHERE id = (SELECT id FROM otk WHERE dev = ? AND kind = ? ORDER BY id LIMIT 1)
     RETURNING key_id, pub, sig`,
    dev,
    kind,
  );
  if (row !== undefined) sql.run('INSERT INTO otk_spent (dev, kind, key_id) VALUES (?, ?, ?)', dev, kind, row.key_id);
  return row;
}

function lastResort(row: KeyRow): StoredSignedKey | null {
  return row.kem_id === null ? null : { id: row.kem_id, publicKey: row.kem, signature: row.kem_sig };
}

function signed(row: OneTimeRow): StoredSignedKey {
  if (row.sig === null) throw new Error('a stored KEM key has no signature');
  return { id: row.key_id, publicKey: row.pub, signature: row.sig };
}

/** Takes one bundle of an active device. @throws {RelayRefusal} 404 where there is none. */
export function takeBundle(sql: Statements, account: string, deviceId: number): Bundle {
  const row = sql.get<KeyRow>(
    `SELECT dev, registration_id, identity, spk_id, spk, spk_sig, kem_id, kem, kem_sig FROM device
     WHERE account = ? AND device_id = ? AND state = ${ACTIVE}`,
    account,
    deviceId,
  );
  if (row === undefined || row.spk_id === null)
    throw new RelayRefusal(404, 'InvalidArgument', 'no-such-device', 'device');
  const ec = takeOneTime(sql, row.dev, EC_KIND);
  const kem = takeOneTime(sql, row.dev, KEM_KIND);
  const kemPreKey = kem === undefined ? lastResort(row) : signed(kem);
  return {
    registrationId: row.registration_id,
    deviceId,
    identityKey: encodePublicKey(row.identity),
    signedPreKey: { id: row.spk_id, publicKey: row.spk, signature: row.spk_sig },
    oneTimePreKey: ec === undefined ? null : { id: ec.key_id, publicKey: ec.pub },
    kemPreKey,
    kemIsLastResort: kem === undefined && kemPreKey !== null,
  };
}
