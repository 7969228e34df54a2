/**
 * Sessions on the Triple Ratchet.
 *
 * @spec 08-braid §9, §10, 05-sessions §5
 */
import { describe, expect, test } from 'vitest';
import { EMPTY } from '../../protocol/bytes/bytes.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import { MAX_FORWARD_JUMPS, MAX_KDF_STEPS_PER_ENVELOPE, MAX_MESSAGE_KEYS } from '../../protocol/limits.ts';
import { encodePayload, parsePayload } from '../../protocol/ratchet/braid/payload.ts';
import { spqrSend } from '../../protocol/ratchet/braid/spqr.ts';
import type { SessionInfo } from '../../protocol/session/session.ts';
import { isBraidFailure, sessionInfo } from '../../protocol/session/session.ts';
import { currentState, flip, forgeMessage, replaceCurrent, skipSends } from '../support/forge.ts';
import { conversation, KYBER, type Peer, PQXDH, pair, TEST_NOW, X3DH } from '../support/peers.ts';
import { expectRefused, refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';

function info(peer: Peer, other: Peer, failures = 0): SessionInfo {
  return sessionInfo({ now: TEST_NOW }, peer.record(other), failures) as SessionInfo;
}

const status = (peer: Peer, other: Peer, failures = 0) => {
  const { ratchet, pq, pqEpoch, pqMayFallBack } = info(peer, other, failures);
  return { ratchet, pq, pqEpoch, pqMayFallBack };
};
const OFF = { ratchet: 'double', pq: 'off', pqEpoch: 0, pqMayFallBack: false };

describe.each([PQXDH, KYBER])('%s', (suite) => {
  test('[BRD-20] [SES-18] 300 messages of ping-pong reach epoch 3 on both sides; the record stays small', () => {
    const [alice, bob] = pair({ suite });
    alice.begin(bob);
    expect(status(alice, bob)).toEqual({ ratchet: 'triple', pq: 'negotiating', pqEpoch: 0, pqMayFallBack: false });
    const sizes: number[] = [];
    const count = scaled(300, 10_000);
    for (let i = 0; i < count; i++) {
      const [from, to] = i % 2 === 0 ? [alice, bob] : [bob, alice];
      expect(to.receive(from, from.send(to, `${i}`))).toBe(`${i}`);
      sizes.push(Math.max(...[alice.recordBytes(bob), bob.recordBytes(alice)].map((bytes) => bytes?.length ?? 0)));
    }
    for (const [one, other] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      expect(info(one, other)).toMatchObject({ ratchet: 'triple', pq: 'on', pqMayFallBack: false });
      expect(info(one, other).pqEpoch).toBeGreaterThanOrEqual(3);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(6_400);
    reportCount('BRD-20', `bytes of the largest record, ${suite}`, Math.max(...sizes));
  });

  test('[BRD-20] the key of the braid is the salt: another one opens nothing', () => {
    const [alice, bob] = conversation({ suite });
    const other = currentState(...conversation({ suite, seed: 'other' })).pq;
    const good = alice.backup();
    replaceCurrent(alice, bob, (state) => ({ ...state, pq: other }));
    const wrong = alice.send(bob);
    const expected = { code: 'InvalidMessage', reason: 'decryption-failed' } as const;
    expectRefused([bob], expected, () => bob.open(alice, wrong));
    replaceCurrent(alice, bob, (state) => ({ ...state, pq: 'off' }));
    const none = alice.send(bob);
    expectRefused([bob], { code: 'InvalidMessage', reason: 'pq-version-mismatch' }, () => bob.open(alice, none));
    alice.restore(good);
    expect(bob.receive(alice, alice.send(bob, 'salted'))).toBe('salted');
  });
});

test('[SES-18] [RAT-04] a suite without a KEM runs the Double Ratchet alone', () => {
  const [alice, bob] = conversation({ suite: X3DH });
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    expect(status(one, other)).toEqual(OFF);
    expect(parseSignalMessage(one.send(other).body).pqRatchet.length).toBe(0);
  }
});

describe('[RAT-04] [RAT-11] [SES-18] [BRD-22] policies', () => {
  function talk(ours: Peer['pqRatchet'], theirs: Peer['pqRatchet']): readonly [Peer, Peer] {
    const [alice, bob] = pair();
    alice.pqRatchet = ours;
    bob.pqRatchet = theirs;
    alice.begin(bob);
    return [alice, bob];
  }

  test.each([
    ['optional', 'off', 'refused', 'off'],
    ['off', 'optional', 'off', 'refused'],
    ['off', 'off', 'off', 'off'],
    ['optional', 'optional', 'on', 'on'],
    ['optional', 'required', 'on', 'on'],
    ['required', 'optional', 'on', 'on'],
  ] as const)('%s to %s: %s and %s', (ours, theirs, ourEnd, theirEnd) => {
    const [alice, bob] = talk(ours, theirs);
    expect(info(alice, bob).pqMayFallBack).toBe(ours === 'optional');
    for (let i = 0; i < 6; i++) {
      expect(bob.receive(alice, alice.send(bob, 'there'))).toBe('there');
      expect(alice.receive(bob, bob.send(alice, 'and back'))).toBe('and back');
    }
    expect([info(alice, bob).pq, info(bob, alice).pq]).toEqual([ourEnd, theirEnd]);
    expect(info(alice, bob).ratchet).toBe(ourEnd === 'on' ? 'triple' : 'double');
    expect(info(alice, bob).pqMayFallBack).toBe(false);
  });

  test('required refuses a peer without it, in either role, and changes nothing', () => {
    const [alice, bob] = talk('off', 'required');
    const first = alice.send(bob);
    const expected = { code: 'InvalidMessage', reason: 'pq-version-too-low' } as const;
    expectRefused([bob], expected, () => bob.open(alice, first));
    // Salted from the first message on: who does without the ratchet reads none.
    const [carol, dave] = talk('required', 'off');
    const salted = carol.send(dave);
    expectRefused([dave], { reason: 'decryption-failed' }, () => dave.open(carol, salted));
  });
});

test('[RAT-04] a removed payload, an older one and other version bytes are refused under a good MAC', () => {
  const [alice, bob] = conversation();
  const { payload } = spqrSend(nodeProvider, alice.random, currentState(alice, bob).pq);
  const old = parsePayload(payload);
  const cases = [
    ['pq-version-mismatch', EMPTY],
    ['pq-version-mismatch', Uint8Array.of(0, 1, 1)],
    ['pq-version-mismatch', Uint8Array.of(2, 1, 3)],
    ['pq-version-mismatch', Uint8Array.of(255, 1, 3)],
    ['pq-key-used', encodePayload({ ...old, index: 1 })],
    ['pq-epoch-out-of-range', encodePayload({ ...old, epoch: 2 })],
    ['pq-key-jump', encodePayload({ ...old, index: 30_000 })],
  ] as const;
  for (const [reason, pqRatchet] of cases) {
    const forged = forgeMessage(alice, bob, { pqRatchet });
    expectRefused([bob], { code: 'InvalidMessage', reason }, () => bob.open(alice, forged));
  }
  expect(bob.receive(alice, alice.send(bob, 'intact'))).toBe('intact');
});

describe('[RAT-06] a poisoned chunk', () => {
  /** Alice begins and spoils the first chunk of her header: three more complete it for Bob, and never well. */
  function poisoned(): [Peer, Peer] {
    const [alice, bob] = pair();
    alice.begin(bob);
    replaceCurrent(alice, bob, (state) => {
      const { state: pq } = spqrSend(nodeProvider, alice.random, state.pq);
      if (typeof pq === 'string' || pq.braid.name !== 'KeysSampled') throw new TypeError('no header to spoil');
      const message = flip(pq.braid.header.message, 1, 1);
      return { ...state, pq: { ...pq, braid: { ...pq.braid, header: { message, sent: 0 } } } };
    });
    bob.receive(alice, alice.send(bob));
    bob.receive(alice, alice.send(bob));
    return [alice, bob];
  }

  test('[BRD-19] [BRD-21] stalls the session, which says so after three; a fresh one repairs it', () => {
    const [alice, bob] = poisoned();
    let failures = 0;
    for (let i = 0; i < 3; i++) {
      expect(info(bob, alice, failures).pq).toBe('on');
      const envelope = alice.send(bob);
      const before = bob.snapshot();
      const error = refusal(() => bob.open(alice, envelope));
      expect(error.reason).toBe('pq-header-mac');
      expect(bob.snapshot()).toEqual(before);
      if (isBraidFailure(error)) failures++;
    }
    expect(info(bob, alice, failures)).toMatchObject({ pq: 'stalled', ratchet: 'triple' });
    alice.begin(bob);
    expect(bob.receive(alice, alice.send(bob, 'afresh'))).toBe('afresh');
    expect(alice.receive(bob, bob.send(alice, 'repaired'))).toBe('repaired');
    expect(info(bob, alice).pq).toBe('on');
  });

  test('[BRD-19] a forger without the MAC key learns and counts nothing', () => {
    const [alice, bob] = poisoned();
    const { type, body } = forgeMessage(alice, bob);
    expect(isBraidFailure(refusal(() => bob.open(alice, { type, body })))).toBe(true);
    const forged = { type, body: flip(body, body.length - 1, 1) };
    const expected = { code: 'InvalidMessage', reason: 'decryption-failed' } as const;
    expect(isBraidFailure(expectRefused([bob], expected, () => bob.open(alice, forged)))).toBe(false);
  });
});

test('[DOS-01] [RAT-05] [DRT-12] the largest honest jump on both ratchets is within the budget', () => {
  const [alice, bob] = conversation();
  skipSends(alice, bob, MAX_FORWARD_JUMPS);
  replaceCurrent(alice, bob, (state) => {
    let { pq } = state;
    for (let i = 0; i < MAX_FORWARD_JUMPS - 1; i++) pq = spqrSend(nodeProvider, alice.random, pq).state;
    return { ...state, pq };
  });
  const { work } = bob.open(alice, alice.send(bob));
  expect(work.kdfSteps).toBe(2 * MAX_FORWARD_JUMPS + 2 + 2 * MAX_MESSAGE_KEYS);
  expect(work.kdfSteps).toBeLessThan(MAX_KDF_STEPS_PER_ENVELOPE);
});
