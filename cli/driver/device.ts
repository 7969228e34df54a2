/**
 * A device of the driver, as a value.
 *
 * @spec 11-driver §4
 * Owns: what a device holds, whom it trusts, which prekeys it still has. Must not know: requests, other devices.
 * Nothing is changed in place: an operation makes the next value, so that one which fails has changed nothing.
 */
import { equalBytes } from '../../protocol/bytes/bytes.ts';
import type { Wipeable } from '../../protocol/bytes/secret.ts';
import type { ProtocolAddress } from '../../protocol/codec/address.ts';
import { addressKey } from '../../protocol/codec/address.ts';
import type { KemName } from '../../protocol/crypto/kem.ts';
import type { CryptoProvider, EcKeyPair, KemKeyPair, RandomSource } from '../../protocol/crypto/provider.ts';
import type { SenderKeyName, SenderKeyRecord } from '../../protocol/group/sender-key.ts';
import type { SuiteName } from '../../protocol/handshake/suites.ts';
import type {
  PqRatchetPolicy,
  PreKeyLookup,
  SessionEnvironment,
  SessionRecord,
  UsedPreKeys,
} from '../../protocol/session/session.ts';
import type { RandomStream } from '../../protocol/testing/random-stream.ts';
import { hex } from './hex.ts';

/** What a device knows of one remote device. */
export interface Peer {
  readonly address: ProtocolAddress;
  /** The identity key trusted on first use, raw, 32 bytes. */
  readonly identity: Uint8Array;
  readonly record: SessionRecord;
}

/** A KEM prekey; its private key is a 64-byte seed. */
export interface StoredKem extends KemKeyPair {
  readonly kem: KemName;
  /** Deleted with its first use; a key of a bundle without one-time keys stays, as a last resort. */
  readonly oneTime: boolean;
}

/** A sender key record and its name. */
export interface StoredSenderKey {
  readonly name: SenderKeyName;
  readonly record: SenderKeyRecord;
}

/** Everything that `device.save` saves. */
export interface Device {
  readonly local: ProtocolAddress;
  readonly suites: readonly SuiteName[];
  readonly pqRatchet: PqRatchetPolicy;
  readonly identity: EcKeyPair;
  readonly registrationId: number;
  /** Null where the device draws from the system. */
  readonly stream: RandomStream | null;
  /** Prekeys of every kind are numbered together, from 1. */
  readonly nextPreKeyId: number;
  readonly signedPreKeys: ReadonlyMap<number, EcKeyPair>;
  readonly oneTimePreKeys: ReadonlyMap<number, EcKeyPair>;
  readonly kemPreKeys: ReadonlyMap<number, StoredKem>;
  /** {@link baseKeyName} of every handshake taken. */
  readonly baseKeys: ReadonlySet<string>;
  /** By address key. */
  readonly peers: ReadonlyMap<string, Peer>;
  /** By sender key record key. */
  readonly senderKeys: ReadonlyMap<string, StoredSenderKey>;
}

/** A copy of a map with one more entry. */
export function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value);
}

function withoutKey<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const next = new Map(map);
  next.delete(key);
  return next;
}

/** What is known of a remote device, or null. */
export function peerOf(device: Device, remote: ProtocolAddress): Peer | null {
  return device.peers.get(addressKey(remote)) ?? null;
}

/** A session step's surroundings. Trust on first use: an identity key once seen is the only one for its address (DRV-12). */
export function environmentOf(
  device: Device,
  remote: ProtocolAddress,
  { provider, random, now }: { readonly provider: CryptoProvider; readonly random: RandomSource; readonly now: number },
): SessionEnvironment {
  const { local, identity, registrationId, suites, pqRatchet } = device;
  const known = peerOf(device, remote)?.identity ?? null;
  // @req DRV-12
  const isTrusted = (key: Uint8Array) => known === null || equalBytes(known, key);
  return { provider, random, now, local, remote, identity, registrationId, suites, pqRatchet, isTrusted };
}

/** The device after a session step. */
export function withSession(
  device: Device,
  address: ProtocolAddress,
  { record, remoteIdentity }: { readonly record: SessionRecord; readonly remoteIdentity: Uint8Array },
): Device {
  return {
    ...device,
    peers: withEntry(device.peers, addressKey(address), { address, identity: remoteIdentity, record }),
  };
}

function baseKeyName(signedPreKeyId: number, kemPreKeyId: number | null, baseKey: Uint8Array): string {
  return `${signedPreKeyId}.${kemPreKeyId ?? '-'}.${hex(baseKey)}`;
}

/** The device's prekeys as a session step asks for them. */
export function preKeyLookup(device: Device): PreKeyLookup {
  return {
    signedPreKey: (id) => device.signedPreKeys.get(id) ?? null,
    oneTimePreKey: (id) => device.oneTimePreKeys.get(id) ?? null,
    kemPreKey: (id) => device.kemPreKeys.get(id) ?? null,
    baseKeySeen: (signedId, kemId, baseKey) => device.baseKeys.has(baseKeyName(signedId, kemId, baseKey)),
  };
}

/** Takes away the one-time keys that a session consumed and remembers its base key (DRV-11). */
export function consumePreKeys(
  device: Device,
  used: UsedPreKeys,
): { readonly device: Device; readonly spent: readonly Wipeable[] } {
  const { oneTimePreKeyId: oneTimeId, kemPreKeyId: kemId } = used;
  const oneTime = oneTimeId === null ? undefined : device.oneTimePreKeys.get(oneTimeId);
  const stored = kemId === null ? undefined : device.kemPreKeys.get(kemId);
  const kem = stored?.oneTime === true ? stored : undefined;
  const name = baseKeyName(used.signedPreKeyId, kemId, used.baseKey);
  return {
    // @req DRV-11
    device: {
      ...device,
      oneTimePreKeys: oneTimeId === null ? device.oneTimePreKeys : withoutKey(device.oneTimePreKeys, oneTimeId),
      kemPreKeys: kem === undefined || kemId === null ? device.kemPreKeys : withoutKey(device.kemPreKeys, kemId),
      baseKeys: new Set(device.baseKeys).add(name),
    },
    spent: [oneTime, kem].flatMap((pair) => (pair === undefined ? [] : [pair.privateKey])),
  };
}
