/**
 * Every secret that a step makes is in the record that it returns, among what it lists as spent, or wiped.
 *
 * @spec 01-keys §7
 */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Secret, Wipeable } from '../../protocol/bytes/secret.ts';
import { wipeAll } from '../../protocol/bytes/secret.ts';
import { isProtocolError } from '../../protocol/errors.ts';
import { encodePayload } from '../../protocol/ratchet/braid/payload.ts';
import type { SpqrOn } from '../../protocol/ratchet/braid/spqr-state.ts';
import { spqrEpoch } from '../../protocol/ratchet/braid/spqr-state.ts';
import type { StateOf } from '../../protocol/ratchet/braid/states.ts';
import type { SessionEnvironment, SessionRecord } from '../../protocol/session/session.ts';
import {
  decryptMessage,
  decryptPreKeyMessage,
  encryptMessage,
  processBundle,
  secretsOfRecord,
} from '../../protocol/session/session.ts';
import { currentState, flip, forgeInner, forgePreKeyMessage, replaceCurrent } from '../support/forge.ts';
import type { Envelope, Peer } from '../support/peers.ts';
import { COMBINATIONS, pair, X3DH } from '../support/peers.ts';

/** All secrets made since the list was emptied. */
const made = vi.hoisted((): Secret[] => []);

vi.mock('../../protocol/bytes/secret.ts', async (original) => {
  const module = await original<typeof import('../../protocol/bytes/secret.ts')>();
  class Watched<Role extends string> extends module.Secret<Role> {
    constructor(bytes: Uint8Array) {
      super(bytes);
      made.push(this);
    }
  }
  return { ...module, Secret: Watched };
});

/** Wiped, or the wiped bytes of another, or none: an empty list. */
const isGone = (secret: Secret): boolean => secret.wiped || secret.expose().every((byte) => byte === 0);

interface Step {
  readonly record: SessionRecord;
  readonly spent: readonly Wipeable[];
}

/**
 * Runs a step in memory alone: nothing of the result is stored, what it spent is wiped.
 * @returns why it was refused, and the secrets left over that nobody holds.
 */
function leftBy(
  one: Peer,
  other: Peer,
  step: (env: SessionEnvironment, record: SessionRecord | null) => Step,
): { reason: string | null; left: readonly Wipeable[] } {
  const env = one.environment(other.address);
  const record = one.record(other);
  const before = (record === null ? [] : secretsOfRecord(record)) as Secret[];
  made.length = 0;
  try {
    const result = step(env, record);
    wipeAll(result.spent);
    const kept = new Set(secretsOfRecord(result.record) as Secret[]);
    expect([...kept].filter(({ wiped }) => wiped)).toEqual([]);
    return { reason: null, left: [...before, ...made].filter((secret) => !isGone(secret) && !kept.has(secret)) };
  } catch (error) {
    if (!isProtocolError(error)) throw error;
    expect(before.filter(({ wiped }) => wiped)).toEqual([]);
    return { reason: error.reason, left: made.filter((secret) => !isGone(secret)) };
  }
}

function opened(to: Peer, from: Peer, { type, body }: Envelope): ReturnType<typeof leftBy> {
  const lookup = to.lookup();
  // Prekeys are the caller's, so they are read before any step.
  for (const id of [1, 2]) [lookup.signedPreKey(id), lookup.oneTimePreKey(id), lookup.kemPreKey(id)];
  return leftBy(to, from, (env, record) =>
    type === 'prekey' ? decryptPreKeyMessage(env, record, body, lookup) : decryptMessage(env, record, body),
  );
}

const sealed = (from: Peer, to: Peer) =>
  leftBy(from, to, (env, record) => encryptMessage(env, record, new Uint8Array(20)));

const damaged = ({ type, body }: Envelope): Envelope => ({ type, body: flip(body, body.length - 1, 1) });
/** The last byte of a prekey message is not the MAC's. */
const forged = (from: Peer, to: Peer): Envelope => {
  const inner = forgeInner(from, to);
  return forgePreKeyMessage(from, to, { message: flip(inner, inner.length - 1, 1) });
};

describe.each(COMBINATIONS)('[KEY-18] nothing is left, $suite on $provider.name', (options) => {
  let [alice, bob] = pair(options);
  beforeEach(() => {
    [alice, bob] = pair(options);
    alice.begin(bob);
  });

  const clean = { reason: null, left: [] };
  const failed = { reason: 'decryption-failed', left: [] };

  test('[BRD-01] of a first message', () => {
    expect(opened(bob, alice, forged(alice, bob))).toEqual(failed);
    const far = encodePayload({ epoch: 1, index: 30_000, kind: 'none', chunk: null });
    const jump = forgePreKeyMessage(alice, bob, { message: forgeInner(alice, bob, { pqRatchet: far }) });
    if (options.suite !== X3DH) expect(opened(bob, alice, jump)).toEqual({ reason: 'pq-key-jump', left: [] });
    expect(opened(bob, alice, alice.send(bob))).toEqual(clean);
  });

  test('[BRD-01] of a message in turn, of one under a new ratchet key, of a skipped one', () => {
    bob.receive(alice, alice.send(bob));
    for (const [from, to] of [
      [bob, alice],
      [alice, bob],
      [bob, alice],
    ] as const) {
      const skipped = from.send(to);
      for (const envelope of [from.send(to), skipped, from.send(to)]) {
        expect(opened(to, from, damaged(envelope))).toEqual(failed);
        expect(opened(to, from, envelope)).toEqual(clean);
        to.receive(from, envelope);
      }
      expect(opened(to, from, skipped)).toEqual({ reason: 'message-key-used', left: [] });
    }
  });

  test('of a session begun, with or without one before', () => {
    for (let i = 0; i < 3; i++) {
      const bundle = bob.publish();
      expect(leftBy(alice, bob, (env, record) => processBundle(env, record, bundle))).toEqual(clean);
      alice.begin(bob, bundle);
    }
  });

  test('[BRD-01] of any message on the way into the second epoch', () => {
    bob.receive(alice, alice.send(bob));
    for (let i = 0; i < (options.suite === X3DH ? 4 : 100); i++) {
      const [from, to] = i % 2 === 0 ? [bob, alice] : [alice, bob];
      expect(sealed(from, to)).toEqual(clean);
      const envelope = from.send(to);
      expect(opened(to, from, damaged(envelope))).toEqual(failed);
      expect(opened(to, from, envelope)).toEqual(clean);
      to.receive(from, envelope);
    }
    const { pq } = currentState(alice, bob);
    if (options.suite !== X3DH) expect(spqrEpoch(pq)).toBe(2);
  });

  test('[BRD-01] of a message of an archived session, whether plain or with its handshake', () => {
    const [first, skipped] = [alice.send(bob), alice.send(bob)];
    const last = alice.send(bob);
    for (const envelope of [first, last]) bob.receive(alice, envelope);
    const unacknowledged = alice.backup();
    const bad = forged(alice, bob);
    alice.receive(bob, bob.send(alice));
    const plain = alice.send(bob);
    alice.begin(bob);
    bob.receive(alice, alice.send(bob));
    expect(opened(bob, alice, bad)).toEqual(failed);
    expect(opened(bob, alice, skipped)).toEqual(clean);
    expect(opened(bob, alice, damaged(plain))).toEqual(failed);
    expect(opened(bob, alice, plain)).toEqual(clean);
    alice.restore(unacknowledged);
    expect(opened(bob, alice, alice.send(bob))).toEqual(clean);
  });

  test('[BRD-19] of a message that completes an object which is not authentic', () => {
    if (options.suite === X3DH) return;
    bob.receive(alice, alice.send(bob));
    replaceCurrent(alice, bob, (state) => {
      const pq = state.pq as SpqrOn;
      const braid = pq.braid as StateOf<'KeysSampled'>;
      const header = { message: flip(braid.header.message, 1, 1), sent: 0 };
      return { ...state, pq: { ...pq, braid: { ...braid, header } } };
    });
    for (let i = 0; i < 2; i++) bob.receive(alice, alice.send(bob));
    expect(opened(bob, alice, alice.send(bob))).toEqual({ reason: 'pq-header-mac', left: [] });
  });

  test('[SES-03] of a message whose identity is not trusted any more', () => {
    bob.receive(alice, alice.send(bob));
    alice.receive(bob, bob.send(alice));
    const plain = alice.send(bob);
    bob.trust = () => false;
    expect(opened(bob, alice, plain)).toEqual({ reason: 'untrusted-identity', left: [] });
  });
});
