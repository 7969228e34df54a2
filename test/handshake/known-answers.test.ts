/**
 * The handshake against answers computed without this project's code.
 *
 * @spec 02-handshake §3, §4, §5
 */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  type KeyObject,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../protocol/bytes/bytes.ts';
import type { Secret } from '../../protocol/bytes/secret.ts';
import { encodeKemKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import type { CryptoProvider, KemKeyPair } from '../../protocol/crypto/provider.ts';
import type { Transcript } from '../../protocol/handshake/pqxdh.ts';
import { initiate, kdfInfo, respond } from '../../protocol/handshake/pqxdh.ts';
import { getSuite } from '../../protocol/handshake/suites.ts';
import { agreeAsInitiator, agreeAsResponder } from '../../protocol/handshake/x3dh.ts';
import { initiatorState } from '../../protocol/ratchet/double.ts';
import { overriding } from '../support/counting-provider.ts';
import { PQXDH, PROVIDERS, X3DH } from '../support/peers.ts';
import { scriptedRandom } from '../support/seeded-random.ts';

const seq = (first: number, length = 32) => Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);
const SPEC = readFileSync(new URL('../../spec/known-answers-pqxdh.md', import.meta.url), 'utf8');

/** The value that the specification gives for a name, in the section whose heading contains `section`. */
function answer(section: string, name: string): string {
  const part = SPEC.split('\n## ').find((text) => text.startsWith(section)) ?? '';
  const found = part.match(new RegExp(`^    ${name.replace(/[()]/g, '\\$&')} +([0-9a-f]+)`, 'm'))?.[1];
  if (found === undefined) throw new Error(`no known answer ${section} / ${name}`);
  return found;
}

const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI = Buffer.from('302a300506032b656e032100', 'hex');
const privateKey = (raw: Uint8Array) =>
  createPrivateKey({ key: Buffer.concat([PKCS8, raw]), format: 'der', type: 'pkcs8' });
const rawPublic = (key: KeyObject) =>
  new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(12));
const agree = (ours: KeyObject, theirs: KeyObject) => {
  const der = Buffer.concat([SPKI, rawPublic(theirs)]);
  return diffieHellman({ privateKey: ours, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) });
};
const hmac = (key: Uint8Array, data: Uint8Array) => createHmac('sha256', key).update(data).digest();

/** RFC 5869 by hand: node's own HKDF takes no info above 1,024 bytes. */
function hkdf(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Buffer {
  const prk = hmac(salt, ikm);
  let block = Buffer.alloc(0);
  let out = Buffer.alloc(0);
  for (let i = 1; out.length < length; i++) {
    block = hmac(prk, Buffer.concat([block, info, Uint8Array.of(i)]));
    out = Buffer.concat([out, block]);
  }
  return out.subarray(0, length);
}

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const sized = (data: Uint8Array) => Buffer.concat([Uint8Array.of(data.length >> 8, data.length & 255), data]);
const ser = (key: KeyObject) => Buffer.concat([Uint8Array.of(5), rawPublic(key)]);

const IKB = privateKey(seq(0x20));
const SPK = privateKey(seq(0x40));
const OPK = privateKey(seq(0x60));
const IKA = privateKey(seq(0x80));
const EKA = privateKey(seq(0xa0));
const RA = privateKey(seq(0xc0));

/** Our inputs, through our provider. */
function ourKeys(provider: CryptoProvider, withOneTime: boolean) {
  const ec = (first: number) => provider.x25519FromPrivate(seq(first));
  const kemPair = provider.kemFromSeed('ML-KEM-1024', seq(0, 64));
  const bob = { identity: ec(0x20), signedPreKey: ec(0x40), oneTimePreKey: withOneTime ? ec(0x60) : null, kemPair };
  const initiator = {
    identity: ec(0x80),
    ephemeral: ec(0xa0),
    theirIdentity: bob.identity.publicKey,
    theirSignedPreKey: bob.signedPreKey.publicKey,
    theirOneTimePreKey: bob.oneTimePreKey?.publicKey ?? null,
    kemPublicKey: kemPair.publicKey,
  };
  return { bob, initiator };
}

function asResponder(keys: ReturnType<typeof ourKeys>, ciphertextWire: Uint8Array | null, kem: KemKeyPair | null) {
  return {
    identity: keys.bob.identity,
    signedPreKey: keys.bob.signedPreKey,
    oneTimePreKey: keys.bob.oneTimePreKey,
    theirIdentity: keys.initiator.identity.publicKey,
    theirEphemeral: keys.initiator.ephemeral.publicKey,
    kemKeyPair: kem,
    kemCiphertext: ciphertextWire === null ? null : ciphertextWire.subarray(1),
  };
}

describe.each(PROVIDERS)('known answers, $name provider', (provider) => {
  test('[HSK-07] X3DH agreements of both sides, in order, DH4 only with a one-time prekey', () => {
    for (const withOneTime of [true, false]) {
      const { bob, initiator } = ourKeys(provider, withOneTime);
      const expected = ['DH1', 'DH2', 'DH3', ...(withOneTime ? ['DH4'] : [])].map((dh) => answer('Agreements', dh));
      const ours = agreeAsInitiator(provider, initiator).map((dh) => toHex(dh.expose()));
      const theirs = agreeAsResponder(provider, {
        ...bob,
        theirIdentity: initiator.identity.publicKey,
        theirEphemeral: initiator.ephemeral.publicKey,
      }).map((dh) => toHex(dh.expose()));
      expect(ours).toEqual(expected);
      expect(theirs).toEqual(expected);
    }
  });

  test.each([
    ['With the one-time prekey', true],
    ['Without a one-time prekey', false],
  ])('[HSK-09] [HSK-10] PQXDH secrets and transcript: %s', (section, withOneTime) => {
    const keys = ourKeys(provider, withOneTime);
    const suite = getSuite(PQXDH);
    const { secrets, kemCiphertext } = initiate(provider, scriptedRandom([seq(0xc8)]), suite, keys.initiator);
    const ciphertext = kemCiphertext as Uint8Array;
    expect(sha256(ciphertext.subarray(1))).toBe(SPEC.match(/m = seq\(c8\) \| SHA-256 `([0-9a-f]+)`/)?.[1]);
    const responder = respond(provider, suite, asResponder(keys, ciphertext, keys.bob.kemPair));
    for (const got of [secrets, responder]) {
      expect(toHex(got.rootKey.expose())).toBe(answer(section, 'RK0'));
      expect(toHex(got.chainKey.expose())).toBe(answer(section, 'CK0'));
      expect(toHex(got.pqRatchetKey?.expose() ?? new Uint8Array(0))).toBe(answer(section, 'PQR'));
    }
    const transcript: Transcript = {
      initiatorIdentity: ser(IKA),
      responderIdentity: ser(IKB),
      signedPreKey: ser(SPK),
      oneTimePreKey: withOneTime ? ser(OPK) : null,
      ephemeral: ser(EKA),
      kemPublicKey: encodeKemKey(getKem('ML-KEM-1024'), keys.bob.kemPair.publicKey),
      kemCiphertext: ciphertext,
    };
    const info = kdfInfo(suite, transcript);
    expect(sha256(info)).toBe(answer(section, 'SHA-256(info)'));
    expect(info.length).toBe(withOneTime ? 3355 : 3322);
    const random = scriptedRandom([seq(0xc0)]);
    const state = initiatorState(provider, random, secrets, keys.initiator.theirSignedPreKey);
    expect(toHex(state.rootKey.expose())).toBe(answer(section, 'RK1'));
    expect(toHex(state.sender.chain.key.expose())).toBe(answer(section, 'CKs'));
  });

  test('[HSK-09] X3DH asks for 64 bytes under the bare label', () => {
    const keys = ourKeys(provider, true);
    const { secrets } = initiate(provider, scriptedRandom([]), getSuite(X3DH), {
      ...keys.initiator,
      kemPublicKey: null,
    });
    const agreements = ['DH1', 'DH2', 'DH3', 'DH4'].map((dh) => fromHex(answer('Agreements', dh)));
    const ikm = Buffer.concat([Buffer.alloc(32, 0xff), ...agreements]);
    const okm = hkdf(ikm, new Uint8Array(32), Buffer.from('WhisperText'), 64);
    expect(toHex(secrets.rootKey.expose())).toBe(toHex(okm.subarray(0, 32)));
    expect(toHex(secrets.chainKey.expose())).toBe(toHex(okm.subarray(32)));
    expect(secrets.pqRatchetKey).toBeNull();
    const responder = respond(provider, getSuite(X3DH), asResponder(keys, null, null));
    expect(toHex(responder.rootKey.expose())).toBe(toHex(okm.subarray(0, 32)));
  });

  test('[HSK-09] agreements are wiped once the KDF has read them', () => {
    const made: Secret[] = [];
    const agreeing = overriding(provider, {
      x25519Agree: (ours, theirs) => remember(provider.x25519Agree(ours, theirs), made),
      kemEncapsulate: (set, key, random) => {
        const encapsulation = provider.kemEncapsulate(set, key, random);
        made.push(encapsulation.sharedSecret);
        return encapsulation;
      },
    });
    const keys = ourKeys(provider, true);
    initiate(agreeing, scriptedRandom([seq(0xc8)]), getSuite(PQXDH), keys.initiator);
    expect(made.length).toBe(5);
    expect(made.every((secret) => secret.wiped)).toBe(true);
  });
});

function remember<T extends Secret>(secret: T, into: Secret[]): T {
  into.push(secret);
  return secret;
}

test('[HSK-10] the answers in the specification come from OpenSSL alone', () => {
  const seed = createPrivateKey({ key: seq(0, 64), format: 'raw-seed', asymmetricKeyType: 'ml-kem-1024' } as never);
  const raw = createPublicKey(seed).export({ format: 'raw-public' } as never) as unknown as Uint8Array;
  expect(sha256(raw)).toBe(SPEC.match(/seed 00 … 3f \| SHA-256 `([0-9a-f]+)`/)?.[1]);
  const provider = PROVIDERS[1] as CryptoProvider;
  const { ciphertext } = provider.kemEncapsulate('ML-KEM-1024', new Uint8Array(raw), scriptedRandom([seq(0xc8)]));
  const ss = decapsulate(seed, ciphertext);
  expect(toHex(ss)).toBe(answer('Agreements', 'SS'));
  const kem = (value: Uint8Array) => sized(Buffer.concat([Uint8Array.of(0x0a), value]));
  for (const oneTime of [OPK, null]) {
    const section = oneTime === null ? 'Without a one-time prekey' : 'With the one-time prekey';
    const label = Buffer.from('WhisperText_X25519_SHA-256_ML-KEM-1024');
    const own = oneTime === null ? new Uint8Array(0) : ser(oneTime);
    const keys = [ser(IKA), ser(IKB), ser(SPK), own, ser(EKA)].map(sized);
    const info = Buffer.concat([label, ...keys, kem(raw), kem(ciphertext)]);
    const dhs = [agree(IKA, SPK), agree(EKA, IKB), agree(EKA, SPK), ...(oneTime === null ? [] : [agree(EKA, oneTime)])];
    const okm = hkdf(Buffer.concat([Buffer.alloc(32, 0xff), ...dhs, ss]), new Uint8Array(32), info, 96);
    expect(sha256(info)).toBe(answer(section, 'SHA-256(info)'));
    expect(toHex(okm)).toBe(answer(section, 'RK0') + answer(section, 'CK0') + answer(section, 'PQR'));
    const root = hkdf(agree(RA, SPK), okm.subarray(0, 32), Buffer.from('WhisperRatchet'), 64);
    expect(toHex(root)).toBe(answer(section, 'RK1') + answer(section, 'CKs'));
  }
});

test('[HSK-10] [PQX-03] every value of the transcript changes the info and the secrets', () => {
  const suite = getSuite(PQXDH);
  const value = (fill: number, length = 33) => new Uint8Array(length).fill(fill);
  const transcript: Transcript = {
    initiatorIdentity: value(1),
    responderIdentity: value(2),
    signedPreKey: value(3),
    oneTimePreKey: value(4),
    ephemeral: value(5),
    kemPublicKey: value(6, 1569),
    kemCiphertext: value(7, 1569),
  };
  const infos = new Set([toHex(kdfInfo(suite, transcript))]);
  const names = Object.keys(transcript) as (keyof Transcript)[];
  for (const name of names) {
    infos.add(toHex(kdfInfo(suite, { ...transcript, [name]: value(9, transcript[name]?.length) })));
  }
  infos.add(toHex(kdfInfo(suite, { ...transcript, oneTimePreKey: null })));
  infos.add(toHex(kdfInfo(suite, { ...transcript, initiatorIdentity: value(2), responderIdentity: value(1) })));
  expect(infos.size).toBe(names.length + 3);
  expect(kdfInfo(getSuite(X3DH), transcript)).toEqual(new TextEncoder().encode('WhisperText'));
  expect(encodePublicKey(value(1, 32))[0]).toBe(5);
});
