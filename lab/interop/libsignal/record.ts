/**
 * What a stored session of libsignal tells.
 *
 * @spec 12-interop §2
 * Owns: reading the few fields of a session record that `session.info` needs. Must not know: the library. Field numbers are
 * those seen in real records.
 */
import { ProtobufReader } from '../../../protocol/codec/protobuf.ts';

const RECORD = { current: 1, archived: 2 } as const;
const SESSION = { version: 1, pendingPreKey: 9, pqRatchet: 15 } as const;
const PQ_RATCHET = { negotiation: 1, chain: 2 } as const;
const CHAIN = { currentEpoch: 2 } as const;

/** Every value of one bytes field. */
function messages(bytes: Uint8Array, wanted: number): readonly Uint8Array[] {
  const reader = new ProtobufReader(bytes, 'record');
  const found: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.field === wanted) found.push(reader.bytes('record'));
    else reader.skip();
  }
  return found;
}

/** A number field; zero is not written. */
function number(bytes: Uint8Array, wanted: number): number {
  const reader = new ProtobufReader(bytes, 'record');
  let found = 0;
  while (reader.next()) {
    if (reader.field === wanted) found = reader.uint53('record');
    else reader.skip();
  }
  return found;
}

/** What is told of a session. */
export interface RecordInfo {
  readonly suite: string;
  readonly version: number;
  readonly ratchet: 'double' | 'triple';
  /** The record does not say whether an absent ratchet was refused or never offered: `off` either way. */
  readonly pq: 'off' | 'negotiating' | 'on';
  readonly pqEpoch: number;
  readonly unacknowledged: boolean;
  readonly archived: number;
}

/** Reads a session record, null where it has no current session. @throws {ProtocolError} for what is no record. */
export function readRecord(bytes: Uint8Array): RecordInfo | null {
  const session = messages(bytes, RECORD.current)[0];
  if (session === undefined) return null;
  const version = number(session, SESSION.version);
  const state = messages(session, SESSION.pqRatchet)[0] ?? new Uint8Array(0);
  const chain = messages(state, PQ_RATCHET.chain)[0] ?? new Uint8Array(0);
  const negotiating = messages(state, PQ_RATCHET.negotiation).length > 0;
  const running = state.length > 0;
  return {
    suite: version >= 4 ? 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024' : 'X3DH_X25519_SHA-256',
    version,
    ratchet: running ? 'triple' : 'double',
    pq: running ? (negotiating ? 'negotiating' : 'on') : 'off',
    pqEpoch: number(chain, CHAIN.currentEpoch),
    unacknowledged: messages(session, SESSION.pendingPreKey).length > 0,
    archived: messages(bytes, RECORD.archived).length,
  };
}
