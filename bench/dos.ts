/**
 * Milliseconds that one forged envelope costs (DOS-01), for both providers.
 *
 * @spec 03-ratchet §6
 * Owns: the measurement and its table. Figures are printed, not asserted: tests count steps (test/session/dos.test.ts).
 * Run: `node bench/dos.ts`, or `node bench/dos.ts 9` for nine samples a row.
 */
import { EMPTY } from '../protocol/bytes/bytes.ts';
import { Secret, wipeAll } from '../protocol/bytes/secret.ts';
import { encodeKemKey, encodePublicKey } from '../protocol/codec/keys.ts';
import { encodeSignalMessage } from '../protocol/codec/signal-message.ts';
import { getKem } from '../protocol/crypto/kem.ts';
import { nobleProvider } from '../protocol/crypto/noble.ts';
import { nodeProvider, systemRandom } from '../protocol/crypto/node.ts';
import type { CryptoProvider } from '../protocol/crypto/provider.ts';
import { isProtocolError } from '../protocol/errors.ts';
import { createKemPreKey, createSignedPreKey } from '../protocol/handshake/prekeys.ts';
import { DEFAULT_SUITE } from '../protocol/handshake/suites.ts';
import { MAX_ARCHIVED_STATES, MAX_MESSAGE_KEYS, MAX_RECEIVER_CHAINS } from '../protocol/limits.ts';
import { encodePayload } from '../protocol/ratchet/braid/payload.ts';
import { SKIPPED_ENTRY_BYTES } from '../protocol/ratchet/skipped.ts';
import { openState, sealState } from '../protocol/session/record.ts';
import type { SessionEnvironment, SessionRecord } from '../protocol/session/session.ts';
import {
  decryptMessage,
  decryptPreKeyMessage,
  encryptMessage,
  parseRecord,
  processBundle,
  serializeRecord,
} from '../protocol/session/session.ts';
import type { SessionState } from '../protocol/session/state.ts';

const ALICE = { name: '9d0652a3-dcc3-4d11-975f-74d61598733f', deviceId: 1 };
const BOB = { name: '796abedb-ca4e-4f18-8803-1fde5b921f9f', deviceId: 3 };
const ARCHIVED = [0, 10, MAX_ARCHIVED_STATES];
/** Counter and post-quantum index. */
type Jumps = readonly [counter: number, index: number];
const TOGETHER = [0, 1_000, 1_999, 2_000, 24_999, 25_000, 25_001].map((jump): Jumps => [jump, jump]);
const JUMPS: readonly Jumps[] = [...TOGETHER, [0, 1_000], [0, 2_000], [0, 25_000], [2_000, 2], [25_000, 2]];
const samples = Number(process.argv[2] ?? 5);

function environment(provider: CryptoProvider, local: typeof ALICE, remote: typeof ALICE): SessionEnvironment {
  const identity = provider.x25519Generate(systemRandom);
  const suites = [DEFAULT_SUITE];
  const isTrusted = () => true;
  return { provider, random: systemRandom, now: 0, local, remote, identity, registrationId: 7, suites, isTrusted };
}

interface Scene {
  readonly env: SessionEnvironment;
  readonly stored: Uint8Array;
}

/** Bob's record after `archived` + 1 handshakes, as stored, and Bob. */
function record(provider: CryptoProvider, archived: number): Scene {
  const alice = environment(provider, ALICE, BOB);
  const bob = environment(provider, BOB, ALICE);
  const signed = createSignedPreKey(provider, systemRandom, bob.identity, 1);
  const kem = createKemPreKey(provider, systemRandom, bob.identity, 1, 'ML-KEM-1024');
  const bundle = {
    registrationId: 7,
    deviceId: BOB.deviceId,
    identityKey: encodePublicKey(bob.identity.publicKey),
    signedPreKeyId: 1,
    signedPreKey: encodePublicKey(signed.keyPair.publicKey),
    signedPreKeySignature: signed.signature,
    oneTimePreKey: null,
    kemPreKey: { id: 1, publicKey: encodeKemKey(getKem(kem.kem), kem.keyPair.publicKey), signature: kem.signature },
  };
  const preKeys = {
    signedPreKey: () => signed.keyPair,
    kemPreKey: () => ({ ...kem.keyPair, kem: kem.kem }),
    oneTimePreKey: () => null,
    baseKeySeen: () => false,
  };
  let theirs: SessionRecord | null = null;
  for (let i = 0; i <= archived; i++) {
    const first = encryptMessage(alice, processBundle(alice, null, bundle).record, EMPTY);
    const opened = decryptPreKeyMessage(bob, theirs, first.body, preKeys);
    theirs = opened.record;
    wipeAll(opened.spent);
  }
  return { env: bob, stored: serializeRecord(provider, theirs as SessionRecord, BOB, ALICE) };
}

/** The same record with every session at its largest: 5 chains of 2,000 skipped seeds each. */
function filled({ env, stored }: Scene): Scene {
  const { provider } = env;
  const fill = (state: SessionState): SessionState => {
    const receivers = Array.from({ length: MAX_RECEIVER_CHAINS }, () => {
      const packed = systemRandom(MAX_MESSAGE_KEYS * SKIPPED_ENTRY_BYTES);
      const view = new DataView(packed.buffer, packed.byteOffset);
      for (let i = 0; i < MAX_MESSAGE_KEYS; i++) view.setUint32(i * SKIPPED_ENTRY_BYTES, i);
      const chain = { index: MAX_MESSAGE_KEYS, key: new Secret<'ChainKey'>(systemRandom(32)) };
      return { ratchetKey: systemRandom(32), chain, skipped: new Secret<'SkippedSeeds'>(packed) };
    });
    return { ...state, ratchet: { ...state.ratchet, receivers } };
  };
  const record = parseRecord(provider, stored, env.local, env.remote);
  const current = fill(record.current as SessionState);
  const archived = record.archived.map((session) => sealState(provider, fill(openState(provider, session))));
  return { env, stored: serializeRecord(provider, { current, archived }, env.local, env.remote) };
}

/** Each ratchet is asked to jump as far as given: the post-quantum one counts from 1. */
function junk(provider: CryptoProvider, counter: number, index: number): Uint8Array {
  const { publicKey } = provider.x25519Generate(systemRandom);
  const pqRatchet = encodePayload({ epoch: 1, index: Math.max(index, 2), kind: 'none', chunk: null });
  const fields = { version: 4, ratchetKey: publicKey, counter, previousCounter: 0, pqRatchet, addresses: null };
  return Buffer.concat([encodeSignalMessage({ ...fields, ciphertext: new Uint8Array(16) }), new Uint8Array(8)]);
}

/** CPU milliseconds to read the record and refuse one junk message: median of the samples, and the reason. */
function measure(env: SessionEnvironment, stored: Uint8Array, [counter, index]: Jumps): { ms: number; reason: string } {
  const times: number[] = [];
  let reason = '';
  for (let i = 0; i < samples; i++) {
    const body = junk(env.provider, counter, index);
    const start = process.cpuUsage();
    try {
      decryptMessage(env, parseRecord(env.provider, stored, env.local, env.remote), body);
    } catch (error) {
      if (!isProtocolError(error)) throw error;
      reason = error.reason;
    }
    const used = process.cpuUsage(start);
    times.push((used.user + used.system) / 1000);
  }
  times.sort((a, b) => a - b);
  return { ms: times[times.length >> 1] as number, reason };
}

const rows: Record<string, string | number>[] = [];

function addRows(title: string, scenes: readonly Scene[]): void {
  for (const { env, stored } of scenes) measure(env, stored, [1_000, 1_000]);
  for (const jumps of JUMPS) {
    const [node, noble] = scenes.map(({ env, stored }) => measure(env, stored, jumps));
    const [counter, index] = jumps;
    const figures = { 'node ms': node?.ms.toFixed(1) ?? '', 'noble ms': noble?.ms.toFixed(1) ?? '' };
    rows.push({ archived: title, counter, 'PQ index': index, ...figures, refused: node?.reason ?? '' });
  }
}

for (const archived of ARCHIVED) {
  const scenes = [nodeProvider, nobleProvider].map((provider) => record(provider, archived));
  addRows(String(archived), scenes);
  if (archived === MAX_ARCHIVED_STATES) addRows(`${archived}, 14 MiB`, scenes.map(filled));
}
console.info(`DOS-01: CPU milliseconds for one junk message on a new ratchet key, median of ${samples}`);
console.table(rows);
