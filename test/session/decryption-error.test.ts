/**
 * A session that one side lost, repaired by a decryption error.
 *
 * @spec 04-messages §8
 */
import { describe, expect, test } from 'vitest';
import type { DecryptionErrorMessage } from '../../protocol/codec/decryption-error.ts';
import {
  decryptionErrorFor,
  encodePlaintextContent,
  parsePlaintextContent,
} from '../../protocol/codec/decryption-error.ts';
import { concernsCurrentSession } from '../../protocol/session/session.ts';
import type { Envelope } from '../support/peers.ts';
import { COMBINATIONS, conversation, type Peer } from '../support/peers.ts';
import { refusal } from '../support/refusal.ts';

/** What the receiver answers, as it arrives. */
function answer(failed: Envelope): DecryptionErrorMessage {
  return parsePlaintextContent(encodePlaintextContent(decryptionErrorFor(failed, 1_796_083_200_000, 1)));
}

const concerns = (sender: Peer, receiver: Peer, error: DecryptionErrorMessage) =>
  concernsCurrentSession(sender.record(receiver), error);

describe.each(COMBINATIONS)('decryption errors, $suite on $provider.name', ({ suite, provider }) => {
  test('[MSG-33, MSG-29] a lost session is named, archived and begun afresh; the same error again touches nothing', () => {
    const [alice, bob] = conversation({ suite, provider });
    const healthy = alice.send(bob, 'read');
    expect(bob.receive(alice, healthy)).toBe('read');
    bob.stores.delete([...bob.stores.keys()].find((key) => key.startsWith('session/')) as string);
    const failed = alice.send(bob, 'lost');
    expect(refusal(() => bob.open(alice, failed)).code).toBe('NoSession');
    const error = answer(failed);
    expect(concerns(alice, bob, error)).toBe(true);
    alice.archive(bob);
    expect(concerns(alice, bob, error)).toBe(false);
    alice.begin(bob);
    const again = alice.send(bob, 'lost');
    expect(again.type).toBe('prekey');
    expect(bob.receive(alice, again)).toBe('lost');
    expect(concerns(alice, bob, error)).toBe(false);
    expect(concerns(alice, bob, answer(again))).toBe(true);
    expect(alice.receive(bob, bob.send(alice, 'thanks'))).toBe('thanks');
  });

  test('[MSG-33] an error of an older ratchet key, of a foreign one and of none concern no session', () => {
    const [alice, bob] = conversation({ suite, provider });
    const old = alice.send(bob, 'old');
    bob.receive(alice, old);
    alice.receive(bob, bob.send(alice));
    bob.receive(alice, alice.send(bob));
    const { ratchetKey, ...rest } = answer(old);
    expect(ratchetKey).not.toBeNull();
    expect(concerns(alice, bob, answer(old))).toBe(false);
    expect(concerns(alice, bob, answer(bob.send(alice)))).toBe(false);
    expect(concerns(alice, bob, { ...rest, ratchetKey: null })).toBe(false);
    expect(concernsCurrentSession(null, answer(alice.send(bob)))).toBe(false);
    expect(concerns(alice, bob, answer(alice.send(bob)))).toBe(true);
  });
});
