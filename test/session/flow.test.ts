/**
 * Sessions doing what they are for.
 *
 * @spec 05-sessions §1, §3, §4
 */
import { describe, expect, test } from 'vitest';
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { MAX_UNACKNOWLEDGED_SESSION_AGE_SECONDS } from '../../protocol/limits.ts';
import { openState } from '../../protocol/session/record.ts';
import { sessionInfo } from '../../protocol/session/session.ts';
import type { SessionRecord, SessionState } from '../../protocol/session/state.ts';
import { currentState } from '../support/forge.ts';
import { COMBINATIONS, conversation, Peer, PQXDH, pair, TEST_NOW, X3DH } from '../support/peers.ts';
import { expectRefused } from '../support/refusal.ts';

describe.each(COMBINATIONS)('a conversation, $suite on $provider.name', ({ suite, provider }) => {
  test('[SES-04] [DRT-07] prekey messages until the first reply, plain ones from then on', () => {
    const [alice, bob] = pair({ suite, provider });
    const bundle = bob.publish();
    alice.begin(bob, bundle);
    const outers = [0, 1, 2].map((i) => {
      const envelope = alice.send(bob, `prekey ${i}`);
      expect(envelope.type).toBe('prekey');
      expect(bob.receive(alice, envelope)).toBe(`prekey ${i}`);
      return parsePreKeySignalMessage(envelope.body);
    });
    const handshakes = outers.map(({ message: _, ...handshake }) => handshake);
    expect(handshakes[1]).toEqual(handshakes[0]);
    expect(handshakes[2]).toEqual(handshakes[0]);
    expect(handshakes[0]).toMatchObject({
      version: suite === PQXDH ? 4 : 3,
      preKeyId: bundle.oneTimePreKey?.id,
      signedPreKeyId: bundle.signedPreKeyId,
      kemPreKeyId: suite === PQXDH ? bundle.kemPreKey?.id : null,
      registrationId: alice.registrationId,
      identityKey: alice.identity.publicKey,
    });
    expect(outers.map(({ message }) => parseSignalMessage(message).counter)).toEqual([0, 1, 2]);
    const reply = bob.send(alice, 'reply');
    expect(reply.type).toBe('message');
    expect(alice.receive(bob, reply)).toBe('reply');
    expect(alice.send(bob).type).toBe('message');
  });

  test('[DRT-01] 40 turns each way, with empty and large plaintexts', () => {
    const [alice, bob] = conversation({ suite, provider });
    for (let i = 0; i < 40; i++) {
      const [from, to] = i % 2 === 0 ? [alice, bob] : [bob, alice];
      const plaintext = 'x'.repeat(i * i * 3);
      expect(to.receive(from, from.send(to, plaintext))).toBe(plaintext);
    }
    const parsed = parseSignalMessage(alice.send(bob).body);
    expect(parsed).toMatchObject({ previousCounter: 0, addresses: null });
    if (suite === X3DH) expect(parsed.pqRatchet.length).toBe(0);
    else expect(parsed.pqRatchet.length).toBeGreaterThan(3);
  });

  test('[DRT-07] previous counter is one less than what was sent on the chain before, and never below 0', () => {
    const [alice, bob] = conversation({ suite, provider });
    for (const count of [3, 1, 5]) {
      const sent = currentState(alice, bob).ratchet.sender.chain.index;
      for (let i = 0; i < count; i++) bob.receive(alice, alice.send(bob));
      alice.receive(bob, bob.send(alice));
      const { previousCounter } = parseSignalMessage(alice.send(bob).body);
      expect(previousCounter).toBe(Math.max(sent + count - 1, 0));
      bob.receive(alice, alice.send(bob));
      alice.receive(bob, bob.send(alice));
    }
  });

  test('[SES-01] every bundle begins a new session and archives the one before', () => {
    const [alice, bob] = conversation({ suite, provider });
    const keys = new Set<string>();
    for (let i = 1; i <= 3; i++) {
      alice.begin(bob);
      keys.add(String(currentState(alice, bob).baseKey));
      expect(alice.record(bob)?.archived.length).toBe(i);
      expect(bob.receive(alice, alice.send(bob, `new ${i}`))).toBe(`new ${i}`);
      expect(bob.record(alice)?.archived.length).toBe(i);
    }
    expect(keys.size).toBe(3);
  });

  test('[SES-06] [SES-07] an archived session that decrypts becomes current and sends plain messages', () => {
    const [alice, bob] = pair({ suite, provider });
    alice.begin(bob);
    const { baseKey } = currentState(alice, bob);
    bob.receive(alice, alice.send(bob));
    const reply = bob.send(alice, 'late reply');
    alice.begin(bob);
    const second = currentState(alice, bob).baseKey;
    const waiting = currentState(alice, bob).pending;
    expect(alice.receive(bob, reply)).toBe('late reply');
    expect(currentState(alice, bob).baseKey).toEqual(baseKey);
    expect(alice.record(bob)?.archived.length).toBe(1);
    expect(waiting).not.toBeNull();
    expect(archivedStates(alice, bob)).toMatchObject([{ baseKey: second, pending: null }]);
    expect(alice.send(bob).type).toBe('message');
    alice.archive(bob);
    expect(alice.record(bob)?.current).toBeNull();
    expect(alice.record(bob)?.archived.length).toBe(2);
    expect(second).not.toEqual(baseKey);
    expectRefused([alice], { code: 'NoSession', reason: 'no-current-session' }, () => alice.send(bob));
    expect(alice.receive(bob, bob.send(alice, 'promotes'))).toBe('promotes');
    expect(currentState(alice, bob).baseKey).toEqual(baseKey);
  });

  test('[SES-13] [RAT-12] an unacknowledged session sends for 30 days and not a moment longer', () => {
    const [alice, bob] = pair({ suite, provider });
    alice.begin(bob);
    alice.now = TEST_NOW + MAX_UNACKNOWLEDGED_SESSION_AGE_SECONDS * 1000;
    expect(sessionInfo({ now: alice.now }, alice.record(bob))?.usable).toBe(true);
    const message = alice.send(bob);
    alice.now += 1;
    expect(sessionInfo({ now: alice.now }, alice.record(bob))).toMatchObject({ usable: false, unacknowledged: true });
    expectRefused([alice], { code: 'NoSession', reason: 'session-expired' }, () => alice.send(bob));
    bob.receive(alice, message);
    alice.receive(bob, bob.send(alice));
    alice.now *= 2;
    expect(bob.receive(alice, alice.send(bob, 'acknowledged'))).toBe('acknowledged');
  });

  test('[SES-10] addresses are on prekey messages and must be ours', () => {
    const [alice, bob] = pair({ suite, provider });
    const carol = new Peer('carol', { suites: [suite], provider });
    alice.begin(bob);
    const message = alice.send(bob);
    expect(parseSignalMessage(parsePreKeySignalMessage(message.body).message).addresses?.length).toBe(36);
    const wrong = { code: 'InvalidMessage', reason: 'decryption-failed' } as const;
    expectRefused([bob], wrong, () => bob.open(carol, message));
    const moved = new Peer('bob moved', { suites: [suite], provider, address: { ...bob.address, deviceId: 2 } });
    Object.assign(moved, { identity: bob.identity });
    moved.restore(bob.backup());
    expectRefused([moved], wrong, () => moved.open(alice, message));
    expect(bob.receive(alice, message)).toBe('hello');
  });

  test('[SES-10] names that are no UUID leave the addresses away', () => {
    const alice = new Peer('alice', { suites: [suite], provider, address: { name: '+15551', deviceId: 1 } });
    const bob = new Peer('bob', { suites: [suite], provider, address: { name: '+15552', deviceId: 1 } });
    alice.begin(bob);
    const message = alice.send(bob);
    expect(parseSignalMessage(parsePreKeySignalMessage(message.body).message).addresses).toBeNull();
    expect(bob.receive(alice, message)).toBe('hello');
  });

  test('[SES-03] trust is asked before sending and after a plain message was decrypted', () => {
    const [alice, bob] = conversation({ suite, provider });
    const untrusted = { code: 'UntrustedIdentity', reason: 'untrusted-identity' } as const;
    const asked: string[] = [];
    bob.trust = (_, direction) => asked.push(direction) < 0;
    const message = alice.send(bob, 'later');
    expectRefused([bob], untrusted, () => bob.open(alice, message));
    expectRefused([bob], untrusted, () => bob.send(alice));
    const junk = { ...message, body: message.body.map((byte, i) => (i === message.body.length - 1 ? byte ^ 1 : byte)) };
    expectRefused([bob], { code: 'InvalidMessage' }, () => bob.open(alice, junk));
    expect(asked).toEqual(['receiving', 'sending']);
    bob.trust = null;
    expect(bob.receive(alice, message)).toBe('later');
  });
});

function archivedStates(one: Peer, other: Peer): SessionState[] {
  return (one.record(other) as SessionRecord).archived.map((session) => openState(one.provider, session));
}

test('[SES-13] what a session says of itself', () => {
  const [alice, bob] = pair();
  expect(sessionInfo({ now: TEST_NOW }, alice.record(bob))).toBeNull();
  alice.begin(bob);
  expect(sessionInfo({ now: TEST_NOW }, alice.record(bob))).toEqual({
    suite: PQXDH,
    version: 4,
    ratchet: 'triple',
    pq: 'negotiating',
    pqEpoch: 0,
    pqMayFallBack: false,
    noOneTimeKey: false,
    unacknowledged: true,
    archived: 0,
    usable: true,
    remoteIdentity: bob.identity.publicKey,
    remoteRegistrationId: bob.registrationId,
  });
  bob.receive(alice, alice.send(bob));
  const info = sessionInfo({ now: TEST_NOW }, bob.record(alice));
  expect(info).toMatchObject({
    noOneTimeKey: false,
    unacknowledged: false,
    remoteRegistrationId: alice.registrationId,
  });
});

test('[SES-01] two suites side by side: the newer bundle decides', () => {
  const both = { suites: [X3DH, PQXDH] as const };
  const [alice, bob] = [new Peer('alice', both), new Peer('bob', both)];
  alice.begin(bob, { ...bob.publish(), kemPreKey: null });
  const old = alice.send(bob, 'classical');
  alice.begin(bob, bob.publish());
  expect(bob.receive(alice, alice.send(bob, 'hybrid'))).toBe('hybrid');
  expect(bob.receive(alice, old)).toBe('classical');
  expect(sessionInfo({ now: TEST_NOW }, bob.record(alice))).toMatchObject({ suite: X3DH, archived: 1 });
});
