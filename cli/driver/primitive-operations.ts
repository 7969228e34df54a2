/**
 * Operations on primitives: X25519, XEdDSA, the KEMs.
 *
 * @spec 11-driver §3
 * Owns: their arguments. Must not know: devices. What goes out as hex is beyond erasure; what stays is wiped.
 */
import { z } from 'zod';
import { wipeAll } from '../../protocol/bytes/secret.ts';
import { decodePublicKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import type { KemName } from '../../protocol/crypto/kem.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import { KEM_COINS_BYTES, KEM_SEED_BYTES } from '../../protocol/crypto/provider.ts';
import { XEDDSA_RANDOM_BYTES } from '../../protocol/crypto/xeddsa.ts';
import { hex } from './hex.ts';
import { chosenRandom, kemKeyPair, privateKeyPair } from './keys.ts';
import { type Operation, operation } from './operation.ts';
import { bytes, bytesOfLength } from './values.ts';

/** The KEMs, as requests name them. */
export const KEM_NAMES = [
  'ML-KEM-512',
  'ML-KEM-768',
  'ML-KEM-1024',
  'Kyber-1024-r3',
] as const satisfies readonly KemName[];

const kem = z.enum(KEM_NAMES).transform(getKem);

/** The operations on X25519 and XEdDSA. */
const curve: readonly Operation[] = [
  operation('x25519.public', { private: bytes }, (args, { provider }) => {
    const pair = privateKeyPair(provider, args.private, 'private');
    wipeAll([pair.privateKey]);
    return { public: hex(encodePublicKey(pair.publicKey)) };
  }),
  operation('x25519.shared', { private: bytes, public: bytes }, (args, { provider }) => {
    const { privateKey } = privateKeyPair(provider, args.private, 'private');
    const shared = provider.x25519Agree(privateKey, decodePublicKey(args.public, 'public'));
    const answer = { shared: hex(shared.expose()) };
    wipeAll([privateKey, shared]);
    return answer;
  }),
  operation(
    'xeddsa.sign',
    { private: bytes, message: bytes, random: bytesOfLength(XEDDSA_RANDOM_BYTES).optional() },
    (args, { provider, random }) => {
      const { privateKey } = privateKeyPair(provider, args.private, 'private');
      const source = args.random === undefined ? random : chosenRandom(args.random);
      const signature = provider.xeddsaSign(privateKey, args.message, source);
      wipeAll([privateKey]);
      return { signature: hex(signature) };
    },
  ),
  operation('xeddsa.verify', { public: bytes, message: bytes, signature: bytes }, (args, { provider }) => ({
    valid: provider.xeddsaVerify(decodePublicKey(args.public, 'public'), args.message, args.signature),
  })),
];

/** The operations on KEMs: keys and ciphertexts are raw. */
const kems: readonly Operation[] = [
  operation('kem.keygen', { kem, seed: bytesOfLength(KEM_SEED_BYTES).optional() }, (args, { provider, random }) => {
    const pair = args.seed === undefined ? args.kem.generate(provider, random) : args.kem.fromSeed(provider, args.seed);
    const { publicKey, privateKey } = pair;
    const expanded = provider.kemExpand(args.kem.parameterSet, privateKey);
    const answer = { public: hex(publicKey), private: hex(expanded.expose()) };
    wipeAll([privateKey, expanded]);
    return answer;
  }),
  operation(
    'kem.encapsulate',
    { kem, public: bytes, random: bytesOfLength(KEM_COINS_BYTES).optional() },
    (args, { provider, random }) => {
      const source = args.random === undefined ? random : chosenRandom(args.random);
      const { ciphertext, sharedSecret } = args.kem.encapsulate(provider, args.public, source);
      const answer = { ciphertext: hex(ciphertext), shared: hex(sharedSecret.expose()) };
      wipeAll([sharedSecret]);
      return answer;
    },
  ),
  operation('kem.decapsulate', { kem, private: bytes, ciphertext: bytes }, (args, { provider }) => {
    const { privateKey } = kemKeyPair(provider, args.kem, args.private, 'private');
    const shared = args.kem.decapsulate(provider, privateKey, args.ciphertext);
    const answer = { shared: hex(shared.expose()) };
    wipeAll([privateKey, shared]);
    return answer;
  }),
];

/** All of them. */
export const primitiveOperations: readonly Operation[] = [...curve, ...kems];
