/**
 * Beginning a session, from a bundle or from a prekey message.
 *
 * @spec 05-sessions §5
 * Owns: the order of checks on either side, the first state. Must not know: how messages are encrypted or stored.
 */
import { copyInput } from '../bytes/bytes.ts';
import type { Wipeable } from '../bytes/secret.ts';
import { wipeAll } from '../bytes/secret.ts';
import { decodeKemCiphertext } from '../codec/keys.ts';
import type { PreKeySignalMessage } from '../codec/prekey-message.ts';
import type { KemName } from '../crypto/kem.ts';
import { getKem } from '../crypto/kem.ts';
import { assertPrimeOrderPublicKey } from '../crypto/keys.ts';
import type { EcKeyPair, KemKeyPair } from '../crypto/provider.ts';
import { checkedRandom } from '../crypto/random.ts';
import { ProtocolError } from '../errors.ts';
import type { PreKeyBundle } from '../handshake/bundle.ts';
import { decodeBundle, verifyBundle } from '../handshake/bundle.ts';
import type { HandshakeSecrets } from '../handshake/pqxdh.ts';
import { initiate, respond } from '../handshake/pqxdh.ts';
import type { Suite } from '../handshake/suites.ts';
import { getSuite } from '../handshake/suites.ts';
import type { Direction } from '../ratchet/braid/chain.ts';
import { startSpqr } from '../ratchet/braid/spqr.ts';
import type { SpqrState } from '../ratchet/braid/spqr-state.ts';
import { initiatorState, responderState } from '../ratchet/double.ts';
import type { WorkMeter } from '../ratchet/work.ts';
import { makeCurrent, superseded } from './archive.ts';
import type { SessionEnvironment, SessionRecord, SessionState } from './state.ts';

/** The responder's own prekeys, as its store has them; null where the id is unknown. */
export interface PreKeyLookup {
  /** The signed prekey of an id, current or in its grace time. */
  signedPreKey(id: number): EcKeyPair | null;
  /** `publicKey` raw; `privateKey` a 64-byte seed or an expanded key. */
  kemPreKey(id: number): (KemKeyPair & { readonly kem: KemName }) | null;
  /** The one-time prekey of an id, unless it was used. */
  oneTimePreKey(id: number): EcKeyPair | null;
  /** Whether a session was ever begun with this base key (raw) on these prekeys, records lost since included (REPLAY-02). */
  baseKeySeen(signedPreKeyId: number, kemPreKeyId: number | null, baseKey: Uint8Array): boolean;
}

/** Which prekeys a new session consumed: the caller deletes the one-time ones and remembers the base key. */
export interface UsedPreKeys {
  readonly signedPreKeyId: number;
  readonly kemPreKeyId: number | null;
  readonly oneTimePreKeyId: number | null;
  /** Raw, 32 bytes. */
  readonly baseKey: Uint8Array;
}

/** Refuses an identity that the caller does not trust (SES-03). */
export function assertTrusted(env: SessionEnvironment, identity: Uint8Array, direction: 'sending' | 'receiving'): void {
  // @req SES-03
  if (!env.isTrusted(identity, direction)) throw new ProtocolError('UntrustedIdentity', 'policy', 'untrusted-identity');
}

/**
 * The initiator's half: checks the bundle, agrees, and makes a new current session (always a new one, SES-01).
 * @returns the record, the remote identity key (raw) and the secrets to wipe after commit.
 * @throws {ProtocolError} see `decodeBundle` and `verifyBundle`; `UntrustedIdentity` before any signature is looked at.
 */
export function processBundle(
  env: SessionEnvironment,
  record: SessionRecord | null,
  bundle: PreKeyBundle,
): { record: SessionRecord; remoteIdentity: Uint8Array; spent: readonly Wipeable[] } {
  const { provider } = env;
  const random = checkedRandom(env.random);
  const decoded = decodeBundle(provider, bundle, env.suites);
  assertTrusted(env, decoded.identityKey, 'sending');
  verifyBundle(provider, decoded);
  // @req HSK-11
  const ephemeral = provider.x25519Generate(random);
  const { secrets, kemCiphertext } = initiate(provider, random, decoded.suite, {
    identity: env.identity,
    ephemeral,
    theirIdentity: decoded.identityKey,
    theirSignedPreKey: decoded.signedPreKey,
    theirOneTimePreKey: decoded.oneTimePreKey?.publicKey ?? null,
    kemPublicKey: decoded.kemPreKey?.publicKey ?? null,
  });
  const state: SessionState = {
    suite: decoded.suite,
    localIdentity: env.identity.publicKey,
    remoteIdentity: decoded.identityKey,
    baseKey: ephemeral.publicKey,
    localRegistrationId: env.registrationId,
    remoteRegistrationId: decoded.registrationId,
    ratchet: initiatorState(provider, random, secrets, decoded.signedPreKey),
    pq: beginPq(env, secrets, 'A2B'),
    pending: {
      preKeyId: decoded.oneTimePreKey?.id ?? null,
      signedPreKeyId: decoded.signedPreKeyId,
      kemPreKeyId: decoded.kemPreKey?.id ?? null,
      kemCiphertext,
      createdAt: Math.floor(env.now / 1000),
    },
  };
  // @req SES-01
  const next = makeCurrent(provider, record, state);
  return {
    record: next,
    remoteIdentity: decoded.identityKey,
    spent: [ephemeral.privateKey, ...superseded(record, next)],
  };
}

/** The post-quantum ratchet as the policy wants it; takes the handshake's third secret (SES-18). */
function beginPq(env: SessionEnvironment, secrets: HandshakeSecrets, direction: Direction): SpqrState {
  const { pqRatchetKey } = secrets;
  const policy = env.pqRatchet ?? 'required';
  // @req SES-18
  if (pqRatchetKey !== null && policy !== 'off') {
    return startSpqr(env.provider, pqRatchetKey, direction, policy === 'required' ? 1 : 0);
  }
  if (pqRatchetKey !== null) wipeAll([pqRatchetKey]);
  return 'off';
}

/** The first suite of the policy that an incoming handshake of this version may be in (SES-11). */
function suiteOfMessage(
  env: SessionEnvironment,
  message: PreKeySignalMessage,
  fits: (kem: KemName | null) => boolean,
): Suite {
  const suites = env.suites.map(getSuite);
  const suite = suites.find(({ sessionVersion, kem }) => sessionVersion === message.version && fits(kem));
  // @req SES-11
  if (suite === undefined) throw new ProtocolError('InvalidMessage', 'policy', 'suite-not-allowed', 'version');
  return suite;
}

function missing(field: string): ProtocolError {
  return new ProtocolError('InvalidMessage', 'state', 'unknown-prekey', field);
}

interface OurPreKeys {
  readonly signedPreKey: EcKeyPair;
  readonly oneTimePreKey: EcKeyPair | null;
  readonly kemPreKey: (KemKeyPair & { readonly kem: KemName }) | null;
}

function findPreKeys(message: PreKeySignalMessage, preKeys: PreKeyLookup): OurPreKeys {
  const signedPreKey = preKeys.signedPreKey(message.signedPreKeyId);
  if (signedPreKey === null) throw missing('signedPreKeyId');
  const kemPreKey = message.kemPreKeyId === null ? null : preKeys.kemPreKey(message.kemPreKeyId);
  if (message.kemPreKeyId !== null && kemPreKey === null) throw missing('kemPreKeyId');
  const oneTimePreKey = message.preKeyId === null ? null : preKeys.oneTimePreKey(message.preKeyId);
  if (message.preKeyId !== null && oneTimePreKey === null) throw missing('preKeyId');
  return { signedPreKey, kemPreKey, oneTimePreKey };
}

/**
 * The responder's half, up to the state that has not yet decrypted anything.
 * @throws {ProtocolError} `InvalidMessage`/`suite-not-allowed`, `unknown-prekey`; `DuplicateMessage`/`base-key-reused`;
 * `InvalidKey` for a base or identity key outside the prime-order subgroup, or a KEM ciphertext of another type.
 */
export function acceptHandshake(
  env: SessionEnvironment,
  message: PreKeySignalMessage,
  preKeys: PreKeyLookup,
  work: WorkMeter,
): { state: SessionState; used: UsedPreKeys } {
  const { provider } = env;
  // Version and KEM fields are policy before they are lookups: what makes no suite of it never reaches the store.
  suiteOfMessage(env, message, (kem) => (kem === null) === (message.kemPreKeyId === null));
  const ours = findPreKeys(message, preKeys);
  const suite = suiteOfMessage(env, message, (kem) => kem === (ours.kemPreKey?.kem ?? null));
  // @req SES-12
  if (preKeys.baseKeySeen(message.signedPreKeyId, message.kemPreKeyId, message.baseKey)) {
    throw new ProtocolError('DuplicateMessage', 'state', 'base-key-reused', 'baseKey');
  }
  const kemCiphertext =
    suite.kem === null || message.kemCiphertext === null
      ? null
      : decodeKemCiphertext(getKem(suite.kem), message.kemCiphertext, 'kemCiphertext');
  work.spendAgreements(6);
  assertPrimeOrderPublicKey(provider, message.baseKey, 'baseKey');
  assertPrimeOrderPublicKey(provider, message.identityKey, 'identityKey');
  const secrets = respond(provider, suite, {
    identity: env.identity,
    signedPreKey: ours.signedPreKey,
    oneTimePreKey: ours.oneTimePreKey,
    theirIdentity: message.identityKey,
    theirEphemeral: message.baseKey,
    kemKeyPair: ours.kemPreKey,
    kemCiphertext,
  });
  const state: SessionState = {
    suite,
    localIdentity: env.identity.publicKey,
    remoteIdentity: message.identityKey,
    baseKey: message.baseKey,
    localRegistrationId: env.registrationId,
    remoteRegistrationId: message.registrationId,
    ratchet: responderState(secrets, ours.signedPreKey),
    pq: beginPq(env, secrets, 'B2A'),
    pending: null,
  };
  const used: UsedPreKeys = {
    signedPreKeyId: message.signedPreKeyId,
    kemPreKeyId: message.kemPreKeyId,
    oneTimePreKeyId: message.preKeyId,
    baseKey: copyInput(message.baseKey, 'baseKey'),
  };
  return { state, used };
}
