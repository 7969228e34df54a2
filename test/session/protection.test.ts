/**
 * The label of every message: what its keys owe to a KEM.
 *
 * @spec 05-sessions §7
 */
import { expect, test } from 'vitest';
import { decryptMessage, encryptMessage, sessionInfo } from '../../protocol/session/session.ts';
import { KYBER, type Peer, PQXDH, pair, TEST_NOW, X3DH } from '../support/peers.ts';

const text = (label: string) => new TextEncoder().encode(label);

/** Sends one message and gives what either side says of it. */
function labels(from: Peer, to: Peer): readonly string[] {
  const sealed = encryptMessage(from.environment(to.address), from.record(to), text('one'));
  const { body } = from.send(to, 'one');
  expect(body.length).toBe(sealed.body.length);
  const opened = to.open(from, { type: sealed.type, body });
  return [sealed, opened].map(({ protection, pqEpoch }) => `${protection} ${pqEpoch}`);
}

test.each([PQXDH, KYBER])('[SES-19] %s: a hybrid start until both sides have mixed an epoch, then healed', (suite) => {
  const [alice, bob] = pair({ suite });
  alice.begin(bob);
  const seen: string[] = [];
  for (let i = 0; i < 200; i++) {
    const [from, to] = i % 2 === 0 ? [alice, bob] : [bob, alice];
    const [sent, received] = labels(from, to);
    expect(received).toBe(sent);
    if (seen.at(-1) !== sent) seen.push(sent as string);
  }
  expect(seen).toEqual(['hybrid-start 0', 'pq-healed 1', 'pq-healed 2']);
});

test('[SES-19] without a KEM, and without the post-quantum ratchet', () => {
  const [alice, bob] = pair({ suite: X3DH });
  alice.begin(bob);
  expect(labels(alice, bob)).toEqual(['classical 0', 'classical 0']);
  const [carol, dave] = pair({ pqRatchet: 'off', seed: ' off' });
  carol.begin(dave);
  for (let i = 0; i < 100; i++) {
    const [from, to] = i % 2 === 0 ? [carol, dave] : [dave, carol];
    expect(labels(from, to)).toEqual(['hybrid-start 0', 'hybrid-start 0']);
  }
});

test('[SES-19] who has mixed an epoch but does not yet use it says so of the message, not of the session', () => {
  const [alice, bob] = pair();
  alice.begin(bob);
  for (let i = 0; i < 8; i++) {
    const [from, to] = i % 2 === 0 ? [alice, bob] : [bob, alice];
    to.receive(from, from.send(to));
  }
  expect(sessionInfo({ now: TEST_NOW }, bob.record(alice))?.pqEpoch).toBe(1);
  const step = encryptMessage(bob.environment(alice.address), bob.record(alice), text('old'));
  expect([step.protection, step.pqEpoch]).toEqual(['hybrid-start', 0]);
  const read = decryptMessage(alice.environment(bob.address), alice.record(bob), step.body);
  expect([read.protection, read.pqEpoch]).toEqual(['hybrid-start', 0]);
});
