/**
 * One answer to every forgery.
 *
 * @spec 05-sessions §4
 */
import { describe, expect, test } from 'vitest';
import { currentState, flip, forgeInner, forgeMessage, forgePreKeyMessage } from '../support/forge.ts';
import { aesBlocks } from '../support/padding.ts';
import { COMBINATIONS, conversation, Peer, pair } from '../support/peers.ts';
import { SMALL_ORDER_ENCODINGS, unreduced, withHighBit } from '../support/points.ts';
import { expectRefused } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';

const FAILED = { code: 'InvalidMessage', stage: 'decrypt', reason: 'decryption-failed' } as const;

describe.each(COMBINATIONS)('padding, $suite on $provider.name', ({ suite, provider }) => {
  test('[PRIM-11] [SES-10] bad padding and bad length under a valid MAC read like a bad MAC', () => {
    const [alice, bob] = conversation({ suite, provider });
    const errors = new Set<string>();
    let count = 0;
    for (const ciphertext of aesBlocks(alice, bob)) {
      const message = forgeMessage(alice, bob, { ciphertext });
      errors.add(
        JSON.stringify([expectRefused([bob], FAILED, () => bob.open(alice, message)), bob.recordBytes(alice)]),
      );
      count++;
    }
    const good = forgeMessage(alice, bob);
    const badMac = { ...good, body: flip(good.body, good.body.length - 1, 0x80) };
    errors.add(JSON.stringify([expectRefused([bob], FAILED, () => bob.open(alice, badMac)), bob.recordBytes(alice)]));
    expect(errors.size).toBe(1);
    reportCount('PRIM-11', 'bad paddings and lengths', count);
    expect(bob.receive(alice, good)).toBe('');
  });

  test('[PRIM-11] the same in a prekey message', () => {
    const [alice, bob] = pair({ suite, provider });
    alice.begin(bob);
    const errors = new Set<string>();
    for (const ciphertext of aesBlocks(alice, bob)) {
      const message = forgePreKeyMessage(alice, bob, { message: forgeInner(alice, bob, { ciphertext }) });
      errors.add(expectRefused([bob], FAILED, () => bob.open(alice, message)).message);
    }
    expect(errors.size).toBe(1);
  });

  test('[SES-10] wrong addresses under a valid MAC read like a bad MAC, in plain messages too', () => {
    const [alice, bob] = conversation({ suite, provider });
    for (const addresses of [new Uint8Array(0), new Uint8Array(36), new Uint8Array(35).fill(1)]) {
      const message = forgeMessage(alice, bob, { addresses });
      expectRefused([bob], FAILED, () => bob.open(alice, message));
    }
    expect(bob.receive(alice, forgeMessage(alice, bob, { addresses: null }))).toBe('');
  });

  test('[SES-10] a message of the other version is a wrong session, not another error', () => {
    const [alice, bob] = conversation({ suite, provider });
    const version = currentState(alice, bob).suite.sessionVersion === 3 ? 4 : 3;
    const message = forgeMessage(alice, bob, { version });
    expectRefused([bob], FAILED, () => bob.open(alice, message));
  });
});

test('[SES-10] no session at all is told as such', () => {
  const [alice, bob] = conversation();
  const stranger = new Peer('stranger');
  const message = alice.send(bob);
  expectRefused([stranger], { code: 'NoSession', reason: 'no-session' }, () => stranger.open(alice, message));
});

test('[PRIM-02] [PRIM-04] small-order and aliased ratchet keys are refused as keys, and nothing changes', () => {
  const [alice, bob] = conversation();
  alice.archive(bob);
  alice.begin(bob);
  bob.receive(alice, alice.send(bob));
  alice.receive(bob, bob.send(alice));
  const honest = currentState(alice, bob).ratchet.sender.ratchet.publicKey;
  for (const ratchetKey of [...SMALL_ORDER_ENCODINGS, withHighBit(honest), unreduced(9n)]) {
    const message = forgeMessage(alice, bob, { ratchetKey });
    expectRefused([bob], { code: 'InvalidKey' }, () => bob.open(alice, message));
  }
  reportCount('PRIM-02', 'small-order ratchet keys', SMALL_ORDER_ENCODINGS.length);
});
