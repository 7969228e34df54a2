/**
 * One side of the post-quantum ratchet, without a session around it.
 *
 * @spec 15-driver-lab §8
 * Owns: its stream of randomness, a state as bytes. Must not know: MACs: whoever hands a payload over has a message that was good.
 */
import { z } from 'zod';
import { ByteWriter } from '../../protocol/bytes/cursor.ts';
import { Secret, type Wipeable } from '../../protocol/bytes/secret.ts';
import { checkedRandom } from '../../protocol/crypto/random.ts';
import { MAX_FORWARD_JUMPS } from '../../protocol/limits.ts';
import { wipeNew } from '../../protocol/ratchet/braid/secrets.ts';
import type { SpqrStep } from '../../protocol/ratchet/braid/spqr.ts';
import { spqrReceive, spqrSend, startSpqr } from '../../protocol/ratchet/braid/spqr.ts';
import { spqrEpoch } from '../../protocol/ratchet/braid/spqr-state.ts';
import { writeSpqr } from '../../protocol/ratchet/braid/state-bytes.ts';
import { WorkMeter } from '../../protocol/ratchet/work.ts';
import { openStream, type RandomStream, STREAM_SEED_BYTES } from '../../protocol/testing/random-stream.ts';
import type { Braid, Driver } from './driver.ts';
import { keep } from './driver.ts';
import { handleOperation, type Kind, type Stepped } from './handles.ts';
import { hex } from './hex.ts';
import { key } from './key-operations.ts';
import { type Ok, type Operation, operation } from './operation.ts';
import { direction } from './spqr-chain-operations.ts';
import { bytes, bytesOfLength } from './values.ts';

const KIND: Kind<Braid> = { name: 'braid', values: (driver) => driver.braids };

const initShape = {
  direction,
  pqRatchetKey: key,
  minVersion: z.union([z.literal(0), z.literal(1)]).optional(),
  seed: bytesOfLength(STREAM_SEED_BYTES).optional(),
};

const init = operation('spqr.braid.init', initShape, (args, driver) => {
  const pqRatchetKey = new Secret<'PqRatchetKey'>(args.pqRatchetKey);
  const state = startSpqr(driver.provider, pqRatchetKey, args.direction, args.minVersion ?? 1);
  const stream = args.seed === undefined ? null : { seed: new Secret<'StreamSeed'>(args.seed), draws: 0 };
  return { braid: keep<Braid>(driver, KIND.name, driver.braids, { state, stream }) };
});

/** The step as it is kept, and its key, which leaves with the answer. */
function kept(step: SpqrStep, stream: RandomStream | null, more: Ok = {}): Stepped<Braid> {
  const { state, key: messageKey, epoch } = step;
  const keyed = messageKey === null ? {} : { key: hex(messageKey.expose()) };
  const spent: Wipeable[] = [...step.spent, ...(messageKey === null ? [] : [messageKey])];
  return { value: { state, stream }, ok: { ...more, ...keyed, epoch }, spent };
}

function send({ state, stream }: Braid, { provider, random }: Driver): Stepped<Braid> {
  // @req DRV-30
  const source = stream === null ? null : openStream(provider, stream);
  const step = spqrSend(provider, checkedRandom(source?.random ?? random), state);
  return kept(step, source?.stream() ?? null, { payload: hex(step.payload) });
}

function receive({ state, stream }: Braid, payload: Uint8Array, { provider }: Driver): Stepped<Braid> {
  const step = spqrReceive(provider, state, payload, MAX_FORWARD_JUMPS, new WorkMeter());
  if (step.failure === null) return kept(step, stream);
  step.key?.wipe();
  wipeNew(state, step.state);
  throw step.failure;
}

/** What a state says of itself, by the names of `08-braid.md`. */
function info({ state }: Braid): Ok {
  if (typeof state === 'string') return { state, epoch: 0, pqEpoch: 0, negotiating: false };
  const { name, epoch } = state.braid;
  return { state: name, epoch, pqEpoch: spqrEpoch(state), negotiating: state.negotiation !== null };
}

function stateBytes({ state, stream }: Braid): Uint8Array {
  const out = new ByteWriter();
  writeSpqr(out, state);
  if (stream !== null) out.fixed(stream.seed.expose()).u53(stream.draws);
  return out.finish();
}

/** The operations on braids. */
export const braidOperations: readonly Operation[] = [
  init,
  handleOperation('spqr.braid.send', KIND, {}, (_args, braid, driver) => send(braid, driver)),
  handleOperation('spqr.braid.receive', KIND, { payload: bytes }, (args, braid, driver) =>
    receive(braid, args.payload, driver),
  ),
  handleOperation('spqr.braid.info', KIND, {}, (_args, braid) => ({ value: braid, ok: info(braid) })),
  handleOperation('spqr.braid.save', KIND, {}, (_args, braid) => ({
    value: braid,
    ok: { state: hex(stateBytes(braid)) },
  })),
];
