/**
 * Sessions that should not be used any more: whose suite the policy left, or which their sender left.
 *
 * @spec 05-sessions §6
 */
import { expect, test } from 'vitest';
import type { Decrypted } from '../../protocol/session/session.ts';
import { conversation, Peer, PQXDH, SUITE_NAMES, X3DH } from '../support/peers.ts';
import { expectRefused } from '../support/refusal.ts';

test('[SES-21] a policy that leaves a suite ends its sessions, in either direction', () => {
  const [alice, bob] = conversation({ suite: X3DH });
  const late = alice.send(bob);
  bob.suites = [PQXDH];
  expectRefused([bob], { code: 'InvalidMessage', reason: 'suite-not-allowed' }, () => bob.open(alice, late));
  expectRefused([bob], { code: 'NoSession', reason: 'suite-not-allowed' }, () => bob.send(alice));
  bob.suites = [PQXDH, X3DH];
  expect(bob.receive(alice, late)).toBe('hello');
});

const flag = (opened: Decrypted) => opened.resurrected;

test.each(SUITE_NAMES)(
  '[STATE-08] [SES-22] %s: a thief who goes on with a state that its owner left is told of',
  (suite) => {
    const [alice, bob] = conversation({ suite });
    const stolen = alice.backup();
    const thief = new Peer('alice', { suites: [suite], identity: alice.identity.privateKey.expose().slice() });
    thief.restore(stolen);
    // Alice begins anew, and both talk on the new session.
    alice.begin(bob);
    expect(flag(bob.open(alice, alice.send(bob)))).toBe(false);
    expect(flag(alice.open(bob, bob.send(alice)))).toBe(false);
    expect(flag(bob.open(alice, alice.send(bob)))).toBe(false);
    expect(flag(bob.open(thief, thief.send(bob)))).toBe(true);
    // And again, for the next message of Alice comes on a session that was left meanwhile.
    expect(flag(bob.open(alice, alice.send(bob)))).toBe(true);
  },
);

test('[SES-22] a session that nobody has answered yet is no newer one', () => {
  const [alice, bob] = conversation();
  bob.begin(alice);
  expect(flag(bob.open(alice, alice.send(bob)))).toBe(false);
});
