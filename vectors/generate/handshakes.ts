/**
 * Handshakes of every suite with fixed keys, and one good handshake to spoil.
 *
 * @spec 02-handshake §2, §3
 * Owns: arguments of both halves, valid tests, the shape of a refused one. Must not know: what can be wrong with a value.
 */
import type { Fields, Json } from '../../cli/conform/vector-file.ts';
import { getKem, type KemName } from '../../protocol/crypto/kem.ts';
import { nobleProvider as provider } from '../../protocol/crypto/noble.ts';
import type { SuiteName } from '../../protocol/handshake/suites.ts';
import type { CallDefinition } from './definition.ts';
import { change, fixed, fixedHex, hex } from './definition.ts';
import { type Pair, pair, sign } from './parties.ts';

/** One encapsulation to the pair of a suite. */
export interface Encapsulation {
  readonly random: string;
  readonly shared: string;
  /** Wire form. */
  readonly ciphertext: string;
}

/** The one pair of a suite's KEM, as hex in wire form. */
export interface KemKit {
  readonly type: number;
  readonly public: string;
  readonly seed: string;
  readonly expanded: string;
  readonly encapsulations: readonly Encapsulation[];
}

/** A suite as its tests name it. */
export interface Kit {
  readonly suite: SuiteName;
  /** In checks. */
  readonly name: string;
  readonly kem: KemKit | null;
  /** Whether libsignal 0.103.0 speaks the suite, so that it can be more lenient. */
  readonly deployed: boolean;
  readonly req: readonly string[];
  /** Which flaws of EC keys and signatures are repeated in the suite, which cost a KEM key each. */
  readonly repeats: (flaw: string) => boolean;
  /** Which flaws of KEM keys and ciphertexts. */
  readonly repeatsKem: (flaw: string) => boolean;
}

/** Keys are large: all handshakes share one pair and a few encapsulations. */
const ENCAPSULATIONS = 4;

/** The KEM of a suite with its pair. */
export function kemKit(name: KemName): KemKit {
  const kem = getKem(name);
  const type = kem.typeByte as number;
  const wired = (bytes: Uint8Array) => hex(Uint8Array.of(type), bytes);
  const seed = fixed(`${name} seed`, 64);
  const { publicKey, privateKey } = kem.fromSeed(provider, seed);
  const encapsulations = Array.from({ length: ENCAPSULATIONS }, (_, i) => {
    const random = `${name} encapsulation ${i}`;
    const made = kem.encapsulate(provider, publicKey, () => fixed(random));
    return {
      random: fixedHex(random),
      shared: hex(made.sharedSecret.expose()),
      ciphertext: wired(made.ciphertext),
    };
  });
  const expanded = provider.kemExpand(kem.parameterSet, privateKey).expose();
  return { type, public: wired(publicKey), seed: wired(seed), expanded: wired(expanded), encapsulations };
}

/** The keys of both sides of one handshake. */
export interface Keys {
  readonly name: string;
  readonly alice: Pair;
  readonly ephemeral: Pair;
  readonly bob: Pair;
  readonly signed: Pair;
  readonly oneTime: Pair;
}

/** The keys of a name; suites share them. */
export function keysOf(name: string): Keys {
  const key = (role: string) => pair(`handshake ${name}, ${role}`);
  return {
    name,
    alice: key('initiator identity'),
    ephemeral: key('ephemeral'),
    bob: key('responder identity'),
    signed: key('signed prekey'),
    oneTime: key('one-time prekey'),
  };
}

/**
 * How a KEM takes part: run from its randomness or its private key in one of two forms, with its secret given, or not at all,
 * where an initiation is refused before a KEM has its turn.
 */
type KemRole = 'run' | 'seed' | 'expanded' | 'given' | 'none';

/** What is special about one handshake. */
export interface Choice {
  readonly oneTime: boolean;
  readonly kem: KemRole;
  /** Which encapsulation. */
  readonly turn: number;
}

/** The responder's bundle. */
export function bundleOf({ kem }: Kit, { name, bob, signed, oneTime }: Keys, withOneTime: boolean): Fields {
  const kemPart =
    kem === null
      ? {}
      : {
          kemPreKeyId: 31,
          kemPreKey: kem.public,
          kemPreKeySignature: sign(bob, kem.public, `handshake ${name}, KEM`),
        };
  return {
    registrationId: 17,
    deviceId: 1,
    identity: bob.public,
    signedPreKeyId: 29,
    signedPreKey: signed.public,
    signedPreKeySignature: sign(bob, signed.public, `handshake ${name}`),
    ...(withOneTime ? { preKeyId: 23, preKey: oneTime.public } : {}),
    ...kemPart,
  };
}

function encapsulationOf(kem: KemKit, turn: number): Encapsulation {
  return kem.encapsulations[turn % ENCAPSULATIONS] as Encapsulation;
}

/** Arguments of the initiator's half. */
export function initiateArgs(kit: Kit, keys: Keys, { oneTime, kem: role, turn }: Choice): Fields {
  const { suite, kem } = kit;
  const head = { suite, identityPrivate: keys.alice.private, ephemeralPrivate: keys.ephemeral.private };
  const remote = bundleOf(kit, keys, oneTime);
  if (kem === null || role === 'none') return { ...head, remote };
  const { random, shared, ciphertext } = encapsulationOf(kem, turn);
  const part: Fields = role === 'given' ? { kemShared: shared, kemCiphertext: ciphertext } : { kemRandom: random };
  return { ...head, ...part, remote };
}

/** Arguments of the responder's half. */
export function respondArgs({ suite, kem }: Kit, keys: Keys, { oneTime, kem: role, turn }: Choice): Fields {
  const head = {
    suite,
    identityPrivate: keys.bob.private,
    signedPreKeyPrivate: keys.signed.private,
    ...(oneTime ? { oneTimePreKeyPrivate: keys.oneTime.private } : {}),
  };
  const tail = { remoteIdentity: keys.alice.public, ephemeralPublic: keys.ephemeral.public };
  if (kem === null) return { ...head, ...tail };
  const { shared, ciphertext } = encapsulationOf(kem, turn);
  const part: Fields =
    role === 'given'
      ? { kemShared: shared, kemPublic: kem.public }
      : { kemPrivate: role === 'expanded' ? kem.expanded : kem.seed };
  return { ...head, ...part, ...tail, kemCiphertext: ciphertext };
}

/** A good half. */
export function honest(kit: Kit, comment: string, args: Fields, flags: readonly string[] = []): CallDefinition {
  return { comment, req: kit.req, flags, args, trace: true };
}

/** The name of a handshake in comments, and its flags. */
export function described({ kem }: Kit, keys: Keys, choice: Choice): { comment: string; flags: string[] } {
  const forms = {
    none: '',
    run: ', the KEM run',
    seed: ', KEM private key a seed',
    expanded: ', KEM private key expanded',
    given: ', KEM secret given',
  };
  const oneTime = choice.oneTime ? 'with a one-time prekey' : 'without a one-time prekey';
  const flags = [
    ...(choice.oneTime ? [] : ['NoOneTime']),
    ...(kem !== null && choice.kem === 'given' ? ['GivenKem'] : []),
  ];
  return { comment: `handshake ${keys.name}, ${oneTime}${kem === null ? '' : forms[choice.kem]}`, flags };
}

/** The good handshake that every refused one differs from in one thing. */
export const SPOILT = keysOf('to be spoilt');

/** What is refused: a change of arguments, and why. */
export interface Spoiling {
  readonly what: string;
  readonly reason: string;
  readonly against: string;
  readonly req: readonly string[];
  /** Changed arguments; `undefined` takes one out. */
  readonly args?: Readonly<Record<string, Json | undefined>>;
  /** Changed fields of the bundle. */
  readonly remote?: Readonly<Record<string, Json | undefined>>;
  /** True where libsignal accepts it. */
  readonly lenient?: boolean;
}

const LENIENT = { strict: 'invalid', libsignal: 'valid' } as const;

function spoilt(kit: Kit, half: string, args: Fields, spoiling: Spoiling): CallDefinition {
  const { what, reason, against, req, lenient = false } = spoiling;
  return {
    comment: what,
    req,
    args,
    refused: { reason, against, check: `${kit.name} ${half}: ${what}` },
    ...(lenient && kit.deployed ? { verdicts: LENIENT } : {}),
  };
}

/** No KEM is run, so that a driver without one can refuse too. */
const UNTOUCHED: Choice = { oneTime: true, kem: 'none', turn: 0 };
const SEED: Choice = { oneTime: true, kem: 'seed', turn: 0 };

/** A refused initiation. */
export function spoiltInitiate(kit: Kit, spoiling: Spoiling, choice: Choice = UNTOUCHED): CallDefinition {
  const good = initiateArgs(kit, SPOILT, choice);
  const remote = change(good.remote as Fields, spoiling.remote ?? {});
  return spoilt(kit, 'initiate', change({ ...good, remote }, spoiling.args ?? {}), spoiling);
}

/** A refused response. */
export function spoiltRespond(kit: Kit, spoiling: Spoiling, choice: Choice = SEED): CallDefinition {
  return spoilt(kit, 'respond', change(respondArgs(kit, SPOILT, choice), spoiling.args ?? {}), spoiling);
}
