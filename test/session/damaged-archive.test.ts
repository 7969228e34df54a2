/**
 * An archived session that cannot be read says nothing about the others, and is not passed over in silence.
 *
 * @spec 05-sessions §6
 */
import { expect, test } from 'vitest';
import { Secret } from '../../protocol/bytes/secret.ts';
import type { SessionRecord } from '../../protocol/session/session.ts';
import { flip, forgePreKeyMessage } from '../support/forge.ts';
import type { Envelope } from '../support/peers.ts';
import { COMBINATIONS, type Peer, pair } from '../support/peers.ts';
import { expectRefused } from '../support/refusal.ts';

const DAMAGED = { code: 'InvalidState', reason: 'record-checksum' } as const;

/** Flips a bit in the archived session at a position. */
function damage(one: Peer, other: Peer, position: number): void {
  const record = one.record(other) as SessionRecord;
  const archived = record.archived.map(({ sealed }, at) =>
    at === position ? { sealed: new Secret<'SessionState'>(flip(sealed.expose(), 100, 1)) } : { sealed },
  );
  one.setRecord(other, { ...record, archived });
}

function sealedAt(one: Peer, other: Peer, position: number): Uint8Array | undefined {
  return one.record(other)?.archived[position]?.sealed.expose();
}

/** Three sessions that Alice began; of each, a message that Bob has yet to read. The newest is first, and current. */
function threeSessions(alice: Peer, bob: Peer): [Envelope, Envelope, Envelope] {
  const late = [0, 1, 2].map((i) => {
    alice.begin(bob);
    bob.receive(alice, alice.send(bob));
    alice.receive(bob, bob.send(alice));
    return alice.send(bob, `late ${i}`);
  });
  return late.reverse() as [Envelope, Envelope, Envelope];
}

test.each(COMBINATIONS)('[SES-20] [STATE-09] the others are tried, and the damage is told: $suite', (combination) => {
  const [alice, bob] = pair(combination);
  const [, middle, oldest] = threeSessions(alice, bob);
  damage(bob, alice, 0);
  const unread = sealedAt(bob, alice, 0);
  expectRefused([bob], DAMAGED, () => bob.open(alice, middle));
  const opened = bob.open(alice, oldest);
  expect(new TextDecoder().decode(opened.plaintext)).toBe('late 0');
  expect(opened.damage).toMatchObject(DAMAGED);
  // Promoted to current: the former current is archived in front, the damaged one is as it was.
  expect(sealedAt(bob, alice, 1)).toEqual(unread);
  expect(bob.open(alice, alice.send(bob)).damage).toMatchObject(DAMAGED);
  expect(alice.receive(bob, bob.send(alice, 'goes on'))).toBe('goes on');
});

test('[SES-20] the current session is not affected, nor is a duplicate of it', () => {
  const [alice, bob] = pair();
  const [current] = threeSessions(alice, bob);
  damage(bob, alice, 0);
  expect(bob.open(alice, current).damage).toBeNull();
  expectRefused([bob], { code: 'DuplicateMessage', reason: 'message-key-used' }, () => bob.open(alice, current));
  expect(alice.receive(bob, bob.send(alice, 'in turn'))).toBe('in turn');
});

test('[SES-20] [SES-05] a prekey message finds its session behind a damaged one', () => {
  const [alice, bob] = pair();
  alice.begin(bob);
  bob.receive(alice, alice.send(bob));
  const late = alice.send(bob, 'same base key');
  for (let i = 0; i < 2; i++) {
    alice.begin(bob);
    bob.receive(alice, alice.send(bob));
  }
  damage(bob, alice, 0);
  const opened = bob.open(alice, late);
  expect(opened).toMatchObject({ used: null, damage: DAMAGED });
});

test('[SES-20] [REPLAY-02] a prekey message of the damaged session begins no other and is no mere duplicate', () => {
  const [alice, bob] = pair();
  const bundle = bob.publish({ oneTime: false });
  alice.begin(bob, bundle);
  bob.receive(alice, alice.send(bob));
  const unknown = forgePreKeyMessage(alice, bob, { signedPreKeyId: 77 });
  const late = alice.send(bob, 'lost');
  alice.begin(bob);
  bob.receive(alice, alice.send(bob));
  damage(bob, alice, 0);
  expectRefused([bob], DAMAGED, () => bob.open(alice, late));
  expectRefused([bob], DAMAGED, () => bob.open(alice, unknown));
  // A new session begins as ever, and the damage is told with it.
  alice.begin(bob);
  expect(bob.open(alice, alice.send(bob))).toMatchObject({ damage: DAMAGED, used: { signedPreKeyId: 3 } });
});
