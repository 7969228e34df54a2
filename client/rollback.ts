/**
 * A store that is older than its witness.
 *
 * @spec 07-devices §7
 * Owns: noticing it when a device is opened, and what must never be used again: sending chains whose keys may have been used,
 * prekeys whose first messages may have been read.
 * Must not know: why it happened. A restored backup and a stolen copy that ran elsewhere look alike.
 */
import { toHex } from '../protocol/bytes/bytes.ts';
import { addressKey, type ProtocolAddress } from '../protocol/codec/address.ts';
import type { CryptoProvider } from '../protocol/crypto/provider.ts';
import { isProtocolError } from '../protocol/errors.ts';
import { closeSessions, openArchived } from '../protocol/session/archive.ts';
import type { SessionRecord } from '../protocol/session/session.ts';
import { archiveSession } from '../protocol/session/session.ts';
import type { Surroundings } from './context.ts';
import { getGeneration, setGeneration } from './records/mail.ts';
import { deletePreKeys } from './records/prekeys.ts';
import type { Self } from './records/self.ts';
import { getSession, listSessions, putSession } from './records/sessions.ts';
import type { StoreTransaction } from './store/store.ts';

const SPOILED = 'spoiled-session';

function spoiledKey(remote: ProtocolAddress, baseKey: Uint8Array): string {
  return `${addressKey(remote)}/${toHex(baseKey)}`;
}

/** Whether the current session was there when the store was found rolled back: it may receive, and never sends again. */
export function isSpoiled(tx: StoreTransaction, remote: ProtocolAddress, record: SessionRecord | null): boolean {
  const current = record?.current ?? null;
  // @req DEV-20
  return current !== null && tx.get(SPOILED, spoiledKey(remote, current.baseKey)) !== null;
}

function spoil(tx: StoreTransaction, provider: CryptoProvider, self: Self, remote: ProtocolAddress): void {
  const record = getSession(tx, provider, self, remote);
  if (record === null) return;
  const archived = archiveSession(provider, record);
  // A message on an archived session makes it current again, with its old sending chain: it is remembered by its base key.
  // One that is damaged cannot: it is never read again.
  const { sessions } = openArchived(provider, archived);
  for (const { state } of sessions) tx.put(SPOILED, spoiledKey(remote, state.baseKey), new Uint8Array(0));
  closeSessions(sessions, null);
  putSession(tx, provider, self, remote, archived);
}

/** Damaged records of single peers stay as they are: they cannot be sent on either. */
function spoilAll(tx: StoreTransaction, provider: CryptoProvider, self: Self): void {
  for (const remote of listSessions(tx)) {
    try {
      spoil(tx, provider, self, remote);
    } catch (error) {
      if (!isProtocolError(error, 'InvalidState')) throw error;
    }
  }
}

/**
 * Compares store and witness, and lets the one that is behind catch up. Where that is the store, every session is archived
 * and every prekey deleted, in one transaction, before anything can be sent (STATE-05). Keys that are made later replace those
 * that the relay still has.
 *
 * @returns true where the store had been rolled back.
 */
export async function checkGeneration(around: Surroundings, self: Self): Promise<boolean> {
  const { provider, store, witness } = around;
  const witnessed = await witness.read();
  const found = await store.transaction((tx) => {
    const generation = getGeneration(tx, provider);
    // @req DEV-19
    if (generation < witnessed) {
      spoilAll(tx, provider, self);
      deletePreKeys(tx);
      setGeneration(tx, provider, witnessed + 1);
    }
    return generation;
  });
  await witness.advance(Math.max(found, found < witnessed ? witnessed + 1 : 0));
  if (found < witnessed) around.emit({ type: 'rollbackDetected', generation: found, witnessed });
  return found < witnessed;
}
