/**
 * The work that one envelope may cause, counted at the provider and not at the meter.
 *
 * @spec 03-ratchet §6, 05-sessions §6
 */
import { describe, expect, test } from 'vitest';
import { concat } from '../../protocol/bytes/bytes.ts';
import { encodeSignalMessage, parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import {
  MAX_AGREEMENTS_PER_ENVELOPE,
  MAX_ARCHIVED_FORWARD_JUMPS,
  MAX_FORWARD_JUMPS,
  MAX_KDF_STEPS_PER_ENVELOPE,
} from '../../protocol/limits.ts';
import type { Calls } from '../support/counting-provider.ts';
import { countingProvider } from '../support/counting-provider.ts';
import { currentState, forgeInner, forgePreKeyMessage, junkMessage, skipSends } from '../support/forge.ts';
import type { Envelope } from '../support/peers.ts';
import { Peer, PQXDH, SUITE_NAMES } from '../support/peers.ts';
import { expectRefused } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';

/** Sessions tried × (MAC, message-key expansion in up to four HMACs inside one HKDF call): what the meter does not count. */
const PER_SESSION = 2;

interface Scene {
  readonly alice: Peer;
  readonly bob: Peer;
  readonly calls: Calls;
}

/** A record of Bob with a current session and `archived` older ones, all begun by Alice and answered. */
function scene(archived: number, suite = PQXDH): Scene {
  const { provider, calls } = countingProvider(nodeProvider);
  const alice = new Peer('alice', { suites: [suite] });
  const bob = new Peer('bob', { suites: [suite], provider });
  const bundle = { ...bob.publish(), oneTimePreKey: null };
  for (let i = 0; i <= archived; i++) {
    alice.begin(bob, bundle);
    bob.receive(alice, alice.send(bob));
    alice.receive(bob, bob.send(alice));
  }
  expect(bob.record(alice)?.archived.length).toBe(archived);
  return { alice, bob, calls };
}

/** What `act` cost, as counted at the provider. */
function cost(calls: Calls, act: () => unknown): { kdf: number; agreements: number } {
  for (const name of Object.keys(calls)) delete calls[name];
  act();
  return {
    kdf: (calls.hmacSha256 ?? 0) + (calls.hkdfSha256 ?? 0),
    agreements: (calls.x25519Agree ?? 0) + (calls.x25519IsPrimeOrder ?? 0) + (calls.x25519Generate ?? 0),
  };
}

function withinBudget({ kdf, agreements }: { kdf: number; agreements: number }, sessions: number): void {
  expect(kdf).toBeLessThanOrEqual(MAX_KDF_STEPS_PER_ENVELOPE + PER_SESSION * sessions);
  expect(agreements).toBeLessThanOrEqual(MAX_AGREEMENTS_PER_ENVELOPE);
}

/** A forged message on a ratchet key that the receiver knows. */
function junkOnKnownChain(alice: Peer, bob: Peer, counter: number): Envelope {
  const message = parseSignalMessage(forgeInner(alice, bob));
  return { type: 'message', body: concat(encodeSignalMessage({ ...message, counter }), new Uint8Array(8)) };
}

describe.each([0, 10, 40])('[DOS-01] [DRT-12] junk to a record with %d archived sessions', (archived) => {
  const { alice, bob, calls } = scene(archived);

  test.each([0, 1_999, 2_000, 2_001, 24_999, 25_000, 25_001, 0xffff_ffff])(
    'random ratchet key, counter %d',
    (counter) => {
      const junk = junkMessage(alice, counter);
      const spent = cost(calls, () => {
        const error = expectRefused([bob], { code: 'InvalidMessage' }, () => bob.open(alice, junk));
        expect(['decryption-failed', 'counter-too-far', 'work-budget-exhausted']).toContain(error.reason);
      });
      withinBudget(spent, archived + 1);
      // Beyond what archived sessions allow, only the current one is worth a walk.
      const tried = counter > MAX_FORWARD_JUMPS ? 0 : counter > MAX_ARCHIVED_FORWARD_JUMPS ? 1 : archived + 1;
      expect(spent.agreements).toBeLessThanOrEqual(tried);
      // Both ratchets walk.
      expect(spent.kdf).toBeLessThanOrEqual(tried * (2 * counter + 20));
      if (spent.kdf > 0) reportCount('DOS-01', `KDF steps, ${archived} archived, counter ${counter}`, spent.kdf);
    },
  );

  test.each([1_999, 24_999, 25_001])('known ratchet key, counter %d', (counter) => {
    const junk = junkOnKnownChain(alice, bob, counter);
    const spent = cost(calls, () => expectRefused([bob], { code: 'InvalidMessage' }, () => bob.open(alice, junk)));
    withinBudget(spent, archived + 1);
  });

  test('a known base key costs one session, whatever the counter', () => {
    const before = bob.backup();
    const state = currentState(alice, bob);
    const pending = {
      preKeyId: null,
      signedPreKeyId: 1,
      kemPreKeyId: 1,
      kemCiphertext: new Uint8Array(1569),
      createdAt: 0,
    };
    const inner = junkMessage(alice, MAX_FORWARD_JUMPS).body;
    const keep = alice.backup();
    alice.setRecord(bob, { current: { ...state, pending }, archived: [] });
    const junk = forgePreKeyMessage(alice, bob, { message: inner });
    alice.restore(keep);
    const spent = cost(calls, () => expectRefused([bob], {}, () => bob.open(alice, junk)));
    expect(spent.kdf).toBeLessThanOrEqual(2 * MAX_FORWARD_JUMPS + 10);
    expect(spent.agreements).toBe(1);
    expect(bob.backup()).toEqual(before);
  });

  test('a new handshake costs at most 8 agreements and one walk', () => {
    const mallory = new Peer('mallory', { address: alice.address });
    bob.trust = () => true;
    mallory.begin(bob, { ...bob.publish({ id: 900 + archived }) });
    const inner = junkMessage(mallory, MAX_FORWARD_JUMPS).body;
    const junk = forgePreKeyMessage(mallory, bob, { message: inner });
    const spent = cost(calls, () => expectRefused([bob], {}, () => bob.open(mallory, junk)));
    bob.trust = null;
    expect(spent.kdf).toBeLessThanOrEqual(2 * MAX_FORWARD_JUMPS + 12);
    expect(spent.agreements).toBeLessThanOrEqual(8);
  });
});

describe.each(SUITE_NAMES)('[DOS-01] honest messages, %s', (suite) => {
  test('[SES-15] a late message on the oldest of 40 archived sessions, 2,000 ahead, decrypts within the budget', () => {
    const { provider, calls } = countingProvider(nodeProvider);
    const alice = new Peer('alice', { suites: [suite] });
    const bob = new Peer('bob', { suites: [suite], provider });
    const bundle = { ...bob.publish(), oneTimePreKey: null };
    alice.begin(bob, bundle);
    bob.receive(alice, alice.send(bob));
    alice.receive(bob, bob.send(alice));
    bob.receive(alice, alice.send(bob));
    skipSends(alice, bob, MAX_ARCHIVED_FORWARD_JUMPS - 50);
    // Low enough a counter for every session to be worth a walk: 40 of them would exhaust the budget.
    const costly = alice.send(bob, 'in every range');
    skipSends(alice, bob, 49);
    const late = alice.send(bob, 'from long ago');
    skipSends(alice, bob, 1);
    const tooLate = alice.send(bob, 'one too many');
    for (let i = 0; i < 40; i++) {
      alice.begin(bob, bundle);
      bob.receive(alice, alice.send(bob));
    }
    expectRefused([bob], { code: 'InvalidMessage' }, () => bob.open(alice, tooLate));
    const before = bob.backup();
    const walked = cost(calls, () => expect(bob.receive(alice, costly)).toBe('in every range'));
    expect(walked.kdf).toBeLessThanOrEqual(3 * MAX_ARCHIVED_FORWARD_JUMPS + 20);
    bob.restore(before);
    const spent = cost(calls, () => expect(bob.receive(alice, late)).toBe('from long ago'));
    withinBudget(spent, 41);
    // The session that knows the ratchet key is tried right after the current one.
    expect(spent.kdf).toBeLessThanOrEqual(3 * MAX_ARCHIVED_FORWARD_JUMPS + 20);
  });

  test('a backlog of 3,000 messages decrypts to the last one, newest first', () => {
    const { alice, bob } = scene(10, suite);
    const count = 3_000;
    const backlog: Envelope[] = [];
    for (let i = 0; i < count; i += 100) {
      backlog.push(alice.send(bob, `message ${i}`));
      skipSends(alice, bob, 99);
    }
    const last = alice.send(bob, 'last');
    expect(bob.receive(alice, last)).toBe('last');
    // 2,000 seeds are kept: the newest 20 of these 30 messages.
    for (let i = backlog.length - 1; i >= backlog.length - 20; i--) {
      expect(bob.receive(alice, backlog[i] as Envelope)).toBe(`message ${100 * i}`);
    }
    expectRefused([bob], { code: 'DuplicateMessage' }, () => bob.open(alice, backlog[0] as Envelope));
  });
});

test('[SES-15] trial stops at the first duplicate', () => {
  const { alice, bob, calls } = scene(10);
  const message = alice.send(bob);
  bob.receive(alice, message);
  const spent = cost(calls, () => {
    const expected = { code: 'DuplicateMessage', reason: 'message-key-used' } as const;
    expectRefused([bob], expected, () => bob.open(alice, message));
  });
  expect(spent).toEqual({ kdf: 0, agreements: 0 });
  alice.begin(bob, { ...bob.publish(), oneTimePreKey: null });
  bob.receive(alice, alice.send(bob));
  const again = cost(calls, () => expectRefused([bob], { code: 'DuplicateMessage' }, () => bob.open(alice, message)));
  expect(again.agreements).toBe(1);
});
