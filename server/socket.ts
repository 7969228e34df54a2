/**
 * Pushing mail to a connected device.
 *
 * @spec 06-relay §8
 * Owns: one socket's window, cursor and acknowledgements; which socket a device has.
 * Must not know: signatures, HTTP. It reads from the store behind its cursor, so a wake-up that is lost delays and never loses.
 */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { z } from '@hono/zod-openapi';
import type { Logger } from 'pino';
import { toBase64Url } from '../protocol/codec/base64.ts';
import {
  CLOSE_BAD_FRAME,
  CLOSE_DISPLACED,
  CLOSE_REVOKED,
  type ClientFrame,
  type EnvelopeBody,
  type ServerFrame,
} from '../protocol/codec/relay-api.ts';
import { parseJson } from './json.ts';
import { MAX_BUFFERED_BYTES, PUSH_PAGE, WINDOW_BYTES, WINDOW_FRAMES } from './limits.ts';
import type { RelayStore, StoredEnvelope } from './store/interface.ts';

/** What is used of a WebSocket. */
export interface PushSocket {
  readonly bufferedAmount: number;
  send(data: string, written: (error?: Error | null) => void): void;
  close(code: number, reason: string): void;
}

const ackFrame: z.ZodType<ClientFrame> = z.strictObject({ type: z.literal('ack'), seq: z.int().min(1) });

/** An envelope as JSON. */
export function envelopeBody(envelope: StoredEnvelope): EnvelopeBody {
  return { ...envelope, body: toBase64Url(envelope.body) };
}

function parseAck(data: unknown): number | null {
  if (typeof data !== 'string') return null;
  try {
    const parsed = ackFrame.safeParse(parseJson(data));
    return parsed.success ? parsed.data.seq : null;
  } catch {
    return null;
  }
}

/** One socket of one device. */
export class DeviceSocket {
  readonly dev: number;
  readonly #socket: PushSocket;
  readonly #store: RelayStore;
  readonly #logger: Logger;
  #unacked: { readonly seq: number; readonly bytes: number }[] = [];
  #unackedBytes = 0;
  /** Sequence number of the last envelope sent on this socket. */
  #cursor = 0;
  #wanted = 0;
  #stored = 0;
  #pumping = false;
  #again = false;
  #gated = false;
  #acknowledging = false;
  #announced = false;
  #closed = false;

  constructor(dev: number, socket: PushSocket, store: RelayStore, logger: Logger) {
    this.dev = dev;
    this.#socket = socket;
    this.#store = store;
    this.#logger = logger;
  }

  /** Ends the socket; what it still sends is not listened to. */
  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close(code, reason);
  }

  /** The other end is gone. */
  closed(): void {
    this.#closed = true;
  }

  #failed(error: unknown): void {
    this.#logger.error({ err: error }, 'a socket failed');
    this.close(1011, 'internal');
  }

  /** There may be mail. */
  wake(): void {
    this.#again = true;
    if (!this.#pumping && !this.#closed) this.#pump().catch((error: unknown) => this.#failed(error));
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        while (await this.#sendPage()) await yieldToOthers();
      }
    } finally {
      // In the same turn as the last look at `again`: a wake-up in between would be lost.
      this.#pumping = false;
    }
  }

  /** Sends one page as far as the window is open; true if there is more that may go now. */
  async #sendPage(): Promise<boolean> {
    const frames = Math.min(WINDOW_FRAMES - this.#unacked.length, PUSH_PAGE);
    if (this.#closed || frames <= 0 || this.#isGated()) return false;
    const page = await this.#store.readMailbox(this.dev, this.#cursor, frames, MAX_BUFFERED_BYTES);
    if (this.#closed) return false;
    if (page === null) {
      this.close(CLOSE_REVOKED, 'revoked');
      return false;
    }
    for (const envelope of page.envelopes) {
      // @req RLY-23
      if (this.#unackedBytes + envelope.body.length > WINDOW_BYTES || this.#isGated()) return false;
      this.#push(envelope);
    }
    if (!page.more) this.#announceEmpty();
    return page.more;
  }

  #isGated(): boolean {
    // @req RLY-23
    this.#gated = this.#socket.bufferedAmount >= MAX_BUFFERED_BYTES;
    return this.#gated;
  }

  #push(envelope: StoredEnvelope): void {
    const bytes = envelope.body.length;
    this.#cursor = envelope.seq;
    this.#unacked.push({ seq: envelope.seq, bytes });
    this.#unackedBytes += bytes;
    this.#send({ type: 'envelope', envelope: envelopeBody(envelope) });
  }

  #announceEmpty(): void {
    if (this.#announced) return;
    this.#announced = true;
    this.#send({ type: 'queue_empty' });
  }

  #send(frame: ServerFrame): void {
    this.#socket.send(JSON.stringify(frame), () => {
      if (this.#gated) this.wake();
    });
  }

  /** A frame of the client: an acknowledgement of something sent here, or the end. */
  receive(data: unknown): void {
    if (this.#closed) return;
    const seq = parseAck(data);
    // @req RLY-24
    if (seq === null || seq > this.#cursor) {
      this.close(CLOSE_BAD_FRAME, 'bad-frame');
      return;
    }
    this.#wanted = Math.max(this.#wanted, seq);
    if (!this.#acknowledging) this.#acknowledge().catch((error: unknown) => this.#failed(error));
  }

  async #acknowledge(): Promise<void> {
    this.#acknowledging = true;
    try {
      while (this.#wanted > this.#stored) {
        // What else came in the same turn is acknowledged by the same commit.
        await yieldToOthers();
        if (this.#closed) return;
        const seq = this.#wanted;
        await this.#store.acknowledgePushed(this.dev, seq);
        this.#stored = seq;
        this.#unacked = this.#unacked.filter((sent) => sent.seq > seq);
        this.#unackedBytes = this.#unacked.reduce((sum, sent) => sum + sent.bytes, 0);
        this.wake();
      }
    } finally {
      this.#acknowledging = false;
    }
  }
}

/** The sockets of this relay: one a device, the newest wins. */
export class SocketHub {
  readonly #sockets = new Map<number, DeviceSocket>();
  readonly #store: RelayStore;
  readonly #logger: Logger;

  constructor(store: RelayStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Takes a socket over and begins to push. */
  attach(dev: number, socket: PushSocket): DeviceSocket {
    const connection = new DeviceSocket(dev, socket, this.#store, this.#logger);
    // @req RLY-25
    this.#sockets.get(dev)?.close(CLOSE_DISPLACED, 'displaced');
    this.#sockets.set(dev, connection);
    connection.wake();
    return connection;
  }

  /** Forgets a socket that is gone. */
  detach(connection: DeviceSocket): void {
    connection.closed();
    if (this.#sockets.get(connection.dev) === connection) this.#sockets.delete(connection.dev);
  }

  /** These devices have mail. */
  wake(devices: readonly number[]): void {
    for (const dev of devices) this.#sockets.get(dev)?.wake();
  }

  /** These devices were removed. */
  revoke(devices: readonly number[]): void {
    // @req RLY-12
    for (const dev of devices) this.#sockets.get(dev)?.close(CLOSE_REVOKED, 'revoked');
  }

  /** Another relay changed the file: any device may have mail, or be gone. */
  async refresh(): Promise<void> {
    for (const connection of [...this.#sockets.values()]) {
      // @req RLY-27
      if (await this.#store.isLive(connection.dev)) connection.wake();
      else connection.close(CLOSE_REVOKED, 'revoked');
    }
  }

  /** Closes every socket: the relay goes away, devices connect again. */
  close(): void {
    for (const connection of this.#sockets.values()) connection.close(1001, 'going-away');
  }
}
