/**
 * After the whole state of a device has leaked: when it is worth nothing any more.
 *
 * @spec 03-ratchet §4, 08-braid §9
 */
import { expect, test } from 'vitest';
import { ProtocolError } from '../../protocol/errors.ts';
import { nextMessageKeys } from '../support/forge.ts';
import { messagesUntilHealed, TRAFFIC } from '../support/healing.ts';
import { conversation, Peer, SUITE_NAMES } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { seededRandom } from '../support/seeded-random.ts';

test.each(SUITE_NAMES)('[RAT-09] %s: one round trip after the leak the classical keys are new', (suite) => {
  const [alice, bob] = conversation({ suite });
  alice.receive(bob, bob.send(alice));
  const thief = new Peer('alice', { suites: [suite], identity: alice.identity.privateKey.expose().slice() });
  thief.restore(alice.backup());
  thief.random = seededRandom('thief');
  const macKey = (peer: Peer) => nextMessageKeys(peer, bob).macKey.expose();
  const readable = (envelope: Parameters<Peer['open']>[1]): boolean => {
    try {
      thief.open(bob, envelope);
      return true;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return false;
    }
  };
  expect(macKey(thief)).toEqual(macKey(alice));
  thief.send(bob);
  bob.receive(alice, alice.send(bob));
  const reply = bob.send(alice);
  expect(readable(reply)).toBe(true);
  alice.receive(bob, reply);
  expect(macKey(thief)).not.toEqual(macKey(alice));
  for (let i = 0; i < 5; i++) {
    bob.receive(alice, alice.send(bob));
    const later = bob.send(alice);
    expect(readable(later)).toBe(false);
    alice.receive(bob, later);
  }
});

test.each(TRAFFIC)('[RAT-09] $name: a thief who breaks X25519 is shut out by the braid', (traffic) => {
  const runs = scaled(5, 250);
  for (let run = 0; run < runs; run++) {
    const messages = messagesUntilHealed(traffic, `${traffic.name} ${run}`);
    expect(messages).toBeGreaterThan(0);
  }
  reportCount('RAT-09', `thefts healed, ${traffic.name}`, runs);
});
