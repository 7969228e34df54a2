/**
 * Operations on keys alone: HKDF, one message of a chain.
 *
 * @spec 15-driver-lab §3
 * Owns: their arguments, how the keys of a message are written. Must not know: ratchets.
 */
import { z } from 'zod';
import { EMPTY } from '../../protocol/bytes/bytes.ts';
import { wipeAll } from '../../protocol/bytes/secret.ts';
import { MAX_FORWARD_JUMPS } from '../../protocol/limits.ts';
import type { MessageKeys } from '../../protocol/ratchet/symmetric.ts';
import { messageKeys, messageSeed, nextChainKey, RATCHET_KEY_BYTES } from '../../protocol/ratchet/symmetric.ts';
import { hex } from './hex.ts';
import { type Ok, type Operation, operation } from './operation.ts';
import { bytes, bytesOfLength } from './values.ts';

/** What HKDF-SHA256 can give, in bytes (RFC 5869 §2.3). */
const MAX_OKM_BYTES = 255 * 32;

/** A key of the ratchets. */
export const key = bytesOfLength(RATCHET_KEY_BYTES);

/** Writes the keys of a message out, and wipes them. */
export function writeMessageKeys({ cipherKey, macKey, iv }: MessageKeys): Ok {
  const written = { cipherKey: hex(cipherKey.expose()), macKey: hex(macKey.expose()), iv: hex(iv.expose()) };
  wipeAll([cipherKey, macKey, iv]);
  return written;
}

const hkdfShape = { ikm: bytes, salt: bytes.optional(), info: bytes, length: z.int().min(1).max(MAX_OKM_BYTES) };

const stepShape = {
  chainKey: key,
  index: z.int().min(0).max(MAX_FORWARD_JUMPS).optional(),
  pqKey: key.optional(),
};

/** Both operations. */
// @req DRV-32
export const keyOperations: readonly Operation[] = [
  operation('hkdf', hkdfShape, ({ ikm, salt = EMPTY, info, length }, { provider }) => ({
    okm: hex(provider.hkdfSha256(ikm, salt, info, length)),
  })),
  operation('chain.step', stepShape, ({ chainKey, index = 0, pqKey = EMPTY }, { provider }) => {
    let walked = chainKey;
    for (let at = 0; at < index; at++) walked = nextChainKey(provider, walked);
    const seed = messageSeed(provider, walked);
    const keys = writeMessageKeys(messageKeys(provider, seed, pqKey));
    return { nextChainKey: hex(nextChainKey(provider, walked)), seed: hex(seed), ...keys };
  }),
];
