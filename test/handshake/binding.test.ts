/**
 * What a relay cannot do with honest values: put one key in place of another, one person in place of another, one signature in
 * place of another.
 *
 * @spec 02-handshake §4
 */
import { describe, expect, test } from 'vitest';
import { concat, equalBytes } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { verifyAlternateIdentity } from '../../protocol/codec/alternate-identity.ts';
import { encodeKemKey } from '../../protocol/codec/keys.ts';
import { type DeviceManifest, encodeManifest, verifyManifest } from '../../protocol/codec/manifest.ts';
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import type { CryptoProvider, KemKeyPair, RandomSource } from '../../protocol/crypto/provider.ts';
import { createFingerprint } from '../../protocol/fingerprint/fingerprint.ts';
import type { PreKeyBundle } from '../../protocol/handshake/bundle.ts';
import { initiate, respond } from '../../protocol/handshake/pqxdh.ts';
import { createKemPreKey, createSignedPreKey } from '../../protocol/handshake/prekeys.ts';
import { getSuite, type Suite } from '../../protocol/handshake/suites.ts';
import { sessionInfo } from '../../protocol/session/session.ts';
import { overriding } from '../support/counting-provider.ts';
import { forgePreKeyMessage } from '../support/forge.ts';
import { KYBER, Peer, PQXDH, pair, TEST_NOW } from '../support/peers.ts';
import { expectRefused } from '../support/refusal.ts';
import { scriptedRandom, seededRandom } from '../support/seeded-random.ts';

const DECRYPTION_FAILED = { code: 'InvalidMessage', reason: 'decryption-failed' } as const;

/** A KEM whose secret is the coins, and depends on nothing else: what binding is there to exclude. */
const toy: CryptoProvider = overriding(nodeProvider, {
  kemEncapsulate: (_, publicKey, random: RandomSource) => {
    const m = random(32);
    return { ciphertext: masked(publicKey, m), sharedSecret: new Secret<'KemSharedSecret'>(m) };
  },
  kemDecapsulate: (set, privateKey, ciphertext) => {
    const { publicKey } = nodeProvider.kemFromSeed(set, privateKey.expose());
    return new Secret<'KemSharedSecret'>(masked(publicKey, ciphertext.subarray(0, 32)).slice(0, 32));
  },
});

function masked(publicKey: Uint8Array, m: Uint8Array): Uint8Array {
  const mask = nodeProvider.sha256(publicKey);
  return concat(
    mask.map((byte, i) => byte ^ (m[i] as number)),
    new Uint8Array(1568 - 32),
  );
}

const COINS = new Uint8Array(32).fill(9);

/**
 * The relay knows the secret of a leaked KEM prekey and gives Alice that one; what Alice encapsulates to it, he encapsulates again
 * with her coins to the key that did not leak, and tells Bob so. True if both end up with the same root key, each believing in
 * another KEM key.
 */
function agreeOnDifferentKeys(provider: CryptoProvider, suite: Suite): boolean {
  const random = seededRandom('binding');
  const [alice, bob, signed, ephemeral] = [0, 1, 2, 3].map(() => provider.x25519Generate(random)) as [
    ReturnType<CryptoProvider['x25519Generate']>,
    ReturnType<CryptoProvider['x25519Generate']>,
    ReturnType<CryptoProvider['x25519Generate']>,
    ReturnType<CryptoProvider['x25519Generate']>,
  ];
  const kem = getKem('ML-KEM-1024');
  const [leaked, sound] = [0, 1].map(() => kem.generate(provider, random)) as [KemKeyPair, KemKeyPair];
  const theirs = { theirIdentity: bob.publicKey, theirSignedPreKey: signed.publicKey, theirOneTimePreKey: null };
  const begun = initiate(provider, scriptedRandom([COINS]), suite, {
    ...{ identity: alice, ephemeral, ...theirs },
    kemPublicKey: leaked.publicKey,
  });
  const again = kem.encapsulate(provider, sound.publicKey, scriptedRandom([COINS])).ciphertext;
  const taken = respond(provider, suite, {
    ...{ identity: bob, signedPreKey: signed, oneTimePreKey: null, theirIdentity: alice.publicKey },
    ...{ theirEphemeral: ephemeral.publicKey, kemKeyPair: sound, kemCiphertext: again },
  });
  return equalBytes(begun.secrets.rootKey.expose(), taken.rootKey.expose());
}

describe('[PQX-02] [HSK-10] encapsulating again to another KEM key', () => {
  const binding = getSuite(PQXDH);
  const loose: Suite = { ...binding, bindsTranscript: false };

  test('succeeds with a KEM that does not bind, in a suite that does not either: the attack is real', () => {
    expect(agreeOnDifferentKeys(toy, loose)).toBe(true);
  });

  test('fails with ML-KEM, whose secret depends on the key, and in a suite that binds its transcript', () => {
    expect(agreeOnDifferentKeys(nodeProvider, loose)).toBe(false);
    expect(agreeOnDifferentKeys(toy, binding)).toBe(false);
    expect(agreeOnDifferentKeys(nodeProvider, binding)).toBe(false);
  });

  test.each([PQXDH, KYBER])('%s: the message is refused and no prekey is used', (suite) => {
    const [alice, bob] = pair({ suite });
    const leaked = bob.publish({ id: 1 });
    const sound = bob.publish({ id: 2 });
    const coins = COINS;
    const random = alice.random;
    // The draw of 32 bytes that follows the ephemeral key's: the coins.
    let draws = 0;
    alice.random = (length) => (length === 32 && draws++ === 1 ? coins.slice() : random(length));
    alice.begin(bob, leaked);
    alice.random = random;
    const kem = getKem(suite === PQXDH ? 'ML-KEM-1024' : 'Kyber-1024-r3');
    const encapsulate = (bundle: PreKeyBundle): Uint8Array => {
      if (bundle.kemPreKey === null) throw new TypeError('no KEM prekey');
      const key = bundle.kemPreKey.publicKey.slice(1);
      return encodeKemKey(kem, kem.encapsulate(nodeProvider, key, scriptedRandom([coins])).ciphertext);
    };
    const sent = alice.send(bob);
    // Proof that the relay has the coins that Alice used.
    expect(parsePreKeySignalMessage(sent.body).kemCiphertext).toEqual(encapsulate(leaked));
    const { message } = parsePreKeySignalMessage(sent.body);
    const swapped = forgePreKeyMessage(alice, bob, { message, kemPreKeyId: 2, kemCiphertext: encapsulate(sound) });
    expectRefused([bob], DECRYPTION_FAILED, () => bob.open(alice, swapped));
    expect(bob.receive(alice, sent)).toBe('hello');
  });
});

describe('[PQX-05] a bundle delivered under another name', () => {
  test('with addresses: who receives what was meant for another refuses it', () => {
    const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => new Peer(name)) as [Peer, Peer, Peer];
    alice.begin(carol, { ...bob.publish(), deviceId: carol.address.deviceId });
    const forCarol = alice.send(carol);
    expectRefused([bob], DECRYPTION_FAILED, () => bob.open(alice, forCarol));
  });

  test('without addresses: the session exists, and its safety number shows whose it is', () => {
    const named = (name: string) => new Peer(name, { address: { name, deviceId: 1 } });
    const [alice, bob, carol] = [named('alice'), named('bob'), named('carol')];
    alice.begin(carol, bob.publish());
    expect(bob.receive(alice, alice.send(carol))).toBe('hello');
    const info = sessionInfo({ now: TEST_NOW }, alice.record(carol));
    expect(info?.remoteIdentity).toEqual(bob.identity.publicKey);
    const number = (local: Peer, remote: Peer, key: Uint8Array) =>
      createFingerprint(nodeProvider, {
        version: 1,
        iterations: 5,
        local: { stableId: Buffer.from(local.address.name), identityKey: local.identity.publicKey },
        remote: { stableId: Buffer.from(remote.address.name), identityKey: key },
      }).displayable;
    expect(number(alice, carol, info?.remoteIdentity as Uint8Array)).not.toBe(
      number(carol, alice, alice.identity.publicKey),
    );
    expect(number(alice, carol, carol.identity.publicKey)).toBe(number(carol, alice, alice.identity.publicKey));
  });
});

describe('[PRIM-06] a signature made for one purpose', () => {
  const [alice, bob] = pair();
  const { provider, random, identity } = bob;
  const signed = createSignedPreKey(provider, random, identity, 1);
  const kem = createKemPreKey(provider, random, identity, 1, 'ML-KEM-1024');

  test('over an EC prekey does not certify a KEM prekey, nor the other way', () => {
    const bundle = bob.publish();
    const { kemPreKey, signedPreKeySignature } = bundle;
    if (kemPreKey === null) throw new TypeError('no KEM prekey');
    const swapped = [
      { ...bundle, kemPreKey: { ...kemPreKey, signature: signedPreKeySignature } },
      { ...bundle, signedPreKeySignature: kemPreKey.signature },
    ];
    for (const bad of swapped) {
      const expected = { code: 'InvalidSignature' } as const;
      expectRefused([alice, bob], expected, () => alice.begin(bob, bad));
    }
  });

  test('over a prekey is no signature of a manifest or of an alternate identity, whatever they hold', () => {
    const manifest: DeviceManifest = {
      account: bob.address.name,
      accountKey: identity.publicKey,
      version: 1,
      previousHash: new Uint8Array(32),
      issuedAt: TEST_NOW,
      devices: [
        {
          deviceId: 1,
          registrationId: 1,
          identityKey: identity.publicKey,
          authKey: provider.ed25519Generate(random).publicKey,
          name: 'phone',
        },
      ],
    };
    const encoded = encodeManifest(manifest);
    for (const signature of [signed.signature, kem.signature]) {
      const forged = { manifest, bytes: encoded, signature };
      const certify = () => verifyManifest(provider, forged, identity.publicKey);
      expectRefused([], { code: 'InvalidSignature', reason: 'manifest-signature' }, certify);
      const claim = () => verifyAlternateIdentity(provider, identity.publicKey, signed.keyPair.publicKey, signature);
      expectRefused([], { code: 'InvalidSignature', reason: 'alternate-identity-signature' }, claim);
    }
  });
});
