/**
 * What a sender key is, and what a record of them is.
 *
 * @spec 13-groups §1
 * Owns: the shape of both, and to whom a record belongs.
 * Must not know: bytes on the wire or in storage. Nothing here is mutated; who replaces a state wipes what it replaced.
 */
import type { Secret } from '../bytes/secret.ts';
import type { ProtocolAddress } from '../codec/address.ts';
import { addressKey, isUuid } from '../codec/address.ts';
import { ProtocolError } from '../errors.ts';
import type { SkippedSeeds } from '../ratchet/skipped.ts';
import type { ChainKey } from '../ratchet/symmetric.ts';

/**
 * Whose sender key, for which list of recipients. `sender` is the address that a pairwise session authenticated, never a
 * claim of the message itself; for a key of our own it is our address.
 */
export interface SenderKeyName {
  readonly sender: ProtocolAddress;
  /** UUID. */
  readonly distributionId: string;
}

/** One sender key. Keys are raw, 32 bytes. */
export interface SenderKeyState {
  /** Below 2^32. */
  readonly chainId: number;
  readonly chain: ChainKey;
  readonly signingKey: Uint8Array;
  /** Null where the key is another device's. */
  readonly signingPrivateKey: Secret<'EcPrivateKey'> | null;
  readonly skipped: SkippedSeeds;
}

/** All sender keys under one name: one to five, newest first. */
export interface SenderKeyRecord {
  /** {@link senderKeyRecordKey} of the name to which it belongs. */
  readonly key: string;
  readonly states: readonly SenderKeyState[];
}

/**
 * The one text under which stores keep a record: distribution id in lower case, `/`, address key.
 * @throws {ProtocolError} `InvalidArgument`: `not-a-uuid`, and as `checkAddress`.
 */
export function senderKeyRecordKey(name: SenderKeyName): string {
  const { distributionId, sender } = name;
  if (typeof distributionId !== 'string' || !isUuid(distributionId))
    throw new ProtocolError('InvalidArgument', 'parse', 'not-a-uuid', 'distributionId');
  // @req SKY-03
  return `${distributionId.toLowerCase()}/${addressKey(sender)}`;
}

/** @throws {ProtocolError} `InvalidState`/`record-other-sender` where a record belongs to another name. */
export function assertBelongs(record: SenderKeyRecord | null, name: SenderKeyName): string {
  const key = senderKeyRecordKey(name);
  // @req SKY-03
  if (record !== null && record.key !== key)
    throw new ProtocolError('InvalidState', 'state', 'record-other-sender', 'senderKeyRecord');
  return key;
}
