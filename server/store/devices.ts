/**
 * Accounts and their devices in SQL.
 *
 * @spec 06-relay §5
 * Owns: registration, adding and removing devices. Must not know: transactions (sqlite.ts), how a manifest is verified.
 */
import { equalBytes } from '../../protocol/bytes/bytes.ts';
import { type ManifestDevice, PRIMARY_DEVICE_ID } from '../../protocol/codec/manifest.ts';
import { noSuchAccount, RelayRefusal, unknownDevice } from '../refusal.ts';
import type { Caller, DeviceCredentials, ManifestRecord, Registration } from './interface.ts';
import { storeKeys } from './keys.ts';
import { PENDING, REMOVED } from './schema.ts';
import type { Statements } from './statements.ts';

const DAY = 86_400_000;

interface AccountRow {
  readonly manifest_version: number;
  readonly manifest: Uint8Array;
  readonly manifest_hash: Uint8Array;
}

interface DeviceRow {
  readonly dev: number;
  readonly device_id: number;
  readonly registration_id: number;
  readonly auth_pub: Uint8Array;
  readonly identity: Uint8Array;
}

function account(sql: Statements, id: string): AccountRow | undefined {
  return sql.get<AccountRow>('SELECT manifest_version, manifest, manifest_hash FROM account WHERE id = ?', id);
}

/** The encoded manifest of an account, or null. */
export function storedManifest(sql: Statements, id: string): Uint8Array | null {
  return account(sql, id)?.manifest ?? null;
}

/** @throws {RelayRefusal} 404. */
export function requireManifest(sql: Statements, id: string): Uint8Array {
  const manifest = storedManifest(sql, id);
  if (manifest === null) throw noSuchAccount();
  return manifest;
}

/** The credentials of a device that was not removed. */
export function credentials(sql: Statements, id: string, deviceId: number): DeviceCredentials | null {
  const row = sql.get<Pick<DeviceRow, 'dev' | 'auth_pub' | 'identity'>>(
    `SELECT dev, auth_pub, identity FROM device WHERE account = ? AND device_id = ? AND state < ${REMOVED}`,
    id,
    deviceId,
  );
  return row === undefined ? null : { dev: row.dev, authKey: row.auth_pub, identityKey: row.identity };
}

function spendNonce(sql: Statements, dev: number, nonce: Uint8Array, expires: number): void {
  const fresh = sql.run('INSERT OR IGNORE INTO nonce (dev, nonce, exp) VALUES (?, ?, ?)', dev, nonce, expires);
  // @req RLY-05
  if (fresh === 0) throw new RelayRefusal(401, 'InvalidSignature', 'nonce-reused', 'signature-input');
}

/** True while the device was not removed. */
export function isLive(sql: Statements, dev: number): boolean {
  return sql.get(`SELECT 1 FROM device WHERE dev = ? AND state < ${REMOVED}`, dev) !== undefined;
}

/** Uses up the caller's nonce. @throws {RelayRefusal} 401 where it was used, or the device was removed meanwhile. */
export function admit(sql: Statements, caller: Caller): void {
  // @req RLY-07
  if (!isLive(sql, caller.dev)) throw unknownDevice();
  spendNonce(sql, caller.dev, caller.nonce, caller.nonceExpires);
}

/** Notes the day of a request that was not refused. */
export function markSeen(sql: Statements, caller: Caller): void {
  const day = Math.floor(caller.now / DAY);
  sql.run('UPDATE device SET last_seen_day = ? WHERE dev = ? AND last_seen_day <> ?', day, caller.dev, day);
}

function addDevice(sql: Statements, id: string, device: ManifestDevice): number {
  const row = sql.get<{ dev: number }>(
    `INSERT INTO device (account, device_id, registration_id, auth_pub, identity, state)
     VALUES (?, ?, ?, ?, ?, ${PENDING}) RETURNING dev`,
    id,
    device.deviceId,
    device.registrationId,
    device.authKey,
    device.identityKey,
  );
  if (row === undefined) throw new Error('an inserted device has no number');
  return row.dev;
}

/** Stores an account with device 1. Repeating the same registration changes nothing but the nonce. */
export function register(sql: Statements, registration: Registration): void {
  const { manifest, keys, now } = registration;
  const known = account(sql, manifest.account);
  if (known !== undefined) {
    const first = credentials(sql, manifest.account, PRIMARY_DEVICE_ID);
    // @req RLY-06
    if (first === null || known.manifest_version !== 1 || !equalBytes(known.manifest_hash, manifest.hash))
      throw new RelayRefusal(409, 'InvalidState', 'account-exists', 'manifest');
    spendNonce(sql, first.dev, registration.nonce, registration.nonceExpires);
    return;
  }
  sql.run(
    'INSERT INTO account (id, manifest_version, manifest, manifest_hash) VALUES (?, ?, ?, ?)',
    manifest.account,
    manifest.version,
    manifest.encoded,
    manifest.hash,
  );
  const [primary] = manifest.devices;
  if (primary === undefined) throw new TypeError('a manifest has a primary device');
  const dev = addDevice(sql, manifest.account, primary);
  spendNonce(sql, dev, registration.nonce, registration.nonceExpires);
  sql.run('UPDATE device SET last_seen_day = ? WHERE dev = ?', Math.floor(now / DAY), dev);
  storeKeys(sql, dev, keys);
}

/** Everything of a device goes: keys, mailbox, answers to its sends; what stays is that its registration id was used. */
function removeDevice(sql: Statements, dev: number): void {
  for (const table of ['otk', 'otk_spent', 'env', 'nonce']) sql.run(`DELETE FROM ${table} WHERE dev = ?`, dev);
  sql.run('DELETE FROM sent WHERE src_dev = ?', dev);
  sql.run(
    `UPDATE device SET state = ${REMOVED}, auth_pub = NULL, identity = NULL, spk_id = NULL, spk = NULL, spk_sig = NULL,
     kem_id = NULL, kem = NULL, kem_sig = NULL, queue_count = 0, queue_bytes = 0 WHERE dev = ?`,
    dev,
  );
}

/** A device of the new manifest that is stored already; its keys may not have changed. */
function checkKept(stored: DeviceRow, device: ManifestDevice): void {
  // @req RLY-13
  if (!equalBytes(stored.auth_pub, device.authKey) || !equalBytes(stored.identity, device.identityKey))
    throw new RelayRefusal(422, 'InvalidState', 'device-key-changed', 'devices');
}

function checkAdded(sql: Statements, id: string, device: ManifestDevice): void {
  const used = sql.get(
    'SELECT 1 FROM device WHERE account = ? AND device_id = ? AND registration_id = ?',
    id,
    device.deviceId,
    device.registrationId,
  );
  // @req RLY-13
  if (used !== undefined) throw new RelayRefusal(422, 'InvalidState', 'registration-id-reused', 'devices');
}

/** Makes the devices those of the manifest. @returns the numbers of the removed ones. */
export function replaceManifest(sql: Statements, id: string, next: ManifestRecord): number[] {
  const known = account(sql, id);
  if (known === undefined) throw noSuchAccount();
  // The caller compared them before; another process may have been faster.
  if (next.version !== known.manifest_version + 1 || !equalBytes(next.previousHash, known.manifest_hash))
    throw new RelayRefusal(409, 'InvalidState', 'manifest-fork', 'manifest');
  const live = sql.all<DeviceRow>(
    `SELECT dev, device_id, registration_id, auth_pub, identity FROM device WHERE account = ? AND state < ${REMOVED}`,
    id,
  );
  const same = (row: DeviceRow, device: ManifestDevice) =>
    row.device_id === device.deviceId && row.registration_id === device.registrationId;
  const removed = live.filter((row) => !next.devices.some((device) => same(row, device)));
  // @req RLY-13
  if (removed.some((row) => row.device_id === PRIMARY_DEVICE_ID))
    throw new RelayRefusal(422, 'InvalidState', 'primary-changed', 'devices');
  const added: ManifestDevice[] = [];
  for (const device of next.devices) {
    const stored = live.find((row) => same(row, device));
    if (stored !== undefined) checkKept(stored, device);
    else {
      checkAdded(sql, id, device);
      added.push(device);
    }
  }
  // @req RLY-12
  for (const row of removed) removeDevice(sql, row.dev);
  for (const device of added) addDevice(sql, id, device);
  sql.run(
    'UPDATE account SET manifest_version = ?, manifest = ?, manifest_hash = ? WHERE id = ?',
    next.version,
    next.encoded,
    next.hash,
    id,
  );
  return removed.map((row) => row.dev);
}
