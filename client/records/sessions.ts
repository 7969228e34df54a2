/**
 * Stored session records.
 *
 * @spec 07-devices §6
 * Owns: where records are kept, and the environment in which a session step runs.
 * Must not know: when steps run. A damaged record is an error for its peer alone, and never a fresh session (STATE-09).
 */
import { equalBytes } from '../../protocol/bytes/bytes.ts';
import { addressKey, type ProtocolAddress } from '../../protocol/codec/address.ts';
import type { ManifestDevice } from '../../protocol/codec/manifest.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { isProtocolError } from '../../protocol/errors.ts';
import type { SessionEnvironment, SessionRecord } from '../../protocol/session/session.ts';
import { archiveSession, parseRecord, serializeRecord } from '../../protocol/session/session.ts';
import type { Surroundings } from '../context.ts';
import type { StoreTransaction } from '../store/store.ts';
import type { Self } from './self.ts';

const TABLE = 'session';

/** This device's own address. */
export function addressOf(self: Self): ProtocolAddress {
  return { name: self.account, deviceId: self.deviceId };
}

/** The record of a remote device, or null. @throws {ProtocolError} `InvalidState`, as `parseRecord`. */
export function getSession(
  tx: StoreTransaction,
  provider: CryptoProvider,
  self: Self,
  remote: ProtocolAddress,
): SessionRecord | null {
  const bytes = tx.get(TABLE, addressKey(remote));
  return bytes === null ? null : parseRecord(provider, bytes, addressOf(self), remote);
}

export function putSession(
  tx: StoreTransaction,
  provider: CryptoProvider,
  self: Self,
  remote: ProtocolAddress,
  record: SessionRecord,
): void {
  const bytes = serializeRecord(provider, record, addressOf(self), remote);
  tx.put(TABLE, addressKey(remote), bytes);
  bytes.fill(0);
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
