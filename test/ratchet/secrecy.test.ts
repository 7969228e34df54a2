/**
 * What a leaked state gives of the past: nothing.
 *
 * @spec 03-ratchet §4, §5
 */
import { describe, expect, test } from 'vitest';
import { EMPTY, equalBytes, toHex } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { secretsOf as pqSecretsOf } from '../../protocol/ratchet/braid/secrets.ts';
import { spqrSend } from '../../protocol/ratchet/braid/spqr.ts';
import { beginReceive, dropPending } from '../../protocol/ratchet/double.ts';
import { messageKeys, messageSeed, nextChainKey } from '../../protocol/ratchet/symmetric.ts';
import { WorkMeter } from '../../protocol/ratchet/work.ts';
import { messageMac } from '../../protocol/session/message-crypto.ts';
import type { SessionState } from '../../protocol/session/state.ts';
import { overriding } from '../support/counting-provider.ts';
import { currentState } from '../support/forge.ts';
import type { Envelope, Peer } from '../support/peers.ts';
import { COMBINATIONS, conversation } from '../support/peers.ts';
import { expectRefused } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Every secret that a state holds, as bytes. */
function secretsOf(state: SessionState): Uint8Array[] {
  const { ratchet } = state;
  const chains = ratchet.receivers.flatMap(({ chain, skipped }) => [chain.key.expose(), ...seedsOf(skipped.expose())]);
  const { sender } = ratchet;
  // Packed keys are looked for one by one: a list may be the beginning of the next.
  const pq = pqSecretsOf(state.pq).flatMap((secret) => {
    const bytes = secret.expose();
    return bytes.length % 36 === 0 ? seedsOf(bytes) : [bytes];
  });
  const own = [ratchet.rootKey.expose(), sender.chain.key.expose(), sender.ratchet.privateKey.expose()];
  return [...own, ...chains, ...pq].filter((bytes) => bytes.length > 0).map((bytes) => bytes.slice());
}

function seedsOf(packed: Uint8Array): Uint8Array[] {
  return Array.from({ length: packed.length / 36 }, (_, i) => packed.subarray(36 * i + 4, 36 * i + 36));
}

/** The post-quantum key of the next message, which salts its keys. */
function nextSalt(from: Peer, to: Peer): Uint8Array {
  const { key } = spqrSend(from.provider, seededRandom('salt'), currentState(from, to).pq);
  return key === null ? EMPTY : key.expose();
}

/** Whether a thief of `state` finds a key for `body`, trying every seed and the next 100 steps of every chain. */
function thiefOpens(peer: Peer, state: SessionState, body: Uint8Array, salt: Uint8Array): boolean {
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
    const keys = messageKeys(provider, seed, salt);
    return equalBytes(messageMac(provider, keys, identities, message.authenticated), message.mac);
  });
}

describe.each(COMBINATIONS)('leaks, $suite on $provider.name', (options) => {
  test('[RAT-10] a state leaked at message k opens neither k − 1 nor a skipped message already read', () => {
    const [alice, bob] = conversation(options);
    const salts: Uint8Array[] = [];
    const sent = Array.from({ length: 6 }, (_, i) => {
      salts.push(nextSalt(alice, bob));
      return alice.send(bob, `message ${i}`);
    });
    const opens = (i: number) => thiefOpens(bob, leaked, (sent[i] as Envelope).body, salts[i] as Uint8Array);
    for (const i of [0, 1, 4, 2]) bob.receive(alice, sent[i] as Envelope);
    const leaked = currentState(bob, alice);
    for (const i of [0, 1, 2, 4]) {
      // Not even with the post-quantum key, which the state no longer gives either.
      expect(opens(i)).toBe(false);
      expectRefused([bob], { code: 'DuplicateMessage' }, () => bob.open(alice, sent[i] as Envelope));
    }
    // The attack itself works: unread messages are open to the thief.
    for (const i of [3, 5]) expect(opens(i)).toBe(true);
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

  test('[KEY-18] a walk leaves none of the chain keys that it passed', () => {
    const made: Uint8Array[] = [];
    const hmacSha256 = (key: Uint8Array, data: Uint8Array) => {
      const mac = options.provider.hmacSha256(key, data);
      made.push(mac);
      return mac;
    };
    const [alice, bob] = conversation(options);
    const { ratchet } = currentState(bob, alice);
    const provider = overriding(options.provider, { hmacSha256 });
    for (let jump = 0; jump < 4; jump++) {
      const { ratchetKey, counter } = parseSignalMessage(alice.send(bob).body);
      dropPending(beginReceive(provider, ratchet, ratchetKey, counter, 100, new WorkMeter()));
    }
    // The steps of each walk, its seed, and the step beyond.
    expect(made.length).toBe(2 + 3 + 4 + 5);
    for (const key of made) expect(toHex(key)).toBe('00'.repeat(32));
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
