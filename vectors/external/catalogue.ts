/**
 * Which published files are run, by what, and how many cases they must have.
 *
 * @spec 14-vectors §1
 * Owns: the list of files, the rule for files that are not in it, the recorded counts. Must not know: folders.
 */
import { readFileSync } from 'node:fs';
import { dialogues } from './dialogues.ts';
import { fingerprints } from './fingerprints.ts';
import { ratchetKdf, x3dh } from './handshake.ts';
import { acvpKeys, kemDecapsulations, kemEncapsulations, kemExpandedKeys, kemKeys, kemKnownAnswers } from './ml-kem.ts';
import { kemSteps } from './ml-kem-steps.ts';
import { BadFile, summaryOf } from './shape.ts';
import { ed25519Signatures, xeddsa } from './signatures.ts';
import { aes256Cbc, hkdfSha256, hmacSha256 } from './symmetric.ts';
import type { Family, Outcome, Run } from './verdict.ts';
import { x25519Agreements, x25519Chains } from './x25519.ts';

/** What a file must have at least. */
export interface Recorded {
  /** Published cases. */
  readonly cases: number;
  /** Of these, cases that are run; 0 for a file that is not used. */
  readonly run: number;
  /** Cases made from published ones. */
  readonly derived: number;
  /** Cases with an answer of OpenSSL's, for the node provider. */
  readonly native: number;
  /** Such answers: a case may have several. */
  readonly answers: number;
}

/** By path in the collection that was recorded: set, then file. */
export const RECORDED: Readonly<Record<string, Recorded>> = JSON.parse(
  readFileSync(new URL('../external-counts.json', import.meta.url), 'utf8'),
) as Record<string, Recorded>;

/** File names are the same wherever a set lies. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** What is recorded of the file of this name, or null. */
export function recordedOf(path: string): Recorded | null {
  const known = Object.keys(RECORDED).find((name) => baseName(name) === baseName(path));
  return known === undefined ? null : (RECORDED[known] as Recorded);
}

const PARAMETERS = ['512', '768', '1024'];
const kem = (name: string, family: Family): [string, Family][] =>
  PARAMETERS.map((set) => [`mlkem_${set}${name}_test.json`, family]);

/** Files of primitives that the product has. Those without a recorded count are in a checkout of Wycheproof alone. */
const FAMILIES: ReadonlyMap<string, Family> = new Map<string, Family>([
  ['x25519_test.json', x25519Agreements],
  ['ed25519_test.json', ed25519Signatures],
  ['hmac_sha256_test.json', hmacSha256],
  ['hkdf_sha256_test.json', hkdfSha256],
  ['aes_cbc_pkcs5_test.json', aes256Cbc],
  ...kem('_keygen_seed', kemKeys),
  ...kem('_encaps', kemEncapsulations),
  ...kem('', kemDecapsulations),
  ...kem('_semi_expanded_decaps', kemExpandedKeys),
  ['ML-KEM-keyGen-FIPS203.internalProjection.json', acvpKeys],
  ['nistkats_mlkem_1024.json', kemKnownAnswers('ML-KEM-1024')],
  ['nistkats_kyber_1024.json', kemKnownAnswers('Kyber-1024-r3')],
  ['intermediate-ML-KEM-768.json', kemSteps],
  ['intermediate-ML-KEM-1024.json', kemSteps],
  ['x25519.json', x25519Chains],
  ['xeddsa.json', xeddsa],
  ['x3dh.json', x3dh],
  ['ratchet-kdf.json', ratchetKdf],
  ['session-v3-scripts.json', dialogues],
  ['fingerprint.json', fingerprints],
]);

/** Algorithms, as Wycheproof calls them, of which the product has a part. */
const OURS = ['XDH', 'EDDSA', 'HMACSHA256', 'HKDF-SHA-256', 'AES-CBC-PKCS5', 'ML-KEM'];
const NOT_USED: ReadonlyMap<string, string> = new Map([['draft-xwing-test-vectors.json', 'X-Wing']]);

/** What is done with a file. */
export type Use =
  | { readonly use: 'run'; readonly run: Run }
  /** The product has no such primitive. */
  | { readonly use: 'not used'; readonly algorithm: string; readonly cases: number }
  | { readonly use: 'unknown'; readonly algorithm: string | null; readonly cases: number | null };

/** A run in which a fault of ours is a failed case, not the end of everything. */
function guarded(run: Run): Run {
  return (provider) => {
    try {
      return run(provider);
    } catch (error) {
      if (error instanceof BadFile) throw error;
      const differences = [`threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`];
      const verdict = { id: 'all', derived: false, refused: null, differences, native: 0, fallback: 0 };
      return { verdicts: [verdict], unused: [] };
    }
  };
}

/** Decides what is done with a file. @throws {BadFile} where a file that is to be run has another shape. */
export function useOf(path: string, json: unknown): Use {
  const name = baseName(path);
  const family = FAMILIES.get(name);
  if (family !== undefined) return { use: 'run', run: guarded(family(path, json)) };
  const described = summaryOf(json);
  const algorithm = NOT_USED.get(name) ?? described?.algorithm ?? null;
  // @req VEC-01
  if (described !== null && algorithm !== null && !OURS.includes(algorithm))
    return { use: 'not used', algorithm, cases: described.cases };
  if (recordedOf(path) !== null) throw new BadFile(path, 'wrong shape: it has no cases');
  return { use: 'unknown', algorithm, cases: described?.cases ?? null };
}

/** Published cases, cases run, derived cases and native answers of one outcome. */
export function countsOf({ verdicts, unused }: Outcome): Recorded {
  const run = verdicts.filter(({ derived }) => !derived).length;
  const native = verdicts.filter((verdict) => verdict.native > 0).length;
  const answers = verdicts.reduce((sum, verdict) => sum + verdict.native, 0);
  return { cases: run + unused.length, run, derived: verdicts.length - run, native, answers };
}
