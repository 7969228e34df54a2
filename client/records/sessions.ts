/**
 * Stored session records.
 *
 * @spec 07-devices §6
 * Owns: where records are kept, and the environment in which a session step runs.
 * Must not know: when steps run. A damaged record is an error for its peer alone, and never a fresh session (STATE-09).
 * Secrets of records live in the store; what is read from there or written there is wiped with its transaction.
 */
import { equalBytes } from '../../protocol/bytes/bytes.ts';
import type { Wipeable } from '../../protocol/bytes/secret.ts';
import { addressKey, type ProtocolAddress } from '../../protocol/codec/address.ts';
import type { ManifestDevice } from '../../protocol/codec/manifest.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { isProtocolError } from '../../protocol/errors.ts';
import type { SessionEnvironment, SessionRecord } from '../../protocol/session/session.ts';
import { archiveSession, parseRecord, secretsOfRecord, serializeRecord } from '../../protocol/session/session.ts';
import type { Surroundings } from '../context.ts';
import type { StoreTransaction } from '../store/store.ts';
import type { Self } from './self.ts';

const TABLE = 'session';

/** This device's own address. */
export function addressOf(self: Self): ProtocolAddress {
  return { name: self.account, deviceId: self.deviceId };
}

/** The record of a remote device, to be used within the transaction, or null. @throws {ProtocolError} `InvalidState`, as `parseRecord`. */
export function getSession(
  tx: StoreTransaction,
  provider: CryptoProvider,
  self: Self,
  remote: ProtocolAddress,
): SessionRecord | null {
  const bytes = tx.get(TABLE, addressKey(remote));
  if (bytes === null) return null;
  const record = parseRecord(provider, bytes, addressOf(self), remote);
  // @req KEY-18
  tx.wipeAfter(secretsOfRecord(record));
  return record;
}

/** Has everything wiped with the transaction that a step on a record made and spent: call it before anything else may throw. */
export function wipeStepAfter(
  tx: StoreTransaction,
  step: { readonly record: SessionRecord; readonly spent: readonly Wipeable[] },
): void {
  tx.wipeAfter(step.spent);
  tx.wipeAfter(secretsOfRecord(step.record));
}

/** Stores the record of a remote device; its secrets are wiped with the transaction. */
export function putSession(
  tx: StoreTransaction,
  provider: CryptoProvider,
  self: Self,
  remote: ProtocolAddress,
  record: SessionRecord,
): void {
  tx.wipeAfter(secretsOfRecord(record));
  const bytes = serializeRecord(provider, record, addressOf(self), remote);
  try {
    tx.put(TABLE, addressKey(remote), bytes);
  } finally {
    bytes.fill(0);
  }
}

export function deleteSession(tx: StoreTransaction, remote: ProtocolAddress): void {
  tx.delete(TABLE, addressKey(remote));
}

/** The devices of an account, or of all, with which there are records. */
export function listSessions(tx: StoreTransaction, account?: string): ProtocolAddress[] {
  return tx.list(TABLE, account === undefined ? '' : `${account}.`).map(([key]) => {
    const dot = key.lastIndexOf('.');
    return { name: key.slice(0, dot), deviceId: Number(key.slice(dot + 1)) };
  });
}

/**
 * Archives the current session with each of the given devices, as the application asked: the next message to them begins a
 * new one. A damaged record is deleted: nothing else would ever replace it.
 */
export function archiveSessions(
  tx: StoreTransaction,
  provider: CryptoProvider,
  self: Self,
  remotes: readonly ProtocolAddress[],
): void {
  for (const remote of remotes) {
    try {
      const record = getSession(tx, provider, self, remote);
      if (record !== null) putSession(tx, provider, self, remote, archiveSession(provider, record));
    } catch (error) {
      if (!isProtocolError(error, 'InvalidState')) throw error;
      deleteSession(tx, remote);
    }
  }
}

/** The environment of a step with a remote device, which is trusted if its account certified it (DEV-05). */
export function environment(
  around: Surroundings,
  self: Self,
  remote: ProtocolAddress,
  certified: ManifestDevice | null,
): SessionEnvironment {
  const { provider, random, clock, suites, pqRatchet } = around;
  return {
    provider,
    random,
    now: clock.now(),
    local: addressOf(self),
    remote,
    identity: self.identity,
    registrationId: self.registrationId,
    suites,
    pqRatchet,
    // @req DEV-05
    isTrusted: (identityKey) => certified !== null && equalBytes(certified.identityKey, identityKey),
  };
}
