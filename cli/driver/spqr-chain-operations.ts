/**
 * The key chains of the post-quantum ratchet.
 *
 * @spec 15-driver-lab §7
 * Owns: their arguments, a state as bytes. Must not know: how epoch secrets come about, payloads.
 */
import { z } from 'zod';
import { ByteWriter } from '../../protocol/bytes/cursor.ts';
import { MAX_FORWARD_JUMPS } from '../../protocol/limits.ts';
import type { PqChain, TakenKey } from '../../protocol/ratchet/braid/chain.ts';
import { addEpoch, receiveKey, sendKey, startChain } from '../../protocol/ratchet/braid/chain.ts';
import { writePqChain } from '../../protocol/ratchet/braid/state-bytes.ts';
import { WorkMeter } from '../../protocol/ratchet/work.ts';
import { keep } from './driver.ts';
import { handleOperation, type Kind, type Stepped } from './handles.ts';
import { hex } from './hex.ts';
import { key } from './key-operations.ts';
import { type Operation, operation } from './operation.ts';
import { epoch } from './spqr-operations.ts';
import { uint32 } from './values.ts';

const KIND: Kind<PqChain> = { name: 'chain', values: (driver) => driver.chains };

/** Which side a driver plays: A2B is the session's initiator. */
export const direction = z.enum(['A2B', 'B2A']);

const chainEpoch = z.int().min(0);

function taken({ chain, key: messageKey, index, spent }: TakenKey): Stepped<PqChain> {
  const ok = { index, key: hex(messageKey.expose()) };
  return { value: chain, ok, spent: [...spent, messageKey] };
}

function stateBytes(chain: PqChain): Uint8Array {
  const out = new ByteWriter();
  writePqChain(out, chain);
  return out.finish();
}

/** The operations on chains. */
export const chainOperations: readonly Operation[] = [
  operation('spqr.chain.init', { direction, pqRatchetKey: key }, (args, driver) => ({
    chain: keep(driver, KIND.name, driver.chains, startChain(driver.provider, args.pqRatchetKey, args.direction)),
  })),
  handleOperation('spqr.chain.advance', KIND, { epoch, secret: key }, (args, chain, { provider }) => {
    const added = addEpoch(provider, chain, args.epoch, args.secret);
    return { value: added.chain, ok: {}, spent: added.spent };
  }),
  handleOperation('spqr.chain.send', KIND, { epoch: chainEpoch }, (args, chain, { provider }) =>
    taken(sendKey(provider, chain, args.epoch)),
  ),
  handleOperation('spqr.chain.receive', KIND, { epoch: chainEpoch, index: uint32 }, (args, chain, { provider }) =>
    taken(receiveKey(provider, chain, args.epoch, args.index, MAX_FORWARD_JUMPS, new WorkMeter())),
  ),
  handleOperation('spqr.chain.save', KIND, {}, (_args, chain) => ({
    value: chain,
    ok: { state: hex(stateBytes(chain)) },
  })),
];
