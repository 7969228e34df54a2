/**
 * Sender key messages: the key of a group's sender, and what it sends.
 *
 * @spec 13-groups §2, §3
 * Owns: version byte, fields, where the signature stands. Must not know: chains, whose key it is, whether it is welcome.
 */
import { concat, toHex } from '../bytes/bytes.ts';
import { SIGNATURE_BYTES } from '../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { uuidBytes } from './address.ts';
import { decodePublicKey, encodePublicKey } from './keys.ts';
import { copyMessage, ProtobufReader, ProtobufWriter, required } from './protobuf.ts';

/** High nibble of every sender key message. */
const GROUP_VERSION = 3;
const VERSION_BYTE = Uint8Array.of(0x33);
const CHAIN_KEY_BYTES = 32;
const UUID_BYTES = 16;

/** What a sender gives to each member over their pairwise session. */
export interface SenderKeyDistribution {
  /** UUID; decoded ones are in lower case. */
  readonly distributionId: string;
  /** Below 2^32. */
  readonly chainId: number;
  /** Index of the chain key, below 2^32. */
  readonly iteration: number;
  /** 32 bytes; whoever has it reads what follows. */
  readonly chainKey: Uint8Array;
  /** Raw, 32 bytes: verifies the sender's messages. */
  readonly signingKey: Uint8Array;
}

/** One message to a group. */
export interface SenderKeyMessage {
  /** UUID; decoded ones are in lower case. */
  readonly distributionId: string;
  readonly chainId: number;
  readonly iteration: number;
  readonly ciphertext: Uint8Array;
}

/** A parsed message: `authenticated` ‖ `signature` are exactly the bytes that arrived, unknown fields included. */
export interface ParsedSenderKeyMessage extends SenderKeyMessage {
  /** All but the last 64 bytes. */
  readonly authenticated: Uint8Array;
  readonly signature: Uint8Array;
}

/** The text of 16 bytes, in lower case. */
function uuidText(bytes: Uint8Array): string {
  // @req SKY-02
  if (bytes.length !== UUID_BYTES) throw new ProtocolError('InvalidMessage', 'parse', 'bad-length', 'distributionId');
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function checkVersion(byte: number): void {
  const version = byte >>> 4;
  // @req SKY-01
  if (version < GROUP_VERSION) throw new ProtocolError('UnsupportedVersion', 'parse', 'version-too-old', 'version');
  if (version > GROUP_VERSION)
    throw new ProtocolError('UnsupportedVersion', 'parse', 'version-unrecognised', 'version');
}

/** Version byte ‖ protobuf. @throws {ProtocolError} `InvalidArgument`/`not-a-uuid`. */
export function encodeSenderKeyDistribution(distribution: SenderKeyDistribution): Uint8Array {
  const protobuf = new ProtobufWriter()
    .bytes(1, uuidBytes(distribution.distributionId, 'distributionId'))
    .uint32(2, distribution.chainId)
    .uint32(3, distribution.iteration)
    .bytes(4, distribution.chainKey)
    .bytes(5, encodePublicKey(distribution.signingKey))
    .finish();
  const bytes = concat(VERSION_BYTE, protobuf);
  // @req KEY-18
  protobuf.fill(0);
  return bytes;
}

/**
 * Parses a distribution message. It says nothing of its sender: that is the session which carried it.
 * @throws {ProtocolError} `InvalidMessage`: `too-short` (empty), `too-long`, `missing-field`, `bad-length` (id or chain key),
 * and what `ProtobufReader` refuses; `UnsupportedVersion`; `InvalidKey` for the signing key (33 bytes, type `05`, canonical).
 */
export function parseSenderKeyDistribution(bytes: Uint8Array): SenderKeyDistribution {
  const copy = copyMessage(bytes, 'senderKeyDistribution');
  const first = copy[0];
  if (first === undefined) throw new ProtocolError('InvalidMessage', 'parse', 'too-short', 'senderKeyDistribution');
  checkVersion(first);
  const reader = new ProtobufReader(copy.subarray(1), 'senderKeyDistribution');
  let distributionId: Uint8Array | null = null;
  let chainId: number | null = null;
  let iteration: number | null = null;
  let chainKey: Uint8Array | null = null;
  let signingKey: Uint8Array | null = null;
  while (reader.next()) {
    if (reader.field === 1) distributionId = reader.bytes('distributionId');
    else if (reader.field === 2) chainId = reader.uint32('chainId');
    else if (reader.field === 3) iteration = reader.uint32('iteration');
    else if (reader.field === 4) chainKey = reader.bytes('chainKey');
    else if (reader.field === 5) signingKey = reader.bytes('signingKey');
    else reader.skip();
  }
  // @req SKY-02
  const key = required(chainKey, 'chainKey');
  if (key.length !== CHAIN_KEY_BYTES) throw new ProtocolError('InvalidMessage', 'parse', 'bad-length', 'chainKey');
  const parsed = {
    distributionId: uuidText(required(distributionId, 'distributionId')),
    chainId: required(chainId, 'chainId'),
    iteration: required(iteration, 'iteration'),
    chainKey: key.slice(),
    signingKey: decodePublicKey(required(signingKey, 'signingKey'), 'signingKey'),
  };
  copy.fill(0);
  return parsed;
}

/** Version byte ‖ protobuf, ready to be signed; the signature goes behind it. */
export function encodeSenderKeyMessage(message: SenderKeyMessage): Uint8Array {
  const protobuf = new ProtobufWriter()
    .bytes(1, uuidBytes(message.distributionId, 'distributionId'))
    .uint32(2, message.chainId)
    .uint32(3, message.iteration)
    .bytes(4, message.ciphertext)
    .finish();
  return concat(VERSION_BYTE, protobuf);
}

/**
 * Parses a group message: version byte, protobuf, signature; at least 65 bytes. Nothing is authenticated here; the
 * distribution id tells which record to look for.
 * @throws {ProtocolError} `InvalidMessage`: `too-short`, `too-long`, `missing-field`, `bad-length` (id), and what
 * `ProtobufReader` refuses; `UnsupportedVersion`.
 */
export function parseSenderKeyMessage(bytes: Uint8Array): ParsedSenderKeyMessage {
  const copy = copyMessage(bytes, 'senderKeyMessage');
  const signatureAt = copy.length - SIGNATURE_BYTES;
  // @req SKY-02
  if (signatureAt < 1) throw new ProtocolError('InvalidMessage', 'parse', 'too-short', 'senderKeyMessage');
  checkVersion(copy[0] as number);
  const reader = new ProtobufReader(copy.subarray(1, signatureAt), 'senderKeyMessage');
  let distributionId: Uint8Array | null = null;
  let chainId: number | null = null;
  let iteration: number | null = null;
  let ciphertext: Uint8Array | null = null;
  while (reader.next()) {
    if (reader.field === 1) distributionId = reader.bytes('distributionId');
    else if (reader.field === 2) chainId = reader.uint32('chainId');
    else if (reader.field === 3) iteration = reader.uint32('iteration');
    else if (reader.field === 4) ciphertext = reader.bytes('ciphertext');
    else reader.skip();
  }
  return {
    distributionId: uuidText(required(distributionId, 'distributionId')),
    chainId: required(chainId, 'chainId'),
    iteration: required(iteration, 'iteration'),
    ciphertext: required(ciphertext, 'ciphertext'),
    authenticated: copy.subarray(0, signatureAt),
    signature: copy.subarray(signatureAt),
  };
}
