/**
 * Every bit of a message, turned over.
 *
 * @spec 05-sessions §4
 */
import { describe, expect, test } from 'vitest';
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { currentState, flip, forgeMessage } from '../support/forge.ts';
import type { Envelope } from '../support/peers.ts';
import { COMBINATIONS, conversation, KYBER, type Peer, PQXDH, pair, SUITE_NAMES, X3DH } from '../support/peers.ts';
import { expectRefused } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { seededIntegers, seededRandom } from '../support/seeded-random.ts';

/** Tries a damaged message; on success the stores are put back. @returns the plaintext, or null where it was refused. */
function trial(bob: Peer, alice: Peer, envelope: Envelope, before: Uint8Array): string | null {
  const stores = bob.backup();
  try {
    const plaintext = bob.receive(alice, envelope);
    bob.restore(stores);
    return plaintext;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    expect(Buffer.compare(before, bob.snapshot())).toBe(0);
    return null;
  }
}

/** Bit positions (8 × byte + bit) whose flips were accepted. */
function acceptedFlips(bob: Peer, alice: Peer, envelope: Envelope, bits: readonly number[]): number[] {
  const before = bob.snapshot();
  return bits.filter((bit) => {
    const body = flip(envelope.body, bit >> 3, 1 << (bit & 7));
    return trial(bob, alice, { ...envelope, body }, before) !== null;
  });
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe.each(COMBINATIONS)('plain messages, $suite on $provider.name', ({ suite, provider }) => {
  test('[RAT-03] [SES-09] no flip of any bit and no truncation is accepted (O12)', () => {
    const [alice, bob] = conversation({ suite, provider });
    const late = alice.send(bob, 'late');
    bob.receive(alice, alice.send(bob));
    alice.receive(bob, bob.send(alice));
    for (const message of [late, alice.send(bob, 'new ratchet key')]) {
      const bits = range(0, 8 * message.body.length);
      expect(acceptedFlips(bob, alice, message, bits)).toEqual([]);
      const before = bob.snapshot();
      for (const length of range(0, message.body.length)) {
        const cut = { ...message, body: message.body.slice(0, length) };
        expect(trial(bob, alice, cut, before)).toBeNull();
      }
      reportCount('RAT-03', 'bit flips of plain messages', bits.length);
      expect(bob.open(alice, message).plaintext.length).toBeGreaterThan(0);
    }
  });

  test('[RAT-03] [SES-09] each field replaced by another of its kind is refused', () => {
    const [alice, bob] = conversation({ suite, provider });
    const good = alice.send(bob);
    const { mac, authenticated } = parseSignalMessage(good.body);
    const next = parseSignalMessage(forgeMessage(alice, bob).body);
    const variants: Uint8Array[] = [
      Uint8Array.from([...authenticated, ...next.mac]),
      Uint8Array.from([...next.authenticated, ...mac]),
      Uint8Array.from([...authenticated, 0x2a, 0, ...mac]),
      Uint8Array.from([...authenticated, 0x78, 1, ...mac]),
    ];
    for (const body of variants) {
      expectRefused([bob], { code: 'InvalidMessage' }, () => bob.open(alice, { type: 'message', body }));
    }
  });

  test('[SES-09] the MAC covers both identities, sender first', () => {
    const [alice, bob] = conversation({ suite, provider });
    const state = currentState(alice, bob);
    const swapped = { ...state, localIdentity: state.remoteIdentity, remoteIdentity: state.localIdentity };
    alice.setRecord(bob, { current: swapped, archived: [] });
    const body = forgeMessage(alice, bob).body;
    const expected = { code: 'InvalidMessage', reason: 'decryption-failed' } as const;
    expectRefused([bob], expected, () => bob.open(alice, { type: 'message', body }));
  });
});

describe.each(SUITE_NAMES)('prekey messages, %s', (suite) => {
  test.each([
    // One byte of registration id: version low nibble 4, value 7, tag 2 (1 without a KEM): the 13 of O11.
    [5, suite === X3DH ? 12 : 13],
    [1111, suite === X3DH ? 19 : 20],
  ])('[RAT-03] [SES-09] registration id %d: all flips but %d are refused (O11)', (registrationId, expected) => {
    const [alice, bob] = pair({ suite, registrationId });
    alice.begin(bob);
    const message = alice.send(bob, 'hello');
    const { kemCiphertext, registrationId: _, ...fields } = parsePreKeySignalMessage(message.body);
    const inCiphertext = kemCiphertext === null ? Number.POSITIVE_INFINITY : message.body.length - kemCiphertext.length;
    // Every bit of the suite that libsignal speaks, which is what its figure was measured on.
    const sample = suite === KYBER ? 1 : scaled(256, 1);
    const bits = range(0, 8 * message.body.length).filter((bit) => bit >> 3 <= inCiphertext || bit % sample === 0);
    const accepted = acceptedFlips(bob, alice, message, bits);
    reportCount('RAT-03', `bit flips of a prekey message, ${suite}, registration id ${registrationId}`, bits.length);
    reportCount('RAT-03', `of these accepted, ${suite}, registration id ${registrationId}`, accepted.length);
    expect(accepted.length).toBe(expected);
    // Exactly the flips that change nothing but the registration id; all of them in the version byte or in field 5.
    const harmless = bits.filter((bit) => {
      try {
        const { registrationId: _, ...other } = parsePreKeySignalMessage(flip(message.body, bit >> 3, 1 << (bit & 7)));
        return Buffer.compare(encode({ ...fields, kemCiphertext }), encode(other)) === 0;
      } catch {
        return false;
      }
    });
    expect(accepted).toEqual(harmless);
    const tag = fieldFiveAt(message.body, alice);
    const length = registrationId < 128 ? 2 : 3;
    for (const bit of accepted) expect(bit < 4 || (bit >> 3 >= tag && bit >> 3 < tag + length)).toBe(true);
  });

  test('[RAT-03] no truncation of a prekey message is accepted', () => {
    const [alice, bob] = pair({ suite });
    alice.begin(bob);
    const message = alice.send(bob);
    const before = bob.snapshot();
    for (const length of range(0, message.body.length)) {
      expect(trial(bob, alice, { ...message, body: message.body.slice(0, length) }, before)).toBeNull();
    }
    expect(bob.receive(alice, message)).toBe('hello');
  });
});

function encode(value: object): Uint8Array {
  return Buffer.from(
    JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part)),
  );
}

/** Where field 5 begins: behind field 4, which ends with the inner message. */
function fieldFiveAt(body: Uint8Array, alice: Peer): number {
  const { message } = parsePreKeySignalMessage(body);
  const at = Buffer.from(body).indexOf(Buffer.from(message)) + message.length;
  expect(body[at]).toBe(0x28);
  expect(alice.registrationId).toBeGreaterThan(0);
  return at;
}

describe.each(SUITE_NAMES)('forged tags, %s', (suite) => {
  test('[RAT-13] [SES-10] no tag but the true one: bits, bytes, truncations, random ones', () => {
    const [alice, bob] = conversation({ suite, provider: nodeProvider });
    bob.receive(alice, alice.send(bob));
    const { body } = alice.send(bob, 'the true one');
    const macAt = body.length - 8;
    const tags: Uint8Array[] = [];
    for (const at of range(0, 8))
      for (const mask of range(1, 256)) tags.push(flip(body, macAt + at, mask).slice(macAt));
    for (const length of range(0, 8)) tags.push(body.slice(macAt, macAt + length));
    for (const length of range(1, 8))
      tags.push(Uint8Array.from([...body.slice(macAt, macAt + length), ...new Uint8Array(8 - length)]));
    const random = seededRandom('tags');
    for (let i = 0; i < scaled(4096, 262_144); i++) tags.push(random(8));
    const before = bob.snapshot();
    const accepted = tags.filter((tag) => {
      const forged = Uint8Array.from([...body.subarray(0, macAt), ...tag]);
      return trial(bob, alice, { type: 'message', body: forged }, before) !== null;
    });
    expect(accepted).toEqual([]);
    reportCount('RAT-13', 'forged tags', tags.length);
    expect(bob.receive(alice, { type: 'message', body })).toBe('the true one');
  });
});

test('[RAT-03] random multi-byte damage is refused in both suites', () => {
  const below = seededIntegers('damage');
  for (const suite of [X3DH, PQXDH]) {
    const [alice, bob] = conversation({ suite });
    const message = alice.send(bob, 'a longer text that spans several cipher blocks');
    const before = bob.snapshot();
    for (let i = 0; i < scaled(500, 20_000); i++) {
      let body = message.body;
      for (let j = below(6); j >= 0; j--) body = flip(body, below(body.length), 1 + below(255));
      if (Buffer.compare(body, message.body) === 0) continue;
      expect(trial(bob, alice, { ...message, body }, before)).toBeNull();
    }
  }
});
