/**
 * The live connection: a WebSocket that reconnects.
 *
 * @spec 07-devices §5, 06-relay §5
 * Owns: one envelope at a time, acknowledging what was taken in, the pause before the next attempt.
 * Must not know: what is in an envelope. Uses the platform's `WebSocket`, which sends no headers: the signature of the
 * upgrade travels as its second subprotocol.
 */
import type { ClientFrame } from '../../protocol/codec/relay-api.ts';
import { CLOSE_DISPLACED, CLOSE_REVOKED, SOCKET_PROTOCOL } from '../../protocol/codec/relay-api.ts';
import type { ConnectionHandlers, Envelope, RelayConnection } from './transport.ts';

/** What a connection needs besides its handlers. */
export interface SocketOptions {
  readonly url: string;
  /** A fresh signature of the upgrade, base64url. */
  readonly token: () => string;
  /** A random number from 0 to 1. */
  readonly jitter: () => number;
  readonly maxBackoffMs: number;
  /** Checks and decodes an envelope; throws where it is none. */
  readonly read: (value: unknown) => Envelope;
}

const FIRST_BACKOFF_MS = 250;
/** Close code of a client that cannot take an envelope in. */
const CLOSE_CLIENT = 4000;

class Socket implements RelayConnection {
  readonly #handlers: ConnectionHandlers;
  readonly #options: SocketOptions;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #closed = false;
  #work: Promise<void> = Promise.resolve();

  constructor(handlers: ConnectionHandlers, options: SocketOptions) {
    this.#handlers = handlers;
    this.#options = options;
    this.#open();
  }

  #open(): void {
    const socket = new WebSocket(this.#options.url, [SOCKET_PROTOCOL, this.#options.token()]);
    this.#socket = socket;
    socket.addEventListener('open', () => {
      this.#handlers.onConnected();
    });
    socket.addEventListener('message', ({ data }) => {
      this.#work = this.#work.then(() => this.#take(socket, data)).catch(() => socket.close(CLOSE_CLIENT));
    });
    // A failed attempt is an error event and then a close event; the latter is acted on.
    socket.addEventListener('error', () => undefined);
    socket.addEventListener('close', ({ code }) => this.#lost(socket, code));
  }

  async #take(socket: WebSocket, data: unknown): Promise<void> {
    // What came before the connection broke comes again over the next one.
    if (this.#socket !== socket || this.#closed) return;
    const frame = JSON.parse(String(data)) as { readonly type?: unknown; readonly envelope?: unknown };
    if (frame.type === 'queue_empty') {
      this.#failures = 0;
      this.#handlers.onQueueEmpty();
      return;
    }
    const envelope = this.#options.read(frame.envelope);
    await this.#handlers.onEnvelope(envelope);
    const ack: ClientFrame = { type: 'ack', seq: envelope.seq };
    // @req DEV-10
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(ack));
  }

  #lost(socket: WebSocket, code: number): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    // @req DEV-30
    const final = this.#closed || code === CLOSE_REVOKED || code === CLOSE_DISPLACED;
    this.#handlers.onClosed(code, final);
    if (final) return;
    const ceiling = Math.min(this.#options.maxBackoffMs, FIRST_BACKOFF_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    const pause = ceiling * (0.5 + this.#options.jitter() / 2);
    this.#timer = setTimeout(() => this.#open(), pause);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket !== null && socket.readyState !== WebSocket.CLOSED) {
      const closed = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
      socket.close(1000);
      await closed;
    }
    await this.#work;
  }
}

/** Opens the connection; it reconnects until closed, revoked or displaced. */
export function connectSocket(handlers: ConnectionHandlers, options: SocketOptions): RelayConnection {
  return new Socket(handlers, options);
}
