/**
 * The stored form of every state.
 *
 * @spec 08-braid §11
 */
import { beforeAll, expect, test } from 'vitest';
import { be32, toHex } from '../../protocol/bytes/bytes.ts';
import { Secret, wipeAll } from '../../protocol/bytes/secret.ts';
import type { ChainLink, PqChain } from '../../protocol/ratchet/braid/chain.ts';
import { secretsOf, wipeNew } from '../../protocol/ratchet/braid/secrets.ts';
import type { SpqrOn } from '../../protocol/ratchet/braid/spqr-state.ts';
import { SKIPPED_ENTRY_BYTES } from '../../protocol/ratchet/skipped.ts';
import { loadSpqr, parties, pass, storedSpqr } from '../support/braid.ts';
import { flip } from '../support/forge.ts';
import { refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { seededIntegers } from '../support/seeded-random.ts';

/** One stored state of each name, some of them as large as they get. */
const states = new Map<string, Uint8Array>();

beforeAll(() => {
  const [a, b] = parties();
  const below = seededIntegers('states');
  states.set('off', storedSpqr('off')).set('refused', storedSpqr('refused'));
  for (let i = 0; i < 3_000; i++) {
    const [from, to] = below(2) === 0 ? [a, b] : [b, a];
    if (below(3) === 0) from.send();
    else pass(from, to);
    for (const party of [a, b]) {
      const { name } = party.braid;
      if (party.bytes.length > (states.get(name)?.length ?? 0)) states.set(name, party.bytes);
    }
  }
});

test('[BRD-26] [RAT-08] all eleven states, and none: saved, loaded and saved again', () => {
  expect(states.size).toBe(13);
  for (const bytes of states.values()) expect(toHex(storedSpqr(loadSpqr(bytes)))).toBe(toHex(bytes));
  const largest = Math.max(...[...states.values()].map((bytes) => bytes.length));
  // What libsignal stores in its largest state.
  expect(largest).toBeLessThan(6_300);
  reportCount('BRD-26', 'bytes of the largest stored state', largest);
});

test('[BRD-26] [RAT-08] every truncation and every longer form is refused', () => {
  let count = 0;
  for (const bytes of states.values()) {
    for (let length = 0; length < bytes.length; length++) {
      expect(refusal(() => loadSpqr(bytes.subarray(0, length))).code).toBe('InvalidState');
      count++;
    }
    expect(refusal(() => loadSpqr(Buffer.concat([bytes, Uint8Array.of(0)]))).reason).toBe('record-trailing-bytes');
  }
  reportCount('RAT-08', 'truncated states refused', count);
});

test('[BRD-26] [RAT-08] flags, names, counts and indices that no state has', () => {
  const unsampled = states.get('KeysUnsampled') as Uint8Array;
  for (let mask = 1; mask < 256; mask++) {
    const act = () => loadSpqr(flip(unsampled, 0, mask));
    const tag = (unsampled[0] as number) ^ mask;
    if (tag === 0 || tag === 1) expect(refusal(act).reason).toBe('record-trailing-bytes');
    else expect(refusal(act).code).toBe('InvalidState');
  }
  const named = (name: number) => refusal(() => loadSpqr(flip(unsampled, 1, name))).code;
  for (let name = 1; name < 256; name++) expect(named(name)).toBe('InvalidState');
  const epochAt = 2;
  const zero = unsampled.slice();
  zero.fill(0, epochAt, epochAt + 8);
  expect(refusal(() => loadSpqr(zero)).reason).toBe('record-malformed');
  const huge = unsampled.slice().fill(0xff, epochAt, epochAt + 8);
  expect(refusal(() => loadSpqr(huge)).reason).toBe('record-malformed');
  const [a, b] = parties();
  pass(a, b);
  pass(a, b);
  const waiting = b.bytes;
  const countAt = 2 + 8 + 64;
  expect(waiting[countAt]).toBe(2);
  const counts = waiting.slice().fill(3, countAt, countAt + 1);
  expect(refusal(() => loadSpqr(counts)).reason).toBe('record-malformed');
  const same = waiting.slice();
  same.copyWithin(countAt + 1 + 36, countAt + 1, countAt + 5);
  expect(refusal(() => loadSpqr(same)).reason).toBe('record-malformed');
  const high = waiting.slice().fill(1, countAt + 37, countAt + 38);
  expect(refusal(() => loadSpqr(high)).reason).toBe('record-malformed');
});

test('[BRD-26] [RAT-08] a kept key lies before the newest one by 2,000 at most, in the receiving direction alone', () => {
  const [a, b] = parties();
  pass(a, b);
  const chain = b.on.chain as PqChain;
  const [link] = chain.links as [ChainLink];
  const list = (indices: readonly number[]) => {
    const packed = new Uint8Array(indices.length * SKIPPED_ENTRY_BYTES);
    for (const [i, index] of indices.entries()) packed.set(be32(index), i * SKIPPED_ENTRY_BYTES);
    return new Secret<'SkippedSeeds'>(packed);
  };
  const stored = (changed: object) => storedSpqr({ ...b.on, chain: { ...chain, links: [changed] } } as SpqrOn);
  const receiving = (counter: number, ...indices: number[]) =>
    stored({ ...link, receive: { ...link.receive, counter, skipped: list(indices) } });
  const good = [receiving(0), receiving(2, 1), receiving(9, 1, 5, 8), receiving(2_001, 1), receiving(0xffff_ffff)];
  for (const bytes of good) expect(toHex(storedSpqr(loadSpqr(bytes)))).toBe(toHex(bytes));
  const bad = [
    ...[receiving(0, 0), receiving(0, 1), receiving(9, 0), receiving(9, 9), receiving(9, 1, 10)],
    ...[receiving(9, 0xffff_ffff), receiving(2_001, 0), receiving(2_002, 1)],
    stored({ ...link, receive: { ...link.receive, key: null } }),
    stored({ ...link, send: { ...link.send, counter: 9, skipped: list([5]) } }),
  ];
  for (const bytes of bad) {
    expect(refusal(() => loadSpqr(bytes))).toMatchObject({ code: 'InvalidState', reason: 'record-malformed' });
  }
});

test('[BRD-01] a step that is not kept leaves no secret behind and takes none away', () => {
  const [a, b] = parties();
  for (let i = 0; i < 100; i++) {
    pass(a, b);
    pass(b, a);
    const before = b.state;
    const { payload } = a.send();
    const { state } = b.trial(payload);
    const kept = new Set(secretsOf(before).map((secret) => toHex(secret.expose())));
    wipeNew(before, state);
    expect(secretsOf(before).every((secret) => !secret.wiped)).toBe(true);
    for (const secret of secretsOf(state)) {
      if (!secret.wiped) expect(kept.has(toHex(secret.expose()))).toBe(true);
    }
    expect(b.state).toEqual(before);
    wipeAll(secretsOf(before));
  }
});
