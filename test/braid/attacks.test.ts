/**
 * What a peer or a thief on the way may do to the post-quantum ratchet.
 *
 * @spec 08-braid §2, §6, §8, §10
 */
import { describe, expect, test } from 'vitest';
import { concat } from '../../protocol/bytes/bytes.ts';
import { MAX_FORWARD_JUMPS, MAX_MESSAGE_KEYS } from '../../protocol/limits.ts';
import type { ChainLink, PqChain } from '../../protocol/ratchet/braid/chain.ts';
import type { Payload } from '../../protocol/ratchet/braid/payload.ts';
import { encodePayload, parsePayload } from '../../protocol/ratchet/braid/payload.ts';
import { spqrStatus } from '../../protocol/ratchet/braid/spqr-state.ts';
import { WorkMeter } from '../../protocol/ratchet/work.ts';
import { type Party, parties, pass, seq, untilState } from '../support/braid.ts';
import { flip } from '../support/forge.ts';
import { expectRefused } from '../support/refusal.ts';

/** The next payload of a party, changed; the party itself does not move. */
function changed(from: Party, change: Partial<Payload>): Uint8Array {
  const before = from.bytes;
  const { payload } = from.send();
  from.bytes = before;
  return encodePayload({ ...parsePayload(payload), ...change });
}

function refused(to: Party, reason: string, payload: Uint8Array): void {
  expectRefused([to], { code: 'InvalidMessage', reason, field: 'pqRatchet' }, () => to.receive(payload));
}

describe('[RAT-04] versions', () => {
  test('[BRD-22] a required ratchet refuses an empty payload and version 0, before and after negotiation', () => {
    const [a, b] = parties();
    refused(b, 'pq-version-too-low', new Uint8Array(0));
    refused(b, 'pq-version-too-low', Uint8Array.of(0, 1, 1));
    refused(b, 'pq-varint-truncated', Uint8Array.of(0));
    pass(a, b);
    refused(b, 'pq-version-mismatch', new Uint8Array(0));
    refused(b, 'pq-version-mismatch', Uint8Array.of(0, 1, 1));
  });

  test('[BRD-22] an optional ratchet is turned off by a peer without it, for good, and by nobody else later', () => {
    const [a, b] = parties({ minVersion: 0 });
    expect(a.receive(new Uint8Array(0))).toBeNull();
    expect(spqrStatus(a.state)).toBe('refused');
    expect(a.send()).toEqual({ payload: new Uint8Array(0), key: null });
    // No way back up, but a well-formed payload is read.
    expect(a.receive(b.send().payload)).toBeNull();
    refused(a, 'pq-varint-truncated', Uint8Array.of(1));
    refused(a, 'pq-epoch-zero', Uint8Array.of(1, 0, 1, 0));
    const [c, d] = parties({ minVersion: 0 });
    d.receive(c.send().payload);
    refused(d, 'pq-version-mismatch', new Uint8Array(0));
  });

  test('[BRD-24] a later version keeps negotiating, keyed from epoch 0, and ends with negotiation', () => {
    for (const version of [2, 3, 127, 255]) {
      const [a, b] = parties();
      const first = a.send();
      const later = Uint8Array.of(version, 9, 1);
      expect(b.receive(later)).toEqual(first.key);
      expect(spqrStatus(b.state)).toBe('negotiating');
      expect(b.braid).toMatchObject({ name: 'NoHeaderReceived', header: { chunks: [] } });
      expect(b.receive(concat(Uint8Array.of(version, 1, 0), seq(0)))).toBeNull();
      refused(b, 'pq-key-used', later);
      refused(b, 'pq-epoch-zero', Uint8Array.of(version, 0, 1));
      refused(b, 'pq-varint-truncated', Uint8Array.of(version, 1));
      const second = a.send();
      expect(b.receive(second.payload)).toEqual(second.key);
      expect(spqrStatus(b.state)).toBe('on');
      refused(b, 'pq-version-mismatch', Uint8Array.of(version, 1, 3));
      expect(b.send().payload[0]).toBe(1);
    }
  });

  test('[BRD-23] [BRD-25] index 0 in epoch 1 has no key, and ends negotiation like any other', () => {
    const [a, b] = parties({ minVersion: 0 });
    const first = a.send();
    expect([...first.payload.subarray(0, 4)]).toEqual([1, 1, 0, 1]);
    expect(first.key).toBeNull();
    expect(parties({ minVersion: 0 })[1].send()).toEqual({ payload: Uint8Array.of(1, 1, 0, 0), key: null });
    const [, strict] = parties();
    expect(strict.receive(first.payload)).toBeNull();
    expect(strict.on.negotiation).toBeNull();
    expect(b.receive(first.payload)).toBeNull();
    const reply = b.send();
    expect(a.receive(reply.payload)).toEqual(reply.key);
    expect(reply.payload[2]).toBe(1);
    expect(a.send().payload[2]).toBe(1);
  });

  test('[BRD-13] an older payload again is refused', () => {
    const [a, b] = parties();
    const first = a.send();
    b.receive(first.payload);
    refused(b, 'pq-key-used', first.payload);
    pass(a, b);
    refused(b, 'pq-key-used', first.payload);
  });
});

describe('[RAT-05] epochs and indices', () => {
  test('[BRD-17] epochs ahead are refused; the next one is taken in Ct2Sampled alone', () => {
    const [a, b] = parties();
    for (let i = 0; i < 60; i++) {
      pass(a, b);
      pass(b, a);
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        for (const epoch of [to.braid.epoch + 2, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
          refused(to, 'pq-epoch-out-of-range', changed(from, { epoch }));
        }
        if (to.braid.name === 'Ct2Sampled') continue;
        refused(to, 'pq-epoch-out-of-range', changed(from, { epoch: to.braid.epoch + 1 }));
      }
    }
    expect(a.braid.epoch).toBe(2);
  });

  test('[BRD-14] [BRD-17] an older epoch is keyed while its chain is held, and then no more', () => {
    const [a, b] = parties();
    const late = Array.from({ length: 3 }, () => a.send());
    const read = (i: number) => b.receive(late[i]?.payload as Uint8Array);
    const reach = (epoch: number) => {
      while ((b.on.chain?.sendEpoch ?? 0) < epoch) {
        pass(a, b);
        pass(b, a);
      }
    };
    reach(1);
    expect(b.on.chain?.links[0]?.send.key).toBeNull();
    const braid = b.braid;
    expect(read(0)).toEqual(late[0]?.key);
    expect(b.braid).toEqual(braid);
    reach(2);
    refused(b, 'pq-epoch-out-of-range', late[1]?.payload as Uint8Array);
    expect(b.on.chain?.links.length).toBeLessThanOrEqual(3);
  });

  test('[BRD-13] a jump of 25,000 is accepted and one of 25,001 refused before any work', () => {
    const [a, b] = parties();
    const work = new WorkMeter();
    const at = (index: number) => changed(a, { index });
    expectRefused([b], { reason: 'pq-key-jump' }, () => b.receive(at(MAX_FORWARD_JUMPS + 1), work));
    expectRefused([b], { reason: 'pq-key-jump' }, () => b.receive(at(0xffff_ffff), work));
    expect(work.kdfSteps).toBe(0);
    expect(b.trial(at(MAX_FORWARD_JUMPS), work).key).not.toBeNull();
    expect(work.kdfSteps).toBe(MAX_FORWARD_JUMPS + MAX_MESSAGE_KEYS);
    for (let i = 0; i < 5; i++) pass(a, b);
    refused(b, 'pq-key-jump', at(MAX_FORWARD_JUMPS + 6));
    b.receive(at(MAX_FORWARD_JUMPS + 5));
    // A session with itself has no limit but the budget.
    expect(b.trial(at(3 * MAX_FORWARD_JUMPS - 20_000), new WorkMeter(), 0xffff_ffff).key).not.toBeNull();
  });

  test('[BRD-13] 2,000 keys behind the newest are kept, each for one use; index 0 beyond epoch 1 is none', () => {
    const [a, b] = parties();
    const sent = Array.from({ length: 3_000 }, () => a.send());
    const payload = (index: number) => sent[index - 1]?.payload as Uint8Array;
    expect(b.receive(payload(3_000))).toEqual(sent[2_999]?.key);
    refused(b, 'pq-key-trimmed', payload(3_000 - MAX_MESSAGE_KEYS - 1));
    expect(b.receive(payload(3_000 - MAX_MESSAGE_KEYS))).toEqual(sent[2_999 - MAX_MESSAGE_KEYS]?.key);
    refused(b, 'pq-key-used', payload(3_000 - MAX_MESSAGE_KEYS));
    expect(b.receive(payload(2_500))).toEqual(sent[2_499]?.key);
    refused(b, 'pq-key-used', payload(2_500));
    refused(b, 'pq-key-used', payload(3_000));
    const [c, d] = parties();
    untilState(c, d, c, 'NoHeaderReceived', 2);
    pass(c, d);
    refused(d, 'pq-key-used', changed(c, { index: 0 }));
  });
});

test('[RAT-05] [BRD-12] index 2^32 − 1 is the last that a chain sends', () => {
  const [a] = parties();
  a.send();
  const chain = a.on.chain as PqChain;
  const [link] = chain.links as [ChainLink];
  a.state = { ...a.on, chain: { ...chain, links: [{ ...link, send: { ...link.send, counter: 0xffff_fffe } }] } };
  expect(parsePayload(a.send().payload).index).toBe(0xffff_ffff);
  expectRefused([a], { code: 'InvalidState', reason: 'chain-exhausted' }, () => a.send());
});

describe('[RAT-06] poisoned chunks', () => {
  const objects = [
    { name: 'header', at: 'NoHeaderReceived', kind: 'header', rows: 3, reason: 'pq-header-mac' },
    { name: 'ek', at: 'Ct1Sampled', kind: 'ek', rows: 36, reason: 'pq-ek-mismatch' },
    { name: 'ct2', at: 'EkSentCt1Received', kind: 'ct2', rows: 5, reason: 'pq-ciphertext-mac' },
  ] as const;

  test.each(objects)('[BRD-11] [BRD-19] one of the $name chunks', ({ at, kind, reason }) => {
    const [a, b] = parties();
    const [from, to] = kind === 'ct2' ? [b, a] : [a, b];
    untilState(a, b, to, at);
    while (parsePayload(changed(from, {})).kind !== kind) {
      pass(to, from);
      pass(from, to);
    }
    const { payload, key } = from.send();
    // The peer itself spoils a chunk: whatever the MAC of the message covers, it covers that too.
    expect(to.receive(flip(payload, payload.length - 1, 1))).toEqual(key);
    let failures = 0;
    for (let i = 0; i < 80 && failures < 3; i++) {
      const next = from.send();
      const before = to.bytes;
      const result = to.trial(next.payload);
      expect(result.key?.expose()).toEqual(next.key);
      if (result.failure === null) {
        to.receive(next.payload);
        if (kind === 'ek') from.receive(to.send().payload);
        continue;
      }
      failures++;
      refused(to, reason, next.payload);
      expect(to.bytes).toEqual(before);
    }
    expect(failures).toBe(3);
    expect(to.braid.epoch).toBe(1);
  });

  test('[BRD-11] a poisoned ct1 is found by the MAC of the ciphertext', () => {
    const [a, b] = parties();
    untilState(a, b, a, 'HeaderSent');
    const { payload } = b.send();
    a.receive(flip(payload, payload.length - 1, 1));
    pass(a, b);
    for (let i = 0; i < 100; i++) {
      const { payload: next } = b.send();
      const { failure } = a.trial(next);
      if (failure !== null) {
        refused(a, 'pq-ciphertext-mac', next);
        return;
      }
      a.receive(next);
      pass(a, b);
    }
    throw new Error('no failure');
  });
});

test('[BRD-18] a well-formed message of the wrong kind changes nothing in the braid, in any state', () => {
  const [a, b] = parties();
  const seen = new Set<string>();
  const waits: Readonly<Record<string, readonly string[]>> = {
    KeysSampled: ['ct1'],
    HeaderSent: ['ct1'],
    Ct1Received: ['ct2'],
    EkSentCt1Received: ['ct2'],
    NoHeaderReceived: ['header'],
    Ct1Sampled: ['ek', 'ekCt1Ack'],
    EkReceived: ['ct1Ack', 'ekCt1Ack'],
    Ct1Acknowledged: ['ek', 'ekCt1Ack'],
  };
  for (let i = 0; i < 100; i++) {
    pass(a, b);
    // Now and then one side hears nothing, so that all states are met.
    if (i % 5 === 4) a.send();
    pass(b, a);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      seen.add(to.braid.name);
      for (const kind of ['none', 'header', 'ek', 'ekCt1Ack', 'ct1Ack', 'ct1', 'ct2'] as const) {
        if (waits[to.braid.name]?.includes(kind) === true || from.braid.epoch > to.braid.epoch) continue;
        const chunk = kind === 'none' || kind === 'ct1Ack' ? null : { index: 40_000 + i, data: seq(i) };
        const { state, failure } = to.trial(changed(from, { kind, chunk }));
        expect(failure).toBeNull();
        expect(typeof state === 'string' ? null : state.braid).toEqual(to.braid);
      }
    }
  }
  expect(seen.size).toBeGreaterThanOrEqual(8);
});
