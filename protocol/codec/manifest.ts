/**
 * Device manifest: which devices an account has, signed by the account.
 *
 * @spec 04-messages §6
 * Owns: the one encoding of a manifest, its signature, and how two manifests of an account relate.
 * Must not know: who trusts which account key, the relay.
 */
import { concat, copyInput, equalBytes, fromUtf8, isAllZero, toHex, utf8 } from '../bytes/bytes.ts';
import type { Secret } from '../bytes/secret.ts';
import { assertPrimeOrderPublicKey } from '../crypto/keys.ts';
import type { CryptoProvider, RandomSource } from '../crypto/provider.ts';
import { EC_KEY_BYTES, SIGNATURE_BYTES } from '../crypto/provider.ts';
import { type ErrorCode, ProtocolError } from '../errors.ts';
import { MANIFEST_LABEL } from '../labels.ts';
import { MAX_REGISTRATION_ID } from '../limits.ts';
import { hasControlCharacter, isDeviceId, uuidBytes } from './address.ts';
import { decodePublicKey, encodePublicKey } from './keys.ts';
import { copyMessage, ProtobufReader, ProtobufWriter, required } from './protobuf.ts';

/** Length of a manifest hash, in bytes. */
const MANIFEST_HASH_BYTES = 32;
/** Longest device name, in bytes of UTF-8. */
const MAX_DEVICE_NAME_BYTES = 64;
/** The device that holds the account key. */
export const PRIMARY_DEVICE_ID = 1;

const STRICT = { strict: true };
const MAX_UINT32 = 0xffff_ffff;

/** One device as its account certifies it. */
export interface ManifestDevice {
  /** 1 to 127; 1 is the primary. */
  readonly deviceId: number;
  /** 1 to 0x3FFF. */
  readonly registrationId: number;
  /** X25519, raw, 32 bytes. */
  readonly identityKey: Uint8Array;
  /** Ed25519, raw, 32 bytes: signs the device's requests to the relay. */
  readonly authKey: Uint8Array;
  /** For people: at most 64 bytes of UTF-8 without control characters, may be empty. */
  readonly name: string;
}

/** All devices of an account at one version. */
export interface DeviceManifest {
  /** UUID; decoded ones are in lower case. */
  readonly account: string;
  /** X25519, raw, 32 bytes; signs by XEdDSA. */
  readonly accountKey: Uint8Array;
  /** 1, 2, … below 2^32. */
  readonly version: number;
  /** Hash of the version before, 32 bytes; zeros for version 1. */
  readonly previousHash: Uint8Array;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
  /** Ascending device ids; the first is the primary. */
  readonly devices: readonly ManifestDevice[];
}

/** A manifest as it travels. `bytes` is what the signature covers. */
export interface SignedManifest {
  readonly manifest: DeviceManifest;
  /** The encoded manifest. */
  readonly bytes: Uint8Array;
  /** XEdDSA by the account key over label ‖ bytes, 64 bytes. */
  readonly signature: Uint8Array;
}

function isWhole(value: unknown, low: number, high: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;
}

function isName(name: unknown): boolean {
  if (typeof name !== 'string' || name.length > MAX_DEVICE_NAME_BYTES || !name.isWellFormed()) return false;
  return !hasControlCharacter(name) && utf8(name).length <= MAX_DEVICE_NAME_BYTES;
}

/** Every rule that concerns one manifest alone; key encodings are checked where keys are read and written. */
function checkManifest(manifest: DeviceManifest, code: ErrorCode): void {
  const demand = (holds: boolean, reason: string, field: string) => {
    if (!holds) throw new ProtocolError(code, 'parse', reason, field);
  };
  const { devices, previousHash, version } = manifest;
  demand(isWhole(version, 1, MAX_UINT32), 'bad-manifest-version', 'version');
  demand(previousHash.length === MANIFEST_HASH_BYTES, 'bad-length', 'previousHash');
  // @req MSG-19
  demand(isAllZero(previousHash) === (version === 1), 'bad-previous-hash', 'previousHash');
  demand(isWhole(manifest.issuedAt, 0, Number.MAX_SAFE_INTEGER), 'bad-time', 'issuedAt');
  demand(devices[0]?.deviceId === PRIMARY_DEVICE_ID, 'no-primary-device', 'devices');
  const keys = new Set<string>();
  let last = 0;
  for (const device of devices) {
    demand(isDeviceId(device.deviceId), 'bad-device-id', 'deviceId');
    demand(device.deviceId > last, 'device-order', 'deviceId');
    last = device.deviceId;
    demand(isWhole(device.registrationId, 1, MAX_REGISTRATION_ID), 'bad-registration-id', 'registrationId');
    demand(device.authKey.length === EC_KEY_BYTES, 'bad-length', 'authKey');
    demand(isName(device.name), 'bad-device-name', 'name');
    keys.add(`identity ${toHex(device.identityKey)}`).add(`auth ${toHex(device.authKey)}`);
  }
  // @req MSG-18
  demand(keys.size === 2 * devices.length, 'shared-device-key', 'devices');
}

function encodeDevice(device: ManifestDevice): Uint8Array {
  const writer = new ProtobufWriter().uint32(1, device.deviceId).uint32(2, device.registrationId);
  writer.bytes(3, encodePublicKey(device.identityKey)).bytes(4, device.authKey).bytes(5, utf8(device.name));
  return writer.finish();
}

/**
 * The one encoding of a manifest; the account may be written in either case.
 * @throws {ProtocolError} `InvalidArgument` naming the field that breaks a rule of MSG-18 or MSG-19.
 */
export function encodeManifest(manifest: DeviceManifest): Uint8Array {
  checkManifest(manifest, 'InvalidArgument');
  const writer = new ProtobufWriter();
  writer.bytes(1, uuidBytes(manifest.account, 'account'));
  writer.bytes(2, encodePublicKey(manifest.accountKey));
  writer.uint32(3, manifest.version).bytes(4, manifest.previousHash).uint53(5, manifest.issuedAt);
  for (const device of manifest.devices) writer.bytes(6, encodeDevice(device));
  return writer.finish();
}

function decodeDevice(bytes: Uint8Array): ManifestDevice {
  const reader = new ProtobufReader(bytes, 'device', STRICT);
  let deviceId: number | null = null;
  let registrationId: number | null = null;
  let identityKey: Uint8Array | null = null;
  let authKey: Uint8Array | null = null;
  let name: Uint8Array | null = null;
  while (reader.next()) {
    if (reader.field === 1) deviceId = reader.uint32('deviceId');
    else if (reader.field === 2) registrationId = reader.uint32('registrationId');
    else if (reader.field === 3) identityKey = reader.bytes('identityKey');
    else if (reader.field === 4) authKey = reader.bytes('authKey');
    else if (reader.field === 5) name = reader.bytes('name');
    else reader.skip();
  }
  return {
    deviceId: required(deviceId, 'deviceId'),
    registrationId: required(registrationId, 'registrationId'),
    identityKey: decodePublicKey(required(identityKey, 'identityKey'), 'identityKey'),
    authKey: required(authKey, 'authKey'),
    name: fromUtf8(required(name, 'name'), 'name'),
  };
}

function decodeAccount(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new ProtocolError('InvalidMessage', 'parse', 'bad-length', 'account');
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Reads the one encoding of a manifest; `copy` must be a copy already. */
function decodeManifest(copy: Uint8Array): DeviceManifest {
  const reader = new ProtobufReader(copy, 'manifest', { strict: true, repeated: 6 });
  let account: Uint8Array | null = null;
  let accountKey: Uint8Array | null = null;
  let version: number | null = null;
  let previousHash: Uint8Array | null = null;
  let issuedAt: number | null = null;
  const devices: ManifestDevice[] = [];
  // @req MSG-17
  while (reader.next()) {
    if (reader.field === 1) account = reader.bytes('account');
    else if (reader.field === 2) accountKey = reader.bytes('accountKey');
    else if (reader.field === 3) version = reader.uint32('version');
    else if (reader.field === 4) previousHash = reader.bytes('previousHash');
    else if (reader.field === 5) issuedAt = reader.uint53('issuedAt');
    else if (reader.field === 6) devices.push(decodeDevice(reader.bytes('devices')));
    else reader.skip();
  }
  const manifest: DeviceManifest = {
    account: decodeAccount(required(account, 'account')),
    accountKey: decodePublicKey(required(accountKey, 'accountKey'), 'accountKey'),
    version: required(version, 'version'),
    previousHash: required(previousHash, 'previousHash'),
    issuedAt: required(issuedAt, 'issuedAt'),
    devices,
  };
  checkManifest(manifest, 'InvalidMessage');
  return manifest;
}

/** One key outside the subgroup would make every sender refuse the device, and its fan-out with it: nobody could write. */
function checkKeys(provider: CryptoProvider, manifest: DeviceManifest): void {
  // @req MSG-34
  assertPrimeOrderPublicKey(provider, manifest.accountKey, 'accountKey');
  for (const { identityKey } of manifest.devices) assertPrimeOrderPublicKey(provider, identityKey, 'identityKey');
}

function signedInput(bytes: Uint8Array): Uint8Array {
  return concat(utf8(MANIFEST_LABEL), bytes);
}

/**
 * Signs a manifest; the result holds no reference to the argument.
 * @param accountPrivateKey the private key of `manifest.accountKey`
 * @throws {ProtocolError} as {@link encodeManifest}; `InvalidKey`/`not-prime-order`.
 */
export function signManifest(
  provider: CryptoProvider,
  accountPrivateKey: Secret<'EcPrivateKey'>,
  manifest: DeviceManifest,
  random: RandomSource,
): SignedManifest {
  const bytes = encodeManifest(manifest);
  checkKeys(provider, manifest);
  const signature = provider.xeddsaSign(accountPrivateKey, signedInput(bytes), random);
  return { manifest: decodeManifest(bytes.slice()), bytes, signature };
}

/** Field 1 the manifest, field 2 the signature. */
export function encodeSignedManifest(signed: SignedManifest): Uint8Array {
  return new ProtobufWriter().bytes(1, signed.bytes).bytes(2, signed.signature).finish();
}

/**
 * Parses a signed manifest, strictly; the signature is not verified here.
 * @throws {ProtocolError} `InvalidMessage`, `InvalidKey`; `InvalidSignature`/`bad-length`.
 */
export function parseSignedManifest(input: Uint8Array): SignedManifest {
  const reader = new ProtobufReader(copyMessage(input, 'signedManifest'), 'signedManifest', STRICT);
  let bytes: Uint8Array | null = null;
  let signature: Uint8Array | null = null;
  while (reader.next()) {
    if (reader.field === 1) bytes = reader.bytes('manifest');
    else if (reader.field === 2) signature = reader.bytes('signature');
    else reader.skip();
  }
  const encoded = required(bytes, 'manifest');
  const proof = required(signature, 'signature');
  if (proof.length !== SIGNATURE_BYTES) throw new ProtocolError('InvalidSignature', 'parse', 'bad-length', 'signature');
  return { manifest: decodeManifest(encoded), bytes: encoded, signature: proof };
}

/**
 * Verifies that `accountKey`, which the caller already trusts for the account, signed this manifest and is named in it, and
 * that all its keys are such as sessions accept.
 * @throws {ProtocolError} `InvalidSignature`/`manifest-signature`; `manifest-account-key` where the manifest names another key;
 * `InvalidKey`/`not-prime-order`.
 */
export function verifyManifest(provider: CryptoProvider, signed: SignedManifest, accountKey: Uint8Array): void {
  const key = copyInput(accountKey, 'accountKey');
  const bytes = copyInput(signed.bytes, 'manifest');
  const refuse = (reason: string) => new ProtocolError('InvalidSignature', 'verify', reason, 'manifest');
  if (!equalBytes(signed.manifest.accountKey, key)) throw refuse('manifest-account-key');
  const matches = equalBytes(encodeManifest(signed.manifest), bytes);
  // @req MSG-20
  if (!matches || !provider.xeddsaVerify(key, signedInput(bytes), copyInput(signed.signature, 'signature'))) {
    throw refuse('manifest-signature');
  }
  checkKeys(provider, signed.manifest);
}

/** SHA-256 over what the signature covers, 32 bytes; the signature itself is not part of it. */
export function manifestHash(provider: CryptoProvider, signed: SignedManifest): Uint8Array {
  return provider.sha256(signedInput(signed.bytes));
}

/**
 * How a manifest relates to one already known: the same; the version right after it; further ahead (what is between is
 * not known); older; a fork (same version, other content, or the next version of another history); of another account or
 * account key.
 */
export type ManifestRelation = 'same' | 'successor' | 'ahead' | 'older' | 'fork' | 'other-account';

/** Relates `next` to `previous`; both must be verified already. */
export function compareManifests(
  provider: CryptoProvider,
  previous: SignedManifest,
  next: SignedManifest,
): ManifestRelation {
  const [known, other] = [previous.manifest, next.manifest];
  const sameAccount = equalBytes(uuidBytes(known.account, 'account'), uuidBytes(other.account, 'account'));
  if (!sameAccount || !equalBytes(known.accountKey, other.accountKey)) return 'other-account';
  if (other.version < known.version) return 'older';
  if (other.version === known.version) return equalBytes(previous.bytes, next.bytes) ? 'same' : 'fork';
  if (other.version > known.version + 1) return 'ahead';
  return equalBytes(other.previousHash, manifestHash(provider, previous)) ? 'successor' : 'fork';
}

const RELATION_REASONS: Readonly<Record<ManifestRelation, string>> = {
  successor: '',
  same: 'manifest-rollback',
  older: 'manifest-rollback',
  ahead: 'manifest-gap',
  fork: 'manifest-fork',
  'other-account': 'manifest-other-account',
};

/**
 * Accepts only the version right after `previous`. Whether to follow a gap is the caller's decision, see {@link compareManifests}.
 * @throws {ProtocolError} `InvalidState`: `manifest-rollback` (the same version included), `manifest-gap`, `manifest-fork`,
 * `manifest-other-account`.
 */
export function checkSuccessor(provider: CryptoProvider, previous: SignedManifest, next: SignedManifest): void {
  const relation = compareManifests(provider, previous, next);
  // @req MSG-21
  if (relation !== 'successor')
    throw new ProtocolError('InvalidState', 'state', RELATION_REASONS[relation], 'manifest');
}
