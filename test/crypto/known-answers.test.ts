/**
 * Primitives against numbers that a deployed implementation produced or accepted.
 *
 * @spec 01-keys §3, §4, §5
 * Keys: k(X) is the 32 consecutive bytes from X, clamped; seq(X) the same, unclamped.
 */
import { describe, expect, test } from 'vitest';
import { concat, EMPTY, fromHex, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { PROVIDERS } from '../support/peers.ts';
import { scriptedRandom } from '../support/seeded-random.ts';

const MESSAGE = utf8('wire-kat');
const SEED_CONSTANT = Uint8Array.of(1);
const CHAIN_CONSTANT = Uint8Array.of(2);

function seq(first: number): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => first + i);
}

const KEYS = [
  {
    first: 0x01,
    privateKey: '0002030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f60',
    publicKey: '07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c',
    signature:
      '2dae5b202dde66669ef324517839c7e4a1126f402666d7d02ded27b64989bfa0ca5ae21dedb96cb09f54f7562a161fa09d9a6b05d5a2186acd6ee5316624ef84',
    withZeros:
      '682fb628413ca835d531006fc3d858aad2738e8cafe409e2f4804386fbfa8946d25da75a92a2841054ae2d5f416aa5045c50a2726f8c4e578156874f3b3d9e8b',
  },
  {
    first: 0x65,
    privateKey: '60666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828344',
    publicKey: '5714769d116bf76436ae74bc793d2c30ad1903c59ac5273805c7e2698b410c36',
    signature:
      'a7ef937f039bfa0f355ee77e0dbfe2cb8d717c21611f751f2e921c4f39644693f45c5772950c9106c7b8ad3c5c3c685a629ccda18895eef14b534b114c0b738e',
    withZeros:
      '08a722adcf99df6979e6f5bb96757dd55a34cae2bbc5909dd6c27d4ccf6f6a6032231f658308c28c72294bc97810d1b84f373f46d86c5de7c40accaa297bc684',
  },
  {
    first: 0x02,
    privateKey: null,
    publicKey: 'ab9f2628c325c141e9fb2430f106850f62930bc3f0b12df39a9b84a49c7c1d12',
    signature:
      'e84853dece21a556db305ffbf136036678ee55fc33cb040b8502b36756cb4c4d4d05f80dfd72b03733bd683e41a5cf1c0bfd27fd7c0c0fa62dc0770308a6a104',
    withZeros:
      '54754c6716456540436ccf8b0b34d524bed6a70fe350044a1e5b1ef3e4dc7867fc62df01efc99389b0818000379a7bbba607515b705dcc80c03f32219fe8ca02',
  },
];
/** The signature of k(02) with s + L: deployed verifiers accept it. */
const MALLEATED =
  'e84853dece21a556db305ffbf136036678ee55fc33cb040b8502b36756cb4c4d3ad9ed6a17d6c28f095a60e11f9fae310bfd27fd7c0c0fa62dc0770308a6a114';

describe.each(PROVIDERS)('known answers, $name', (provider) => {
  test.each(KEYS)('[KEY-04] the pair of k($first)', ({ first, privateKey, publicKey }) => {
    const pair = provider.x25519FromPrivate(seq(first));
    expect(toHex(pair.publicKey)).toBe(publicKey);
    if (privateKey !== null) expect(toHex(pair.privateKey.expose())).toBe(privateKey);
  });

  test('[KEY-07] the agreement of k(01) and k(65), from either side', () => {
    const [a, b] = [provider.x25519FromPrivate(seq(0x01)), provider.x25519FromPrivate(seq(0x65))];
    const agreement = 'c9ea6a3f79a000b60b076d4afc990b272f3f0b5aaa3f0b8713c209273e363863';
    expect(toHex(provider.x25519Agree(a.privateKey, b.publicKey).expose())).toBe(agreement);
    expect(toHex(provider.x25519Agree(b.privateKey, a.publicKey).expose())).toBe(agreement);
  });

  test.each(KEYS)(
    '[KEY-08] [KEY-09] XEdDSA with k($first): signs with Z = 0 as recorded, verifies a deployed one',
    (key) => {
      const pair = provider.x25519FromPrivate(seq(key.first));
      const zeros = scriptedRandom([new Uint8Array(64)]);
      expect(toHex(provider.xeddsaSign(pair.privateKey, MESSAGE, zeros))).toBe(key.withZeros);
      expect(provider.xeddsaVerify(pair.publicKey, MESSAGE, fromHex(key.withZeros))).toBe(true);
      expect(provider.xeddsaVerify(pair.publicKey, MESSAGE, fromHex(key.signature))).toBe(true);
      expect(provider.xeddsaVerify(pair.publicKey, utf8('wire-kas'), fromHex(key.signature))).toBe(false);
    },
  );

  test('[KEY-10] [PRIM-05] refuses the recorded signature with s + L, which deployed verifiers accept', () => {
    const { publicKey } = provider.x25519FromPrivate(seq(0x02));
    expect(provider.xeddsaVerify(publicKey, MESSAGE, fromHex(MALLEATED))).toBe(false);
  });

  test('[KEY-15] HKDF: the root step of RK = seq(20), DH = seq(00)', () => {
    const okm = provider.hkdfSha256(seq(0x00), seq(0x20), utf8('WhisperRatchet'), 64);
    expect(toHex(okm)).toBe(
      '491f08b339433c927b9341f68b45461eb8cafcc11188e42ba10a13f90bc2e067609f35dfa6e0920341de3c353d54275aeeb172e4c93203e055d3fcef7838987e',
    );
  });

  test('[KEY-15] HMAC and HKDF: seed, next chain key and message keys of the chain key seq(00)', () => {
    const seed = provider.hmacSha256(seq(0x00), SEED_CONSTANT);
    expect(toHex(seed)).toBe('9b4c8120a4823a95f47cde17a244f4507244ee6e3957d1fab9fa29b44d3829b7');
    expect(toHex(provider.hmacSha256(seq(0x00), CHAIN_CONSTANT))).toBe(
      '4304c22c84a53755ab08ead8d97a8d429be5efa480682d7ad1da27f73e1fbe1d',
    );
    const expand = (salt: Uint8Array) => toHex(provider.hkdfSha256(seed, salt, utf8('WhisperMessageKeys'), 80));
    const noSalt =
      '86268814b41f5fd154659f26873660e3dbc8b205155c3b59b8570b015d773c0cdea51fa5beca2618971c4292647b81e83f2b4edd03e0d292a87ec66e0163abdb21cfd5b9956a1631f6b7b5b5bdf7b791';
    expect(expand(EMPTY)).toBe(noSalt);
    expect(expand(new Uint8Array(32))).toBe(noSalt);
    expect(expand(seq(0x40))).toBe(
      '4c4c7c370ac7c6db00368048ee29592887541c4ce2b3ae5c8e712c1758a688470103543018172565c7819d1afc4413172c27aa45570d3bdbf3c074e5b2038590ace3335bcccae1157ee238c21328519d',
    );
  });

  test('[KEY-15] HMAC and HKDF: the sender key chain seq(00)', () => {
    const seed = provider.hmacSha256(seq(0x00), SEED_CONSTANT);
    expect(toHex(provider.hkdfSha256(seed, EMPTY, utf8('WhisperGroup'), 48))).toBe(
      'ed1f5e26325b1399f6a34c76e47ff047d89f10a08215e845ceb4df3fc59c052ad09e01cd499650025ff83df48ed656e6',
    );
  });

  test('[KEY-13] ML-KEM-1024 with seed 00…3f and coins c8…e7 hashed: key, ciphertext, secrets of a deployed exchange', () => {
    const pair = provider.kemFromSeed('ML-KEM-1024', concat(seq(0x00), seq(0x20)));
    const expanded = provider.kemExpand('ML-KEM-1024', pair.privateKey);
    const sha256 = (bytes: Uint8Array) => toHex(provider.sha256(bytes));
    expect(sha256(pair.publicKey)).toBe('c7b8fa0aa471d5ae18922d6ccad5b31e1d84f92ae723abfd13747018740a8530');
    expect(sha256(expanded.expose())).toBe('3a2a676c5a242ee683cb6097c8f3e64fbef4d90267f9250ec2beab8f99621fad');
    const coins = provider.sha3_256(seq(0xc8));
    expect(toHex(coins)).toBe('02d03165f845e359c23fdf717e0b74a1f8dc103199e4b93da1e006f2a880b968');
    const made = provider.kemEncapsulate('ML-KEM-1024', pair.publicKey, scriptedRandom([coins]));
    expect(sha256(made.ciphertext)).toBe('29c4e2cfb464bbb9fa4ad9aad4eae290a71fbe984c51dd9b4592860f834fe57c');
    const secret = '3b33d1ab6b2e500adf230a7b909bf62bd51f21b3e0c76cddc7a871c3da36b48f';
    expect(toHex(made.sharedSecret.expose())).toBe(secret);
    for (const key of [pair.privateKey, new Secret<'KemPrivateKey'>(expanded.expose().slice())]) {
      expect(toHex(provider.kemDecapsulate('ML-KEM-1024', key, made.ciphertext).expose())).toBe(secret);
    }
    made.ciphertext[0] = (made.ciphertext[0] as number) ^ 1;
    expect(toHex(provider.kemDecapsulate('ML-KEM-1024', pair.privateKey, made.ciphertext).expose())).toBe(
      '3979810c74eced807101d3db2e8004b163872c7e18b76ff84f38e99602332dfd',
    );
  });
});
