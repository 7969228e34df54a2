/**
 * X25519 and XEdDSA against published vectors.
 *
 * @spec 01-keys §3, §5
 */
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../protocol/bytes/bytes.ts';
import { isCanonicalPublicKey } from '../../protocol/crypto/keys.ts';
import { externalOutcome, externalVectors, HAVE_VECTORS, refusals } from '../support/external-vectors.ts';
import { PROVIDERS } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';

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

interface AgreementFile {
  readonly testGroups: readonly {
    readonly tests: readonly { readonly tcId: number; readonly flags: readonly string[]; readonly public: string }[];
  }[];
}

interface SignatureFile {
  readonly cases: readonly { readonly form: string; readonly random?: string }[];
}

describe.each(PROVIDERS)('published curve vectors, $name', (provider) => {
  test.skipIf(!HAVE_VECTORS)(
    '[PRIM-01] [KEY-07] Wycheproof X25519: every answer, every all-zero secret refused, verdicts by flag as recorded',
    () => {
      const path = 'wycheproof/x25519_test.json';
      const [outcome, file] = [externalOutcome(path, provider), externalVectors<AgreementFile>(path)];
      if (outcome === null || file === null) return;
      const verdicts = new Map(outcome.verdicts.map((verdict) => [verdict.id, verdict]));
      const table: Record<string, Row> = {};
      for (const vector of file.testGroups.flatMap(({ tests }) => tests)) {
        const refused = verdicts.get(String(vector.tcId))?.refused ?? null;
        expect(refused !== null, `tcId ${vector.tcId}`).toBe(vector.flags.includes('ZeroSharedSecret'));
        const publicKey = fromHex(vector.public);
        const canonical = isCanonicalPublicKey(publicKey);
        const primeOrder = canonical && provider.x25519IsPrimeOrder(publicKey);
        for (const flag of vector.flags) {
          table[flag] ??= { agrees: 0, refused: 0, canonical: 0, primeOrder: 0 };
          const row = table[flag] as Row;
          row[refused === null ? 'agrees' : 'refused']++;
          if (canonical) row.canonical++;
          if (primeOrder) row.primeOrder++;
        }
      }
      expect(table).toEqual(VERDICTS);
      expect(Object.keys(refusals(outcome))).toEqual(['InvalidKey zero-shared-secret']);
      reportCount('PRIM-01', `Wycheproof X25519, ${provider.name}`, outcome.verdicts.length);
    },
  );

  test.skipIf(!HAVE_VECTORS)('[KEY-07] agreements and chains of Signal libraries', () => {
    const outcome = externalOutcome('signal-derived/x25519.json', provider);
    if (outcome === null) return;
    expect(outcome.verdicts.map(({ id }) => id)).toEqual(['agreement', 'keygen-1000', 'ecdh-1000']);
    reportCount('KEY-07', `published X25519 agreements and chains, ${provider.name}`, outcome.verdicts.length);
  });

  test.skipIf(!HAVE_VECTORS)(
    '[KEY-08] [KEY-09] [KEY-11] XEdDSA of Signal libraries: signatures of every form verify, ours are equal byte for byte',
    () => {
      const path = 'signal-derived/xeddsa.json';
      const [outcome, file] = [externalOutcome(path, provider), externalVectors<SignatureFile>(path)];
      if (outcome === null || file === null) return;
      const damaged = outcome.verdicts.filter(({ derived, id }) => derived && id.startsWith('libsignal-verify'));
      expect(damaged.filter(({ id }) => id.endsWith('^ 1')).length).toBe(64);
      const made = file.cases.filter(({ form, random }) => form === 'signal' && random !== undefined);
      expect(made.length).toBe(2);
      reportCount('KEY-08', `published XEdDSA signatures made, ${provider.name}`, made.length);
      const verified = outcome.verdicts.length;
      reportCount('KEY-09', `published XEdDSA signatures verified or refused, ${provider.name}`, verified);
    },
  );
});
