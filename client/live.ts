/**
 * A device's live connection.
 *
 * @spec 07-devices §5
 * Owns: what happens on connecting, and every hour of a connection. Must not know: sockets.
 */
import { isProtocolError } from '../protocol/errors.ts';
import type { Context } from './context.ts';
import { HOUR } from './limits.ts';
import { type Envelope, type RelayConnection, RelayError } from './relay/transport.ts';
import type { Receipt } from './types.ts';

/** What a connection asks of its device. */
export interface Served {
  receive(envelope: Envelope): Promise<Receipt>;
  resume(): Promise<void>;
}

/** At most one live connection of a device. */
export class Link {
  readonly #ctx: Context;
  readonly #device: Served;
  #connection: RelayConnection | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(ctx: Context, device: Served) {
    this.#ctx = ctx;
    this.#device = device;
  }

  /** Connects unless connected. */
  open(): void {
    if (this.#connection !== null) return;
    this.#connection = this.#ctx.relay.connect({
      onEnvelope: async (envelope) => {
        await this.#device.receive(envelope).catch((error: unknown) => {
          this.#tell(error);
          throw error;
        });
      },
      onConnected: () => {
        this.#ctx.emit({ type: 'connected' });
        this.#resume();
      },
      onQueueEmpty: () => this.#ctx.emit({ type: 'queueEmpty' }),
      onClosed: (code, final) => {
        if (final) this.#forget();
        this.#ctx.emit({ type: 'closed', code, final });
      },
    });
    this.#timer = setInterval(() => this.#resume(), HOUR);
  }

  #resume(): void {
    this.#ctx.failures.flush();
    this.#work = this.#work.then(() => this.#device.resume()).catch((error: unknown) => this.#tell(error));
  }

  #tell(error: unknown): void {
    const known = isProtocolError(error) || error instanceof RelayError;
    this.#ctx.emit({ type: 'backgroundError', reason: known ? error.reason : 'unexpected' });
  }

  #forget(): void {
    clearInterval(this.#timer);
    this.#connection = null;
  }

  /** Closes and waits for what is in work. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#forget();
    await connection?.close();
    await this.#work;
  }
}
