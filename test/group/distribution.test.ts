/**
 * Sender keys: how they are handed out, taken, kept and stored.
 *
 * @spec 13-groups §1, §2, §5, §7
 */
import { describe, expect, test } from 'vitest';
import { be32, concat, toHex } from '../../protocol/bytes/bytes.ts';
import type { SenderKeyDistribution } from '../../protocol/codec/sender-key.ts';
import {
  encodeSenderKeyDistribution,
  parseSenderKeyDistribution,
  parseSenderKeyMessage,
} from '../../protocol/codec/sender-key.ts';
import {
  decryptGroupMessage,
  distributeSenderKey,
  parseSenderKeyRecord,
  processSenderKeyDistribution,
  senderKeyRecordKey,
} from '../../protocol/group/sender-key.ts';
import { bytes, counting, number } from '../codec/sample.ts';
import { GROUP, groupOf, Member } from '../support/members.ts';
import { PROVIDERS, uuidOf } from '../support/peers.ts';
import { withHighBit } from '../support/points.ts';
import { expectRefused, refusal } from '../support/refusal.ts';
import { FAULTS, faultyRandom, seededRandom } from '../support/seeded-random.ts';

const [provider] = PROVIDERS as [(typeof PROVIDERS)[0]];
const OTHER_GROUP = 'D1D1D1D1-7000-11eb-b32a-33b8a8a487a7';

type Pair = [Member, Member];
type Three = [Member, Member, Member];

/** A distribution message of the sender with something changed. */
function changed(distribution: Uint8Array, change: Partial<SenderKeyDistribution>): Uint8Array {
  return encodeSenderKeyDistribution({ ...parseSenderKeyDistribution(distribution), ...change });
}

function chainIds(holder: Member, sender: Member): number[] {
  return holder.record(sender.own())?.states.map(({ chainId }) => chainId) ?? [];
}

describe('distribution', () => {
  test('[SKY-11] the same chain again at the current iteration: who joins late reads nothing older', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    const early = alice.send('early');
    const carol = new Member('carol', provider);
    const again = alice.distribute();
    carol.take(alice, again);
    expect(parseSenderKeyDistribution(again)).toMatchObject({ chainId: chainIds(bob, alice)[0], iteration: 1 });
    const late = alice.send('late');
    expect(carol.receive(alice, late)).toBe('late');
    expect(bob.receive(alice, late)).toBe('late');
    expect(bob.receive(alice, early)).toBe('early');
    expectRefused([carol], { code: 'DuplicateMessage' }, () => carol.receive(alice, early));
  });

  test('[GRP-03, SKY-13] a repeated distribution neither rewinds nor advances what is known', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    alice.stores.clear();
    bob.stores.clear();
    const first = alice.distribute();
    bob.take(alice, first);
    const bodies = [alice.send('0'), alice.send('1'), alice.send('2'), alice.send('3')] as const;
    expect(bob.receive(alice, bodies[1])).toBe('1');
    const before = toHex(bob.snapshot());
    for (const again of [
      first,
      alice.distribute(),
      changed(first, { iteration: 3 }),
      changed(first, { chainKey: counting(9, 32) }),
    ]) {
      bob.take(alice, again);
      expect(toHex(bob.snapshot())).toBe(before);
    }
    expectRefused([bob], { code: 'DuplicateMessage' }, () => bob.receive(alice, bodies[1]));
    for (const i of [0, 2, 3] as const) expect(bob.receive(alice, bodies[i])).toBe(String(i));
  });

  test('[GRP-03, SKY-12] a known chain id with another signing key is refused, and the first goes on', () => {
    const [alice, bob, mallory] = groupOf(provider, 'alice', 'bob', 'mallory') as Three;
    const first = alice.distribute();
    const { signingKey } = parseSenderKeyDistribution(mallory.distribute());
    for (const change of [{ signingKey }, { signingKey, iteration: 9 }, { signingKey, chainKey: counting(1, 32) }]) {
      const error = { code: 'InvalidKey', reason: 'signing-key-changed', field: 'signingKey' } as const;
      expectRefused([bob], error, () => bob.take(alice, changed(first, change)));
    }
    expect(bob.receive(alice, alice.send('still hers'))).toBe('still hers');
  });

  test('[GRP-06, SKY-14] five states are kept, the newest or newly repeated in front; the sixth drops the oldest', () => {
    const bob = new Member('bob', provider);
    const lives = Array.from({ length: 6 }, (_, i) => {
      const life = new Member('alice', provider, seededRandom(`life ${i}`));
      return { life, distribution: life.distribute(), body: life.send(`life ${i}`) };
    });
    const ids = lives.map(({ distribution }) => parseSenderKeyDistribution(distribution).chainId);
    const [alice] = lives.map(({ life }) => life) as [Member];
    for (const { distribution } of lives.slice(0, 5)) bob.take(alice, distribution);
    expect(chainIds(bob, alice)).toEqual(ids.slice(0, 5).reverse());
    bob.take(alice, (lives[0] as (typeof lives)[0]).distribution);
    expect(chainIds(bob, alice)).toEqual([0, 4, 3, 2, 1].map((i) => ids[i]));
    const name = alice.own();
    const { spent } = processSenderKeyDistribution(
      bob.record(name),
      name,
      (lives[5] as (typeof lives)[0]).distribution,
    );
    expect(spent.length).toBe(2);
    bob.take(alice, (lives[5] as (typeof lives)[0]).distribution);
    expect(chainIds(bob, alice)).toEqual([5, 0, 4, 3, 2].map((i) => ids[i]));
    for (const [i, { body }] of lives.entries()) {
      if (i === 1) expectRefused([bob], { reason: 'no-sender-key-state' }, () => bob.receive(alice, body));
      else expect(bob.receive(alice, body)).toBe(`life ${i}`);
    }
  });

  test('[SKY-10] only a record of our own sends, and no foreign chain gets into it', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    const theirs = bob.record(alice.own());
    const notOwn = { code: 'NotAllowed', reason: 'not-own-sender-key' };
    expect(refusal(() => distributeSenderKey(provider, bob.random, theirs, alice.own()))).toMatchObject(notOwn);
    const twin = new Member('alice', provider, seededRandom('twin'));
    const own = { code: 'NotAllowed', reason: 'own-sender-key' } as const;
    expectRefused([alice], own, () => alice.take(alice, twin.distribute()));
    alice.take(alice, alice.distribute());
    expect(bob.receive(alice, alice.send('still sends'))).toBe('still sends');
  });

  test('[SKY-10, PRIM-12] a broken random source makes no sender key', () => {
    for (const fault of FAULTS) {
      for (const at of [1, 2]) {
        const alice = new Member('alice', provider, faultyRandom(seededRandom('good'), fault, at));
        expectRefused([alice], { code: 'InvalidState', reason: 'randomness-failed' }, () => alice.distribute());
      }
    }
  });
});

describe('whose key it is', () => {
  test('[GRP-02, SKY-03] a key distributed by one member is never another’s', () => {
    const [alice, bob, mallory] = groupOf(provider, 'alice', 'bob', 'mallory') as Three;
    // Mallory, a member, hands on what she knows of Alice's key as if it were Alice's: it came over Mallory's session.
    bob.take(mallory, changed(mallory.distribute(), { chainId: chainIds(bob, alice)[0] as number }));
    const own = new Member('alice', provider, seededRandom('claims to be alice'));
    bob.take(mallory, own.distribute());
    const forged = own.send('from alice, it says');
    expectRefused([bob], { reason: 'no-sender-key-state' }, () => bob.receive(alice, forged));
    expect(bob.receive(mallory, forged)).toBe('from alice, it says');
    const body = alice.send('hers');
    expectRefused([bob], {}, () => bob.receive(mallory, body));
    expect(bob.receive(alice, body)).toBe('hers');
  });

  test('[GRP-02, SKY-03] a device is not another device of its account, and a record serves one name only', () => {
    const [alice, bob] = groupOf(provider, uuidOf('alice'), uuidOf('bob')) as Pair;
    const body = alice.send('first device');
    const record = bob.record(alice.own());
    const name = { sender: { ...alice.address, deviceId: 2 }, distributionId: GROUP };
    const other = { code: 'InvalidState', reason: 'record-other-sender' };
    expect(refusal(() => decryptGroupMessage(provider, record, name, body))).toMatchObject(other);
    expect(refusal(() => processSenderKeyDistribution(record, name, alice.distribute()))).toMatchObject(other);
    expect(refusal(() => distributeSenderKey(provider, bob.random, record, bob.own()))).toMatchObject(other);
    const stored = bob.stores.get(senderKeyRecordKey(alice.own())) as Uint8Array;
    expect(refusal(() => parseSenderKeyRecord(provider, stored, name))).toMatchObject(other);
    const upper = {
      sender: { ...alice.address, name: alice.address.name.toUpperCase() },
      distributionId: GROUP.toUpperCase(),
    };
    expect(decryptGroupMessage(provider, record, upper, body).order.iteration).toBe(0);
  });

  test('[SKY-03] a name that is none is refused', () => {
    const { address } = new Member('alice', provider);
    const key = (sender: typeof address, distributionId: string) => () =>
      senderKeyRecordKey({ sender, distributionId });
    expect(refusal(key(address, 'group'))).toMatchObject({ code: 'InvalidArgument', reason: 'not-a-uuid' });
    expect(refusal(key({ ...address, deviceId: 0 }, GROUP)).reason).toBe('bad-device-id');
  });

  test('[SKY-04] a message of another distribution id than its record’s is refused', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    const mismatch = { code: 'InvalidMessage', reason: 'distribution-mismatch', field: 'distributionId' } as const;
    const distribution = alice.distribute(OTHER_GROUP);
    expectRefused([bob], mismatch, () => bob.take(alice, distribution));
    bob.take(alice, distribution, OTHER_GROUP);
    const body = alice.send('elsewhere', OTHER_GROUP);
    expectRefused([bob], mismatch, () => bob.open(alice, body));
    expect(bob.open(alice, body, OTHER_GROUP).order.iteration).toBe(0);
    expect(parseSenderKeyMessage(body).distributionId).toBe(OTHER_GROUP.toLowerCase());
  });
});

describe('shape of a distribution message', () => {
  const alice = new Member('alice', provider);
  const good = alice.distribute();
  const { chainKey, signingKey } = parseSenderKeyDistribution(good);
  const id = bytes(1, counting(1, 16));
  const key = (raw: Uint8Array, type = 5) => bytes(5, concat(Uint8Array.of(type), raw));
  const parts = [id, number(2, 1), number(3, 0), bytes(4, chainKey), key(signingKey)];
  const build = (fields: readonly Uint8Array[], version = 0x33) => concat(Uint8Array.of(version), ...fields);

  test('[SKY-02] every field is required and has its length', () => {
    expect(parseSenderKeyDistribution(build(parts))).toMatchObject({ chainId: 1, iteration: 0 });
    for (let i = 0; i < parts.length; i++) {
      const error = refusal(() => parseSenderKeyDistribution(build(parts.toSpliced(i, 1))));
      expect(error).toMatchObject({ code: 'InvalidMessage', reason: 'missing-field' });
    }
    const cases: [number, Uint8Array, string][] = [
      [0, bytes(1, counting(1, 15)), 'InvalidMessage'],
      [0, bytes(1, counting(1, 17)), 'InvalidMessage'],
      [3, bytes(4, counting(1, 31)), 'InvalidMessage'],
      [3, bytes(4, counting(1, 33)), 'InvalidMessage'],
      [4, key(signingKey.subarray(1)), 'InvalidKey'],
      [4, key(concat(signingKey, Uint8Array.of(0))), 'InvalidKey'],
      [4, key(signingKey, 4), 'InvalidKey'],
      [4, key(withHighBit(signingKey)), 'InvalidKey'],
      [2, bytes(3, counting(1, 1)), 'InvalidMessage'],
    ];
    for (const [i, field, code] of cases) {
      expect(refusal(() => parseSenderKeyDistribution(build(parts.with(i, field)))).code).toBe(code);
    }
    for (let i = 0; i < good.length; i++) refusal(() => parseSenderKeyDistribution(good.subarray(0, i)));
    expect(refusal(() => parseSenderKeyDistribution(new Uint8Array(0))).reason).toBe('too-short');
  });

  test('[SKY-01] the version is 3, whatever the low nibble', () => {
    for (const version of [0x30, 0x33, 0x3f]) expect(parseSenderKeyDistribution(build(parts, version)).chainId).toBe(1);
    for (const [version, reason] of [
      [0x23, 'version-too-old'],
      [0x43, 'version-unrecognised'],
    ] as const) {
      const error = refusal(() => parseSenderKeyDistribution(build(parts, version)));
      expect(error).toMatchObject({ code: 'UnsupportedVersion', reason });
    }
  });

  test('[SKY-02, PAR-05] encoding gives back what was parsed, and what is parsed is a copy', () => {
    expect(encodeSenderKeyDistribution(parseSenderKeyDistribution(good))).toEqual(good);
    const input = good.slice();
    const parsed = parseSenderKeyDistribution(input);
    input.fill(0);
    expect(encodeSenderKeyDistribution(parsed)).toEqual(good);
  });
});

describe('stored form', () => {
  const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
  bob.take(alice, new Member('alice', provider, seededRandom('second')).distribute());
  alice.send('skipped');
  bob.open(alice, alice.send('read'));
  const name = alice.own();
  const stored = bob.stores.get(senderKeyRecordKey(name)) as Uint8Array;

  test('[SKY-17, STATE-09] every flipped bit, truncation and added byte is refused as InvalidState', () => {
    const read = (record: Uint8Array) => refusal(() => parseSenderKeyRecord(provider, record, name));
    for (let bit = 0; bit < stored.length * 8; bit++) {
      const flipped = stored.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(read(flipped).code).toBe('InvalidState');
    }
    for (let i = 0; i < stored.length; i++) expect(read(stored.subarray(0, i)).code).toBe('InvalidState');
    expect(read(concat(stored, Uint8Array.of(0))).reason).toBe('record-checksum');
    expect(read(concat(stored.subarray(0, 1), Uint8Array.of(2), stored.subarray(2))).reason).toBe('record-version');
  });

  test('[SKY-17] well-summed nonsense is refused', () => {
    const seal = (body: Uint8Array) => concat(stored.subarray(0, 10), provider.sha256(body).subarray(0, 8), body);
    const read = (body: Uint8Array) => refusal(() => parseSenderKeyRecord(provider, seal(body), name)).reason;
    const state = (chainId: number, own = 0, skipped = 0) =>
      concat(Uint8Array.of(0, 0, 0, chainId, 0, 0, 0, 9), counting(1, 64), Uint8Array.of(own, 0, 0, 0, skipped));
    const skipping = (index: number) => concat(Uint8Array.of(1), state(1, 0, 36), be32(index), counting(1, 32));
    expect(parseSenderKeyRecord(provider, seal(concat(Uint8Array.of(1), state(1))), name).states.length).toBe(1);
    expect(read(Uint8Array.of(0))).toBe('record-malformed');
    expect(read(concat(Uint8Array.of(6), ...[1, 2, 3, 4, 5, 6].map((i) => state(i))))).toBe('record-malformed');
    expect(read(concat(Uint8Array.of(2), state(7), state(7)))).toBe('record-malformed');
    expect(read(concat(Uint8Array.of(1), state(1, 2)))).toBe('record-malformed');
    expect(read(concat(Uint8Array.of(1), state(1, 0, 3), counting(0, 3)))).toBe('record-malformed');
    // The chain stands at 9: the newest message read is 8.
    expect(parseSenderKeyRecord(provider, seal(skipping(7)), name).states.length).toBe(1);
    for (const index of [8, 9, 0xffff_ffff]) expect(read(skipping(index))).toBe('record-malformed');
    expect(read(concat(Uint8Array.of(2), state(1)))).toBe('record-truncated');
    expect(read(concat(Uint8Array.of(1), state(1), state(2)))).toBe('record-trailing-bytes');
  });
});
