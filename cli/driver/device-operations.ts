/**
 * Operations on devices: making them, their bundles, saving and loading.
 *
 * @spec 11-driver §4, §5
 * Owns: what a new device has, what a bundle offers. Must not know: sessions.
 */
import { z } from 'zod';
import { Secret } from '../../protocol/bytes/secret.ts';
import { encodeKemKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import type { KemName } from '../../protocol/crypto/kem.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import type { CryptoProvider, EcKeyPair, RandomSource } from '../../protocol/crypto/provider.ts';
import { checkedRandom } from '../../protocol/crypto/random.ts';
import { createKemPreKey, createPreKey, createSignedPreKey } from '../../protocol/handshake/prekeys.ts';
import type { SuiteName } from '../../protocol/handshake/suites.ts';
import { getSuite } from '../../protocol/handshake/suites.ts';
import { MAX_REGISTRATION_ID } from '../../protocol/limits.ts';
import { openStream, STREAM_SEED_BYTES } from '../../protocol/testing/random-stream.ts';
import type { Device } from './device.ts';
import { withEntry } from './device.ts';
import { hex } from './hex.ts';
import { privateKeyPair } from './keys.ts';
import { addDevice, deviceOf, deviceOperation, type Operation, operation, type Scene, type Step } from './operation.ts';
import { loadDevice, saveDevice } from './snapshot.ts';
import { address, bytes, bytesOfLength, handle, suite, writeBundle } from './values.ts';

/** What libsignal speaks: what a device speaks here unless told otherwise (DRV-10). */
const DRIVER_SUITE: SuiteName = 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024';

function drawRegistrationId(random: RandomSource): number {
  const [high = 0, low = 0] = random(2);
  return (((high << 8) | low) % MAX_REGISTRATION_ID) + 1;
}

function makeIdentity(provider: CryptoProvider, random: RandomSource, given: Uint8Array | undefined): EcKeyPair {
  if (given !== undefined) return privateKeyPair(provider, given, 'identityPrivate');
  return provider.x25519Generate(checkedRandom(random));
}

const createShape = {
  local: address,
  suites: z
    .array(suite)
    .min(1)
    .refine((names) => new Set(names).size === names.length, 'repeated')
    .optional(),
  pqRatchet: z.enum(['required', 'optional', 'off']).optional(),
  identityPrivate: bytes.optional(),
  registrationId: z.int().min(1).max(MAX_REGISTRATION_ID).optional(),
  seed: bytesOfLength(STREAM_SEED_BYTES).optional(),
};

const create = operation('device.create', createShape, (args, driver) => {
  const { provider } = driver;
  const stream = args.seed === undefined ? null : { seed: new Secret<'StreamSeed'>(args.seed), draws: 0 };
  const source = stream === null ? null : openStream(provider, stream);
  const random = source?.random ?? driver.random;
  const identity = makeIdentity(provider, random, args.identityPrivate);
  const registrationId = args.registrationId ?? drawRegistrationId(random);
  const device = addDevice(driver, {
    local: args.local,
    // @req DRV-10
    suites: args.suites ?? [DRIVER_SUITE],
    pqRatchet: args.pqRatchet ?? 'required',
    identity,
    registrationId,
    stream: source?.stream() ?? null,
    nextPreKeyId: 1,
    signedPreKeys: new Map(),
    oneTimePreKeys: new Map(),
    kemPreKeys: new Map(),
    baseKeys: new Set(),
    peers: new Map(),
    senderKeys: new Map(),
  });
  return { device, identityPublic: hex(encodePublicKey(identity.publicKey)), registrationId };
});

/** The KEM of a device's first suite that has one. */
function kemOf(device: Device): KemName | null {
  return device.suites.map(getSuite).find(({ kem }) => kem !== null)?.kem ?? null;
}

/** Fresh prekeys: a signed one, a one-time one if asked for, and one of the device's KEM if it has one. */
function makeBundle(oneTime: boolean, { device, provider, random }: Scene): Step {
  const { identity, registrationId, local } = device;
  const kemName = kemOf(device);
  // @req DRV-18
  let nextPreKeyId = device.nextPreKeyId;
  const signed = createSignedPreKey(provider, random, identity, nextPreKeyId++);
  const single = oneTime ? createPreKey(provider, random, nextPreKeyId++) : null;
  const kem = kemName === null ? null : createKemPreKey(provider, random, identity, nextPreKeyId++, kemName);
  const { signedPreKeys, oneTimePreKeys, kemPreKeys } = device;
  return {
    device: {
      ...device,
      nextPreKeyId,
      signedPreKeys: withEntry(signedPreKeys, signed.id, signed.keyPair),
      oneTimePreKeys: single === null ? oneTimePreKeys : withEntry(oneTimePreKeys, single.id, single.keyPair),
      kemPreKeys: kem === null ? kemPreKeys : withEntry(kemPreKeys, kem.id, { ...kem.keyPair, kem: kem.kem, oneTime }),
    },
    ok: {
      bundle: writeBundle({
        registrationId,
        deviceId: local.deviceId,
        identityKey: encodePublicKey(identity.publicKey),
        signedPreKeyId: signed.id,
        signedPreKey: encodePublicKey(signed.keyPair.publicKey),
        signedPreKeySignature: signed.signature,
        oneTimePreKey: single === null ? null : { id: single.id, publicKey: encodePublicKey(single.keyPair.publicKey) },
        kemPreKey:
          kem === null
            ? null
            : { id: kem.id, publicKey: encodeKemKey(getKem(kem.kem), kem.keyPair.publicKey), signature: kem.signature },
      }),
    },
  };
}

/** The operations on devices. */
export const deviceOperations: readonly Operation[] = [
  create,
  deviceOperation('device.bundle', { oneTime: z.boolean().optional() }, ({ oneTime = true }, scene) =>
    makeBundle(oneTime, scene),
  ),
  operation('device.save', { device: handle }, (args, driver) => ({
    state: hex(saveDevice(driver.provider, deviceOf(driver, args.device))),
  })),
  operation('device.load', { state: bytes }, (args, driver) => ({
    device: addDevice(driver, loadDevice(driver.provider, args.state)),
  })),
];
