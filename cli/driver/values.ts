/**
 * What arguments are made of.
 *
 * @spec 11-driver §2
 * Owns: the shapes that several operations share. Must not know: what an operation does with them; whether a key is a good one is
 * the protocol's to say.
 */
import { z } from 'zod';
import { checkAddress, isUuid } from '../../protocol/codec/address.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { PreKeyBundle } from '../../protocol/handshake/bundle.ts';
import type { SuiteName } from '../../protocol/handshake/suites.ts';
import { SUITES } from '../../protocol/handshake/suites.ts';
import { MAX_DEVICE_ID } from '../../protocol/limits.ts';
import { bytesOf, hex, isHex } from './hex.ts';

/** Bytes of any number, as lower-case hex. */
// @req DRV-07
export const bytes = z.string().refine(isHex, { error: 'not-hex', abort: true }).transform(bytesOf);

/** Exactly so many bytes. */
export function bytesOfLength(length: number) {
  return bytes.refine((value) => value.length === length, 'bad-length');
}

/** An unsigned 32-bit number. */
export const uint32 = z.int().min(0).max(0xffff_ffff);

/** Milliseconds since 1970. */
export const instant = z.int().min(0);

/** A handle. */
export const handle = z.string();

function isName(name: string): boolean {
  try {
    return checkAddress({ name, deviceId: 1 }).name === name;
  } catch {
    return false;
  }
}

/** `{name, deviceId}`. */
export const address = z.strictObject({
  name: z.string().refine(isName, 'bad-name'),
  deviceId: z.int().min(1).max(MAX_DEVICE_ID),
});

/** The UUID of a distribution id, in either case. */
export const distributionId = z.string().refine(isUuid, 'not-a-uuid');

/** The name of a suite of this project. */
export const suite = z.enum(SUITES.map(({ name }) => name) as [SuiteName, ...SuiteName[]]);

/** Optional fields that stand together or not at all. */
function together(names: readonly string[]) {
  return (value: object, context: z.RefinementCtx) => {
    const absent = names.filter((name) => !Object.hasOwn(value, name));
    if (absent.length === names.length) return;
    for (const name of absent) context.addIssue({ code: 'custom', path: [name], message: 'missing-field' });
  };
}

/** A prekey bundle as the protocol's table writes it. */
export const bundle = z
  .strictObject({
    registrationId: uint32,
    deviceId: z.int().min(1).max(MAX_DEVICE_ID),
    identity: bytes,
    signedPreKeyId: uint32,
    signedPreKey: bytes,
    signedPreKeySignature: bytes,
    preKeyId: uint32.optional(),
    preKey: bytes.optional(),
    kemPreKeyId: uint32.optional(),
    kemPreKey: bytes.optional(),
    kemPreKeySignature: bytes.optional(),
  })
  .superRefine(together(['preKeyId', 'preKey']))
  .superRefine(together(['kemPreKeyId', 'kemPreKey', 'kemPreKeySignature']))
  .transform((value): PreKeyBundle => {
    const { registrationId, deviceId, identity: identityKey, signedPreKeyId, signedPreKey } = value;
    const { preKeyId, preKey, kemPreKeyId, kemPreKey, kemPreKeySignature, signedPreKeySignature } = value;
    return {
      registrationId,
      deviceId,
      identityKey,
      signedPreKeyId,
      signedPreKey,
      signedPreKeySignature,
      oneTimePreKey: preKeyId === undefined || preKey === undefined ? null : { id: preKeyId, publicKey: preKey },
      kemPreKey:
        kemPreKeyId === undefined || kemPreKey === undefined || kemPreKeySignature === undefined
          ? null
          : { id: kemPreKeyId, publicKey: kemPreKey, signature: kemPreKeySignature },
    };
  });

/** A bundle as an answer carries it. */
export function writeBundle(value: PreKeyBundle): object {
  const { oneTimePreKey, kemPreKey } = value;
  return {
    registrationId: value.registrationId,
    deviceId: value.deviceId,
    identity: hex(value.identityKey),
    signedPreKeyId: value.signedPreKeyId,
    signedPreKey: hex(value.signedPreKey),
    signedPreKeySignature: hex(value.signedPreKeySignature),
    ...(oneTimePreKey === null ? {} : { preKeyId: oneTimePreKey.id, preKey: hex(oneTimePreKey.publicKey) }),
    ...(kemPreKey === null
      ? {}
      : {
          kemPreKeyId: kemPreKey.id,
          kemPreKey: hex(kemPreKey.publicKey),
          kemPreKeySignature: hex(kemPreKey.signature),
        }),
  };
}

const PLAIN_NAME = /^[A-Za-z_$][\w$-]{0,39}$/;

/** The refusal of the first thing wrong with some arguments, naming its field. */
export function badArgument(error: z.ZodError, args: unknown): ProtocolError {
  const issue = error.issues[0];
  if (issue === undefined) return new ProtocolError('InvalidArgument', 'parse', 'bad-argument', 'args');
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const [name = ''] = issue.keys;
    // A name is the caller's own text: only one that looks like a name is repeated.
    const field = PLAIN_NAME.test(name) ? [...path, name] : path;
    return new ProtocolError('InvalidArgument', 'parse', 'unknown-field', field.join('.') || 'args');
  }
  return new ProtocolError('InvalidArgument', 'parse', slugOf(issue, args), path.join('.') || 'args');
}

function slugOf(issue: z.core.$ZodIssue, args: unknown): string {
  switch (issue.code) {
    case 'custom':
      return issue.message;
    case 'too_small':
    case 'too_big':
      return 'not-in-range';
    case 'invalid_value':
    case 'invalid_union':
      return isAbsent(args, issue.path) ? 'missing-field' : 'not-one-of';
    default:
      return isAbsent(args, issue.path) ? 'missing-field' : 'wrong-type';
  }
}

function isAbsent(args: unknown, path: readonly PropertyKey[]): boolean {
  let value = args;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return true;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  return false;
}
