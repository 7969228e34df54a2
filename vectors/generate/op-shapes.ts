/**
 * The arguments and answers of every operation that vectors use.
 *
 * @spec 11-driver §3, 15-driver-lab
 * Owns: names of fields and the kind of each. Must not know: JSON Schema.
 */

/** `hex` is bytes of any length: wrong lengths are tested too. A name ending in `?` may be left out. */
export type Kind = 'hex' | 'int' | 'text' | 'bool' | 'any' | readonly [Kind] | Shape;
export interface Shape {
  readonly [field: string]: Kind;
}
export interface OpShape {
  readonly args: Shape;
  readonly ok: Shape;
}

const BUNDLE: Shape = {
  registrationId: 'int',
  deviceId: 'int',
  identity: 'hex',
  signedPreKeyId: 'int',
  signedPreKey: 'hex',
  signedPreKeySignature: 'hex',
  'preKeyId?': 'int',
  'preKey?': 'hex',
  'kemPreKeyId?': 'int',
  'kemPreKey?': 'hex',
  'kemPreKeySignature?': 'hex',
};
const ADDRESS: Shape = { name: 'text', deviceId: 'int' };
const SECRETS: Shape = { rootKey: 'hex', chainKey: 'hex', 'pqRatchetKey?': 'hex' };
const HEADER: Shape = { ratchetKey: 'hex', previousCounter: 'int', counter: 'int' };
const KEYS: Shape = { cipherKey: 'hex', macKey: 'hex', iv: 'hex' };
const CHUNK: Shape = { index: 'int', data: 'hex' };
const NOW: Shape = { 'now?': 'int' };
const SESSION: Shape = { device: 'text', remote: ADDRESS, ...NOW };

const PRIMITIVES: Readonly<Record<string, OpShape>> = {
  'x25519.public': { args: { private: 'hex' }, ok: { public: 'hex' } },
  'x25519.shared': { args: { private: 'hex', public: 'hex' }, ok: { shared: 'hex' } },
  'xeddsa.sign': { args: { private: 'hex', message: 'hex', random: 'hex' }, ok: { signature: 'hex' } },
  'xeddsa.verify': { args: { public: 'hex', message: 'hex', signature: 'hex' }, ok: { valid: 'bool' } },
  hkdf: { args: { ikm: 'hex', 'salt?': 'hex', info: 'hex', length: 'int' }, ok: { okm: 'hex' } },
  'kem.keygen': { args: { kem: 'text', seed: 'hex' }, ok: { public: 'hex', private: 'hex' } },
  'kem.encapsulate': { args: { kem: 'text', public: 'hex', random: 'hex' }, ok: { ciphertext: 'hex', shared: 'hex' } },
  'kem.decapsulate': { args: { kem: 'text', private: 'hex', ciphertext: 'hex' }, ok: { shared: 'hex' } },
  'kem.incremental.keygen': { args: { seed: 'hex' }, ok: { header: 'hex', encapsulationKey: 'hex', private: 'hex' } },
  'kem.incremental.encaps1': {
    args: { header: 'hex', random: 'hex' },
    ok: { ciphertext1: 'hex', 'state?': 'hex', shared: 'hex' },
  },
  'kem.incremental.encaps2': {
    args: { state: 'hex', header: 'hex', encapsulationKey: 'hex' },
    ok: { ciphertext2: 'hex' },
  },
  'kem.incremental.decaps': { args: { private: 'hex', ciphertext1: 'hex', ciphertext2: 'hex' }, ok: { shared: 'hex' } },
};

const HANDSHAKE: Readonly<Record<string, OpShape>> = {
  'handshake.initiate': {
    args: {
      suite: 'text',
      identityPrivate: 'hex',
      ephemeralPrivate: 'hex',
      'kemRandom?': 'hex',
      'kemShared?': 'hex',
      'kemCiphertext?': 'hex',
      remote: BUNDLE,
    },
    ok: { secrets: SECRETS, ephemeralPublic: 'hex', 'kemCiphertext?': 'hex' },
  },
  'handshake.respond': {
    args: {
      suite: 'text',
      identityPrivate: 'hex',
      signedPreKeyPrivate: 'hex',
      'oneTimePreKeyPrivate?': 'hex',
      'kemPrivate?': 'hex',
      'kemShared?': 'hex',
      'kemPublic?': 'hex',
      remoteIdentity: 'hex',
      ephemeralPublic: 'hex',
      'kemCiphertext?': 'hex',
    },
    ok: { secrets: SECRETS },
  },
};

const RATCHETS: Readonly<Record<string, OpShape>> = {
  'chain.step': {
    args: { chainKey: 'hex', 'index?': 'int', 'pqKey?': 'hex' },
    ok: { nextChainKey: 'hex', seed: 'hex', ...KEYS },
  },
  'ratchet.init': {
    args: { role: 'text', rootKey: 'hex', chainKey: 'hex', private: 'hex', 'remote?': 'hex' },
    ok: { ratchet: 'text' },
  },
  'ratchet.send': { args: { ratchet: 'text', 'pqKey?': 'hex' }, ok: { header: HEADER, ...KEYS } },
  'ratchet.receive': {
    args: { ratchet: 'text', header: HEADER, 'nextPrivate?': 'hex', 'pqKey?': 'hex' },
    ok: KEYS,
  },
  'spqr.encode': { args: { message: 'hex', indices: ['int'] }, ok: { chunks: [CHUNK] } },
  'spqr.decode': { args: { length: 'int', chunks: [CHUNK] }, ok: { message: 'hex' } },
  'spqr.secret': { args: { shared: 'hex', epoch: 'int' }, ok: { secret: 'hex' } },
  'spqr.auth.update': {
    args: { 'rootKey?': 'hex', epoch: 'int', secret: 'hex' },
    ok: { rootKey: 'hex', macKey: 'hex' },
  },
  'spqr.auth.mac': { args: { macKey: 'hex', epoch: 'int', kind: 'text', message: 'hex' }, ok: { mac: 'hex' } },
  'spqr.chain.init': { args: { direction: 'text', pqRatchetKey: 'hex' }, ok: { chain: 'text' } },
  'spqr.chain.advance': { args: { chain: 'text', epoch: 'int', secret: 'hex' }, ok: {} },
  'spqr.chain.send': { args: { chain: 'text', epoch: 'int' }, ok: { index: 'int', key: 'hex' } },
  'spqr.chain.receive': { args: { chain: 'text', epoch: 'int', index: 'int' }, ok: { 'index?': 'int', key: 'hex' } },
  'spqr.braid.init': {
    args: { direction: 'text', pqRatchetKey: 'hex', 'minVersion?': 'int', 'seed?': 'hex' },
    ok: { braid: 'text' },
  },
  'spqr.braid.send': { args: { braid: 'text' }, ok: { payload: 'hex', 'key?': 'hex', 'epoch?': 'int' } },
  'spqr.braid.receive': { args: { braid: 'text', payload: 'hex' }, ok: { 'key?': 'hex', 'epoch?': 'int' } },
  'spqr.braid.info': {
    args: { braid: 'text' },
    ok: { 'state?': 'text', 'epoch?': 'int', 'pqEpoch?': 'int', 'negotiating?': 'bool' },
  },
};

const SESSIONS: Readonly<Record<string, OpShape>> = {
  'device.create': {
    args: {
      local: ADDRESS,
      'suites?': ['text'],
      'pqRatchet?': 'text',
      'identityPrivate?': 'hex',
      'registrationId?': 'int',
      'seed?': 'hex',
    },
    ok: { 'device?': 'text', 'identityPublic?': 'hex', 'registrationId?': 'int' },
  },
  'device.bundle': { args: { device: 'text', 'oneTime?': 'bool' }, ok: { 'bundle?': BUNDLE } },
  'device.save': { args: { device: 'text' }, ok: { 'state?': 'hex' } },
  'device.load': { args: { state: 'hex' }, ok: { 'device?': 'text' } },
  'session.process': { args: { ...SESSION, bundle: BUNDLE }, ok: {} },
  'session.encrypt': { args: { ...SESSION, plaintext: 'hex' }, ok: { 'type?': 'text', 'body?': 'hex' } },
  'session.decrypt': { args: { ...SESSION, type: 'text', body: 'hex' }, ok: { plaintext: 'hex' } },
  'session.info': {
    args: SESSION,
    ok: {
      'suite?': 'text',
      'version?': 'int',
      'ratchet?': 'text',
      'pq?': 'text',
      'pqEpoch?': 'int',
      'pqMayFallBack?': 'bool',
      'unacknowledged?': 'bool',
      'archived?': 'int',
      'usable?': 'bool',
    },
  },
  'session.archive': { args: SESSION, ok: {} },
  fingerprint: {
    args: {
      localId: 'hex',
      localIdentity: 'hex',
      remoteId: 'hex',
      remoteIdentity: 'hex',
      'iterations?': 'int',
      'version?': 'int',
    },
    ok: { displayable: 'text', scannable: 'hex' },
  },
  'group.create': { args: { device: 'text', distributionId: 'text' }, ok: { 'distribution?': 'hex' } },
  'group.process': { args: { device: 'text', sender: ADDRESS, distribution: 'hex' }, ok: {} },
  'group.encrypt': { args: { device: 'text', distributionId: 'text', plaintext: 'hex' }, ok: { 'body?': 'hex' } },
  'group.decrypt': { args: { device: 'text', sender: ADDRESS, body: 'hex' }, ok: { plaintext: 'hex' } },
};

/** The fields of messages of every type, each optional: which belong together is tested by the vectors themselves. */
const FIELDS: Shape = {
  'version?': 'int',
  'ratchetKey?': 'hex',
  'counter?': 'int',
  'previousCounter?': 'int',
  'ciphertext?': 'hex',
  'pqRatchet?': 'hex',
  'addresses?': 'hex',
  'preKeyId?': 'int',
  'baseKey?': 'hex',
  'identityKey?': 'hex',
  'message?': 'hex',
  'registrationId?': 'int',
  'signedPreKeyId?': 'int',
  'kemPreKeyId?': 'int',
  'kemCiphertext?': 'hex',
  'distributionId?': 'text',
  'chainId?': 'int',
  'iteration?': 'int',
  'chainKey?': 'hex',
  'signingKey?': 'hex',
  'timestamp?': 'int',
  'deviceId?': 'int',
  'epoch?': 'int',
  'index?': 'int',
  'kind?': 'text',
  'chunk?': CHUNK,
};

const MESSAGES: Readonly<Record<string, OpShape>> = {
  'message.parse': {
    args: { type: 'text', body: 'hex' },
    ok: { fields: FIELDS, 'authenticated?': 'hex', 'mac?': 'hex', 'signature?': 'hex' },
  },
  'message.build': {
    args: {
      type: 'text',
      fields: FIELDS,
      'authentication?': {
        'macKey?': 'hex',
        'sender?': 'hex',
        'receiver?': 'hex',
        'mac?': 'hex',
        'signingPrivate?': 'hex',
        'random?': 'hex',
        'signature?': 'hex',
      },
    },
    ok: { body: 'hex' },
  },
};

/** By name of the operation. */
export const OP_SHAPES: Readonly<Record<string, OpShape>> = {
  ...PRIMITIVES,
  ...HANDSHAKE,
  ...RATCHETS,
  ...SESSIONS,
  ...MESSAGES,
};
