/**
 * What a trace says, and that it changes nothing.
 *
 * @spec 11-driver §8, 15-driver-lab §2
 */
import { createHmac, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Driver } from '../../cli/driver/driver.ts';
import { be32, be64, concat, fromHex, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { ALICE, answerTo, BOB, newDriver, request, stateOf, twoDevices } from '../support/driver.ts';
import { GROUP_ID, KEY, OPS, samples } from '../support/driver-samples.ts';
import { reportCount } from '../support/report.ts';

type Labels = Readonly<Record<string, string>>;

const specification = readFileSync(join(import.meta.dirname, '../../spec/15-driver-lab.md'), 'utf8');
const section = specification.slice(specification.indexOf('## 2 '), specification.indexOf('## 3 '));
/** The labels of the specification's table. */
const LABELS = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) => {
  const names = [...cell.matchAll(/`([^`]+)`/g)].map((name) => name[1] as string);
  return cell.includes('…') ? [1, 2, 3, 4].map((n) => `handshake.dh${n}`) : names;
});

/** Every label that any trace of this file answered. */
const seen = new Set<string>();

function traced(driver: Driver, op: string, args: object): { ok: Record<string, string>; intermediate: Labels } {
  const answer = answerTo(driver, request(op, { ...args, trace: true })) as unknown as {
    ok: Record<string, string>;
    intermediate: Labels;
  };
  expect(answer).toEqual({ id: 1, ok: expect.anything(), intermediate: expect.anything() });
  for (const [label, value] of Object.entries(answer.intermediate)) {
    seen.add(label.replace(/\.\d+$/, ''));
    expect(value, label).toMatch(/^([0-9a-f]{2})+$/);
  }
  return answer;
}

const hkdf = (ikm: string, salt: string, info: Uint8Array, length: number) =>
  Buffer.from(hkdfSync('sha256', fromHex(ikm), fromHex(salt), info, length)).toString('hex');
const hmac = (key: string, data: Uint8Array) => createHmac('sha256', fromHex(key)).update(data).digest('hex');
const value = (labels: Labels, label: string) => labels[label] ?? '';
/** The values of some labels, joined. */
const join32 = (labels: Labels, ...names: readonly string[]) => names.map((name) => value(labels, name)).join('');

/** Recomputes whatever a trace says of a message, from what enters it. */
function expectMessage(labels: Labels): void {
  expect(value(labels, 'message.seed')).toBe(hmac(value(labels, 'message.chainKey'), Uint8Array.of(1)));
  expect(value(labels, 'message.nextChainKey')).toBe(hmac(value(labels, 'message.chainKey'), Uint8Array.of(2)));
  const okm = hkdf(value(labels, 'message.seed'), value(labels, 'message.pqKey'), utf8('WhisperMessageKeys'), 80);
  expect(join32(labels, 'message.cipherKey', 'message.macKey', 'message.iv')).toBe(okm);
}

function expectRoot(labels: Labels, nth = ''): void {
  const at = (name: string) => `root.${name}${nth}`;
  const okm = hkdf(value(labels, at('agreement')), value(labels, at('salt')), utf8('WhisperRatchet'), 64);
  expect(join32(labels, at('rootKey'), at('chainKey'))).toBe(okm);
}

describe('every operation', () => {
  test.each(OPS)('[DRV-21] %s: the same with and without trace, in answer and state', (op) => {
    const [plain, watched] = [samples(), samples()];
    expect(stateOf(watched.driver)).toBe(stateOf(plain.driver));
    const args = plain.all[op] as object;
    expect(watched.all[op]).toEqual(args);
    const without = answerTo(plain.driver, request(op, { ...args, trace: false }));
    expect(Object.keys(without).sort()).toEqual(['id', 'ok']);
    expect(traced(watched.driver, op, args).ok).toEqual(without.ok);
    expect(stateOf(watched.driver)).toBe(stateOf(plain.driver));
  });

  test('[DRV-21] [DRV-06] a trace is asked for with true or false, of an operation and with arguments that are good', () => {
    const { driver, all } = samples();
    for (const op of OPS) {
      for (const trace of [null, 0, 1, 'true', [], {}]) {
        const answer = answerTo(driver, request(op, { ...all[op], trace }));
        expect(answer).toEqual({ id: 1, error: { code: 'InvalidArgument', message: 'wrong-type [trace]' } });
      }
      const unknown = answerTo(driver, request(op, { ...all[op], trace: true, traces: true }));
      expect(unknown).toEqual({ id: 1, error: { code: 'InvalidArgument', message: 'unknown-field [traces]' } });
    }
    const zero = { private: KEY, public: `05${'00'.repeat(32)}`, trace: true };
    const refused = { id: 1, error: { code: 'InvalidKey', message: 'zero-shared-secret [publicKey]' } };
    expect(answerTo(driver, request('x25519.shared', zero))).toEqual(refused);
  });
});

describe('labels', () => {
  const { driver, alice, bob, bundle } = twoDevices();
  const begin = traced(driver, 'session.process', { device: alice.device, remote: BOB, bundle });
  const talk = (from: typeof alice, to: typeof alice) => {
    const sent = traced(driver, 'session.encrypt', { device: from.device, remote: to.local, plaintext: 'cafe' });
    const got = traced(driver, 'session.decrypt', { device: to.device, remote: from.local, ...sent.ok });
    return { sent: sent.intermediate, got: got.intermediate, body: sent.ok.body as string };
  };

  test('[DRV-25] a handshake, from what enters it to the first chain; the same on both sides', () => {
    const labels = begin.intermediate;
    const agreements = [1, 2, 3, 4].map((n) => `handshake.dh${n}`);
    expect(value(labels, 'handshake.ikm')).toBe('ff'.repeat(32) + join32(labels, ...agreements, 'handshake.kemShared'));
    const info = utf8('WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024');
    expect(value(labels, 'handshake.info')).toBe(toHex(info));
    const secrets = ['rootKey', 'chainKey', 'pqRatchetKey'].map((name) => `handshake.${name}`);
    expect(join32(labels, ...secrets)).toBe(hkdf(value(labels, 'handshake.ikm'), '', info, 96));
    expect(labels['root.salt']).toBe(labels['handshake.rootKey']);
    expectRoot(labels);
    const auth = hkdf(
      '00'.repeat(32) + value(labels, 'handshake.pqRatchetKey'),
      '',
      fromHex(value(labels, 'spqr.auth.info')),
      64,
    );
    expect(join32(labels, 'spqr.auth.rootKey', 'spqr.auth.macKey')).toBe(auth);
    const { sent, got } = talk(alice, bob);
    for (const label of [...agreements, ...secrets, 'handshake.kemShared', 'handshake.ikm', 'handshake.info']) {
      expect(got[label], label).toBe(labels[label]);
    }
    expect(got['root.rootKey']).toBe(labels['root.rootKey']);
    expect(got['message.chainKey']).toBe(labels['root.chainKey']);
    expect(sent['message.chainKey']).toBe(labels['root.chainKey']);
    // The receiver makes its own next chain as well.
    expectRoot(got);
    expect(got['root.salt.2']).toBe(got['root.rootKey']);
    expectRoot(got, '.2');
  });

  test('[DRV-25] messages, recomputed; both sides say the same', () => {
    for (const [from, to] of [
      [bob, alice],
      [alice, bob],
      [bob, alice],
    ] as const) {
      const { sent, got, body } = talk(from, to);
      expectMessage(sent);
      const common = Object.keys(sent).filter((label) => /^(message|spqr\.message)\./.test(label));
      expect(common.length).toBe(12);
      for (const label of common) expect(got[label], label).toBe(sent[label]);
      expect(value(sent, 'message.mac')).toBe(
        hmac(value(sent, 'message.macKey'), fromHex(value(sent, 'message.macInput'))),
      );
      expect(body.endsWith(value(sent, 'message.mac').slice(0, 16))).toBe(true);
      expect(value(sent, 'message.macInput').endsWith(body.slice(0, -16))).toBe(true);
      expect(sent['spqr.message.key']).toBe(sent['message.pqKey']);
    }
  });

  test('[DRV-25] a walk gives the labels of its message alone, a kept key no chain key', () => {
    const sealed = Array.from({ length: 30 }, () =>
      traced(driver, 'session.encrypt', { device: alice.device, remote: BOB, plaintext: '' }),
    );
    const receive = (n: number) =>
      traced(driver, 'session.decrypt', { device: bob.device, remote: ALICE, ...sealed[n]?.ok }).intermediate;
    const last = receive(29);
    const labels = (all: Labels) => Object.keys(all).filter((label) => label.includes('message.'));
    expect(labels(last).sort()).toEqual(labels(sealed[29]?.intermediate ?? {}).sort());
    for (const label of labels(last)) expect(last[label], label).toBe(sealed[29]?.intermediate[label]);
    const kept = receive(7);
    expect(kept['message.seed']).toBe(sealed[7]?.intermediate['message.seed']);
    expect(kept['message.pqKey']).toBe(sealed[7]?.intermediate['message.pqKey']);
    for (const label of ['message.chainKey', 'message.nextChainKey', 'spqr.message.key'])
      expect(kept).not.toHaveProperty([label]);
  });

  test('[DRV-25] a group message; a KEM; an HKDF of no label', () => {
    const { distribution } = traced(driver, 'group.create', { device: alice.device, distributionId: GROUP_ID }).ok;
    traced(driver, 'group.process', { device: bob.device, sender: ALICE, distribution });
    const sealed = traced(driver, 'group.encrypt', {
      device: alice.device,
      distributionId: GROUP_ID,
      plaintext: 'cafe',
    });
    const { body } = sealed.ok;
    const got = traced(driver, 'group.decrypt', { device: bob.device, sender: ALICE, body }).intermediate;
    expect(got).toEqual(sealed.intermediate);
    expect(Object.keys(got)).toHaveLength(5);
    expect(got['group.seed']).toBe(hmac(value(got, 'group.chainKey'), Uint8Array.of(1)));
    expect(got['group.nextChainKey']).toBe(hmac(value(got, 'group.chainKey'), Uint8Array.of(2)));
    const okm = hkdf(value(got, 'group.seed'), '', utf8('WhisperGroup'), 48);
    expect(join32(got, 'group.iv', 'group.cipherKey')).toBe(okm);
    const pair = traced(driver, 'kem.keygen', { kem: 'ML-KEM-1024', seed: KEY + KEY }).ok;
    const made = traced(driver, 'kem.encapsulate', { kem: 'Kyber-1024-r3', public: pair.public, random: KEY });
    const inner = traced(driver, 'kem.decapsulate', {
      kem: 'ML-KEM-1024',
      private: pair.private,
      ciphertext: made.ok.ciphertext,
    });
    expect(made.intermediate).toEqual({ 'kem.shared': inner.ok.shared });
    expect(made.ok.shared).not.toBe(inner.ok.shared);
    const prk = traced(driver, 'hkdf', { ikm: 'aa', salt: 'bb', info: 'cc', length: 3 }).intermediate;
    expect(prk).toEqual({ 'hkdf.prk': hmac('bb', Uint8Array.of(0xaa)) });
  });

  test('[DRV-25] a whole epoch of the braid, recomputed; every label of the table was answered, and no other', () => {
    const lone = newDriver();
    const [a, b] = ['A2B', 'B2A'].map(
      (direction) => traced(lone, 'spqr.braid.init', { direction, pqRatchetKey: KEY }).ok,
    );
    const steps: Labels[] = [];
    for (let n = 0; n < 90; n++) {
      const [from, to] = n % 2 === 0 ? [a, b] : [b, a];
      const sent = traced(lone, 'spqr.braid.send', { ...from });
      const got = traced(lone, 'spqr.braid.receive', { ...to, payload: sent.ok.payload });
      expect(got.intermediate['spqr.message.key']).toBe(sent.ok.key);
      for (const label of ['spqr.message.key', 'spqr.message.chainKey', 'spqr.message.nextChainKey']) {
        expect(got.intermediate[label]).toBe(sent.intermediate[label]);
      }
      steps.push(sent.intermediate, got.intermediate);
    }
    const having = (label: string) => steps.filter((labels) => label in labels);
    const [ctSide = {}, ekSide = {}] = having('spqr.epochSecret');
    expect(having('spqr.epochSecret')).toHaveLength(2);
    const epochInfo = concat(utf8('Signal_PQCKA_V1_MLKEM768:SCKA Key'), be64(1));
    for (const labels of [ctSide, ekSide]) {
      expect(labels['spqr.epochSecret']).toBe(hkdf(value(labels, 'spqr.kemShared'), '', epochInfo, 32));
      expect(value(labels, 'spqr.auth.ikm').endsWith(value(labels, 'spqr.epochSecret'))).toBe(true);
      const updated = hkdf(value(labels, 'spqr.auth.ikm'), '', fromHex(value(labels, 'spqr.auth.info')), 64);
      expect(join32(labels, 'spqr.auth.rootKey', 'spqr.auth.macKey')).toBe(updated);
      const added = hkdf(
        value(labels, 'spqr.epochSecret'),
        value(labels, 'spqr.chain.salt'),
        utf8('Signal PQ Ratchet V1 Chain Add Epoch'),
        96,
      );
      expect(join32(labels, 'spqr.chain.rootKey', 'spqr.chain.a2b', 'spqr.chain.b2a')).toBe(added);
    }
    expect(ctSide['spqr.auth.macKey']).toBe(ekSide['spqr.auth.macKey']);
    for (const kind of ['header', 'ciphertext']) {
      const macs = having(`spqr.${kind}Mac`);
      expect(new Set(macs.map((labels) => value(labels, `spqr.${kind}Mac`))).size).toBe(kind === 'header' ? 2 : 1);
    }
    const first = steps[0] ?? {};
    const next = concat(be32(1), utf8('Signal PQ Ratchet V1 Chain Next'));
    expect(join32(first, 'spqr.message.nextChainKey', 'spqr.message.key')).toBe(
      hkdf(value(first, 'spqr.chain.a2b'), '', next, 64),
    );
    expect(LABELS.length).toBeGreaterThan(40);
    expect([...seen].sort()).toEqual([...LABELS].sort());
    reportCount('DRV-25', 'labels seen', seen.size);
  });
});
