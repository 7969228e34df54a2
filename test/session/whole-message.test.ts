/**
 * A whole prekey message, byte for byte, as libsignal reads it.
 *
 * @spec 02-handshake §4, 05-sessions §4, 08-braid §9
 */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { fromHex, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { encodeKemKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import type { EcKeyPair } from '../../protocol/crypto/provider.ts';
import { sendKey, startChain } from '../../protocol/ratchet/braid/chain.ts';
import { decryptPreKeyMessage, processBundle } from '../../protocol/session/session.ts';
import type { SessionEnvironment, SessionState } from '../../protocol/session/state.ts';
import { encryptWithPq } from '../../protocol/testing/injected-pq.ts';
import { seq } from '../support/braid.ts';
import { KYBER, PROVIDERS, TEST_NOW } from '../support/peers.ts';
import { scriptedRandom, seededRandom } from '../support/seeded-random.ts';

const INNER =
  '440a2105dc2cca31e8e43bbd91dff7e475cca3347eb478107d5bd765aba4ae4a30c35d44100018002210df00708991a739f73f8e1cd302f5f2ec' +
  '2a04010101003224009d0652a3dcc34d11975f74d61598733f0100796abedbca4e4f1888031fde5b921f9f03cc2606be40f2a0ed';
const ALICE = { name: '9d0652a3-dcc3-4d11-975f-74d61598733f', deviceId: 1 };
const BOB = { name: '796abedb-ca4e-4f18-8803-1fde5b921f9f', deviceId: 3 };

test.each(PROVIDERS)('[SES-04] [BRD-20] [HSK-09] the known prekey message of libsignal’s suite, $name', (provider) => {
  const ec = (first: number): EcKeyPair => provider.x25519FromPrivate(seq(first));
  const [identity, signedPreKey, oneTime] = [ec(0x20), ec(0x40), ec(0x60)];
  const kem = getKem('Kyber-1024-r3');
  const kemPair = provider.kemFromSeed('ML-KEM-1024', seq(0, 64));
  const sign = (key: Uint8Array) => provider.xeddsaSign(identity.privateKey, key, seededRandom('signature'));
  const kemWire = encodeKemKey(kem, kemPair.publicKey);
  const shared = { provider, now: TEST_NOW, suites: [KYBER], isTrusted: () => true };
  const random = scriptedRandom([seq(0xa0), seq(0xc8), seq(0xc0)]);
  const alice: SessionEnvironment = {
    ...shared,
    ...{ random, local: ALICE, remote: BOB, identity: ec(0x80), registrationId: 1111 },
  };
  const { record } = processBundle(alice, null, {
    registrationId: 7,
    deviceId: BOB.deviceId,
    identityKey: encodePublicKey(identity.publicKey),
    signedPreKeyId: 8,
    signedPreKey: encodePublicKey(signedPreKey.publicKey),
    signedPreKeySignature: sign(encodePublicKey(signedPreKey.publicKey)),
    oneTimePreKey: { id: 7, publicKey: encodePublicKey(oneTime.publicKey) },
    kemPreKey: { id: 9, publicKey: kemWire, signature: sign(kemWire) },
  });
  const { ratchet, pq } = record.current as SessionState;
  expect(toHex(ratchet.rootKey.expose())).toBe('f6ac600e2b32456f2a2f63e27d2554e978f6175c2248e26f713c7070fa740c02');
  expect(toHex(ratchet.sender.chain.key.expose())).toBe(
    '2c2cee163ade01249e81a18a2a773187cdd2c4d3690c24cfb0c1a34626ea12b0',
  );
  if (typeof pq === 'string' || pq.negotiation === null) throw new TypeError('the ratchet is not negotiating');
  const pqRatchetKey = pq.negotiation.pqRatchetKey.expose();
  expect(toHex(pqRatchetKey)).toBe('1c2a48759c85572a9aeebc295749cd95b0719b566155e038ae8e939cb21462fa');
  const { key } = sendKey(provider, startChain(provider, pqRatchetKey, 'A2B'), 0);
  expect(toHex(key.expose())).toBe('d50c94a3e7097934dd48246319fcbab4be83609acd8ebc18897762cd55169ed9');
  const injected = { payload: fromHex('01010100'), key: key.expose() };
  const { body } = encryptWithPq(alice, record, utf8('known answer'), injected);
  expect(toHex(parsePreKeySignalMessage(body).message)).toBe(INNER);
  expect(body.length).toBe(1764);
  const digest = createHash('sha256').update(body).digest('hex');
  expect(digest).toBe('6166aae42d36dc1d52e0354b0d031767d57a739f1beffaf4297ffc49505e2a56');
  const bob: SessionEnvironment = {
    ...shared,
    ...{ random: seededRandom('bob'), local: BOB, remote: ALICE, identity, registrationId: 7 },
  };
  const opened = decryptPreKeyMessage(bob, null, body, {
    signedPreKey: () => signedPreKey,
    oneTimePreKey: () => oneTime,
    kemPreKey: () => ({ ...kemPair, kem: 'Kyber-1024-r3' }),
    baseKeySeen: () => false,
  });
  expect(opened.plaintext).toEqual(utf8('known answer'));
});
