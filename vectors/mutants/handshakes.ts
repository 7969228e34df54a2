/**
 * Mutants of the handshakes.
 *
 * @spec 14-vectors §7
 * Owns: their changes. Must not know: how they are run.
 */
import type { Mutant } from './mutant.ts';

const X3DH_TEXT = 'https://signal.org/docs/specifications/x3dh/';
const PQXDH_TEXT = 'https://signal.org/docs/specifications/pqxdh/';
const AGREEMENTS = 'protocol/handshake/x3dh.ts';
const SECRETS = 'protocol/handshake/pqxdh.ts';
const BUNDLE = 'protocol/handshake/bundle.ts';

export const HANDSHAKE_MUTANTS: readonly Mutant[] = [
  {
    name: 'agreements-swapped',
    wrong: 'puts DH(EKa, IKb) before DH(IKa, SPKb), on both sides',
    origin: X3DH_TEXT,
    family: 'x3dh',
    changes: [
      {
        file: AGREEMENTS,
        text: `provider.x25519Agree(keys.identity.privateKey, keys.theirSignedPreKey),
    provider.x25519Agree(ephemeral, keys.theirIdentity),`,
        becomes: `provider.x25519Agree(ephemeral, keys.theirIdentity),
    provider.x25519Agree(keys.identity.privateKey, keys.theirSignedPreKey),`,
      },
      {
        file: AGREEMENTS,
        text: `provider.x25519Agree(signedPreKey, keys.theirIdentity),
    provider.x25519Agree(keys.identity.privateKey, keys.theirEphemeral),`,
        becomes: `provider.x25519Agree(keys.identity.privateKey, keys.theirEphemeral),
    provider.x25519Agree(signedPreKey, keys.theirIdentity),`,
      },
    ],
  },
  {
    name: 'prefix-missing',
    wrong: 'begins the KDF’s input with DH1, without the 32 bytes of FF',
    origin: X3DH_TEXT,
    family: 'x3dh',
    changes: [{ file: SECRETS, text: 'new Uint8Array(32).fill(0xff)', becomes: 'new Uint8Array(0)' }],
  },
  {
    name: 'one-time-key-ignored',
    wrong: 'leaves DH4 out where there is a one-time prekey, on both sides: first messages can be replayed',
    origin: 'https://github.com/guardyn/guardyn/issues/246',
    family: 'x3dh',
    changes: [
      { file: AGREEMENTS, text: 'if (keys.theirOneTimePreKey !== null) agreements', becomes: 'if (false) agreements' },
      { file: AGREEMENTS, text: 'if (keys.oneTimePreKey !== null) {', becomes: 'if (false) {' },
    ],
  },
  {
    name: 'torsion-accepted',
    wrong: 'agrees with keys outside of the prime-order subgroup',
    origin: 'PRIM-03',
    family: 'x3dh',
    changes: [
      {
        file: 'protocol/crypto/keys.ts',
        text: 'if (!provider.x25519IsPrimeOrder(publicKey))',
        becomes: 'if (provider.name === null)',
      },
    ],
  },
  {
    name: 'signed-prekey-unverified',
    wrong: 'does not verify the signature of the signed prekey',
    origin: 'PQX-04',
    family: 'x3dh',
    changes: [
      {
        file: BUNDLE,
        text: 'if (!provider.xeddsaVerify(bundle.identityKey, bundle.signedPreKeyWire, bundle.signedPreKeySignature)) {',
        becomes: 'if (false) {',
      },
    ],
  },
  {
    name: 'signed-prekey-signed-raw',
    wrong: 'signs and verifies the 32 bytes of the signed prekey, without their type byte',
    origin: 'PQX-01',
    family: 'x3dh',
    changes: [
      {
        file: BUNDLE,
        text: 'bundle.identityKey, bundle.signedPreKeyWire,',
        becomes: 'bundle.identityKey, bundle.signedPreKey,',
      },
      {
        file: 'protocol/handshake/prekeys.ts',
        text: 'encodePublicKey(keyPair.publicKey), checked',
        becomes: 'keyPair.publicKey, checked',
      },
    ],
  },
  {
    name: 'kem-secret-first',
    wrong: 'puts the KEM’s secret before the agreements',
    origin: PQXDH_TEXT,
    family: 'pqxdh',
    changes: [
      {
        file: SECRETS,
        text: `...agreements.map((dh) => dh.expose()),
    kemSecret === null ? EMPTY : kemSecret.expose(),`,
        becomes: `kemSecret === null ? EMPTY : kemSecret.expose(),
    ...agreements.map((dh) => dh.expose()),`,
      },
    ],
  },
  {
    name: 'label-of-the-text',
    wrong: 'derives under a label made up after the text’s example, not the deployed one',
    origin: PQXDH_TEXT,
    family: 'pqxdh',
    changes: [
      {
        file: 'protocol/labels.ts',
        text: 'WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024',
        becomes: 'WhisperText_CURVE25519_SHA-256_CRYSTALS-KYBER-1024',
      },
    ],
  },
  {
    name: 'kem-key-not-bound',
    wrong:
      'leaves the KEM key out of what the binding suite binds: a ciphertext can be encapsulated again to another key',
    origin: 'PQX-02',
    family: 'pqxdh',
    changes: [{ file: SECRETS, text: 'sized(transcript.kemPublicKey),', becomes: '' }],
  },
  {
    name: 'kem-ciphertext-not-bound',
    wrong: 'leaves the KEM ciphertext out of what the binding suite binds',
    origin: 'PQX-03',
    family: 'pqxdh',
    changes: [{ file: SECRETS, text: 'sized(transcript.kemCiphertext),', becomes: '' }],
  },
  {
    name: 'kem-type-unchecked',
    wrong: 'takes any type byte in front of a KEM key, that of another KEM or of an EC key included',
    origin: 'PQX-01',
    family: 'pqxdh',
    changes: [
      {
        file: 'protocol/handshake/suites.ts',
        text: ' && getKem(suite.kem).typeByte === typeByte',
        becomes: '',
      },
      {
        file: 'protocol/codec/keys.ts',
        text: 'if (kemTypeByteOf(copy, field) !== typeByte(kem))',
        becomes: 'if (false)',
      },
    ],
  },
];
