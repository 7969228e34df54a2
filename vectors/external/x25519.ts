/**
 * Published X25519 agreements and chains.
 *
 * @spec 14-vectors §1, 01-keys §3
 * Owns: Wycheproof's agreements, those of Signal's libraries. Must not know: which public keys a role takes.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { z } from 'zod';
import { isAllZero } from '../../protocol/bytes/bytes.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import type { NativeCall } from './native-calls.ts';
import { flat, hexBytes, wycheproof } from './shape.ts';
import { family, judge, type Trial } from './verdict.ts';

const AGREE: readonly NativeCall[] = ['diffieHellman'];
const DERIVE: readonly NativeCall[] = ['createPublicKey'];

function agree(provider: CryptoProvider, privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return provider.x25519Agree(provider.x25519FromPrivate(privateKey).privateKey, publicKey).expose();
}

/** "Acceptable" leaves room; ours is: an answer to every key, and a refusal of every all-zero secret. */
export const x25519Agreements = family(
  wycheproof(z.object({}), z.object({ public: hexBytes, private: hexBytes, shared: hexBytes })),
  (provider, file) => ({
    verdicts: flat(file).map(({ vector }) =>
      judge(provider, vector.tcId, (trial) => {
        const act = () => agree(provider, vector.private, vector.public);
        if (vector.result === 'invalid')
          trial.refuses(AGREE, ['InvalidKey zero-shared-secret', 'InvalidKey bad-length'], act);
        else if (isAllZero(vector.shared)) trial.refuses(AGREE, ['InvalidKey zero-shared-secret'], act);
        else trial.equal('shared', AGREE, vector.shared, act);
      }),
    ),
    unused: [],
  }),
);

const ORDER = ed25519.Point.Fn.ORDER;
const LOWEST_CLAMPED = 2n ** 254n;

function toScalar(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

/**
 * The clamped scalar k with u(kB) = u(nB), for a scalar n that is used without clamping. B has order L, and u forgets the
 * sign, so k may be any number ≡ ±n modulo L: of the eight in the range of clamped scalars one is a multiple of 8.
 */
function clampedEquivalent(scalar: Uint8Array): Uint8Array {
  const n = scalar.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n) % ORDER;
  for (const residue of [n, ORDER - n]) {
    for (let k = residue + 3n * ORDER; k < 2n * LOWEST_CLAMPED; k += ORDER) {
      if (k >= LOWEST_CLAMPED && k % 8n === 0n) return toScalar(k);
    }
  }
  throw new Error('no clamped scalar is equivalent');
}

const AGREEMENT = z.object({
  id: z.literal('agreement'),
  alicePublic: hexBytes,
  alicePrivate: hexBytes,
  bobPublic: hexBytes,
  bobPrivate: hexBytes,
  shared: hexBytes,
});
const CHAIN = z.object({ id: z.enum(['keygen-1000', 'ecdh-1000']), expected: hexBytes });

function tryAgreement(provider: CryptoProvider, trial: Trial, vector: z.output<typeof AGREEMENT>): void {
  const { alicePublic, alicePrivate, bobPublic, bobPrivate, shared } = vector;
  trial.equal('alicePublic', DERIVE, alicePublic, () => provider.x25519FromPrivate(alicePrivate).publicKey);
  trial.equal('bobPublic', DERIVE, bobPublic, () => provider.x25519FromPrivate(bobPrivate).publicKey);
  trial.equal('shared, by alice', AGREE, shared, () => agree(provider, alicePrivate, bobPublic));
  trial.equal('shared, by bob', AGREE, shared, () => agree(provider, bobPrivate, alicePublic));
}

const first = (byte: number) => Uint8Array.of(byte, ...new Uint8Array(31));

/** A private key becomes the public key of the next, without clamping, a thousand times. */
function publicKeyChain(provider: CryptoProvider): Uint8Array {
  let key = first(0x7b);
  for (let i = 0; i < 1000; i++) key = provider.x25519FromPrivate(clampedEquivalent(key)).publicKey.slice();
  return key;
}

/** p and n turn into each other's agreements, a thousand times. */
function agreementChain(provider: CryptoProvider): Uint8Array {
  let [scalar, point] = [first(0x64), first(0x64)] as [Uint8Array, Uint8Array];
  for (let i = 0; i < 1000; i++) {
    point = agree(provider, scalar, point);
    scalar = agree(provider, scalar, point);
  }
  return scalar;
}

/** Numbers from Signal's libraries. */
export const x25519Chains = family(
  z.object({ cases: z.array(z.discriminatedUnion('id', [AGREEMENT, CHAIN])) }),
  (provider, { cases }) => ({
    verdicts: cases.map((vector) =>
      judge(provider, vector.id, (trial) => {
        if (vector.id === 'agreement') tryAgreement(provider, trial, vector);
        else if (vector.id === 'keygen-1000') {
          trial.equal('last public key', DERIVE, vector.expected, () => publicKeyChain(provider));
        } else trial.equal('last agreement', AGREE, vector.expected, () => agreementChain(provider));
      }),
    ),
    unused: [],
  }),
);
