/**
 * Records as bytes: what is damaged, foreign or newer is refused.
 *
 * @spec 05-sessions §1, §2
 */
import { describe, expect, test } from 'vitest';
import { Secret } from '../../protocol/bytes/secret.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import { MAX_ARCHIVED_STATES, MAX_MESSAGE_KEYS, MAX_RECEIVER_CHAINS, MAX_RECORD_BYTES } from '../../protocol/limits.ts';
import type { ReceiverChain } from '../../protocol/ratchet/double.ts';
import { SKIPPED_ENTRY_BYTES } from '../../protocol/ratchet/skipped.ts';
import { openState, sealState, trimArchived } from '../../protocol/session/record.ts';
import { archiveSession, parseRecord, serializeRecord } from '../../protocol/session/session.ts';
import type { SessionRecord, SessionState } from '../../protocol/session/state.ts';
import { currentState, flip, junkMessage } from '../support/forge.ts';
import { COMBINATIONS, conversation, Peer, PQXDH, pair } from '../support/peers.ts';
import { expectRefused, refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Peers whose record with each other holds skipped seeds, a pending handshake or none, and two archived sessions. */
function seasoned(options: Parameters<typeof pair>[0], pending: boolean): [Peer, Peer] {
  const [alice, bob] = conversation(options);
  alice.send(bob);
  bob.receive(alice, alice.send(bob));
  for (let i = 0; i < 2; i++) {
    alice.begin(bob);
    if (i === 0 || !pending) bob.receive(alice, alice.send(bob));
  }
  return [alice, bob];
}

describe.each(COMBINATIONS)('stored records, $suite on $provider.name', ({ suite, provider }) => {
  test('[SES-02] a record survives storage unchanged', () => {
    for (const pending of [true, false]) {
      const [alice, bob] = seasoned({ suite, provider }, pending);
      for (const [one, other] of [
        [alice, bob],
        [bob, alice],
      ] as const) {
        const bytes = one.recordBytes(other) as Uint8Array;
        const record = one.record(other) as SessionRecord;
        expect(serializeRecord(provider, record, one.address, other.address)).toEqual(bytes);
        const again = parseRecord(provider, bytes, one.address, other.address);
        expect(String(again.current?.baseKey)).toBe(String(record.current?.baseKey));
      }
    }
  });

  test('[STATE-09] [SES-02] every truncation and every trailing byte is InvalidState', () => {
    const [alice, bob] = seasoned({ suite, provider }, true);
    const bytes = alice.recordBytes(bob) as Uint8Array;
    const parse = (input: Uint8Array) => () => parseRecord(provider, input, alice.address, bob.address);
    for (let length = 0; length < bytes.length; length++) {
      expect(refusal(parse(bytes.subarray(0, length))).code).toBe('InvalidState');
    }
    expect(refusal(parse(Uint8Array.from([...bytes, 0]))).code).toBe('InvalidState');
    reportCount('STATE-09', 'truncated records', bytes.length);
  });

  test('[STATE-09] [SES-02] every flipped byte is InvalidState, at the latest when its session is asked for', () => {
    const [alice, bob] = seasoned({ suite, provider }, true);
    const key = [...alice.stores.keys()].find((name) => name.startsWith('session/')) as string;
    const bytes = alice.stores.get(key) as Uint8Array;
    const junk = junkMessage(bob, 0, suite === PQXDH ? 4 : 3);
    expectRefused([alice], { code: 'InvalidMessage', reason: 'decryption-failed' }, () => alice.open(bob, junk));
    let count = 0;
    for (let at = 0; at < bytes.length; at++) {
      const mask = at % 2 === 0 ? 1 << (at % 8) : 0xff;
      alice.stores.set(key, flip(bytes, at, mask));
      expectRefused([alice], { code: 'InvalidState' }, () => alice.open(bob, junk));
      count++;
    }
    reportCount('STATE-09', 'flipped record bytes', count);
    alice.stores.set(key, bytes);
    expect(bob.receive(alice, alice.send(bob, 'unharmed'))).toBe('unharmed');
  });

  test('[STATE-09] [SES-02] another peer, another own address, another version', () => {
    const [alice, bob] = conversation({ suite, provider });
    const carol = new Peer('carol', { suites: [suite], provider });
    const bytes = alice.recordBytes(bob) as Uint8Array;
    const foreign = { code: 'InvalidState', reason: 'record-other-peer' };
    const second = { ...bob.address, deviceId: 2 };
    expect(refusal(() => parseRecord(provider, bytes, alice.address, carol.address))).toMatchObject(foreign);
    expect(refusal(() => parseRecord(provider, bytes, alice.address, second))).toMatchObject(foreign);
    expect(refusal(() => parseRecord(provider, bytes, bob.address, alice.address))).toMatchObject(foreign);
    for (const version of [0, 1, 3, 0xff]) {
      const newer = flip(bytes, 1, 2 ^ version);
      const error = refusal(() => parseRecord(provider, newer, alice.address, bob.address));
      expect(error).toMatchObject({ code: 'InvalidState', reason: 'record-version' });
    }
    const upper = { ...bob.address, name: bob.address.name.toUpperCase() };
    expect(parseRecord(provider, bytes, alice.address, upper).current).not.toBeNull();
  });
});

/** A list of skipped seeds for these indices. */
function skippedAt(...indices: number[]): Uint8Array {
  const packed = new Uint8Array(indices.length * SKIPPED_ENTRY_BYTES);
  const view = new DataView(packed.buffer);
  for (const [i, index] of indices.entries()) view.setUint32(i * SKIPPED_ENTRY_BYTES, index);
  return packed;
}

test('[STATE-09] [SES-02] a well-checksummed state that makes no sense is refused', () => {
  const [alice, bob] = conversation();
  const state = currentState(alice, bob);
  const [receiver] = state.ratchet.receivers;
  const withReceivers = (receivers: readonly NonNullable<typeof receiver>[]): SessionState => ({
    ...state,
    ratchet: { ...state.ratchet, receivers },
  });
  const skipped = (bytes: Uint8Array) =>
    withReceivers([{ ...(receiver as NonNullable<typeof receiver>), skipped: new Secret<'SkippedSeeds'>(bytes) }]);
  const bad: SessionState[] = [
    withReceivers(Array.from({ length: MAX_RECEIVER_CHAINS + 1 }, () => receiver as NonNullable<typeof receiver>)),
    skipped(new Uint8Array(SKIPPED_ENTRY_BYTES - 1)),
    skipped(skippedAt(2, 1)),
    skipped(skippedAt(1, 1)),
    skipped(skippedAt(...Array.from({ length: MAX_MESSAGE_KEYS + 1 }, (_, i) => i))),
    { ...state, suite: { ...state.suite, id: 99 } },
  ];
  for (const nonsense of bad) {
    const error = refusal(() => openState(nodeProvider, sealState(nodeProvider, nonsense)));
    expect(error).toMatchObject({ code: 'InvalidState', reason: 'record-malformed' });
  }
});

test('[STATE-09] [SES-02] a skipped message comes before the newest one read on its chain', () => {
  const [alice, bob] = conversation();
  const at = (index: number, ...skipped: number[]): SessionState => {
    const state = currentState(bob, alice);
    const [receiver] = state.ratchet.receivers as [ReceiverChain];
    const chain = { ...receiver.chain, index };
    const changed = { ...receiver, chain, skipped: new Secret<'SkippedSeeds'>(skippedAt(...skipped)) };
    return { ...state, ratchet: { ...state.ratchet, receivers: [changed] } };
  };
  const read = (state: SessionState) => () => openState(nodeProvider, sealState(nodeProvider, state));
  for (const good of [at(0), at(1), at(2, 0), at(9, 0, 3, 7), at(0xffff_ffff, 0xffff_fffd)]) {
    expect(read(good)()).toMatchObject({ ratchet: { receivers: good.ratchet.receivers } });
  }
  for (const bad of [at(0, 0), at(1, 0), at(9, 8), at(9, 9), at(9, 0, 9_999), at(9, 0xffff_ffff)]) {
    expect(refusal(read(bad))).toMatchObject({ code: 'InvalidState', reason: 'record-malformed' });
    // Nor does a device take it for its own.
    const bytes = serializeRecord(nodeProvider, { current: bad, archived: [] }, bob.address, alice.address);
    const error = refusal(() => parseRecord(nodeProvider, bytes, bob.address, alice.address));
    expect(error).toMatchObject({ code: 'InvalidState', reason: 'record-malformed', field: 'sessionRecord' });
  }
});

/** The largest state that the limits allow: 5 chains with 2,000 skipped seeds each. */
function fullState(state: SessionState): SessionState {
  const random = seededRandom('full');
  const receivers = Array.from({ length: MAX_RECEIVER_CHAINS }, () => {
    const packed = random(MAX_MESSAGE_KEYS * SKIPPED_ENTRY_BYTES);
    const view = new DataView(packed.buffer);
    for (let i = 0; i < MAX_MESSAGE_KEYS; i++) view.setUint32(i * SKIPPED_ENTRY_BYTES, i);
    const chain = { index: MAX_MESSAGE_KEYS + 1, key: new Secret<'ChainKey'>(random(32)) };
    return { ratchetKey: random(32), chain, skipped: new Secret<'SkippedSeeds'>(packed) };
  });
  return { ...state, ratchet: { ...state.ratchet, receivers } };
}

test('[DOS-02] [SES-08] the largest record is within 20 MiB and still works', () => {
  const [alice, bob] = pair();
  alice.begin(bob);
  bob.receive(alice, alice.send(bob));
  alice.receive(bob, bob.send(alice));
  const full = fullState(currentState(alice, bob));
  const archived = Array.from({ length: MAX_ARCHIVED_STATES }, () => sealState(nodeProvider, full));
  const record: SessionRecord = { current: full, archived };
  alice.setRecord(bob, record);
  const size = alice.recordBytes(bob)?.length as number;
  expect(size).toBeGreaterThan(41 * MAX_RECEIVER_CHAINS * MAX_MESSAGE_KEYS * SKIPPED_ENTRY_BYTES);
  expect(size).toBeLessThanOrEqual(MAX_RECORD_BYTES);
  reportCount('DOS-02', 'bytes of the largest record', size);
  expect(alice.record(bob)?.archived.length).toBe(MAX_ARCHIVED_STATES);
  expect(bob.receive(alice, alice.send(bob, 'still here'))).toBe('still here');
  expect(alice.receive(bob, bob.send(alice, 'me too'))).toBe('me too');
});

test('[DOS-02] [SES-08] what does not fit is dropped, oldest first', () => {
  const archived = Array.from({ length: 6 }, (_, i) => ({
    sealed: new Secret<'SessionState'>(new Uint8Array(96).fill(i)),
  }));
  expect(trimArchived(archived, 600).length).toBe(6);
  expect(trimArchived(archived, 599)).toEqual(archived.slice(0, 5));
  expect(trimArchived(archived, 100)).toEqual(archived.slice(0, 1));
  expect(trimArchived(archived, 99)).toEqual([]);
  const [alice, bob] = conversation();
  const huge = { sealed: new Secret<'SessionState'>(new Uint8Array(MAX_RECORD_BYTES / 4)) };
  const record = { current: currentState(alice, bob), archived: Array.from({ length: 9 }, () => huge) };
  const bytes = serializeRecord(nodeProvider, record, alice.address, bob.address);
  expect(bytes.length).toBeLessThanOrEqual(MAX_RECORD_BYTES);
  expect(parseRecord(nodeProvider, bytes, alice.address, bob.address).archived.length).toBe(3);
});

test('[SES-07] archiving keeps 40 sessions before anything is stored', () => {
  const [alice, bob] = conversation();
  const state = currentState(alice, bob);
  const archived = Array.from({ length: MAX_ARCHIVED_STATES }, () => sealState(nodeProvider, state));
  const next = archiveSession(nodeProvider, { current: state, archived });
  expect(next.current).toBeNull();
  expect(next.archived.length).toBe(MAX_ARCHIVED_STATES);
  expect(next.archived.slice(1)).toEqual(archived.slice(0, -1));
});

test('[DOS-03] [RAT-01] [SES-07] 60 handshakes leave 40 archived sessions, the newest, on either side', () => {
  const [alice, bob] = pair();
  const bundle = { ...bob.publish(), oneTimePreKey: null };
  const replies = Array.from({ length: 60 }, (_, i) => {
    alice.begin(bob, bundle);
    bob.receive(alice, alice.send(bob, `session ${i}`));
    return bob.send(alice, `reply ${i}`);
  });
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    expect(one.record(other)?.archived.length).toBe(MAX_ARCHIVED_STATES);
  }
  const gone = replies[60 - MAX_ARCHIVED_STATES - 2] as (typeof replies)[number];
  expectRefused([alice], { code: 'InvalidMessage' }, () => alice.open(bob, gone));
  const oldest = replies[60 - MAX_ARCHIVED_STATES - 1] as (typeof replies)[number];
  expect(alice.receive(bob, oldest)).toBe(`reply ${60 - MAX_ARCHIVED_STATES - 1}`);
});
