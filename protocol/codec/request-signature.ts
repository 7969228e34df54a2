/**
 * Signed HTTP requests: a profile of RFC 9421 with Ed25519 and of RFC 9530 with SHA-256.
 *
 * @spec 04-messages §7
 * Owns: what is signed, its exact text, the one accepted form of the three headers.
 * Must not know: the clock window, which nonces were seen, whose key it is: those are the relay's to judge.
 */
import { copyInput, utf8 } from '../bytes/bytes.ts';
import type { Secret } from '../bytes/secret.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { SIGNATURE_BYTES } from '../crypto/provider.ts';
import { isProtocolError, ProtocolError } from '../errors.ts';
import { REQUEST_LABEL } from '../labels.ts';
import { isDeviceId, isUuid } from './address.ts';
import { fromBase64, fromBase64Url, toBase64, toBase64Url } from './base64.ts';
import { componentValues, type RequestTarget } from './request-target.ts';

/** Length of the nonce of a request, in bytes. */
const REQUEST_NONCE_BYTES = 16;

const COMPONENTS = ['@method', '@authority', '@path', '@query'];
const DIGEST = 'content-digest';
const PARAMETERS = ['created', 'nonce', 'keyid', 'alg', 'tag'];
const ALGORITHM = 'ed25519';

/** A request as it will travel. An empty body is no body. */
export interface SignableRequest extends RequestTarget {
  readonly body: Uint8Array | null;
}

/** What a device adds to a request in order to sign it. */
export interface RequestSigner extends SignableRequest {
  /** `<account uuid>.<device id>`, the UUID in lower case. */
  readonly keyId: string;
  /** Seconds since 1970. */
  readonly createdSeconds: number;
  /** 16 fresh random bytes. */
  readonly nonce: Uint8Array;
}

/** Request headers by lower-case name. A header that arrived twice must be given joined by `, `, as HTTP joins it. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** The claims of a request signature; nothing is verified yet. */
export interface RequestSignature {
  readonly keyId: string;
  /** The account of `keyId`: a UUID in lower case. */
  readonly account: string;
  /** The device of `keyId`, 1 to 127. */
  readonly deviceId: number;
  /** Seconds since 1970. */
  readonly created: number;
  /** 16 bytes. */
  readonly nonce: Uint8Array;
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array;
  /** Whether the signature covers a body. */
  readonly coversBody: boolean;
}

function refused(reason: string, field: string): ProtocolError {
  return new ProtocolError('InvalidSignature', 'parse', reason, field);
}

function invalid(reason: string, field: string): ProtocolError {
  return new ProtocolError('InvalidArgument', 'parse', reason, field);
}

function parseKeyId(keyId: string): { account: string; deviceId: number } | null {
  const dot = keyId.lastIndexOf('.');
  const account = keyId.slice(0, dot);
  const deviceId = Number(keyId.slice(dot + 1));
  const canonical = isUuid(account) && account === account.toLowerCase() && isDeviceId(deviceId);
  return canonical && keyId === `${account}.${deviceId}` ? { account, deviceId } : null;
}

type Claims = Pick<RequestSignature, 'keyId' | 'created' | 'nonce' | 'coversBody'>;

/** The value of `@signature-params`, and of the `signature-input` header behind its label. */
function signatureParams(claims: Claims): string {
  const names = claims.coversBody ? [...COMPONENTS, DIGEST] : COMPONENTS;
  const list = names.map((name) => `"${name}"`).join(' ');
  const nonce = toBase64Url(claims.nonce);
  return `(${list});created=${claims.created};nonce="${nonce}";keyid="${claims.keyId}";alg="${ALGORITHM}";tag="${REQUEST_LABEL}"`;
}

function contentDigest(provider: CryptoProvider, body: Uint8Array): string {
  return `sha-256=:${toBase64(provider.sha256(body))}:`;
}

/** The text that is signed (RFC 9421 §2.5): one line a component, no newline at the end. */
function signatureBase(target: RequestTarget, digest: string | null, params: string): Uint8Array {
  const values = componentValues(target);
  const lines = [
    `"@method": ${values.method}`,
    `"@authority": ${values.authority}`,
    `"@path": ${values.path}`,
    `"@query": ${values.query}`,
    ...(digest === null ? [] : [`"${DIGEST}": ${digest}`]),
    `"@signature-params": ${params}`,
  ];
  // @req MSG-23
  return utf8(lines.join('\n'));
}

function bodyOf(request: SignableRequest): Uint8Array | null {
  if (request.body === null) return null;
  const body = copyInput(request.body, 'body');
  return body.length === 0 ? null : body;
}

/**
 * Signs a request.
 * @returns the headers `signature-input`, `signature` and, with a body, `content-digest`.
 * @throws {ProtocolError} `InvalidArgument`: `bad-method`, `bad-url`, `bad-key-id`, `bad-created`, `bad-nonce`.
 */
export function signRequest(
  provider: CryptoProvider,
  privateKey: Secret<'AuthPrivateKey'>,
  request: RequestSigner,
): Record<string, string> {
  const nonce = copyInput(request.nonce, 'nonce');
  if (nonce.length !== REQUEST_NONCE_BYTES) throw invalid('bad-nonce', 'nonce');
  if (parseKeyId(request.keyId) === null) throw invalid('bad-key-id', 'keyId');
  const created = request.createdSeconds;
  if (!Number.isSafeInteger(created) || created < 0) throw invalid('bad-created', 'createdSeconds');
  const body = bodyOf(request);
  const digest = body === null ? null : contentDigest(provider, body);
  const params = signatureParams({ keyId: request.keyId, created, nonce, coversBody: body !== null });
  const signature = provider.ed25519Sign(privateKey, signatureBase(request, digest, params));
  return {
    ...(digest === null ? {} : { [DIGEST]: digest }),
    'signature-input': `sig1=${params}`,
    signature: `sig1=:${toBase64(signature)}:`,
  };
}

function header(headers: RequestHeaders, name: string): string {
  const value: unknown = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (value === undefined) throw refused('signature-missing', name);
  if (typeof value !== 'string') throw refused('signature-malformed', name);
  return value;
}

/** Refuses names that stand twice, are not known or are not there. */
function checkNames(names: readonly string[], needed: readonly string[], known: readonly string[], kind: string): void {
  const seen = new Set(names);
  // @req MSG-24
  if (seen.size !== names.length) throw refused(`duplicate-${kind}`, 'signature-input');
  if (names.some((name) => !known.includes(name))) throw refused(`unknown-${kind}`, 'signature-input');
  if (needed.some((name) => !seen.has(name))) throw refused(`missing-${kind}`, 'signature-input');
}

function parseComponents(list: string): boolean {
  const names = list.split(' ').map((quoted) => {
    if (!/^"[^"]*"$/.test(quoted)) throw refused('signature-malformed', 'signature-input');
    return quoted.slice(1, -1);
  });
  checkNames(names, COMPONENTS, [...COMPONENTS, DIGEST], 'component');
  return names.includes(DIGEST);
}

function parseParameters(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(';').map((pair): [string, string] => {
    const match = /^([a-z]+)=(?:"([^"]*)"|(\d+))$/.exec(pair);
    if (match === null) throw refused('signature-malformed', 'signature-input');
    return [match[1] ?? '', match[2] ?? match[3] ?? ''];
  });
  checkNames(
    pairs.map(([name]) => name),
    PARAMETERS,
    PARAMETERS,
    'parameter',
  );
  return new Map(pairs);
}

function decodeOr(reason: string, field: string, length: number, decode: () => Uint8Array): Uint8Array {
  try {
    const bytes = decode();
    if (bytes.length === length) return bytes;
  } catch (error) {
    if (!isProtocolError(error)) throw error;
  }
  throw refused(reason, field);
}

/**
 * Reads the signature of a request: one signature, labelled `sig1`, in exactly the form that {@link signRequest} writes.
 * @throws {ProtocolError} `InvalidSignature`: `signature-missing`, `signature-malformed`, `duplicate-component`,
 * `unknown-component`, `missing-component`, `duplicate-parameter`, `unknown-parameter`, `missing-parameter`,
 * `wrong-algorithm`, `wrong-tag`, `bad-created`, `bad-nonce`, `bad-key-id`.
 */
export function parseRequestSignature(headers: RequestHeaders): RequestSignature {
  const input = header(headers, 'signature-input');
  const value = header(headers, 'signature');
  const match = /^sig1=\(([^()]*)\);([^()]*)$/.exec(input);
  if (match === null) throw refused('signature-malformed', 'signature-input');
  const coversBody = parseComponents(match[1] ?? '');
  const parameters = parseParameters(match[2] ?? '');
  const get = (name: string) => parameters.get(name) ?? '';
  if (get('alg') !== ALGORITHM) throw refused('wrong-algorithm', 'signature-input');
  if (get('tag') !== REQUEST_LABEL) throw refused('wrong-tag', 'signature-input');
  const created = Number(get('created'));
  if (!Number.isSafeInteger(created)) throw refused('bad-created', 'signature-input');
  const nonce = decodeOr('bad-nonce', 'signature-input', REQUEST_NONCE_BYTES, () => fromBase64Url(get('nonce')));
  const keyId = get('keyid');
  const signer = parseKeyId(keyId);
  if (signer === null) throw refused('bad-key-id', 'signature-input');
  const claims = { keyId, created, nonce, coversBody };
  // @req MSG-24
  if (input !== `sig1=${signatureParams(claims)}`) throw refused('signature-malformed', 'signature-input');
  const encoded = /^sig1=:([^:]*):$/.exec(value)?.[1] ?? '';
  const signature = decodeOr('signature-malformed', 'signature', SIGNATURE_BYTES, () => fromBase64(encoded));
  return { ...claims, ...signer, signature };
}

/** The digest line of the base, from the body itself; the header must say the same. */
function checkedDigest(provider: CryptoProvider, body: Uint8Array | null, headers: RequestHeaders): string | null {
  const given = Object.hasOwn(headers, DIGEST) ? headers[DIGEST] : undefined;
  const digest = body === null ? undefined : contentDigest(provider, body);
  // @req MSG-25
  if (given !== digest) throw new ProtocolError('InvalidSignature', 'verify', 'digest-mismatch', DIGEST);
  return digest ?? null;
}

/**
 * Verifies the signature of a request as it arrived: the raw target, never one that was decoded or normalised on the way.
 * @param publicKey the Ed25519 key that the caller has on record for the signature's `keyId`, raw, 32 bytes
 * @throws {ProtocolError} `InvalidSignature`: as {@link parseRequestSignature}; `body-not-covered`, `digest-mismatch`,
 * `request-signature`; `InvalidArgument`: `bad-method`, `bad-url`.
 */
export function verifyRequest(
  provider: CryptoProvider,
  publicKey: Uint8Array,
  request: SignableRequest,
  headers: RequestHeaders,
): RequestSignature {
  const claims = parseRequestSignature(headers);
  const body = bodyOf(request);
  if (claims.coversBody !== (body !== null)) {
    throw new ProtocolError('InvalidSignature', 'verify', 'body-not-covered', 'signature-input');
  }
  const digest = checkedDigest(provider, body, headers);
  const base = signatureBase(request, digest, signatureParams(claims));
  if (!provider.ed25519Verify(publicKey, base, claims.signature)) {
    throw new ProtocolError('InvalidSignature', 'verify', 'request-signature', 'signature');
  }
  return claims;
}
