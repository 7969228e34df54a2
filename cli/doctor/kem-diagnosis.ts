/**
 * Which text each side of a failed encapsulation follows.
 *
 * @spec 16-doctor §2
 * Owns: what may be concluded from which inputs, and what may not. Must not know: files, output.
 */
import { equalBytes } from '../../protocol/bytes/bytes.ts';
import type { Secret } from '../../protocol/bytes/secret.ts';
import type { CryptoProvider, KemParameterSet } from '../../protocol/crypto/provider.ts';
import { isProtocolError } from '../../protocol/errors.ts';
import {
  type Candidate,
  decapsulations,
  type Encapsulated,
  encapsulations,
  isWrapped,
  opensItsOwn,
  privateKeyOf,
  seedReadings,
  type Variant,
} from './kem-variants.ts';

/** What is known of one encapsulation. Raw bytes of the right lengths for the set; null: not given. */
export interface KemCase {
  readonly set: KemParameterSet;
  readonly publicKey: Uint8Array | null;
  readonly ciphertext: Uint8Array | null;
  /** Up to two shared secrets, 32 bytes each: one a side. */
  readonly shared: readonly Uint8Array[];
  readonly seed: Uint8Array | null;
  readonly privateKey: Uint8Array | null;
  readonly coins: Uint8Array | null;
}

/** One thing found out, or not. */
export interface Finding {
  readonly about: 'key' | 'ciphertext' | 'secret 1' | 'secret 2';
  readonly verdict: 'named' | 'none fits' | 'undecided';
  readonly variant: Variant | null;
  /** True for the secret of a side that did not accept the ciphertext (DOC-05). */
  readonly rejected: boolean;
  readonly text: string;
}

/** A question that the inputs leave open, and the input that would decide it. */
export interface Question {
  readonly question: string;
  readonly decidedBy: string;
}

/** What the doctor says. */
export interface Diagnosis {
  readonly findings: readonly Finding[];
  readonly undecided: readonly Question[];
  /** `agree`: every secret given has a name, and it is the same; `differ`: they do not; `undecided`: not enough was given. */
  readonly conclusion: 'agree' | 'differ' | 'undecided';
}

interface KeyReading {
  readonly name: string;
  readonly privateKey: Secret<'KemPrivateKey'>;
}

interface Known {
  readonly readings: readonly KeyReading[];
  readonly encapsulated: readonly Encapsulated[];
  readonly candidates: readonly Candidate[];
  readonly findings: readonly Finding[];
}

function finding(about: Finding['about'], verdict: Finding['verdict'], text: string, variant?: Variant): Finding {
  return { about, verdict, variant: variant ?? null, rejected: false, text };
}

function fromSeed(provider: CryptoProvider, { set, seed, publicKey }: KemCase): [KeyReading[], Finding[]] {
  if (seed === null) return [[], []];
  const readings = seedReadings(provider, set, seed);
  if (publicKey === null) return [readings, []];
  const fitting = readings.filter((reading) => equalBytes(reading.publicKey, publicKey));
  if (fitting.length === 0) return [[], [finding('key', 'none fits', 'no reading of the seed gives this public key')]];
  // Equal halves have no order.
  return [fitting, [finding('key', 'named', fitting.map(({ name }) => name).join(', or '))]];
}

/** The expanded key: dk ‖ ek ‖ H(ek) ‖ z. */
function fromPrivate(provider: CryptoProvider, { set, privateKey, publicKey }: KemCase): [KeyReading[], Finding[]] {
  if (privateKey === null) return [[], []];
  const { publicKey: length } = provider.kemLengths(set);
  const end = privateKey.length - 64;
  const inside = privateKey.subarray(end - length, end);
  const hash = privateKey.subarray(end, end + 32);
  const none = (text: string): [KeyReading[], Finding[]] => [[], [finding('key', 'none fits', text)]];
  if (!equalBytes(hash, provider.sha3_256(inside))) {
    const old = equalBytes(hash, provider.sha256(inside));
    return none(
      old
        ? 'the private key hashes its public key with SHA-256: a 90s variant of Kyber, of which nothing more is checked here'
        : 'the hash inside the private key is not that of its public key: the file is damaged, or of another layout',
    );
  }
  const reading = { name: 'the private key as given', privateKey: privateKeyOf(privateKey) };
  if (!opensItsOwn(provider, set, reading.privateKey, inside)) {
    return none(
      'the private key does not open what is encapsulated to the public key inside it: its first part is damaged',
    );
  }
  if (publicKey === null) return [[reading], []];
  if (!equalBytes(inside, publicKey)) return none('the private key belongs to another public key');
  return [[reading], [finding('key', 'named', 'the private key holds this public key (both texts lay it out alike)')]];
}

function byKey(provider: CryptoProvider, { set, ciphertext }: KemCase, readings: readonly KeyReading[]) {
  if (ciphertext === null || readings.length === 0) return { candidates: [], findings: [], readings };
  const tried = readings.map((reading) => ({
    reading,
    ...decapsulations(provider, set, reading.privateKey, ciphertext),
  }));
  const valid = tried.filter((attempt) => attempt.valid);
  const [first] = valid;
  const findings =
    first === undefined
      ? [
          finding(
            'ciphertext',
            'none fits',
            'decapsulation rejects it: it was made for another key, altered on the way, or made by a text not known here',
          ),
        ]
      : [finding('ciphertext', 'named', `made for this key (${first.reading.name})`)];
  const used = first === undefined ? tried : valid;
  return {
    candidates: used.flatMap(({ candidates }) => candidates),
    findings,
    readings: used.map((one) => one.reading),
  };
}

function byCoins(provider: CryptoProvider, { set, publicKey, coins, ciphertext }: KemCase) {
  if (publicKey === null || coins === null) return { encapsulated: [], findings: [] };
  const all = encapsulations(provider, set, publicKey, coins);
  if (ciphertext === null) return { encapsulated: all, findings: [] };
  const fitting = all.filter((one) => equalBytes(one.ciphertext, ciphertext));
  const [first] = fitting;
  const text = first === undefined ? 'no text makes it of these coins and this public key' : `made as ${first.name}`;
  return {
    // A ciphertext that was altered says nothing against the secret.
    encapsulated: first === undefined ? all : fitting,
    findings: [finding('ciphertext', first === undefined ? 'none fits' : 'named', text)],
  };
}

/** Everything that can be computed, and what that alone tells. */
function compute(provider: CryptoProvider, given: KemCase): Known {
  const [seedKeys, seedFindings] = fromSeed(provider, given);
  const [ownKeys, ownFindings] = fromPrivate(provider, given);
  const keyed = byKey(provider, given, [...seedKeys, ...ownKeys]);
  const { encapsulated, findings } = byCoins(provider, given);
  return {
    readings: keyed.readings,
    encapsulated,
    candidates: [...keyed.candidates, ...encapsulated.flatMap(({ candidates }) => candidates)],
    findings: [...seedFindings, ...ownFindings, ...keyed.findings, ...findings],
  };
}

/** The plainest of the names that a secret has: that of a text before that of a mixture. */
function nameOf(candidates: readonly Candidate[], secret: Uint8Array): Candidate | null {
  const fitting = candidates.filter((candidate) => equalBytes(candidate.secret, secret));
  return fitting.find(({ variant }) => variant !== 'a mixture') ?? fitting[0] ?? null;
}

function judgeSecret(known: Known, secret: Uint8Array, about: 'secret 1' | 'secret 2'): Finding {
  const named = nameOf(known.candidates, secret);
  // @req DOC-03
  if (named !== null) {
    const { variant, name, rejected } = named;
    const note = rejected ? ', implicit rejection: this side did not accept the ciphertext' : '';
    return { ...finding(about, 'named', `${variant}: ${name}${note}`, variant), rejected };
  }
  if (known.candidates.length === 0) return finding(about, 'undecided', 'nothing given here leads to a secret');
  if (known.encapsulated.length === 0 && known.candidates.every(({ rejected }) => rejected)) {
    return finding(
      about,
      'undecided',
      'of the side that encapsulated, perhaps: a rejected ciphertext does not lead to its secret',
    );
  }
  return finding(about, 'none fits', 'no text known here comes to it from what is given');
}

/** Two secrets and their ciphertext show by themselves that one side hashed once more, unless something else says that neither fits. */
function judgePair(provider: CryptoProvider, given: KemCase, judged: readonly Finding[]): readonly Finding[] {
  const [one, two] = given.shared;
  // @req DOC-04
  const open = judged.every(({ verdict }) => verdict === 'undecided');
  if (one === undefined || two === undefined || given.ciphertext === null || !open) return judged;
  const inner = (about: Finding['about']) =>
    finding(about, 'named', 'FIPS 203: without the last hash of round 3; K, or J of a rejected ciphertext', 'FIPS 203');
  const outer = (about: Finding['about']) =>
    finding(about, 'named', 'Kyber round 3: KDF(secret ‖ H(c)) of the other', 'Kyber round 3');
  if (isWrapped(provider, one, two, given.ciphertext)) return [inner('secret 1'), outer('secret 2')];
  if (isWrapped(provider, two, one, given.ciphertext)) return [outer('secret 1'), inner('secret 2')];
  return judged;
}

/** What would name a secret that has no name yet. */
function deciding({ publicKey, ciphertext, seed, privateKey }: KemCase): string {
  const coins = publicKey === null ? '--coins with --public' : '--coins';
  if (ciphertext === null) return `--ciphertext with --seed or --private; or ${coins}`;
  return seed === null && privateKey === null ? `--seed or --private; or ${coins}` : coins;
}

function openQuestions(given: KemCase, known: Known, secrets: readonly Finding[]): Question[] {
  const { publicKey, ciphertext, seed, privateKey, coins, shared } = given;
  const questions: Question[] = [];
  const ask = (question: string, decidedBy: string) => questions.push({ question, decidedBy });
  const noKey = seed === null && privateKey === null;
  if (secrets.some(({ verdict }) => verdict === 'undecided')) ask('which text each secret follows', deciding(given));
  if (seed === null)
    ask(
      'how the key owner expands a seed (d ‖ z or z ‖ d, with or without k)',
      publicKey === null ? '--seed with --public' : '--seed',
    );
  else if (publicKey === null && known.readings.length > 1) ask('how the key owner expands the seed', '--public');
  if (ciphertext !== null && coins === null) {
    ask(
      'whether the encapsulating side hashes its coins first, as round 3 does: the ciphertext does not show it',
      publicKey === null ? '--coins with --public' : '--coins',
    );
  }
  if (coins !== null && publicKey === null) ask('what the coins make', '--public');
  if (ciphertext !== null && noKey && known.encapsulated.length === 0)
    ask('whether the ciphertext is for this key', '--seed or --private');
  if (shared.length === 0) ask('which text either side follows in the end', '--shared, once for each side');
  if (shared.length === 1) ask('what the other side came to', 'a second --shared');
  return questions;
}

function conclude(given: KemCase, secrets: readonly Finding[], findings: readonly Finding[]): Diagnosis['conclusion'] {
  if ([...secrets, ...findings].some(({ verdict }) => verdict === 'none fits')) return 'differ';
  const [one, two] = given.shared;
  if (one !== undefined && two !== undefined && !equalBytes(one, two)) return 'differ';
  if (one === undefined || secrets.some(({ verdict }) => verdict === 'undecided')) return 'undecided';
  return secrets.some(({ rejected }) => rejected) ? 'differ' : 'agree';
}

/**
 * Names the text that each secret, the ciphertext and the key follow; what the inputs leave open is listed, not guessed.
 * @throws {ProtocolError} `InvalidKey` where the public key is not one (`unreduced-kem-key`).
 */
export function diagnose(provider: CryptoProvider, given: KemCase): Diagnosis {
  const known = compute(provider, given);
  const judged = given.shared.map((secret, i) => judgeSecret(known, secret, i === 0 ? 'secret 1' : 'secret 2'));
  const secrets = judgePair(provider, given, judged);
  return {
    findings: [...known.findings, ...secrets],
    undecided: openQuestions(given, known, secrets),
    conclusion: conclude(given, secrets, known.findings),
  };
}

/** True for an error of what was given, not of this program. */
export function isInputError(error: unknown): boolean {
  return isProtocolError(error, 'InvalidKey') || isProtocolError(error, 'InvalidMessage');
}
