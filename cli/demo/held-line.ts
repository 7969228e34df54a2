/**
 * A network that can be told to misbehave, between a device and its relay.
 *
 * @spec 07-devices §5
 * Owns: keeping envelopes back, handing them over in another order, twice or not at all. Must not know: what is in them.
 */
import type { ConnectionHandlers, Envelope, RelayConnector, RelayTransport } from '../../client/relay/transport.ts';

/** How held envelopes are handed over: indices in `lose` never are. */
export interface Release {
  readonly reverse: boolean;
  readonly lose: readonly number[];
  readonly repeat: boolean;
}

/** Wraps the transport of one device. */
export class HeldLine {
  #held: Envelope[] | null = null;
  #handlers: ConnectionHandlers | null = null;

  /** The connector to give to the device instead of `inner`. */
  wrap(inner: RelayConnector): RelayConnector {
    return (credentials) => this.#watch(inner(credentials));
  }

  #watch(transport: RelayTransport): RelayTransport {
    const connect: RelayTransport['connect'] = (handlers) => {
      this.#handlers = handlers;
      return transport.connect({
        onEnvelope: async (envelope) => {
          if (this.#held === null) await handlers.onEnvelope(envelope);
          else this.#held.push(envelope);
        },
        onQueueEmpty: () => handlers.onQueueEmpty(),
        onConnected: () => handlers.onConnected(),
        onClosed: (code, final) => handlers.onClosed(code, final),
      });
    };
    return new Proxy(transport, {
      get(target, property) {
        if (property === 'connect') return connect;
        const value: unknown = Reflect.get(target, property);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** From now on envelopes are collected unseen. */
  hold(): void {
    this.#held ??= [];
  }

  get count(): number {
    return this.#held?.length ?? 0;
  }

  /** Hands over what was collected. @returns how many envelopes were held and how often the device was given one. */
  async release(options: Release): Promise<{ held: number; delivered: number }> {
    const held = this.#held ?? [];
    this.#held = null;
    const kept = held.filter((_, i) => !options.lose.includes(i));
    const ordered = options.reverse ? kept.reverse() : kept;
    const delivered = options.repeat ? ordered.flatMap((envelope) => [envelope, envelope]) : ordered;
    for (const envelope of delivered) await this.#handlers?.onEnvelope(envelope);
    return { held: held.length, delivered: delivered.length };
  }
}
