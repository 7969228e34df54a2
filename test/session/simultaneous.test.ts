/**
 * Both begin at once.
 *
 * @spec 05-sessions §3
 */
import { describe, expect, test } from 'vitest';
import { currentState } from '../support/forge.ts';
import type { Envelope } from '../support/peers.ts';
import { COMBINATIONS, type Peer, pair } from '../support/peers.ts';
import { seededIntegers } from '../support/seeded-random.ts';

/** Both process a bundle of the other and write, before either hears anything. */
function collide(alice: Peer, bob: Peer, label = ''): { fromAlice: Envelope; fromBob: Envelope } {
  const bundles = { alice: alice.publish(), bob: bob.publish() };
  alice.begin(bob, bundles.bob);
  bob.begin(alice, bundles.alice);
  return { fromAlice: alice.send(bob, `hi bob ${label}`), fromBob: bob.send(alice, `hi alice ${label}`) };
}

function sameSession(alice: Peer, bob: Peer): boolean {
  return String(currentState(alice, bob).baseKey) === String(currentState(bob, alice).baseKey);
}

/** Answers back and forth until both are on one session, then a few more. */
function settle(alice: Peer, bob: Peer): void {
  for (let i = 0; i < 3; i++) {
    expect(bob.receive(alice, alice.send(bob, `settle a${i}`))).toBe(`settle a${i}`);
    expect(sameSession(alice, bob)).toBe(true);
    expect(alice.receive(bob, bob.send(alice, `settle b${i}`))).toBe(`settle b${i}`);
    expect(sameSession(alice, bob)).toBe(true);
  }
}

function sessions(one: Peer, other: Peer): number {
  const record = one.record(other);
  return (record?.archived.length ?? 0) + (record?.current === null ? 0 : 1);
}

describe.each(COMBINATIONS)('[STATE-07] simultaneous initiation, $suite on $provider.name', (options) => {
  test('both messages arrive: each ends on the session of the other, then on one', () => {
    const [alice, bob] = pair(options);
    const { fromAlice, fromBob } = collide(alice, bob);
    expect(alice.receive(bob, fromBob)).toBe('hi alice ');
    expect(bob.receive(alice, fromAlice)).toBe('hi bob ');
    expect(sameSession(alice, bob)).toBe(false);
    settle(alice, bob);
    expect([sessions(alice, bob), sessions(bob, alice)]).toEqual([2, 2]);
  });

  test('one message is lost', () => {
    const [alice, bob] = pair(options);
    const { fromBob } = collide(alice, bob);
    expect(alice.receive(bob, fromBob)).toBe('hi alice ');
    expect(sessions(alice, bob)).toBe(2);
    expect(sessions(bob, alice)).toBe(1);
    settle(alice, bob);
    expect([sessions(alice, bob), sessions(bob, alice)]).toEqual([2, 1]);
  });

  test('both arrive and the first answer is lost', () => {
    const [alice, bob] = pair(options);
    const { fromAlice, fromBob } = collide(alice, bob);
    alice.receive(bob, fromBob);
    bob.receive(alice, fromAlice);
    alice.send(bob, 'lost');
    settle(alice, bob);
    expect([sessions(alice, bob), sessions(bob, alice)]).toEqual([2, 2]);
  });

  test('again and again, with answers crossing and out of order: nothing delivered is lost', () => {
    const [alice, bob] = pair(options);
    const below = seededIntegers('crossing');
    for (let round = 0; round < 8; round++) {
      const { fromAlice, fromBob } = collide(alice, bob, String(round));
      const toBob = [fromAlice, alice.send(bob, 'second')];
      const toAlice = [fromBob, bob.send(alice, 'second')];
      if (below(2) === 0) toBob.reverse();
      if (below(2) === 0) toAlice.reverse();
      const texts = new Set<string>();
      for (const envelope of toAlice) texts.add(alice.receive(bob, envelope));
      for (const envelope of toBob) texts.add(bob.receive(alice, envelope));
      expect([...texts].sort()).toEqual([`hi alice ${round}`, `hi bob ${round}`, 'second'].sort());
      // Both answer at once, on different sessions.
      const [a, b] = [alice.send(bob, 'answer'), bob.send(alice, 'answer')];
      expect(alice.receive(bob, b)).toBe('answer');
      expect(bob.receive(alice, a)).toBe('answer');
    }
    settle(alice, bob);
  });

  test('again and again, with a message lost in every round', () => {
    const [alice, bob] = pair(options);
    const late: Envelope[] = [];
    for (let round = 0; round < 8; round++) {
      const { fromAlice, fromBob } = collide(alice, bob, String(round));
      if (round % 2 === 0) {
        expect(bob.receive(alice, fromAlice)).toBe(`hi bob ${round}`);
        late.push(fromBob);
      } else {
        expect(alice.receive(bob, fromBob)).toBe(`hi alice ${round}`);
      }
    }
    settle(alice, bob);
    for (const [i, envelope] of late.entries()) expect(alice.receive(bob, envelope)).toBe(`hi alice ${2 * i}`);
    settle(alice, bob);
  });
});

test('[STATE-07] repeats of what was received are refused and disturb nothing', () => {
  const [alice, bob] = pair();
  const { fromAlice, fromBob } = collide(alice, bob);
  alice.receive(bob, fromBob);
  bob.receive(alice, fromAlice);
  for (let i = 0; i < 5; i++) {
    expect(() => alice.receive(bob, fromBob)).toThrow('message-key-used');
    expect(() => bob.receive(alice, fromAlice)).toThrow('message-key-used');
  }
  settle(alice, bob);
});
