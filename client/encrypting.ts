/**
 * Encrypting for an account: for each device that it certifies, on a session that is good.
 *
 * @spec 07-devices §4
 * Owns: which devices are written to, when a bundle is needed, the checks between manifest and bundle.
 * Must not know: what becomes of the envelopes.
 */
import { equalBytes } from '../protocol/bytes/bytes.ts';
import type { Wipeable } from '../protocol/bytes/secret.ts';
import { addressKey, type ProtocolAddress } from '../protocol/codec/address.ts';
import { decodePublicKey } from '../protocol/codec/keys.ts';
import type { ManifestDevice, SignedManifest } from '../protocol/codec/manifest.ts';
import { isProtocolError, ProtocolError } from '../protocol/errors.ts';
import type { PreKeyBundle } from '../protocol/handshake/bundle.ts';
import { encryptMessage, processBundle, sessionInfo } from '../protocol/session/session.ts';
import { type Context, isLocalFailure } from './context.ts';
import { currentManifest, deviceOf, fetchManifest } from './manifest-trust.ts';
import type { StoredMessage } from './records/mail.ts';
import { environment, getSession, putSession, wipeStepAfter } from './records/sessions.ts';
import { RelayError } from './relay/transport.ts';
import { isSpoiled } from './rollback.ts';
import type { StoreTransaction } from './store/store.ts';
import type { DeviceEvent } from './types.ts';

/** What was fetched from the relay for one operation: judged manifests, and bundles by address (null: no keys there). */
export interface Material {
  readonly manifests: Map<string, SignedManifest>;
  readonly bundles: Map<string, PreKeyBundle | null>;
  /** Own devices whose bundle could not be had, by address. */
  readonly failed: Set<string>;
}

export function noMaterial(): Material {
  return { manifests: new Map(), bundles: new Map(), failed: new Set() };
}

/** What an operation found missing; it has changed nothing and is tried again once {@link gather} has run. */
class Lacking extends Error {
  readonly accounts: readonly string[];
  readonly devices: readonly ProtocolAddress[];

  constructor(accounts: readonly string[], devices: readonly ProtocolAddress[]) {
    super('lacking manifests or bundles');
    this.accounts = accounts;
    this.devices = devices;
  }
}

/** The manifest to encrypt by. @throws {Lacking} where there is none yet. */
export function manifestFor(ctx: Context, tx: StoreTransaction, account: string, material: Material): SignedManifest {
  const manifest = currentManifest(tx, ctx.provider, account, material.manifests.get(account) ?? null);
  if (manifest === null) throw new Lacking([account], []);
  return manifest;
}

/** The devices of an account that this device writes to: all that the manifest holds, itself excepted (DEV-05). */
export function recipients(ctx: Context, signed: SignedManifest): ManifestDevice[] {
  const { account, devices } = signed.manifest;
  return devices.filter((device) => account !== ctx.self.account || device.deviceId !== ctx.self.deviceId);
}

/** Whether a message to a device must begin a new session. */
function needsBundle(ctx: Context, tx: StoreTransaction, remote: ProtocolAddress): boolean {
  const record = getSession(tx, ctx.provider, ctx.self, remote);
  const info = sessionInfo({ now: ctx.clock.now() }, record);
  // @req DEV-12
  const lost = info === null || !info.usable || !ctx.suites.includes(info.suite) || isSpoiled(tx, remote, record);
  // @req DEV-41
  return lost || ctx.stalls.isStalled(addressKey(remote));
}

/** Messages for some devices of an account, the secrets to wipe after commit, and what went wrong with own devices. */
export interface EncryptedFor {
  readonly messages: readonly StoredMessage[];
  readonly spent: readonly Wipeable[];
  readonly events: readonly DeviceEvent[];
  /** True where an own device was left out because it failed. */
  readonly partial: boolean;
}

/** What a fault of one own device means for a message: that this device gets no copy (DEV-60). */
function copyFailed(remote: ProtocolAddress, error: unknown): DeviceEvent {
  const known = isProtocolError(error) || error instanceof RelayError;
  // A damaged or forged record of one device must not keep the message from its recipient.
  if (!known || (isProtocolError(error) && isLocalFailure(error))) throw error;
  return { type: 'copyFailed', deviceId: remote.deviceId, reason: error.reason };
}

/**
 * Encrypts for the given devices of one account and stores the sessions. Devices in `renew` get a new session in any case;
 * a device without keys on the relay is left out: the relay names it once it has some. A device of the own account that fails is left
 * out and told of (DEV-60).
 *
 * @throws {Lacking} before anything is encrypted; whatever `processBundle` and `encryptMessage` refuse.
 */
export function encryptFor(
  ctx: Context,
  tx: StoreTransaction,
  to: { readonly account: string; readonly devices: readonly ManifestDevice[]; readonly renew?: readonly number[] },
  plaintext: Uint8Array,
  material: Material,
): EncryptedFor {
  const events: DeviceEvent[] = [];
  const own = to.account === ctx.self.account;
  const alone = <T>(remote: ProtocolAddress, work: () => T): T | null => {
    if (!own) return work();
    try {
      return work();
    } catch (error) {
      events.push(copyFailed(remote, error));
      return null;
    }
  };
  const plan = to.devices.flatMap((device) => {
    const remote = { name: to.account, deviceId: device.deviceId };
    const renew = to.renew?.includes(device.deviceId) ?? false;
    const begin = alone(remote, () => renew || needsBundle(ctx, tx, remote));
    return begin === null ? [] : [{ device, remote, begin }];
  });
  const lacking = plan.filter(({ begin, remote }) => begin && !material.bundles.has(addressKey(remote)));
  if (lacking.length > 0)
    throw new Lacking(
      [],
      lacking.map(({ remote }) => remote),
    );
  const messages: StoredMessage[] = [];
  const spent: Wipeable[] = [];
  for (const { device, remote, begin } of plan) {
    const bundle = material.bundles.get(addressKey(remote)) ?? null;
    if (begin && bundle === null) continue;
    const step = alone(remote, () => encryptOne(ctx, tx, { remote, device }, begin ? bundle : null, plaintext));
    if (step === null) continue;
    messages.push(step.message);
    spent.push(...step.spent);
  }
  const partial = events.length > 0 || plan.some(({ remote }) => material.failed.has(addressKey(remote)));
  return { messages, spent, events, partial };
}

function encryptOne(
  ctx: Context,
  tx: StoreTransaction,
  { remote, device }: { remote: ProtocolAddress; device: ManifestDevice },
  bundle: PreKeyBundle | null,
  plaintext: Uint8Array,
): { message: StoredMessage; spent: readonly Wipeable[] } {
  const env = environment(ctx, ctx.self, remote, device);
  const { deviceId, registrationId } = device;
  const stored = getSession(tx, ctx.provider, ctx.self, remote);
  // What the account certified takes precedence over what the relay says of the same device.
  const begun = bundle === null ? null : processBundle(env, stored, { ...bundle, deviceId, registrationId });
  if (begun !== null) {
    wipeStepAfter(tx, begun);
    ctx.stalls.clear(addressKey(remote));
  }
  const sealed = encryptMessage(env, begun?.record ?? stored, plaintext);
  wipeStepAfter(tx, sealed);
  putSession(tx, ctx.provider, ctx.self, remote, sealed.record);
  const { type, body, protection, pqEpoch } = sealed;
  const { identityKey } = device;
  const message: StoredMessage = { deviceId, registrationId, identityKey, type, body, protection, pqEpoch };
  return { message, spent: [...(begun?.spent ?? []), ...sealed.spent] };
}

async function addManifest(ctx: Context, account: string, material: Material): Promise<SignedManifest> {
  const manifest = await fetchManifest(ctx, account);
  if (manifest === null) throw new ProtocolError('InvalidArgument', 'state', 'unknown-account', 'account');
  material.manifests.set(account, manifest);
  return manifest;
}

/** Fetches a bundle; where it names another identity than the manifest known, the manifest as well, once. */
async function addBundle(ctx: Context, remote: ProtocolAddress, material: Material): Promise<void> {
  const { name: account, deviceId } = remote;
  const bundle = await ctx.relay.takeBundle(account, deviceId);
  material.bundles.set(addressKey(remote), bundle);
  if (bundle === null || material.manifests.has(account)) return;
  const known = await ctx.store.transaction((tx) => currentManifest(tx, ctx.provider, account, null));
  const certified = deviceOf(known?.manifest, deviceId)?.identityKey;
  const offered = decodePublicKey(bundle.identityKey, 'identityKey');
  // @req DEV-07
  if (certified === undefined || !equalBytes(certified, offered)) await addManifest(ctx, account, material);
}

/** Fetches what an operation found missing. */
async function gather(ctx: Context, lacking: Lacking, material: Material): Promise<void> {
  await Promise.all(lacking.accounts.map((account) => addManifest(ctx, account, material)));
  await Promise.all(
    lacking.devices.map(async (remote) => {
      try {
        await addBundle(ctx, remote, material);
      } catch (error) {
        if (remote.name !== ctx.self.account) throw error;
        // @req DEV-60
        ctx.emit(copyFailed(remote, error));
        material.bundles.set(addressKey(remote), null);
        material.failed.add(addressKey(remote));
      }
    }),
  );
}

/** Rounds of fetching before an operation gives up: each round follows a change by somebody else in between. */
const MAX_ROUNDS = 6;

/** Runs an operation until nothing is lacking. What it throws while something is lacking must have changed nothing. */
export async function withMaterial<T>(ctx: Context, material: Material, operation: () => Promise<T>): Promise<T> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof Lacking)) throw error;
      await gather(ctx, error, material);
    }
  }
  throw new ProtocolError('InvalidState', 'state', 'devices-keep-changing');
}
