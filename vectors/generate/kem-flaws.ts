/**
 * What is refused in a handshake for its KEM: keys, their signatures, ciphertexts, secrets, what is missing.
 *
 * @spec 02-handshake §2, §3
 * Owns: those flaws, for a suite with a KEM of type 08 or 0A. Must not know: EC keys, which suite.
 */
import type { CallDefinition } from './definition.ts';
import { flipped } from './definition.ts';
import { type Flaw, lengthFlaws } from './flaws.ts';
import { repeated, signatureFlaws } from './handshake-flaws.ts';
import {
  type Choice,
  type KemKit,
  type Kit,
  SPOILT,
  type Spoiling,
  spoiltInitiate,
  spoiltRespond,
} from './handshakes.ts';
import { sign } from './parties.ts';

const { bob, signed } = SPOILT;
/** ML-KEM-768's lengths. */
const SMALLER_KEY = 1 + 1_184;
const SMALLER_CIPHERTEXT = 1 + 1_088;
const RUN: Choice = { oneTime: true, kem: 'run', turn: 0 };
const EXPANDED: Choice = { ...RUN, kem: 'expanded' };
const GIVEN: Choice = { ...RUN, kem: 'given' };

const byte = (value: number) => value.toString(16).padStart(2, '0');
const cut = (value: string, bytes: number) => value.slice(0, bytes * 2);
const typed = (type: number, value: string) => byte(type) + value.slice(2);
const otherType = (type: number) => (type === 0x08 ? 0x0a : 0x08);

/** A key with some bytes of its vector replaced; `at` counts from the type byte. */
function withBytes(key: string, at: number, bytes: readonly number[]): string {
  const copy = Buffer.from(key, 'hex');
  copy.set(bytes, at);
  return copy.toString('hex');
}

/** Keys with a coefficient of q = 3329 or more; two coefficients of 12 bits are three bytes. */
function unreducedKeys(key: string): Flaw[] {
  const bytes = Buffer.from(key, 'hex');
  const of = (at: number) => bytes[at] as number;
  const flaw = (name: string, value: string): Flaw => ({
    name,
    value,
    reason: 'unreduced-kem-key',
    against: 'PRIM-07',
    lenient: true,
  });
  const last = 1 + 1_536 - 3;
  return [
    flaw('with 3329 as first coefficient', withBytes(key, 1, [0x01, (of(2) & 0xf0) | 0x0d])),
    flaw('with 3329 as last coefficient', withBytes(key, last + 1, [(of(last + 1) & 0x0f) | 0x10, 0xd0])),
    flaw('with 4095 in the middle', withBytes(key, 1 + 768, [0xff, of(2 + 768) | 0x0f])),
    flaw('of ones', typed(of(0), 'ff'.repeat(1_569))),
  ];
}

/** Lengths and types, each signed as it stands: nothing but the key is wrong. */
function keyForms({ type, public: key }: KemKit): Flaw[] {
  const length = { reason: 'bad-length', against: 'PRIM-04' };
  const kind = { reason: 'kem-type-not-allowed', against: 'PRIM-10' };
  return [
    { name: 'empty', value: '', ...length },
    { name: 'of the type byte alone', value: byte(type), ...length },
    { name: 'one byte short', value: key.slice(0, -2), ...length },
    { name: 'one byte long', value: `${key}00`, ...length },
    { name: 'of the length of ML-KEM-768', value: cut(key, SMALLER_KEY), ...length },
    { name: 'without its type byte', value: `00${key.slice(4)}`, ...kind },
    { name: 'of the other suite’s type', value: typed(otherType(type), key), ...kind },
    { name: 'of type 07', value: typed(0x07, key), ...kind },
    { name: 'of an EC key’s type', value: typed(0x05, key), ...kind, against: 'PQX-01' },
  ];
}

const spoiling = (what: string, { name, reason, against, lenient = false }: Flaw, req: string[]): Spoiling => ({
  what: `${what} ${name}`,
  reason,
  against,
  req,
  lenient,
});

/** The bundle's KEM key. */
export function kemKeyFlaws(kit: Kit, kem: KemKit): CallDefinition[] {
  const all = [...keyForms(kem), ...unreducedKeys(kem.public)].filter(({ name }) => kit.repeatsKem(name));
  const flaws = all.map((flaw) => {
    const remote = { kemPreKey: flaw.value, kemPreKeySignature: sign(bob, flaw.value, 'spoilt KEM prekey') };
    return spoiltInitiate(kit, { ...spoiling('KEM prekey', flaw, ['HSK-01', 'HSK-05', 'KEY-12']), remote });
  });
  const ec = spoiltInitiate(kit, {
    what: 'the signed EC prekey in the place of the KEM prekey',
    reason: 'kem-type-not-allowed',
    against: 'PQX-01',
    req: ['HSK-01'],
    remote: { kemPreKey: signed.public, kemPreKeySignature: sign(bob, signed.public, 'spoilt, good') },
  });
  const inEc = spoiltInitiate(kit, {
    what: 'the KEM prekey in the place of the signed EC prekey',
    reason: 'bad-length',
    against: 'PQX-01',
    req: ['HSK-04'],
    remote: { signedPreKey: kem.public, signedPreKeySignature: sign(bob, kem.public, 'spoilt, good') },
  });
  return [...flaws, ec, inEc];
}

/** Signatures of the KEM prekey. */
export function kemSignatureFlaws(kit: Kit, kem: KemKit): CallDefinition[] {
  const req = ['HSK-06', 'KEY-09', 'KEY-10', 'KEY-11'];
  const reason = 'kem-prekey-signature';
  const key = kem.public;
  const good = sign(bob, key, 'spoilt, good KEM');
  const ofEc = sign(bob, signed.public, 'spoilt, good');
  const refuse = (what: string, why: string, against: string, remote: Spoiling['remote']) =>
    spoiltInitiate(kit, { what, reason: why, against, req, ...(remote && { remote }) });
  const retyped = sign(bob, typed(otherType(kem.type), key), 'spoilt, retyped');
  return [
    ...repeated(kit, signatureFlaws(key, good, reason)).map((flaw) =>
      spoiltInitiate(kit, {
        ...spoiling('KEM prekey signature', flaw, req),
        remote: { kemPreKeySignature: flaw.value },
      }),
    ),
    refuse('KEM prekey signature over the key under the other suite’s type', reason, 'PRIM-10', {
      kemPreKeySignature: retyped,
    }),
    refuse('KEM prekey with a bit of rho flipped under its signature', reason, 'PQX-02', {
      kemPreKey: flipped(key, -1),
    }),
    refuse('KEM prekey signature that is the signed prekey’s', reason, 'PRIM-06', { kemPreKeySignature: ofEc }),
    refuse('signed prekey signature that is the KEM prekey’s', 'signed-prekey-signature', 'PRIM-06', {
      signedPreKeySignature: good,
    }),
    refuse('signatures of signed prekey and KEM prekey exchanged', 'signed-prekey-signature', 'PRIM-06', {
      signedPreKeySignature: good,
      kemPreKeySignature: ofEc,
    }),
  ];
}

/** A ciphertext in wire form. */
function ciphertextFlaws(kit: Kit, { type }: KemKit, ciphertext: string): Flaw[] {
  const length = { reason: 'bad-length', against: 'PRIM-09' };
  const kind = { reason: 'bad-key-type', against: 'PRIM-10' };
  const all: Flaw[] = [
    ...lengthFlaws(ciphertext, 'bad-length', 'PRIM-09'),
    { name: 'without its type byte', value: ciphertext.slice(2), ...length },
    { name: 'of the length of ML-KEM-768', value: cut(ciphertext, SMALLER_CIPHERTEXT), ...length },
    { name: 'of the other suite’s type', value: typed(otherType(type), ciphertext), ...kind },
    { name: 'of an EC key’s type', value: typed(0x05, ciphertext), ...kind },
  ];
  return all.filter(({ name }) => kit.repeatsKem(name));
}

/** What the initiator is given in place of an encapsulation, and what its bundle lacks. */
export function kemInputFlaws(kit: Kit, kem: KemKit): CallDefinition[] {
  const [good] = kem.encapsulations as readonly [KemKit['encapsulations'][0]];
  const refuse = (what: string, reason: string, against: string, rest: Partial<Spoiling>, choice?: Choice) =>
    spoiltInitiate(kit, { what, reason, against, req: ['DRV-23', 'HSK-02'], ...rest }, choice);
  const secret = (field: string, name: string, value: string, choice?: Choice) =>
    lengthFlaws(value, 'bad-length', 'PRIM-12').map((flaw) =>
      spoiltInitiate(kit, { ...spoiling(name, flaw, ['DRV-06']), args: { [field]: flaw.value } }, choice),
    );
  const none = { kemPreKeyId: undefined, kemPreKey: undefined, kemPreKeySignature: undefined };
  return [
    ...secret('kemRandom', 'KEM randomness', good.random, RUN),
    ...secret('kemShared', 'given KEM secret', good.shared),
    refuse('a KEM secret without its ciphertext', 'missing-field', 'PQX-07', { args: { kemShared: good.shared } }),
    refuse('a KEM ciphertext without its secret', 'missing-field', 'PQX-07', {
      args: { kemCiphertext: good.ciphertext },
    }),
    refuse(
      'a given KEM secret and KEM randomness',
      'not-together',
      'PRIM-12',
      { args: { kemRandom: good.random } },
      GIVEN,
    ),
    refuse('a bundle without a KEM prekey', 'no-kem-prekey', 'PQX-08', { remote: none }),
    refuse('a KEM prekey without its id', 'missing-field', 'PQX-11', { remote: { kemPreKeyId: undefined } }),
    refuse('a KEM prekey without signature', 'missing-field', 'PQX-08', { remote: { kemPreKeySignature: undefined } }),
    refuse('id and signature without a KEM prekey', 'missing-field', 'PQX-08', { remote: { kemPreKey: undefined } }),
    refuse('a KEM prekey id of 2^32', 'not-in-range', 'PQX-11', { remote: { kemPreKeyId: 2 ** 32 } }),
    ...ciphertextFlaws(kit, kem, good.ciphertext).map((flaw) =>
      spoiltInitiate(kit, {
        ...spoiling('given KEM ciphertext', flaw, ['MSG-07']),
        args: { kemShared: good.shared, kemCiphertext: flaw.value },
      }),
    ),
  ];
}

/** The responder's KEM key and what reaches it. */
export function kemResponderFlaws(kit: Kit, kem: KemKit): CallDefinition[] {
  const [good] = kem.encapsulations as readonly [KemKit['encapsulations'][0]];
  const refuse = (what: string, reason: string, against: string, args: Spoiling['args'], choice?: Choice) =>
    spoiltRespond(kit, { what, reason, against, req: ['DRV-23', 'KEY-02'], ...(args && { args }) }, choice);
  const { seed, expanded, public: key, type } = kem;
  // H(ek) stands behind the encapsulation key, in front of the 32 bytes of z.
  const otherHash = flipped(expanded, -8 * 33);
  const otherKey = flipped(expanded, 8 * (1 + 1_536 + 1_568) - 1);
  return [
    ...ciphertextFlaws(kit, kem, good.ciphertext).map((flaw) =>
      spoiltRespond(kit, { ...spoiling('KEM ciphertext', flaw, ['MSG-07']), args: { kemCiphertext: flaw.value } }),
    ),
    refuse('no KEM ciphertext', 'missing-field', 'PQX-07', { kemCiphertext: undefined }),
    refuse('no private KEM key', 'missing-field', 'PQX-07', { kemPrivate: undefined }),
    refuse('no KEM at all', 'missing-field', 'PQX-07', { kemPrivate: undefined, kemCiphertext: undefined }),
    refuse('a private KEM key and a given secret', 'missing-field', 'PRIM-12', { kemShared: good.shared }),
    refuse('a private and a public KEM key with a given secret', 'not-together', 'PRIM-12', {
      kemShared: good.shared,
      kemPublic: key,
    }),
    refuse('a given KEM secret without the public key', 'missing-field', 'PQX-07', {
      kemPrivate: undefined,
      kemShared: good.shared,
    }),
    refuse('a public KEM key without the secret', 'missing-field', 'PQX-07', { kemPrivate: undefined, kemPublic: key }),
    refuse('private KEM key empty', 'bad-length', 'PRIM-08', { kemPrivate: '' }),
    refuse('private KEM key of the type byte alone', 'bad-length', 'PRIM-08', { kemPrivate: byte(type) }),
    refuse('private KEM key seed one byte short', 'bad-length', 'PRIM-08', { kemPrivate: seed.slice(0, -2) }),
    refuse('private KEM key seed one byte long', 'bad-length', 'PRIM-08', { kemPrivate: `${seed}00` }),
    refuse('private KEM key seed of 32 bytes', 'bad-length', 'PRIM-08', { kemPrivate: cut(seed, 33) }),
    refuse('private KEM key expanded, one byte short', 'bad-length', 'PRIM-08', { kemPrivate: expanded.slice(0, -2) }),
    refuse('private KEM key of the other suite’s type', 'bad-key-type', 'PRIM-10', {
      kemPrivate: typed(otherType(type), seed),
    }),
    refuse(
      'private KEM key with another hash',
      'kem-key-hash-mismatch',
      'PRIM-08',
      { kemPrivate: otherHash },
      EXPANDED,
    ),
    refuse(
      'private KEM key with another public key',
      'kem-key-hash-mismatch',
      'PRIM-08',
      { kemPrivate: otherKey },
      EXPANDED,
    ),
    ...publicFlaws(kit, key, type),
  ];
}

/** The public key beside a given secret. */
function publicFlaws(kit: Kit, key: string, type: number): CallDefinition[] {
  const kind = { reason: 'bad-key-type', against: 'PRIM-10' };
  const flaws: Flaw[] = [
    ...lengthFlaws(key, 'bad-length', 'PRIM-08'),
    { name: 'of the other suite’s type', value: typed(otherType(type), key), ...kind },
    { name: 'of an EC key’s type', value: typed(0x05, key), ...kind },
  ];
  return flaws
    .filter(({ name }) => kit.repeatsKem(name))
    .map((flaw) =>
      spoiltRespond(kit, { ...spoiling('public KEM key', flaw, ['MSG-07']), args: { kemPublic: flaw.value } }, GIVEN),
    );
}
