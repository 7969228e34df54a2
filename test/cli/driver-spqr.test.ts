/**
 * The layers of the post-quantum ratchet through the driver.
 *
 * @spec 15-driver-lab §5 – §8
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { be64, concat, fromHex, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { seq } from '../support/braid.ts';
import { expectRefusal, type Json, newDriver, ok } from '../support/driver.ts';

const bytes = (first: number, length = 32) => toHex(seq(first, length));
const driver = newDriver();
const sha256 = (hex: string) => createHash('sha256').update(fromHex(hex)).digest('hex');
const shake = (data: Uint8Array, outputLength: number) =>
  createHash('shake256', { outputLength }).update(data).digest('hex');
const flipped = (hex: string) =>
  (Number.parseInt(hex.slice(0, 2), 16) ^ 1).toString(16).padStart(2, '0') + hex.slice(2);

describe('ML-KEM-768 in halves', () => {
  const keys = ok(driver, 'kem.incremental.keygen', { seed: bytes(0, 64) });
  const { header, encapsulationKey } = keys;
  const begun = ok(driver, 'kem.incremental.encaps1', { header, random: bytes(0x40) });
  const halves = { state: begun.state, header, encapsulationKey };
  const { ciphertext2 } = ok(driver, 'kem.incremental.encaps2', halves);
  const { ciphertext1, shared } = begun;

  test('[DRV-28] known answers of the deployed ratchet', () => {
    expect(header).toBe(
      '5e43481c3eeb397eb192505229b67a201ea893c3e2cb32da8bc342fa4dea0578a24e16d8f8f9383a95b77050f4d9fd2f5733eec1d63ef3c23ebf9918173669a7',
    );
    expect(sha256(encapsulationKey)).toBe('61a9c583b9edb3b603c61b0da52a5014a5dfafe2df6174924882c508e419b532');
    expect(sha256(keys.private)).toBe('dac268bde6a8dd238e9887117d6b664e7a7a9350ad6b7c08a948e504809572a5');
    expect(shared).toBe('9cddd089ffe70e3996e76f7c8d06746df34d07e8657bc0fcf2bb0e1c3084aea1');
    expect(sha256(ciphertext1)).toBe('c74ff62fbf0d33c4b45296912986c4d767f1ec60f2730b6caaf0bc8b36fd55d0');
    expect(sha256(ciphertext2)).toBe('fca96fa358ed1da84e0c23f4e2b21c3bf3d62a2b11b6252aee28828b303ef109');
    for (const secret of [keys.private, bytes(0, 64)]) {
      const open = (second: string) =>
        ok(driver, 'kem.incremental.decaps', { private: secret, ciphertext1, ciphertext2: second }).shared;
      expect(open(ciphertext2)).toBe(shared);
      const implicit = '564d02c6bfa8fe8a5d43ca41dae6812cf32dd3f43730187237db9ec1601d44c4';
      expect(open(flipped(ciphertext2))).toBe(implicit);
    }
  });

  test('[DRV-28] both halves are one plain encapsulation', () => {
    const rho = header.slice(0, 64);
    const plain = { kem: 'ML-KEM-768', public: encapsulationKey + rho, random: bytes(0x40) };
    expect(ok(driver, 'kem.encapsulate', plain)).toEqual({ ciphertext: ciphertext1 + ciphertext2, shared });
    const drawn = ok(driver, 'kem.incremental.keygen');
    expect(drawn).not.toEqual(ok(driver, 'kem.incremental.keygen'));
    const first = ok(driver, 'kem.incremental.encaps1', { header: drawn.header });
    expect(first).not.toEqual(ok(driver, 'kem.incremental.encaps1', { header: drawn.header }));
    const second = ok(driver, 'kem.incremental.encaps2', { ...drawn, private: undefined, state: first.state });
    const both = { ciphertext1: first.ciphertext1, ...second };
    expect(ok(driver, 'kem.incremental.decaps', { private: drawn.private, ...both })).toEqual({ shared: first.shared });
  });

  test('[DRV-28] what does not belong together is refused, and every wrong length', () => {
    const refuse = (args: object, code: string, message: string) =>
      expectRefusal(driver, 'kem.incremental.encaps2', { ...halves, ...args }, code, message);
    const other = ok(driver, 'kem.incremental.keygen', { seed: bytes(1, 64) });
    const mismatch = 'pq-ek-mismatch [pqRatchet]';
    refuse({ encapsulationKey: other.encapsulationKey }, 'InvalidMessage', mismatch);
    refuse({ header: other.header }, 'InvalidMessage', mismatch);
    refuse({ encapsulationKey: flipped(encapsulationKey) }, 'InvalidMessage', mismatch);
    const { encapsulationKey: key } = other;
    refuse({ header: other.header, encapsulationKey: key }, 'InvalidState', 'pq-ct1-mismatch [pqRatchet]');
    refuse({ state: flipped(begun.state) }, 'InvalidState', 'pq-ct1-mismatch [pqRatchet]');
    refuse({ state: begun.state.slice(2) }, 'InvalidArgument', 'bad-length [state]');
    refuse({ header: header.slice(2) }, 'InvalidKey', 'bad-length [header]');
    refuse({ encapsulationKey: '' }, 'InvalidKey', 'bad-length [encapsulationKey]');
    expectRefusal(driver, 'kem.incremental.encaps1', { header: '00' }, 'InvalidKey', 'bad-length [header]');
    const open = { private: keys.private, ciphertext1, ciphertext2 };
    const refuseOpen = (args: object, code: string, message: string) =>
      expectRefusal(driver, 'kem.incremental.decaps', { ...open, ...args }, code, message);
    refuseOpen({ ciphertext1: ciphertext2 }, 'InvalidMessage', 'bad-length [ciphertext1]');
    refuseOpen({ ciphertext2: ciphertext1 }, 'InvalidMessage', 'bad-length [ciphertext2]');
    refuseOpen({ private: '00' }, 'InvalidKey', 'bad-length [private]');
  });
});

describe('chunks', () => {
  const message = shake(utf8('spqr-kat'), 1152);

  test('[DRV-29] known chunks, and the message from any 36 of them', () => {
    const { chunks } = ok(driver, 'spqr.encode', { message, indices: [36, 70, 0, 65_535, ...seq(1, 33)] });
    expect(chunks[0]).toEqual({ index: 36, data: '748511af5594e40d409b0ba210637fc451ba3e9b4cd2b23753a90d3867d3e030' });
    expect(chunks[1]).toEqual({ index: 70, data: 'f82344c8fae15661b69edf19329eae18b1fc84952a6dd5f6bb33691a82270c42' });
    expect(chunks[2]).toEqual({ index: 0, data: message.slice(0, 64) });
    expect(chunks).toHaveLength(37);
    for (const leftOut of [0, 3, 36]) {
      const held = (chunks as Json[]).filter((_, n) => n !== leftOut);
      expect(ok(driver, 'spqr.decode', { length: 1152, chunks: held })).toEqual({ message });
      const short = { length: 1152, chunks: held.slice(1) };
      expectRefusal(driver, 'spqr.decode', short, 'InvalidMessage', 'not-enough-chunks [chunks]');
    }
  });

  test('[DRV-29] a repeated index is one chunk, the last; lengths and indices have their bounds', () => {
    const { chunks } = ok(driver, 'spqr.encode', { message: bytes(0, 64), indices: [0, 1, 5] });
    expect(chunks[2].data).toBe(bytes(0xa0));
    const [first, second] = chunks;
    const decode = (given: Json) => ({ length: 64, chunks: given });
    expectRefusal(driver, 'spqr.decode', decode([first, first]), 'InvalidMessage', 'not-enough-chunks [chunks]');
    expectRefusal(driver, 'spqr.decode', decode([]), 'InvalidMessage', 'not-enough-chunks [chunks]');
    const wrong = { index: 0, data: bytes(9) };
    expect(ok(driver, 'spqr.decode', decode([wrong, second, first]))).toEqual({ message: bytes(0, 64) });
    expect(ok(driver, 'spqr.decode', decode([first, second, wrong]))).toEqual({ message: bytes(9) + bytes(0x20) });
    for (const length of [0, 31, 33, 1184]) {
      const args = { message: '00'.repeat(length), indices: [0] };
      expectRefusal(driver, 'spqr.encode', args, 'InvalidArgument', 'bad-length [message]');
      expectRefusal(driver, 'spqr.decode', { length, chunks: [] }, 'InvalidArgument', 'not-in-range [length]');
    }
    const far = { message: bytes(0), indices: [0, 65_536] };
    expectRefusal(driver, 'spqr.encode', far, 'InvalidArgument', 'not-in-range [indices.1]');
    const short = decode([first, { index: 1, data: '00' }]);
    expectRefusal(driver, 'spqr.decode', short, 'InvalidArgument', 'bad-length [chunks.1.data]');
  });
});

describe('authenticator and chains', () => {
  const auth = ok(driver, 'spqr.auth.update', { epoch: 1, secret: bytes(0) });
  const { secret } = ok(driver, 'spqr.secret', {
    shared: '9cddd089ffe70e3996e76f7c8d06746df34d07e8657bc0fcf2bb0e1c3084aea1',
    epoch: 1,
  });

  test('[DRV-32] one epoch of known answers', () => {
    expect(auth).toEqual({
      rootKey: 'eae875be1b0c8ce16b6c7b67a9d4b49f476d93eaf152676b82bd4a1993211a05',
      macKey: '0d54710b71cef4864e8339471177d3699162c711907b0c5593ce569a0b43c30e',
    });
    expect(ok(driver, 'spqr.auth.update', { rootKey: '00'.repeat(32), epoch: 1, secret: bytes(0) })).toEqual(auth);
    expect(secret).toBe('421d4c7f616e305d86f52daf9935cd2a5c1031f0ad568e197137b7d41961eb42');
    const after = ok(driver, 'spqr.auth.update', { rootKey: auth.rootKey, epoch: 1, secret });
    expect(after.rootKey).toBe('af5208ea27d4b63ab1e6f46599371f0da649080e7eb39bf0ee38055d423d4456');
    expect(after.macKey).toBe('609cd905d56ae0c9f726791f750fe8aee1e3350453b65bf8db423fdd3678dc5c');
    const keys = ok(driver, 'kem.incremental.keygen', { seed: bytes(0, 64) });
    const header = { macKey: auth.macKey, epoch: 1, kind: 'header', message: keys.header };
    expect(ok(driver, 'spqr.auth.mac', header).mac).toBe(
      '86ddfd6b052843c71beb7c2a92e1c3ad0d96cdfc48b3865447f8d550ae1b6cd1',
    );
    const made = ok(driver, 'kem.encapsulate', {
      kem: 'ML-KEM-768',
      public: keys.encapsulationKey + keys.header.slice(0, 64),
      random: bytes(0x40),
    });
    const ciphertext = { macKey: after.macKey, epoch: 1, kind: 'ciphertext', message: made.ciphertext };
    expect(ok(driver, 'spqr.auth.mac', ciphertext).mac).toBe(
      '232ce656ba1737ad6514689532cea9655bca4c13d9030d3a6e7de978c783aa7a',
    );
    const crossed = { ...header, kind: 'ciphertext' };
    expectRefusal(driver, 'spqr.auth.mac', crossed, 'InvalidArgument', 'bad-length [message]');
    expectRefusal(driver, 'spqr.secret', { shared: secret, epoch: 0 }, 'InvalidArgument', 'not-in-range [epoch]');
  });

  test('[DRV-26] [DRV-32] chains of two epochs, and what they refuse', () => {
    const a = ok(driver, 'spqr.chain.init', { direction: 'A2B', pqRatchetKey: bytes(0) });
    const b = ok(driver, 'spqr.chain.init', { direction: 'B2A', pqRatchetKey: bytes(0) });
    const first = '4e95e19749223cd40e0790a3f65f4265a51834cdc72602a6eab133b015ed48d9';
    const second = '9b631c6f2fb62b8af5bfed5e62b63a19ea39306e8a72a458ad298fef4c18ebbc';
    expect(ok(driver, 'spqr.chain.send', { ...a, epoch: 0 })).toEqual({ index: 1, key: first });
    expect(ok(driver, 'spqr.chain.send', { ...a, epoch: 0 })).toEqual({ index: 2, key: second });
    const receive = (index: number, epoch = 0) => ({ ...b, epoch, index });
    expect(ok(driver, 'spqr.chain.receive', receive(2))).toEqual({ index: 2, key: second });
    expect(ok(driver, 'spqr.chain.receive', receive(1))).toEqual({ index: 1, key: first });
    const refuse = (op: string, args: object, code: string, reason: string) =>
      expectRefusal(driver, `spqr.chain.${op}`, args, code, reason);
    refuse('receive', receive(1), 'InvalidMessage', 'pq-key-used [pqRatchet]');
    refuse('receive', receive(25_003), 'InvalidMessage', 'pq-key-jump [pqRatchet]');
    refuse('receive', receive(1, 1), 'InvalidMessage', 'pq-epoch-out-of-range [pqRatchet]');
    refuse('send', { ...a, epoch: 1 }, 'InvalidState', 'pq-send-epoch');
    for (const epoch of [2, 3]) refuse('advance', { ...a, epoch, secret }, 'InvalidState', 'pq-epoch-gap');
    for (const side of [a, b]) expect(ok(driver, 'spqr.chain.advance', { ...side, epoch: 1, secret })).toEqual({});
    refuse('advance', { ...a, epoch: 1, secret }, 'InvalidState', 'pq-epoch-gap');
    const key = '7fc748e2237e9ce4086ecb282945ea205ee234b15da83d424db2f98836175f82';
    expect(ok(driver, 'spqr.chain.send', { ...a, epoch: 1 })).toEqual({ index: 1, key });
    expect(ok(driver, 'spqr.chain.receive', receive(1, 1))).toEqual({ index: 1, key });
    refuse('send', { ...a, epoch: 0 }, 'InvalidState', 'pq-send-epoch');
    refuse('send', { chain: 'chain-0', epoch: 0 }, 'InvalidArgument', 'unknown-chain [chain]');
  });

  test('[DRV-26] equal chains are saved as equal bytes', () => {
    const chains = [0, 1].map(() => ok(driver, 'spqr.chain.init', { direction: 'B2A', pqRatchetKey: bytes(0) }));
    const saved = () => chains.map((chain) => ok(driver, 'spqr.chain.save', chain).state as string);
    const fresh = saved();
    for (const [n, order] of [
      [3, 1, 2],
      [3, 2, 1],
    ].entries()) {
      for (const index of order) ok(driver, 'spqr.chain.receive', { ...chains[n], epoch: 0, index });
    }
    const [one, two] = saved();
    expect(one).toBe(two);
    expect(fresh[0]).toBe(fresh[1]);
    expect(one).not.toBe(fresh[0]);
  });
});

/** Both sides; what passes between them, hashed as their messages follow each other. */
function braids(seeds: readonly [string, string], length: number) {
  const own = newDriver();
  const [a, b] = [
    ok(own, 'spqr.braid.init', { direction: 'A2B', pqRatchetKey: bytes(0), seed: seeds[0] }),
    ok(own, 'spqr.braid.init', { direction: 'B2A', pqRatchetKey: bytes(0), seed: seeds[1] }),
  ];
  const sent: Json[] = [];
  for (let n = 0; n < length; n++) {
    const [from, to] = n % 2 === 0 ? [a, b] : [b, a];
    const message = ok(own, 'spqr.braid.send', from);
    sent.push(message);
    const { payload, ...keyed } = message;
    expect(ok(own, 'spqr.braid.receive', { ...to, payload })).toEqual(keyed);
  }
  const info = (braid: Json) => ok(own, 'spqr.braid.info', braid);
  return { own, a, b, sent, info };
}

describe('the braid', () => {
  test('[DRV-30] the same seeds give the same epochs, byte for byte; the stream is the device’s', () => {
    const run = braids([bytes(1), bytes(2)], 200);
    expect(braids([bytes(1), bytes(2)], 200).sent).toEqual(run.sent);
    expect(braids([bytes(1), bytes(3)], 40).sent).not.toEqual(run.sent.slice(0, 40));
    const key = '4e95e19749223cd40e0790a3f65f4265a51834cdc72602a6eab133b015ed48d9';
    const seed = shake(concat(seq(1), be64(0)), 64);
    const { header } = ok(driver, 'kem.incremental.keygen', { seed });
    expect(run.sent[0]).toEqual({ payload: `0101010100${header.slice(0, 64)}`, key, epoch: 0 });
    expect(run.sent[1].payload).toBe('01010100');
    // The second draw of the other side: its key pair of epoch 2.
    const later = ok(driver, 'kem.incremental.keygen', { seed: shake(concat(seq(2), be64(1)), 64) });
    expect(run.sent[87].payload).toBe(`0102010100${later.header.slice(0, 64)}`);
    expect(run.sent.at(-1).epoch).toBeGreaterThanOrEqual(2);
    expect(run.info(run.a)).toEqual({ state: 'HeaderSent', epoch: 3, pqEpoch: 2, negotiating: false });
    expect(run.info(run.b)).toEqual({ state: 'Ct1Sampled', epoch: 3, pqEpoch: 3, negotiating: false });
  });

  test('[DRV-30] a braid without a seed draws from the system, and does not move it', () => {
    const start = () => ok(driver, 'spqr.braid.init', { direction: 'A2B', pqRatchetKey: bytes(0) });
    const payloads = [start(), start()].map((braid) => ok(driver, 'spqr.braid.send', braid).payload);
    expect(payloads[0]).not.toBe(payloads[1]);
    expect(ok(driver, 'hello').seeded).toBe(false);
  });

  test('[DRV-26] refused payloads change nothing, a poisoned chunk is told with the last', () => {
    const run = braids([bytes(1), bytes(2)], 2);
    const refuse = (payload: string, code: string, message: string) =>
      expectRefusal(run.own, 'spqr.braid.receive', { ...run.b, payload }, code, message);
    refuse(run.sent[0].payload, 'InvalidMessage', 'pq-key-used [pqRatchet]');
    refuse('', 'InvalidMessage', 'pq-version-mismatch [pqRatchet]');
    refuse('0100', 'InvalidMessage', 'pq-epoch-zero [pqRatchet]');
    refuse('010101', 'InvalidMessage', 'pq-unknown-type [pqRatchet]');
    refuse('01020100', 'InvalidMessage', 'pq-epoch-out-of-range [pqRatchet]');
    const { payload } = ok(run.own, 'spqr.braid.send', run.a);
    ok(run.own, 'spqr.braid.receive', { ...run.b, payload: payload.slice(0, -2) + flipped(payload.slice(-2)) });
    const last = ok(run.own, 'spqr.braid.send', run.a).payload;
    refuse(last, 'InvalidMessage', 'pq-header-mac [pqRatchet]');
    refuse(last, 'InvalidMessage', 'pq-header-mac [pqRatchet]');
    const none = { braid: 'braid-0', payload: '' };
    expectRefusal(run.own, 'spqr.braid.receive', none, 'InvalidArgument', 'unknown-braid [braid]');
  });

  test('[DRV-26] states by name, and a peer that does without', () => {
    const { own, a, b, info } = braids([bytes(1), bytes(2)], 0);
    expect(info(a)).toEqual({ state: 'KeysUnsampled', epoch: 1, pqEpoch: 0, negotiating: true });
    expect(info(b)).toEqual({ state: 'NoHeaderReceived', epoch: 1, pqEpoch: 0, negotiating: true });
    ok(own, 'spqr.braid.send', a);
    expect(info(a).state).toBe('KeysSampled');
    expectRefusal(own, 'spqr.braid.receive', { ...a, payload: '' }, 'InvalidMessage', 'pq-version-too-low [pqRatchet]');
    const open = { direction: 'A2B', pqRatchetKey: bytes(0), minVersion: 0 };
    const optional = ok(own, 'spqr.braid.init', open);
    const early = ok(own, 'spqr.braid.send', optional);
    expect(Object.keys(early).sort()).toEqual(['epoch', 'payload']);
    expect(ok(own, 'spqr.braid.receive', { ...b, payload: early.payload })).toEqual({ epoch: 0 });
    expect(ok(own, 'spqr.braid.receive', { ...optional, payload: '' })).toEqual({ epoch: 0 });
    expect(info(optional)).toEqual({ state: 'refused', epoch: 0, pqEpoch: 0, negotiating: false });
    expect(ok(own, 'spqr.braid.send', optional)).toEqual({ payload: '', epoch: 0 });
    const wrong = { ...open, minVersion: 2 };
    expectRefusal(own, 'spqr.braid.init', wrong, 'InvalidArgument', 'not-one-of [minVersion]');
  });
});
