/**
 * X25519 and XEdDSA against published vectors.
 *
 * @spec 01-keys §3, §5
 */
import { describe, expect, test } from 'vitest';
import { toHex } from '../../protocol/bytes/bytes.ts';
import { isCanonicalPublicKey } from '../../protocol/crypto/keys.ts';
import { isProtocolError } from '../../protocol/errors.ts';
import { externalVectors, HAVE_VECTORS } from '../support/external-vectors.ts';
import { PROVIDERS } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';
import { scriptedRandom } from '../support/seeded-random.ts';
import { hex, vectorCases } from './external.ts';

type Verdict = 'agrees' | 'zero secret';
/** For each flag: cases that agree and cases refused for an all-zero secret; of all of them, keys that pass the checks of `keys.ts`. */
interface Row {
  agrees: number;
  refused: number;
  canonical: number;
  primeOrder: number;
}

/** The verdicts on the 415 cases, by Wycheproof flag; a case may have several flags. */
const VERDICTS: Readonly<Record<string, Row>> = {
  EdgeCaseMultiplication: { agrees: 311, refused: 4, canonical: 315, primeOrder: 23 },
  EdgeCasePrivateKey: { agrees: 6, refused: 0, canonical: 6, primeOrder: 6 },
  EdgeCaseShared: { agrees: 11, refused: 0, canonical: 11, primeOrder: 4 },
  Ktv: { agrees: 2, refused: 0, canonical: 2, primeOrder: 1 },
  LowOrderPublic: { agrees: 0, refused: 25, canonical: 12, primeOrder: 0 },
  NonCanonicalPublic: { agrees: 11, refused: 5, canonical: 0, primeOrder: 0 },
  Normal: { agrees: 1, refused: 0, canonical: 1, primeOrder: 1 },
  SmallPublicKey: { agrees: 0, refused: 7, canonical: 4, primeOrder: 0 },
  SpecialPublicKey: { agrees: 54, refused: 10, canonical: 47, primeOrder: 4 },
  Twist: { agrees: 175, refused: 4, canonical: 172, primeOrder: 0 },
  ZeroSharedSecret: { agrees: 0, refused: 25, canonical: 12, primeOrder: 0 },
};

interface DerivedFile {
  readonly cases: readonly (Readonly<Record<string, string>> & { readonly id: string; readonly form: string })[];
}

describe.each(PROVIDERS)('published curve vectors, $name', (provider) => {
  const agree = (privateKey: Uint8Array, publicKey: Uint8Array): { verdict: Verdict; shared: string } => {
    try {
      const pair = provider.x25519FromPrivate(privateKey);
      return { verdict: 'agrees', shared: toHex(provider.x25519Agree(pair.privateKey, publicKey).expose()) };
    } catch (error) {
      if (!isProtocolError(error, 'InvalidKey') || error.reason !== 'zero-shared-secret') throw error;
      return { verdict: 'zero secret', shared: '00'.repeat(32) };
    }
  };

  test.skipIf(!HAVE_VECTORS)(
    '[PRIM-01] [KEY-07] Wycheproof X25519: every answer, every all-zero secret refused, verdicts by flag as recorded',
    () => {
      const cases = vectorCases('wycheproof/x25519_test.json', 415);
      if (cases === null) return;
      const table: Record<string, Row> = {};
      for (const { vector } of cases) {
        const publicKey = hex(vector, 'public');
        const { verdict, shared } = agree(hex(vector, 'private'), publicKey);
        expect(shared, `tcId ${vector.tcId}`).toBe(vector.shared);
        const zero = (vector.flags ?? []).includes('ZeroSharedSecret');
        expect(verdict, `tcId ${vector.tcId}`).toBe(zero ? 'zero secret' : 'agrees');
        const canonical = isCanonicalPublicKey(publicKey);
        const primeOrder = canonical && provider.x25519IsPrimeOrder(publicKey);
        for (const flag of vector.flags ?? []) {
          table[flag] ??= { agrees: 0, refused: 0, canonical: 0, primeOrder: 0 };
          const row = table[flag] as Row;
          row[verdict === 'agrees' ? 'agrees' : 'refused']++;
          if (canonical) row.canonical++;
          if (primeOrder) row.primeOrder++;
        }
      }
      expect(table).toEqual(VERDICTS);
      reportCount('PRIM-01', `Wycheproof X25519, ${provider.name}`, cases.length);
    },
  );

  test.skipIf(!HAVE_VECTORS)('[KEY-07] agreements and chains of Signal libraries', () => {
    const file = externalVectors<DerivedFile>('signal-derived/x25519.json');
    if (file === null) return;
    const byId = new Map(file.cases.map((vector) => [vector.id, vector]));
    expect([...byId.keys()]).toEqual(['agreement', 'keygen-1000', 'ecdh-1000']);
    const agreement = byId.get('agreement') as DerivedFile['cases'][number];
    for (const [mine, theirs] of [
      ['alice', 'bob'],
      ['bob', 'alice'],
    ]) {
      const pair = provider.x25519FromPrivate(hex(agreement, `${mine}Private`));
      expect(toHex(pair.publicKey)).toBe(agreement[`${mine}Public`]);
      const shared = provider.x25519Agree(pair.privateKey, hex(agreement, `${theirs}Public`));
      expect(toHex(shared.expose())).toBe(agreement.shared);
    }
    // keygen-1000 multiplies without clamping, which no function here does.
    let [scalar, point, last] = [new Uint8Array(32), new Uint8Array(32), new Uint8Array(32)] as Uint8Array[];
    (scalar as Uint8Array)[0] = 100;
    (point as Uint8Array)[0] = 100;
    for (let i = 0; i < 1000; i++) {
      const { privateKey } = provider.x25519FromPrivate(scalar as Uint8Array);
      point = provider.x25519Agree(privateKey, point as Uint8Array).expose();
      last = provider.x25519Agree(privateKey, point).expose();
      scalar = last;
    }
    expect(toHex(last as Uint8Array)).toBe(byId.get('ecdh-1000')?.expected);
    reportCount('KEY-07', `published X25519 agreements and chains, ${provider.name}`, 2);
  });

  test.skipIf(!HAVE_VECTORS)(
    '[KEY-08] [KEY-09] [KEY-11] XEdDSA of Signal libraries: signatures of every form verify, ours are equal byte for byte',
    () => {
      const file = externalVectors<DerivedFile>('signal-derived/xeddsa.json');
      if (file === null) return;
      expect(file.cases.length).toBe(8);
      let [signed, negatives] = [0, 0];
      for (const vector of file.cases) {
        const pair = provider.x25519FromPrivate(hex(vector, 'privateKey'));
        if (vector.publicKey !== undefined) expect(toHex(pair.publicKey)).toBe(vector.publicKey);
        const [message, signature] = [hex(vector, 'msg'), hex(vector, 'sig')];
        expect(provider.xeddsaVerify(pair.publicKey, message, signature), vector.id).toBe(true);
        for (let at = 0; at < 64; at++, negatives++) {
          const damaged = signature.slice();
          damaged[at] = (damaged[at] as number) ^ 1;
          expect(provider.xeddsaVerify(pair.publicKey, message, damaged), `${vector.id} byte ${at}`).toBe(false);
        }
        expect(provider.xeddsaVerify(new Uint8Array(32).fill(0xff), message, signature)).toBe(false);
        if (vector.form !== 'signal' || vector.random === undefined) continue;
        const random = scriptedRandom([hex(vector, 'random')]);
        expect(toHex(provider.xeddsaSign(pair.privateKey, message, random)), vector.id).toBe(vector.sig);
        signed++;
      }
      expect(signed).toBe(2);
      reportCount('KEY-08', `published XEdDSA signatures made, ${provider.name}`, signed);
      reportCount(
        'KEY-09',
        `published XEdDSA signatures verified or refused, ${provider.name}`,
        file.cases.length + negatives,
      );
    },
  );
});
