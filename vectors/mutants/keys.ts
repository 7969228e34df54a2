/**
 * Mutants of keys and signatures.
 *
 * @spec 14-vectors §7
 * Owns: their changes. Must not know: how they are run.
 */
import type { Mutant } from './mutant.ts';

export const KEY_MUTANTS: readonly Mutant[] = [
  {
    name: 'scalar-not-clamped',
    wrong: 'signs with the private key as it was drawn, without clamping it',
    origin: 'https://www.rfc-editor.org/rfc/rfc7748#section-5',
    family: 'xeddsa',
    changes: [
      {
        file: 'protocol/crypto/inputs.ts',
        text: 'scalar[0] = (scalar[0] as number) & 248;\n  scalar[31] = ((scalar[31] as number) & 127) | 64;',
        becomes: '',
      },
    ],
  },
  {
    name: 'sign-normalised',
    wrong: 'negates the scalar where A has its sign set, as the published text says and nobody deploys',
    origin: 'https://signal.org/docs/specifications/xeddsa/',
    family: 'xeddsa',
    changes: [
      {
        file: 'protocol/crypto/xeddsa.ts',
        text: 'const a = Fn.create(littleEndian(privateKey));\n  const A = Point.BASE.multiply(a).toBytes();',
        becomes: `const given = Fn.create(littleEndian(privateKey));
  const A = Point.BASE.multiply(given).toBytes();
  const a = (A[31] & SIGN_BIT) === 0 ? given : Fn.neg(given);
  A[31] &= ~SIGN_BIT;`,
      },
    ],
  },
  {
    name: 's-above-order-accepted',
    wrong: 'reduces s modulo L instead of refusing s ≥ L: every signature has a twin',
    origin: 'PRIM-05',
    family: 'xeddsa',
    changes: [
      {
        file: 'protocol/crypto/edwards.ts',
        text: 'if (littleEndian(s) >= Fn.ORDER) return null;',
        becomes: 'if (((s[31] as number) & 0xe0) !== 0) return null;',
      },
      {
        file: 'protocol/crypto/edwards.ts',
        text: 'return { A: publicKey.slice(), R, s };',
        becomes: 'return { A: publicKey.slice(), R, s: toLittleEndian(Fn.create(littleEndian(s))) };',
      },
    ],
  },
  {
    name: 'small-order-accepted',
    wrong: 'verifies signatures whose R or A has small order',
    origin: 'PRIM-05',
    family: 'xeddsa',
    changes: [
      {
        file: 'protocol/crypto/edwards.ts',
        text: ' || isSmallOrder(publicKey) || isSmallOrder(R)',
        becomes: '',
      },
      {
        // Some releases of OpenSSL refuse small orders themselves.
        file: 'protocol/crypto/node.ts',
        text: '(publicKey, message, signature) => verify(checkXeddsa(publicKey, signature), message)',
        becomes: '(publicKey, message, signature) => nobleProvider.xeddsaVerify(publicKey, message, signature)',
      },
    ],
  },
  {
    name: 'high-bit-ignored',
    wrong: 'takes a public key with bit 255 set for the one without it: one point, two contacts',
    origin: 'PRIM-04',
    family: 'xeddsa',
    changes: [
      {
        file: 'protocol/crypto/keys.ts',
        text: 'const high = publicKey[EC_KEY_BYTES - 1] as number;',
        becomes: 'const high = (publicKey[EC_KEY_BYTES - 1] as number) & 0x7f;',
      },
    ],
  },
];
