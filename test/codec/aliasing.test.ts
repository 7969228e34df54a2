/** Memory that the caller may still change. @spec 04-messages §1, 00-conventions §2 */
import { describe, expect, test } from 'vitest';
import { encodePlaintextContent, parsePlaintextContent } from '../../protocol/codec/decryption-error.ts';
import { decodeKemCiphertext, decodeKemPublicKey, decodePublicKey } from '../../protocol/codec/keys.ts';
import { encodeManifest, parseSignedManifest, signManifest, verifyManifest } from '../../protocol/codec/manifest.ts';
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { signRequest, verifyRequest } from '../../protocol/codec/request-signature.ts';
import { encodeScannable, parseScannable } from '../../protocol/codec/scannable.ts';
import {
  encodeSenderKeyDistribution,
  encodeSenderKeyMessage,
  parseSenderKeyDistribution,
  parseSenderKeyMessage,
} from '../../protocol/codec/sender-key.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import { nobleProvider as provider } from '../../protocol/crypto/noble.ts';
import { refusal } from '../support/refusal.ts';
import { seededRandom } from '../support/seeded-random.ts';
import {
  bytes,
  counting,
  goodKey,
  join,
  PREKEY_FIELDS,
  prekey,
  rawKey,
  refusedAs,
  SIGNAL_FIELDS,
  signal,
  wireKey,
} from './sample.ts';

const KEM = getKem('ML-KEM-1024');
const random = seededRandom('aliasing');
const account = provider.x25519Generate(random);
const MANIFEST = {
  account: '9d0652a3-dcc3-4d11-975f-74d61598733f',
  accountKey: account.publicKey,
  version: 1,
  previousHash: new Uint8Array(32),
  issuedAt: 1,
  devices: [{ deviceId: 1, registrationId: 1, identityKey: goodKey(1), authKey: counting(9, 32), name: 'a' }],
};
const signedManifest = signManifest(provider, account.privateKey, MANIFEST, random);
const KEM_WIRE = join(Uint8Array.of(0x0a), counting(0, 1568));
const FULL_SIGNAL = signal([
  ...SIGNAL_FIELDS,
  bytes(5, counting(1, 4)),
  bytes(6, counting(2, 36)),
  bytes(15, counting(3, 9)),
]);

const SENDER_KEY = { distributionId: MANIFEST.account, chainId: 1, iteration: 2 };
const DISTRIBUTION = { ...SENDER_KEY, chainKey: counting(4, 32), signingKey: rawKey(5) };
const GROUP_MESSAGE = encodeSenderKeyMessage({ ...SENDER_KEY, ciphertext: counting(6, 16) });
const SCANNABLE = { version: 2, local: counting(7, 32), remote: counting(8, 32) };

const PARSERS: Array<[string, Uint8Array, (input: Uint8Array) => unknown]> = [
  ['parseSignalMessage', FULL_SIGNAL, parseSignalMessage],
  ['parsePreKeySignalMessage', prekey(PREKEY_FIELDS), parsePreKeySignalMessage],
  ['parseSignedManifest', join(bytes(1, encodeManifest(MANIFEST)), bytes(2, counting(0, 64))), parseSignedManifest],
  ['parseSenderKeyDistribution', encodeSenderKeyDistribution(DISTRIBUTION), parseSenderKeyDistribution],
  ['parseSenderKeyMessage', join(GROUP_MESSAGE, counting(0, 64)), parseSenderKeyMessage],
  ['parseScannable', encodeScannable(SCANNABLE), parseScannable],
  [
    'parsePlaintextContent',
    encodePlaintextContent({ ratchetKey: rawKey(9), timestamp: 1, deviceId: 1 }),
    parsePlaintextContent,
  ],
  ['decodePublicKey', wireKey(1), (input) => decodePublicKey(input, 'key')],
  ['decodeKemPublicKey', KEM_WIRE, (input) => decodeKemPublicKey(KEM, input, 'key')],
  ['decodeKemCiphertext', KEM_WIRE, (input) => decodeKemCiphertext(KEM, input, 'ct')],
];

/** A pooled Node Buffer in the middle of foreign bytes. */
function pooled(input: Uint8Array): Buffer {
  const buffer = Buffer.allocUnsafe(input.length + 14).fill(0xee);
  buffer.set(input, 7);
  return buffer.subarray(7, 7 + input.length);
}

function detached(input: Uint8Array): Uint8Array {
  const copy = input.slice();
  structuredClone(copy.buffer, { transfer: [copy.buffer] });
  return copy;
}

describe.each(PARSERS)('[PAR-05] %s', (_, input, parse) => {
  const expected = parse(input.slice());

  test('[PAR-05, MSG-05, CNV-02] what is parsed does not change with the caller’s buffer', () => {
    const whole = join(counting(1, 5), input, counting(1, 5));
    const views = [input.slice(), whole.subarray(5, 5 + input.length), pooled(input)];
    for (const view of views) {
      const parsed = parse(view);
      expect(parsed).toEqual(expected);
      view.fill(0xff);
      expect(parsed).toEqual(expected);
    }
  });

  test('[PAR-05, MSG-05, CNV-02] the caller’s buffer does not change with what is parsed', () => {
    const given = input.slice();
    const parsed = parse(given);
    const wipe = (value: unknown): void => {
      if (value instanceof Uint8Array) value.fill(0);
      else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) wipe(part);
    };
    wipe(parsed);
    expect(given).toEqual(input);
  });

  test('[PAR-05, MSG-05, CNV-02] a resizable buffer may shrink afterwards', () => {
    const buffer = new ArrayBuffer(input.length, { maxByteLength: input.length + 8 });
    const view = new Uint8Array(buffer);
    view.set(input);
    const parsed = parse(view);
    buffer.resize(0);
    expect(parsed).toEqual(expected);
  });

  test('[PAR-05, MSG-05, CNV-02] shared, detached and foreign things are refused', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(input.length));
    shared.set(input);
    expect(refusal(() => parse(shared))).toMatchObject({ code: 'InvalidArgument', reason: 'shared-memory' });
    expect(refusal(() => parse(detached(input)))).toMatchObject({ code: 'InvalidArgument', reason: 'detached-buffer' });
    const foreign = [
      null,
      undefined,
      'text',
      [...input],
      new DataView(input.slice().buffer),
      { length: input.length, 0: 68 },
    ];
    for (const thing of foreign) {
      const error = refusal(() => parse(thing as unknown as Uint8Array));
      expect(error).toMatchObject({ code: 'InvalidArgument', reason: 'not-bytes' });
    }
  });
});

test('[PAR-05] parsed values are plain arrays, of the right class whatever came in', () => {
  const parsed = parseSignalMessage(pooled(FULL_SIGNAL));
  for (const value of Object.values(parsed)) {
    if (value instanceof Uint8Array) expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype);
  }
});

test('[PAR-05] what is signed or verified does not follow the caller’s objects', () => {
  const source = { ...MANIFEST, devices: MANIFEST.devices.map((device) => ({ ...device, authKey: counting(9, 32) })) };
  const signed = signManifest(provider, account.privateKey, source, random);
  source.devices[0]?.authKey.fill(0);
  expect(signed.manifest).toEqual(signedManifest.manifest);
  expect(() => verifyManifest(provider, signed, account.publicKey)).not.toThrow();
  const shared = new Uint8Array(new SharedArrayBuffer(signed.bytes.length));
  shared.set(signed.bytes);
  expect(() => verifyManifest(provider, { ...signed, bytes: shared }, account.publicKey)).toThrow(
    refusedAs('InvalidArgument', 'shared-memory', 'manifest'),
  );
  signed.manifest.devices[0]?.authKey.fill(0);
  expect(() => verifyManifest(provider, signed, account.publicKey)).toThrow(
    refusedAs('InvalidSignature', 'manifest-signature'),
  );
});

test('[PAR-05] request bodies and nonces in shared memory are refused', () => {
  const keys = provider.ed25519Generate(random);
  const body = new Uint8Array(new SharedArrayBuffer(4));
  const request = { method: 'PUT', url: 'https://relay.example/v1', body, createdSeconds: 1, nonce: counting(0, 16) };
  const signer = { ...request, keyId: `${MANIFEST.account}.1` };
  expect(() => signRequest(provider, keys.privateKey, signer)).toThrow(
    refusedAs('InvalidArgument', 'shared-memory', 'body'),
  );
  const headers = signRequest(provider, keys.privateKey, { ...signer, body: body.slice() });
  expect(() => verifyRequest(provider, keys.publicKey, request, headers)).toThrow(
    refusedAs('InvalidArgument', 'shared-memory', 'body'),
  );
});

test('[PAR-04] decoders make plain objects of their own fields, whatever a message says', () => {
  const device = { ...MANIFEST.devices[0], name: '__proto__' } as (typeof MANIFEST.devices)[0];
  const encoded = encodeManifest({ ...MANIFEST, devices: [device] });
  const { manifest } = parseSignedManifest(join(bytes(1, encoded), bytes(2, counting(0, 64))));
  expect(manifest.devices[0]?.name).toBe('__proto__');
  expect(Object.keys(manifest)).toEqual(Object.keys(MANIFEST));
  expect(Object.getPrototypeOf(manifest.devices[0])).toBe(Object.prototype);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});
