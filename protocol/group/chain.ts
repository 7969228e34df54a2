/**
 * The chain of a sender key: the symmetric ratchet without the Diffie-Hellman one.
 *
 * @spec 13-groups §4
 * Owns: which seed belongs to an iteration, what is kept of those passed over, the keys of a message.
 * Must not know: signatures, message formats. A step that fails returns nothing and leaves nothing behind.
 */
import { utf8 } from '../bytes/bytes.ts';
import type { Wipeable } from '../bytes/secret.ts';
import { Secret } from '../bytes/secret.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { GROUP_MESSAGE_KEYS_LABEL } from '../labels.ts';
import { MAX_FORWARD_JUMPS, MAX_MESSAGE_KEYS } from '../limits.ts';
import { findSkipped, seedAt, withoutSkipped, withSkipped } from '../ratchet/skipped.ts';
import type { ChainKey } from '../ratchet/symmetric.ts';
import { messageSeed, nextChainKey, RATCHET_KEY_BYTES } from '../ratchet/symmetric.ts';
import type { SenderKeyState } from './state.ts';

/** Behind this iteration there is none that 32 bits can hold, so its own message is never sent nor read. */
const LAST_ITERATION = 0xffff_ffff;
const IV_BYTES = 16;
const CIPHER_KEY_BYTES = 32;
const NO_SALT = new Uint8Array(0);
const GROUP_MESSAGE_KEYS_INFO = utf8(GROUP_MESSAGE_KEYS_LABEL);

/** The keys of one group message: CBC IV 16 bytes, AES-256 key 32 bytes. */
export interface GroupMessageKeys {
  readonly iv: Secret<'Iv'>;
  readonly cipherKey: Secret<'CipherKey'>;
}

/** A seed, and the sender key after it was taken. */
export interface SeedTaken {
  readonly seed: Secret<'MessageSeed'>;
  readonly state: SenderKeyState;
  /** What to wipe once the state is stored; the seed is among it. */
  readonly spent: readonly Wipeable[];
}

/** IV ‖ cipher key = HKDF(S, no salt, "WhisperGroup", 48): the IV comes first (SKY-06). */
export function groupMessageKeys(provider: CryptoProvider, seed: Uint8Array): GroupMessageKeys {
  // @req SKY-06
  const okm = provider.hkdfSha256(seed, NO_SALT, GROUP_MESSAGE_KEYS_INFO, IV_BYTES + CIPHER_KEY_BYTES);
  const keys: GroupMessageKeys = {
    iv: new Secret<'Iv'>(okm.slice(0, IV_BYTES)),
    cipherKey: new Secret<'CipherKey'>(okm.slice(IV_BYTES)),
  };
  okm.fill(0);
  return keys;
}

/**
 * The seed at the chain's own iteration, to send with.
 * @throws {ProtocolError} `InvalidState`/`chain-exhausted` at iteration 2^32 − 1.
 */
export function takeNextSeed(provider: CryptoProvider, state: SenderKeyState): SeedTaken {
  // @req SKY-09
  if (state.chain.index >= LAST_ITERATION) throw new ProtocolError('InvalidState', 'state', 'chain-exhausted');
  return walk(provider, state, state.chain.index);
}

/**
 * The seed of a received message, whose signature must be verified already: the walk to it is work.
 * @throws {ProtocolError} `DuplicateMessage`/`message-key-used`; `InvalidMessage`/`counter-too-far` for a jump of more than
 * 25,000 and for iteration 2^32 − 1.
 */
export function takeSeed(provider: CryptoProvider, state: SenderKeyState, iteration: number): SeedTaken {
  const { chain, skipped } = state;
  if (iteration < chain.index) {
    const entry = findSkipped(skipped, iteration);
    // @req SKY-08
    if (entry < 0) throw new ProtocolError('DuplicateMessage', 'state', 'message-key-used', 'iteration');
    const seed = seedAt(skipped, entry);
    return { seed, state: { ...state, skipped: withoutSkipped(skipped, entry) }, spent: [skipped, seed] };
  }
  // @req SKY-07, SKY-09
  if (iteration - chain.index > MAX_FORWARD_JUMPS || iteration >= LAST_ITERATION)
    throw new ProtocolError('InvalidMessage', 'derive', 'counter-too-far', 'iteration');
  return walk(provider, state, iteration);
}

/** Steps the chain beyond `iteration`, keeping the seeds of the last MAX_MESSAGE_KEYS iterations passed over. */
function walk(provider: CryptoProvider, state: SenderKeyState, iteration: number): SeedTaken {
  const { chain, skipped } = state;
  const kept = Math.min(iteration - chain.index, MAX_MESSAGE_KEYS);
  const firstKept = iteration - kept;
  const passed = new Uint8Array(kept * RATCHET_KEY_BYTES);
  let key: Uint8Array = chain.key.expose().slice();
  for (let index = chain.index; index < iteration; index++) {
    if (index >= firstKept) {
      const skippedSeed = messageSeed(provider, key);
      passed.set(skippedSeed, (index - firstKept) * RATCHET_KEY_BYTES);
      // @req KEY-18
      skippedSeed.fill(0);
    }
    const following = nextChainKey(provider, key);
    key.fill(0);
    key = following;
  }
  const seed = new Secret<'MessageSeed'>(messageSeed(provider, key));
  const next: ChainKey = { index: iteration + 1, key: new Secret<'ChainKey'>(nextChainKey(provider, key)) };
  key.fill(0);
  if (kept === 0) return { seed, state: { ...state, chain: next }, spent: [chain.key, seed] };
  const longer = withSkipped(skipped, firstKept, passed);
  passed.fill(0);
  return { seed, state: { ...state, chain: next, skipped: longer }, spent: [chain.key, skipped, seed] };
}
