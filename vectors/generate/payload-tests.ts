/**
 * Payloads of the post-quantum ratchet as bytes: good ones, loose ones, and those that are refused.
 *
 * @spec 08-braid §2
 * Owns: their tests with `message.parse`. Must not know: states of the braid.
 */
import type { CallDefinition } from './definition.ts';
import { fixedHex } from './definition.ts';
import { varint } from './protobuf.ts';

const TYPE = 'spqr';
const data = fixedHex('messages, chunk');
const KINDS = ['none', 'header', 'ek', 'ekCt1Ack', 'ct1Ack', 'ct1', 'ct2'];
const CHUNKLESS = [0, 4];

/** Version, epoch, index, type and chunk, each as its bytes. */
interface Parts {
  readonly version: string;
  readonly epoch: string;
  readonly index: string;
  readonly kind: string;
  readonly chunk: string;
}

const GOOD: Parts = { version: '01', epoch: '05', index: '07', kind: '05', chunk: `09${data}` };

function payload(changes: Partial<Parts> = {}): string {
  const { version, epoch, index, kind, chunk } = { ...GOOD, ...changes };
  return version + epoch + index + kind + chunk;
}

function accepted(what: string, body: string, flags: string[] = []): CallDefinition {
  return { comment: `payload: ${what}`, req: ['BRD-03', 'BRD-04'], flags, args: { type: TYPE, body } };
}

function refused(what: string, reason: string, body: string): CallDefinition {
  return {
    comment: `payload: ${what}`,
    req: ['BRD-03'],
    args: { type: TYPE, body },
    refused: { reason, against: 'PAR-02', check: `payload ${what}` },
  };
}

const kinds = KINDS.map((name, kind) =>
  accepted(name, payload({ kind: varint(kind), ...(CHUNKLESS.includes(kind) ? { chunk: '' } : {}) })),
);

/** Bits at 2^64 and above are lost, as in the deployed code. */
const beyond64 = (low: number) => `${(low | 0x80).toString(16)}${'80'.repeat(8)}02`;

const loose: CallDefinition[] = [
  accepted('the largest epoch', payload({ epoch: varint(2n ** 53n - 1n) })),
  accepted('the largest index', payload({ index: varint(2 ** 32 - 1) })),
  accepted('the largest chunk index', payload({ chunk: varint(0xffff) + data })),
  accepted('index 0', payload({ index: '00' })),
  accepted('an epoch in 10 bytes', payload({ epoch: varint(5, 10) }), ['Loose']),
  accepted('an index in 10 bytes', payload({ index: varint(7, 10) }), ['Loose']),
  accepted('a chunk index in 10 bytes', payload({ chunk: varint(9, 10) + data }), ['Loose']),
  accepted('an epoch of 2^64 + 5, which is 5', payload({ epoch: beyond64(5) }), ['Loose']),
  accepted('an index of 2^64 + 7, which is 7', payload({ index: beyond64(7) }), ['Loose']),
  accepted('bytes behind the chunk', payload({ chunk: `${GOOD.chunk}00ff` }), ['Loose']),
  accepted('bytes behind a payload without chunk', payload({ kind: '00' }), ['Loose']),
  ...['00', '02', 'ff'].map((version) =>
    accepted(`of version ${version}: the head alone is read`, payload({ version }), ['Head']),
  ),
  accepted('of version 02, the head and an unknown type', payload({ version: '02', kind: '63', chunk: '' }), ['Head']),
];

const number = 'pq-number-too-large';
const long = 'pq-varint-too-long';

const invalids: CallDefinition[] = [
  refused('empty', 'pq-varint-truncated', ''),
  refused('of the version alone', 'pq-varint-truncated', '01'),
  refused('cut off within its epoch', 'pq-varint-truncated', '0180'),
  refused('cut off before its index', 'pq-varint-truncated', '0105'),
  refused('cut off within its index', 'pq-varint-truncated', '010587'),
  refused('cut off before its type', 'pq-unknown-type', '010507'),
  refused('cut off before its chunk index', 'pq-varint-truncated', payload({ chunk: '' })),
  refused('cut off within its chunk index', 'pq-varint-truncated', payload({ chunk: '89' })),
  refused('cut off before its chunk', 'pq-chunk-truncated', payload({ chunk: '09' })),
  refused('with a chunk of 31 bytes', 'pq-chunk-truncated', payload().slice(0, -2)),
  refused('of epoch 0', 'pq-epoch-zero', payload({ epoch: '00' })),
  refused('of epoch 0 in 10 bytes', 'pq-epoch-zero', payload({ epoch: varint(0, 10) })),
  refused('of epoch 2^64, which is 0', 'pq-epoch-zero', payload({ epoch: beyond64(0) })),
  refused('of epoch 2^53', number, payload({ epoch: varint(2n ** 53n) })),
  refused('of epoch 2^53 + 1', number, payload({ epoch: varint(2n ** 53n + 1n) })),
  refused('of epoch 2^64 − 1', number, payload({ epoch: varint(2n ** 64n - 1n) })),
  refused('of index 2^32', number, payload({ index: varint(2 ** 32) })),
  refused('of index 2^53', number, payload({ index: varint(2n ** 53n) })),
  refused('of index 2^64 − 1', number, payload({ index: varint(2n ** 64n - 1n) })),
  refused('of chunk index 2^16', number, payload({ chunk: varint(2 ** 16) + data })),
  refused('of chunk index 2^32', number, payload({ chunk: varint(2 ** 32) + data })),
  refused('with an epoch of 11 bytes', long, payload({ epoch: varint(5, 11) })),
  refused('with an index of 11 bytes', long, payload({ index: varint(7, 11) })),
  refused('with a chunk index of 11 bytes', long, payload({ chunk: varint(9, 11) + data })),
  ...[7, 8, 0x80, 0xff].map((kind) =>
    refused(`of type ${kind}`, 'pq-unknown-type', payload({ kind: Buffer.of(kind).toString('hex') })),
  ),
  refused('of version 02 and epoch 0', 'pq-epoch-zero', payload({ version: '02', epoch: '00' })),
  refused('of version 02 and epoch 2^53', number, payload({ version: '02', epoch: varint(2n ** 53n) })),
  refused('of version ff without a number', 'pq-varint-truncated', 'ff'),
];

/** All of them. */
export const PAYLOAD_TESTS: readonly CallDefinition[] = [...kinds, ...loose, ...invalids];
