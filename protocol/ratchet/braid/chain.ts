/**
 * The key chains of the post-quantum ratchet: one pair for each epoch.
 *
 * @spec 08-braid §6
 * Owns: starting, adding epochs, taking keys, the limits. Must not know: how epoch secrets come about, payloads.
 * Nothing is mutated; a step lists what the caller must wipe once the next state is stored.
 */
import { be32, concat, EMPTY, utf8 } from '../../bytes/bytes.ts';
import type { Wipeable } from '../../bytes/secret.ts';
import { Secret } from '../../bytes/secret.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { ProtocolError } from '../../errors.ts';
import { SPQR_CHAIN_ADD_EPOCH_LABEL, SPQR_CHAIN_NEXT_LABEL, SPQR_CHAIN_START_LABEL } from '../../labels.ts';
import { MAX_MESSAGE_KEYS } from '../../limits.ts';
import type { SkippedSeeds } from '../skipped.ts';
import { findSkipped, noSkippedSeeds, seedAt, skippedFrom, withoutSkipped, withSkipped } from '../skipped.ts';
import type { WorkMeter } from '../work.ts';

const KEY_BYTES = 32;
const NEXT_LABEL = utf8(SPQR_CHAIN_NEXT_LABEL);

/** Who we are: A2B is the side that initiated the session. */
export type Direction = 'A2B' | 'B2A';

/** One direction of one epoch. `key` is null once it must not give keys any more. */
export interface ChainSide {
  readonly counter: number;
  readonly key: Secret<'PqChainKey'> | null;
  readonly skipped: SkippedSeeds;
}

/** Their direction: it gives keys for as long as its epoch is held. */
interface ReceiveSide extends ChainSide {
  readonly key: Secret<'PqChainKey'>;
}

/** One epoch's pair. */
export interface ChainLink {
  readonly send: ChainSide;
  readonly receive: ReceiveSide;
}

/** The chain layer: consecutive links that end at `epoch`. */
export interface PqChain {
  readonly direction: Direction;
  readonly epoch: number;
  readonly sendEpoch: number;
  readonly rootKey: Secret<'PqRootKey'>;
  readonly links: readonly ChainLink[];
}

function side(key: Uint8Array): ReceiveSide {
  return { counter: 0, key: new Secret<'PqChainKey'>(key), skipped: noSkippedSeeds() };
}

function split(okm: Uint8Array, direction: Direction): { rootKey: Secret<'PqRootKey'>; link: ChainLink } {
  const a2b = side(okm.slice(KEY_BYTES, 2 * KEY_BYTES));
  const b2a = side(okm.slice(2 * KEY_BYTES));
  const rootKey = new Secret<'PqRootKey'>(okm.slice(0, KEY_BYTES));
  okm.fill(0);
  return { rootKey, link: direction === 'A2B' ? { send: a2b, receive: b2a } : { send: b2a, receive: a2b } };
}

/** Epoch 0, from the session's PQ ratchet key (BRD-12). */
export function startChain(provider: CryptoProvider, pqRatchetKey: Uint8Array, direction: Direction): PqChain {
  // @req BRD-12
  const okm = provider.hkdfSha256(pqRatchetKey, EMPTY, utf8(SPQR_CHAIN_START_LABEL), 3 * KEY_BYTES);
  const { rootKey, link } = split(okm, direction);
  return { direction, epoch: 0, sendEpoch: 0, rootKey, links: [link] };
}

/** The next epoch, from its secret. @throws {ProtocolError} `InvalidState`/`pq-epoch-gap`. */
export function addEpoch(
  provider: CryptoProvider,
  chain: PqChain,
  epoch: number,
  secret: Uint8Array,
): { readonly chain: PqChain; readonly spent: readonly Wipeable[] } {
  if (epoch !== chain.epoch + 1) throw new ProtocolError('InvalidState', 'state', 'pq-epoch-gap');
  const okm = provider.hkdfSha256(secret, chain.rootKey.expose(), utf8(SPQR_CHAIN_ADD_EPOCH_LABEL), 3 * KEY_BYTES);
  const { rootKey, link } = split(okm, chain.direction);
  return { chain: { ...chain, epoch, rootKey, links: [...chain.links, link] }, spent: [chain.rootKey] };
}

function stepBytes(provider: CryptoProvider, key: Uint8Array, counter: number, length: number): Uint8Array {
  return provider.hkdfSha256(key, EMPTY, concat(be32(counter), NEXT_LABEL), length);
}

/** (next key, message key) of one step; `counter` is the one of the message key, from 1. */
function step(
  provider: CryptoProvider,
  key: Uint8Array,
  counter: number,
): { next: Uint8Array; messageKey: Uint8Array } {
  const okm = stepBytes(provider, key, counter, 2 * KEY_BYTES);
  const result = { next: okm.slice(0, KEY_BYTES), messageKey: okm.slice(KEY_BYTES) };
  okm.fill(0);
  return result;
}

/** What taking a key gives. */
export interface TakenKey {
  readonly chain: PqChain;
  readonly key: Secret<'PqMessageKey'>;
  readonly index: number;
  readonly spent: readonly Wipeable[];
}

function firstEpoch(chain: PqChain): number {
  return chain.epoch - chain.links.length + 1;
}

function wipeables(link: ChainLink): Wipeable[] {
  return [link.send, link.receive].flatMap((s) => (s.key === null ? [s.skipped] : [s.key, s.skipped]));
}

/** Moves sending to `epoch`: links older than the one before go, and that one sends no more (BRD-14). */
function moveSend(chain: PqChain, epoch: number): { chain: PqChain; spent: Wipeable[] } {
  // @req BRD-14
  if (epoch === chain.sendEpoch) return { chain, spent: [] };
  const first = firstEpoch(chain);
  const dropped = chain.links.slice(0, Math.max(0, epoch - 1 - first));
  const spent = dropped.flatMap(wipeables);
  const links = chain.links.slice(dropped.length).map((link, i) => {
    if (first + dropped.length + i >= epoch || link.send.key === null) return link;
    spent.push(link.send.key);
    return { ...link, send: { ...link.send, key: null } };
  });
  return { chain: { ...chain, sendEpoch: epoch, links }, spent };
}

/** The next sending key of an epoch. @throws {ProtocolError} `InvalidState`/`pq-send-epoch`. */
export function sendKey(provider: CryptoProvider, before: PqChain, epoch: number): TakenKey {
  if (epoch < before.sendEpoch || epoch > before.epoch)
    throw new ProtocolError('InvalidState', 'state', 'pq-send-epoch');
  const { chain, spent } = moveSend(before, epoch);
  const position = epoch - firstEpoch(chain);
  const link = chain.links[position];
  const key = link?.send.key ?? null;
  if (link === undefined || key === null) throw new ProtocolError('InvalidState', 'state', 'pq-send-epoch');
  const index = link.send.counter + 1;
  // @req BRD-12
  if (index > 0xffff_ffff) throw new ProtocolError('InvalidState', 'state', 'chain-exhausted');
  const { next, messageKey } = step(provider, key.expose(), index);
  const send: ChainSide = { ...link.send, counter: index, key: new Secret<'PqChainKey'>(next) };
  return {
    chain: { ...chain, links: chain.links.with(position, { ...link, send }) },
    key: new Secret<'PqMessageKey'>(messageKey),
    index,
    spent: [...spent, key],
  };
}

function refuse(reason: string): ProtocolError {
  return new ProtocolError('InvalidMessage', 'derive', reason, 'pqRatchet');
}

/**
 * The key of a received (epoch, index) (BRD-13).
 * @throws {ProtocolError} `InvalidMessage`: `pq-epoch-out-of-range`, `pq-key-jump`, `pq-key-trimmed`; `pq-key-used` for an index
 * already taken: an ordinary refusal too, since the counter beside it decides whether the message is a duplicate.
 */
export function receiveKey(
  provider: CryptoProvider,
  chain: PqChain,
  epoch: number,
  index: number,
  maxJump: number,
  work: WorkMeter,
): TakenKey {
  const position = epoch - firstEpoch(chain);
  const link = chain.links[position];
  if (link === undefined) throw refuse('pq-epoch-out-of-range');
  const taken = takeFrom(provider, link.receive, index, maxJump, work);
  const links = chain.links.with(position, { ...link, receive: taken.side });
  return { chain: { ...chain, links }, key: taken.key, index, spent: taken.spent };
}

interface TakenSide {
  readonly side: ReceiveSide;
  readonly key: Secret<'PqMessageKey'>;
  readonly spent: Wipeable[];
}

function takeSkipped(from: ReceiveSide, index: number): TakenSide {
  // @req BRD-13
  if (index + MAX_MESSAGE_KEYS < from.counter) throw refuse('pq-key-trimmed');
  const entry = findSkipped(from.skipped, index);
  if (entry < 0) throw refuse('pq-key-used');
  const key = new Secret<'PqMessageKey'>(seedAt(from.skipped, entry).expose());
  return { side: { ...from, skipped: withoutSkipped(from.skipped, entry) }, key, spent: [from.skipped] };
}

function takeFrom(
  provider: CryptoProvider,
  from: ReceiveSide,
  index: number,
  maxJump: number,
  work: WorkMeter,
): TakenSide {
  if (index <= from.counter) return takeSkipped(from, index);
  if (index - from.counter > maxJump) throw refuse('pq-key-jump');
  const firstKept = Math.max(from.counter + 1, index - MAX_MESSAGE_KEYS);
  // A key that is kept costs a second block of HKDF, before anybody knows whether the message is good.
  work.spendKdfSteps(index - from.counter + (index - firstKept));
  const kept = new Uint8Array((index - firstKept) * KEY_BYTES);
  const start = from.key.expose();
  let key = start;
  const advance = (next: Uint8Array): void => {
    if (key !== start) key.fill(0);
    key = next;
  };
  // Keys too old to be kept are never made: HKDF's first block alone carries the chain on.
  for (let at = from.counter + 1; at < firstKept; at++) advance(stepBytes(provider, key, at, KEY_BYTES));
  for (let at = firstKept; at < index; at++) {
    const { next, messageKey } = step(provider, key, at);
    kept.set(messageKey, (at - firstKept) * KEY_BYTES);
    messageKey.fill(0);
    advance(next);
  }
  const { next, messageKey } = step(provider, key, index);
  advance(next);
  const recent = skippedFrom(from.skipped, index - MAX_MESSAGE_KEYS);
  const skipped = withSkipped(recent, firstKept, kept);
  recent.wipe();
  kept.fill(0);
  const side: ReceiveSide = { counter: index, key: new Secret<'PqChainKey'>(next), skipped };
  return { side, key: new Secret<'PqMessageKey'>(messageKey), spent: [from.key, from.skipped] };
}
