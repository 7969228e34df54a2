/**
 * How a device comes to be: as the primary of a new account, or linked to one.
 *
 * @spec 07-devices §2
 * Owns: making a device's keys, registering, accepting a link. Must not know: messages. No private key leaves the device:
 * the account's stays on the primary, each device's on that device.
 */
import { equalBytes } from '../protocol/bytes/bytes.ts';
import type { ManifestDevice, SignedManifest } from '../protocol/codec/manifest.ts';
import {
  encodeSignedManifest,
  PRIMARY_DEVICE_ID,
  parseSignedManifest,
  verifyManifest,
} from '../protocol/codec/manifest.ts';
import type { RandomSource } from '../protocol/crypto/provider.ts';
import { checkedRandom } from '../protocol/crypto/random.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { MAX_REGISTRATION_ID } from '../protocol/limits.ts';
import { type Context, commit, type Surroundings } from './context.ts';
import { canonicalAccount, getManifest, saveManifest } from './manifest-trust.ts';
import { decodeOffer, encodeOffer } from './offers.ts';
import { firstManifest } from './own-manifest.ts';
import { makeKeys, markPublished, NO_KEYS } from './prekeys.ts';
import { getSelf, putSelf, type Self } from './records/self.ts';
import { type KeyUpload, RelayError } from './relay/transport.ts';

/** Draws in which a working source gives another id than 0, which is one of 2^14. */
const MAX_DRAWS = 100;

/** A registration id, evenly drawn: 1 to 0x3FFF. @throws {ProtocolError} `InvalidState`/`randomness-failed`. */
function drawRegistrationId(random: RandomSource): number {
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const [high = 0, low = 0] = random(2);
    const id = ((high << 8) | low) & MAX_REGISTRATION_ID;
    if (id !== 0) return id;
  }
  // @req DEV-53
  throw new ProtocolError('InvalidState', 'state', 'randomness-failed');
}

function newSelf(around: Surroundings, name: string): Self {
  const random = checkedRandom(around.random);
  return {
    account: '',
    deviceId: 0,
    registrationId: drawRegistrationId(around.random),
    name,
    identity: around.provider.x25519Generate(random),
    authKey: around.provider.ed25519Generate(random),
    accountKey: null,
    registered: false,
  };
}

function describe(self: Self): ManifestDevice {
  const { deviceId, registrationId, identity, authKey, name } = self;
  return { deviceId, registrationId, identityKey: identity.publicKey, authKey: authKey.publicKey, name };
}

/**
 * Makes the primary device of a new account, in the store alone; {@link finishRegistration} tells the relay.
 * @throws {ProtocolError} `InvalidArgument`: `not-a-uuid`, `bad-device-name`; `NotAllowed`/`store-in-use`.
 */
export async function createPrimary(around: Surroundings, account: string, name: string): Promise<Self> {
  const accountKey = around.provider.x25519Generate(checkedRandom(around.random));
  const self: Self = {
    ...newSelf(around, name),
    account: canonicalAccount(account),
    deviceId: PRIMARY_DEVICE_ID,
    accountKey,
  };
  const manifest = firstManifest(around, accountKey, self.account, describe(self));
  await commit(around, (tx) => {
    if (getSelf(tx, around.provider) !== null) throw new ProtocolError('NotAllowed', 'state', 'store-in-use', 'store');
    putSelf(tx, around.provider, self);
    saveManifest(tx, around.provider, manifest);
    makeKeys(around, self, tx, NO_KEYS, {});
  });
  return self;
}

async function register(ctx: Context, manifest: SignedManifest, keys: KeyUpload): Promise<void> {
  const encoded = encodeSignedManifest(manifest);
  try {
    await ctx.relay.register(encoded, keys);
  } catch (error) {
    if (!(error instanceof RelayError) || error.status !== 409) throw error;
    // An earlier attempt may have arrived without our learning of it.
    const published = await ctx.relay.fetchManifest(ctx.self.account);
    if (published === null || !equalBytes(published, encoded)) throw error;
  }
}

/**
 * Registers a primary that the relay does not know yet.
 * @throws {RelayError} 409 where the account is taken.
 */
export async function finishRegistration(ctx: Context): Promise<void> {
  const { provider, store } = ctx;
  const self = await store.transaction((tx) => getSelf(tx, provider));
  if (self === null || self.registered) return;
  const { manifest, keys } = await commit(ctx, (tx) => {
    const { fresh, repeated } = makeKeys(ctx, self, tx, NO_KEYS, {});
    return { manifest: getManifest(tx, provider, self.account), keys: { ...fresh, ...repeated } };
  });
  if (manifest === null) throw new ProtocolError('InvalidState', 'state', 'no-own-manifest');
  await register(ctx, manifest, keys);
  await commit(ctx, (tx) => {
    markPublished(ctx, tx, keys);
    putSelf(tx, provider, { ...self, registered: true });
  });
}

/**
 * Makes a device's keys and the offer to be shown to the primary. Asked again, gives the same offer.
 * @throws {ProtocolError} `NotAllowed`/`store-in-use` where the store holds a device with an account.
 */
export async function createLinkedOffer(around: Surroundings, name: string): Promise<Uint8Array> {
  const made = newSelf(around, name);
  const self = await commit(around, (tx) => {
    const existing = getSelf(tx, around.provider);
    if (existing !== null && existing.account !== '') {
      throw new ProtocolError('NotAllowed', 'state', 'store-in-use', 'store');
    }
    if (existing === null) putSelf(tx, around.provider, made);
    return existing ?? made;
  });
  const offer = encodeOffer(describe(self));
  decodeOffer(offer);
  return offer;
}

/** The entry for this device in a manifest: by all three of its keys and ids, not by one. */
function ownEntry(self: Self, signed: SignedManifest): ManifestDevice {
  const entry = signed.manifest.devices.find(
    (device) =>
      equalBytes(device.identityKey, self.identity.publicKey) &&
      equalBytes(device.authKey, self.authKey.publicKey) &&
      device.registrationId === self.registrationId,
  );
  // @req DEV-27
  if (entry === undefined || entry.deviceId === PRIMARY_DEVICE_ID) {
    throw new ProtocolError('UntrustedIdentity', 'verify', 'not-in-manifest', 'acceptance');
  }
  return entry;
}

/**
 * Takes the primary's acceptance: pins the account key that it shows, and becomes the device that it names.
 * @throws {ProtocolError} `InvalidMessage`, `InvalidSignature`/`manifest-signature`, `UntrustedIdentity`/`not-in-manifest`;
 * `NotAllowed`: `no-offer`, `store-in-use`.
 */
export async function acceptLink(around: Surroundings, acceptance: Uint8Array): Promise<Self> {
  const { provider } = around;
  const signed = parseSignedManifest(acceptance);
  verifyManifest(provider, signed, signed.manifest.accountKey);
  return commit(around, (tx) => {
    const offered = getSelf(tx, provider);
    if (offered === null) throw new ProtocolError('NotAllowed', 'state', 'no-offer', 'acceptance');
    if (offered.account !== '') throw new ProtocolError('NotAllowed', 'state', 'store-in-use', 'store');
    const { deviceId } = ownEntry(offered, signed);
    const self: Self = { ...offered, account: signed.manifest.account, deviceId, registered: true };
    putSelf(tx, provider, self);
    saveManifest(tx, provider, signed);
    return self;
  });
}
