/**
 * The table of operations.
 *
 * @spec 11-driver §3
 * Owns: which there are, in the order of the specification. Must not know: what they do.
 */
import { SUITES } from '../../protocol/handshake/suites.ts';
import { deviceOperations } from './device-operations.ts';
import { isSeeded } from './driver.ts';
import { fingerprintOperation } from './fingerprint-operation.ts';
import { groupOperations } from './group-operations.ts';
import { handshakeOperations } from './handshake-operations.ts';
import { incrementalKemOperations } from './incremental-kem-operations.ts';
import { keyOperations } from './key-operations.ts';
import { messageOperations } from './message-operations.ts';
import { type Operation, operation } from './operation.ts';
import { KEM_NAMES, primitiveOperations } from './primitive-operations.ts';
import { ratchetOperations } from './ratchet-operations.ts';
import { sessionOperations } from './session-operations.ts';
import { braidOperations } from './spqr-braid-operations.ts';
import { chainOperations } from './spqr-chain-operations.ts';
import { spqrOperations } from './spqr-operations.ts';

/** Version of the driver protocol. */
const PROTOCOL = 1;

// @req DRV-09
const hello: Operation = operation('hello', {}, (_args, driver) => ({
  implementation: 'pawl',
  version: driver.version,
  protocol: PROTOCOL,
  ops: [...OPERATIONS.keys()],
  suites: SUITES.map(({ name }) => name),
  kems: KEM_NAMES,
  trace: true,
  canonicalState: true,
  // @req DRV-22
  seeded: isSeeded(driver),
}));

/** Every operation by its name. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  [
    hello,
    ...primitiveOperations,
    ...handshakeOperations,
    ...deviceOperations,
    ...sessionOperations,
    fingerprintOperation,
    ...groupOperations,
    ...keyOperations,
    ...ratchetOperations,
    ...incrementalKemOperations,
    ...spqrOperations,
    ...chainOperations,
    ...braidOperations,
    ...messageOperations,
  ].map((entry) => [entry.name, entry]),
);
