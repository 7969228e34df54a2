/**
 * The Double Ratchet without messages: headers in, keys out.
 *
 * @spec 15-driver-lab §4
 * Owns: beginning either side, which key pair comes next, a state as bytes. Must not know: MACs: whoever asks for a key has a
 * message that was good.
 */
import { z } from 'zod';
import { EMPTY } from '../../protocol/bytes/bytes.ts';
import { ByteWriter } from '../../protocol/bytes/cursor.ts';
import { Secret, wipeAll } from '../../protocol/bytes/secret.ts';
import { decodePublicKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import type { CryptoProvider, RandomSource } from '../../protocol/crypto/provider.ts';
import { checkedRandom } from '../../protocol/crypto/random.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { MAX_FORWARD_JUMPS } from '../../protocol/limits.ts';
import type { RatchetState } from '../../protocol/ratchet/double.ts';
import {
  beginReceive,
  dropPending,
  finishReceive,
  initiatorState,
  ratchetSend,
  responderState,
} from '../../protocol/ratchet/double.ts';
import { messageKeys } from '../../protocol/ratchet/symmetric.ts';
import { WorkMeter } from '../../protocol/ratchet/work.ts';
import type { Driver } from './driver.ts';
import { keep } from './driver.ts';
import { handleOperation, type Kind, type Stepped } from './handles.ts';
import { hex } from './hex.ts';
import { key, writeMessageKeys } from './key-operations.ts';
import { checkedPublicKey, chosenRandom, privateKeyPair } from './keys.ts';
import { type Operation, operation } from './operation.ts';
import { bytes, uint32 } from './values.ts';

const KIND: Kind<RatchetState> = { name: 'ratchet', values: (driver) => driver.ratchets };

const header = z.strictObject({ ratchetKey: bytes, previousCounter: uint32, counter: uint32 });

const initShape = {
  role: z.enum(['initiator', 'responder']),
  rootKey: key,
  chainKey: key,
  private: bytes.optional(),
  remote: bytes.optional(),
};
type InitArgs = z.output<z.ZodObject<typeof initShape>>;

function refuse(reason: string, field: string): ProtocolError {
  return new ProtocolError('InvalidArgument', 'parse', reason, field);
}

/** The source of the one key pair that a step may draw: the given one or the system's. */
function sourceOf(provider: CryptoProvider, random: RandomSource, given: Uint8Array | undefined, field: string) {
  if (given === undefined) return checkedRandom(random);
  wipeAll([privateKeyPair(provider, given, field).privateKey]);
  return chosenRandom(given);
}

function begin(args: InitArgs, { provider, random }: Driver): RatchetState {
  const secrets = {
    rootKey: new Secret<'RootKey'>(args.rootKey),
    chainKey: new Secret<'ChainKey'>(args.chainKey),
  };
  if (args.role === 'initiator') {
    if (args.remote === undefined) throw refuse('missing-field', 'remote');
    const remote = checkedPublicKey(provider, args.remote, 'remote');
    return initiatorState(provider, sourceOf(provider, random, args.private, 'private'), secrets, remote);
  }
  if (args.remote !== undefined) throw refuse('not-of-this-role', 'remote');
  if (args.private === undefined) throw refuse('missing-field', 'private');
  const signedPreKey = privateKeyPair(provider, args.private, 'private');
  const state = responderState(secrets, signedPreKey);
  wipeAll([signedPreKey.privateKey]);
  return state;
}

function send(state: RatchetState, pqKey: Uint8Array, { provider }: Driver): Stepped<RatchetState> {
  const step = ratchetSend(provider, state);
  const keys = writeMessageKeys(messageKeys(provider, step.seed.expose(), pqKey));
  const ratchetKey = hex(encodePublicKey(state.sender.ratchet.publicKey));
  return {
    value: step.state,
    ok: { header: { ratchetKey, previousCounter: state.previousCounter, counter: step.counter }, ...keys },
    spent: [...step.spent, step.seed],
  };
}

interface Received {
  readonly header: z.output<typeof header>;
  readonly nextPrivate?: Uint8Array | undefined;
  readonly pqKey?: Uint8Array | undefined;
}

function receive(state: RatchetState, args: Received, { provider, random }: Driver): Stepped<RatchetState> {
  const ratchetKey = decodePublicKey(args.header.ratchetKey, 'header.ratchetKey');
  // @req DRV-27
  const source = sourceOf(provider, random, args.nextPrivate, 'nextPrivate');
  const work = new WorkMeter();
  const pending = beginReceive(provider, state, ratchetKey, args.header.counter, MAX_FORWARD_JUMPS, work);
  try {
    const keys = messageKeys(provider, pending.seed.expose(), args.pqKey ?? EMPTY);
    const step = finishReceive(provider, source, state, pending, work);
    return { value: step.state, ok: writeMessageKeys(keys), spent: step.spent };
  } catch (error) {
    dropPending(pending);
    throw error;
  }
}

/** Every field in the order of the specification: equal states are equal bytes. */
function stateBytes({ rootKey, sender, previousCounter, receivers }: RatchetState): Uint8Array {
  const out = new ByteWriter();
  out.fixed(rootKey.expose()).u32(previousCounter).fixed(sender.ratchet.privateKey.expose());
  out.u32(sender.chain.index).fixed(sender.chain.key.expose()).u8(receivers.length);
  for (const { ratchetKey, chain, skipped } of receivers) {
    out.fixed(ratchetKey).u32(chain.index).fixed(chain.key.expose()).sized(skipped.expose());
  }
  return out.finish();
}

/** The operations on ratchets. */
export const ratchetOperations: readonly Operation[] = [
  operation('ratchet.init', initShape, (args, driver) => ({
    ratchet: keep(driver, KIND.name, driver.ratchets, begin(args, driver)),
  })),
  handleOperation('ratchet.send', KIND, { pqKey: key.optional() }, ({ pqKey = EMPTY }, state, driver) =>
    send(state, pqKey, driver),
  ),
  handleOperation(
    'ratchet.receive',
    KIND,
    { header, nextPrivate: bytes.optional(), pqKey: key.optional() },
    (args, state, driver) => receive(state, args, driver),
  ),
  handleOperation('ratchet.save', KIND, {}, (_args, state) => ({
    value: state,
    ok: { state: hex(stateBytes(state)) },
  })),
];
