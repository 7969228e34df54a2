/**
 * Which devices an account has, as the account itself says.
 *
 * @spec 07-devices §2
 * Owns: pinned account keys, verified manifests, the judgement of every manifest that a relay offers.
 * Must not know: sessions beyond deleting those of devices that are gone. A relay can withhold a manifest; it cannot make one.
 */
import { equalBytes } from '../protocol/bytes/bytes.ts';
import { ByteWriter } from '../protocol/bytes/cursor.ts';
import { isUuid } from '../protocol/codec/address.ts';
import type { DeviceManifest, ManifestDevice, SignedManifest } from '../protocol/codec/manifest.ts';
import {
  compareManifests,
  encodeSignedManifest,
  parseSignedManifest,
  verifyManifest,
} from '../protocol/codec/manifest.ts';
import type { CryptoProvider } from '../protocol/crypto/provider.ts';
import { EC_KEY_BYTES } from '../protocol/crypto/provider.ts';
import { isProtocolError, ProtocolError } from '../protocol/errors.ts';
import type { Context } from './context.ts';
import { getRecord, putRecord } from './records/sealed.ts';
import { deleteSession, listSessions } from './records/sessions.ts';
import type { StoreTransaction } from './store/store.ts';
import type { DeviceEvent } from './types.ts';

const PINS = 'account-key';
const MANIFESTS = 'manifest';

/** The canonical name of an account. @throws {ProtocolError} `InvalidArgument`/`not-a-uuid`. */
export function canonicalAccount(account: string): string {
  // @req DEV-01
  if (typeof account !== 'string' || !isUuid(account)) {
    throw new ProtocolError('InvalidArgument', 'parse', 'not-a-uuid', 'account');
  }
  return account.toLowerCase();
}

/** The account key that this device holds an account to: raw, 32 bytes; null before first contact. */
export function getPin(tx: StoreTransaction, provider: CryptoProvider, account: string): Uint8Array | null {
  const input = getRecord(tx, provider, PINS, account);
  const key = input?.fixed(EC_KEY_BYTES) ?? null;
  input?.end();
  return key;
}

export function putPin(tx: StoreTransaction, provider: CryptoProvider, account: string, key: Uint8Array): void {
  putRecord(tx, provider, PINS, account, new ByteWriter().fixed(key).finish());
}

/** The verified manifest of an account, or null. */
export function getManifest(tx: StoreTransaction, provider: CryptoProvider, account: string): SignedManifest | null {
  const input = getRecord(tx, provider, MANIFESTS, account);
  if (input === null) return null;
  const signed = parseSignedManifest(input.sized());
  input.end();
  return signed;
}

/** Forgets an account's manifest, so that the next one is judged by the account key alone. */
export function deleteManifest(tx: StoreTransaction, account: string): void {
  tx.delete(MANIFESTS, account);
}

/** A device of a manifest, or null. */
export function deviceOf(manifest: DeviceManifest | undefined, deviceId: number): ManifestDevice | null {
  return manifest?.devices.find((device) => device.deviceId === deviceId) ?? null;
}

/** What a device holds an account to. */
export interface Known {
  readonly pin: Uint8Array | null;
  readonly manifest: SignedManifest | null;
}

function getKnown(tx: StoreTransaction, provider: CryptoProvider, account: string): Known {
  return { pin: getPin(tx, provider, account), manifest: getManifest(tx, provider, account) };
}

/**
 * Judges a manifest that a relay offers for an account: signed by the account key (the pinned one, where there is one), and
 * no step back from the manifest known. Versions may be skipped: what the account signed last is what holds.
 *
 * @throws {ProtocolError} `UntrustedIdentity`/`account-key-changed`; `InvalidSignature`/`manifest-signature`;
 * `InvalidState`: `manifest-rollback`, `manifest-fork`; `InvalidMessage`/`manifest-other-account`, or from parsing.
 */
function judgeManifest(provider: CryptoProvider, account: string, known: Known, offered: Uint8Array): SignedManifest {
  const signed = parseSignedManifest(offered);
  if (signed.manifest.account !== account) {
    throw new ProtocolError('InvalidMessage', 'verify', 'manifest-other-account', 'manifest');
  }
  const accountKey = known.pin ?? signed.manifest.accountKey;
  // @req DEV-03
  if (!equalBytes(accountKey, signed.manifest.accountKey)) {
    throw new ProtocolError('UntrustedIdentity', 'policy', 'account-key-changed', 'manifest');
  }
  verifyManifest(provider, signed, accountKey);
  const relation = known.manifest === null ? 'successor' : compareManifests(provider, known.manifest, signed);
  // @req DEV-04
  if (relation === 'older') throw new ProtocolError('InvalidState', 'verify', 'manifest-rollback', 'manifest');
  if (relation === 'fork') throw new ProtocolError('InvalidState', 'verify', 'manifest-fork', 'manifest');
  return signed;
}

function tellRefusal(ctx: Context, account: string, error: unknown): void {
  if (!isProtocolError(error)) return;
  if (error.code === 'UntrustedIdentity') ctx.emit({ type: 'identityChanged', account, deviceId: null });
  else ctx.emit({ type: 'manifestRefused', account, reason: error.reason });
}

/**
 * Asks the relay for an account's manifest and judges it; stores nothing. Null where the relay knows no such account.
 * @throws {ProtocolError} as {@link judgeManifest}, after telling the application; {@link RelayError}.
 */
export async function fetchManifest(ctx: Context, account: string): Promise<SignedManifest | null> {
  const known = await ctx.store.transaction((tx) => getKnown(tx, ctx.provider, account));
  const offered = await ctx.relay.fetchManifest(account);
  if (offered === null) return null;
  try {
    return judgeManifest(ctx.provider, account, known, offered);
  } catch (error) {
    tellRefusal(ctx, account, error);
    throw error;
  }
}

/** The manifest that holds: the stored one, or a judged candidate that is newer. */
export function currentManifest(
  tx: StoreTransaction,
  provider: CryptoProvider,
  account: string,
  candidate: SignedManifest | null,
): SignedManifest | null {
  const known = getKnown(tx, provider, account);
  if (candidate === null) return known.manifest;
  if (known.manifest !== null && known.manifest.manifest.version > candidate.manifest.version) return known.manifest;
  // Judged again: another process may have pinned or stored something since.
  return judgeManifest(provider, account, known, encodeSignedManifest(candidate));
}

/**
 * Stores a manifest unless it or a newer one is there, judged by what is known in this transaction; pins its account key at
 * first contact, and deletes the sessions of devices that it no longer holds or holds with another identity key.
 * @returns what to tell the application once the transaction is committed.
 * @throws {ProtocolError} as {@link judgeManifest}.
 */
export function saveManifest(tx: StoreTransaction, provider: CryptoProvider, signed: SignedManifest): DeviceEvent[] {
  const { account } = signed.manifest;
  const known = getKnown(tx, provider, account);
  const before = known.manifest;
  if (before !== null && before.manifest.version >= signed.manifest.version) return [];
  // Judged again, as in currentManifest.
  judgeManifest(provider, account, known, encodeSignedManifest(signed));
  putRecord(tx, provider, MANIFESTS, account, new ByteWriter().sized(encodeSignedManifest(signed)).finish());
  // @req DEV-02
  if (known.pin === null) putPin(tx, provider, account, signed.manifest.accountKey);
  // @req DEV-06
  for (const remote of listSessions(tx, account)) {
    const now = deviceOf(signed.manifest, remote.deviceId);
    const then = deviceOf(before?.manifest, remote.deviceId);
    if (now === null || (then !== null && !equalBytes(then.identityKey, now.identityKey))) deleteSession(tx, remote);
  }
  const first: DeviceEvent[] = before === null && known.pin === null ? [{ type: 'accountPinned', account }] : [];
  return [...first, ...changes(before?.manifest ?? null, signed.manifest)];
}

/** Devices that came and went; none at first contact, where all are new. */
function changes(before: DeviceManifest | null, after: DeviceManifest): DeviceEvent[] {
  if (before === null) return [];
  const { account } = after;
  const added = after.devices.filter(({ deviceId, identityKey }) => {
    const then = deviceOf(before, deviceId);
    return then === null || !equalBytes(then.identityKey, identityKey);
  });
  const removed = before.devices.filter(({ deviceId }) => deviceOf(after, deviceId) === null);
  return [
    ...added.map(({ deviceId, name }): DeviceEvent => ({ type: 'deviceAdded', account, deviceId, name })),
    ...removed.map(({ deviceId }): DeviceEvent => ({ type: 'deviceRemoved', account, deviceId })),
  ];
}
