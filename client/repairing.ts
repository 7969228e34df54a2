/**
 * What becomes of a fan-out that waits while its account changes.
 *
 * @spec 07-devices §5
 * Owns: which of its messages still fit the manifest, encrypting for devices that lack one. Must not know: when entries are delivered.
 */
import { equalBytes } from '../protocol/bytes/bytes.ts';
import type { Wipeable } from '../protocol/bytes/secret.ts';
import type { ManifestDevice, SignedManifest } from '../protocol/codec/manifest.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { encodeContent } from './content.ts';
import { type Context, changeByStep } from './context.ts';
import { encryptFor, type Material, manifestFor, noMaterial, recipients, withMaterial } from './encrypting.ts';
import { deviceOf, fetchManifest, getManifest, saveManifest } from './manifest-trust.ts';
import { getOutbox, type OutboxEntry, putOutbox, type StoredMessage } from './records/mail.ts';
import { RelayError } from './relay/transport.ts';
import type { StoreTransaction } from './store/store.ts';
import type { DeviceEvent, Repair } from './types.ts';

/** Whether a message is for the device that the account certifies under its id now. */
function fits(signed: SignedManifest, { deviceId, registrationId, identityKey }: StoredMessage): boolean {
  const device = deviceOf(signed.manifest, deviceId);
  return device?.registrationId === registrationId && equalBytes(device.identityKey, identityKey);
}

/** True where an entry holds a message for a device that the manifest at hand no longer certifies. */
export function isOutdated(ctx: Context, { account, messages }: OutboxEntry): Promise<boolean> {
  return ctx.store.transaction((tx) => {
    const signed = getManifest(tx, ctx.provider, account);
    // @req DEV-63
    return signed === null || messages.some((message) => !fits(signed, message));
  });
}

/** Takes out of an entry what is for devices that are gone, and encrypts for those that took their place. */
export async function bringUpToDate(ctx: Context, entry: OutboxEntry): Promise<void> {
  const nothing: Repair = { status: 409, account: entry.account, missing: [], extra: [], stale: [] };
  await rewrite(ctx, entry, nothing, noMaterial());
}

async function rewrite(ctx: Context, entry: OutboxEntry, repair: Repair, material: Material): Promise<void> {
  const { events } = await withMaterial(ctx, material, () =>
    changeByStep(ctx, (tx) => rewriteEntry(ctx, tx, entry, repair, material)),
  );
  for (const event of events) ctx.emit(event);
}

/** Whether the sessions that a repair begins anew may be: each costs the other device one of few (DEV-23). */
export function mayRenew(ctx: Context, { account, stale }: Repair): boolean {
  // @req DEV-65
  return stale.every((deviceId) => ctx.renewals.take(`${account}.${deviceId}`, ctx.clock.now()));
}

/**
 * Corrects a fan-out by the account's manifest, fetched anew: what the relay says is a hint which devices to look at, and
 * only what the account certified is encrypted for.
 *
 * @throws {ProtocolError} `UntrustedIdentity`/`device-not-in-manifest` where the relay insists on such a device.
 */
export async function repairEntry(ctx: Context, entry: OutboxEntry, repair: Repair, again: boolean): Promise<void> {
  const material = noMaterial();
  const signed = await fetchManifest(ctx, entry.account);
  if (signed === null) throw new RelayError(404, 'unknown-account');
  material.manifests.set(entry.account, signed);
  const named = [...repair.missing, ...repair.stale];
  const stranger = named.find((deviceId) => deviceOf(signed.manifest, deviceId) === null);
  // Named once, it may have been removed between the two answers.
  // @req DEV-05
  if (stranger !== undefined && again) {
    ctx.emit({ type: 'identityChanged', account: entry.account, deviceId: stranger });
    throw new ProtocolError('UntrustedIdentity', 'policy', 'device-not-in-manifest', 'deviceId');
  }
  await rewrite(ctx, entry, repair, material);
}

/** What a repair does to one entry: keeps what fits the manifest, drops what the relay calls extra, encrypts the rest. */
function rewriteEntry(
  ctx: Context,
  tx: StoreTransaction,
  entry: OutboxEntry,
  repair: Repair,
  material: Material,
): { events: readonly DeviceEvent[]; spent: readonly Wipeable[] } {
  const stored = getOutbox(tx, ctx.provider, entry.key);
  if (stored === null) return { events: [], spent: [] };
  const signed = manifestFor(ctx, tx, entry.account, material);
  const events = saveManifest(tx, ctx.provider, signed);
  const named = [...repair.extra, ...repair.stale, ...repair.missing];
  const kept = stored.messages.filter((message) => fits(signed, message) && !named.includes(message.deviceId));
  const devices = unserved(ctx, signed, [...kept.map(({ deviceId }) => deviceId), ...repair.extra]);
  // @req DEV-14
  const to = { account: entry.account, devices, renew: repair.stale };
  const { messages, spent, partial, events: failed } = encryptFor(ctx, tx, to, encodeContent(entry.content), material);
  const all = [...kept, ...messages].sort((a, b) => a.deviceId - b.deviceId);
  if (all.length === 0 && entry.content.sentTo === null) {
    throw new ProtocolError('NoSession', 'state', 'no-device-with-keys', 'account');
  }
  putOutbox(tx, ctx.provider, { ...stored, partial: stored.partial || partial, messages: all });
  return { events: [...events, ...failed], spent };
}

function unserved(ctx: Context, signed: SignedManifest, served: readonly number[]): ManifestDevice[] {
  return recipients(ctx, signed).filter(({ deviceId }) => !served.includes(deviceId));
}
