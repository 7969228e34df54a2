/**
 * What messages consist of, as requests and answers write it.
 *
 * @spec 15-driver-lab §9
 * Owns: the fields of each type, in which form a message is authenticated. Must not know: encodings.
 */
import { z } from 'zod';
import { PAYLOAD_KINDS } from '../../protocol/ratchet/braid/payload.ts';
import { key } from './key-operations.ts';
import { chunk } from './spqr-operations.ts';
import { bytes, bytesOfLength, distributionId, uint32 } from './values.ts';

const MESSAGE_MAC_BYTES = 8;
/** A stored time and an epoch stay below 2^53. */
const uint53 = z.int().min(0);
const version = z.int().min(3).max(4);

/** Two ways to say one thing: the field `short` alone, or all of `long` without it. */
function either(short: string, long: readonly string[], free: readonly string[] = []) {
  return (value: object, context: z.RefinementCtx) => {
    const has = (name: string) => Object.hasOwn(value, name);
    const refuse = (name: string, message: string) => context.addIssue({ code: 'custom', path: [name], message });
    for (const name of has(short) ? [...long, ...free].filter(has) : []) refuse(name, 'not-together');
    for (const name of has(short) ? [] : long.filter((other) => !has(other))) refuse(name, 'missing-field');
  };
}

const message = z.strictObject({
  version,
  ratchetKey: bytes,
  counter: uint32,
  previousCounter: uint32,
  ciphertext: bytes,
  pqRatchet: bytes.optional(),
  addresses: bytes.optional(),
});

/** The eight bytes, or what they are made of. */
const messageAuthentication = z
  .strictObject({
    mac: bytesOfLength(MESSAGE_MAC_BYTES).optional(),
    macKey: key.optional(),
    sender: bytes.optional(),
    receiver: bytes.optional(),
  })
  .superRefine(either('mac', ['macKey', 'sender', 'receiver']));

const prekey = z.strictObject({
  version,
  preKeyId: uint32.optional(),
  baseKey: bytes,
  identityKey: bytes,
  message: bytes,
  registrationId: uint32,
  signedPreKeyId: uint32,
  kemPreKeyId: uint32.optional(),
  kemCiphertext: bytes.optional(),
});

const senderKey = z.strictObject({ distributionId, chainId: uint32, iteration: uint32, ciphertext: bytes });

/** The signature, or what it is made with. */
const senderKeyAuthentication = z
  .strictObject({
    signature: bytesOfLength(64).optional(),
    signingPrivate: bytes.optional(),
    random: bytesOfLength(64).optional(),
  })
  .superRefine(either('signature', ['signingPrivate'], ['random']));

const distribution = z.strictObject({
  distributionId,
  chainId: uint32,
  iteration: uint32,
  chainKey: key,
  signingKey: bytes,
});

const decryptionError = z.strictObject({ ratchetKey: bytes.optional(), timestamp: uint53, deviceId: uint32 });

const CHUNKLESS: readonly string[] = ['none', 'ct1Ack'];

const payload = z
  .strictObject({
    version: z.literal(1).optional(),
    epoch: uint53.min(1),
    index: uint32,
    kind: z.enum(PAYLOAD_KINDS),
    chunk: chunk.optional(),
  })
  .superRefine(({ kind, chunk: carried }, context) => {
    const without = CHUNKLESS.includes(kind);
    if (without === (carried === undefined)) return;
    const reason = without ? 'not-of-this-kind' : 'missing-field';
    context.addIssue({ code: 'custom', path: ['chunk'], message: reason });
  });

/** The types of messages. */
export const MESSAGE_TYPES = [
  'message',
  'prekey',
  'sender-key',
  'distribution',
  'decryption-error',
  'plaintext',
  'spqr',
] as const;

/** Everything a message can be built from. */
export const buildSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('message'), fields: message, authentication: messageAuthentication }),
  z.strictObject({ type: z.literal('prekey'), fields: prekey }),
  z.strictObject({ type: z.literal('sender-key'), fields: senderKey, authentication: senderKeyAuthentication }),
  z.strictObject({ type: z.literal('distribution'), fields: distribution }),
  z.strictObject({ type: z.literal('decryption-error'), fields: decryptionError }),
  z.strictObject({ type: z.literal('plaintext'), fields: decryptionError }),
  z.strictObject({ type: z.literal('spqr'), fields: payload }),
]);

/** A request to build one. */
export type BuildArgs = z.output<typeof buildSchema>;
/** Such a request of one type. */
export type BuildOf<Type extends BuildArgs['type']> = Extract<BuildArgs, { readonly type: Type }>;
