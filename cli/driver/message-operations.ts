/**
 * Messages without sessions: bytes to fields and back.
 *
 * @spec 15-driver-lab §9
 * Owns: which parser and which encoder belong to a type. Must not know: whether a message is authentic or welcome.
 */
import { z } from 'zod';
import { concat, EMPTY } from '../../protocol/bytes/bytes.ts';
import { Secret, wipeAll } from '../../protocol/bytes/secret.ts';
import type { DecryptionErrorMessage } from '../../protocol/codec/decryption-error.ts';
import {
  encodeDecryptionError,
  encodePlaintextContent,
  parseDecryptionError,
  parsePlaintextContent,
} from '../../protocol/codec/decryption-error.ts';
import { decodePublicKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import { encodePreKeySignalMessage, parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import {
  encodeSenderKeyDistribution,
  encodeSenderKeyMessage,
  parseSenderKeyDistribution,
  parseSenderKeyMessage,
} from '../../protocol/codec/sender-key.ts';
import { encodeSignalMessage, parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { BRAID_VERSION, encodePayload, parsePayload, parsePayloadHead } from '../../protocol/ratchet/braid/payload.ts';
import { messageMac } from '../../protocol/session/message-crypto.ts';
import type { Driver } from './driver.ts';
import { hex } from './hex.ts';
import { chosenRandom, privateKeyPair } from './keys.ts';
import { type BuildArgs, type BuildOf, buildSchema, MESSAGE_TYPES } from './message-fields.ts';
import { type Ok, type Operation, operation, operationOf } from './operation.ts';
import { bytes } from './values.ts';

type Value = Uint8Array | string | number | null;

/** Bytes as hex, and nothing for what a message does not have. */
function written(fields: Readonly<Record<string, Value>>): Ok {
  const present = Object.entries(fields).filter(([, value]) => value !== null);
  return Object.fromEntries(present.map(([name, value]) => [name, value instanceof Uint8Array ? hex(value) : value]));
}

function parseMessage(body: Uint8Array): Ok {
  const { authenticated, mac, ratchetKey, ...rest } = parseSignalMessage(body);
  const fields = written({ ...rest, ratchetKey: encodePublicKey(ratchetKey) });
  return { fields, ...written({ authenticated, mac }) };
}

function parsePreKey(body: Uint8Array): Ok {
  const { baseKey, identityKey, ...rest } = parsePreKeySignalMessage(body);
  const keys = { baseKey: encodePublicKey(baseKey), identityKey: encodePublicKey(identityKey) };
  return { fields: written({ ...rest, ...keys }) };
}

function parseSenderKey(body: Uint8Array): Ok {
  const { authenticated, signature, ...fields } = parseSenderKeyMessage(body);
  return { fields: written({ ...fields }), ...written({ authenticated, signature }) };
}

function parseDistribution(body: Uint8Array): Ok {
  const { signingKey, ...rest } = parseSenderKeyDistribution(body);
  return { fields: written({ ...rest, signingKey: encodePublicKey(signingKey) }) };
}

function writeError({ ratchetKey, timestamp, deviceId }: DecryptionErrorMessage): Ok {
  const key = ratchetKey === null ? null : encodePublicKey(ratchetKey);
  return { fields: written({ ratchetKey: key, timestamp, deviceId }) };
}

/** Of another version only the head can be read. */
function parseSpqr(body: Uint8Array): Ok {
  const { version, epoch, index } = parsePayloadHead(body);
  if (version !== BRAID_VERSION) return { fields: { version, epoch, index } };
  const { kind, chunk } = parsePayload(body);
  const carried = chunk === null ? {} : { chunk: { index: chunk.index, data: hex(chunk.data) } };
  return { fields: { version, epoch, index, kind, ...carried } };
}

const PARSERS: Readonly<Record<BuildArgs['type'], (body: Uint8Array) => Ok>> = {
  message: parseMessage,
  prekey: parsePreKey,
  'sender-key': parseSenderKey,
  distribution: parseDistribution,
  'decryption-error': (body) => writeError(parseDecryptionError(body)),
  plaintext: (body) => writeError(parsePlaintextContent(body)),
  spqr: parseSpqr,
};

function publicKey(wire: Uint8Array | undefined, field: string): Uint8Array {
  return decodePublicKey(wire ?? EMPTY, field);
}

function buildMessage({ fields, authentication }: BuildOf<'message'>, { provider }: Driver): Uint8Array {
  const authenticated = encodeSignalMessage({
    ...fields,
    ratchetKey: publicKey(fields.ratchetKey, 'fields.ratchetKey'),
    pqRatchet: fields.pqRatchet ?? EMPTY,
    addresses: fields.addresses ?? null,
  });
  const { mac, macKey = EMPTY, sender, receiver } = authentication;
  if (mac !== undefined) return concat(authenticated, mac);
  const identities = {
    sender: publicKey(sender, 'authentication.sender'),
    receiver: publicKey(receiver, 'authentication.receiver'),
  };
  const key = new Secret<'MacKey'>(macKey);
  return concat(authenticated, messageMac(provider, { macKey: key }, identities, authenticated));
}

function buildPreKey({ fields }: BuildOf<'prekey'>): Uint8Array {
  return encodePreKeySignalMessage({
    ...fields,
    preKeyId: fields.preKeyId ?? null,
    baseKey: publicKey(fields.baseKey, 'fields.baseKey'),
    identityKey: publicKey(fields.identityKey, 'fields.identityKey'),
    kemPreKeyId: fields.kemPreKeyId ?? null,
    kemCiphertext: fields.kemCiphertext ?? null,
  });
}

function buildSenderKey({ fields, authentication }: BuildOf<'sender-key'>, { provider, random }: Driver): Uint8Array {
  const authenticated = encodeSenderKeyMessage(fields);
  const { signature, signingPrivate = EMPTY, random: given } = authentication;
  if (signature !== undefined) return concat(authenticated, signature);
  const { privateKey } = privateKeyPair(provider, signingPrivate, 'authentication.signingPrivate');
  const source = given === undefined ? random : chosenRandom(given);
  const made = provider.xeddsaSign(privateKey, authenticated, source);
  wipeAll([privateKey]);
  return concat(authenticated, made);
}

function errorOf({ fields }: BuildOf<'decryption-error' | 'plaintext'>): DecryptionErrorMessage {
  const { ratchetKey, timestamp, deviceId } = fields;
  const key = ratchetKey === undefined ? null : publicKey(ratchetKey, 'fields.ratchetKey');
  return { ratchetKey: key, timestamp, deviceId };
}

function build(args: BuildArgs, driver: Driver): Uint8Array {
  switch (args.type) {
    case 'message':
      return buildMessage(args, driver);
    case 'prekey':
      return buildPreKey(args);
    case 'sender-key':
      return buildSenderKey(args, driver);
    case 'distribution':
      return encodeSenderKeyDistribution({
        ...args.fields,
        signingKey: publicKey(args.fields.signingKey, 'fields.signingKey'),
      });
    case 'decryption-error':
      return encodeDecryptionError(errorOf(args));
    case 'plaintext':
      return encodePlaintextContent(errorOf(args));
    case 'spqr':
      return encodePayload({ ...args.fields, chunk: args.fields.chunk ?? null });
  }
}

/** Both operations. */
export const messageOperations: readonly Operation[] = [
  // @req DRV-31
  operation('message.parse', { type: z.enum(MESSAGE_TYPES), body: bytes }, ({ type, body }) => PARSERS[type](body)),
  operationOf('message.build', buildSchema, (args, driver) => ({ body: hex(build(args, driver)) })),
];
