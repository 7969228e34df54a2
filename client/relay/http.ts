/**
 * The relay over HTTP.
 *
 * @spec 07-devices §5, 06-relay §2
 * Owns: signed requests, JSON in and out, the checks on a relay's answers.
 * Must not know: what is done with an answer. Uses the platform's `fetch` and `WebSocket` alone.
 */
import { utf8 } from '../../protocol/bytes/bytes.ts';
import { toBase64Url } from '../../protocol/codec/base64.ts';
import type {
  ErrorBody,
  KeyCountsBody,
  KeyUploadBody,
  MailboxBody,
  ManifestBody,
  SendBody,
  SignedPreKeyBody,
} from '../../protocol/codec/relay-api.ts';
import { signRequest } from '../../protocol/codec/request-signature.ts';
import type { PreKeyBundle } from '../../protocol/handshake/bundle.ts';
import { readBundle, readCounts, readEnvelope, readManifest, readPage, readSend } from './answers.ts';
import { connectSocket } from './socket.ts';
import type {
  ConnectionHandlers,
  KeyCounts,
  KeyUpload,
  MailboxPage,
  OutgoingFanOut,
  RelayConnection,
  RelayConnector,
  RelayCredentials,
  RelayTransport,
  SendOutcome,
  UploadedSignedPreKey,
} from './transport.ts';
import { RelayError } from './transport.ts';

/** How a relay is reached. */
export interface HttpRelayOptions {
  /** How long a request may take, in milliseconds: 15,000. */
  readonly timeoutMs?: number;
  /** The longest pause before a lost connection is tried again, in milliseconds: 30,000. */
  readonly maxBackoffMs?: number;
}

const NONCE_BYTES = 16;
/** Largest answer read, in bytes: a page of a hundred envelopes. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

function encodeSigned(key: UploadedSignedPreKey): SignedPreKeyBody {
  return { id: key.id, publicKey: toBase64Url(key.publicKey), signature: toBase64Url(key.signature) };
}

function encodeKeys(keys: KeyUpload): KeyUploadBody {
  return {
    signedPreKey: keys.signedPreKey === null ? null : encodeSigned(keys.signedPreKey),
    lastResortKem: keys.lastResortKem === null ? null : encodeSigned(keys.lastResortKem),
    oneTime: keys.oneTime.map(({ id, publicKey }) => ({ id, publicKey: toBase64Url(publicKey) })),
    oneTimeKem: keys.oneTimeKem.map(encodeSigned),
    ...(keys.replaceOneTime === true ? { replaceOneTime: true as const } : {}),
  };
}

/** The relay's slug, if it is one: nothing else of an answer is repeated in an error. */
function reasonOf(body: unknown): string {
  const reason = (body as Partial<ErrorBody> | null)?.error?.reason;
  return typeof reason === 'string' && /^[a-z0-9-]{1,64}$/.test(reason) ? reason : 'refused';
}

class HttpRelay implements RelayTransport {
  readonly #base: string;
  readonly #who: RelayCredentials;
  readonly #options: HttpRelayOptions;

  constructor(base: string, who: RelayCredentials, options: HttpRelayOptions) {
    this.#base = base;
    this.#who = who;
    this.#options = options;
  }

  #sign(method: string, url: string, body: Uint8Array | null): Record<string, string> {
    const { account, deviceId, authKey, clock, provider, random } = this.#who;
    return signRequest(provider, authKey.privateKey, {
      method,
      url,
      body,
      keyId: `${account}.${deviceId}`,
      createdSeconds: Math.floor(clock.now() / 1000),
      nonce: random(NONCE_BYTES),
    });
  }

  /** One request; resolves with the statuses in `expected` and rejects on any other. */
  async #ask(method: string, path: string, body: unknown, expected: readonly number[]): Promise<Answer> {
    const url = `${this.#base}${path}`;
    const text = body === undefined ? null : JSON.stringify(body);
    const bytes = text === null ? null : utf8(text);
    const headers = {
      ...this.#sign(method, url, bytes),
      ...(bytes === null ? {} : { 'content-type': 'application/json' }),
    };
    const signal = AbortSignal.timeout(this.#options.timeoutMs ?? 15_000);
    let answer: Answer;
    try {
      const response = await fetch(url, { method, headers, body: text, signal, redirect: 'error' });
      answer = { status: response.status, body: await readJson(response) };
    } catch (error) {
      throw error instanceof RelayError ? error : new RelayError(0, 'unreachable');
    }
    if (!expected.includes(answer.status)) throw new RelayError(answer.status, reasonOf(answer.body));
    return answer;
  }

  async register(manifest: Uint8Array, keys: KeyUpload): Promise<void> {
    await this.#ask('POST', '/v1/accounts', { manifest: toBase64Url(manifest), keys: encodeKeys(keys) }, [201]);
  }

  async putKeys(keys: KeyUpload): Promise<void> {
    await this.#ask('PUT', '/v1/keys', encodeKeys(keys), [204]);
  }

  async keyCounts(): Promise<KeyCounts> {
    return readCounts((await this.#ask('GET', '/v1/keys', undefined, [200])).body as KeyCountsBody);
  }

  async fetchManifest(account: string): Promise<Uint8Array | null> {
    const { status, body } = await this.#ask('GET', `/v1/accounts/${account}/manifest`, undefined, [200, 404]);
    return status === 404 ? null : readManifest(body as ManifestBody);
  }

  async putManifest(manifest: Uint8Array): Promise<void> {
    await this.#ask('PUT', '/v1/manifest', { manifest: toBase64Url(manifest) }, [204]);
  }

  async takeBundle(account: string, deviceId: number): Promise<PreKeyBundle | null> {
    const path = `/v1/accounts/${account}/devices/${deviceId}/bundle`;
    const { status, body } = await this.#ask('POST', path, undefined, [200, 404]);
    return status === 404 ? null : readBundle(body);
  }

  async send(account: string, { sendId, timestamp, partial, messages }: OutgoingFanOut): Promise<SendOutcome> {
    const body: SendBody = {
      sendId: toBase64Url(sendId),
      timestamp,
      partial,
      messages: messages.map(({ deviceId, registrationId, type, body }) => {
        return { deviceId, registrationId, type, body: toBase64Url(body) };
      }),
    };
    const answer = await this.#ask('PUT', `/v1/messages/${account}`, body, [200, 409, 410]);
    return readSend(answer.status, answer.body, reasonOf(answer.body), messages.length);
  }

  async fetchMailbox(after: number, limit: number): Promise<MailboxPage> {
    const { body } = await this.#ask('GET', `/v1/mailbox?after=${after}&limit=${limit}`, undefined, [200]);
    return readPage(body as MailboxBody);
  }

  async acknowledge(seq: number): Promise<void> {
    await this.#ask('POST', '/v1/mailbox/ack', { seq }, [204]);
  }

  connect(handlers: ConnectionHandlers): RelayConnection {
    const url = `${this.#base.replace(/^http/, 'ws')}/v1/socket`;
    return connectSocket(handlers, {
      url,
      token: () => toBase64Url(utf8(JSON.stringify(this.#sign('GET', url, null)))),
      jitter: () => (this.#who.random(1)[0] ?? 0) / 256,
      maxBackoffMs: this.#options.maxBackoffMs ?? 30_000,
      read: readEnvelope,
    });
  }
}

/** Counts what arrives: an announced length says nothing of chunked or compressed answers. */
async function readText(response: Response): Promise<string> {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new RelayError(0, 'answer-too-long');
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

async function readJson(response: Response): Promise<unknown> {
  const text = await readText(response);
  if (text === '') return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/**
 * A relay at a URL: scheme http or https, host, port, no path.
 * @throws {TypeError} for anything else.
 */
export function httpRelay(url: string, options: HttpRelayOptions = {}): RelayConnector {
  const { protocol, origin, pathname, search, hash } = new URL(url);
  if (!['http:', 'https:'].includes(protocol) || `${pathname}${search}${hash}` !== '/') {
    throw new TypeError('a relay URL has a scheme, a host and a port, and no more');
  }
  return (credentials) => new HttpRelay(origin, credentials, options);
}
