/**
 * Safety numbers against published answers, and codes that must not verify.
 *
 * @spec 10-fingerprints
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import type { FingerprintInput, FingerprintSide } from '../../protocol/fingerprint/fingerprint.ts';
import { createFingerprint, verifyDisplayable, verifyScannable } from '../../protocol/fingerprint/fingerprint.ts';
import { bytes, counting, group, number, rawKey } from '../codec/sample.ts';
import { externalOutcome, HAVE_VECTORS } from '../support/external-vectors.ts';
import { PROVIDERS } from '../support/peers.ts';
import { refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';

const K01 = fromHex('07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c');
const K65 = fromHex('5714769d116bf76436ae74bc793d2c30ad1903c59ac5273805c7e2698b410c36');
const side = (identityKey: Uint8Array, stableId: Uint8Array): FingerprintSide => ({ identityKey, stableId });
const phones = (a: Uint8Array, b: Uint8Array): FingerprintInput => ({
  version: 1,
  local: side(a, utf8('+14152222222')),
  remote: side(b, utf8('+14153333333')),
});
const other = (input: FingerprintInput): FingerprintInput => ({ ...input, local: input.remote, remote: input.local });

const ACI: FingerprintInput = {
  version: 2,
  local: side(K01, fromHex('9d0652a3dcc34d11975f74d61598733f')),
  remote: side(K65, fromHex('796abedbca4e4f1888031fde5b921f9f')),
};

/** 5,200 iterations as libsignal 0.103.0 gives them. */
const KNOWN = [
  {
    input: ACI,
    displayable: '786985831515614994578162823198942995539059981017250941226837',
    scannable:
      '080212220a20560669b64ad2f77c6acbec41f5e41e5cd577f3e1c40dcac17ce9ebfa349e51581a220a204cda1aa71bedbedc437ed6e37161cd75e3124fbd12a98ea5e43153ae42f5f860',
  },
  {
    input: phones(K01, K65),
    displayable: '343108016865365785853972950937768278511793141703650030399178',
    scannable:
      '080112220a2051405db64635fd5e44289ceac965354e05b330b946a30848515a2b96aa595d4a1a220a2090bc8ef7fb491866875dcd81f4b2f588211f95ddb3f1cba1efe91cffb1aaed2d',
  },
  {
    input: phones(
      fromHex('06863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868'),
      fromHex('f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b'),
    ),
    displayable: '300354477692869396892869876765458257569162576843440918079131',
    scannable: null,
  },
];

/** Cheap enough to make by the hundred. */
const quick = (input: FingerprintInput = ACI) => createFingerprint(nodeProvider, { ...input, iterations: 2 });

describe.each(PROVIDERS)('safety numbers, $name provider', (provider) => {
  test.each(KNOWN)('[ID-01, FPR-01, FPR-03, FPR-04] known answer $displayable', ({ input, displayable, scannable }) => {
    const ours = createFingerprint(provider, input);
    expect(ours.displayable).toBe(displayable);
    if (scannable !== null) expect(toHex(ours.scannable)).toBe(scannable);
    const theirs = createFingerprint(provider, other(input));
    expect(theirs.displayable).toBe(displayable);
    verifyScannable(ours.scannable, theirs.scannable);
    verifyScannable(theirs.scannable, ours.scannable);
  });

  test.skipIf(!HAVE_VECTORS)('[ID-01, FPR-01, FPR-03, FPR-04] the vectors of Signal’s own tests', () => {
    const outcome = externalOutcome('signal-derived/fingerprint.json', provider);
    if (outcome === null) return;
    reportCount('FPR-01', `published fingerprints, ${provider.name}`, outcome.verdicts.length);
  });
});

describe('safety numbers', () => {
  test('[ID-01, FPR-03] a chunk keeps its leading zeros, and both providers agree', () => {
    let zeros = 0;
    for (let i = 0; i < 200; i++) {
      const input = { ...phones(rawKey(i), rawKey(i + 20)), iterations: 2 };
      const { displayable } = createFingerprint(nodeProvider, input);
      expect(displayable).toMatch(/^[0-9]{60}$/);
      expect(createFingerprint(nobleProvider, input).displayable).toBe(displayable);
      if (/^(.{5})*0/.test(displayable)) zeros++;
    }
    expect(zeros).toBeGreaterThan(0);
  });

  test('[ID-01, FPR-01, FPR-04] either key, either id and the number of iterations change the number; the order of sides does not', () => {
    const { displayable } = quick();
    expect(quick(other(ACI)).displayable).toBe(displayable);
    const { local, remote } = ACI;
    const others: FingerprintInput[] = [
      { ...ACI, local: { ...local, identityKey: rawKey(3) } },
      { ...ACI, remote: { ...remote, identityKey: rawKey(3) } },
      { ...ACI, local: { ...local, stableId: remote.stableId } },
      { ...ACI, remote: { ...remote, stableId: concat(remote.stableId, Uint8Array.of(0)) } },
      // Ids exchanged against the keys: the mistake of an argument order.
      { ...ACI, local: { ...local, stableId: remote.stableId }, remote: { ...remote, stableId: local.stableId } },
    ];
    for (const input of others) expect(quick(input).displayable).not.toBe(displayable);
    expect(createFingerprint(nodeProvider, { ...ACI, iterations: 3 }).displayable).not.toBe(displayable);
    expect(quick({ ...ACI, version: 1 }).displayable).toBe(displayable);
  });

  test('[FPR-02] iterations from 2 to 1,000,000 and versions 1 and 2, nothing else', () => {
    for (const iterations of [1, 0, -2, 2.5, Number.NaN, 1_000_001]) {
      const error = refusal(() => createFingerprint(nodeProvider, { ...ACI, iterations }));
      expect(error).toMatchObject({ code: 'InvalidArgument', reason: 'bad-iterations' });
    }
    for (const version of [0, 3, 1.5]) {
      const error = refusal(() => quick({ ...ACI, version }));
      expect(error).toMatchObject({ code: 'InvalidArgument', reason: 'bad-fingerprint-version' });
    }
  });

  test('[FPR-01, PAR-05] a key that is not one is refused, and memory that may still change', () => {
    const local = (identityKey: Uint8Array) => ({ ...ACI, local: { ...ACI.local, identityKey } });
    expect(refusal(() => quick(local(K01.subarray(1)))).code).toBe('InvalidKey');
    expect(refusal(() => quick(local(new Uint8Array(32).fill(0xff)))).reason).toBe('non-canonical-public-key');
    expect(refusal(() => quick(local(new Uint8Array(new SharedArrayBuffer(32))))).reason).toBe('shared-memory');
  });

  test('[ID-01, FPR-08] displayed numbers are compared whole', () => {
    const { displayable } = quick();
    verifyDisplayable(displayable, displayable);
    verifyDisplayable(displayable, (displayable.match(/.{5}/g) as string[]).join(' '));
    for (let i = 0; i < 60; i++) {
      const digit = (Number(displayable[i]) + 1) % 10;
      const changed = displayable.slice(0, i) + String(digit) + displayable.slice(i + 1);
      const error = refusal(() => verifyDisplayable(displayable, changed));
      expect(error).toMatchObject({ code: 'UntrustedIdentity', reason: 'safety-number-differs' });
    }
    const halves = displayable.slice(30) + displayable.slice(0, 30);
    expect(refusal(() => verifyDisplayable(displayable, halves)).reason).toBe('safety-number-differs');
    for (const part of ['', displayable.slice(0, 59), displayable.slice(0, 30), `${displayable}0`, `${displayable} `]) {
      expect(refusal(() => verifyDisplayable(part, part)).reason).toBe('not-a-safety-number');
    }
  });
});

describe('codes', () => {
  const ours = quick().scannable;
  const theirs = quick(other(ACI)).scannable;
  const [l, r] = [theirs.slice(6, 38), theirs.slice(42)];
  const half = (content: Uint8Array) => bytes(1, content);
  const code = (version: number, local: Uint8Array, remote: Uint8Array) =>
    concat(number(1, version), bytes(2, half(local)), bytes(3, half(remote)));

  test('[ID-02, FPR-07] only the other side’s code verifies; the rest is told apart', () => {
    verifyScannable(ours, theirs);
    verifyScannable(ours, code(2, l, r));
    const wrong = counting(1, 32);
    const cases: [string, Uint8Array][] = [
      ['fingerprint-own-side', ours],
      ['fingerprint-own-side', code(2, r, l)],
      ['fingerprint-local-differs', code(2, l, wrong)],
      ['fingerprint-remote-differs', code(2, wrong, r)],
      ['fingerprint-differs', code(2, wrong, wrong)],
      ['fingerprint-differs', code(2, l.slice().reverse(), r.slice().reverse())],
    ];
    for (const [reason, scanned] of cases) {
      expect(refusal(() => verifyScannable(ours, scanned))).toMatchObject({ code: 'UntrustedIdentity', reason });
    }
  });

  test('[ID-02, FPR-05] another version never verifies', () => {
    for (const version of [0, 1, 3, 0xffff_ffff]) {
      const error = refusal(() => verifyScannable(ours, code(version, l, r)));
      expect(error).toMatchObject({ code: 'UnsupportedVersion', reason: 'fingerprint-version-differs' });
    }
  });

  test('[ID-02, FPR-06] missing, short, long, repeated, unknown and trailing parts are refused', () => {
    const [v, local, remote] = [number(1, 2), bytes(2, half(l)), bytes(3, half(r))];
    const cases: [string, Uint8Array[]][] = [
      ['missing-field', []],
      ['missing-field', [local, remote]],
      ['missing-field', [v, remote]],
      ['missing-field', [v, local]],
      ['missing-field', [v, bytes(2, new Uint8Array(0)), remote]],
      ['bad-length', [v, bytes(2, half(l.subarray(1))), remote]],
      ['bad-length', [v, local, bytes(3, half(concat(r, Uint8Array.of(0))))]],
      ['bad-length', [v, bytes(2, half(new Uint8Array(0))), bytes(3, half(new Uint8Array(0)))]],
      ['field-order', [v, local, remote, remote]],
      ['field-order', [v, remote, local]],
      ['unknown-field', [v, local, remote, bytes(4, l)]],
      ['unknown-field', [v, local, bytes(3, concat(half(r), number(2, 1)))]],
      ['unknown-field', [v, local, remote, group(5)]],
      ['field-zero', [v, local, remote, Uint8Array.of(0)]],
      ['wrong-wire-type', [bytes(1, Uint8Array.of(2)), local, remote]],
    ];
    for (const [reason, parts] of cases) {
      const error = refusal(() => verifyScannable(ours, concat(...parts)));
      expect(error).toMatchObject({ code: 'InvalidMessage', reason });
    }
  });

  test('[ID-02, FPR-06, FPR-07] no truncation, no single-bit flip and no junk verifies', () => {
    for (let i = 0; i < theirs.length; i++) refusal(() => verifyScannable(ours, theirs.subarray(0, i)));
    for (let bit = 0; bit < theirs.length * 8; bit++) {
      const flipped = theirs.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      refusal(() => verifyScannable(ours, flipped));
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 90 }), (junk) => void refusal(() => verifyScannable(ours, junk))));
    reportCount('ID-02', 'flips of a code', theirs.length * 8);
  });
});
