/**
 * What a leaked state gives of the past: nothing.
 *
 * @spec 03-ratchet §4, §5
 */
import { describe, expect, test } from 'vitest';
import { EMPTY, equalBytes } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { messageKeys, messageSeed, nextChainKey } from '../../protocol/ratchet/symmetric.ts';
import { messageMac } from '../../protocol/session/message-crypto.ts';
import type { SessionState } from '../../protocol/session/state.ts';
import { currentState } from '../support/forge.ts';
import type { Envelope, Peer } from '../support/peers.ts';
import { COMBINATIONS, conversation } from '../support/peers.ts';
import { expectRefused } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';

/** Every secret that a state holds, as bytes. */
function secretsOf(state: SessionState): Uint8Array[] {
  const { ratchet } = state;
  const chains = ratchet.receivers.flatMap(({ chain, skipped }) => [chain.key.expose(), ...seedsOf(skipped.expose())]);
  const { sender } = ratchet;
  return [ratchet.rootKey.expose(), sender.chain.key.expose(), sender.ratchet.privateKey.expose(), ...chains].map(
    (bytes) => bytes.slice(),
  );
}

function seedsOf(packed: Uint8Array): Uint8Array[] {
  return Array.from({ length: packed.length / 36 }, (_, i) => packed.subarray(36 * i + 4, 36 * i + 36));
}

/** Whether a thief of `state` finds a key for `body`, trying every seed and the next 100 steps of every chain. */
function thiefOpens(peer: Peer, state: SessionState, body: Uint8Array): boolean {
  const { provider } = peer;
  const message = parseSignalMessage(body);
  const chains = [...state.ratchet.receivers.map(({ chain }) => chain.key), state.ratchet.sender.chain.key];
  const seeds = state.ratchet.receivers.flatMap(({ skipped }) => seedsOf(skipped.expose()));
  for (const chain of chains) {
    let key: Uint8Array = chain.expose().slice();
    for (let i = 0; i < 100; i++) {
      seeds.push(messageSeed(provider, key), key);
      key = nextChainKey(provider, key);
    }
  }
  const identities = { sender: state.remoteIdentity, receiver: state.localIdentity };
  return seeds.some((seed) => {
    const keys = messageKeys(provider, seed, EMPTY);
    return equalBytes(messageMac(provider, keys, identities, message.authenticated), message.mac);
  });
}

describe.each(COMBINATIONS)('leaks, $suite on $provider.name', (options) => {
  test('[RAT-10] a state leaked at message k opens neither k − 1 nor a skipped message already read', () => {
    const [alice, bob] = conversation(options);
    const sent = Array.from({ length: 6 }, (_, i) => alice.send(bob, `message ${i}`));
    for (const i of [0, 1, 4, 2]) bob.receive(alice, sent[i] as Envelope);
    const leaked = currentState(bob, alice);
    for (const i of [0, 1, 2, 4]) {
      expect(thiefOpens(bob, leaked, (sent[i] as Envelope).body)).toBe(false);
      expectRefused([bob], { code: 'DuplicateMessage' }, () => bob.open(alice, sent[i] as Envelope));
    }
    // The attack itself works: unread messages are open to the thief.
    for (const i of [3, 5]) expect(thiefOpens(bob, leaked, (sent[i] as Envelope).body)).toBe(true);
  });

  test('[RAT-10] [DRT-10] no key that a step replaced stays in the record', () => {
    const [alice, bob] = conversation(options);
    const gone = new Map<Peer, Uint8Array[]>([
      [alice, []],
      [bob, []],
    ]);
    let scanned = 0;
    const watch = (peer: Peer, other: Peer, act: () => unknown) => {
      const before = secretsOf(currentState(peer, other));
      act();
      const kept = secretsOf(currentState(peer, other));
      const list = gone.get(peer) as Uint8Array[];
      list.push(...before.filter((secret) => !kept.some((other) => equalBytes(other, secret))));
      const record = Buffer.from(peer.recordBytes(other) as Uint8Array);
      for (const secret of list) {
        scanned++;
        expect(record.indexOf(secret)).toBe(-1);
      }
    };
    const held: Envelope[] = [];
    for (let round = 0; round < 12; round++) {
      const [from, to] = round % 2 === 0 ? [alice, bob] : [bob, alice];
      const envelopes: Envelope[] = [];
      for (let i = 0; i < 3; i++) watch(from, to, () => envelopes.push(from.send(to, `${round}.${i}`)));
      if (round === 4) held.push(envelopes[0] as Envelope);
      watch(to, from, () => to.receive(from, envelopes[2] as Envelope));
      watch(to, from, () => to.receive(from, envelopes[1] as Envelope));
    }
    watch(bob, alice, () => bob.receive(alice, held[0] as Envelope));
    reportCount('RAT-10', 'record scans for an old key', scanned);
  });

  test('[RAT-10] everything that a step replaces is declared spent, and wiped', () => {
    const [alice, bob] = conversation(options);
    for (const [from, to] of [
      [alice, bob],
      [bob, alice],
      [alice, bob],
    ] as const) {
      const skipped = from.send(to);
      for (const envelope of [from.send(to), skipped]) {
        const before = secretsOf(currentState(to, from));
        const spent: Secret[] = [];
        let copies: Uint8Array[] = [];
        to.onSpent = (list) => {
          for (const item of list) if (item instanceof Secret) spent.push(item);
          copies = spent.flatMap((item) => [item.expose().slice(), ...seedsOf(item.expose())]);
        };
        to.receive(from, envelope);
        to.onSpent = () => {};
        const kept = secretsOf(currentState(to, from));
        const replaced = before.filter((secret) => !kept.some((other) => equalBytes(other, secret)));
        for (const secret of replaced) expect(copies.some((copy) => equalBytes(copy, secret))).toBe(true);
        expect(spent.every((secret) => secret.wiped)).toBe(true);
      }
    }
  });
});
