/**
 * What is refused in a handshake of any suite: EC keys, signatures of the signed prekey, ids.
 *
 * @spec 02-handshake §2, §3
 * Owns: the flaws that have nothing to do with a KEM. Must not know: which suite.
 */
import type { CallDefinition } from './definition.ts';
import { flipped } from './definition.ts';
import { type Flaw, keyFlaws, lengthFlaws } from './flaws.ts';
import { underBasePoint, underTorsioned, withIdentityR, withLargeS } from './forged.ts';
import { type Kit, SPOILT, type Spoiling, spoiltInitiate, spoiltRespond } from './handshakes.ts';
import { pair, sign } from './parties.ts';

const { bob, alice, signed, oneTime, ephemeral } = SPOILT;
const mallory = pair('handshake, somebody else');

const spoiling = (what: string, { name, reason, against, lenient = false }: Flaw, req: string[]): Spoiling => ({
  what: `${what} ${name}`,
  reason,
  against,
  req,
  lenient,
});

/** A bundle's signatures under a spoilt identity, as good as anybody can make them. */
function signaturesUnder({ kem }: Kit, { name, value }: Flaw): Readonly<Record<string, string>> {
  const forge = (make: (message: string) => string) => ({
    signedPreKeySignature: make(signed.public),
    ...(kem === null ? {} : { kemPreKeySignature: make(kem.public) }),
  });
  if (name === '9 + p') return forge(underBasePoint);
  if (name !== 'with a point of order 8 added') return {};
  return forge((message) => underTorsioned(bob, Uint8Array.from(Buffer.from(value.slice(2), 'hex')), message));
}

/** Nobody knows the scalar of u = 2, so no signature holds under it, and libsignal looks at the signature. */
const unsignable = (flaw: Flaw): Flaw =>
  ['2 + p', 'p itself'].includes(flaw.name) ? { ...flaw, lenient: false } : flaw;

/** libsignal drops what stands behind 33 bytes before it verifies. */
const signedForm = (value: string) => (value.length > 66 ? value.slice(0, 66) : value);

/** Those that the suite repeats. */
export function repeated(kit: Kit, flaws: readonly Flaw[]): Flaw[] {
  return flaws.filter(({ name }) => kit.repeats(name));
}

/** Keys of a bundle. */
export function bundleKeyFlaws(kit: Kit): CallDefinition[] {
  const req = ['HSK-04', 'MSG-06'];
  const flawsOf = (u: Uint8Array) => repeated(kit, keyFlaws(u));
  return [
    ...flawsOf(bob.u).map((flaw) => {
      const remote = { identity: flaw.value, ...signaturesUnder(kit, flaw) };
      return spoiltInitiate(kit, { ...spoiling('identity key', unsignable(flaw), req), remote });
    }),
    ...flawsOf(signed.u).map((flaw) => {
      const signature = sign(bob, signedForm(flaw.value), 'spoilt signed prekey');
      const remote = { signedPreKey: flaw.value, signedPreKeySignature: signature };
      return spoiltInitiate(kit, { ...spoiling('signed prekey', flaw, req), remote });
    }),
    ...flawsOf(oneTime.u).map((flaw) =>
      spoiltInitiate(kit, { ...spoiling('one-time prekey', flaw, req), remote: { preKey: flaw.value } }),
    ),
  ];
}

/**
 * Signatures over a message by an identity that are none.
 * @param reason the one for which a signature is refused that does not verify
 */
export function signatureFlaws(message: string, good: string, reason: string): Flaw[] {
  const none = (name: string, value: string, against = 'PRIM-05'): Flaw => ({ name, value, reason, against });
  return [
    none('with a bit of R flipped', flipped(good, 9)),
    none('with a bit of s flipped', flipped(good, 300)),
    none('with the sign of A flipped', flipped(good, 511)),
    none('with its halves swapped', good.slice(64) + good.slice(0, 64)),
    none('of zeros', '00'.repeat(64)),
    none('of ones', 'ff'.repeat(64)),
    { ...none('with s + L', withLargeS(good)), lenient: true },
    { ...none('with R the identity', withIdentityR(bob, message)), lenient: true },
    none('of another identity', sign(mallory, message, 'spoilt, mallory'), 'PQX-04'),
    none('of the initiator', sign(alice, message, 'spoilt, alice'), 'PQX-04'),
    none('of the signed prekey', sign(signed, message, 'spoilt, signed prekey'), 'PQX-04'),
    none('over the raw key', sign(bob, message.slice(2), 'spoilt, raw'), 'PRIM-06'),
    none('over nothing', sign(bob, '', 'spoilt, empty'), 'PRIM-06'),
    none('over the identity key', sign(bob, bob.public, 'spoilt, identity'), 'PRIM-06'),
    none('over the one-time prekey', sign(bob, oneTime.public, 'spoilt, one-time'), 'PRIM-06'),
    ...lengthFlaws(good, 'bad-length', 'PRIM-05'),
  ];
}

/** Signatures of the signed prekey. */
export function signedPreKeySignatureFlaws(kit: Kit): CallDefinition[] {
  const req = ['HSK-06', 'KEY-09', 'KEY-10', 'KEY-11'];
  const good = sign(bob, signed.public, 'spoilt, good');
  const reason = 'signed-prekey-signature';
  return [
    ...repeated(kit, signatureFlaws(signed.public, good, reason)).map((flaw) =>
      spoiltInitiate(kit, {
        ...spoiling('signed prekey signature', flaw, req),
        remote: { signedPreKeySignature: flaw.value },
      }),
    ),
    spoiltInitiate(kit, {
      what: 'signed prekey exchanged under its signature',
      reason,
      against: 'PQX-04',
      req,
      remote: { signedPreKey: mallory.public },
    }),
    spoiltInitiate(kit, {
      what: 'identity key exchanged over its signatures',
      reason,
      against: 'PQX-05',
      req,
      remote: { identity: mallory.public },
    }),
    spoiltInitiate(kit, {
      what: 'one-time prekey in the place of the signed one',
      reason,
      against: 'PQX-04',
      req,
      remote: { signedPreKey: oneTime.public, preKey: signed.public },
    }),
  ];
}

/** Ids, and one-time prekeys of which half is missing. */
export function idFlaws(kit: Kit): CallDefinition[] {
  const refuse = (what: string, reason: string, remote: Spoiling['remote']) =>
    spoiltInitiate(kit, { what, reason, against: 'PQX-11', req: ['HSK-03', 'DRV-06'], ...(remote && { remote }) });
  const large = 2 ** 32;
  return [
    refuse('one-time prekey without its id', 'missing-field', { preKeyId: undefined }),
    refuse('id without a one-time prekey', 'missing-field', { preKey: undefined }),
    refuse('one-time prekey id of 2^32', 'not-in-range', { preKeyId: large }),
    refuse('signed prekey id of 2^32', 'not-in-range', { signedPreKeyId: large }),
    refuse('registration id of 2^32', 'not-in-range', { registrationId: large }),
    refuse('device id 0', 'not-in-range', { deviceId: 0 }),
    refuse('device id 128', 'not-in-range', { deviceId: 128 }),
  ];
}

/** The initiator's own keys. */
export function initiatorKeyFlaws(kit: Kit): CallDefinition[] {
  const own = (field: string, name: string, value: string) =>
    lengthFlaws(value, 'bad-length', 'PRIM-04').map((flaw) =>
      spoiltInitiate(kit, { ...spoiling(name, flaw, ['KEY-02']), args: { [field]: flaw.value } }),
    );
  return [
    ...own('identityPrivate', 'private identity key', alice.private),
    ...own('ephemeralPrivate', 'private ephemeral key', ephemeral.private),
  ];
}

/** What reaches the responder. */
export function peerKeyFlaws(kit: Kit): CallDefinition[] {
  const theirs = (field: string, name: string, flaw: Flaw) =>
    spoiltRespond(kit, { ...spoiling(name, flaw, ['HSK-04', 'MSG-06']), args: { [field]: flaw.value } });
  return [
    ...repeated(kit, keyFlaws(alice.u)).map((flaw) => theirs('remoteIdentity', 'initiator’s identity key', flaw)),
    // A base key is the one key that libsignal checks like this project, but for its length.
    ...repeated(kit, keyFlaws(ephemeral.u)).map((flaw) =>
      theirs('ephemeralPublic', 'ephemeral key', { ...flaw, lenient: flaw.name === 'one byte long' }),
    ),
  ];
}

/** The responder's own keys. */
export function responderKeyFlaws(kit: Kit): CallDefinition[] {
  const own = (field: string, name: string, value: string) =>
    lengthFlaws(value, 'bad-length', 'PRIM-04').map((flaw) =>
      spoiltRespond(kit, { ...spoiling(name, flaw, ['KEY-02']), args: { [field]: flaw.value } }),
    );
  return [
    ...own('identityPrivate', 'private identity key', bob.private),
    ...own('signedPreKeyPrivate', 'private signed prekey', signed.private),
    ...own('oneTimePreKeyPrivate', 'private one-time prekey', oneTime.private),
  ];
}
