/**
 * Handshakes whose KEM the caller runs.
 *
 * @spec 11-driver §3
 */
import { describe, expect, test } from 'vitest';
import { fromHex, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { seq } from '../support/braid.ts';
import { answerTo, BOB, expectRefusal, type Json, newDriver, ok, request, stateOf } from '../support/driver.ts';
import { KYBER, PQXDH, X3DH } from '../support/peers.ts';

const driver = newDriver();
const bytes = (first: number, length = 32) => toHex(seq(first, length));
const publicOf = (first: number): string => ok(driver, 'x25519.public', { private: bytes(first) }).public;
const [INITIATOR, RESPONDER, SIGNED, SINGLE, EPHEMERAL] = [1, 2, 3, 4, 5];
const sign = (message: string): string =>
  ok(driver, 'xeddsa.sign', { private: bytes(RESPONDER), message, random: '00'.repeat(64) }).signature;

const kemKeys = ok(driver, 'kem.keygen', { kem: 'ML-KEM-1024', seed: bytes(9, 64) });

/** What both sides need in a suite, and the KEM's own part. */
function setting(suite: string, oneTime: boolean) {
  const type = suite === KYBER ? '08' : '0a';
  const kemPreKey = type + kemKeys.public;
  const remote = {
    registrationId: 1,
    deviceId: BOB.deviceId,
    identity: publicOf(RESPONDER),
    signedPreKeyId: 2,
    signedPreKey: publicOf(SIGNED),
    signedPreKeySignature: sign(publicOf(SIGNED)),
    ...(oneTime ? { preKeyId: 3, preKey: publicOf(SINGLE) } : {}),
    kemPreKeyId: 4,
    kemPreKey,
    kemPreKeySignature: sign(kemPreKey),
  };
  const kem = suite === KYBER ? 'Kyber-1024-r3' : 'ML-KEM-1024';
  const made = ok(driver, 'kem.encapsulate', { kem, public: kemKeys.public, random: bytes(0x77) });
  const initiate = { suite, identityPrivate: bytes(INITIATOR), ephemeralPrivate: bytes(EPHEMERAL), remote };
  const respond = {
    suite,
    identityPrivate: bytes(RESPONDER),
    signedPreKeyPrivate: bytes(SIGNED),
    ...(oneTime ? { oneTimePreKeyPrivate: bytes(SINGLE) } : {}),
    remoteIdentity: publicOf(INITIATOR),
    ephemeralPublic: publicOf(EPHEMERAL),
    kemCiphertext: type + made.ciphertext,
  };
  const given = { kemShared: made.shared as string, kemCiphertext: type + made.ciphertext };
  return { initiate, respond, given, kemPrivate: type + kemKeys.private, kemPublic: kemPreKey };
}

describe.each([KYBER, PQXDH])('%s', (suite) => {
  test.each([true, false])(
    '[DRV-23] the secrets are those of the KEM’s own handshake; one-time prekey: %s',
    (oneTime) => {
      const { initiate, respond, given, kemPrivate, kemPublic } = setting(suite, oneTime);
      const run = ok(driver, 'handshake.initiate', { ...initiate, kemRandom: bytes(0x77) });
      expect(run.kemCiphertext).toBe(given.kemCiphertext);
      expect(ok(driver, 'handshake.initiate', { ...initiate, ...given })).toEqual(run);
      const { secrets } = run;
      expect(ok(driver, 'handshake.respond', { ...respond, kemPrivate })).toEqual({ secrets });
      const injected = { ...respond, kemShared: given.kemShared, kemPublic };
      expect(ok(driver, 'handshake.respond', injected)).toEqual({ secrets });
    },
  );

  test('[DRV-23] the given secret is what enters the KDF, and no KEM is run', () => {
    const { initiate, respond, given, kemPublic } = setting(suite, true);
    const kemShared = bytes(0x99);
    const traced = (op: string, args: object) => answerTo(driver, request(op, { ...args, trace: true })) as Json;
    const one = traced('handshake.initiate', { ...initiate, ...given, kemShared });
    const two = traced('handshake.respond', { ...respond, kemShared, kemPublic });
    expect(two).toEqual({ id: 1, ok: { secrets: one.ok.secrets }, intermediate: one.intermediate });
    expect(one.intermediate['handshake.kemShared']).toBe(kemShared);
    expect(one.intermediate).not.toHaveProperty(['kem.shared']);
    const ikm = fromHex(one.intermediate['handshake.ikm']);
    const info = fromHex(one.intermediate['handshake.info']);
    if (suite === KYBER) expect(info).toEqual(utf8('WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024'));
    const okm = toHex(nobleProvider.hkdfSha256(ikm, new Uint8Array(0), info, 96));
    const { rootKey, chainKey, pqRatchetKey } = one.ok.secrets;
    expect(rootKey + chainKey + pqRatchetKey).toBe(okm);
    const untouched = stateOf(driver);
    expect(untouched).toBe('[]');
  });

  test('[DRV-23] [DRV-06] half of it, both ways at once, and what is of another shape', () => {
    const { initiate, respond, given, kemPrivate, kemPublic } = setting(suite, true);
    const { kemShared, kemCiphertext } = given;
    const start = (args: object, message: string, code = 'InvalidArgument') =>
      expectRefusal(driver, 'handshake.initiate', { ...initiate, ...args }, code, message);
    start({ kemShared }, 'missing-field [kemCiphertext]');
    start({ kemCiphertext }, 'missing-field [kemShared]');
    start({ ...given, kemRandom: bytes(1) }, 'not-together [kemRandom]');
    start({ ...given, kemShared: '00' }, 'bad-length [kemShared]');
    start({ ...given, kemCiphertext: kemCiphertext.slice(2) }, 'bad-length [kemCiphertext]', 'InvalidMessage');
    start({ ...given, kemCiphertext: `01${kemCiphertext.slice(2)}` }, 'bad-key-type [kemCiphertext]', 'InvalidKey');
    const answer = (args: object, message: string, code = 'InvalidArgument') =>
      expectRefusal(driver, 'handshake.respond', { ...respond, ...args }, code, message);
    answer({ kemShared }, 'missing-field [kemPublic]');
    answer({ kemPublic }, 'missing-field [kemShared]');
    answer({ kemPublic, kemShared, kemCiphertext: undefined }, 'missing-field [kemCiphertext]');
    answer({ kemPublic, kemShared, kemPrivate }, 'not-together [kemPrivate]');
    answer({ kemPublic: kemPublic.slice(2), kemShared }, 'bad-key-type [kemPublic]', 'InvalidKey');
    answer({ kemPublic: kemPublic.slice(0, -2), kemShared }, 'bad-length [kemPublic]', 'InvalidKey');
  });
});

test('[DRV-23] a suite without a KEM has no place for its secret', () => {
  const { initiate, respond, given, kemPublic } = setting(KYBER, true);
  const { kemPreKeyId, kemPreKey, kemPreKeySignature, ...remote } = initiate.remote;
  expect([kemPreKeyId, kemPreKey.length, kemPreKeySignature.length]).toEqual([4, 3138, 128]);
  const classical = { ...initiate, suite: X3DH, remote };
  const refuse = (op: string, args: object, message: string) =>
    expectRefusal(driver, op, args, 'InvalidArgument', message);
  refuse('handshake.initiate', { ...classical, ...given }, 'not-of-this-suite [kemShared]');
  const { kemCiphertext, ...plain } = { ...respond, suite: X3DH };
  refuse('handshake.respond', { ...plain, kemShared: given.kemShared }, 'not-of-this-suite [kemShared]');
  refuse('handshake.respond', { ...plain, kemPublic }, 'not-of-this-suite [kemPublic]');
  refuse('handshake.respond', { ...plain, kemCiphertext }, 'not-of-this-suite [kemCiphertext]');
  const { secrets } = ok(driver, 'handshake.initiate', classical);
  expect(ok(driver, 'handshake.respond', plain)).toEqual({ secrets });
});

test('[DRV-17] the first published key pair of Kyber-1024 round 3, whose seed is round 3’s', () => {
  const seed =
    '7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2d8626ed79d451140800e03b59b956f8210e556067407d13dc90fa9e8b872bfb8f';
  const pair = ok(driver, 'kem.keygen', { kem: 'Kyber-1024-r3', seed });
  const hash = (hex: string) => toHex(driver.provider.sha3_256(fromHex(hex)));
  expect(hash(pair.public)).toBe('8a39e87d531f3527c207edcc1db7faddcf9628391879b335c707839a0db051a8');
  expect(hash(pair.private)).toBe('ed1f6cb687c37931ea2aa80d9c956f277a9df532649661035c6e2f9872132638');
  expect(pair).not.toEqual(ok(driver, 'kem.keygen', { kem: 'ML-KEM-1024', seed }));
});
