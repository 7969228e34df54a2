/**
 * Messages as an attacker or a faulty peer would make them, some with the true message keys.
 *
 * @spec 04-messages
 * Owns: building messages field by field. Must not know: what the receiver does with them.
 */
import { concat, EMPTY } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { encodeAddresses } from '../../protocol/codec/address.ts';
import type { PreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { encodePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import type { SignalMessage } from '../../protocol/codec/signal-message.ts';
import { encodeSignalMessage } from '../../protocol/codec/signal-message.ts';
import { encodePayload } from '../../protocol/ratchet/braid/payload.ts';
import type { ChainKey, MessageKeys } from '../../protocol/ratchet/symmetric.ts';
import { nextChainKey } from '../../protocol/ratchet/symmetric.ts';
import type { TripleSent } from '../../protocol/ratchet/triple.ts';
import { tripleSend } from '../../protocol/ratchet/triple.ts';
import { messageMac } from '../../protocol/session/message-crypto.ts';
import type { SessionState } from '../../protocol/session/state.ts';
import type { Envelope, Peer } from './peers.ts';
import { seededRandom } from './seeded-random.ts';

/** The sender's current session. */
export function currentState(from: Peer, to: Peer): SessionState {
  const state = from.record(to)?.current ?? null;
  if (state === null) throw new TypeError('no current session');
  return state;
}

/** Stores another current session: a peer who does what no honest one does. */
export function replaceCurrent(from: Peer, to: Peer, change: (state: SessionState) => SessionState): void {
  const record = from.record(to);
  if (record === null || record.current === null) throw new TypeError('no current session');
  from.setRecord(to, { ...record, current: change(record.current) });
}

/** Steps a chain forward without sending anything. */
export function advance(from: Peer, chain: ChainKey, count: number): ChainKey {
  let key = chain.key.expose();
  for (let i = 0; i < count; i++) key = nextChainKey(from.provider, key);
  return { index: chain.index + count, key: new Secret<'ChainKey'>(key.slice()) };
}

/** Lets `count` messages on the sending chain go unsent. */
export function skipSends(from: Peer, to: Peer, count: number): void {
  replaceCurrent(from, to, (state) => {
    const { sender } = state.ratchet;
    const chain = advance(from, sender.chain, count);
    return { ...state, ratchet: { ...state.ratchet, sender: { ...sender, chain } } };
  });
}

/** What `from` would do next; nothing is stored, and its random source does not move. */
function nextStep(from: Peer, to: Peer): TripleSent {
  return tripleSend(from.provider, seededRandom('next step'), currentState(from, to));
}

/** The keys of the next message that `from` will send to `to`. */
export function nextMessageKeys(from: Peer, to: Peer): MessageKeys {
  return nextStep(from, to).keys;
}

/** What may be forged: any field, the padded ciphertext as it stands, or the whole authenticated part. */
export interface Forgery extends Partial<SignalMessage> {
  readonly authenticated?: Uint8Array;
  readonly plaintext?: Uint8Array;
}

/** The next message of `from`, with the true MAC key but other contents. Not a prekey message; nothing is stored. */
export function forgeInner(from: Peer, to: Peer, forgery: Forgery = {}): Uint8Array {
  const state = currentState(from, to);
  const { sender } = state.ratchet;
  const { keys, payload } = nextStep(from, to);
  const plaintext = forgery.plaintext ?? EMPTY;
  const message: SignalMessage = {
    version: state.suite.sessionVersion,
    ratchetKey: sender.ratchet.publicKey,
    counter: sender.chain.index,
    previousCounter: state.ratchet.previousCounter,
    ciphertext: from.provider.aes256CbcEncrypt(keys.cipherKey.expose(), keys.iv.expose(), plaintext),
    pqRatchet: payload,
    addresses: state.pending === null ? null : encodeAddresses(from.address, to.address),
    ...forgery,
  };
  const authenticated = forgery.authenticated ?? encodeSignalMessage(message);
  const identities = { sender: state.localIdentity, receiver: state.remoteIdentity };
  return concat(authenticated, messageMac(from.provider, keys, identities, authenticated));
}

/** {@link forgeInner} as an envelope of an acknowledged session. */
export function forgeMessage(from: Peer, to: Peer, forgery: Forgery = {}): Envelope {
  return { type: 'message', body: forgeInner(from, to, forgery) };
}

/** A prekey message around any inner message, by default the true next one, with any outer field replaced. */
export function forgePreKeyMessage(from: Peer, to: Peer, outer: Partial<PreKeySignalMessage> = {}): Envelope {
  const state = currentState(from, to);
  const { pending } = state;
  if (pending === null) throw new TypeError('session is acknowledged');
  const body = encodePreKeySignalMessage({
    version: state.suite.sessionVersion,
    preKeyId: pending.preKeyId,
    baseKey: state.baseKey,
    identityKey: state.localIdentity,
    message: outer.message ?? forgeInner(from, to),
    registrationId: state.localRegistrationId,
    signedPreKeyId: pending.signedPreKeyId,
    kemPreKeyId: pending.kemPreKeyId,
    kemCiphertext: pending.kemCiphertext,
    ...outer,
  });
  return { type: 'prekey', body };
}

/** A payload without a chunk whose key is as far ahead as the counter. */
function junkPayload(counter: number): Uint8Array {
  return encodePayload({
    epoch: 1,
    index: Math.max(Math.min(counter + 1, 0xffff_ffff), 10),
    kind: 'none',
    chunk: null,
  });
}

/** A message that nobody made: a random ratchet key, a counter, a payload that goes with it, and a MAC of zeros. */
export function junkMessage(from: Peer, counter: number, version = 4, pqRatchet = junkPayload(counter)): Envelope {
  const { publicKey } = from.provider.x25519Generate(from.random);
  const message: SignalMessage = {
    version,
    ratchetKey: publicKey,
    counter,
    previousCounter: 0,
    ciphertext: new Uint8Array(16),
    pqRatchet,
    addresses: null,
  };
  return { type: 'message', body: concat(encodeSignalMessage(message), new Uint8Array(8)) };
}

/** A copy with the bits of `mask` flipped in one byte. */
export function flip(bytes: Uint8Array, at: number, mask: number): Uint8Array {
  const out = bytes.slice();
  out[at] = (out[at] as number) ^ mask;
  return out;
}
