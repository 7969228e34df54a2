/**
 * Session records as bytes.
 *
 * @spec 05-sessions §2
 * Owns: the stored layout, its version, its checks: a damaged, foreign or newer record is refused, never half-read.
 * Must not know: where records are stored. Serialised states hold secrets: they live in `Secret` until they leave.
 */
import { concat, equalBytes, utf8 } from '../bytes/bytes.ts';
import { ByteReader, ByteWriter } from '../bytes/cursor.ts';
import { Secret, type Wipeable, wipeAll } from '../bytes/secret.ts';
import type { ProtocolAddress } from '../codec/address.ts';
import { addressKey } from '../codec/address.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { EC_KEY_BYTES } from '../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { suiteById } from '../handshake/suites.ts';
import { MAX_ARCHIVED_STATES, MAX_RECEIVER_CHAINS, MAX_RECORD_BYTES } from '../limits.ts';
import { readSpqr, writeSpqr } from '../ratchet/braid/state-bytes.ts';
import type { ReceiverChain, SenderChain } from '../ratchet/double.ts';
import { isSkippedSeeds } from '../ratchet/skipped.ts';
import type { ChainKey } from '../ratchet/symmetric.ts';
import { RATCHET_KEY_BYTES } from '../ratchet/symmetric.ts';
import { secretsOfTriple } from '../ratchet/triple.ts';
import type { ArchivedSession, PendingPreKey, SessionRecord, SessionState } from './state.ts';

const MAGIC = 0x50;
/** Version 1 had no post-quantum ratchet; it was never released, and is refused. */
const RECORD_VERSION = 2;
const CHECKSUM_BYTES = 8;
const PEER_TAG_BYTES = 8;
const KIND = 'sessionRecord';

function malformed(reason: string): ProtocolError {
  return new ProtocolError('InvalidState', 'parse', reason, KIND);
}

function writeChain(out: ByteWriter, chain: ChainKey): void {
  out.u32(chain.index).fixed(chain.key.expose());
}

function writePending(out: ByteWriter, pending: PendingPreKey | null): void {
  if (pending === null) {
    out.u8(0);
    return;
  }
  const flags = 1 | (pending.preKeyId === null ? 0 : 2) | (pending.kemCiphertext === null ? 0 : 4);
  out.u8(flags).u32(pending.signedPreKeyId).u53(pending.createdAt);
  if (pending.preKeyId !== null) out.u32(pending.preKeyId);
  if (pending.kemCiphertext !== null) out.u32(pending.kemPreKeyId as number).sized(pending.kemCiphertext);
}

function writeState(state: SessionState): Uint8Array {
  const { ratchet } = state;
  const out = new ByteWriter();
  out.u32(state.suite.id).fixed(state.localIdentity).fixed(state.remoteIdentity).fixed(state.baseKey);
  out.u32(state.localRegistrationId).u32(state.remoteRegistrationId);
  out.fixed(ratchet.rootKey.expose()).u32(ratchet.previousCounter);
  out.fixed(ratchet.sender.ratchet.publicKey).fixed(ratchet.sender.ratchet.privateKey.expose());
  writeChain(out, ratchet.sender.chain);
  out.u8(ratchet.receivers.length);
  for (const receiver of ratchet.receivers) {
    out.fixed(receiver.ratchetKey);
    writeChain(out, receiver.chain);
    out.sized(receiver.skipped.expose());
  }
  writePending(out, state.pending);
  writeSpqr(out, state.pq);
  return out.finish();
}

/** Serialises one session behind its checksum. */
export function sealState(provider: CryptoProvider, state: SessionState): ArchivedSession {
  const body = writeState(state);
  const sealed = concat(provider.sha256(body).subarray(0, CHECKSUM_BYTES), body);
  body.fill(0);
  return { sealed: new Secret<'SessionState'>(sealed) };
}

function readChain(input: ByteReader): ChainKey {
  return { index: input.u32(), key: new Secret<'ChainKey'>(input.fixed(RATCHET_KEY_BYTES)) };
}

function readReceivers(input: ByteReader): ReceiverChain[] {
  const count = input.u8();
  if (count > MAX_RECEIVER_CHAINS) throw malformed('record-malformed');
  return Array.from({ length: count }, () => {
    const ratchetKey = input.fixed(EC_KEY_BYTES);
    const chain = readChain(input);
    const skipped = input.sized();
    // The message before the chain's index was read: it brought the chain there.
    // @req SES-02
    if (!isSkippedSeeds(skipped, 0, chain.index - 1)) throw malformed('record-malformed');
    return { ratchetKey, chain, skipped: new Secret<'SkippedSeeds'>(skipped) };
  });
}

function readSender(input: ByteReader): SenderChain {
  const publicKey = input.fixed(EC_KEY_BYTES);
  const privateKey = new Secret<'EcPrivateKey'>(input.fixed(EC_KEY_BYTES));
  return { ratchet: { publicKey, privateKey }, chain: readChain(input) };
}

function readPending(input: ByteReader): PendingPreKey | null {
  const flags = input.u8();
  if (flags === 0) return null;
  if ((flags & ~7) !== 0 || (flags & 1) === 0) throw malformed('record-malformed');
  const signedPreKeyId = input.u32();
  const createdAt = input.u53();
  const preKeyId = (flags & 2) === 0 ? null : input.u32();
  const kemPreKeyId = (flags & 4) === 0 ? null : input.u32();
  const kemCiphertext = (flags & 4) === 0 ? null : input.sized();
  return { preKeyId, signedPreKeyId, kemPreKeyId, kemCiphertext, createdAt };
}

/**
 * Reads one session.
 * @throws {ProtocolError} `InvalidState`: `record-checksum`, `record-malformed`, `record-truncated`, `record-trailing-bytes`.
 */
export function openState(provider: CryptoProvider, archived: ArchivedSession): SessionState {
  const bytes = archived.sealed.expose();
  const body = bytes.subarray(CHECKSUM_BYTES);
  // @req SES-02
  if (!equalBytes(provider.sha256(body).subarray(0, CHECKSUM_BYTES), bytes.subarray(0, CHECKSUM_BYTES))) {
    throw malformed('record-checksum');
  }
  const input = new ByteReader(body, KIND);
  const suite = suiteById(input.u32());
  if (suite === null) throw malformed('record-malformed');
  const state: SessionState = {
    suite,
    localIdentity: input.fixed(EC_KEY_BYTES),
    remoteIdentity: input.fixed(EC_KEY_BYTES),
    baseKey: input.fixed(EC_KEY_BYTES),
    localRegistrationId: input.u32(),
    remoteRegistrationId: input.u32(),
    ratchet: {
      rootKey: new Secret<'RootKey'>(input.fixed(RATCHET_KEY_BYTES)),
      previousCounter: input.u32(),
      sender: readSender(input),
      receivers: readReceivers(input),
    },
    pending: readPending(input),
    pq: readSpqr(input),
  };
  input.end();
  return state;
}

/** Every secret that a record holds. */
export function secretsOfRecord({ current, archived }: SessionRecord): readonly Wipeable[] {
  return [...(current === null ? [] : secretsOfTriple(current)), ...archived.map(({ sealed }) => sealed)];
}

function peerTag(provider: CryptoProvider, local: ProtocolAddress, remote: ProtocolAddress): Uint8Array {
  const names = concat(utf8(addressKey(local)), Uint8Array.of(0), utf8(addressKey(remote)));
  return provider.sha256(names).subarray(0, PEER_TAG_BYTES);
}

/** Drops archived sessions, oldest first, until all together fit into `maxBytes` (SES-08). */
export function trimArchived(archived: readonly ArchivedSession[], maxBytes: number): readonly ArchivedSession[] {
  let total = 0;
  // @req SES-08
  const kept = archived.slice(0, MAX_ARCHIVED_STATES).findIndex((session) => {
    total += session.sealed.length + 4;
    return total > maxBytes;
  });
  return kept < 0 ? archived.slice(0, MAX_ARCHIVED_STATES) : archived.slice(0, kept);
}

/**
 * The stored form of a record: `50`, version 2, an 8-byte tag of both addresses, the current session or nothing, the
 * archived ones. At most 20 MiB. The result holds secrets.
 */
export function serializeRecord(
  provider: CryptoProvider,
  record: SessionRecord,
  local: ProtocolAddress,
  remote: ProtocolAddress,
): Uint8Array {
  const current = record.current === null ? null : sealState(provider, record.current).sealed;
  const room = MAX_RECORD_BYTES - (current?.length ?? 0) - 64;
  const archived = trimArchived(record.archived, room);
  const out = new ByteWriter();
  out
    .u8(MAGIC)
    .u8(RECORD_VERSION)
    .fixed(peerTag(provider, local, remote));
  out.u8(current === null ? 0 : 1);
  if (current !== null) out.sized(current.expose());
  out.u8(archived.length);
  for (const session of archived) out.sized(session.sealed.expose());
  current?.wipe();
  return out.finish();
}

/**
 * Reads a stored record.
 * @throws {ProtocolError} `InvalidState`: `record-version` (another layout), `record-other-peer` (stored under another
 * address), or one of `openState`'s reasons. Never falls back to a fresh session (SES-02).
 */
export function parseRecord(
  provider: CryptoProvider,
  bytes: Uint8Array,
  local: ProtocolAddress,
  remote: ProtocolAddress,
): SessionRecord {
  const input = new ByteReader(bytes, KIND);
  if (input.u8() !== MAGIC) throw malformed('record-malformed');
  if (input.u8() !== RECORD_VERSION) throw malformed('record-version');
  if (!equalBytes(input.fixed(PEER_TAG_BYTES), peerTag(provider, local, remote))) throw malformed('record-other-peer');
  const read: ArchivedSession[] = [];
  try {
    return readSessions(provider, input, read);
  } catch (error) {
    wipeAll(read.map(({ sealed }) => sealed));
    throw error;
  }
}

/** The sessions of a record; each is noted in `read` as well, for whoever must erase them after a failure. */
function readSessions(provider: CryptoProvider, input: ByteReader, read: ArchivedSession[]): SessionRecord {
  const next = (): ArchivedSession => {
    const session = { sealed: new Secret<'SessionState'>(input.sized()) };
    read.push(session);
    return session;
  };
  const hasCurrent = input.u8();
  if (hasCurrent > 1) throw malformed('record-malformed');
  const sealedCurrent = hasCurrent === 1 ? next() : null;
  const count = input.u8();
  if (count > MAX_ARCHIVED_STATES) throw malformed('record-malformed');
  const archived = Array.from({ length: count }, next);
  input.end();
  const current = sealedCurrent === null ? null : openState(provider, sealedCurrent);
  sealedCurrent?.sealed.wipe();
  return { current, archived };
}
