/**
 * Notes to oneself: the jump limit is lifted, the work budget is not.
 *
 * @spec 05-sessions §6
 */
import { describe, expect, test } from 'vitest';
import type { ProtocolAddress } from '../../protocol/codec/address.ts';
import { skipSends } from '../support/forge.ts';
import { Peer, SUITE_NAMES, uuidOf } from '../support/peers.ts';
import { expectRefused } from '../support/refusal.ts';

const ACCOUNT = uuidOf('self');
const key = new Uint8Array(32).fill(0x42);
const JUMP = 25_010;

function devices(first: ProtocolAddress, second: ProtocolAddress, identities: readonly (Uint8Array | undefined)[]) {
  return SUITE_NAMES.map((suite) => {
    const make = (name: string, address: ProtocolAddress, identity: Uint8Array | undefined) =>
      new Peer(name, { suites: [suite], address, ...(identity === undefined ? {} : { identity }) });
    const a = make('phone', first, identities[0]);
    const b = make('laptop', second, identities[1]);
    a.begin(b);
    b.receive(a, a.send(b));
    return [a, b] as const;
  });
}

describe('[PQX-14] [SES-14] the jump limit', () => {
  test('is lifted for equal identity keys and one account, in any spelling', () => {
    const upper = { name: ACCOUNT.toUpperCase(), deviceId: 2 };
    for (const [phone, laptop] of devices({ name: ACCOUNT, deviceId: 1 }, upper, [key, key])) {
      skipSends(phone, laptop, JUMP);
      expect(laptop.receive(phone, phone.send(laptop, 'note to self'))).toBe('note to self');
    }
  });

  test('but an envelope still costs no more than the work budget', () => {
    const [pair] = devices({ name: ACCOUNT, deviceId: 1 }, { name: ACCOUNT, deviceId: 2 }, [key, key]);
    const [phone, laptop] = pair as readonly [Peer, Peer];
    skipSends(phone, laptop, 55_000);
    const far = phone.send(laptop);
    const expected = { code: 'InvalidMessage', reason: 'work-budget-exhausted' } as const;
    expectRefused([laptop], expected, () => laptop.open(phone, far));
  });

  test.each([
    ['another account', { name: uuidOf('other'), deviceId: 2 }, [key, key]],
    ['another identity key', { name: ACCOUNT, deviceId: 2 }, [key, undefined]],
    ['a name that is no UUID', { name: 'self', deviceId: 2 }, [key, key]],
  ] as const)('holds for %s', (_, address, identities) => {
    for (const [phone, laptop] of devices({ name: ACCOUNT, deviceId: 1 }, address, identities)) {
      skipSends(phone, laptop, JUMP);
      const far = phone.send(laptop);
      const expected = { code: 'InvalidMessage', reason: 'counter-too-far' } as const;
      expectRefused([laptop], expected, () => laptop.open(phone, far));
    }
  });
});
