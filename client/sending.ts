/**
 * Sending: one transaction that encrypts for everybody and fills the outbox, then delivery.
 *
 * @spec 07-devices §4, §5
 * Owns: who gets a message and who a copy, what `send` promises. Must not know: how deliveries are repaired.
 */
import { toHex } from '../protocol/bytes/bytes.ts';
import type { Wipeable } from '../protocol/bytes/secret.ts';
import { checkedRandom } from '../protocol/crypto/random.ts';
import { isProtocolError, ProtocolError } from '../protocol/errors.ts';
import { bodyOf, type Content, encodeContent, MESSAGE_ID_BYTES } from './content.ts';
import { type Context, changeByStep, isLocalFailure } from './context.ts';
import { type Delivery, deliverOrTell, deliverUpTo, dropEntries, holdsUp } from './delivering.ts';
import { encryptFor, type Material, manifestFor, noMaterial, recipients, withMaterial } from './encrypting.ts';
import { canonicalAccount, saveManifest } from './manifest-trust.ts';
import type { KeyedQueue } from './queue.ts';
import { addOutbox, type OutboxEntry, outboxKeys, SEND_ID_BYTES } from './records/mail.ts';
import type { StoreTransaction } from './store/store.ts';
import type { DeviceEvent, SendResult, SentEnvelope } from './types.ts';

interface Target {
  readonly account: string;
  readonly content: Content;
}

interface Prepared {
  readonly entries: readonly OutboxEntry[];
  readonly events: readonly DeviceEvent[];
  readonly spent: readonly Wipeable[];
}

/** The recipient's devices, then the sender's other ones; a message to the own account is a copy for all of them. */
function targetsOf(ctx: Context, account: string, content: Content): Target[] {
  const copy: Target = { account: ctx.self.account, content: { ...content, sentTo: account } };
  return account === ctx.self.account ? [copy] : [{ account, content }, copy];
}

/** True for what goes to the own devices beside a message to somebody else. */
function isCopy(ctx: Context, { sentTo }: Content): boolean {
  return sentTo !== null && sentTo !== ctx.self.account;
}

const OUTBOX_FULL: DeviceEvent = { type: 'copyFailed', deviceId: null, reason: 'outbox-full' };

function prepareOne(
  ctx: Context,
  tx: StoreTransaction,
  target: Target,
  sendId: Uint8Array,
  material: Material,
): Prepared {
  const { account, content } = target;
  const { provider } = ctx;
  if (outboxKeys(tx, account).length >= ctx.limits.outboxKept) {
    // An own device that takes nothing, for whatever reason, must not silence this one.
    // @req DEV-60
    if (isCopy(ctx, content)) return { entries: [], events: [OUTBOX_FULL], spent: [] };
    throw new ProtocolError('NotAllowed', 'policy', 'outbox-full', 'account');
  }
  const signed = manifestFor(ctx, tx, account, material);
  // First: it deletes sessions whose identity keys the manifest no longer certifies.
  const changes = material.manifests.has(account) ? saveManifest(tx, provider, signed) : [];
  const to = { account, devices: recipients(ctx, signed) };
  const { messages, spent, partial, events: failed } = encryptFor(ctx, tx, to, encodeContent(content), material);
  if (messages.length === 0 && account !== ctx.self.account) {
    throw new ProtocolError('NoSession', 'state', 'no-device-with-keys', 'account');
  }
  const entries =
    messages.length === 0
      ? []
      : [addOutbox(tx, provider, { account, sendId, again: false, partial, attempts: 0, content, messages })];
  return { entries, events: [...changes, ...failed], spent };
}

/** Encrypts for all targets and stores sessions, manifests and outbox entries: all of it or, on any refusal, nothing. */
async function prepare(ctx: Context, targets: readonly Target[]): Promise<Prepared> {
  const material = noMaterial();
  const random = checkedRandom(ctx.random);
  const work = targets.map((target) => ({ target, sendId: random(SEND_ID_BYTES) }));
  // @req DEV-13
  const operation = () =>
    changeByStep(ctx, (tx): Prepared => {
      const parts = work.map(({ target, sendId }) => prepareOne(ctx, tx, target, sendId, material));
      return {
        entries: parts.flatMap(({ entries }) => entries),
        events: parts.flatMap(({ events }) => events),
        spent: parts.flatMap(({ spent }) => spent),
      };
    });
  const prepared = await withMaterial(ctx, material, operation);
  for (const event of prepared.events) ctx.emit(event);
  return prepared;
}

function envelopesOf(entry: OutboxEntry | null): SentEnvelope[] {
  if (entry === null) return [];
  const { account, messages } = entry;
  return messages.map(({ deviceId, type, body, protection, pqEpoch }) => {
    return { account, deviceId, type, bytes: body.length, protection, pqEpoch };
  });
}

/** Copies to the own devices fail alone: the message has gone out. */
async function deliverCopy(ctx: Context, queue: KeyedQueue, entry: OutboxEntry): Promise<Delivery> {
  const delivery = await queue.run(`deliver ${entry.account}`, () => deliverOrTell(ctx, entry.key));
  return delivery ?? { status: 'sent', entry: null, repairs: [], reason: null };
}

/** Delivers an entry that the caller waits for; learns of a refusal even where somebody else's flush met it. */
async function deliverAwaited(ctx: Context, queue: KeyedQueue, entry: OutboxEntry): Promise<Delivery> {
  ctx.awaited.set(entry.key, null);
  try {
    return await queue.run(`deliver ${entry.account}`, () => deliverUpTo(ctx, entry.account, entry.key));
  } finally {
    ctx.awaited.delete(entry.key);
  }
}

async function deliverAll(ctx: Context, queue: KeyedQueue, entries: readonly OutboxEntry[]): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  for (const entry of entries) {
    if (entry.content.sentTo !== null) {
      // A copy says that the message went out.
      const before = deliveries.find(({ status }) => status === 'queued');
      deliveries.push(before === undefined ? await deliverCopy(ctx, queue, entry) : { ...before, entry, repairs: [] });
      continue;
    }
    try {
      const delivery = await deliverAwaited(ctx, queue, entry);
      deliveries.push({ ...delivery, entry: delivery.entry ?? entry });
    } catch (error) {
      // Refused for good: the own devices must not show it as sent.
      if (isProtocolError(error) && isLocalFailure(error)) throw error;
      await dropEntries(
        ctx,
        entries.map(({ key }) => key),
      );
      throw error;
    }
  }
  return deliveries;
}

/**
 * Sends to every device of an account, and a copy to this account's other devices.
 * @throws {ProtocolError} with nothing stored or sent: `InvalidArgument` (`not-a-uuid`, `unknown-account`, `too-long`,
 * `bad-utf8`), `UntrustedIdentity`, `NotAllowed` (`no-kem-prekey`, `outbox-full`), `NoSession`/`no-device-with-keys`,
 * `InvalidKey`, `InvalidSignature`, `InvalidState`; {@link RelayError} where the relay does not give what is lacking, or
 * refuses the message for good.
 */
export async function send(
  ctx: Context,
  queue: KeyedQueue,
  to: string,
  value: string | Uint8Array,
): Promise<SendResult> {
  const account = canonicalAccount(to);
  const messageId = checkedRandom(ctx.random)(MESSAGE_ID_BYTES);
  const content: Content = { ...bodyOf(value), messageId, sentAt: ctx.nextSentAt(), sentTo: null };
  const { entries } = await queue.run(`prepare ${account}`, () => prepare(ctx, targetsOf(ctx, account, content)));
  const deliveries = await deliverAll(ctx, queue, entries);
  // The first is the message; copies wait by themselves.
  const message = deliveries[0];
  return {
    messageId: toHex(messageId),
    status: message?.status ?? 'sent',
    envelopes: deliveries.flatMap(({ entry, status }) => (status === 'sent' ? envelopesOf(entry) : [])),
    repairs: deliveries.flatMap(({ repairs }) => repairs),
    reason: message?.reason ?? null,
  };
}

/** Delivers whatever waits in the outbox, in order for each account. @returns how many entries still wait. */
export async function flush(ctx: Context, queue: KeyedQueue): Promise<number> {
  const keys = await ctx.store.transaction((tx) => outboxKeys(tx));
  const accounts = new Set(keys.map((key) => key.slice(0, key.indexOf('/'))));
  const deliver = (account: string) =>
    queue.run(`deliver ${account}`, async () => {
      for (const key of keys.filter((candidate) => candidate.startsWith(`${account}/`))) {
        if (holdsUp(await deliverOrTell(ctx, key))) return;
      }
    });
  const own = ctx.self.account;
  await Promise.all([...accounts].filter((account) => account !== own).map(deliver));
  // Copies last: one whose message still waits, waits with it.
  if (accounts.has(own)) await deliver(own);
  return ctx.store.transaction((tx) => outboxKeys(tx).length);
}
