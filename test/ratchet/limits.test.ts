/**
 * The exact limits of the ratchet.
 *
 * @spec 03-ratchet §3, §4, §5
 */
import { describe, expect, test } from 'vitest';
import { concat } from '../../protocol/bytes/bytes.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import {
  MAX_AGREEMENTS_PER_ENVELOPE,
  MAX_FORWARD_JUMPS,
  MAX_MESSAGE_KEYS,
  MAX_RECEIVER_CHAINS,
} from '../../protocol/limits.ts';
import type { ReceiverChain } from '../../protocol/ratchet/double.ts';
import { beginReceive, finishReceive } from '../../protocol/ratchet/double.ts';
import { skippedCount } from '../../protocol/ratchet/skipped.ts';
import { WorkMeter } from '../../protocol/ratchet/work.ts';
import { countingProvider } from '../support/counting-provider.ts';
import { advance, currentState, flip, forgeInner, forgeMessage, replaceCurrent, skipSends } from '../support/forge.ts';
import type { Envelope } from '../support/peers.ts';
import { COMBINATIONS, conversation, Peer, PQXDH, pair, X3DH } from '../support/peers.ts';
import { torsioned } from '../support/points.ts';
import { expectRefused, refusal } from '../support/refusal.ts';

const DUPLICATE = { code: 'DuplicateMessage', reason: 'message-key-used' } as const;
const FAILED = { code: 'InvalidMessage', reason: 'decryption-failed' } as const;
const TOO_FAR = { code: 'InvalidMessage', reason: 'counter-too-far', field: 'counter' } as const;

describe.each(COMBINATIONS)('limits, $suite on $provider.name', ({ suite, provider }) => {
  test('[RAT-01] [DRT-09] a jump of 25,000 is accepted, one of 25,001 is refused', () => {
    const [alice, bob] = conversation({ suite, provider });
    skipSends(alice, bob, MAX_FORWARD_JUMPS + 1);
    const far = alice.send(bob, 'too far');
    expectRefused([bob], TOO_FAR, () => bob.open(alice, far));
    const [carol, dave] = conversation({ suite, provider, seed: '2' });
    skipSends(carol, dave, MAX_FORWARD_JUMPS);
    expect(dave.receive(carol, carol.send(dave, 'far'))).toBe('far');
    const chain = currentState(dave, carol).ratchet.receivers.at(-1) as ReceiverChain;
    expect(skippedCount(chain.skipped)).toBe(MAX_MESSAGE_KEYS);
  });

  test('[RAT-01] [DRT-10] 2,000 skipped seeds are kept, of 2,001 the oldest is evicted', () => {
    const [alice, bob] = conversation({ suite, provider });
    const [first, second] = [alice.send(bob, 'first'), alice.send(bob, 'second')];
    skipSends(alice, bob, MAX_MESSAGE_KEYS - 2);
    const last = alice.send(bob, 'skipped last');
    bob.receive(alice, alice.send(bob));
    expectRefused([bob], DUPLICATE, () => bob.open(alice, first));
    expect(bob.receive(alice, second)).toBe('second');
    expect(bob.receive(alice, last)).toBe('skipped last');
    expectRefused([bob], DUPLICATE, () => bob.open(alice, second));
  });

  test('[RAT-01] [DRT-13] five receiving chains are kept, the sixth evicts the first', () => {
    const [alice, bob] = pair({ suite, provider });
    alice.begin(bob);
    const held: Envelope[] = [];
    for (let i = 0; i <= MAX_RECEIVER_CHAINS; i++) {
      held.push(alice.send(bob, `held ${i}`));
      bob.receive(alice, alice.send(bob));
      alice.receive(bob, bob.send(alice));
    }
    expect(currentState(bob, alice).ratchet.receivers.length).toBe(MAX_RECEIVER_CHAINS);
    expectRefused([bob], FAILED, () => bob.open(alice, held[0] as Envelope));
    for (let i = 1; i < held.length; i++) expect(bob.receive(alice, held[i] as Envelope)).toBe(`held ${i}`);
  });

  test('[RAT-02] [DRT-11] a skipped key is used once', () => {
    const [alice, bob] = conversation({ suite, provider });
    const late = alice.send(bob, 'late');
    const next = alice.send(bob, 'next');
    expect(bob.receive(alice, next)).toBe('next');
    expect(bob.receive(alice, late)).toBe('late');
    for (const again of [late, next]) expectRefused([bob], DUPLICATE, () => bob.open(alice, again));
  });
});

test('[RAT-01] [DRT-10] the cap holds over several gaps of one chain', () => {
  const [alice, bob] = conversation();
  const first = alice.send(bob, 'first');
  skipSends(alice, bob, 1_499);
  bob.receive(alice, alice.send(bob));
  const second = alice.send(bob, 'second');
  skipSends(alice, bob, 498);
  bob.receive(alice, alice.send(bob));
  const chain = () => currentState(bob, alice).ratchet.receivers.at(-1) as ReceiverChain;
  expect(skippedCount(chain().skipped)).toBe(1_999);
  alice.send(bob);
  bob.receive(alice, alice.send(bob));
  expect(skippedCount(chain().skipped)).toBe(MAX_MESSAGE_KEYS);
  alice.send(bob);
  bob.receive(alice, alice.send(bob));
  expect(skippedCount(chain().skipped)).toBe(MAX_MESSAGE_KEYS);
  expectRefused([bob], DUPLICATE, () => bob.open(alice, first));
  expect(bob.receive(alice, second)).toBe('second');
  expect(skippedCount(chain().skipped)).toBe(MAX_MESSAGE_KEYS - 1);
});

test('[RAT-02] [DRT-09] counter 2^32 − 1 does not overflow, on any chain', () => {
  const [alice, bob] = conversation();
  const last = forgeMessage(alice, bob, { counter: 0xffff_ffff });
  expectRefused([bob], TOO_FAR, () => bob.open(alice, last));
  const index = 0xffff_fffe;
  const { key } = currentState(alice, bob).ratchet.sender.chain;
  replaceCurrent(alice, bob, (state) => {
    const { sender } = state.ratchet;
    return { ...state, ratchet: { ...state.ratchet, sender: { ...sender, chain: { index, key } } } };
  });
  replaceCurrent(bob, alice, (state) => {
    const at = state.ratchet.receivers.length - 1;
    const receiver = state.ratchet.receivers[at] as (typeof state.ratchet.receivers)[number];
    const receivers = state.ratchet.receivers.with(at, { ...receiver, chain: { index, key } });
    return { ...state, ratchet: { ...state.ratchet, receivers } };
  });
  expect(bob.receive(alice, alice.send(bob, 'the last one'))).toBe('the last one');
  const exhausted = { code: 'InvalidState', reason: 'chain-exhausted' } as const;
  const before = alice.backup();
  expectRefused([alice], exhausted, () => alice.send(bob));
  // What a message beyond the last would look like, were it sent.
  replaceCurrent(alice, bob, (state) => {
    const { sender } = state.ratchet;
    return { ...state, ratchet: { ...state.ratchet, sender: { ...sender, chain: { index, key } } } };
  });
  const beyond = forgeMessage(alice, bob, { counter: 0xffff_ffff });
  alice.restore(before);
  expectRefused([bob], TOO_FAR, () => bob.open(alice, beyond));
  expect(alice.receive(bob, bob.send(alice, 'and on'))).toBe('and on');
  expect(bob.receive(alice, alice.send(bob, 'with a new chain'))).toBe('with a new chain');
});

test('[RAT-02] a message without a counter does not parse', () => {
  const [alice, bob] = conversation();
  const { publicKey } = currentState(alice, bob).ratchet.sender.ratchet;
  const key = Uint8Array.of(0x0a, 33, 5, ...publicKey);
  const ciphertext = Uint8Array.of(0x22, 16, ...new Uint8Array(16));
  for (const authenticated of [concat(Uint8Array.of(0x44), key, ciphertext), concat(Uint8Array.of(0x44), key)]) {
    const body = forgeInner(alice, bob, { authenticated });
    expectRefused([bob], { code: 'InvalidMessage' }, () => bob.open(alice, { type: 'message', body }));
  }
});

test('[DRT-05] [DRT-06] the first states of both sides', () => {
  const [alice, bob] = pair();
  const bundle = bob.publish();
  alice.begin(bob, bundle);
  const ours = currentState(alice, bob);
  expect(ours.ratchet.receivers.map((receiver) => receiver.ratchetKey)).toEqual([bundle.signedPreKey.slice(1)]);
  expect(ours.ratchet.sender.chain.index).toBe(0);
  expect(ours.ratchet.sender.ratchet.publicKey).not.toEqual(ours.baseKey);
  bob.receive(alice, alice.send(bob));
  const theirs = currentState(bob, alice);
  expect(theirs.ratchet.receivers.map((receiver) => receiver.ratchetKey)).toEqual([
    ours.ratchet.sender.ratchet.publicKey,
  ]);
  expect(theirs.ratchet.sender.ratchet.publicKey).not.toEqual(bundle.signedPreKey.slice(1));
  expect(theirs.ratchet.previousCounter).toBe(0);
});

test('[DRT-07] each index is used once, in order, and sent as counter', () => {
  const [alice, bob] = conversation();
  const start = currentState(alice, bob).ratchet.sender.chain.index;
  const bodies = new Set<string>();
  for (let i = 0; i < 50; i++) {
    expect(currentState(alice, bob).ratchet.sender.chain.index).toBe(start + i);
    bodies.add(String(alice.send(bob, 'same').body));
  }
  expect(bodies.size).toBe(50);
});

test('[DRT-08] a forged message under a new ratchet key costs one agreement and no key pair', () => {
  const { provider, calls } = countingProvider(pair()[0].provider);
  const alice = new Peer('alice');
  const bob = new Peer('bob', { provider });
  alice.begin(bob);
  bob.receive(alice, alice.send(bob));
  alice.receive(bob, bob.send(alice));
  const message = alice.send(bob);
  const measure = (act: () => unknown) => {
    for (const name of Object.keys(calls)) delete calls[name];
    act();
    return { generated: calls.x25519Generate ?? 0, agreed: calls.x25519Agree ?? 0 };
  };
  const bad: Envelope = { type: 'message', body: flip(message.body, message.body.length - 1, 1) };
  expect(measure(() => expectRefused([bob], FAILED, () => bob.open(alice, bad)))).toEqual({ generated: 0, agreed: 1 });
  expect(measure(() => bob.open(alice, message))).toEqual({ generated: 1, agreed: 2 });
});

test('[DRT-12] seeds are derived only for keys that are kept, and only after the MAC', () => {
  const { provider, calls } = countingProvider(pair()[0].provider);
  const alice = new Peer('alice');
  const bob = new Peer('bob', { provider });
  alice.begin(bob);
  bob.receive(alice, alice.send(bob));
  alice.receive(bob, bob.send(alice));
  bob.receive(alice, alice.send(bob));
  skipSends(alice, bob, 10_000);
  const message = alice.send(bob);
  const bad: Envelope = { ...message, body: flip(message.body, message.body.length - 1, 1) };
  delete calls.hmacSha256;
  expectRefused([bob], FAILED, () => bob.open(alice, bad));
  // 10,000 steps, one seed, one step beyond, one MAC; and the MAC of the braid's header, which this message completes.
  expect(calls.hmacSha256).toBe(10_004);
  delete calls.hmacSha256;
  const { work } = bob.open(alice, message);
  expect(calls.hmacSha256).toBe(10_004 + MAX_MESSAGE_KEYS);
  // The step of the post-quantum chain counts too.
  expect(work).toEqual({ kdfSteps: 10_003 + MAX_MESSAGE_KEYS, agreements: 0 });
});

test('[DRT-12] a new ratchet key costs two agreements, and the meter counts both, each before it is made', () => {
  const { provider, calls } = countingProvider(pair()[0].provider);
  const [alice, bob] = [new Peer('alice', { suites: [X3DH] }), new Peer('bob', { suites: [X3DH], provider })];
  alice.begin(bob);
  bob.receive(alice, alice.send(bob));
  alice.receive(bob, bob.send(alice));
  alice.send(bob);
  const message = alice.send(bob);
  const { ratchet } = currentState(bob, alice);
  const { ratchetKey, counter } = parseSignalMessage(message.body);
  const work = new WorkMeter();
  work.agreements = MAX_AGREEMENTS_PER_ENVELOPE;
  const begin = () => beginReceive(provider, ratchet, ratchetKey, counter, MAX_FORWARD_JUMPS, work);
  delete calls.x25519Agree;
  expect(refusal(begin)).toMatchObject({ code: 'InvalidMessage', reason: 'work-budget-exhausted' });
  work.agreements -= 1;
  const pending = begin();
  expect(calls.x25519Agree).toBe(1);
  const finish = () => finishReceive(provider, bob.random, ratchet, pending, work);
  delete calls.x25519Generate;
  expect(refusal(finish)).toMatchObject({ code: 'InvalidMessage', reason: 'work-budget-exhausted' });
  expect(calls.x25519Agree).toBe(1);
  expect(calls.x25519Generate).toBeUndefined();
  // One step, one seed, one step beyond; one seed that is kept; two root steps.
  expect(bob.open(alice, message).work).toEqual({ kdfSteps: 6, agreements: 2 });
});

test('[PRIM-03] a torsioned ratchet key agrees like the honest one: the clamped scalar removes torsion', () => {
  const [alice, bob] = conversation();
  alice.receive(bob, bob.send(alice));
  replaceCurrent(alice, bob, (state) => {
    const { sender } = state.ratchet;
    const ratchet = { ...sender.ratchet, publicKey: torsioned(sender.ratchet.publicKey) };
    return { ...state, ratchet: { ...state.ratchet, sender: { ...sender, ratchet } } };
  });
  expect(bob.receive(alice, alice.send(bob, 'odd but harmless'))).toBe('odd but harmless');
  expect(alice.receive(bob, bob.send(alice, 'fine'))).toBe('fine');
});

test('[DRT-02] [DRT-03] the sender and the receiver walk the same chain', () => {
  const [alice, bob] = conversation({ suite: PQXDH });
  const { sender } = currentState(alice, bob).ratchet;
  const receiver = currentState(bob, alice).ratchet.receivers.at(-1) as ReceiverChain;
  const walked = advance(bob, receiver.chain, 5);
  expect(advance(alice, sender.chain, 5).key.expose()).toEqual(walked.key.expose());
});
