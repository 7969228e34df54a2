/**
 * The primary's manifest: linking and removing devices.
 *
 * @spec 07-devices §2
 * Owns: making the next version, and publishing it exactly once: it is stored before it is sent, and sent until it is known
 * to be there; the versions before it, for a relay that was set back. Must not know: how an offer reaches the primary.
 */
import { equalBytes } from '../protocol/bytes/bytes.ts';
import { ByteWriter } from '../protocol/bytes/cursor.ts';
import type { DeviceManifest, ManifestDevice, SignedManifest } from '../protocol/codec/manifest.ts';
import {
  compareManifests,
  encodeSignedManifest,
  manifestHash,
  PRIMARY_DEVICE_ID,
  parseSignedManifest,
  signManifest,
} from '../protocol/codec/manifest.ts';
import type { EcKeyPair } from '../protocol/crypto/provider.ts';
import { checkedRandom } from '../protocol/crypto/random.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { MAX_DEVICE_ID } from '../protocol/limits.ts';
import { type Context, commit, type Surroundings } from './context.ts';
import { fetchManifest, getManifest, saveManifest } from './manifest-trust.ts';
import { decodeOffer, type LinkOffer } from './offers.ts';
import { getRecord, putRecord } from './records/sealed.ts';
import { RelayError } from './relay/transport.ts';
import type { StoreTransaction } from './store/store.ts';

const META = 'meta';
const PENDING = 'pending-manifest';
const LAST_ID = 'last-device-id';
/** Versions of the own manifest that were succeeded, by number. */
const CHAIN = 'own-manifest';
/** How many of them are kept: a relay that was set back further stays there. */
const MAX_CHAIN = 64;

function accountKeyOf(ctx: Context): EcKeyPair {
  // @req DEV-26
  if (ctx.self.accountKey === null) throw new ProtocolError('NotAllowed', 'policy', 'not-primary');
  return ctx.self.accountKey;
}

/** Signs version 1, of the primary alone. */
export function firstManifest(
  around: Surroundings,
  accountKey: EcKeyPair,
  account: string,
  primary: ManifestDevice,
): SignedManifest {
  const manifest: DeviceManifest = {
    account,
    accountKey: accountKey.publicKey,
    version: 1,
    previousHash: new Uint8Array(32),
    issuedAt: around.clock.now(),
    devices: [primary],
  };
  return signManifest(around.provider, accountKey.privateKey, manifest, checkedRandom(around.random));
}

function getSigned(tx: StoreTransaction, ctx: Context, table: string, key: string): SignedManifest | null {
  const input = getRecord(tx, ctx.provider, table, key);
  return input === null ? null : parseSignedManifest(input.sized());
}

function putSigned(tx: StoreTransaction, ctx: Context, table: string, key: string, signed: SignedManifest): void {
  putRecord(tx, ctx.provider, table, key, new ByteWriter().sized(encodeSignedManifest(signed)).finish());
}

function getPending(tx: StoreTransaction, ctx: Context): SignedManifest | null {
  return getSigned(tx, ctx, META, PENDING);
}

function chainKey(version: number): string {
  return String(version).padStart(10, '0');
}

/** Keeps a version that is about to be succeeded, and forgets those that are too old. */
function keepInChain(tx: StoreTransaction, ctx: Context, signed: SignedManifest): void {
  putSigned(tx, ctx, CHAIN, chainKey(signed.manifest.version), signed);
  for (const [key] of tx.list(CHAIN).slice(0, -MAX_CHAIN)) tx.delete(CHAIN, key);
}

/** The versions after `older`, up to the one that holds, in order; null where `older` is not known as one of this history. */
function successorsOf(tx: StoreTransaction, ctx: Context, older: SignedManifest): SignedManifest[] | null {
  const known = getManifest(tx, ctx.provider, ctx.self.account);
  const kept = getSigned(tx, ctx, CHAIN, chainKey(older.manifest.version));
  if (known === null || kept === null || !equalBytes(kept.bytes, older.bytes)) return null;
  const successors: SignedManifest[] = [];
  for (let last = kept; last.manifest.version < known.manifest.version; ) {
    const version = last.manifest.version + 1;
    const next = version === known.manifest.version ? known : getSigned(tx, ctx, CHAIN, chainKey(version));
    if (next === null || compareManifests(ctx.provider, last, next) !== 'successor') return null;
    successors.push(next);
    last = next;
  }
  return successors;
}

/** Signs the next version with other devices and notes it as pending. */
function makeNext(ctx: Context, tx: StoreTransaction, edit: Edit): SignedManifest {
  const accountKey = accountKeyOf(ctx);
  const known = getManifest(tx, ctx.provider, ctx.self.account);
  if (known === null) throw new ProtocolError('InvalidState', 'state', 'no-own-manifest');
  const next: DeviceManifest = {
    ...known.manifest,
    version: known.manifest.version + 1,
    previousHash: manifestHash(ctx.provider, known),
    issuedAt: Math.max(ctx.clock.now(), known.manifest.issuedAt),
    devices: [...edit(known.manifest.devices, tx)].sort((a, b) => a.deviceId - b.deviceId),
  };
  const signed = signManifest(ctx.provider, accountKey.privateKey, next, checkedRandom(ctx.random));
  keepInChain(tx, ctx, known);
  putSigned(tx, ctx, META, PENDING, signed);
  return signed;
}

type Edit = (devices: readonly ManifestDevice[], tx: StoreTransaction) => readonly ManifestDevice[];

/** Takes a published manifest over; a pending one of the same or a lower version is settled with it. */
async function settle(ctx: Context, signed: SignedManifest): Promise<void> {
  const events = await commit(ctx, (tx) => {
    const pending = getPending(tx, ctx);
    if (pending !== null && pending.manifest.version <= signed.manifest.version) tx.delete(META, PENDING);
    return saveManifest(tx, ctx.provider, signed);
  });
  for (const event of events) ctx.emit(event);
}

/** False where the relay says that it is not the successor of the one it holds. */
async function put(ctx: Context, signed: SignedManifest): Promise<boolean> {
  try {
    await ctx.relay.putManifest(encodeSignedManifest(signed));
    return true;
  } catch (error) {
    if (error instanceof RelayError && error.status === 409) return false;
    throw error;
  }
}

/** Where the relay holds an earlier version of this history, gives it those in between. @returns false where it does not. */
async function bringForward(ctx: Context): Promise<boolean> {
  const offered = await ctx.relay.fetchManifest(ctx.self.account);
  if (offered === null) return false;
  const older = parseSignedManifest(offered);
  // @req DEV-51
  const missing = (await ctx.store.transaction((tx) => successorsOf(tx, ctx, older))) ?? [];
  for (const signed of missing) if (!(await put(ctx, signed))) return false;
  return missing.length > 0;
}

async function publish(ctx: Context, signed: SignedManifest): Promise<boolean> {
  return (await put(ctx, signed)) || ((await bringForward(ctx)) && (await put(ctx, signed)));
}

/**
 * Publishes the pending manifest, if there is one; with `confirm`, the one that holds if there is none: the relay may have
 * been set back.
 * @returns false where the relay holds another next version, signed by this account as well: it was taken over instead.
 */
export async function publishPending(ctx: Context, confirm = false): Promise<boolean> {
  const { pending, known } = await ctx.store.transaction((tx) => ({
    pending: getPending(tx, ctx),
    known: getManifest(tx, ctx.provider, ctx.self.account),
  }));
  const signed = pending ?? (confirm ? known : null);
  if (signed === null) return true;
  if (await publish(ctx, signed)) {
    if (pending !== null) await settle(ctx, pending);
    return true;
  }
  // An earlier attempt arrived, or this store is older than the account's last manifest.
  const published = await fetchManifest(ctx, ctx.self.account);
  if (published === null) throw new RelayError(404, 'unknown-account');
  await settle(ctx, published);
  return equalBytes(published.bytes, signed.bytes);
}

/** Versions tried before giving up: each try follows a manifest that another process or an earlier life published. */
const MAX_TRIES = 3;

async function publishEdit(
  ctx: Context,
  edit: Edit,
  isDone: (devices: readonly ManifestDevice[]) => boolean = () => false,
): Promise<SignedManifest> {
  accountKeyOf(ctx);
  await publishPending(ctx);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const known = await ctx.store.transaction((tx) => getManifest(tx, ctx.provider, ctx.self.account));
    if (known !== null && isDone(known.manifest.devices)) return known;
    const signed = await commit(ctx, (tx) => makeNext(ctx, tx, edit));
    if (await publishPending(ctx)) return signed;
  }
  throw new ProtocolError('InvalidState', 'state', 'manifest-keeps-changing');
}

/** An id that no device of this account ever had, as long as there is one; then the lowest that is free. */
function freeDeviceId(ctx: Context, tx: StoreTransaction, devices: readonly ManifestDevice[]): number {
  const taken = devices.map(({ deviceId }) => deviceId);
  const last = Math.max(getRecord(tx, ctx.provider, META, LAST_ID)?.u8() ?? 0, ...taken);
  const ids = Array.from({ length: MAX_DEVICE_ID }, (_, i) => ((last + i) % MAX_DEVICE_ID) + 1);
  const id = last < MAX_DEVICE_ID ? last + 1 : ids.find((candidate) => !taken.includes(candidate));
  if (id === undefined) throw new ProtocolError('NotAllowed', 'policy', 'too-many-devices');
  putRecord(tx, ctx.provider, META, LAST_ID, new ByteWriter().u8(id).finish());
  return id;
}

/** Whether a manifest holds exactly this device, under whatever id. */
function holds(devices: readonly ManifestDevice[], offer: LinkOffer): boolean {
  return devices.some(
    (device) =>
      equalBytes(device.identityKey, offer.identityKey) &&
      equalBytes(device.authKey, offer.authKey) &&
      device.registrationId === offer.registrationId &&
      device.name === offer.name,
  );
}

/**
 * Adds the offered device to the account. Asked again, after an answer was lost, it gives the acceptance again.
 * @returns the acceptance: the signed manifest, to be shown to the new device.
 * @throws {ProtocolError} `NotAllowed`: `not-primary`, `too-many-devices`; `InvalidMessage`, `InvalidKey` for a bad offer;
 * `InvalidArgument`/`shared-device-key` for another device with keys of one that is linked; {@link RelayError}: the manifest is
 * pending then, and published with the next connection.
 */
export async function linkDevice(ctx: Context, input: Uint8Array): Promise<Uint8Array> {
  const offer = decodeOffer(input);
  // @req DEV-26
  const signed = await publishEdit(
    ctx,
    (devices, tx) => [...devices, { ...offer, deviceId: freeDeviceId(ctx, tx, devices) }],
    // @req DEV-52
    (devices) => holds(devices, offer),
  );
  return encodeSignedManifest(signed);
}

/**
 * Removes a device from the account; the sessions with it go at once.
 * @throws {ProtocolError} `NotAllowed`: `not-primary`, `primary-stays`; `InvalidArgument`/`unknown-device`; {@link RelayError}
 * as for {@link linkDevice}.
 */
export async function removeDevice(ctx: Context, deviceId: number): Promise<void> {
  if (deviceId === PRIMARY_DEVICE_ID) throw new ProtocolError('NotAllowed', 'policy', 'primary-stays', 'deviceId');
  await publishEdit(ctx, (devices) => {
    const rest = devices.filter((device) => device.deviceId !== deviceId);
    if (rest.length === devices.length) {
      throw new ProtocolError('InvalidArgument', 'state', 'unknown-device', 'deviceId');
    }
    return rest;
  });
}
