/**
 * Whole published dialogues of another implementation, with its private keys instead of randomness.
 *
 * Those messages begin with byte 33; ours of version 3 begin with 34, as Signal's did from 2023 on. Incoming ones are
 * therefore decrypted as they are; of outgoing ones all but that byte and the MAC is compared, and the MAC is computed
 * again over the byte 33.
 *
 * @spec 14-vectors §1, 03-ratchet, 05-sessions
 * Owns: playing one side of a script. Must not know: how a session works.
 */
import { z } from 'zod';
import { concat, EMPTY, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import type { PreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { encodeVersion, parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import type { PreKeyBundle } from '../../protocol/handshake/bundle.ts';
import { messageMac } from '../../protocol/session/message-crypto.ts';
import { currentState, nextMessageKeys } from '../../test/support/forge.ts';
import { Peer, X3DH } from '../../test/support/peers.ts';
import { scriptedRandom, seededRandom } from '../../test/support/seeded-random.ts';
import type { NativeCall } from './native-calls.ts';
import { hexBytes } from './shape.ts';
import { family, judge, type Trial, type Verdict } from './verdict.ts';

/** A step is of many primitives; of OpenSSL's the cipher is in every one. */
const CIPHER: readonly NativeCall[] = ['createCipheriv', 'createDecipheriv'];

const KEYS = z.object({
  identityKey: hexBytes,
  devices: z.tuple([
    z.object({
      deviceId: z.int(),
      registrationId: z.int(),
      preKey: z.object({ keyId: z.int(), publicKey: hexBytes }).optional(),
      signedPreKey: z.object({ keyId: z.int(), publicKey: hexBytes, signature: hexBytes }),
    }),
  ]),
});
const COMMON = {
  ourBaseKey: hexBytes.optional(),
  ourEphemeralKey: hexBytes.optional(),
  newEphemeralKey: hexBytes.optional(),
  ourIdentityKey: hexBytes.optional(),
  ourPreKey: hexBytes.optional(),
  preKeyId: z.int().optional(),
  ourSignedPreKey: hexBytes.optional(),
  signedPreKeyId: z.int().optional(),
  registrationId: z.int().optional(),
  getKeys: KEYS.optional(),
};
const SEND = z.object({
  ...COMMON,
  smsText: z.string().optional(),
  endSession: z.boolean().optional(),
  expectedCiphertext: hexBytes,
});
const RECEIVE = z.object({
  ...COMMON,
  type: z.int(),
  message: hexBytes,
  expectedSmsText: z.string().optional(),
  expectTerminateSession: z.boolean().optional(),
});
const STEP = z.union([z.tuple([z.literal('sendMessage'), SEND]), z.tuple([z.literal('receiveMessage'), RECEIVE])]);
const SCENARIO = z.object({ name: z.string(), vectors: z.array(STEP) });
type Step = z.output<typeof STEP>;
type StepData = z.output<typeof SEND> | z.output<typeof RECEIVE>;

/** The application's plaintext: a protobuf, 80, zeros up to 159 bytes. */
function padded(protobuf: Uint8Array): Uint8Array {
  const out = new Uint8Array(159);
  out.set(protobuf);
  out[protobuf.length] = 0x80;
  return out;
}

/** The body, or the flag that ends the session. */
function plaintextOf(text: string | undefined): Uint8Array {
  if (text === undefined) return padded(Uint8Array.of(0x20, 1));
  return padded(concat(Uint8Array.of(0x0a, text.length), utf8(text)));
}

function bundleOf(keys: z.output<typeof KEYS>): PreKeyBundle {
  const [device] = keys.devices;
  const { preKey, signedPreKey } = device;
  return {
    // 53,261 in the script: more than 14 bits, which no bundle of ours has; it is not on the wire.
    registrationId: device.registrationId & 0x3fff,
    deviceId: device.deviceId,
    identityKey: keys.identityKey,
    signedPreKeyId: signedPreKey.keyId,
    signedPreKey: signedPreKey.publicKey,
    signedPreKeySignature: signedPreKey.signature,
    oneTimePreKey: preKey === undefined ? null : { id: preKey.keyId, publicKey: preKey.publicKey },
    kemPreKey: null,
  };
}

/** Stores the prekeys that a step brings. */
function storePreKeys(us: Peer, step: StepData): void {
  const put = (name: string, privateKey: Uint8Array | undefined) => {
    if (privateKey === undefined) return;
    const pair = us.provider.x25519FromPrivate(privateKey);
    us.stores.set(name, concat(pair.publicKey, pair.privateKey.expose()));
  };
  put(`oneTime/${step.preKeyId}`, step.ourPreKey);
  put(`signed/${step.signedPreKeyId}`, step.ourSignedPreKey);
}

const withoutMessage = ({ message: _, ...rest }: PreKeySignalMessage) =>
  JSON.stringify(rest, (_key, value) => (value instanceof Uint8Array ? toHex(value) : value));

/** Compares what we send with what the script sends, then the MAC under the script's version byte. */
function trySend(trial: Trial, us: Peer, them: Peer, step: z.output<typeof SEND>): void {
  const keys = nextMessageKeys(us, them);
  const { localIdentity, remoteIdentity } = currentState(us, them);
  const plaintext = plaintextOf(step.endSession === true ? undefined : (step.smsText ?? ''));
  const isPreKey = currentState(us, them).pending !== null;
  const read = (body: Uint8Array) => (isPreKey ? parsePreKeySignalMessage(body) : null);
  const published = read(step.expectedCiphertext);
  const theirs = parseSignalMessage(published?.message ?? step.expectedCiphertext);
  let body: Uint8Array = EMPTY;
  // All but the version byte is authenticated alike.
  trial.equal('message', CIPHER, theirs.authenticated.slice(1), () => {
    body = us.send(them, plaintext).body;
    return parseSignalMessage(read(body)?.message ?? body).authenticated.slice(1);
  });
  if (published !== null) {
    trial.part('prekey message', withoutMessage(published), () => withoutMessage(parsePreKeySignalMessage(body)));
  }
  trial.holds('version 33 in the script, 34 of ours', () => {
    const ours = read(body)?.message ?? body;
    return step.expectedCiphertext[0] === 0x33 && theirs.authenticated[0] === 0x33 && ours[0] === encodeVersion(3)[0];
  });
  const identities = { sender: localIdentity, receiver: remoteIdentity };
  trial.part('MAC', theirs.mac, () => messageMac(us.provider, keys, identities, theirs.authenticated));
}

function tryReceive(trial: Trial, us: Peer, them: Peer, step: z.output<typeof RECEIVE>): void {
  const ends = step.expectTerminateSession === true;
  const expected = plaintextOf(ends ? undefined : (step.expectedSmsText ?? ''));
  const envelope = { type: step.type === 3 ? 'prekey' : 'message', body: step.message } as const;
  trial.equal('plaintext', CIPHER, expected, () => us.open(them, envelope).plaintext);
  if (ends) us.archive(them);
}

function tryStep(trial: Trial, us: Peer, them: Peer, [direction, step]: Step): void {
  const draws = [step.ourBaseKey, step.ourEphemeralKey, step.newEphemeralKey].filter((key) => key !== undefined);
  const script = scriptedRandom(draws);
  us.random = draws.length > 0 ? script : seededRandom('unused');
  storePreKeys(us, step);
  if (step.getKeys !== undefined) us.begin(them, bundleOf(step.getKeys));
  if (direction === 'sendMessage') trySend(trial, us, them, step);
  else tryReceive(trial, us, them, step);
  trial.holds('as many keys drawn as the script has', () => script.left() === 0);
}

function play(provider: CryptoProvider, { name, vectors }: z.output<typeof SCENARIO>): Verdict[] {
  const identity = vectors.map(([, step]) => step.ourIdentityKey).find((key) => key !== undefined);
  const registrationId = vectors[0]?.[1].registrationId ?? 1;
  const address = { us: { name: '+1', deviceId: 1 }, them: { name: '+2', deviceId: 1 } };
  const options = { suites: [X3DH], provider, registrationId, ...(identity === undefined ? {} : { identity }) };
  const us = new Peer('us', { ...options, address: address.us });
  const them = new Peer('them', { ...options, address: address.them });
  return vectors.map((step, i) => judge(provider, `${name}, step ${i + 1}`, (trial) => tryStep(trial, us, them, step)));
}

/** X3DH and Double Ratchet of session version 3, step by step. */
export const dialogues = family(z.object({ scenarios: z.array(SCENARIO) }), (provider, { scenarios }) => ({
  verdicts: scenarios.flatMap((scenario) => play(provider, scenario)),
  unused: [],
}));
