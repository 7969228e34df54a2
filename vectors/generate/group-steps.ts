/**
 * Steps of devices in groups.
 *
 * @spec 11-driver §7
 * Owns: devices that receive, devices that draw from a seed, one step each. Must not know: tests.
 */
import type { Json } from '../../cli/conform/vector-file.ts';
import { fixedHex, type StepDefinition } from './definition.ts';

/** An address. */
export type Address = { readonly name: string; readonly deviceId: number };

const account = (last: string, deviceId = 1): Address => ({
  name: `5d7c1a90-31b2-4f0e-9c55-0000000000${last}`,
  deviceId,
});

export const ALICE: Address = account('a1');
export const ALICES_TABLET: Address = account('a1', 2);
export const MALLORY: Address = account('e5');
const MEMBERS = { bob: account('b0'), carol: account('c0'), alice: ALICE } as const;

/** A device whose every value is given: it draws nothing. */
export const BOB: StepDefinition = {
  op: 'device.create',
  args: { local: MEMBERS.bob, identityPrivate: fixedHex('group bob'), registrationId: 7 },
  bind: { $bob: 'device' },
};

/** A device that draws from its own seed. */
export function seeded(name: keyof typeof MEMBERS): StepDefinition {
  return {
    op: 'device.create',
    args: { local: MEMBERS[name], seed: fixedHex(`group ${name}, seed`) },
    bind: { [`$${name}`]: 'device' },
  };
}

/** A device takes a sender key. @param body hex, or a name */
export function process(body: string, sender: Address = ALICE, device = '$bob'): StepDefinition {
  return { op: 'group.process', args: { device, sender, distribution: body } };
}

/** A device reads a message. */
export function decrypt(body: Json, sender: Address = ALICE, device = '$bob'): StepDefinition {
  return { op: 'group.decrypt', args: { device, sender, body } };
}

/** The same, with the values on the way. */
export function traced(step: StepDefinition): StepDefinition {
  return { ...step, trace: true };
}

/** A step that is refused. */
export function refused(step: StepDefinition, reason: string): StepDefinition {
  return { ...step, refused: reason };
}

/** A device makes or distributes its own sender key. */
export function create(device: string, distributionId: string, name: string): StepDefinition {
  return { op: 'group.create', args: { device, distributionId }, bind: { [name]: 'distribution' } };
}

/** A device sends to a group. */
export function encrypt(device: string, distributionId: string, plaintext: string, name: string): StepDefinition {
  return { op: 'group.encrypt', args: { device, distributionId, plaintext }, bind: { [name]: 'body' } };
}
