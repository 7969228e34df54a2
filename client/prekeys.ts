/**
 * The life of prekeys.
 *
 * @spec 07-devices §3
 * Owns: when prekeys are made, published, replaced and deleted.
 * Must not know: sessions. Private keys are stored before their public halves are published, never the other way round.
 */
import { encodeKemKey, encodePublicKey } from '../protocol/codec/keys.ts';
import { getKem, type KemName } from '../protocol/crypto/kem.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { KemPreKey, PreKey, SignedPreKey } from '../protocol/handshake/prekeys.ts';
import { createKemPreKey, createPreKey, createSignedPreKey } from '../protocol/handshake/prekeys.ts';
import { getSuite } from '../protocol/handshake/suites.ts';
import { type Context, commit, type Surroundings } from './context.ts';
import { HOUR } from './limits.ts';
import type { PreKeyTable, Stored } from './records/prekeys.ts';
import {
  countKeys,
  countSharedSessions,
  deleteKey,
  idKey,
  listEcKeys,
  listKemKeys,
  putEcKey,
  putKemKey,
  setSharedSessions,
} from './records/prekeys.ts';
import type { Self } from './records/self.ts';
import type { KeyCounts, KeyUpload, UploadedPreKey, UploadedSignedPreKey } from './relay/transport.ts';
import { RelayError } from './relay/transport.ts';
import type { StoreTransaction } from './store/store.ts';

/** Length of a random prekey id, in bytes: ids run from 1 to 2^24 − 1. */
const ID_BYTES = 3;
/** Draws in which a working source finds an unused id: of 2^24 ids, some thousands are in use. */
const MAX_ID_DRAWS = 100;

/** What is to be published, and what of it may have been published before without our knowing. */
export interface KeyPlan {
  readonly fresh: KeyUpload;
  readonly repeated: Pick<KeyUpload, 'oneTime' | 'oneTimeKem'>;
}

/** What a relay has of a device that it does not know yet. */
export const NO_KEYS: KeyCounts = { oneTime: 0, oneTimeKem: 0, signedPreKeyId: null, lastResortKemId: null };

/** `counts`: what the relay says that it has. */
type Maker = {
  readonly around: Surroundings;
  readonly self: Self;
  readonly tx: StoreTransaction;
  readonly counts: KeyCounts;
};

function unusedId({ around, tx }: Maker, ...tables: readonly PreKeyTable[]): number {
  for (let draw = 0; draw < MAX_ID_DRAWS; draw++) {
    const [a = 0, b = 0, c = 0] = around.random(ID_BYTES);
    const id = (a << 16) | (b << 8) | c;
    // @req DEV-24
    if (id !== 0 && tables.every((table) => tx.get(table, idKey(id)) === null)) return id;
  }
  // @req DEV-53
  throw new ProtocolError('InvalidState', 'state', 'randomness-failed');
}

/** The KEM of the policy's first hybrid suite; null where only classical suites are spoken. */
function kemOf(around: Surroundings): KemName | null {
  return around.suites.map(getSuite).find((suite) => suite.kem !== null)?.kem ?? null;
}

function uploadedEc(key: PreKey): UploadedPreKey {
  return { id: key.id, publicKey: encodePublicKey(key.keyPair.publicKey) };
}

function uploadedSigned(key: SignedPreKey): UploadedSignedPreKey {
  return { ...uploadedEc(key), signature: key.signature };
}

function uploadedKem(key: KemPreKey): UploadedSignedPreKey {
  const { id, signature } = key;
  return { id, publicKey: encodeKemKey(getKem(key.kem), key.keyPair.publicKey), signature };
}

function born<K>(key: K, now: number): Stored<K> {
  return { key, life: { createdAt: now, publishedAt: 0, retiredAt: 0 } };
}

/** The key in use: the newest that is published and not replaced. */
function inUse<K>(keys: readonly Stored<K>[]): Stored<K> | null {
  const live = keys.filter(({ life }) => life.publishedAt > 0 && life.retiredAt === 0);
  return live.reduce<Stored<K> | null>((a, b) => (a === null || b.life.createdAt > a.life.createdAt ? b : a), null);
}

type Named = { readonly id: number };

/** The unpublished key if there is one, else whether the one in use is due to be replaced; `held` is the relay's. */
function nextKey<K extends Named>(
  keys: readonly Stored<K>[],
  held: number | null,
  due: { readonly now: number; readonly age: number; readonly force: boolean },
): Stored<K> | 'make' | null {
  const waiting = keys.find(({ life }) => life.publishedAt === 0);
  if (waiting !== undefined) return waiting;
  const current = inUse(keys);
  const age = current === null ? Number.POSITIVE_INFINITY : due.now - current.life.createdAt;
  if (current === null || due.force || age >= due.age) return 'make';
  if (current.key.id === held) return null;
  // @req DEV-50: a relay that says so again and again gets one new key an hour, and that one again until then.
  return age >= HOUR ? 'make' : current;
}

/** Whether the relay gives out a key that is neither in use nor waiting to be: one of the two sides was set back. */
function isForeign(keys: readonly Stored<Named>[], held: number | null): boolean {
  const waits = keys.some(({ key, life }) => life.publishedAt === 0 && key.id === held);
  return !waits && (inUse(keys)?.key.id ?? null) !== held;
}

function signedKey(maker: Maker, now: number, force: boolean): SignedPreKey | null {
  const { around, self, tx, counts } = maker;
  const keys = listEcKeys(tx, around.provider, 'signed-prekey');
  const next = nextKey(keys, counts.signedPreKeyId, { now, age: around.limits.signedPreKeyAge, force });
  if (next !== 'make') return next?.key ?? null;
  const id = unusedId(maker, 'signed-prekey');
  const key = createSignedPreKey(around.provider, around.random, self.identity, id);
  putEcKey(tx, around.provider, 'signed-prekey', born(key, now));
  return key;
}

function lastResortKey(maker: Maker, kem: KemName, now: number, force: boolean): KemPreKey | null {
  const { around, self, tx, counts } = maker;
  const keys = listKemKeys(tx, around.provider, 'last-resort-kem');
  const next = nextKey(keys, counts.lastResortKemId, { now, age: around.limits.lastResortKemAge, force });
  if (next !== 'make') return next?.key ?? null;
  const id = unusedId(maker, 'last-resort-kem', 'one-time-kem');
  const key = createKemPreKey(around.provider, around.random, self.identity, id, kem);
  putKemKey(tx, around.provider, 'last-resort-kem', born(key, now));
  return key;
}

function oneTimeKeys(maker: Maker, now: number): PreKey[] {
  const { provider, random, limits } = maker.around;
  return Array.from({ length: limits.oneTimeBatch }, () => {
    const key = createPreKey(provider, random, unusedId(maker, 'one-time'));
    putEcKey(maker.tx, provider, 'one-time', born(key, now));
    return key;
  });
}

function oneTimeKemKeys(maker: Maker, kem: KemName, now: number): KemPreKey[] {
  const { provider, random, limits } = maker.around;
  return Array.from({ length: limits.oneTimeBatch }, () => {
    const id = unusedId(maker, 'one-time-kem', 'last-resort-kem');
    const key = createKemPreKey(provider, random, maker.self.identity, id, kem);
    putKemKey(maker.tx, provider, 'one-time-kem', born(key, now));
    return key;
  });
}

/** Unpublished one-time keys: from an upload whose answer never came. */
function unpublished<K>(keys: readonly Stored<K>[]): K[] {
  return keys.filter(({ life }) => life.publishedAt === 0).map(({ key }) => key);
}

/** What is done whether due or not. */
export interface Force {
  readonly rotate?: boolean;
  readonly refill?: boolean;
}

/**
 * Whether the relay's one-time keys cannot be trusted to have private halves here: its signed or last-resort key is not the
 * device's. Either this store is older than what was published from it, or the relay's is.
 */
function wereSetBack({ around, tx, counts }: Maker, kem: KemName | null): boolean {
  const foreignKem = () => isForeign(listKemKeys(tx, around.provider, 'last-resort-kem'), counts.lastResortKemId);
  return (
    isForeign(listEcKeys(tx, around.provider, 'signed-prekey'), counts.signedPreKeyId) || (kem !== null && foreignKem())
  );
}

/** Makes the keys that are due and stores them; `counts` says what the relay still has. */
export function makeKeys(
  around: Surroundings,
  self: Self,
  tx: StoreTransaction,
  counts: KeyCounts,
  force: Force,
): KeyPlan {
  const { limits, provider } = around;
  const maker: Maker = { around, self, tx, counts };
  const now = around.clock.now();
  const kem = kemOf(around);
  const replace = wereSetBack(maker, kem);
  const waiting = {
    oneTime: unpublished(listEcKeys(tx, provider, 'one-time')).slice(0, 100),
    oneTimeKem: unpublished(listKemKeys(tx, provider, 'one-time-kem')).slice(0, 100),
  };
  const refill = force.refill ?? false;
  const low = (count: number, retry: readonly unknown[]) =>
    retry.length === 0 && limits.oneTimeBatch > 0 && (refill || replace || count < limits.oneTimeLow);
  // @req DEV-46
  const rotate = force.rotate === true || countSharedSessions(tx, provider) >= limits.sharedKeySessions;
  const signed = signedKey(maker, now, rotate);
  const lastResort = kem === null ? null : lastResortKey(maker, kem, now, rotate);
  const oneTime = low(counts.oneTime, waiting.oneTime) ? oneTimeKeys(maker, now) : [];
  const moreKem = kem !== null && low(counts.oneTimeKem, waiting.oneTimeKem);
  const oneTimeKem = kem !== null && moreKem ? oneTimeKemKeys(maker, kem, now) : [];
  const fresh: KeyUpload = {
    signedPreKey: signed === null ? null : uploadedSigned(signed),
    lastResortKem: lastResort === null ? null : uploadedKem(lastResort),
    oneTime: oneTime.map(uploadedEc),
    oneTimeKem: oneTimeKem.map(uploadedKem),
  };
  const repeated = { oneTime: waiting.oneTime.map(uploadedEc), oneTimeKem: waiting.oneTimeKem.map(uploadedKem) };
  return replace ? replacing(fresh, repeated) : { fresh, repeated };
}

/** One upload for all of it: what is repeated must not go before, or it would be deleted again. */
function replacing(fresh: KeyUpload, repeated: KeyPlan['repeated']): KeyPlan {
  const oneTime = [...fresh.oneTime, ...repeated.oneTime];
  const oneTimeKem = [...fresh.oneTimeKem, ...repeated.oneTimeKem];
  return { fresh: { ...fresh, oneTime, oneTimeKem, replaceOneTime: true }, repeated: { oneTime: [], oneTimeKem: [] } };
}

/** True where there is nothing to publish. */
function isEmpty(upload: KeyUpload): boolean {
  const { signedPreKey, lastResortKem, oneTime, oneTimeKem } = upload;
  return signedPreKey === null && lastResortKem === null && oneTime.length === 0 && oneTimeKem.length === 0;
}

/** Notes that keys are published; a new signed or last-resort key retires the one before. */
export function markPublished(around: Surroundings, tx: StoreTransaction, upload: KeyUpload): void {
  const { provider } = around;
  const now = Math.max(1, around.clock.now());
  const publish = <K extends { readonly id: number }>(
    keys: readonly Stored<K>[],
    ids: readonly number[],
    replaces: boolean,
    put: (stored: Stored<K>) => void,
  ) => {
    for (const { key, life } of keys) {
      if (ids.includes(key.id)) put({ key, life: { ...life, publishedAt: now } });
      else if (replaces && life.publishedAt > 0 && life.retiredAt === 0)
        put({ key, life: { ...life, retiredAt: now } });
    }
  };
  const ec = (table: 'signed-prekey' | 'one-time', ids: readonly number[], replaces: boolean) =>
    publish(listEcKeys(tx, provider, table), ids, replaces, (stored) => putEcKey(tx, provider, table, stored));
  const kem = (table: 'last-resort-kem' | 'one-time-kem', ids: readonly number[], replaces: boolean) =>
    publish(listKemKeys(tx, provider, table), ids, replaces, (stored) => putKemKey(tx, provider, table, stored));
  if (upload.signedPreKey !== null) setSharedSessions(tx, provider, 0);
  if (upload.signedPreKey !== null) ec('signed-prekey', [upload.signedPreKey.id], true);
  if (upload.lastResortKem !== null) kem('last-resort-kem', [upload.lastResortKem.id], true);
  if (upload.oneTime.length > 0)
    ec(
      'one-time',
      upload.oneTime.map(({ id }) => id),
      false,
    );
  if (upload.oneTimeKem.length > 0)
    kem(
      'one-time-kem',
      upload.oneTimeKem.map(({ id }) => id),
      false,
    );
}

/** Deletes prekeys whose grace is over, and one-time keys beyond the number kept, oldest first. */
function deleteExpired(ctx: Context, tx: StoreTransaction): void {
  const { provider, limits } = ctx;
  const now = ctx.clock.now();
  const lists = [
    ['signed-prekey', listEcKeys(tx, provider, 'signed-prekey')],
    ['last-resort-kem', listKemKeys(tx, provider, 'last-resort-kem')],
  ] as const;
  for (const [table, keys] of lists) {
    for (const { key, life } of keys) {
      // @req DEV-25
      if (life.retiredAt > 0 && now - life.retiredAt >= limits.preKeyGrace) deleteKey(tx, table, key.id);
    }
  }
  const surplus = <K extends { readonly id: number }>(table: 'one-time' | 'one-time-kem', keys: Stored<K>[]) => {
    const sorted = keys.sort((a, b) => b.life.createdAt - a.life.createdAt);
    for (const { key } of sorted.slice(limits.oneTimeKept)) deleteKey(tx, table, key.id);
  };
  if (countKeys(tx, 'one-time') > limits.oneTimeKept) surplus('one-time', listEcKeys(tx, provider, 'one-time'));
  if (countKeys(tx, 'one-time-kem') > limits.oneTimeKept)
    surplus('one-time-kem', listKemKeys(tx, provider, 'one-time-kem'));
}

async function publishRepeated(ctx: Context, repeated: KeyPlan['repeated']): Promise<void> {
  const upload: KeyUpload = { signedPreKey: null, lastResortKem: null, ...repeated };
  if (isEmpty(upload)) return;
  try {
    await ctx.relay.putKeys(upload);
  } catch (error) {
    // 429: the relay has enough of them; that must not hold up a signed prekey that is due.
    if (error instanceof RelayError && error.reason === 'too-many-keys') return;
    // The first upload had arrived after all: the relay has these ids.
    if (!(error instanceof RelayError) || error.status !== 422) throw error;
  }
  await commit(ctx, (tx) => markPublished(ctx, tx, upload));
}

/**
 * Rotates, refills and deletes what is due, or what `force` asks for.
 * @throws {RelayError}; keys that were made stay, and are published the next time.
 */
export async function maintainKeys(ctx: Context, force: Force = {}): Promise<void> {
  const counts = await ctx.relay.keyCounts();
  const { fresh, repeated } = await commit(ctx, (tx) => {
    deleteExpired(ctx, tx);
    return makeKeys(ctx, ctx.self, tx, counts, force);
  });
  await publishRepeated(ctx, repeated);
  if (isEmpty(fresh)) return;
  await ctx.relay.putKeys(fresh);
  await commit(ctx, (tx) => markPublished(ctx, tx, fresh));
  const { signedPreKey, lastResortKem, oneTime, oneTimeKem } = fresh;
  if (signedPreKey !== null) {
    ctx.emit({ type: 'keysRotated', signedPreKeyId: signedPreKey.id, kemPreKeyId: lastResortKem?.id ?? null });
  }
  if (oneTime.length + oneTimeKem.length === 0) return;
  ctx.emit({ type: 'keysRefilled', oneTime: oneTime.length, oneTimeKem: oneTimeKem.length });
}

/** The prekeys in use, for showing. */
export function currentKeys(around: Surroundings, tx: StoreTransaction): { signed: number | null; kem: number | null } {
  return {
    signed: inUse(listEcKeys(tx, around.provider, 'signed-prekey'))?.key.id ?? null,
    kem: inUse(listKemKeys(tx, around.provider, 'last-resort-kem'))?.key.id ?? null,
  };
}
