/**
 * Group messages: what arrives, in which order, and what is refused.
 *
 * @spec 13-groups §3, §4, §6
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, test } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { encodeSenderKeyMessage, parseSenderKeyMessage } from '../../protocol/codec/sender-key.ts';
import { groupMessageKeys, takeNextSeed } from '../../protocol/group/chain.ts';
import { encryptGroupMessage } from '../../protocol/group/sender-key.ts';
import { MAX_FORWARD_JUMPS, MAX_MESSAGE_KEYS } from '../../protocol/limits.ts';
import { skippedCount } from '../../protocol/ratchet/skipped.ts';
import { counting } from '../codec/sample.ts';
import { countingProvider } from '../support/counting-provider.ts';
import type { Member } from '../support/members.ts';
import { GROUP, groupOf } from '../support/members.ts';
import { PROVIDERS } from '../support/peers.ts';
import { expectRefused, refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';
import { seededIntegers, seededRandom } from '../support/seeded-random.ts';

const DUPLICATE = { code: 'DuplicateMessage', reason: 'message-key-used', field: 'iteration' } as const;
const TOO_FAR = { code: 'InvalidMessage', reason: 'counter-too-far', field: 'iteration' } as const;
const BAD_SIGNATURE = { code: 'InvalidSignature', reason: 'sender-key-signature' } as const;
const MAX_UINT32 = 0xffff_ffff;

type Pair = [Member, Member];
type Three = [Member, Member, Member];

/** A message as the sender signs it, of whatever content. */
function forge(
  sender: Member,
  change: { iteration?: number; ciphertext?: Uint8Array; extra?: Uint8Array },
): Uint8Array {
  const state = sender.record(sender.own())?.states[0];
  if (state === undefined || state.signingPrivateKey === null) throw new Error('no sender key');
  const { iteration = state.chain.index, ciphertext = counting(0, 16), extra = new Uint8Array(0) } = change;
  const message = { distributionId: GROUP, chainId: state.chainId, iteration, ciphertext };
  const authenticated = concat(encodeSenderKeyMessage(message), extra);
  return concat(authenticated, sender.provider.xeddsaSign(state.signingPrivateKey, authenticated, sender.random));
}

/** The signature with s + L in place of s, which deployed verifiers accept. */
function malleate(body: Uint8Array): Uint8Array {
  const out = body.slice();
  const at = body.length - 32;
  const sign = (body.at(-1) as number) & 0x80;
  let s = 0n;
  for (let i = 31; i >= 0; i--) s = (s << 8n) | BigInt((body[at + i] as number) & (i === 31 ? 0x7f : 0xff));
  s += ed25519.Point.Fn.ORDER;
  for (let i = 0; i < 32; i++) out[at + i] = Number((s >> BigInt(8 * i)) & 0xffn);
  out[out.length - 1] = (out.at(-1) as number) | sign;
  return out;
}

describe.each(PROVIDERS)('group messages, $name provider', (provider) => {
  test('[SKY-06] known answer of the keys of a seed', () => {
    const state = {
      chainId: 1,
      chain: { index: 0, key: new Secret<'ChainKey'>(counting(0, 32)) },
      signingKey: counting(1, 32),
      signingPrivateKey: null,
      skipped: new Secret<'SkippedSeeds'>(new Uint8Array(0)),
    };
    const taken = takeNextSeed(provider, state);
    expect(toHex(taken.seed.expose())).toBe('9b4c8120a4823a95f47cde17a244f4507244ee6e3957d1fab9fa29b44d3829b7');
    const next = taken.state.chain;
    expect(next.index).toBe(1);
    expect(toHex(next.key.expose())).toBe('4304c22c84a53755ab08ead8d97a8d429be5efa480682d7ad1da27f73e1fbe1d');
    const { iv, cipherKey } = groupMessageKeys(provider, taken.seed.expose());
    expect(toHex(iv.expose())).toBe('ed1f5e26325b1399f6a34c76e47ff047');
    expect(toHex(cipherKey.expose())).toBe('d89f10a08215e845ceb4df3fc59c052ad09e01cd499650025ff83df48ed656e6');
  });

  test('[SKY-05, SKY-16] every member reads each message, an empty one too, in order', () => {
    const [alice, ...others] = groupOf(provider, 'alice', 'bob', 'carol') as Three;
    for (const [iteration, text] of ['one', '', 'three'].entries()) {
      const body = alice.send(text);
      for (const member of others) {
        const { plaintext, order } = member.open(alice, body);
        expect(new TextDecoder().decode(plaintext)).toBe(text);
        expect(order).toMatchObject({ iteration, gap: 0 });
      }
    }
  });

  test('[GRP-06, SKY-08, SKY-16] reordered messages all arrive once, and the gap shows', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    const bodies = Array.from({ length: 6 }, (_, i) => alice.send(`m${i}`));
    const gaps: number[] = [];
    for (const i of [2, 0, 5, 1, 4, 3]) {
      const { plaintext, order } = bob.open(alice, bodies[i] as Uint8Array);
      expect(new TextDecoder().decode(plaintext)).toBe(`m${i}`);
      gaps.push(order.gap);
    }
    expect(gaps).toEqual([2, 0, 2, 0, 0, 0]);
    for (const body of bodies) expectRefused([bob], DUPLICATE, () => bob.receive(alice, body));
    const states = bob.record(alice.own())?.states ?? [];
    expect(states.map(({ skipped }) => skipped.length)).toEqual([0]);
  });

  test('[GRP-01, SKY-05] [SKY-01, SKY-02] every single-bit flip and truncation is refused and changes nothing', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    const body = alice.send('known answer');
    const step = provider.name === 'node' ? 1 : 7;
    let flips = 0;
    for (let bit = 0; bit < body.length * 8; bit += step) {
      const flipped = body.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expectRefused([bob], {}, () => bob.receive(alice, flipped));
      flips++;
    }
    for (let length = 0; length < body.length; length++) {
      expectRefused([bob], {}, () => bob.receive(alice, body.subarray(0, length)));
    }
    expect(bob.receive(alice, body)).toBe('known answer');
    reportCount('GRP-01', 'single-bit flips of a group message refused', flips);
  });

  test('[GRP-01, SKY-05] no signature, a wrong one, another sender’s, and s + L are refused', () => {
    const [alice, bob, mallory] = groupOf(provider, 'alice', 'bob', 'mallory') as Three;
    bob.take(mallory, mallory.distribute());
    const body = alice.send('hers');
    const parts = parseSenderKeyMessage(body);
    const none = concat(parts.authenticated, new Uint8Array(64));
    const others = concat(parts.authenticated, parseSenderKeyMessage(mallory.send('his')).signature);
    const signer = mallory.record(mallory.own())?.states[0]?.signingPrivateKey as Secret<'EcPrivateKey'>;
    const signedByOther = concat(
      parts.authenticated,
      provider.xeddsaSign(signer, parts.authenticated, seededRandom('forger')),
    );
    for (const forged of [none, others, signedByOther, malleate(body)]) {
      expectRefused([bob], BAD_SIGNATURE, () => bob.receive(alice, forged));
    }
    expectRefused([bob], {}, () => bob.receive(alice, parts.authenticated));
    expect(bob.receive(alice, body)).toBe('hers');
  });

  test('[GRP-06, SKY-07] a jump of 25,000 is accepted, one of 25,001 is refused, 2,000 seeds are kept', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    const first = alice.send('first');
    alice.skip(MAX_FORWARD_JUMPS - MAX_MESSAGE_KEYS - 2);
    const [evicted, kept] = [alice.send('oldest but one too many'), alice.send('oldest kept')];
    alice.skip(MAX_MESSAGE_KEYS - 2);
    const newest = alice.send('newest skipped');
    const far = alice.send('far');
    const further = alice.send('further');
    expectRefused([bob], TOO_FAR, () => bob.open(alice, further));
    expect(bob.open(alice, far).order).toMatchObject({ iteration: MAX_FORWARD_JUMPS, gap: MAX_FORWARD_JUMPS });
    const [state] = bob.record(alice.own())?.states ?? [];
    expect(skippedCount(state?.skipped as Secret<'SkippedSeeds'>)).toBe(MAX_MESSAGE_KEYS);
    for (const gone of [first, evicted]) expectRefused([bob], DUPLICATE, () => bob.open(alice, gone));
    for (const [body, text] of [
      [kept, 'oldest kept'],
      [newest, 'newest skipped'],
      [further, 'further'],
    ] as const) {
      expect(bob.receive(alice, body)).toBe(text);
      expectRefused([bob], DUPLICATE, () => bob.open(alice, body));
    }
  });

  test('[GRP-06, SKY-07] seeds of an earlier jump make room, oldest first', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    const early = [alice.send('0'), alice.send('1'), alice.send('2')];
    bob.open(alice, alice.send('3'));
    alice.skip(MAX_MESSAGE_KEYS - 1);
    expect(bob.open(alice, alice.send('after')).order.gap).toBe(MAX_MESSAGE_KEYS - 1);
    for (const body of early.slice(0, 2)) expectRefused([bob], DUPLICATE, () => bob.open(alice, body));
    expect(bob.receive(alice, early[2] as Uint8Array)).toBe('2');
  });

  test('[GRP-06, SKY-09] there is no message at iteration 2^32 − 1', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    alice.skip(0, MAX_UINT32 - 1);
    bob.stores.clear();
    bob.take(alice, alice.distribute());
    const last = alice.send('last');
    expectRefused([alice], { code: 'InvalidState', reason: 'chain-exhausted' }, () => alice.send('one more'));
    expectRefused([bob], TOO_FAR, () => bob.open(alice, forge(alice, { iteration: MAX_UINT32 })));
    expect(bob.receive(alice, last)).toBe('last');
    expectRefused([bob], TOO_FAR, () => bob.open(alice, forge(alice, { iteration: MAX_UINT32 })));
    expectRefused([bob], DUPLICATE, () => bob.open(alice, last));
    // A key distributed at its end reads nothing.
    bob.stores.clear();
    bob.take(alice, alice.distribute());
    expectRefused([bob], TOO_FAR, () => bob.open(alice, forge(alice, {})));
  });

  test('[SKY-05, CNV-05] a signed message with bad padding is refused, ahead and behind, and its key stays', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    const bad = { code: 'InvalidMessage', reason: 'bad-ciphertext' } as const;
    const bodies = [alice.send('zero'), alice.send('one')] as const;
    for (const ciphertext of [counting(0, 0), counting(0, 15), counting(0, 16), counting(7, 160)]) {
      for (const iteration of [0, 1, 900]) {
        expectRefused([bob], bad, () => bob.open(alice, forge(alice, { iteration, ciphertext })));
      }
    }
    expect(bob.receive(alice, bodies[1])).toBe('one');
    expectRefused([bob], bad, () => bob.open(alice, forge(alice, { iteration: 0 })));
    expect(bob.receive(alice, bodies[0])).toBe('zero');
  });

  test('[SKY-02, MSG-02] fields that a peer adds are signed and passed over', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    const body = alice.send('same');
    const { ciphertext } = parseSenderKeyMessage(body);
    const extended = forge(alice, { iteration: 0, ciphertext, extra: fromHex('7a03010203') });
    expect(bob.receive(alice, extended)).toBe('same');
    expectRefused([bob], DUPLICATE, () => bob.open(alice, body));
  });

  test('[SKY-01] only the high nibble of the version counts, and it is 3', () => {
    const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
    const body = alice.send('versioned');
    const as = (version: number) => concat(Uint8Array.of(version), body.subarray(1));
    for (const [version, reason] of [
      [0x23, 'version-too-old'],
      [0x03, 'version-too-old'],
      [0x43, 'version-unrecognised'],
    ] as const) {
      expectRefused([bob], { code: 'UnsupportedVersion', reason }, () => bob.open(alice, as(version)));
    }
    // Another low nibble is well-formed, but not what was signed.
    expectRefused([bob], BAD_SIGNATURE, () => bob.open(alice, as(0x3f)));
    const signer = alice.record(alice.own())?.states[0]?.signingPrivateKey as Secret<'EcPrivateKey'>;
    const signed = as(0x3f).subarray(0, body.length - 64);
    expect(bob.receive(alice, concat(signed, provider.xeddsaSign(signer, signed, alice.random)))).toBe('versioned');
  });

  test('[GRP-01, DOS-01] a message that the sender did not sign costs no chain step', () => {
    const counted = countingProvider(provider);
    const [alice, bob] = groupOf(counted.provider, 'alice', 'bob') as Pair;
    alice.skip(20_000);
    const body = alice.send('far');
    const forged = body.slice();
    forged[20] = (forged[20] as number) ^ 1;
    counted.calls.hmacSha256 = 0;
    refusal(() => bob.open(alice, concat(body.subarray(0, -1), Uint8Array.of((body.at(-1) as number) ^ 1))));
    refusal(() => bob.open(alice, forged));
    expect(counted.calls.hmacSha256).toBe(0);
  });

  test('[SKY-15] a missing record, a missing state and another group are told apart', () => {
    const [alice, bob, carol] = groupOf(provider, 'alice', 'bob', 'carol') as Three;
    const body = alice.send('hello');
    carol.stores.clear();
    expectRefused([carol], { code: 'NoSession', reason: 'no-sender-key' }, () => carol.open(alice, body));
    expectRefused([carol], { code: 'NoSession', reason: 'no-sender-key' }, () => carol.send('mute'));
    alice.stores.clear();
    alice.distribute();
    const fresh = alice.send('new key');
    expectRefused([bob], { code: 'NoSession', reason: 'no-sender-key-state' }, () => bob.open(alice, fresh));
    expect(bob.receive(alice, body)).toBe('hello');
  });
});

test('[GRP-06, SKY-08] 300 messages, lost, repeated and shuffled: each is read at most once, as it was sent', () => {
  const [provider] = PROVIDERS as [(typeof PROVIDERS)[0]];
  const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
  const pick = seededIntegers('group shuffle');
  const pool: { text: string; body: Uint8Array }[] = [];
  const read = new Set<string>();
  for (let i = 0; i < 300; i++) {
    pool.push({ text: `m${i}`, body: alice.send(`m${i}`) });
    const chosen = pool[pick(pool.length)] as (typeof pool)[0];
    if (pick(10) === 0) pool.splice(pick(pool.length), 1);
    else if (read.has(chosen.text)) expectRefused([bob], DUPLICATE, () => bob.open(alice, chosen.body));
    else {
      expect(bob.receive(alice, chosen.body)).toBe(chosen.text);
      read.add(chosen.text);
    }
  }
  expect(read.size).toBeGreaterThan(100);
});

test('[SKY-05, CNV-06] the caller’s plaintext is left alone, and what is spent is erased', () => {
  const [provider] = PROVIDERS as [(typeof PROVIDERS)[0]];
  const [alice, bob] = groupOf(provider, 'alice', 'bob') as Pair;
  const text = utf8('mine');
  const sent = encryptGroupMessage(provider, alice.random, alice.record(alice.own()), alice.own(), text);
  expect(text).toEqual(utf8('mine'));
  const { plaintext, record, spent } = bob.open(alice, sent.body);
  expect(plaintext).toEqual(text);
  expect(spent.map((secret) => (secret as Secret).wiped)).toEqual([true, true]);
  for (const { chain, skipped } of record.states) expect([chain.key.wiped, skipped.wiped]).toEqual([false, false]);
  expect(JSON.stringify(record)).not.toContain(toHex(record.states[0]?.chain.key.expose() as Uint8Array));
});
