/**
 * The safety number.
 *
 * @spec 11-driver §3
 * Owns: its arguments. Must not know: what accounts go by: ids are bytes here.
 */
import { z } from 'zod';
import { decodePublicKey } from '../../protocol/codec/keys.ts';
import { createFingerprint } from '../../protocol/fingerprint/fingerprint.ts';
import { MAX_FINGERPRINT_ITERATIONS, MIN_FINGERPRINT_ITERATIONS } from '../../protocol/limits.ts';
import { hex } from './hex.ts';
import { operation } from './operation.ts';
import { bytes } from './values.ts';

/** Version 2: the ids are the bytes of Service IDs. */
const DEFAULT_VERSION = 2;

const shape = {
  localId: bytes,
  localIdentity: bytes,
  remoteId: bytes,
  remoteIdentity: bytes,
  iterations: z.int().min(MIN_FINGERPRINT_ITERATIONS).max(MAX_FINGERPRINT_ITERATIONS).optional(),
  version: z.int().min(1).max(2).optional(),
};

/** `fingerprint`. */
export const fingerprintOperation = operation('fingerprint', shape, (args, { provider }) => {
  const { displayable, scannable } = createFingerprint(provider, {
    version: args.version ?? DEFAULT_VERSION,
    ...(args.iterations === undefined ? {} : { iterations: args.iterations }),
    local: { stableId: args.localId, identityKey: decodePublicKey(args.localIdentity, 'localIdentity') },
    remote: { stableId: args.remoteId, identityKey: decodePublicKey(args.remoteIdentity, 'remoteIdentity') },
  });
  return { displayable, scannable: hex(scannable) };
});
