/**
 * Receiving: from an envelope to the inbox, in one transaction.
 *
 * @spec 07-devices §4, §8
 * Owns: the order of checks on an envelope, what a refused one leaves behind (nothing), what may be acknowledged.
 * Must not know: how envelopes arrive.
 */

import { ByteWriter } from '../protocol/bytes/cursor.ts';
import type { Wipeable } from '../protocol/bytes/secret.ts';
import { isDeviceId, isUuid, type ProtocolAddress } from '../protocol/codec/address.ts';
import type { SignedManifest } from '../protocol/codec/manifest.ts';
import { ENVELOPE_TYPES } from '../protocol/codec/relay-api.ts';
import { isProtocolError, ProtocolError } from '../protocol/errors.ts';
import type {
  Decrypted,
  DecryptedPreKey,
  PreKeyLookup,
  SessionEnvironment,
  UsedPreKeys,
} from '../protocol/session/session.ts';
import { decryptMessage, decryptPreKeyMessage, isBraidFailure } from '../protocol/session/session.ts';
import { type Content, decodeContent } from './content.ts';
import { type Context, changeByStep, isLocalFailure, readWitnessed } from './context.ts';
import { currentManifest, deviceOf, fetchManifest, saveManifest } from './manifest-trust.ts';
import { addInbox } from './records/mail.ts';
import { consumePreKeys, countSharedSessions, preKeyLookup, setSharedSessions } from './records/prekeys.ts';
import { noteRead, wasRead } from './records/read-messages.ts';
import { getRecord, putRecord } from './records/sealed.ts';
import { environment, getSession, putSession, wipeStepAfter } from './records/sessions.ts';
import { type Envelope, isTransient, RelayError } from './relay/transport.ts';
import { requestAgain, sendAgain } from './resending.ts';
import type { StoreTransaction } from './store/store.ts';
import { type Bucket, takeToken } from './token-bucket.ts';
import type { DeviceEvent, Receipt } from './types.ts';

const RATES = 'session-rate';

interface Opened {
  /** Null for a message that was read before: its session moves on, the application is not told. */
  readonly id: string | null;
  readonly events: readonly DeviceEvent[];
  readonly spent: readonly Wipeable[];
}

function checkEnvelope(ctx: Context, envelope: Envelope): void {
  const refuse = (reason: string, field: string) => new ProtocolError('InvalidMessage', 'parse', reason, field);
  const { sourceAccount: account, sourceDevice: deviceId, type } = envelope;
  if (typeof account !== 'string' || !isUuid(account) || account !== account.toLowerCase()) {
    throw refuse('not-a-uuid', 'sourceAccount');
  }
  if (!isDeviceId(deviceId)) throw refuse('bad-device-id', 'sourceDevice');
  if (account === ctx.self.account && deviceId === ctx.self.deviceId) throw refuse('message-from-self', 'sourceDevice');
  if (!ENVELOPE_TYPES.includes(type)) throw refuse('unknown-type', 'type');
}

function getBucket(tx: StoreTransaction, ctx: Context, peer: string): Bucket | null {
  const input = getRecord(tx, ctx.provider, RATES, peer);
  return input === null ? null : { tokens: input.u32(), at: input.u53() };
}

/** The prekeys, behind a gate that counts: it is asked for a signed prekey only where a new session would begin. */
function gatedLookup(tx: StoreTransaction, ctx: Context, peer: string): PreKeyLookup & { bucket: () => Bucket | null } {
  const lookup = preKeyLookup(tx, ctx.provider);
  let taken: Bucket | null = null;
  const signedPreKey = (id: number) => {
    const { sessionBurst, sessionInterval } = ctx.limits;
    taken = takeToken(getBucket(tx, ctx, peer), ctx.clock.now(), sessionBurst, sessionInterval);
    // @req DEV-23
    if (taken === null) throw new ProtocolError('NotAllowed', 'policy', 'session-rate-limited');
    return lookup.signedPreKey(id);
  };
  return { ...lookup, signedPreKey, bucket: () => taken };
}

/** Takes the prekeys that a session consumed, counts it where others may have had them too, and says so. */
function noteSharedKeys(ctx: Context, tx: StoreTransaction, remote: ProtocolAddress, used: UsedPreKeys): DeviceEvent[] {
  const shared = consumePreKeys(tx, used);
  if (!shared.noOneTimeKey && !shared.lastResortKem) return [];
  // @req DEV-46
  setSharedSessions(tx, ctx.provider, countSharedSessions(tx, ctx.provider) + 1);
  return [{ type: 'sharedKeySession', account: remote.name, deviceId: remote.deviceId, ...shared }];
}

/** A prekey message; the prekeys it consumed go in the same transaction. */
function openPreKey(
  ctx: Context,
  tx: StoreTransaction,
  env: SessionEnvironment,
  { body, peer }: { readonly body: Uint8Array; readonly peer: string },
): DecryptedPreKey & { readonly events: readonly DeviceEvent[] } {
  const lookup = gatedLookup(tx, ctx, peer);
  const record = getSession(tx, ctx.provider, ctx.self, env.remote);
  const opened = decryptPreKeyMessage(env, record, body, lookup);
  const bucket = lookup.bucket();
  const events = opened.used === null ? [] : noteSharedKeys(ctx, tx, env.remote, opened.used);
  if (opened.used !== null && bucket !== null) {
    const stored = new ByteWriter().u32(bucket.tokens).u53(bucket.at).finish();
    putRecord(tx, ctx.provider, RATES, peer, stored);
  }
  return { ...opened, events };
}

/** A copy of a sent message comes from the own account, and from nowhere else. */
function checkContent(ctx: Context, envelope: Envelope, content: Content): void {
  const own = envelope.sourceAccount === ctx.self.account;
  // @req DEV-11
  if (own !== (content.sentTo !== null)) {
    throw new ProtocolError(
      'InvalidMessage',
      'policy',
      own ? 'copy-without-recipient' : 'copy-from-stranger',
      'sentTo',
    );
  }
}

function open(ctx: Context, tx: StoreTransaction, envelope: Envelope, candidate: SignedManifest | null): Opened {
  const { sourceAccount: name, sourceDevice: deviceId, body } = envelope;
  const remote = { name, deviceId };
  const signed = currentManifest(tx, ctx.provider, name, candidate);
  const env = environment(ctx, ctx.self, remote, deviceOf(signed?.manifest, deviceId));
  const peer = `${name}.${deviceId}`;
  const opened: Decrypted & { readonly events: readonly DeviceEvent[] } =
    envelope.type === 'prekey'
      ? openPreKey(ctx, tx, env, { body, peer })
      : { ...decryptMessage(env, getSession(tx, ctx.provider, ctx.self, remote), body), events: [] };
  wipeStepAfter(tx, opened);
  const content = decodeContent(opened.plaintext);
  checkContent(ctx, envelope, content);
  const changes = candidate !== null && signed !== null ? saveManifest(tx, ctx.provider, signed) : [];
  const { damage, protection, pqEpoch } = opened;
  // @req SES-20
  const damaged: DeviceEvent[] = damage === null ? [] : [{ type: 'recordDamaged', peer, reason: damage.reason }];
  // @req DEV-54
  const old: DeviceEvent[] = opened.resurrected ? [{ type: 'oldSessionUsed', account: name, deviceId }] : [];
  const events = [...damaged, ...old, ...changes, ...opened.events];
  putSession(tx, ctx.provider, ctx.self, remote, opened.record);
  const at = { sourceAccount: name, sourceDevice: deviceId, receivedAt: ctx.clock.now() };
  const received = { ...at, protection, pqEpoch, content };
  // @req DEV-47
  if (wasRead(tx, name, content.messageId)) return { id: null, events, spent: opened.spent };
  noteRead(tx, ctx.provider, name, content.messageId);
  return { id: addInbox(tx, ctx.provider, received), events, spent: opened.spent };
}

async function attempt(ctx: Context, envelope: Envelope, candidate: SignedManifest | null): Promise<Receipt> {
  // @req DEV-10
  const { id, events } = await changeByStep(ctx, (tx) => open(ctx, tx, envelope, candidate));
  ctx.stalls.clear(`${envelope.sourceAccount}.${envelope.sourceDevice}`);
  for (const event of events) ctx.emit(event);
  if (id === null) {
    ctx.failures.duplicate(`${envelope.sourceAccount}.${envelope.sourceDevice}`);
    return { status: 'duplicate' };
  }
  ctx.emit({ type: 'message', id });
  return { status: 'delivered', id };
}

/** Manifests kept in memory for accounts that only refused messages have come from. */
const MAX_CANDIDATES = 100;

/** Opens an envelope; where its identity is not certified by the manifest known, asks for a newer manifest, once. */
async function openOrRefetch(ctx: Context, envelope: Envelope): Promise<Receipt> {
  const account = envelope.sourceAccount;
  const opened = async (candidate: SignedManifest | null): Promise<Receipt> => {
    const receipt = await attempt(ctx, envelope, candidate);
    ctx.candidates.delete(account);
    return receipt;
  };
  try {
    return await opened(ctx.candidates.get(account) ?? null);
  } catch (error) {
    // A plain message gets here only once it has decrypted: its manifest was forgotten with a replaced pin.
    const worthAsking = isProtocolError(error, 'UntrustedIdentity');
    if (!worthAsking || !ctx.manifestRequests.take(account, ctx.clock.now())) throw error;
    ctx.candidates.delete(account);
    const candidate = await refetch(ctx, account);
    // @req DEV-07
    if (candidate === null) throw error;
    const oldest = ctx.candidates.size < MAX_CANDIDATES ? undefined : ctx.candidates.keys().next().value;
    if (oldest !== undefined) ctx.candidates.delete(oldest);
    ctx.candidates.set(account, candidate);
    return opened(candidate);
  }
}

async function refetch(ctx: Context, account: string): Promise<SignedManifest | null> {
  try {
    return await fetchManifest(ctx, account);
  } catch (error) {
    if (error instanceof RelayError && !isTransient(error)) return null;
    throw error;
  }
}

async function takeIn(ctx: Context, envelope: Envelope): Promise<Receipt> {
  if (envelope.type !== 'plaintext') return openOrRefetch(ctx, envelope);
  return { status: 'sentAgain', messages: await sendAgain(ctx, envelope) };
}

function tellRefusal(ctx: Context, envelope: Envelope, error: ProtocolError): void {
  const { sourceAccount: account, sourceDevice: deviceId } = envelope;
  const peer = `${account}.${deviceId}`;
  ctx.failures.refuse(peer, error);
  if (isBraidFailure(error) && ctx.stalls.failed(peer)) ctx.emit({ type: 'sessionStalled', account, deviceId });
  if (error.code === 'UntrustedIdentity' && error.reason !== 'account-key-changed') {
    ctx.emit({ type: 'identityChanged', account, deviceId });
  } else if (error.reason === 'session-rate-limited') ctx.emit({ type: 'sessionRateLimited', peer });
  else if (error.code === 'InvalidState') ctx.emit({ type: 'recordDamaged', peer, reason: error.reason });
}

/** True where the key of a message was used: only a message that was read before can name such a key. */
function isRepetition(error: ProtocolError): boolean {
  return error.code === 'DuplicateMessage' || error.reason === 'pq-key-used';
}

/**
 * Takes an envelope in. Whatever the receipt says, the envelope may be acknowledged: its plaintext is in the inbox, or it
 * will never be readable. What is refused has changed nothing.
 *
 * @throws {ProtocolError} `InvalidState` of the store, the witness or the source of randomness, {@link RelayError} that may pass: to be tried again.
 */
export async function receive(ctx: Context, envelope: Envelope): Promise<Receipt> {
  try {
    checkEnvelope(ctx, envelope);
    const receipt = await takeIn(ctx, envelope);
    await readWitnessed(ctx, () => undefined);
    return receipt;
  } catch (error) {
    if (!isProtocolError(error) || isLocalFailure(error)) throw error;
    if (!isRepetition(error)) {
      tellRefusal(ctx, envelope, error);
      await requestAgain(ctx, envelope, error);
      return { status: 'refused', error };
    }
    // Nothing authenticates a duplicate: it is acknowledged like every refused envelope, and proves nothing of its peer.
    ctx.failures.duplicate(`${envelope.sourceAccount}.${envelope.sourceDevice}`);
    await readWitnessed(ctx, () => undefined);
    return { status: 'duplicate' };
  }
}
