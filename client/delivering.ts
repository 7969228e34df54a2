/**
 * The outbox on its way to the relay.
 *
 * @spec 07-devices §5
 * Owns: retrying under one send id, repairing a fan-out that the relay refuses with 409 or 410.
 * Must not know: how messages got into the outbox.
 */
import { equalBytes, toHex } from '../protocol/bytes/bytes.ts';
import type { Wipeable } from '../protocol/bytes/secret.ts';
import type { ManifestDevice, SignedManifest } from '../protocol/codec/manifest.ts';
import { isProtocolError, ProtocolError } from '../protocol/errors.ts';
import { encodeContent } from './content.ts';
import { type Context, changeByStep, commit, isLocalFailure, readWitnessed } from './context.ts';
import { encryptFor, type Material, manifestFor, noMaterial, recipients, withMaterial } from './encrypting.ts';
import { deviceOf, fetchManifest, saveManifest } from './manifest-trust.ts';
import { deleteOutbox, getOutbox, type OutboxEntry, outboxKeys, putOutbox } from './records/mail.ts';
import { getRefusal, putRefusal } from './records/refusals.ts';
import { logSent } from './records/sent-log.ts';
import { isTransient, RelayError, type SendOutcome } from './relay/transport.ts';
import type { StoreTransaction } from './store/store.ts';
import type { DeviceEvent, Repair } from './types.ts';

/** Attempts to deliver what nobody waits for, where the relay's manifests or bundles are not good. */
const MAX_ATTEMPTS = 5;
/** Corrections of one message in one attempt to deliver it. */
const MAX_REPAIRS = 5;

/** What became of one entry. `queued`: it is still in the outbox. */
export interface Delivery {
  readonly status: 'sent' | 'queued';
  /** As last known: null where the entry was already gone. */
  readonly entry: OutboxEntry | null;
  readonly repairs: readonly Repair[];
  readonly reason: string | null;
}

type Refusal = Exclude<SendOutcome, { kind: 'accepted' }>;

function repairOf(account: string, outcome: Refusal): Repair {
  const none: readonly number[] = [];
  return outcome.kind === 'stale'
    ? { status: 410, account, missing: none, extra: none, stale: outcome.stale }
    : { status: 409, account, missing: outcome.missing, extra: outcome.extra, stale: none };
}

/** Takes an entry out of the outbox, delivered or not. */
export async function dropEntries(ctx: Context, keys: readonly string[]): Promise<void> {
  await commit(ctx, (tx) => {
    for (const key of keys) deleteOutbox(tx, key);
  });
}

/** Out of the outbox, and into the log of what may be asked for again. */
async function finishEntry(ctx: Context, { key, account, content, again, messages }: OutboxEntry): Promise<void> {
  await commit(ctx, (tx) => {
    deleteOutbox(tx, key);
    if (again) return;
    const addressees = messages.map(({ deviceId, registrationId, identityKey }) => {
      return { deviceId, registrationId, identityKey, again: 0 };
    });
    logSent(tx, ctx.provider, { account, content, addressees }, ctx.clock.now(), ctx.limits);
  });
}

/**
 * Delivers one entry, repairing it where the relay asks for it.
 * @throws {RelayError} where the relay refuses it for good, {@link ProtocolError} where it cannot be repaired: it is then out
 * of the outbox.
 */
async function deliverEntry(ctx: Context, key: string, patient: boolean): Promise<Delivery> {
  const repairs: Repair[] = [];
  let entry: OutboxEntry | null = null;
  const queued = (reason: string): Delivery => ({ status: 'queued', entry, repairs, reason });
  try {
    while (repairs.length <= MAX_REPAIRS) {
      const stored = await readWitnessed(ctx, (tx) => getOutbox(tx, ctx.provider, key));
      entry = stored ?? entry;
      if (stored === null) return goneBefore(ctx, key, { status: 'sent', entry, repairs, reason: null });
      if (await waitsForOriginal(ctx, stored)) return queued('message-not-sent');
      // @req DEV-13
      const outcome = await transmit(ctx, stored);
      if (outcome.kind === 'accepted') {
        await finishEntry(ctx, stored);
        return { status: 'sent', entry, repairs, reason: null };
      }
      const repair = repairOf(stored.account, outcome);
      // The device that asked is gone, or another has its place: a repetition is for nobody else.
      if (stored.again) throw new ProtocolError('NotAllowed', 'policy', 'not-an-addressee', 'deviceId');
      await repairEntry(ctx, stored, repair, repairs.length > 0);
      repairs.push(repair);
    }
    return queued('too-many-repairs');
  } catch (error) {
    if (isTransient(error) && error instanceof RelayError) return queued(error.reason);
    if (isProtocolError(error) && (isLocalFailure(error) || error.reason === 'relay-answer-malformed')) {
      return queued(error.reason);
    }
    if (patient && isProtocolError(error) && (await tryLater(ctx, key))) return queued(error.reason);
    await dropRefused(ctx, key, error);
    throw error;
  }
}

/** An entry that is gone was delivered by somebody else meanwhile, or refused. @throws what it was refused with. */
async function goneBefore(ctx: Context, key: string, delivered: Delivery): Promise<Delivery> {
  const refusal = ctx.awaited.get(key) ?? (await ctx.store.transaction((tx) => getRefusal(tx, ctx.provider, key)));
  // @req DEV-61
  if (refusal !== null) throw refusal;
  return delivered;
}

const sameMessage = (a: OutboxEntry, b: OutboxEntry): boolean => equalBytes(a.content.messageId, b.content.messageId);

/** True for a copy while the message itself is in the outbox. */
async function waitsForOriginal(ctx: Context, { content, ...copy }: OutboxEntry): Promise<boolean> {
  const { sentTo } = content;
  if (sentTo === null || sentTo === ctx.self.account || copy.again) return false;
  return ctx.store.transaction((tx) =>
    outboxKeys(tx, sentTo).some((key) => {
      const other = getOutbox(tx, ctx.provider, key);
      return other !== null && !other.again && sameMessage(other, { content, ...copy });
    }),
  );
}

/** Counts a failed attempt of an entry that nobody waits for; false once there were enough. */
async function tryLater(ctx: Context, key: string): Promise<boolean> {
  return commit(ctx, (tx) => {
    const stored = getOutbox(tx, ctx.provider, key);
    // @req DEV-62
    if (stored === null || stored.again || stored.attempts + 1 >= MAX_ATTEMPTS) return false;
    putOutbox(tx, ctx.provider, { ...stored, attempts: stored.attempts + 1 });
    return true;
  });
}

/** Takes a refused entry out of the outbox, and its copy with it: the own devices must not show it as sent (DEV-61). */
async function dropRefused(ctx: Context, key: string, error: unknown): Promise<void> {
  if (ctx.awaited.has(key) && error instanceof Error) ctx.awaited.set(key, error);
  await commit(ctx, (tx) => {
    const refused = readable(ctx, tx, key);
    deleteOutbox(tx, key);
    // Another process may be waiting for this one.
    putRefusal(tx, ctx.provider, key, error);
    if (refused === null || refused.again || refused.content.sentTo !== null) return;
    for (const other of outboxKeys(tx, ctx.self.account)) {
      const copy = readable(ctx, tx, other);
      // @req DEV-61
      if (copy !== null && sameMessage(copy, refused)) deleteOutbox(tx, other);
    }
  });
}

/** An entry, or null where it is gone or damaged. */
function readable(ctx: Context, tx: StoreTransaction, key: string): OutboxEntry | null {
  try {
    return getOutbox(tx, ctx.provider, key);
  } catch (error) {
    if (!isProtocolError(error, 'InvalidState')) throw error;
    return null;
  }
}

async function transmit(ctx: Context, entry: OutboxEntry): Promise<SendOutcome> {
  if (entry.messages.length === 0) return { kind: 'accepted' };
  try {
    const { sendId, partial, messages, content } = entry;
    return await ctx.relay.send(entry.account, { sendId, timestamp: content.sentAt, partial, messages });
  } catch (error) {
    // Another version of this very message was accepted: a store restored from a backup does not know of it.
    if (error instanceof RelayError && error.reason === 'send-id-reused') return { kind: 'accepted' };
    throw error;
  }
}

/**
 * Corrects a fan-out by the account's manifest, fetched anew: what the relay says is a hint which devices to look at, and
 * only what the account certified is encrypted for.
 *
 * @throws {ProtocolError} `UntrustedIdentity`/`device-not-in-manifest` where the relay insists on such a device.
 */
async function repairEntry(ctx: Context, entry: OutboxEntry, repair: Repair, again: boolean): Promise<void> {
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
  const { events } = await withMaterial(ctx, material, () =>
    changeByStep(ctx, (tx) => rewriteEntry(ctx, tx, entry, repair, material)),
  );
  for (const event of events) ctx.emit(event);
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
  const kept = stored.messages.filter((message) => {
    const device = deviceOf(signed.manifest, message.deviceId);
    if (device === null || device.registrationId !== message.registrationId) return false;
    return ![...repair.extra, ...repair.stale, ...repair.missing].includes(message.deviceId);
  });
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

/**
 * Delivers the entries for an account in order, up to and including `last`; stops at the first that must wait.
 * @returns what became of `last`.
 * @throws as {@link deliverEntry}, for `last` alone; the application is told of others that failed.
 */
export async function deliverUpTo(ctx: Context, account: string, last: string): Promise<Delivery> {
  const keys = await ctx.store.transaction((tx) => outboxKeys(tx, account));
  for (const key of keys.filter((earlier) => earlier < last)) {
    const earlier = await deliverOrTell(ctx, key);
    if (earlier?.status === 'queued') return { status: 'queued', entry: null, repairs: [], reason: earlier.reason };
  }
  return deliverEntry(ctx, last, false);
}

/** {@link deliverEntry} for an entry that nobody waits for; null where it failed for good. */
export async function deliverOrTell(ctx: Context, key: string): Promise<Delivery | null> {
  const entry = await ctx.store.transaction((tx) => getOutbox(tx, ctx.provider, key));
  try {
    return await deliverEntry(ctx, key, true);
  } catch (error) {
    if (!isProtocolError(error) && !(error instanceof RelayError)) throw error;
    const messageId = entry === null ? '' : toHex(entry.content.messageId);
    ctx.emit({ type: 'sendFailed', messageId, account: entry?.account ?? '', reason: error.reason });
    return null;
  }
}
