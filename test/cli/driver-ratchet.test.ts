/**
 * Keys, chains and the Double Ratchet through the driver.
 *
 * @spec 15-driver-lab §1, §3, §4
 */
import { hkdfSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../protocol/bytes/bytes.ts';
import { seq } from '../support/braid.ts';
import { answerTo, expectRefusal, type Json, newDriver, ok, request, stateOf } from '../support/driver.ts';

const bytes = (first: number, length = 32) => toHex(seq(first, length));
const driver = newDriver();
const publicOf = (secret: string): string => ok(driver, 'x25519.public', { private: secret }).public;

interface Keys {
  readonly cipherKey: string;
  readonly macKey: string;
  readonly iv: string;
}

const keysOf = ({ cipherKey, macKey, iv }: Keys): Keys => ({ cipherKey, macKey, iv });

describe('HKDF and chains', () => {
  test('[DRV-32] the answers of RFC 5869, appendix A.1 to A.3', () => {
    const cases = [
      [
        '0b'.repeat(22),
        bytes(0, 13),
        bytes(0xf0, 10),
        '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
      ],
      [
        bytes(0, 80),
        bytes(0x60, 80),
        bytes(0xb0, 80),
        'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
      ],
      ['0b'.repeat(22), '', '', '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'],
    ] as const;
    for (const [ikm, salt, info, okm] of cases) {
      expect(ok(driver, 'hkdf', { ikm, salt, info, length: okm.length / 2 })).toEqual({ okm });
    }
    const [ikm, , , okm] = cases[2];
    expect(ok(driver, 'hkdf', { ikm, info: '', length: 42 })).toEqual({ okm });
    expect(ok(driver, 'hkdf', { ikm: '', info: '', length: 8160 }).okm).toHaveLength(16320);
    for (const length of [0, 8161]) {
      expectRefusal(driver, 'hkdf', { ikm: '', info: '', length }, 'InvalidArgument', 'not-in-range [length]');
    }
  });

  test('[DRV-32] one message of a chain, with and without the salt of a second ratchet', () => {
    const step = {
      nextChainKey: '4304c22c84a53755ab08ead8d97a8d429be5efa480682d7ad1da27f73e1fbe1d',
      seed: '9b4c8120a4823a95f47cde17a244f4507244ee6e3957d1fab9fa29b44d3829b7',
    };
    expect(ok(driver, 'chain.step', { chainKey: bytes(0) })).toEqual({
      ...step,
      cipherKey: '86268814b41f5fd154659f26873660e3dbc8b205155c3b59b8570b015d773c0c',
      macKey: 'dea51fa5beca2618971c4292647b81e83f2b4edd03e0d292a87ec66e0163abdb',
      iv: '21cfd5b9956a1631f6b7b5b5bdf7b791',
    });
    expect(ok(driver, 'chain.step', { chainKey: bytes(0), index: 0, pqKey: bytes(0x40) })).toEqual({
      ...step,
      cipherKey: '4c4c7c370ac7c6db00368048ee29592887541c4ce2b3ae5c8e712c1758a68847',
      macKey: '0103543018172565c7819d1afc4413172c27aa45570d3bdbf3c074e5b2038590',
      iv: 'ace3335bcccae1157ee238c21328519d',
    });
  });

  test('[DRV-32] an index is so many steps, 25,000 at most', () => {
    let chainKey = bytes(7);
    for (let index = 0; index < 20; index++) {
      const stepped = ok(driver, 'chain.step', { chainKey });
      expect(ok(driver, 'chain.step', { chainKey: bytes(7), index })).toEqual(stepped);
      chainKey = stepped.nextChainKey;
    }
    expect(ok(driver, 'chain.step', { chainKey, index: 25_000 }).seed).toMatch(/^[0-9a-f]{64}$/);
    expectRefusal(driver, 'chain.step', { chainKey, index: 25_001 }, 'InvalidArgument', 'not-in-range [index]');
    expectRefusal(driver, 'chain.step', { chainKey: '00' }, 'InvalidArgument', 'bad-length [chainKey]');
    const salted = { chainKey, pqKey: '' };
    expectRefusal(driver, 'chain.step', salted, 'InvalidArgument', 'bad-length [pqKey]');
  });
});

/** Both sides of a fresh ratchet, every key pair given: alice's are 10, 11, …, bob's 20, 21, …. */
function pair() {
  const secrets = { rootKey: bytes(1), chainKey: bytes(2) };
  const remote = publicOf(bytes(20));
  const a = ok(driver, 'ratchet.init', { role: 'initiator', ...secrets, remote, private: bytes(10) });
  const b = ok(driver, 'ratchet.init', { role: 'responder', ...secrets, private: bytes(20) });
  const send = (from: Json, more: object = {}) => ok(driver, 'ratchet.send', { ...from, ...more });
  const receive = (to: Json, { header }: Json, more: object = {}): Keys =>
    ok(driver, 'ratchet.receive', { ...to, header, ...more });
  return { a, b, send, receive };
}

describe('the Double Ratchet', () => {
  test('[DRV-27] the first chains, recomputed', () => {
    const { a, b, send, receive } = pair();
    const root = (own: string, their: string, salt: Uint8Array) => {
      const { shared } = ok(driver, 'x25519.shared', { private: own, public: publicOf(their) });
      const okm = new Uint8Array(hkdfSync('sha256', fromHex(shared), salt, 'WhisperRatchet', 64));
      return { rootKey: okm.slice(0, 32), chainKey: toHex(okm.slice(32)) };
    };
    const first = root(bytes(10), bytes(20), seq(1));
    const sent = send(a);
    expect(sent.header).toEqual({ ratchetKey: publicOf(bytes(10)), previousCounter: 0, counter: 0 });
    const keys = keysOf(ok(driver, 'chain.step', { chainKey: first.chainKey }));
    expect(keysOf(sent)).toEqual(keys);
    expect(receive(b, sent, { nextPrivate: bytes(21) })).toEqual(keys);
    const second = root(bytes(21), bytes(10), first.rootKey);
    const answers = [send(b), send(b)];
    for (const [index, answer] of answers.entries()) {
      expect(answer.header).toEqual({ ratchetKey: publicOf(bytes(21)), previousCounter: 0, counter: index });
      expect(keysOf(answer)).toEqual(keysOf(ok(driver, 'chain.step', { chainKey: second.chainKey, index })));
      expect(receive(a, answer, { nextPrivate: bytes(11 + index) })).toEqual(keysOf(answer));
    }
    // A key that follows is taken up once, with the header that asked for it.
    expect(send(a).header.ratchetKey).toBe(publicOf(bytes(11)));
  });

  test('[DRV-27] the responder’s own chain is the handshake’s, on which the initiator reads', () => {
    const { a, b, send, receive } = pair();
    const early = send(b);
    expect(early.header.ratchetKey).toBe(publicOf(bytes(20)));
    expect(keysOf(early)).toEqual(keysOf(ok(driver, 'chain.step', { chainKey: bytes(2) })));
    expect(receive(a, early)).toEqual(keysOf(early));
    expect(send(a).header.ratchetKey).toBe(publicOf(bytes(10)));
  });

  test('[DRV-27] turns, losses and late messages; a salt is one message’s; what is not given is drawn', () => {
    const { a, b, send, receive } = pair();
    const late: [Json, Json][] = [];
    for (let turn = 0; turn < 8; turn++) {
      const [from, to] = turn % 2 === 0 ? [a, b] : [b, a];
      const sent = [0, 1, 2, 3].map((n) => send(from, n === 3 ? { pqKey: bytes(turn) } : {}));
      expect(sent.map(({ header }) => header.counter)).toEqual([0, 1, 2, 3]);
      expect(sent[0].header.previousCounter).toBe(turn < 2 ? 0 : 3);
      expect(receive(to, sent[3], { pqKey: bytes(turn) })).toEqual(keysOf(sent[3]));
      expect(receive(to, sent[1])).toEqual(keysOf(sent[1]));
      late.push([to, sent[2]]);
    }
    for (const [to, sent] of late.slice(3)) expect(receive(to, sent)).toEqual(keysOf(sent));
    const drawn = [1, 2].map(() => {
      const pairs = pair();
      pairs.receive(pairs.b, pairs.send(pairs.a));
      return send(pairs.b).header.ratchetKey;
    });
    expect(drawn[0]).not.toBe(drawn[1]);
  });

  test('[DRV-26] [DRV-27] refusals change nothing', () => {
    const { a, b, send, receive } = pair();
    const [first, second] = [send(a), send(a)];
    const refuse = (header: Json, code: string, message: string, more: object = {}) =>
      expectRefusal(driver, 'ratchet.receive', { ...b, header, ...more }, code, message);
    const { header } = second;
    refuse({ ...header, counter: 25_001 }, 'InvalidMessage', 'counter-too-far [counter]');
    refuse({ ...header, counter: 2 ** 32 - 1 }, 'InvalidMessage', 'counter-too-far [counter]');
    receive(b, second);
    refuse(header, 'DuplicateMessage', 'message-key-used [counter]');
    refuse({ ...header, counter: 25_003 }, 'InvalidMessage', 'counter-too-far [counter]');
    receive(b, first);
    refuse(first.header, 'DuplicateMessage', 'message-key-used [counter]');
    refuse({ ...header, ratchetKey: `05${'00'.repeat(32)}` }, 'InvalidKey', 'zero-shared-secret [publicKey]');
    refuse({ ...header, ratchetKey: `06${'09'.repeat(32)}` }, 'InvalidKey', 'bad-key-type [header.ratchetKey]');
    refuse({ ...header, ratchetKey: '05' }, 'InvalidKey', 'bad-length [header.ratchetKey]');
    refuse(header, 'InvalidKey', 'bad-length [nextPrivate]', { nextPrivate: '00' });
    const { counter, ...without } = header;
    refuse(without, 'InvalidArgument', 'missing-field [header.counter]');
    refuse({ ...header, counter: String(counter) }, 'InvalidArgument', 'wrong-type [header.counter]');
    refuse({ ...header, more: 1 }, 'InvalidArgument', 'unknown-field [header.more]');
    expectRefusal(driver, 'ratchet.send', { ratchet: 'ratchet-0' }, 'InvalidArgument', 'unknown-ratchet [ratchet]');
    const reply = send(b);
    receive(a, reply, { nextPrivate: bytes(11) });
    const turned = send(a);
    const again = bytes(21);
    receive(b, turned, { nextPrivate: again });
    receive(a, send(b), { nextPrivate: bytes(12) });
    const repeated = { nextPrivate: again };
    refuse(send(a).header, 'InvalidState', 'randomness-failed', repeated);
  });

  test('[DRV-27] a jump of 25,000 and its oldest kept key; the one before is gone', () => {
    const { a, b } = pair();
    const remote = ok(driver, 'ratchet.send', a).header.ratchetKey;
    const at = (counter: number) => ({ ...b, header: { ratchetKey: remote, previousCounter: 0, counter } });
    ok(driver, 'ratchet.receive', at(25_000));
    ok(driver, 'ratchet.receive', at(23_000));
    expectRefusal(driver, 'ratchet.receive', at(22_999), 'DuplicateMessage', 'message-key-used [counter]');
  });

  test('[DRV-26] equal states are saved as equal bytes, and every step shows', () => {
    const [one, two] = [pair(), pair()];
    const save = ({ ratchet }: Json): string => ok(driver, 'ratchet.save', { ratchet }).state;
    const states = new Set<string>();
    const same = () => {
      expect(save(one.a)).toBe(save(two.a));
      expect(save(one.b)).toBe(save(two.b));
      const before = states.size;
      states.add(save(one.a) + save(one.b));
      expect(states.size).toBe(before + 1);
    };
    same();
    const [x, y] = [one, two].map(({ a, send }) => [send(a), send(a), send(a)]);
    same();
    // The order of arrival leaves no trace.
    for (const n of [2, 0, 1]) one.receive(one.b, x?.[n], { nextPrivate: bytes(21) });
    for (const n of [2, 1, 0]) two.receive(two.b, y?.[n], { nextPrivate: bytes(21) });
    same();
    const before = stateOf(driver);
    save(one.a);
    expect(stateOf(driver)).toBe(before);
  });

  test('[DRV-26] states that differ in what was sent before alone are saved as other bytes', () => {
    const states = [1, 3].map((count) => {
      const { a, b, send, receive } = pair();
      const sent = Array.from({ length: count }, () => send(a));
      receive(b, sent[0], { nextPrivate: bytes(21) });
      receive(a, send(b), { nextPrivate: bytes(11) });
      const { state } = ok(driver, 'ratchet.save', a);
      return { state, next: keysOf(send(a)) };
    });
    expect(states[0]?.next).toEqual(states[1]?.next);
    expect(states[0]?.state).not.toBe(states[1]?.state);
  });

  test('[DRV-06] a role has its own fields', () => {
    const secrets = { rootKey: bytes(1), chainKey: bytes(2) };
    const remote = publicOf(bytes(20));
    const refuse = (args: object, code: string, message: string) =>
      expectRefusal(driver, 'ratchet.init', { ...secrets, ...args }, code, message);
    refuse({ role: 'initiator' }, 'InvalidArgument', 'missing-field [remote]');
    refuse({ role: 'responder' }, 'InvalidArgument', 'missing-field [private]');
    refuse({ role: 'responder', private: bytes(1), remote }, 'InvalidArgument', 'not-of-this-role [remote]');
    refuse({ role: 'observer' }, 'InvalidArgument', 'not-one-of [role]');
    refuse({ role: 'initiator', remote, private: '00' }, 'InvalidKey', 'bad-length [private]');
    refuse({ role: 'responder', private: '00' }, 'InvalidKey', 'bad-length [private]');
    const small = `05${'00'.repeat(32)}`;
    refuse({ role: 'initiator', remote: small }, 'InvalidKey', 'not-prime-order [remote]');
    const drawn = [1, 2].map(() => {
      const { ratchet } = ok(driver, 'ratchet.init', { role: 'initiator', ...secrets, remote });
      return answerTo(driver, request('ratchet.send', { ratchet })).ok.header.ratchetKey;
    });
    expect(drawn[0]).not.toBe(drawn[1]);
  });
});
