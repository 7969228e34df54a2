/**
 * The two halves of a handshake, without a session.
 *
 * @spec 11-driver §3
 * Owns: their arguments, the checks that a session would make before them. Must not know: devices.
 */
import type { z } from 'zod';
import type { Secret } from '../../protocol/bytes/secret.ts';
import { wipeAll } from '../../protocol/bytes/secret.ts';
import { decodeKemCiphertext, decodeKemPublicKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { KEM_COINS_BYTES } from '../../protocol/crypto/provider.ts';
import { checkedRandom } from '../../protocol/crypto/random.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { decodeBundle, verifyBundle } from '../../protocol/handshake/bundle.ts';
import type { HandshakeSecrets } from '../../protocol/handshake/pqxdh.ts';
import { initiate, respond } from '../../protocol/handshake/pqxdh.ts';
import type { Suite } from '../../protocol/handshake/suites.ts';
import { getSuite } from '../../protocol/handshake/suites.ts';
import { initiateWithKem, respondWithKem } from '../../protocol/testing/injected-kem.ts';
import { hex } from './hex.ts';
import { checkedPublicKey, chosenRandom, kemKeyPair, kemPrivateOfWire, privateKeyPair } from './keys.ts';
import { type Operation, operation } from './operation.ts';
import { bundle, bytes, bytesOfLength, suite } from './values.ts';

/** Bytes of the secret that a KEM agrees on. */
const KEM_SECRET_BYTES = 32;

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

function misplaced(reason: string, field: string): ProtocolError {
  return new ProtocolError('InvalidArgument', 'parse', reason, field);
}

type Fields = Readonly<Record<string, Uint8Array | undefined>>;

/** The KEM of a suite and the fields that come with it; null for a suite without one, which must not have them. */
function kemFields<Names extends string>(suite: Suite, fields: Readonly<Record<Names, Uint8Array | undefined>>) {
  for (const [field, value] of Object.entries(fields as Fields)) {
    const absent = value === undefined;
    if (absent !== (suite.kem === null)) throw misplaced(absent ? 'missing-field' : 'not-of-this-suite', field);
  }
  if (suite.kem === null) return null;
  return { kem: getKem(suite.kem), ...(fields as Readonly<Record<Names, Uint8Array>>) };
}

/** Fields of a KEM that is run have no place where its secret is given. */
function absentFields(fields: Fields): void {
  for (const [field, value] of Object.entries(fields)) if (value !== undefined) throw misplaced('not-together', field);
}

const shared = bytesOfLength(KEM_SECRET_BYTES);

const initiateShape = {
  suite,
  identityPrivate: bytes,
  ephemeralPrivate: bytes.optional(),
  kemRandom: bytesOfLength(KEM_COINS_BYTES).optional(),
  kemShared: shared.optional(),
  kemCiphertext: bytes.optional(),
  remote: bundle,
};
type InitiateArgs = z.output<z.ZodObject<typeof initiateShape>>;

/** The encapsulation that the caller gives, or null where the KEM is to be run. */
function givenEncapsulation(chosen: Suite, { kemRandom, kemShared, kemCiphertext }: InitiateArgs) {
  if (kemShared === undefined && kemCiphertext === undefined) {
    if (kemRandom !== undefined) kemFields(chosen, { kemRandom });
    return null;
  }
  // @req DRV-23
  const given = kemFields(chosen, { kemShared, kemCiphertext });
  absentFields({ kemRandom });
  if (given === null) return null;
  return {
    shared: given.kemShared,
    ciphertext: decodeKemCiphertext(given.kem, given.kemCiphertext, 'kemCiphertext'),
  };
}

const initiateOperation = operation('handshake.initiate', initiateShape, (args, { provider, random }) => {
  const chosen = getSuite(args.suite);
  const given = givenEncapsulation(chosen, args);
  const identity = privateKeyPair(provider, args.identityPrivate, 'identityPrivate');
  const ephemeral =
    args.ephemeralPrivate === undefined
      ? provider.x25519Generate(checkedRandom(random))
      : privateKeyPair(provider, args.ephemeralPrivate, 'ephemeralPrivate');
  const remote = decodeBundle(provider, args.remote, [chosen.name]);
  verifyBundle(provider, remote);
  const source = args.kemRandom === undefined ? checkedRandom(random) : chosenRandom(args.kemRandom);
  const keys = {
    identity,
    ephemeral,
    theirIdentity: remote.identityKey,
    theirSignedPreKey: remote.signedPreKey,
    theirOneTimePreKey: remote.oneTimePreKey?.publicKey ?? null,
    kemPublicKey: remote.kemPreKey?.publicKey ?? null,
  };
  const { secrets, kemCiphertext } =
    given === null ? initiate(provider, source, chosen, keys) : initiateWithKem(provider, chosen, keys, given);
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
  kemPublic: bytes.optional(),
  kemShared: shared.optional(),
  remoteIdentity: bytes,
  ephemeralPublic: bytes,
  kemCiphertext: bytes.optional(),
};
type RespondArgs = z.output<z.ZodObject<typeof respondShape>>;

/** The KEM's part where it is to be run. */
function ownKem(provider: CryptoProvider, chosen: Suite, { kemPrivate, kemCiphertext }: RespondArgs) {
  const own = kemFields(chosen, { kemPrivate, kemCiphertext });
  if (own === null) return { shared: null, kemKeyPair: null, kemCiphertext: null };
  const privateKey = kemPrivateOfWire(own.kem, own.kemPrivate, 'kemPrivate');
  return {
    shared: null,
    kemKeyPair: kemKeyPair(provider, own.kem, privateKey, 'kemPrivate'),
    kemCiphertext: decodeKemCiphertext(own.kem, own.kemCiphertext, 'kemCiphertext'),
  };
}

/** The KEM's part where the caller gives its secret, or null where the KEM is to be run. */
function givenKem(chosen: Suite, { kemPrivate, kemPublic, kemShared, kemCiphertext }: RespondArgs) {
  if (kemShared === undefined && kemPublic === undefined) return null;
  const given = kemFields(chosen, { kemShared, kemPublic, kemCiphertext });
  absentFields({ kemPrivate });
  if (given === null) return null;
  return {
    shared: given.kemShared,
    kemKeyPair: { publicKey: decodeKemPublicKey(given.kem, given.kemPublic, 'kemPublic') },
    kemCiphertext: decodeKemCiphertext(given.kem, given.kemCiphertext, 'kemCiphertext'),
  };
}

const respondOperation = operation('handshake.respond', respondShape, (args, { provider }) => {
  const chosen = getSuite(args.suite);
  const kem = givenKem(chosen, args) ?? ownKem(provider, chosen, args);
  const oneTime = args.oneTimePreKeyPrivate;
  const keys = {
    identity: privateKeyPair(provider, args.identityPrivate, 'identityPrivate'),
    signedPreKey: privateKeyPair(provider, args.signedPreKeyPrivate, 'signedPreKeyPrivate'),
    oneTimePreKey: oneTime === undefined ? null : privateKeyPair(provider, oneTime, 'oneTimePreKeyPrivate'),
    theirIdentity: checkedPublicKey(provider, args.remoteIdentity, 'remoteIdentity'),
    theirEphemeral: checkedPublicKey(provider, args.ephemeralPublic, 'ephemeralPublic'),
  };
  const secrets =
    kem.shared === null
      ? respond(provider, chosen, { ...keys, ...kem })
      : respondWithKem(provider, chosen, { ...keys, ...kem }, kem.shared);
  const kemPrivate = kem.shared === null ? kem.kemKeyPair?.privateKey : undefined;
  const used: (Secret | undefined)[] = [keys.oneTimePreKey?.privateKey, kemPrivate];
  wipeAll([keys.identity.privateKey, keys.signedPreKey.privateKey, ...used.filter((key) => key !== undefined)]);
  return { secrets: writeSecrets(secrets) };
});

/** Both halves. */
export const handshakeOperations: readonly Operation[] = [initiateOperation, respondOperation];
