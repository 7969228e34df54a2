/**
 * Stored prekeys and the base keys that were used on them.
 *
 * @spec 07-devices §3
 * Owns: their stored form, the lookup that a session step asks, what a new session consumes.
 * Must not know: when keys rotate (prekeys.ts). Private keys live in the store, until `deleteKey` overwrites them as far as the
 * store can; what is put there or read from there is wiped with its transaction.
 */
import { toHex } from '../../protocol/bytes/bytes.ts';
import { type ByteReader, ByteWriter } from '../../protocol/bytes/cursor.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import type { KemName } from '../../protocol/crypto/kem.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import type { KemPreKey, PreKey, SignedPreKey } from '../../protocol/handshake/prekeys.ts';
import type { PreKeyLookup, UsedPreKeys } from '../../protocol/session/session.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, listRecords, putRecord } from './sealed.ts';

/** The four kinds of prekey, by their tables. */
export type PreKeyTable = 'signed-prekey' | 'last-resort-kem' | 'one-time' | 'one-time-kem';

const BASE_KEYS = 'base-key';
const META = 'meta';
const SHARED = 'shared-key-sessions';
/** KEMs by their number in stored records; numbers are never reused. */
const KEMS: readonly KemName[] = ['ML-KEM-1024', 'Kyber-1024-r3'];

/** When a stored prekey was made, published and replaced: milliseconds since 1970, 0 where it has not happened. */
export interface KeyLife {
  readonly createdAt: number;
  readonly publishedAt: number;
  readonly retiredAt: number;
}

/** A stored prekey with its life. */
export interface Stored<K> {
  readonly key: K;
  readonly life: KeyLife;
}

/** The key of a prekey id in its table. */
export function idKey(id: number): string {
  return String(id).padStart(10, '0');
}

function writeLife(life: KeyLife): ByteWriter {
  return new ByteWriter().u53(life.createdAt).u53(life.publishedAt).u53(life.retiredAt);
}

function readLife(input: ByteReader): KeyLife {
  return { createdAt: input.u53(), publishedAt: input.u53(), retiredAt: input.u53() };
}

/** Stores an EC prekey; a one-time one has no signature. */
export function putEcKey(
  tx: StoreTransaction,
  provider: CryptoProvider,
  table: 'signed-prekey' | 'one-time',
  { key, life }: Stored<PreKey & Partial<SignedPreKey>>,
): void {
  const out = writeLife(life).fixed(key.keyPair.publicKey).fixed(key.keyPair.privateKey.expose());
  tx.wipeAfter([key.keyPair.privateKey]);
  putRecord(tx, provider, table, idKey(key.id), out.sized(key.signature ?? new Uint8Array(0)).finish());
}

/** Stores a KEM prekey. */
export function putKemKey(
  tx: StoreTransaction,
  provider: CryptoProvider,
  table: 'last-resort-kem' | 'one-time-kem',
  { key, life }: Stored<KemPreKey>,
): void {
  const out = writeLife(life).u8(KEMS.indexOf(key.kem)).sized(key.keyPair.publicKey);
  out.sized(key.keyPair.privateKey.expose()).sized(key.signature);
  tx.wipeAfter([key.keyPair.privateKey]);
  putRecord(tx, provider, table, idKey(key.id), out.finish());
}

function readEc(tx: StoreTransaction, id: number, input: ByteReader): Stored<SignedPreKey> {
  const life = readLife(input);
  const publicKey = input.fixed(32);
  const keyPair = { publicKey, privateKey: new Secret<'EcPrivateKey'>(input.fixed(32)) };
  tx.wipeAfter([keyPair.privateKey]);
  const signature = input.sized();
  input.end();
  return { life, key: { id, keyPair, signature } };
}

function readKem(tx: StoreTransaction, id: number, input: ByteReader): Stored<KemPreKey> {
  const life = readLife(input);
  const kem = KEMS[input.u8()] as KemName;
  const publicKey = input.sized();
  const keyPair = { publicKey, privateKey: new Secret<'KemPrivateKey'>(input.sized()) };
  tx.wipeAfter([keyPair.privateKey]);
  const signature = input.sized();
  input.end();
  return { life, key: { id, kem, keyPair, signature } };
}

/** All EC prekeys of a table, by id. */
export function listEcKeys(
  tx: StoreTransaction,
  provider: CryptoProvider,
  table: 'signed-prekey' | 'one-time',
): Stored<SignedPreKey>[] {
  return listRecords(tx, provider, table).map(([key, input]) => readEc(tx, Number(key), input));
}

/** All KEM prekeys of a table, by id. */
export function listKemKeys(
  tx: StoreTransaction,
  provider: CryptoProvider,
  table: 'last-resort-kem' | 'one-time-kem',
): Stored<KemPreKey>[] {
  return listRecords(tx, provider, table).map(([key, input]) => readKem(tx, Number(key), input));
}

/**
 * Deletes a prekey. With a signed or last-resort key go the base keys that were used on it: without the private key a
 * repeated handshake fails by itself (DEV-09).
 */
export function deleteKey(tx: StoreTransaction, table: PreKeyTable, id: number): void {
  tx.delete(table, idKey(id));
  if (table === 'one-time' || table === 'one-time-kem') return;
  const part = table === 'signed-prekey' ? 0 : 1;
  for (const [key] of tx.list(BASE_KEYS)) if (key.split('.')[part] === idKey(id)) tx.delete(BASE_KEYS, key);
}

function baseKeyName(signedPreKeyId: number, kemPreKeyId: number | null, baseKey: Uint8Array): string {
  return `${idKey(signedPreKeyId)}.${kemPreKeyId === null ? '-' : idKey(kemPreKeyId)}.${toHex(baseKey)}`;
}

/** The device's prekeys as a session step asks for them. */
export function preKeyLookup(tx: StoreTransaction, provider: CryptoProvider): PreKeyLookup {
  const ec = (table: 'signed-prekey' | 'one-time', id: number) => {
    const input = getRecord(tx, provider, table, idKey(id));
    return input === null ? null : readEc(tx, id, input).key.keyPair;
  };
  const kem = (id: number) => {
    const table = tx.get('one-time-kem', idKey(id)) === null ? 'last-resort-kem' : 'one-time-kem';
    const input = getRecord(tx, provider, table, idKey(id));
    const key = input === null ? null : readKem(tx, id, input).key;
    return key === null ? null : { ...key.keyPair, kem: key.kem };
  };
  return {
    signedPreKey: (id) => ec('signed-prekey', id),
    oneTimePreKey: (id) => ec('one-time', id),
    kemPreKey: kem,
    baseKeySeen: (signedId, kemId, baseKey) => tx.get(BASE_KEYS, baseKeyName(signedId, kemId, baseKey)) !== null,
  };
}

/** Which keys of a new session others have too: what a relay can bring about by withholding one-time keys (DEV-46). */
export interface SharedKeys {
  readonly noOneTimeKey: boolean;
  readonly lastResortKem: boolean;
}

/** Deletes the one-time keys that a session consumed and remembers its base key. */
export function consumePreKeys(tx: StoreTransaction, used: UsedPreKeys): SharedKeys {
  const noOneTimeKey = used.oneTimePreKeyId === null;
  const lastResortKem = used.kemPreKeyId !== null && tx.get('one-time-kem', idKey(used.kemPreKeyId)) === null;
  // @req DEV-08
  if (used.oneTimePreKeyId !== null) deleteKey(tx, 'one-time', used.oneTimePreKeyId);
  if (used.kemPreKeyId !== null) deleteKey(tx, 'one-time-kem', used.kemPreKeyId);
  // @req DEV-09
  tx.put(BASE_KEYS, baseKeyName(used.signedPreKeyId, used.kemPreKeyId, used.baseKey), new Uint8Array(0));
  return { noOneTimeKey, lastResortKem };
}

/** Sessions begun on shared keys since the signed prekey was last replaced. */
export function countSharedSessions(tx: StoreTransaction, provider: CryptoProvider): number {
  return getRecord(tx, provider, META, SHARED)?.u53() ?? 0;
}

export function setSharedSessions(tx: StoreTransaction, provider: CryptoProvider, count: number): void {
  putRecord(tx, provider, META, SHARED, new ByteWriter().u53(count).finish());
}

/** Deletes every prekey, with the base keys that were used on them. */
export function deletePreKeys(tx: StoreTransaction): void {
  for (const table of ['one-time', 'one-time-kem', 'signed-prekey', 'last-resort-kem', BASE_KEYS] as const) {
    for (const [key] of tx.list(table)) tx.delete(table, key);
  }
}

/** How many rows a table has. */
export function countKeys(tx: StoreTransaction, table: PreKeyTable): number {
  return tx.list(table).length;
}
