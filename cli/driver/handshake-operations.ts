/**
 * The two halves of a handshake, without a session.
 *
 * @spec 11-driver §3
 * Owns: their arguments, the checks that a session would make before them. Must not know: devices.
 */
import type { Secret } from '../../protocol/bytes/secret.ts';
import { wipeAll } from '../../protocol/bytes/secret.ts';
import { decodeKemCiphertext, decodePublicKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import { assertPrimeOrderPublicKey } from '../../protocol/crypto/keys.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { KEM_COINS_BYTES } from '../../protocol/crypto/provider.ts';
import { checkedRandom } from '../../protocol/crypto/random.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { decodeBundle, verifyBundle } from '../../protocol/handshake/bundle.ts';
import type { HandshakeSecrets } from '../../protocol/handshake/pqxdh.ts';
import { initiate, respond } from '../../protocol/handshake/pqxdh.ts';
import type { Suite } from '../../protocol/handshake/suites.ts';
import { getSuite } from '../../protocol/handshake/suites.ts';
import { hex } from './hex.ts';
import { chosenRandom, kemKeyPair, kemPrivateOfWire, privateKeyPair } from './keys.ts';
import { type Operation, operation } from './operation.ts';
import { bundle, bytes, bytesOfLength, suite } from './values.ts';

/** Writes the secrets out, and wipes them. */
function writeSecrets({ rootKey, chainKey, pqRatchetKey }: HandshakeSecrets): object {
  const written = {
    rootKey: hex(rootKey.expose()),
    chainKey: hex(chainKey.expose()),
    ...(pqRatchetKey === null ? {} : { pqRatchetKey: hex(pqRatchetKey.expose()) }),
  };
  wipeAll([rootKey, chainKey, ...(pqRatchetKey === null ? [] : [pqRatchetKey])]);
  return written;
}

/** A field belongs to a suite with a KEM, where it must be, or to none, where it must not. */
function kemField(suite: Suite, value: Uint8Array | undefined, field: string): Uint8Array | null {
  const absent = value === undefined;
  if (absent === (suite.kem === null)) return value ?? null;
  throw new ProtocolError('InvalidArgument', 'parse', absent ? 'missing-field' : 'not-of-this-suite', field);
}

function checkedKey(provider: CryptoProvider, wire: Uint8Array, field: string): Uint8Array {
  const key = decodePublicKey(wire, field);
  assertPrimeOrderPublicKey(provider, key, field);
  return key;
}

const initiateShape = {
  suite,
  identityPrivate: bytes,
  ephemeralPrivate: bytes.optional(),
  kemRandom: bytesOfLength(KEM_COINS_BYTES).optional(),
  remote: bundle,
};

const initiateOperation = operation('handshake.initiate', initiateShape, (args, { provider, random }) => {
  const chosen = getSuite(args.suite);
  if (args.kemRandom !== undefined) kemField(chosen, args.kemRandom, 'kemRandom');
  const identity = privateKeyPair(provider, args.identityPrivate, 'identityPrivate');
  const ephemeral =
    args.ephemeralPrivate === undefined
      ? provider.x25519Generate(checkedRandom(random))
      : privateKeyPair(provider, args.ephemeralPrivate, 'ephemeralPrivate');
  const remote = decodeBundle(provider, args.remote, [chosen.name]);
  verifyBundle(provider, remote);
  const source = args.kemRandom === undefined ? checkedRandom(random) : chosenRandom(args.kemRandom);
  const { secrets, kemCiphertext } = initiate(provider, source, chosen, {
    identity,
    ephemeral,
    theirIdentity: remote.identityKey,
    theirSignedPreKey: remote.signedPreKey,
    theirOneTimePreKey: remote.oneTimePreKey?.publicKey ?? null,
    kemPublicKey: remote.kemPreKey?.publicKey ?? null,
  });
  wipeAll([identity.privateKey, ephemeral.privateKey]);
  return {
    secrets: writeSecrets(secrets),
    ephemeralPublic: hex(encodePublicKey(ephemeral.publicKey)),
    ...(kemCiphertext === null ? {} : { kemCiphertext: hex(kemCiphertext) }),
  };
});

const respondShape = {
  suite,
  identityPrivate: bytes,
  signedPreKeyPrivate: bytes,
  oneTimePreKeyPrivate: bytes.optional(),
  kemPrivate: bytes.optional(),
  remoteIdentity: bytes,
  ephemeralPublic: bytes,
  kemCiphertext: bytes.optional(),
};

const respondOperation = operation('handshake.respond', respondShape, (args, { provider }) => {
  const chosen = getSuite(args.suite);
  const kem = chosen.kem === null ? null : getKem(chosen.kem);
  const kemPrivate = kemField(chosen, args.kemPrivate, 'kemPrivate');
  const ciphertext = kemField(chosen, args.kemCiphertext, 'kemCiphertext');
  const oneTime = args.oneTimePreKeyPrivate;
  const keys = {
    identity: privateKeyPair(provider, args.identityPrivate, 'identityPrivate'),
    signedPreKey: privateKeyPair(provider, args.signedPreKeyPrivate, 'signedPreKeyPrivate'),
    oneTimePreKey: oneTime === undefined ? null : privateKeyPair(provider, oneTime, 'oneTimePreKeyPrivate'),
    theirIdentity: checkedKey(provider, args.remoteIdentity, 'remoteIdentity'),
    theirEphemeral: checkedKey(provider, args.ephemeralPublic, 'ephemeralPublic'),
    kemKeyPair:
      kem === null || kemPrivate === null
        ? null
        : kemKeyPair(provider, kem, kemPrivateOfWire(kem, kemPrivate, 'kemPrivate'), 'kemPrivate'),
    kemCiphertext: kem === null || ciphertext === null ? null : decodeKemCiphertext(kem, ciphertext, 'kemCiphertext'),
  };
  const secrets = respond(provider, chosen, keys);
  const own: (Secret | undefined)[] = [keys.oneTimePreKey?.privateKey, keys.kemKeyPair?.privateKey];
  wipeAll([keys.identity.privateKey, keys.signedPreKey.privateKey, ...own.filter((key) => key !== undefined)]);
  return { secrets: writeSecrets(secrets) };
});

/** Both halves. */
export const handshakeOperations: readonly Operation[] = [initiateOperation, respondOperation];
