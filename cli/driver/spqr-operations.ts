/**
 * The parts of the post-quantum ratchet that hold no state: chunks, authenticator, epoch secret.
 *
 * @spec 15-driver-lab §6
 * Owns: their arguments. Must not know: chains, states.
 */
import { z } from 'zod';
import { Secret, wipeAll } from '../../protocol/bytes/secret.ts';
import { CT1_BYTES, CT2_BYTES, EK_HEADER_BYTES, EK_VECTOR_BYTES } from '../../protocol/crypto/incremental-ml-kem.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { ciphertextMac, headerMac, updateAuthenticator } from '../../protocol/ratchet/braid/authenticator.ts';
import { epochSecretFrom } from '../../protocol/ratchet/braid/epoch-secret.ts';
import type { Decoder } from '../../protocol/ratchet/braid/erasure.ts';
import { addChunk, CHUNK_BYTES, chunkAt, decoded, startDecoder } from '../../protocol/ratchet/braid/erasure.ts';
import { hex } from './hex.ts';
import { key } from './key-operations.ts';
import { type Operation, operation } from './operation.ts';
import { bytes, bytesOfLength } from './values.ts';

const MAX_CHUNK_INDEX = 0xffff;
const MAX_CHUNKS = MAX_CHUNK_INDEX + 1;
const chunkIndex = z.int().min(0).max(MAX_CHUNK_INDEX);

/** Whole rows, no more than the longest message of the braid has. */
const isRows = (length: number) => length > 0 && length <= EK_VECTOR_BYTES && length % CHUNK_BYTES === 0;
const rows = bytes.refine(({ length }) => isRows(length), 'bad-length');

/** A chunk as requests carry it. */
export const chunk = z.strictObject({ index: chunkIndex, data: bytesOfLength(CHUNK_BYTES) });

/** An epoch, from 1. */
export const epoch = z.int().min(1);

const encode = operation(
  'spqr.encode',
  { message: rows, indices: z.array(chunkIndex).max(MAX_CHUNKS) },
  ({ message, indices }) => ({ chunks: indices.map((index) => ({ index, data: hex(chunkAt(message, index)) })) }),
);

const decodeShape = {
  length: z.int().refine(isRows, 'not-in-range'),
  chunks: z.array(chunk).max(MAX_CHUNKS),
};

const decode = operation('spqr.decode', decodeShape, ({ length, chunks }) => {
  const message = decoded(chunks.reduce<Decoder>(addChunk, startDecoder(length)));
  // @req DRV-29
  if (message === null) throw new ProtocolError('InvalidMessage', 'parse', 'not-enough-chunks', 'chunks');
  return { message: hex(message) };
});

const secret = operation('spqr.secret', { shared: key, epoch }, (args, { provider }) => {
  const derived = epochSecretFrom(provider, new Secret<'KemSharedSecret'>(args.shared), args.epoch);
  const answer = { secret: hex(derived.expose()) };
  wipeAll([derived]);
  return answer;
});

const update = operation('spqr.auth.update', { rootKey: key.optional(), epoch, secret: key }, (args, { provider }) => {
  const root = args.rootKey ?? new Uint8Array(32);
  const { rootKey, macKey } = updateAuthenticator(provider, root, args.epoch, args.secret);
  const answer = { rootKey: hex(rootKey.expose()), macKey: hex(macKey.expose()) };
  wipeAll([rootKey, macKey]);
  return answer;
});

const MACS = {
  header: { length: EK_HEADER_BYTES, mac: headerMac },
  ciphertext: { length: CT1_BYTES + CT2_BYTES, mac: ciphertextMac },
};

const macShape = { macKey: key, epoch, kind: z.enum(['header', 'ciphertext']), message: bytes };

const mac = operation('spqr.auth.mac', macShape, (args, { provider }) => {
  const { length, mac: over } = MACS[args.kind];
  if (args.message.length !== length) throw new ProtocolError('InvalidArgument', 'parse', 'bad-length', 'message');
  const auth = {
    rootKey: new Secret<'AuthenticatorRoot'>(new Uint8Array(32)),
    macKey: new Secret<'AuthenticatorMac'>(args.macKey),
  };
  return { mac: hex(over(provider, auth, args.epoch, args.message)) };
});

/** Those parts. */
export const spqrOperations: readonly Operation[] = [encode, decode, secret, update, mac];
