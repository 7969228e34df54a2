/**
 * A whole device as bytes.
 *
 * @spec 11-driver §5
 * Owns: the saved layout, its version and checksum; a damaged state is refused whole. Must not know: operations.
 * The bytes hold every secret of the device. What can be computed, such as public keys, is not saved.
 */
import { concat, equalBytes, fromUtf8, utf8 } from '../../protocol/bytes/bytes.ts';
import { ByteReader, ByteWriter } from '../../protocol/bytes/cursor.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import type { ProtocolAddress } from '../../protocol/codec/address.ts';
import { addressKey, checkAddress } from '../../protocol/codec/address.ts';
import type { KemName } from '../../protocol/crypto/kem.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import type { CryptoProvider, EcKeyPair } from '../../protocol/crypto/provider.ts';
import { EC_KEY_BYTES, KEM_SEED_BYTES } from '../../protocol/crypto/provider.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { parseSenderKeyRecord, senderKeyRecordKey, serializeSenderKeyRecord } from '../../protocol/group/sender-key.ts';
import { getSuite, suiteById } from '../../protocol/handshake/suites.ts';
import { MAX_REGISTRATION_ID } from '../../protocol/limits.ts';
import type { PqRatchetPolicy } from '../../protocol/session/session.ts';
import { parseRecord, serializeRecord } from '../../protocol/session/session.ts';
import type { RandomStream } from '../../protocol/testing/random-stream.ts';
import { STREAM_SEED_BYTES } from '../../protocol/testing/random-stream.ts';
import type { Device, Peer, StoredKem, StoredSenderKey } from './device.ts';

/** `PD`, version 1. */
const HEADER = Uint8Array.of(0x50, 0x44, 1);
const CHECKSUM_BYTES = 32;
const KIND = 'state';
/** Both by their number in saved states; numbers are never reused. */
const POLICIES: readonly PqRatchetPolicy[] = ['required', 'optional', 'off'];
const KEMS: readonly KemName[] = ['ML-KEM-1024', 'Kyber-1024-r3'];

function damaged(reason: string): ProtocolError {
  return new ProtocolError('InvalidArgument', 'parse', reason, KIND);
}

function writeAddress(out: ByteWriter, { name, deviceId }: ProtocolAddress): void {
  out.sized(utf8(name)).u8(deviceId);
}

function readAddress(input: ByteReader): ProtocolAddress {
  return checkAddress({ name: fromUtf8(input.sized(), KIND), deviceId: input.u8() });
}

function readFlag(input: ByteReader): boolean {
  const flag = input.u8();
  if (flag > 1) throw damaged('state-damaged');
  return flag === 1;
}

/** Numbers by size, texts by their UTF-16 units. */
function ascending<K extends number | string>(a: K, b: K): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** In the order of the keys, which says nothing of how they came: equal devices are equal bytes. */
function writeEntries<K extends number | string, V>(
  out: ByteWriter,
  entries: ReadonlyMap<K, V>,
  write: (value: V, key: K) => void,
): void {
  out.u32(entries.size);
  // @req DRV-24
  const keys = [...entries.keys()].sort(ascending);
  for (const key of keys) write(entries.get(key) as V, key);
}

/** Reads what `writeEntries` wrote; a key that comes twice is damage. */
function readEntries<K, V>(input: ByteReader, read: () => readonly [K, V]): ReadonlyMap<K, V> {
  const entries = new Map<K, V>();
  for (let left = input.u32(); left > 0; left--) {
    const [key, value] = read();
    if (entries.has(key)) throw damaged('state-damaged');
    entries.set(key, value);
  }
  return entries;
}

function writeEcKeys(out: ByteWriter, keys: ReadonlyMap<number, EcKeyPair>): void {
  writeEntries(out, keys, (pair, id) => out.u32(id).fixed(pair.privateKey.expose()));
}

function readEcKeys(provider: CryptoProvider, input: ByteReader): ReadonlyMap<number, EcKeyPair> {
  return readEntries(input, () => [input.u32(), provider.x25519FromPrivate(input.fixed(EC_KEY_BYTES))]);
}

function writeKemKeys(out: ByteWriter, keys: ReadonlyMap<number, StoredKem>): void {
  writeEntries(out, keys, ({ kem, oneTime, privateKey }, id) =>
    out
      .u32(id)
      .u8(KEMS.indexOf(kem))
      .u8(oneTime ? 1 : 0)
      .fixed(privateKey.expose()),
  );
}

function readKem(provider: CryptoProvider, input: ByteReader): StoredKem {
  const kem = KEMS[input.u8()];
  if (kem === undefined) throw damaged('state-damaged');
  const oneTime = readFlag(input);
  const pair = provider.kemFromSeed(getKem(kem).parameterSet, input.fixed(KEM_SEED_BYTES));
  return { ...pair, kem, oneTime };
}

function writeStream(out: ByteWriter, stream: RandomStream | null): void {
  out.u8(stream === null ? 0 : 1);
  if (stream !== null) out.fixed(stream.seed.expose()).u53(stream.draws);
}

function readStream(input: ByteReader): RandomStream | null {
  if (!readFlag(input)) return null;
  return { seed: new Secret<'StreamSeed'>(input.fixed(STREAM_SEED_BYTES)), draws: input.u53() };
}

function writePeer(provider: CryptoProvider, out: ByteWriter, local: ProtocolAddress, peer: Peer): void {
  const { address, identity, record } = peer;
  writeAddress(out, address);
  out.fixed(identity).sized(serializeRecord(provider, record, local, address));
}

function readPeer(provider: CryptoProvider, input: ByteReader, local: ProtocolAddress): Peer {
  const address = readAddress(input);
  const identity = input.fixed(EC_KEY_BYTES);
  return { address, identity, record: parseRecord(provider, input.sized(), local, address) };
}

function writeSenderKey(provider: CryptoProvider, out: ByteWriter, { name, record }: StoredSenderKey): void {
  out.sized(utf8(name.distributionId));
  writeAddress(out, name.sender);
  out.sized(serializeSenderKeyRecord(provider, record, name));
}

function readSenderKey(provider: CryptoProvider, input: ByteReader): StoredSenderKey {
  const distributionId = fromUtf8(input.sized(), KIND);
  const name = { distributionId, sender: readAddress(input) };
  return { name, record: parseSenderKeyRecord(provider, input.sized(), name) };
}

/** Saves a device. The result holds secrets. */
// @req DRV-19
export function saveDevice(provider: CryptoProvider, device: Device): Uint8Array {
  const out = new ByteWriter();
  writeAddress(out, device.local);
  out.u8(device.suites.length);
  for (const name of device.suites) out.u32(getSuite(name).id);
  out.u8(POLICIES.indexOf(device.pqRatchet)).fixed(device.identity.privateKey.expose()).u32(device.registrationId);
  writeStream(out, device.stream);
  out.u32(device.nextPreKeyId);
  writeEcKeys(out, device.signedPreKeys);
  writeEcKeys(out, device.oneTimePreKeys);
  writeKemKeys(out, device.kemPreKeys);
  writeEntries(out, new Map([...device.baseKeys].map((name) => [name, null])), (_, name) => out.sized(utf8(name)));
  writeEntries(out, device.peers, (peer) => writePeer(provider, out, device.local, peer));
  writeEntries(out, device.senderKeys, (key) => writeSenderKey(provider, out, key));
  const body = out.finish();
  const state = concat(HEADER, provider.sha256(body), body);
  body.fill(0);
  return state;
}

function readDevice(provider: CryptoProvider, input: ByteReader): Device {
  const local = readAddress(input);
  const suites = Array.from({ length: input.u8() }, () => suiteById(input.u32())?.name);
  const pqRatchet = POLICIES[input.u8()];
  const identity = provider.x25519FromPrivate(input.fixed(EC_KEY_BYTES));
  const registrationId = input.u32();
  const known = suites.filter((name) => name !== undefined);
  const wrongId = registrationId === 0 || registrationId > MAX_REGISTRATION_ID;
  if (pqRatchet === undefined || known.length === 0 || known.length !== suites.length || wrongId) {
    throw damaged('state-damaged');
  }
  const device: Device = {
    local,
    suites: known,
    pqRatchet,
    identity,
    registrationId,
    stream: readStream(input),
    nextPreKeyId: input.u32(),
    signedPreKeys: readEcKeys(provider, input),
    oneTimePreKeys: readEcKeys(provider, input),
    kemPreKeys: readEntries(input, () => [input.u32(), readKem(provider, input)]),
    baseKeys: new Set(readEntries(input, () => [fromUtf8(input.sized(), KIND), null]).keys()),
    peers: readEntries(input, () => {
      const peer = readPeer(provider, input, local);
      return [addressKey(peer.address), peer];
    }),
    senderKeys: readEntries(input, () => {
      const key = readSenderKey(provider, input);
      return [senderKeyRecordKey(key.name), key];
    }),
  };
  input.end();
  return device;
}

/**
 * Loads a saved device.
 * @throws {ProtocolError} `InvalidArgument`, field `state`: `state-version` for a state of another layout, `state-damaged` for
 * anything else that was not saved so.
 */
export function loadDevice(provider: CryptoProvider, state: Uint8Array): Device {
  const [magic, version] = [HEADER.subarray(0, 2), HEADER[2]];
  const body = state.subarray(HEADER.length + CHECKSUM_BYTES);
  // @req DRV-14
  if (!equalBytes(state.subarray(0, 2), magic)) throw damaged('state-damaged');
  if (state[2] !== version) throw damaged('state-version');
  if (!equalBytes(provider.sha256(body), state.subarray(HEADER.length, HEADER.length + CHECKSUM_BYTES))) {
    throw damaged('state-damaged');
  }
  try {
    return readDevice(provider, new ByteReader(body, KIND));
  } catch (error) {
    if (error instanceof ProtocolError) throw damaged('state-damaged');
    throw error;
  }
}
