/**
 * Who sent a request.
 *
 * @spec 06-relay §3
 * Owns: verifying signed requests and signed registrations, the clock window, the token of a socket.
 * Must not know: what the request wants. That the nonce is new is decided by the store, in the transaction of the operation.
 */
import type { IncomingMessage } from 'node:http';
import { z } from '@hono/zod-openapi';
import { fromUtf8 } from '../protocol/bytes/bytes.ts';
import { fromBase64Url } from '../protocol/codec/base64.ts';
import { SOCKET_PROTOCOL, type SocketToken } from '../protocol/codec/relay-api.ts';
import type { RequestHeaders, RequestSignature } from '../protocol/codec/request-signature.ts';
import { parseRequestSignature, verifyRequest } from '../protocol/codec/request-signature.ts';
import type { CryptoProvider } from '../protocol/crypto/provider.ts';
import { isProtocolError } from '../protocol/errors.ts';
import { parseJson } from './json.ts';
import { CLOCK_WINDOW_SECONDS } from './limits.ts';
import { RelayRefusal, refusalOf, unknownDevice } from './refusal.ts';
import type { Caller, DeviceCredentials, RelayStore } from './store/interface.ts';

/** What verifying needs. */
export interface AuthDeps {
  readonly store: RelayStore;
  readonly provider: CryptoProvider;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What is used of a request; Node's own is there unless a test called without a server. */
export interface RequestContext {
  readonly req: {
    readonly method: string;
    readonly url: string;
    header(name: string): string | undefined;
    arrayBuffer(): Promise<ArrayBuffer>;
  };
  readonly env: { readonly incoming?: IncomingMessage | undefined } | undefined;
}

const MAX_TOKEN_CHARACTERS = 2048;

const tokenSchema: z.ZodType<SocketToken> = z.strictObject({ 'signature-input': z.string(), signature: z.string() });

/** The target as it travelled: what a router or `URL` makes of it is not what was signed. */
function targetUrl(c: RequestContext): string {
  const incoming = c.env?.incoming;
  return incoming === undefined ? c.req.url : `http://${incoming.headers.host ?? ''}${incoming.url ?? ''}`;
}

/** Any refusal of the codec is 401 here. */
function unauthenticated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isProtocolError(error)) throw refusalOf(error, 401);
    throw error;
  }
}

function signatureHeaders(c: RequestContext): RequestHeaders {
  return {
    'signature-input': c.req.header('signature-input'),
    signature: c.req.header('signature'),
    'content-digest': c.req.header('content-digest'),
  };
}

function checkClock(claims: RequestSignature, now: number): void {
  // @req RLY-04
  if (Math.abs(claims.created * 1000 - now) > CLOCK_WINDOW_SECONDS * 1000)
    throw new RelayRefusal(401, 'InvalidSignature', 'clock-skew', 'signature-input');
}

/** A nonce whose request left the window can be forgotten: the clock refuses it. */
function nonceExpiry(claims: RequestSignature): number {
  return (claims.created + CLOCK_WINDOW_SECONDS + 1) * 1000;
}

async function verify(deps: AuthDeps, c: RequestContext, headers: RequestHeaders, body: Uint8Array | null) {
  const now = deps.now();
  const claims = unauthenticated(() => parseRequestSignature(headers));
  checkClock(claims, now);
  const credentials = await deps.store.credentials(claims.account, claims.deviceId);
  if (credentials === null) throw unknownDevice();
  return verified(deps, c, { claims, credentials, headers, body, now });
}

interface Claimed {
  readonly claims: RequestSignature;
  readonly credentials: DeviceCredentials;
  readonly headers: RequestHeaders;
  readonly body: Uint8Array | null;
  readonly now: number;
}

function verified(deps: AuthDeps, c: RequestContext, claimed: Claimed): Caller {
  const { claims, credentials, headers, body, now } = claimed;
  // @req RLY-04
  unauthenticated(() =>
    verifyRequest(deps.provider, credentials.authKey, { method: c.req.method, url: targetUrl(c), body }, headers),
  );
  return {
    dev: credentials.dev,
    account: claims.account,
    deviceId: claims.deviceId,
    identityKey: credentials.identityKey,
    nonce: claims.nonce,
    nonceExpires: nonceExpiry(claims),
    now,
  };
}

/**
 * The device that signed a request.
 * @throws {RelayRefusal} 401: `clock-skew`, `unknown-device`, and the reasons of `verifyRequest`.
 */
export async function authenticate(deps: AuthDeps, c: RequestContext): Promise<Caller> {
  return verify(deps, c, signatureHeaders(c), new Uint8Array(await c.req.arrayBuffer()));
}

/**
 * Verifies a registration by the key that its own manifest names for device 1.
 * @throws {RelayRefusal} 401 as {@link authenticate}; `wrong-signer` where the key id is another device's.
 */
export async function authenticateRegistration(
  deps: AuthDeps,
  c: RequestContext,
  claimed: { readonly account: string; readonly deviceId: number; readonly authKey: Uint8Array },
): Promise<Pick<Caller, 'nonce' | 'nonceExpires' | 'now'>> {
  const now = deps.now();
  const headers = signatureHeaders(c);
  const claims = unauthenticated(() => parseRequestSignature(headers));
  checkClock(claims, now);
  if (claims.account !== claimed.account || claims.deviceId !== claimed.deviceId)
    throw new RelayRefusal(401, 'InvalidSignature', 'wrong-signer', 'signature-input');
  const credentials = { dev: 0, authKey: claimed.authKey, identityKey: claimed.authKey };
  const body = new Uint8Array(await c.req.arrayBuffer());
  return verified(deps, c, { claims, credentials, headers, body, now });
}

function malformedToken(): RelayRefusal {
  return new RelayRefusal(401, 'InvalidSignature', 'bad-socket-token', 'sec-websocket-protocol');
}

/** The signature headers that a client which cannot set headers put into the list of subprotocols. */
function tokenHeaders(protocols: string): RequestHeaders {
  const [protocol, token, ...rest] = protocols.split(',').map((part) => part.trim());
  const whole = protocol === SOCKET_PROTOCOL && token !== undefined && rest.length === 0;
  if (!whole || token.length > MAX_TOKEN_CHARACTERS) throw malformedToken();
  try {
    const parsed = tokenSchema.safeParse(parseJson(fromUtf8(fromBase64Url(token), 'token')));
    if (parsed.success) return { ...parsed.data };
  } catch (error) {
    if (!isProtocolError(error) && !(error instanceof SyntaxError)) throw error;
  }
  throw malformedToken();
}

/** The device that signed the opening of a socket, in headers or in a token. @throws {RelayRefusal} 401 as {@link authenticate}. */
export async function authenticateSocket(deps: AuthDeps, c: RequestContext): Promise<Caller> {
  const protocols = c.req.header('sec-websocket-protocol');
  const inHeaders = c.req.header('signature') !== undefined || protocols === undefined;
  return verify(deps, c, inHeaders ? signatureHeaders(c) : tokenHeaders(protocols), null);
}
