/**
 * The outbox on its way to the relay.
 *
 * @spec 07-devices §5
 * Owns: retrying under one send id, when a fan-out is repaired, what is told of one refused. Must not know: how messages got into the
 * outbox, how they are repaired.
 */
import { equalBytes, toHex } from '../protocol/bytes/bytes.ts';
import { isProtocolError, ProtocolError } from '../protocol/errors.ts';
import { type Context, commit, isLocalFailure, readWitnessed } from './context.ts';
import { deleteOutbox, getOutbox, type OutboxEntry, outboxKeys, putOutbox } from './records/mail.ts';
import { getRefusal, putRefusal } from './records/refusals.ts';
import { logSent } from './records/sent-log.ts';
import { isTransient, RelayError, type SendOutcome } from './relay/transport.ts';
import { bringUpToDate, isOutdated, mayRenew, repairEntry } from './repairing.ts';
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

/** Why a copy waits whose message is still in the outbox. */
const MESSAGE_NOT_SENT = 'message-not-sent';

/** Whether what comes after an entry must wait for it. A copy that waits for its message holds up no other (DEV-61). */
export function holdsUp(delivery: Delivery | null): boolean {
  return delivery?.status === 'queued' && delivery.reason !== MESSAGE_NOT_SENT;
}

function notAnAddressee(): ProtocolError {
  return new ProtocolError('NotAllowed', 'policy', 'not-an-addressee', 'deviceId');
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
    for (let round = 0; round <= MAX_REPAIRS; round++) {
      const stored = await readWitnessed(ctx, (tx) => getOutbox(tx, ctx.provider, key));
      entry = stored ?? entry;
      if (stored === null) return goneBefore(ctx, key, { status: 'sent', entry, repairs, reason: null });
      if (await waitsForOriginal(ctx, stored)) return queued(MESSAGE_NOT_SENT);
      if (await isOutdated(ctx, stored)) {
        if (stored.again) throw notAnAddressee();
        await bringUpToDate(ctx, stored);
        continue;
      }
      // @req DEV-13
      const outcome = await transmit(ctx, stored);
      if (outcome.kind === 'accepted') {
        await finishEntry(ctx, stored);
        return { status: 'sent', entry, repairs, reason: null };
      }
      const repair = repairOf(stored.account, outcome);
      // The device that asked is gone, or another has its place: a repetition is for nobody else.
      if (stored.again) throw notAnAddressee();
      if (!mayRenew(ctx, repair)) return queued('too-many-repairs');
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
  await commit(ctx, (tx) => refuseEntry(ctx, tx, key, error));
}

function refuseEntry(ctx: Context, tx: StoreTransaction, key: string, error: unknown): OutboxEntry | null {
  const refused = readable(ctx, tx, key);
  deleteOutbox(tx, key);
  // Another process may be waiting for this one.
  putRefusal(tx, ctx.provider, key, error);
  if (refused === null || refused.again || refused.content.sentTo !== null) return refused;
  for (const other of outboxKeys(tx, ctx.self.account)) {
    const copy = readable(ctx, tx, other);
    // @req DEV-61
    if (copy !== null && sameMessage(copy, refused)) deleteOutbox(tx, other);
  }
  return refused;
}

/**
 * Refuses whatever waits for an account whose key the application has replaced: it was written to whoever held the old one.
 * @returns what to tell once the transaction is committed.
 */
export function refuseWaiting(ctx: Context, tx: StoreTransaction, account: string): DeviceEvent[] {
  const error = new ProtocolError('UntrustedIdentity', 'policy', 'account-key-changed', 'account');
  // @req DEV-64
  const refused = outboxKeys(tx, account).map((key) => refuseEntry(ctx, tx, key, error));
  return refused.flatMap((entry) => (entry === null || entry.again ? [] : [sendFailed(entry, error.reason)]));
}

function sendFailed(entry: OutboxEntry | null, reason: string): DeviceEvent {
  const messageId = entry === null ? '' : toHex(entry.content.messageId);
  return { type: 'sendFailed', messageId, account: entry?.account ?? '', reason };
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
 * Delivers the entries for an account in order, up to and including `last`; stops at the first that must wait.
 * @returns what became of `last`.
 * @throws as {@link deliverEntry}, for `last` alone; the application is told of others that failed.
 */
export async function deliverUpTo(ctx: Context, account: string, last: string): Promise<Delivery> {
  const keys = await ctx.store.transaction((tx) => outboxKeys(tx, account));
  for (const key of keys.filter((earlier) => earlier < last)) {
    const earlier = await deliverOrTell(ctx, key);
    if (holdsUp(earlier)) return { status: 'queued', entry: null, repairs: [], reason: earlier?.reason ?? null };
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
    ctx.emit(sendFailed(entry, error.reason));
    return null;
  }
}
