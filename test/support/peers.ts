/**
 * Devices for session tests: every key and record lives as bytes between two steps, as in a real store.
 *
 * @spec 05-sessions
 * Owns: committing on success alone, and the check that no step changes the record that it was given.
 * Must not know: relays, accounts, fan-out.
 */
import { concat, equalBytes, toHex } from '../../protocol/bytes/bytes.ts';
import type { Wipeable } from '../../protocol/bytes/secret.ts';
import { Secret, wipeAll } from '../../protocol/bytes/secret.ts';
import type { ProtocolAddress } from '../../protocol/codec/address.ts';
import { addressKey } from '../../protocol/codec/address.ts';
import { encodeKemKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import type { KemName } from '../../protocol/crypto/kem.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import type { CryptoProvider, EcKeyPair, KemKeyPair, RandomSource } from '../../protocol/crypto/provider.ts';
import type { PreKeyBundle } from '../../protocol/handshake/bundle.ts';
import { createKemPreKey, createPreKey, createSignedPreKey } from '../../protocol/handshake/prekeys.ts';
import type { SuiteName } from '../../protocol/handshake/suites.ts';
import type {
  Decrypted,
  DecryptedPreKey,
  MessageType,
  PqRatchetPolicy,
  PreKeyLookup,
  SessionEnvironment,
  SessionRecord,
  UsedPreKeys,
} from '../../protocol/session/session.ts';
import {
  archiveSession,
  decryptMessage,
  decryptPreKeyMessage,
  encryptMessage,
  parseRecord,
  processBundle,
  serializeRecord,
} from '../../protocol/session/session.ts';
import { seededRandom } from './seeded-random.ts';

export const X3DH: SuiteName = 'X3DH_X25519_SHA-256';
export const PQXDH: SuiteName = 'PQXDH_X25519_SHA-256_ML-KEM-1024';
/** What libsignal speaks. */
export const KYBER: SuiteName = 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024';
export const SUITE_NAMES: readonly SuiteName[] = [X3DH, PQXDH, KYBER];
export const PROVIDERS: readonly CryptoProvider[] = [nodeProvider, nobleProvider];
/** Every suite on the fast provider, and the default suite on the portable one. */
export const COMBINATIONS: readonly { readonly suite: SuiteName; readonly provider: CryptoProvider }[] = [
  { suite: X3DH, provider: nodeProvider },
  { suite: PQXDH, provider: nodeProvider },
  { suite: X3DH, provider: nobleProvider },
  { suite: PQXDH, provider: nobleProvider },
];

/** 2026-12-01, in milliseconds: when tests take place unless they say otherwise. */
export const TEST_NOW = 1_796_083_200_000;

/** An encrypted message on its way. */
export interface Envelope {
  readonly type: MessageType;
  readonly body: Uint8Array;
}

export interface PeerOptions {
  readonly suites?: readonly SuiteName[];
  readonly provider?: CryptoProvider;
  readonly address?: ProtocolAddress;
  readonly registrationId?: number;
  /** Raw private identity key; drawn where absent. */
  readonly identity?: Uint8Array;
  readonly random?: RandomSource;
  readonly pqRatchet?: PqRatchetPolicy;
}

const text = new TextEncoder();
const untext = new TextDecoder();

/** A device. `stores` is all that it remembers. */
export class Peer {
  readonly stores = new Map<string, Uint8Array>();
  readonly provider: CryptoProvider;
  readonly identity: EcKeyPair;
  readonly address: ProtocolAddress;
  readonly registrationId: number;
  suites: readonly SuiteName[];
  pqRatchet: PqRatchetPolicy;
  random: RandomSource;
  now = TEST_NOW;
  /** Replaces trust on first use where set. */
  trust: SessionEnvironment['isTrusted'] | null = null;
  /** Sees what each step declares spent, before it is wiped. */
  onSpent: (spent: readonly Wipeable[]) => void = () => {};
  readonly #parsed = new WeakMap<Uint8Array, EcKeyPair | KemKeyPair>();
  #nextId = 1;

  constructor(name: string, options: PeerOptions = {}) {
    this.provider = options.provider ?? nodeProvider;
    this.suites = options.suites ?? [PQXDH];
    this.pqRatchet = options.pqRatchet ?? 'required';
    this.random = options.random ?? seededRandom(name);
    this.address = options.address ?? { name: uuidOf(name), deviceId: 1 };
    this.registrationId = options.registrationId ?? 1111;
    this.identity =
      options.identity === undefined
        ? this.provider.x25519Generate(this.random)
        : this.provider.x25519FromPrivate(options.identity);
  }

  /** Every store in one byte string. */
  snapshot(): Uint8Array {
    const entries = [...this.stores].sort(([a], [b]) => (a < b ? -1 : 1));
    return Buffer.concat(entries.flatMap(([key, value]) => [text.encode(`${key}=${value.length}:`), value]));
  }

  /** A copy of all stores, for {@link restore}. */
  backup(): Map<string, Uint8Array> {
    return new Map(this.stores);
  }

  restore(backup: ReadonlyMap<string, Uint8Array>): void {
    this.stores.clear();
    for (const [key, value] of backup) this.stores.set(key, value);
  }

  environment(remote: ProtocolAddress): SessionEnvironment {
    const known = this.stores.get(`identity/${addressKey(remote)}`);
    const { provider, random, now, identity, registrationId, suites, pqRatchet } = this;
    const isTrusted = this.trust ?? ((key: Uint8Array) => known === undefined || equalBytes(known, key));
    const own = { provider, random, now, local: this.address, identity, registrationId, suites, pqRatchet };
    return { ...own, remote, isTrusted };
  }

  recordBytes(remote: Peer): Uint8Array | null {
    return this.stores.get(`session/${addressKey(remote.address)}`) ?? null;
  }

  record(remote: Peer): SessionRecord | null {
    const bytes = this.recordBytes(remote);
    return bytes === null ? null : parseRecord(this.provider, bytes, this.address, remote.address);
  }

  setRecord(remote: Peer, record: SessionRecord): void {
    const bytes = serializeRecord(this.provider, record, this.address, remote.address);
    this.stores.set(`session/${addressKey(remote.address)}`, bytes);
  }

  /** Makes prekeys, stores them and publishes them. */
  publish(
    options: { oneTime?: boolean; id?: number; kem?: boolean; kemName?: KemName; kemOneTime?: boolean } = {},
  ): PreKeyBundle {
    const { provider, random, identity } = this;
    const id = options.id ?? this.#nextId++;
    const signed = createSignedPreKey(provider, random, identity, id);
    this.stores.set(`signed/${id}`, concat(signed.keyPair.publicKey, signed.keyPair.privateKey.expose()));
    const kemName = options.kemName ?? (this.suites.includes(PQXDH) ? 'ML-KEM-1024' : 'Kyber-1024-r3');
    const hybrid = options.kem ?? this.suites.some((suite) => suite !== X3DH);
    const kem = hybrid ? createKemPreKey(provider, random, identity, id, kemName) : null;
    const flag = Uint8Array.of((options.kemOneTime === true ? 1 : 0) | (kemName === 'Kyber-1024-r3' ? 2 : 0));
    if (kem !== null) {
      this.stores.set(`kem/${id}`, concat(flag, kem.keyPair.privateKey.expose(), kem.keyPair.publicKey));
    }
    return {
      registrationId: this.registrationId,
      deviceId: this.address.deviceId,
      identityKey: encodePublicKey(identity.publicKey),
      signedPreKeyId: id,
      signedPreKey: encodePublicKey(signed.keyPair.publicKey),
      signedPreKeySignature: signed.signature,
      oneTimePreKey: options.oneTime === false ? null : this.#publishOneTime(id),
      kemPreKey:
        kem === null
          ? null
          : { id, publicKey: encodeKemKey(getKem(kem.kem), kem.keyPair.publicKey), signature: kem.signature },
    };
  }

  #publishOneTime(id: number): { id: number; publicKey: Uint8Array } {
    const { keyPair } = createPreKey(this.provider, this.random, id);
    this.stores.set(`oneTime/${id}`, concat(keyPair.publicKey, keyPair.privateKey.expose()));
    return { id, publicKey: encodePublicKey(keyPair.publicKey) };
  }

  /** The stored prekeys. Nothing is parsed twice, so a step that erased a prekey it does not own is found out. */
  lookup(): PreKeyLookup {
    const ec = (key: string): EcKeyPair | null =>
      this.#parse(key, (bytes) => ({
        publicKey: bytes.slice(0, 32),
        privateKey: new Secret<'EcPrivateKey'>(bytes.slice(32)),
      }));
    return {
      signedPreKey: (id) => ec(`signed/${id}`),
      oneTimePreKey: (id) => ec(`oneTime/${id}`),
      kemPreKey: (id) => {
        const pair = this.#parse<KemKeyPair>(`kem/${id}`, (bytes) => ({
          publicKey: bytes.slice(65),
          privateKey: new Secret<'KemPrivateKey'>(bytes.slice(1, 65)),
        }));
        const flags = this.stores.get(`kem/${id}`)?.[0] ?? 0;
        return pair === null ? null : { ...pair, kem: (flags & 2) === 0 ? 'ML-KEM-1024' : 'Kyber-1024-r3' };
      },
      baseKeySeen: (signedId, kemId, baseKey) => this.stores.has(`seen/${signedId}/${kemId}/${toHex(baseKey)}`),
    };
  }

  #parse<T extends EcKeyPair | KemKeyPair>(key: string, parse: (bytes: Uint8Array) => T): T | null {
    const bytes = this.stores.get(key);
    if (bytes === undefined) return null;
    const pair = (this.#parsed.get(bytes) as T | undefined) ?? parse(bytes);
    this.#parsed.set(bytes, pair);
    return pair;
  }

  /** Runs a step over the stored record and commits what it returns; checks that the input stayed as it was. */
  #step<T extends { record: SessionRecord; remoteIdentity: Uint8Array; spent: readonly Wipeable[] }>(
    remote: Peer,
    step: (env: SessionEnvironment, record: SessionRecord | null) => T,
    used: (result: T) => UsedPreKeys | null = () => null,
  ): T {
    const before = this.record(remote);
    let result: T;
    try {
      result = step(this.environment(remote.address), before);
    } finally {
      this.#assertSame(remote, before);
    }
    this.setRecord(remote, result.record);
    this.stores.set(`identity/${addressKey(remote.address)}`, result.remoteIdentity.slice());
    this.#consume(used(result));
    this.onSpent(result.spent);
    wipeAll(result.spent);
    return result;
  }

  #assertSame(remote: Peer, record: SessionRecord | null): void {
    if (record === null) return;
    const after = serializeRecord(this.provider, record, this.address, remote.address);
    if (Buffer.compare(after, this.recordBytes(remote) as Uint8Array) !== 0)
      throw new Error('a step changed its input');
  }

  #consume(used: UsedPreKeys | null): void {
    if (used === null) return;
    if (used.oneTimePreKeyId !== null) this.stores.delete(`oneTime/${used.oneTimePreKeyId}`);
    this.stores.set(`seen/${used.signedPreKeyId}/${used.kemPreKeyId}/${toHex(used.baseKey)}`, Uint8Array.of(1));
    if (((this.stores.get(`kem/${used.kemPreKeyId}`)?.[0] ?? 0) & 1) === 1)
      this.stores.delete(`kem/${used.kemPreKeyId}`);
  }

  /** Begins a session from a bundle. */
  begin(remote: Peer, bundle: PreKeyBundle = remote.publish()): void {
    this.#step(remote, (env, record) => processBundle(env, record, bundle));
  }

  send(remote: Peer, plaintext: string | Uint8Array = 'hello'): Envelope {
    const bytes = typeof plaintext === 'string' ? text.encode(plaintext) : plaintext;
    const { type, body } = this.#step(remote, (env, record) => encryptMessage(env, record, bytes));
    return { type, body };
  }

  open(remote: Peer, envelope: Envelope): Decrypted | DecryptedPreKey {
    if (envelope.type === 'message') {
      return this.#step(remote, (env, record) => decryptMessage(env, record, envelope.body));
    }
    const step = (env: SessionEnvironment, record: SessionRecord | null) =>
      decryptPreKeyMessage(env, record, envelope.body, this.lookup());
    return this.#step<DecryptedPreKey>(remote, step, (result) => result.used);
  }

  /** {@link open}, as text. */
  receive(remote: Peer, envelope: Envelope): string {
    return untext.decode(this.open(remote, envelope).plaintext);
  }

  archive(remote: Peer): void {
    this.setRecord(remote, archiveSession(this.provider, this.record(remote)));
  }
}

/** A UUID made of a name, so that addresses are on the wire. */
export function uuidOf(name: string): string {
  const hex = toHex(seededRandom(`uuid ${name}`)(16));
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Two peers with one suite and one provider. */
export function pair(options: PeerOptions & { readonly suite?: SuiteName; readonly seed?: string } = {}): [Peer, Peer] {
  const { suite = PQXDH, seed = '', ...rest } = options;
  return [new Peer(`alice${seed}`, { ...rest, suites: [suite] }), new Peer(`bob${seed}`, { ...rest, suites: [suite] })];
}

/** Two peers in the middle of an acknowledged conversation; `alice` began it. */
export function conversation(options: Parameters<typeof pair>[0] = {}): [Peer, Peer] {
  const [alice, bob] = pair(options);
  alice.begin(bob);
  bob.receive(alice, alice.send(bob));
  alice.receive(bob, bob.send(alice));
  bob.receive(alice, alice.send(bob));
  return [alice, bob];
}
