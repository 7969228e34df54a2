/**
 * The table of operations.
 *
 * @spec 11-driver §3
 * Owns: which there are, in the order of the specification. Must not know: what they do.
 */
import { SUITES } from '../../protocol/handshake/suites.ts';
import { deviceOperations } from './device-operations.ts';
import { fingerprintOperation } from './fingerprint-operation.ts';
import { groupOperations } from './group-operations.ts';
import { handshakeOperations } from './handshake-operations.ts';
import { type Operation, operation } from './operation.ts';
import { primitiveOperations } from './primitive-operations.ts';
import { sessionOperations } from './session-operations.ts';

/** Version of the driver protocol. */
const PROTOCOL = 1;

// @req DRV-09
const hello: Operation = operation('hello', {}, (_args, { version }) => ({
  implementation: 'pawl',
  version,
  protocol: PROTOCOL,
  ops: [...OPERATIONS.keys()],
  suites: SUITES.map(({ name }) => name),
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
  ].map((entry) => [entry.name, entry]),
);
