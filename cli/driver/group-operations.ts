/**
 * Operations on groups: sender keys.
 *
 * @spec 11-driver §7
 * Owns: passing a device's sender keys into the steps and back; the distribution id is read from what arrived.
 * Must not know: what the steps do; whether a pairwise session carried a distribution is the caller's to see to.
 */
import { parseSenderKeyDistribution, parseSenderKeyMessage } from '../../protocol/codec/sender-key.ts';
import type { SenderKeyName, SenderKeyRecord } from '../../protocol/group/sender-key.ts';
import {
  decryptGroupMessage,
  distributeSenderKey,
  encryptGroupMessage,
  processSenderKeyDistribution,
  senderKeyRecordKey,
} from '../../protocol/group/sender-key.ts';
import type { Device } from './device.ts';
import { withEntry } from './device.ts';
import { hex } from './hex.ts';
import { deviceOperation, type Operation } from './operation.ts';
import { address, bytes, distributionId } from './values.ts';

function recordOf(device: Device, name: SenderKeyName): SenderKeyRecord | null {
  // @req DRV-20
  return device.senderKeys.get(senderKeyRecordKey(name))?.record ?? null;
}

function withRecord(device: Device, name: SenderKeyName, record: SenderKeyRecord): Device {
  return { ...device, senderKeys: withEntry(device.senderKeys, record.key, { name, record }) };
}

/** The operations on groups. */
export const groupOperations: readonly Operation[] = [
  deviceOperation('group.create', { distributionId }, (args, { device, provider, random }) => {
    const name = { sender: device.local, distributionId: args.distributionId };
    const made = distributeSenderKey(provider, random, recordOf(device, name), name);
    const { record, spent } = made;
    return { device: withRecord(device, name, record), ok: { distribution: hex(made.distribution) }, spent };
  }),
  deviceOperation('group.process', { sender: address, distribution: bytes }, (args, { device }) => {
    const distribution = parseSenderKeyDistribution(args.distribution);
    distribution.chainKey.fill(0);
    const name = { sender: args.sender, distributionId: distribution.distributionId };
    const { record, spent } = processSenderKeyDistribution(recordOf(device, name), name, args.distribution);
    return { device: withRecord(device, name, record), ok: {}, spent };
  }),
  deviceOperation('group.encrypt', { distributionId, plaintext: bytes }, (args, { device, provider, random }) => {
    const name = { sender: device.local, distributionId: args.distributionId };
    const sealed = encryptGroupMessage(provider, random, recordOf(device, name), name, args.plaintext);
    return { device: withRecord(device, name, sealed.record), ok: { body: hex(sealed.body) }, spent: sealed.spent };
  }),
  deviceOperation('group.decrypt', { sender: address, body: bytes }, (args, { device, provider }) => {
    const name = { sender: args.sender, distributionId: parseSenderKeyMessage(args.body).distributionId };
    const { record, plaintext, spent } = decryptGroupMessage(provider, recordOf(device, name), name, args.body);
    return { device: withRecord(device, name, record), ok: { plaintext: hex(plaintext) }, spent };
  }),
];
