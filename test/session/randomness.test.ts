/**
 * A random source that breaks, at every draw of every operation.
 *
 * @spec 01-keys §1, 05-sessions
 */
import { describe, expect, test } from 'vitest';
import { createKemPreKey, createPreKey, createSignedPreKey } from '../../protocol/handshake/prekeys.ts';
import { COMBINATIONS, conversation, type Peer, pair } from '../support/peers.ts';
import { expectRefused } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { FAULTS, faultyRandom, seededRandom } from '../support/seeded-random.ts';

/** An operation of `peer` that may be tried again and again from the same stores. */
interface Operation {
  readonly name: string;
  readonly draws: number;
  readonly peer: Peer;
  readonly run: () => unknown;
}

function operations({ suite, provider }: (typeof COMBINATIONS)[number]): Operation[] {
  const [alice, bob] = pair({ suite, provider });
  const bundle = bob.publish();
  const hybrid = bundle.kemPreKey !== null;
  const [carol, dave] = conversation({ suite, provider, seed: '2' });
  const reply = carol.send(dave);
  dave.receive(carol, reply);
  const turn = dave.send(carol);
  const [erin, frank] = pair({ suite, provider, seed: '3' });
  erin.begin(frank);
  const first = erin.send(frank);
  return [
    { name: 'one-time prekey', draws: 1, peer: bob, run: () => createPreKey(provider, bob.random, 9) },
    {
      name: 'signed prekey',
      draws: 2,
      peer: bob,
      run: () => createSignedPreKey(provider, bob.random, bob.identity, 9),
    },
    {
      name: 'KEM prekey',
      draws: 2,
      peer: bob,
      run: () => createKemPreKey(provider, bob.random, bob.identity, 9, 'ML-KEM-1024'),
    },
    { name: 'bundle', draws: hybrid ? 3 : 2, peer: alice, run: () => alice.begin(bob, bundle) },
    { name: 'first message', draws: 1, peer: frank, run: () => frank.open(erin, first) },
    { name: 'ratchet step', draws: 1, peer: carol, run: () => carol.open(dave, turn) },
  ];
}

describe.each(COMBINATIONS)('[PRIM-12] random faults, $suite on $provider.name', (combination) => {
  test.each(operations(combination))('$name, $draws draws', ({ draws, peer, run }) => {
    const stores = peer.backup();
    const lengths: number[] = [];
    peer.random = faultyRandom(seededRandom('good'), 'throws', -1, lengths);
    run();
    peer.restore(stores);
    expect(lengths.length).toBe(draws);
    let count = 0;
    for (let at = 0; at < draws; at++) {
      for (const fault of FAULTS) {
        // A repeat can be told from a fresh draw of the same length alone.
        if (fault === 'repeats' && lengths[at] !== lengths[at - 1]) continue;
        peer.random = faultyRandom(seededRandom('good'), fault, at);
        const expected = { code: 'InvalidState', stage: 'state', reason: 'randomness-failed' } as const;
        expectRefused([peer], expected, run);
        count++;
      }
    }
    reportCount('PRIM-12', 'random faults', count);
    peer.random = seededRandom('good');
    run();
  });

  test('[PRIM-12] sending draws nothing', () => {
    const [alice, bob] = conversation(combination);
    alice.random = faultyRandom(seededRandom('good'), 'throws', 0);
    expect(bob.receive(alice, alice.send(bob, 'no dice'))).toBe('no dice');
  });
});
