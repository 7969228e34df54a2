/**
 * Messages that could not be decrypted: asking for them again, and sending them again.
 *
 * @spec 07-devices §9
 * Owns: when either is done, and how often. Must not know: how a message got lost. A request is not authenticated beyond the relay's
 * word for its source, so it may cause no more than a repetition to a device that was to have the message.
 */
import { equalBytes } from '../protocol/bytes/bytes.ts';
import type { Wipeable } from '../protocol/bytes/secret.ts';
import {
  decryptionErrorFor,
  encodePlaintextContent,
  parsePlaintextContent,
} from '../protocol/codec/decryption-error.ts';
import type { ManifestDevice } from '../protocol/codec/manifest.ts';
import { checkedRandom } from '../protocol/crypto/random.ts';
import { isProtocolError, ProtocolError } from '../protocol/errors.ts';
import { concernsCurrentSession } from '../protocol/session/session.ts';
import { encodeContent } from './content.ts';
import { type Context, changeByStep } from './context.ts';
import { encryptFor, type Material, manifestFor, noMaterial, withMaterial } from './encrypting.ts';
import { currentManifest, deviceOf, saveManifest } from './manifest-trust.ts';
import { addOutbox, SEND_ID_BYTES } from './records/mail.ts';
import { findSent, putSent, type SentRecord } from './records/sent-log.ts';
import { getSession } from './records/sessions.ts';
import { type Envelope, RelayError } from './relay/transport.ts';
import type { StoreTransaction } from './store/store.ts';
import type { DeviceEvent } from './types.ts';

/** How often one message goes to one device again. */
const MAX_RESENDS = 3;

/** True for refusals that a new session may cure. */
function isWorthAsking(error: ProtocolError): boolean {
  return error.code === 'NoSession' || (error.code === 'InvalidMessage' && error.stage !== 'policy');
}

/** The device that a message came from; null where no manifest known here certifies it: strangers get no answer. */
function sourceDevice(ctx: Context, { sourceAccount, sourceDevice }: Envelope): Promise<ManifestDevice | null> {
  return ctx.store.transaction((tx) => {
    const known = currentManifest(tx, ctx.provider, sourceAccount, null);
    return deviceOf(known?.manifest, sourceDevice);
  });
}

/**
 * Tells the sender that a message could not be decrypted, once, as well as it goes: what gets lost here stays lost. Nothing is
 * stored, and nothing that the attempt meets is an error of the message.
 */
export async function requestAgain(ctx: Context, envelope: Envelope, error: ProtocolError): Promise<void> {
  const { sourceAccount: account, sourceDevice: deviceId, type, body, timestamp } = envelope;
  // @req DEV-43
  if (type === 'plaintext' || !isWorthAsking(error)) return;
  if (!ctx.resendRequests.take(`${account}.${deviceId}`, ctx.clock.now())) return;
  try {
    const failed = decryptionErrorFor({ type, body }, timestamp, deviceId);
    const source = await sourceDevice(ctx, envelope);
    if (source === null) return;
    await ctx.relay.send(account, {
      sendId: checkedRandom(ctx.random)(SEND_ID_BYTES),
      // Nobody has a use for it, and it would tell this device's clock.
      timestamp: 0,
      partial: true,
      messages: [
        { deviceId, registrationId: source.registrationId, type: 'plaintext', body: encodePlaintextContent(failed) },
      ],
    });
    ctx.emit({ type: 'resendRequested', account, deviceId });
  } catch (problem) {
    if (!isProtocolError(problem) && !(problem instanceof RelayError)) throw problem;
  }
}

function refuse(reason: string): ProtocolError {
  return new ProtocolError('NotAllowed', 'policy', reason, 'timestamp');
}

/** The entries that a device may have again. @throws {ProtocolError} `NotAllowed`: `not-an-addressee`, `resend-limit`. */
function entitled(entries: readonly SentRecord[], device: ManifestDevice): readonly SentRecord[] {
  const addressed = entries.filter(({ addressees }) =>
    addressees.some(
      ({ deviceId, registrationId, identityKey }) =>
        deviceId === device.deviceId &&
        registrationId === device.registrationId &&
        equalBytes(identityKey, device.identityKey),
    ),
  );
  // @req DEV-44
  if (addressed.length === 0) throw refuse('not-an-addressee');
  const left = addressed.filter(({ addressees }) =>
    addressees.some(({ deviceId, again }) => deviceId === device.deviceId && again < MAX_RESENDS),
  );
  if (left.length === 0) throw refuse('resend-limit');
  return left;
}

interface Repetition {
  readonly count: number;
  readonly events: readonly DeviceEvent[];
  readonly spent: readonly Wipeable[];
}

function repeat(
  ctx: Context,
  tx: StoreTransaction,
  envelope: Envelope,
  material: Material,
  mayRenew: () => boolean,
): Repetition {
  const { provider } = ctx;
  const { sourceAccount: account, sourceDevice: deviceId, body } = envelope;
  const error = parsePlaintextContent(body);
  if (error.deviceId !== ctx.self.deviceId) throw refuse('not-an-addressee');
  const tooOld = error.timestamp < ctx.clock.now() - ctx.limits.resendAge;
  const entries = tooOld ? [] : findSent(tx, provider, account, error.timestamp);
  if (entries.length === 0) throw refuse('not-an-addressee');
  // @req DEV-45
  const signed = manifestFor(ctx, tx, account, material);
  const device = deviceOf(signed.manifest, deviceId);
  if (device === null) throw refuse('not-an-addressee');
  const left = entitled(entries, device);
  const events = material.manifests.has(account) ? saveManifest(tx, provider, signed) : [];
  const broken =
    concernsCurrentSession(getSession(tx, provider, ctx.self, { name: account, deviceId }), error) && mayRenew();
  const spent: Wipeable[] = [];
  const failed: DeviceEvent[] = [];
  for (const [i, entry] of left.entries()) {
    // The first repetition leaves the session that failed; the others follow it.
    const to = { account, devices: [device], renew: broken && i === 0 ? [deviceId] : [] };
    const step = encryptFor(ctx, tx, to, encodeContent(entry.content), material);
    spent.push(...step.spent);
    failed.push(...step.events);
    if (step.messages.length === 0) throw new ProtocolError('NoSession', 'state', 'no-device-with-keys', 'account');
    const sendId = checkedRandom(ctx.random)(SEND_ID_BYTES);
    addOutbox(tx, provider, {
      account,
      sendId,
      again: true,
      partial: true,
      attempts: 0,
      content: entry.content,
      messages: step.messages,
    });
    const addressees = entry.addressees.map((one) =>
      one.deviceId === deviceId ? { ...one, again: one.again + 1 } : one,
    );
    putSent(tx, provider, { ...entry, addressees });
  }
  return { count: left.length, events: [...events, ...failed], spent };
}

/**
 * Takes a decryption error in: queues the message for that device again, on a new session where the error concerns the present one.
 * @returns how many messages were queued.
 * @throws {ProtocolError} `InvalidMessage` as `parsePlaintextContent`; `NotAllowed`: `not-an-addressee`, `resend-limit`;
 * `UntrustedIdentity` where the account's key changed: nobody gets anything again before that was decided (STATE-12).
 */
export async function sendAgain(ctx: Context, envelope: Envelope): Promise<number> {
  const material = noMaterial();
  let allowed: boolean | null = null;
  // Asked once, however often the operation is tried.
  // @req DEV-65
  const mayRenew = (): boolean => {
    allowed ??= ctx.renewals.take(`${envelope.sourceAccount}.${envelope.sourceDevice}`, ctx.clock.now());
    return allowed;
  };
  const operation = () => changeByStep(ctx, (tx) => repeat(ctx, tx, envelope, material, mayRenew));
  const { count, events } = await withMaterial(ctx, material, operation);
  for (const event of events) ctx.emit(event);
  const { sourceAccount: account, sourceDevice: deviceId } = envelope;
  ctx.emit({ type: 'sentAgain', account, deviceId, messages: count });
  return count;
}
