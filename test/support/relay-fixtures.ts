/**
 * Accounts, devices and signed requests for tests of the relay, without the client.
 *
 * @spec 06-relay §2
 * Owns: valid manifests and uploads, requests as a device signs them. Must not know: the relay's inside.
 */
import { randomUUID } from 'node:crypto';
import { utf8 } from '../../protocol/bytes/bytes.ts';
import { toBase64Url } from '../../protocol/codec/base64.ts';
import { encodeKemKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import type { ManifestDevice, SignedManifest } from '../../protocol/codec/manifest.ts';
import { encodeSignedManifest, manifestHash, signManifest } from '../../protocol/codec/manifest.ts';
import type {
  KeyUploadBody,
  OutgoingMessageBody,
  PreKeyBody,
  SendBody,
  SignedPreKeyBody,
} from '../../protocol/codec/relay-api.ts';
import { signRequest } from '../../protocol/codec/request-signature.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { AuthKeyPair, EcKeyPair } from '../../protocol/crypto/provider.ts';

const provider = nodeProvider;
const random = systemRandom;

/** One device with its private keys. */
export interface TestDevice {
  readonly account: string;
  readonly deviceId: number;
  readonly registrationId: number;
  readonly identity: EcKeyPair;
  readonly auth: AuthKeyPair;
}

/** An account: its key, and the manifests it signed so far, newest last. */
export interface TestAccount {
  readonly account: string;
  readonly accountKey: EcKeyPair;
  readonly primary: TestDevice;
  readonly manifests: SignedManifest[];
}

/** A device of an account; nothing is signed yet. */
export function createDevice(account: string, deviceId: number, registrationId: number): TestDevice {
  const identity = provider.x25519Generate(random);
  return { account, deviceId, registrationId, identity, auth: provider.ed25519Generate(random) };
}

function certified(device: TestDevice): ManifestDevice {
  const { deviceId, registrationId, identity, auth } = device;
  return { deviceId, registrationId, identityKey: identity.publicKey, authKey: auth.publicKey, name: `d${deviceId}` };
}

/** Signs the next manifest of an account, without remembering it. */
export function nextManifest(owner: TestAccount, devices: readonly TestDevice[], issuedAt = 1): SignedManifest {
  const previous = owner.manifests.at(-1);
  return signManifest(
    provider,
    owner.accountKey.privateKey,
    {
      account: owner.account,
      accountKey: owner.accountKey.publicKey,
      version: (previous?.manifest.version ?? 0) + 1,
      previousHash: previous === undefined ? new Uint8Array(32) : manifestHash(provider, previous),
      issuedAt,
      devices: devices.map(certified).sort((a, b) => a.deviceId - b.deviceId),
    },
    random,
  );
}

/** An account with device 1 and its first manifest. */
export function createAccount(account: string = randomUUID()): TestAccount {
  const accountKey = provider.x25519Generate(random);
  const owner = { account, accountKey, primary: createDevice(account, 1, 101), manifests: [] as SignedManifest[] };
  owner.manifests.push(nextManifest(owner, [owner.primary]));
  return owner;
}

/** The body that carries a manifest. */
export function manifestText(manifest: SignedManifest | undefined): string {
  if (manifest === undefined) throw new TypeError('no manifest');
  return toBase64Url(encodeSignedManifest(manifest));
}

/** A key signed by the device in wire form. */
export function signedKey(device: TestDevice, id: number, publicKey: Uint8Array): SignedPreKeyBody {
  const signature = provider.xeddsaSign(device.identity.privateKey, publicKey, random);
  return { id, publicKey: toBase64Url(publicKey), signature: toBase64Url(signature) };
}

/** A fresh EC key in wire form. */
export function ecKey(): Uint8Array {
  return encodePublicKey(provider.x25519Generate(random).publicKey);
}

/** A fresh ML-KEM-1024 key in wire form. */
export function kemKey(): Uint8Array {
  const kem = getKem('ML-KEM-1024');
  return encodeKemKey(kem, kem.generate(provider, random).publicKey);
}

/** How many one-time keys of each kind, and the first id. */
export interface UploadSize {
  readonly oneTime?: number;
  readonly oneTimeKem?: number;
  readonly firstId?: number;
}

/** A complete upload of fresh keys. */
export function keyUpload(device: TestDevice, size: UploadSize = {}): KeyUploadBody {
  const { oneTime = 2, oneTimeKem = 2, firstId = 1 } = size;
  const ids = (count: number) => Array.from({ length: count }, (_, i) => firstId + i);
  return {
    signedPreKey: signedKey(device, firstId, ecKey()),
    lastResortKem: signedKey(device, firstId, kemKey()),
    oneTime: ids(oneTime).map((id): PreKeyBody => ({ id, publicKey: toBase64Url(ecKey()) })),
    oneTimeKem: ids(oneTimeKem).map((id) => signedKey(device, id, kemKey())),
  };
}

/** A message to a device. */
export function message(device: TestDevice, text = 'ciphertext'): OutgoingMessageBody {
  const { deviceId, registrationId } = device;
  return { deviceId, registrationId, type: 'message', body: toBase64Url(utf8(text)) };
}

/** A send to the given devices under a fresh send id. */
export function sendTo(devices: readonly TestDevice[], text?: string): SendBody {
  const messages = devices.map((device) => message(device, text));
  return { sendId: toBase64Url(random(16)), timestamp: 5, partial: false, messages };
}

/** A request before it is signed. */
export interface PlainRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  /** The body's text, where it is not what `JSON.stringify` makes of `body`. */
  readonly text?: string;
}

/** A request ready to travel. */
export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
}

/** Signs a request for the relay at `base` (scheme, host, port). */
export function sign(device: TestDevice, base: string, now: number, request: PlainRequest): SignedRequest {
  const { method, path } = request;
  const body = request.text ?? (request.body === undefined ? null : JSON.stringify(request.body));
  const headers = signRequest(provider, device.auth.privateKey, {
    method,
    url: base + path,
    body: body === null ? null : utf8(body),
    keyId: `${device.account}.${device.deviceId}`,
    createdSeconds: Math.floor(now / 1000),
    nonce: random(16),
  });
  return { method, path, headers: body === null ? headers : { ...headers, 'content-type': 'application/json' }, body };
}

/** What a relay answered. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into JSON whose shape is what they assert
  readonly json: any;
  readonly headers: Headers;
}

/** Anything that answers signed requests. */
export interface RelayEnd {
  readonly base: string;
  readonly now: () => number;
  readonly fetch: (request: SignedRequest) => Promise<Response>;
}

/** Sends a request that is signed already. */
export async function deliver(relay: RelayEnd, request: SignedRequest): Promise<Answer> {
  const response = await relay.fetch(request);
  const text = await response.text();
  return { status: response.status, json: text === '' ? null : JSON.parse(text), headers: response.headers };
}

/** Signs and sends a request. */
export async function call(
  relay: RelayEnd,
  device: TestDevice,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  return deliver(relay, sign(device, relay.base, relay.now(), { method, path, body }));
}

/** A relay that listens somewhere. */
export function remote(base: string, now: () => number = Date.now): RelayEnd {
  return {
    base,
    now,
    fetch: ({ method, path, headers, body }) => fetch(base + path, { method, headers, body }),
  };
}

async function expectStatus(answer: Promise<Answer>, status: number): Promise<void> {
  const { status: found, json } = await answer;
  if (found !== status) throw new Error(`the relay answered ${found} ${JSON.stringify(json)}`);
}

/** Registers an account with the given keys. */
export async function register(relay: RelayEnd, owner: TestAccount, size?: UploadSize): Promise<void> {
  const body = { manifest: manifestText(owner.manifests[0]), keys: keyUpload(owner.primary, size) };
  await expectStatus(call(relay, owner.primary, 'POST', '/v1/accounts', body), 201);
}

/** Makes the given devices those of the account. */
export async function putDevices(relay: RelayEnd, owner: TestAccount, devices: readonly TestDevice[]): Promise<void> {
  const manifest = nextManifest(owner, devices);
  const body = { manifest: manifestText(manifest) };
  await expectStatus(call(relay, owner.primary, 'PUT', '/v1/manifest', body), 204);
  owner.manifests.push(manifest);
}

/** Uploads keys, which makes a pending device active. */
export async function putKeys(relay: RelayEnd, device: TestDevice, size?: UploadSize): Promise<void> {
  await expectStatus(call(relay, device, 'PUT', '/v1/keys', keyUpload(device, size)), 204);
}
