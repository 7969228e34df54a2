/**
 * Mutants of the KEMs.
 *
 * @spec 14-vectors §7
 * Owns: their changes. Must not know: how they are run.
 */
import type { Mutant } from './mutant.ts';

/** Decapsulation in JavaScript for every key: a platform's own cannot be changed. */
const NOT_NATIVE = {
  file: 'protocol/crypto/node.ts',
  text: 'if (privateKey.length !== KEM_SEED_BYTES) return',
  becomes: 'if (set) return',
};

export const KEM_MUTANTS: readonly Mutant[] = [
  {
    name: 'modulus-unchecked',
    wrong: 'reduces the coefficients of an encapsulation key instead of refusing those of q or more',
    origin: 'PRIM-07',
    family: 'kem',
    changes: [
      {
        file: 'protocol/crypto/inputs.ts',
        text: 'if (first >= Q || second >= Q) {',
        becomes: 'if (first > 0xfff || second > 0xfff) {',
      },
      {
        file: 'protocol/crypto/node.ts',
        text: 'if (!isSystem(random)) return nobleProvider.kemEncapsulate',
        becomes: 'if (set) return nobleProvider.kemEncapsulate',
      },
      {
        file: 'protocol/crypto/noble.ts',
        text: 'const { cipherText, sharedSecret } = KEMS[set].encapsulate(publicKey, coins);',
        becomes: `const reduced = publicKey.slice();
  for (let i = 0; i + 2 < reduced.length - 32; i += 3) {
    const first = (reduced[i] | ((reduced[i + 1] & 0x0f) << 8)) % 3329;
    const second = ((reduced[i + 1] >> 4) | (reduced[i + 2] << 4)) % 3329;
    reduced.set([first & 0xff, (first >> 8) | ((second & 0x0f) << 4), second >> 4], i);
  }
  const { cipherText, sharedSecret } = KEMS[set].encapsulate(reduced, coins);`,
      },
    ],
  },
  {
    name: 'rejection-secret-public',
    wrong: 'rejects with z of zeros, so that anybody can compute the secret of a spoilt ciphertext',
    origin: 'PRIM-09',
    family: 'kem',
    changes: [
      NOT_NATIVE,
      {
        file: 'protocol/crypto/noble.ts',
        text: 'const sharedSecret = KEMS[set].decapsulate(ciphertext, expanded);',
        becomes: 'const sharedSecret = KEMS[set].decapsulate(ciphertext, expanded.fill(0, -32));',
      },
    ],
  },
  {
    name: 'rejection-explicit',
    wrong: 'refuses a spoilt ciphertext instead of giving another secret',
    origin: 'PRIM-09',
    family: 'kem',
    changes: [
      NOT_NATIVE,
      {
        file: 'protocol/crypto/noble.ts',
        text: 'const sharedSecret = KEMS[set].decapsulate(ciphertext, expanded);',
        becomes: `const sharedSecret = KEMS[set].decapsulate(ciphertext, expanded);
  const rejected = shake256(Uint8Array.of(...expanded.subarray(-32), ...ciphertext), { dkLen: 32 });
  if (equalBytes(sharedSecret, rejected)) {
    throw new ProtocolError('InvalidMessage', 'decrypt', 'bad-ciphertext', 'ciphertext');
  }`,
      },
    ],
  },
  {
    name: 'reencryption-last-byte-ignored',
    wrong: 'compares all but the last byte of the ciphertext with the one it encrypts again',
    origin: 'https://github.com/C2SP/wycheproof/pull/254',
    family: 'kem',
    changes: [
      NOT_NATIVE,
      {
        file: 'protocol/crypto/noble.ts',
        text: 'const sharedSecret = KEMS[set].decapsulate(ciphertext, expanded);',
        becomes: `const secretOf = (bytes) => KEMS[set].decapsulate(bytes, expanded);
  const rejects = (bytes, secret) =>
    equalBytes(secret, shake256(Uint8Array.of(...expanded.subarray(-32), ...bytes), { dkLen: 32 }));
  let sharedSecret = secretOf(ciphertext);
  const guess = ciphertext.slice();
  for (let last = 0; last < 256 && rejects(guess, secretOf(guess)); last++) guess[guess.length - 1] = last;
  if (!rejects(guess, secretOf(guess))) sharedSecret = secretOf(guess);`,
      },
    ],
  },
  {
    name: 'round-three-secret-unwrapped',
    wrong: 'takes ML-KEM’s secret for that of Kyber round 3, which hashes the ciphertext into it',
    origin: 'https://github.com/paulmillr/noble-post-quantum/issues/29',
    family: 'kem',
    changes: [
      {
        file: 'protocol/crypto/kem.ts',
        text: 'provider.shake256(input, 32)',
        becomes: 'inner.expose().slice()',
      },
    ],
  },
  {
    name: 'key-hash-seed-first',
    wrong: 'hashes rho ‖ vector for the header, where H(ek) is of vector ‖ rho',
    origin: 'https://github.com/RustCrypto/KEMs/issues/264',
    family: 'incremental-mlkem768',
    changes: [
      {
        file: 'protocol/crypto/incremental-ml-kem.ts',
        text: 'concat(publicKey.subarray(EK_VECTOR_BYTES), provider.sha3_256(publicKey))',
        becomes:
          'concat(publicKey.subarray(EK_VECTOR_BYTES), provider.sha3_256(concat(publicKey.subarray(EK_VECTOR_BYTES), vector)))',
      },
      {
        file: 'protocol/crypto/incremental-ml-kem.ts',
        text: 'equalBytes(provider.sha3_256(ek), header.subarray(RHO_BYTES))',
        becomes:
          'equalBytes(provider.sha3_256(concat(header.subarray(0, RHO_BYTES), vector)), header.subarray(RHO_BYTES))',
      },
    ],
  },
  {
    name: 'matrix-not-transposed',
    wrong: 'encrypts with A where A transposed belongs, as the draft of 2023 printed it',
    origin: 'https://github.com/open-quantum-safe/liboqs/issues/2102',
    family: 'incremental-mlkem768',
    changes: [
      {
        file: 'protocol/crypto/incremental-ml-kem.ts',
        text: 'sampleNtt(rho, i, j)',
        becomes: 'sampleNtt(rho, j, i)',
      },
    ],
  },
];
