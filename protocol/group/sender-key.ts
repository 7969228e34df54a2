/**
 * What a device does with sender keys.
 *
 * @spec 13-groups §5, §6
 * Owns: making, distributing and taking sender keys, encrypting and decrypting group messages, the order of the checks.
 * Must not know: stores, members, who may send. Nothing is mutated: a step returns the record to store and what is spent; a
 * step that fails returns nothing, so nothing can be stored.
 */
import { concat, copyInput, equalBytes } from '../bytes/bytes.ts';
import type { Wipeable } from '../bytes/secret.ts';
import { Secret } from '../bytes/secret.ts';
import type { SenderKeyDistribution } from '../codec/sender-key.ts';
import {
  encodeSenderKeyDistribution,
  encodeSenderKeyMessage,
  parseSenderKeyDistribution,
  parseSenderKeyMessage,
} from '../codec/sender-key.ts';
import type { CryptoProvider, RandomSource } from '../crypto/provider.ts';
import { checkedRandom } from '../crypto/random.ts';
import { ProtocolError } from '../errors.ts';
import { MAX_SENDER_KEY_STATES } from '../limits.ts';
import { noSkippedSeeds } from '../ratchet/skipped.ts';
import { RATCHET_KEY_BYTES } from '../ratchet/symmetric.ts';
import type { SeedTaken } from './chain.ts';
import { groupMessageKeys, takeNextSeed, takeSeed } from './chain.ts';
import type { SenderKeyName, SenderKeyRecord, SenderKeyState } from './state.ts';
import { assertBelongs } from './state.ts';

export { parseSenderKeyRecord, serializeSenderKeyRecord } from './record.ts';
export type { SenderKeyName, SenderKeyRecord } from './state.ts';
export { senderKeyRecordKey } from './state.ts';

/** Chain ids that are made have 31 bits, as deployed; all 32 are read. */
const CHAIN_ID_MASK = 0x7fff_ffff;
const CHAIN_ID_BYTES = 4;

/** A record to store, and what to wipe once it is. */
export interface SenderKeyStep {
  readonly record: SenderKeyRecord;
  readonly spent: readonly Wipeable[];
}

/** Where a message stands among those of its sender. */
export interface GroupOrder {
  readonly chainId: number;
  readonly iteration: number;
  /** Messages before this one that were passed over to reach it and have not arrived; 0 for one in order and for a late one. */
  readonly gap: number;
}

/** A decrypted group message. */
export interface GroupDecrypted extends SenderKeyStep {
  readonly plaintext: Uint8Array;
  readonly order: GroupOrder;
}

function noSenderKey(reason: string): ProtocolError {
  return new ProtocolError('NoSession', 'state', reason, 'senderKeyRecord');
}

function freshState(provider: CryptoProvider, source: RandomSource): SenderKeyState {
  const random = checkedRandom(source);
  const drawn = random(CHAIN_ID_BYTES);
  const chainId = new DataView(drawn.buffer, drawn.byteOffset).getUint32(0) & CHAIN_ID_MASK;
  const key = new Secret<'ChainKey'>(random(RATCHET_KEY_BYTES));
  const pair = provider.x25519Generate(random);
  return {
    chainId,
    chain: { index: 0, key },
    signingKey: pair.publicKey,
    signingPrivateKey: pair.privateKey,
    skipped: noSkippedSeeds(),
  };
}

/** The newest state of a record of our own. */
function ownState(record: SenderKeyRecord): SenderKeyState & { readonly signingPrivateKey: Secret<'EcPrivateKey'> } {
  const state = record.states[0];
  const signingPrivateKey = state?.signingPrivateKey ?? null;
  // @req SKY-10
  if (state === undefined || signingPrivateKey === null)
    throw new ProtocolError('NotAllowed', 'state', 'not-own-sender-key', 'senderKeyRecord');
  return { ...state, signingPrivateKey };
}

/**
 * The distribution message of our sender key, which is made where there is no record: the current iteration and chain key, so
 * that who joins late reads nothing that was sent before. To be sent to each member over its pairwise session, and stored before.
 *
 * @param name our own address and the distribution id
 * @returns `distribution`, which holds the chain key: a secret of the group
 * @throws {ProtocolError} `NotAllowed`/`not-own-sender-key`; `InvalidState`: `record-other-sender`, `randomness-failed`;
 * `InvalidArgument` for a bad name.
 */
export function distributeSenderKey(
  provider: CryptoProvider,
  random: RandomSource,
  record: SenderKeyRecord | null,
  name: SenderKeyName,
): SenderKeyStep & { readonly distribution: Uint8Array } {
  const key = assertBelongs(record, name);
  const next = record ?? { key, states: [freshState(provider, random)] };
  const { chainId, chain, signingKey } = ownState(next);
  // @req SKY-11
  const distribution = encodeSenderKeyDistribution({
    distributionId: name.distributionId,
    chainId,
    iteration: chain.index,
    chainKey: chain.key.expose(),
    signingKey,
  });
  return { record: next, distribution, spent: [] };
}

function receivedState(distribution: SenderKeyDistribution): SenderKeyState {
  const { chainId, iteration, chainKey, signingKey } = distribution;
  const chain = { index: iteration, key: new Secret<'ChainKey'>(chainKey) };
  return { chainId, chain, signingKey, signingPrivateKey: null, skipped: noSkippedSeeds() };
}

function stateSecrets(state: SenderKeyState): Wipeable[] {
  const { chain, skipped, signingPrivateKey } = state;
  return [chain.key, skipped, ...(signingPrivateKey === null ? [] : [signingPrivateKey])];
}

function checkDistributionId(carried: string, name: SenderKeyName): void {
  // @req SKY-04
  if (carried !== name.distributionId.toLowerCase())
    throw new ProtocolError('InvalidMessage', 'verify', 'distribution-mismatch', 'distributionId');
}

/**
 * Takes the sender key that `name.sender` distributed. A key that is known keeps its place in the chain, whatever the
 * message says, and moves to the front; a new one goes in front, and beyond five the oldest is dropped.
 *
 * @param name the sender as authenticated by the pairwise session that carried the message: nothing in the message says who
 * sent it, so a message that came in any other way must not come here
 * @throws {ProtocolError} what `parseSenderKeyDistribution` refuses; `InvalidMessage`/`distribution-mismatch`;
 * `InvalidKey`/`signing-key-changed` for a known chain id with another signing key; `NotAllowed`/`own-sender-key` where the
 * record is ours to send with; `InvalidState`/`record-other-sender`.
 */
export function processSenderKeyDistribution(
  record: SenderKeyRecord | null,
  name: SenderKeyName,
  body: Uint8Array,
): SenderKeyStep {
  const key = assertBelongs(record, name);
  const distribution = parseSenderKeyDistribution(body);
  try {
    return take(record?.states ?? [], key, name, distribution);
  } catch (error) {
    distribution.chainKey.fill(0);
    throw error;
  }
}

function take(
  states: readonly SenderKeyState[],
  key: string,
  name: SenderKeyName,
  distribution: SenderKeyDistribution,
): SenderKeyStep {
  checkDistributionId(distribution.distributionId, name);
  const position = states.findIndex((state) => state.chainId === distribution.chainId);
  const known = states[position];
  if (known !== undefined) {
    // @req SKY-12
    if (!equalBytes(known.signingKey, distribution.signingKey))
      throw new ProtocolError('InvalidKey', 'verify', 'signing-key-changed', 'signingKey');
    // @req SKY-13
    distribution.chainKey.fill(0);
    return { record: { key, states: [known, ...states.toSpliced(position, 1)] }, spent: [] };
  }
  // @req SKY-10
  if (states.some((state) => state.signingPrivateKey !== null))
    throw new ProtocolError('NotAllowed', 'policy', 'own-sender-key', 'senderKeyRecord');
  const all = [receivedState(distribution), ...states];
  // @req SKY-14
  const dropped = all.splice(MAX_SENDER_KEY_STATES);
  return { record: { key, states: all }, spent: dropped.flatMap(stateSecrets) };
}

/**
 * Encrypts for everyone who holds our sender key. The record must be stored before the body leaves.
 *
 * @param name our own address and the distribution id
 * @throws {ProtocolError} `NoSession`/`no-sender-key`; `NotAllowed`/`not-own-sender-key`; `InvalidState`: `chain-exhausted`,
 * `record-other-sender`, `randomness-failed`; `InvalidArgument` for a plaintext that is not bytes of its own.
 */
export function encryptGroupMessage(
  provider: CryptoProvider,
  random: RandomSource,
  record: SenderKeyRecord | null,
  name: SenderKeyName,
  plaintext: Uint8Array,
): SenderKeyStep & { readonly body: Uint8Array } {
  assertBelongs(record, name);
  const text = copyInput(plaintext, 'plaintext');
  if (record === null) throw noSenderKey('no-sender-key');
  const state = ownState(record);
  const taken = takeNextSeed(provider, state);
  const keys = groupMessageKeys(provider, taken.seed.expose());
  const authenticated = encodeSenderKeyMessage({
    distributionId: name.distributionId,
    chainId: state.chainId,
    iteration: state.chain.index,
    ciphertext: provider.aes256CbcEncrypt(keys.cipherKey.expose(), keys.iv.expose(), text),
  });
  keys.iv.wipe();
  keys.cipherKey.wipe();
  text.fill(0);
  // @req SKY-05
  const signature = provider.xeddsaSign(state.signingPrivateKey, authenticated, checkedRandom(random));
  const next = { ...record, states: record.states.with(0, taken.state) };
  return { record: next, body: concat(authenticated, signature), spent: taken.spent };
}

/** Erases what a refused message left, and nothing of the state before. */
function dropTaken(taken: SeedTaken, before: SenderKeyState): void {
  taken.seed.wipe();
  if (taken.state.chain !== before.chain) taken.state.chain.key.wipe();
  if (taken.state.skipped !== before.skipped) taken.state.skipped.wipe();
}

function open(provider: CryptoProvider, taken: SeedTaken, before: SenderKeyState, ciphertext: Uint8Array): Uint8Array {
  const keys = groupMessageKeys(provider, taken.seed.expose());
  try {
    return provider.aes256CbcDecrypt(keys.cipherKey.expose(), keys.iv.expose(), ciphertext);
  } catch (error) {
    dropTaken(taken, before);
    throw error;
  } finally {
    keys.iv.wipe();
    keys.cipherKey.wipe();
  }
}

/**
 * Decrypts a message of `name.sender`. In order: shape, the key with its chain id, signature, iteration, padding.
 *
 * @param name the sender as the envelope's authenticated source gives it, and the distribution id under which the record was found
 * @throws {ProtocolError} what `parseSenderKeyMessage` refuses; `InvalidMessage`: `distribution-mismatch`, `counter-too-far`,
 * `bad-ciphertext`; `NoSession`: `no-sender-key`, `no-sender-key-state`; `InvalidSignature`/`sender-key-signature`;
 * `DuplicateMessage`/`message-key-used`; `InvalidState`/`record-other-sender`.
 */
export function decryptGroupMessage(
  provider: CryptoProvider,
  record: SenderKeyRecord | null,
  name: SenderKeyName,
  body: Uint8Array,
): GroupDecrypted {
  assertBelongs(record, name);
  const message = parseSenderKeyMessage(body);
  checkDistributionId(message.distributionId, name);
  if (record === null) throw noSenderKey('no-sender-key');
  const position = record.states.findIndex((state) => state.chainId === message.chainId);
  const state = record.states[position];
  // @req SKY-15
  if (state === undefined) throw noSenderKey('no-sender-key-state');
  // @req SKY-05
  if (!provider.xeddsaVerify(state.signingKey, message.authenticated, message.signature))
    throw new ProtocolError('InvalidSignature', 'verify', 'sender-key-signature', 'signature');
  const taken = takeSeed(provider, state, message.iteration);
  const plaintext = open(provider, taken, state, message.ciphertext);
  // @req SKY-16
  const gap = Math.max(0, message.iteration - state.chain.index);
  return {
    record: { ...record, states: record.states.with(position, taken.state) },
    plaintext,
    order: { chainId: message.chainId, iteration: message.iteration, gap },
    spent: taken.spent,
  };
}
