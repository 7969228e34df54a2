/** Signed HTTP requests. @spec 04-messages §7 */
import { createHash, createPublicKey, verify as nativeVerify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  parseRequestSignature,
  type RequestHeaders,
  type RequestSigner,
  type SignableRequest,
  signRequest,
  verifyRequest,
} from '../../protocol/codec/request-signature.ts';
import { componentValues } from '../../protocol/codec/request-target.ts';
import { nobleProvider as provider } from '../../protocol/crypto/noble.ts';
import { refusal } from '../support/refusal.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { counting, refusedAs } from './sample.ts';

const keys = provider.ed25519Generate(seededRandom('request'));
const otherKeys = provider.ed25519Generate(seededRandom('another device'));
const BODY = new Uint8Array(Buffer.from('{"hello":"world"}'));
const KEY_ID = '9d0652a3-dcc3-4d11-975f-74d61598733f.2';
const REQUEST: RequestSigner = {
  method: 'PUT',
  url: 'https://relay.example:8443/v1/messages/796abedb-ca4e-4f18-8803-1fde5b921f9f?after=7&x=%C3%A9',
  body: BODY,
  keyId: KEY_ID,
  createdSeconds: 1_767_225_600,
  nonce: counting(0, 16),
};
const sign = (more: Partial<RequestSigner> = {}) => signRequest(provider, keys.privateKey, { ...REQUEST, ...more });
const SIGNED = sign();
const INPUT = SIGNED['signature-input'] ?? '';
const verify = (more: Partial<SignableRequest> = {}, headers: RequestHeaders = SIGNED) =>
  verifyRequest(provider, keys.publicKey, { ...REQUEST, ...more }, headers);
const parse = (headers: RequestHeaders) => () => parseRequestSignature({ ...SIGNED, ...headers });

const PARAMS =
  '("@method" "@authority" "@path" "@query" "content-digest");created=1767225600;nonce="AAECAwQFBgcICQoLDA0ODw";' +
  `keyid="${KEY_ID}";alg="ed25519";tag="pawl-request-v1"`;

describe('signing', () => {
  test('[MSG-23] the signed text is the one of RFC 9421, checked by another Ed25519', () => {
    const digest = `sha-256=:${createHash('sha256').update(BODY).digest('base64')}:`;
    expect(SIGNED).toMatchObject({ 'content-digest': digest, 'signature-input': `sig1=${PARAMS}` });
    const base = [
      '"@method": PUT',
      '"@authority": relay.example:8443',
      '"@path": /v1/messages/796abedb-ca4e-4f18-8803-1fde5b921f9f',
      '"@query": ?after=7&x=%C3%A9',
      `"content-digest": ${digest}`,
      `"@signature-params": ${PARAMS}`,
    ].join('\n');
    const x = Buffer.from(keys.publicKey).toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const signature = Buffer.from((SIGNED.signature ?? '').slice('sig1=:'.length, -1), 'base64');
    expect(nativeVerify(null, Buffer.from(base), key, signature)).toBe(true);
  });

  test('[MSG-25] without a body, or with an empty one, there is no digest', () => {
    const headers = sign({ body: null });
    expect(Object.keys(headers).toSorted()).toEqual(['signature', 'signature-input']);
    expect(headers['signature-input']).not.toContain('content-digest');
    expect(sign({ body: new Uint8Array(0) })).toEqual(headers);
    expect(verify({ body: new Uint8Array(0) }, headers).coversBody).toBe(false);
  });

  test('[MSG-23] tells what the signature claims', () => {
    expect(verify()).toEqual({
      keyId: KEY_ID,
      account: '9d0652a3-dcc3-4d11-975f-74d61598733f',
      deviceId: 2,
      created: 1_767_225_600,
      nonce: counting(0, 16),
      signature: new Uint8Array(Buffer.from((SIGNED.signature ?? '').slice(6, -1), 'base64')),
      coversBody: true,
    });
  });

  test.each<[string, Partial<RequestSigner>, string]>([
    ['a nonce of 15 bytes', { nonce: counting(0, 15) }, 'bad-nonce'],
    ['a key id without device', { keyId: '9d0652a3-dcc3-4d11-975f-74d61598733f' }, 'bad-key-id'],
    ['a key id in upper case', { keyId: KEY_ID.toUpperCase() }, 'bad-key-id'],
    ['device 0', { keyId: KEY_ID.replace('.2', '.0') }, 'bad-key-id'],
    ['device 128', { keyId: KEY_ID.replace('.2', '.128') }, 'bad-key-id'],
    ['device 02', { keyId: KEY_ID.replace('.2', '.02') }, 'bad-key-id'],
    ['a fraction of a second', { createdSeconds: 1.5 }, 'bad-created'],
    ['a time before 1970', { createdSeconds: -1 }, 'bad-created'],
    ['a method in lower case', { method: 'put' }, 'bad-method'],
  ])('[MSG-24] refuses to sign %s', (_, more, reason) => {
    expect(() => sign(more)).toThrow(refusedAs('InvalidArgument', reason));
  });
});

describe('what was changed on the way', () => {
  const changes: Array<[string, Partial<SignableRequest>, string]> = [
    ['the method', { method: 'POST' }, 'request-signature'],
    ['the host', { url: REQUEST.url.replace('relay', 'relax') }, 'request-signature'],
    ['the port', { url: REQUEST.url.replace('8443', '8444') }, 'request-signature'],
    ['the path', { url: REQUEST.url.replace('messages', 'message') }, 'request-signature'],
    ['the case of the path', { url: REQUEST.url.replace('messages', 'Messages') }, 'request-signature'],
    ['a slash doubled', { url: REQUEST.url.replace('/v1', '//v1') }, 'request-signature'],
    ['a slash at the end of the path', { url: REQUEST.url.replace('?', '/?') }, 'request-signature'],
    ['the query', { url: REQUEST.url.replace('after=7', 'after=8') }, 'request-signature'],
    [
      'the order of the query',
      { url: REQUEST.url.replace('after=7&x=%C3%A9', 'x=%C3%A9&after=7') },
      'request-signature',
    ],
    ['an encoding in the query', { url: REQUEST.url.replace('after', '%61fter') }, 'request-signature'],
    ['the query removed', { url: REQUEST.url.replace(/\?.*/, '') }, 'request-signature'],
    ['the body', { body: BODY.with(0, 0x5b) }, 'digest-mismatch'],
    ['the body removed', { body: null }, 'body-not-covered'],
  ];
  test.each(changes)('[REL-14, MSG-23] %s', (_, change, reason) => {
    expect(() => verify(change)).toThrow(refusedAs('InvalidSignature', reason));
  });

  test('[REL-14, MSG-25] a body is not added to a request that was signed without', () => {
    const headers = sign({ body: null });
    expect(() => verify({}, headers)).toThrow(refusedAs('InvalidSignature', 'body-not-covered'));
    const digested = { ...headers, 'content-digest': SIGNED['content-digest'] };
    expect(() => verify({}, digested)).toThrow(refusedAs('InvalidSignature', 'body-not-covered'));
    expect(() => verify({ body: null }, digested)).toThrow(refusedAs('InvalidSignature', 'digest-mismatch'));
  });

  test('[REL-14, MSG-25] the digest header must say what the body says, in one form', () => {
    const digest = SIGNED['content-digest'] ?? '';
    const others = [
      undefined,
      '',
      digest.toUpperCase(),
      `${digest}, ${digest}`,
      `${digest} `,
      digest.replace('256', '512'),
    ];
    for (const other of others) {
      const headers = { ...SIGNED, 'content-digest': other };
      expect(() => verify({}, headers)).toThrow(refusedAs('InvalidSignature', 'digest-mismatch', 'content-digest'));
    }
  });

  test('[REL-14, MSG-23] time, nonce and key id are signed', () => {
    const edits = [
      ['created=1767225600', 'created=1767225601'],
      ['AAECAwQFBgcICQoLDA0ODw', 'BAECAwQFBgcICQoLDA0ODw'],
      [KEY_ID, KEY_ID.replace('.2', '.3')],
    ] as const;
    for (const [from, to] of edits) {
      const headers = { ...SIGNED, 'signature-input': INPUT.replace(from, to) };
      expect(() => verify({}, headers)).toThrow(refusedAs('InvalidSignature', 'request-signature'));
    }
  });

  test('[REL-14, MSG-23] another device’s key and any flipped bit of the signature are refused', () => {
    expect(() => verifyRequest(provider, otherKeys.publicKey, REQUEST, SIGNED)).toThrow(
      refusedAs('InvalidSignature', 'request-signature', 'signature'),
    );
    const { signature } = verify();
    for (const bit of [0, 100, 255, 256, 400, 511]) {
      const flipped = signature.with(bit >> 3, (signature[bit >> 3] as number) ^ (1 << (bit & 7)));
      const headers = { ...SIGNED, signature: `sig1=:${Buffer.from(flipped).toString('base64')}:` };
      expect(() => verify({}, headers)).toThrow(refusedAs('InvalidSignature', 'request-signature'));
    }
  });
});

describe('the form of the headers', () => {
  const swap = (from: string, to: string) => ({ 'signature-input': INPUT.replace(from, to) });
  const cases: Array<[string, RequestHeaders, string]> = [
    ['no signature-input', { 'signature-input': undefined }, 'signature-missing'],
    ['no signature', { signature: undefined }, 'signature-missing'],
    ['another label', swap('sig1', 'sig2'), 'signature-malformed'],
    ['two inputs', { 'signature-input': `${INPUT}, ${INPUT}` }, 'signature-malformed'],
    ['two labelled inputs', { 'signature-input': `${INPUT}, sig2=${PARAMS}` }, 'signature-malformed'],
    ['two signatures', { signature: `${SIGNED.signature}, ${SIGNED.signature}` }, 'signature-malformed'],
    ['an input that is no text', { 'signature-input': [INPUT] as unknown as string }, 'signature-malformed'],
    ['a space at the end', { 'signature-input': `${INPUT} ` }, 'signature-malformed'],
    ['a space between parameters', swap(';alg', '; alg'), 'signature-malformed'],
    ['two spaces between components', swap('"@path" ', '"@path"  '), 'signature-malformed'],
    ['an unquoted component', swap('"@path"', '@path'), 'signature-malformed'],
    ['a component twice', swap('"@path"', '"@path" "@path"'), 'duplicate-component'],
    ['an unknown component', swap('"@path"', '"@path" "date"'), 'unknown-component'],
    ['a component in upper case', swap('"content-digest"', '"Content-Digest"'), 'unknown-component'],
    ['a component with a parameter', swap('"@path"', '"@path";req'), 'signature-malformed'],
    ['a component missing', swap(' "@query"', ''), 'missing-component'],
    ['no component', swap(PARAMS.slice(0, PARAMS.indexOf(')') + 1), '()'), 'signature-malformed'],
    ['components out of order', swap('"@path" "@query"', '"@query" "@path"'), 'signature-malformed'],
    ['a parameter twice', swap(';alg', ';created=1767225600;alg'), 'duplicate-parameter'],
    ['an unknown parameter', swap(';alg', ';expires=1767225600;alg'), 'unknown-parameter'],
    ['a parameter missing', swap(';created=1767225600', ''), 'missing-parameter'],
    [
      'parameters out of order',
      swap('alg="ed25519";tag="pawl-request-v1"', 'tag="pawl-request-v1";alg="ed25519"'),
      'signature-malformed',
    ],
    ['another algorithm', swap('ed25519', 'hmac-sha256'), 'wrong-algorithm'],
    ['another tag', swap('pawl-request-v1', 'pawl-request-v2'), 'wrong-tag'],
    ['a quoted time', swap('1767225600', '"1767225600"'), 'signature-malformed'],
    ['a zero before the time', swap('=1767', '=01767'), 'signature-malformed'],
    ['a time beyond 2^53', swap('1767225600', '9'.repeat(17)), 'bad-created'],
    ['a negative time', swap('1767225600', '-1'), 'signature-malformed'],
    ['a short nonce', swap('AAECAwQF', 'AAECAwQ'), 'bad-nonce'],
    ['unused bits in the nonce', swap('ODw"', 'ODx"'), 'bad-nonce'],
    ['a padded nonce', swap('ODw"', 'ODw=="'), 'bad-nonce'],
    ['a key id in upper case', swap('9d0652a3', '9D0652A3'), 'bad-key-id'],
    ['a key id without device', swap('.2"', '"'), 'bad-key-id'],
    ['a key id with device 1e1', swap('.2"', '.1e1"'), 'bad-key-id'],
    ['a signature without colons', { signature: (SIGNED.signature ?? '').replaceAll(':', '') }, 'signature-malformed'],
    ['a signature of 63 bytes', { signature: `sig1=:${'A'.repeat(84)}:` }, 'signature-malformed'],
    ['unused bits in the signature', { signature: `sig1=:${'A'.repeat(85)}B==:` }, 'signature-malformed'],
  ];
  test.each(cases)('[MSG-24, REL-14] refuses %s', (_, headers, reason) => {
    expect(refusal(parse(headers))).toMatchObject({ code: 'InvalidSignature', stage: 'parse', reason });
    expect(() => verify({}, { ...SIGNED, ...headers })).toThrow(refusedAs('InvalidSignature', reason));
  });

  test('[PAR-04, MSG-24] names of object prototypes are names like others', () => {
    const named = swap(';alg', ';constructor="x";alg');
    expect(parse(named)).toThrow(refusedAs('InvalidSignature', 'unknown-parameter'));
    expect(parse(swap(';alg', ';__proto__="x";alg'))).toThrow(refusedAs('InvalidSignature', 'signature-malformed'));
    expect(parse(swap('"@path"', '"__proto__"'))).toThrow(refusedAs('InvalidSignature', 'unknown-component'));
    const evil = JSON.parse(`{"__proto__":${JSON.stringify(SIGNED)}}`) as RequestHeaders;
    expect(() => parseRequestSignature(evil)).toThrow(refusedAs('InvalidSignature', 'signature-missing'));
    const inherited = Object.create(SIGNED) as RequestHeaders;
    expect(() => parseRequestSignature(inherited)).toThrow(refusedAs('InvalidSignature', 'signature-missing'));
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('targets', () => {
  test.each([
    ['http://Relay.Example/', { authority: 'relay.example', path: '/', query: '?' }],
    ['http://relay.example', { authority: 'relay.example', path: '/', query: '?' }],
    ['http://relay.example?', { authority: 'relay.example', path: '/', query: '?' }],
    ['http://127.0.0.1:8080/v1/keys', { authority: '127.0.0.1:8080', path: '/v1/keys', query: '?' }],
    ['ws://relay.example:80/v1/socket', { authority: 'relay.example', path: '/v1/socket', query: '?' }],
    ['wss://relay.example:443/v1', { authority: 'relay.example', path: '/v1', query: '?' }],
    ['https://relay.example:80/v1', { authority: 'relay.example:80', path: '/v1', query: '?' }],
    ['https://[::1]:8443/a//b?c=?/', { authority: '[::1]:8443', path: '/a//b', query: '?c=?/' }],
  ])('[MSG-26] %s', (url, expected) => {
    expect(componentValues({ method: 'GET', url })).toEqual({ method: 'GET', ...expected });
    const platform = new URL(url);
    expect(platform.pathname).toBe(expected.path);
    expect(platform.host).toBe(expected.authority);
  });

  test.each([
    'https://relay.example/v1%2Fkeys',
    'https://relay.example/%76%31/keys',
    'https://relay.example/v1/../keys',
    'https://relay.example/v1/./keys',
    'https://relay.example/v1/..',
    'https://relay.example/..',
    'https://relay.example/v1/%2e%2e/keys',
    'https://relay.example/v1\\keys',
    'https://relay.example\\v1',
    'https://relay.example/v1#top',
    'https://relay.example#top',
    'https://relay.example/v1?a#top',
    'https://user@relay.example/v1',
    'https://user:word@relay.example/v1',
    'https://relay.example/v1 ',
    ' https://relay.example/v1',
    'https://relay.example/v1\n',
    'https://relay.example/v\t1',
    'https://relay.example/vé',
    'https://relay.example/v1?é',
    "https://relay.example/v1?'",
    'https://relay.example/v1?%c3%a9',
    'https://relay.example/v1?%4',
    'https://relay.example:/v1',
    'https://rélay.example/v1',
    'https:///v1',
    'HTTPS://relay.example/v1',
    'ftp://relay.example/v1',
    '/v1/keys',
    '',
  ])('[MSG-26, REL-14] refuses the URL %j', (url) => {
    expect(() => verify({ url })).toThrow(refusedAs('InvalidArgument', 'bad-url', 'url'));
    expect(() => sign({ url })).toThrow(refusedAs('InvalidArgument', 'bad-url', 'url'));
  });
});
