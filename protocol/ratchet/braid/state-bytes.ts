/**
 * The post-quantum ratchet as bytes, inside a session record.
 *
 * @spec 08-braid §11
 * Owns: the stored layout: sources and counters, nothing that can be computed again; every length and range is checked.
 * Must not know: the record around it.
 */
import type { ByteReader, ByteWriter } from '../../bytes/cursor.ts';
import { Secret } from '../../bytes/secret.ts';
import { CT1_BYTES, CT2_BYTES, EK_HEADER_BYTES, EK_VECTOR_BYTES } from '../../crypto/incremental-ml-kem.ts';
import { KEM_COINS_BYTES, KEM_SEED_BYTES } from '../../crypto/provider.ts';
import { ProtocolError } from '../../errors.ts';
import { MAX_MESSAGE_KEYS } from '../../limits.ts';
import { isSkippedSeeds } from '../skipped.ts';
import type { Authenticator } from './authenticator.ts';
import { BRAID_MAC_BYTES } from './authenticator.ts';
import type { ChainLink, ChainSide, PqChain } from './chain.ts';
import type { Decoder, Encoder } from './erasure.ts';
import { CHUNK_BYTES } from './erasure.ts';
import type { MinVersion, Negotiation, SpqrState } from './spqr-state.ts';
import type { BraidState } from './states.ts';

const KEY_BYTES = 32;
const HEADER_MESSAGE_BYTES = EK_HEADER_BYTES + BRAID_MAC_BYTES;
const CT2_MESSAGE_BYTES = CT2_BYTES + BRAID_MAC_BYTES;
/** Links of the epoch before the sending one, of that one and of the one after. */
const MAX_LINKS = 3;

/** First byte: off, refused, or on with these flags. */
const OFF = 0;
const REFUSED = 1;
const ON = 0x80;
const WITH_CHAIN = 2;
const WITH_NEGOTIATION = 4;

/** The position of a name is its byte; never reordered. */
const NAMES = [
  'KeysUnsampled',
  'KeysSampled',
  'HeaderSent',
  'Ct1Received',
  'EkSentCt1Received',
  'NoHeaderReceived',
  'HeaderReceived',
  'Ct1Sampled',
  'EkReceived',
  'Ct1Acknowledged',
  'Ct2Sampled',
] as const satisfies readonly BraidState['name'][];

function malformed(): ProtocolError {
  return new ProtocolError('InvalidState', 'parse', 'record-malformed', 'sessionRecord');
}

function writeEncoder(out: ByteWriter, encoder: Encoder): void {
  out.u32(encoder.sent).fixed(encoder.message);
}

function readEncoder(input: ByteReader, bytes: number): Encoder {
  const sent = input.u32();
  return { message: input.fixed(bytes), sent };
}

function writeDecoder(out: ByteWriter, decoder: Decoder): void {
  out.u8(decoder.chunks.length);
  for (const { index, data } of decoder.chunks) out.u32(index).fixed(data);
}

/** A stored decoder is never complete: the chunk that completes it moves the braid on. */
function readDecoder(input: ByteReader, bytes: number): Decoder {
  const rows = bytes / CHUNK_BYTES;
  const count = input.u8();
  if (count >= rows) throw malformed();
  const chunks = Array.from({ length: count }, () => ({ index: input.u32(), data: input.fixed(CHUNK_BYTES) }));
  let least = 0;
  for (const { index } of chunks) {
    if (index < least || index > 0xffff) throw malformed();
    least = index + 1;
  }
  return { rows, chunks };
}

function writeHeld(out: ByteWriter, state: BraidState): void {
  if ('seed' in state) out.fixed(state.seed.expose());
  if ('coins' in state) out.fixed(state.header).fixed(state.coins.expose());
  switch (state.name) {
    case 'KeysUnsampled':
      break;
    case 'KeysSampled':
      out.fixed(state.vector);
      writeEncoder(out, state.header);
      break;
    case 'HeaderSent':
      writeEncoder(out, state.ek);
      writeDecoder(out, state.ct1);
      break;
    case 'Ct1Received':
      out.fixed(state.ct1);
      writeEncoder(out, state.ek);
      break;
    case 'EkSentCt1Received':
      out.fixed(state.ct1);
      writeDecoder(out, state.ct2);
      break;
    case 'NoHeaderReceived':
      writeDecoder(out, state.header);
      break;
    case 'HeaderReceived':
      out.fixed(state.header);
      break;
    case 'Ct1Sampled':
      writeEncoder(out, state.ct1);
      writeDecoder(out, state.ek);
      break;
    case 'EkReceived':
      out.fixed(state.vector);
      writeEncoder(out, state.ct1);
      break;
    case 'Ct1Acknowledged':
      out.fixed(state.ct1);
      writeDecoder(out, state.ek);
      break;
    case 'Ct2Sampled':
      writeEncoder(out, state.ct2);
      break;
  }
}

/** Property order is the order of the bytes. */
function readHeld(input: ByteReader, name: BraidState['name'], epoch: number, auth: Authenticator): BraidState {
  const common = { epoch, auth };
  const seed = () => new Secret<'KemPrivateKey'>(input.fixed(KEM_SEED_BYTES));
  const begun = () => ({
    header: input.fixed(EK_HEADER_BYTES),
    coins: new Secret<'KemCoins'>(input.fixed(KEM_COINS_BYTES)),
  });
  const ct1 = () => input.fixed(CT1_BYTES);
  const vector = () => input.fixed(EK_VECTOR_BYTES);
  const encoder = (bytes: number) => readEncoder(input, bytes);
  const decoder = (bytes: number) => readDecoder(input, bytes);
  switch (name) {
    case 'KeysUnsampled':
      return { name, ...common };
    case 'KeysSampled':
      return { name, ...common, seed: seed(), vector: vector(), header: encoder(HEADER_MESSAGE_BYTES) };
    case 'HeaderSent':
      return { name, ...common, seed: seed(), ek: encoder(EK_VECTOR_BYTES), ct1: decoder(CT1_BYTES) };
    case 'Ct1Received':
      return { name, ...common, seed: seed(), ct1: ct1(), ek: encoder(EK_VECTOR_BYTES) };
    case 'EkSentCt1Received':
      return { name, ...common, seed: seed(), ct1: ct1(), ct2: decoder(CT2_MESSAGE_BYTES) };
    case 'NoHeaderReceived':
      return { name, ...common, header: decoder(HEADER_MESSAGE_BYTES) };
    case 'HeaderReceived':
      return { name, ...common, header: input.fixed(EK_HEADER_BYTES) };
    case 'Ct1Sampled':
      return { name, ...common, ...begun(), ct1: encoder(CT1_BYTES), ek: decoder(EK_VECTOR_BYTES) };
    case 'EkReceived':
      return { name, ...common, ...begun(), vector: vector(), ct1: encoder(CT1_BYTES) };
    case 'Ct1Acknowledged':
      return { name, ...common, ...begun(), ct1: ct1(), ek: decoder(EK_VECTOR_BYTES) };
    case 'Ct2Sampled':
      return { name, ...common, ct2: encoder(CT2_MESSAGE_BYTES) };
  }
}

function readFlag(input: ByteReader): boolean {
  const flag = input.u8();
  if (flag > 1) throw malformed();
  return flag === 1;
}

function writeSide(out: ByteWriter, side: ChainSide): void {
  out.u32(side.counter).u8(side.key === null ? 0 : 1);
  if (side.key !== null) out.fixed(side.key.expose());
  out.sized(side.skipped.expose());
}

function readSide(input: ByteReader): ChainSide {
  const counter = input.u32();
  const key = readFlag(input) ? new Secret<'PqChainKey'>(input.fixed(KEY_BYTES)) : null;
  const skipped = input.sized();
  // Kept keys are those passed over on the way to the newest, which was used; older ones went with it.
  if (!isSkippedSeeds(skipped, Math.max(1, counter - MAX_MESSAGE_KEYS), counter)) throw malformed();
  return { counter, key, skipped: new Secret<'SkippedSeeds'>(skipped) };
}

function readLink(input: ByteReader): ChainLink {
  const send = readSide(input);
  const { key, ...receive } = readSide(input);
  if (send.skipped.length > 0 || key === null) throw malformed();
  return { send, receive: { ...receive, key } };
}

/** Appends the chains alone: one encoding for one state. */
export function writePqChain(out: ByteWriter, chain: PqChain): void {
  out
    .u8(chain.direction === 'A2B' ? 0 : 1)
    .u53(chain.epoch)
    .u53(chain.sendEpoch)
    .fixed(chain.rootKey.expose());
  out.u8(chain.links.length);
  for (const link of chain.links) {
    writeSide(out, link.send);
    writeSide(out, link.receive);
  }
}

function readChain(input: ByteReader): PqChain {
  const direction = readFlag(input) ? 'B2A' : 'A2B';
  const epoch = input.u53();
  const sendEpoch = input.u53();
  const rootKey = new Secret<'PqRootKey'>(input.fixed(KEY_BYTES));
  const count = input.u8();
  const first = epoch - count + 1;
  if (count < 1 || count > MAX_LINKS || first < 0 || sendEpoch < first || sendEpoch > epoch) throw malformed();
  const links = Array.from({ length: count }, () => readLink(input));
  return { direction, epoch, sendEpoch, rootKey, links };
}

function writeNegotiation(out: ByteWriter, negotiation: Negotiation): void {
  out.fixed(negotiation.pqRatchetKey.expose());
  out.u8(negotiation.direction === 'A2B' ? 0 : 1).u8(negotiation.minVersion);
}

function readNegotiation(input: ByteReader): Negotiation {
  const pqRatchetKey = new Secret<'PqRatchetKey'>(input.fixed(KEY_BYTES));
  const direction = readFlag(input) ? 'B2A' : 'A2B';
  const minVersion: MinVersion = readFlag(input) ? 1 : 0;
  return { pqRatchetKey, direction, minVersion };
}

/** Appends the state; one that is off takes one byte. */
export function writeSpqr(out: ByteWriter, state: SpqrState): void {
  if (typeof state === 'string') {
    out.u8(state === 'off' ? OFF : REFUSED);
    return;
  }
  const { braid, chain, negotiation } = state;
  out.u8(ON | (chain === null ? 0 : WITH_CHAIN) | (negotiation === null ? 0 : WITH_NEGOTIATION));
  out.u8(NAMES.indexOf(braid.name)).u53(braid.epoch);
  out.fixed(braid.auth.rootKey.expose()).fixed(braid.auth.macKey.expose());
  writeHeld(out, braid);
  if (chain !== null) writePqChain(out, chain);
  if (negotiation !== null) writeNegotiation(out, negotiation);
}

/** Reads what {@link writeSpqr} wrote. @throws {ProtocolError} `InvalidState`: `record-malformed`, `record-truncated` (BRD-26). */
export function readSpqr(input: ByteReader): SpqrState {
  const tag = input.u8();
  if (tag === OFF) return 'off';
  if (tag === REFUSED) return 'refused';
  const name = NAMES[input.u8()];
  // @req BRD-26
  if (name === undefined || (tag & ~(WITH_CHAIN | WITH_NEGOTIATION)) !== ON) throw malformed();
  const epoch = input.u53();
  const auth: Authenticator = {
    rootKey: new Secret<'AuthenticatorRoot'>(input.fixed(KEY_BYTES)),
    macKey: new Secret<'AuthenticatorMac'>(input.fixed(KEY_BYTES)),
  };
  const braid = readHeld(input, name, epoch, auth);
  const chain = (tag & WITH_CHAIN) === 0 ? null : readChain(input);
  const negotiation = (tag & WITH_NEGOTIATION) === 0 ? null : readNegotiation(input);
  // Without either there is nothing to take a key from.
  if (epoch === 0 || (chain === null && negotiation === null)) throw malformed();
  return { braid, chain, negotiation };
}
