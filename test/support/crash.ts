/**
 * Crashes at a chosen point: of the store, the witness or the relay, before or after it has taken effect.
 *
 * @spec 07-devices §6
 * Owns: counting the points, and that nothing happens after the crash. Must not know: what is done at them.
 */
import type { RelayConnector, RelayTransport } from '../../client/relay/transport.ts';
import type { Store } from '../../client/store/store.ts';
import type { Witness } from '../../client/store/witness.ts';

/** The process is gone. */
export class Crash extends Error {}

/** Passes points until the chosen one. */
export class CrashPlan {
  /** Number of the point at which it crashes, from 0; none where negative. */
  readonly at: number;
  readonly points: string[] = [];
  crashed = false;

  constructor(at: number) {
    this.at = at;
  }

  hit(point: string): void {
    if (this.crashed) throw new Crash('after the crash');
    this.points.push(point);
    if (this.points.length - 1 !== this.at) return;
    this.crashed = true;
    throw new Crash(point);
  }

  store(inner: Store): Store {
    return {
      transaction: async (work) => {
        this.hit('store:before');
        const result = await inner.transaction((tx) => {
          const value = work(tx);
          this.hit('store:uncommitted');
          return value;
        });
        this.hit('store:committed');
        return result;
      },
      snapshot: () => inner.snapshot(),
      close: () => inner.close(),
    };
  }

  witness(inner: Witness): Witness {
    return {
      read: () => inner.read(),
      advance: async (generation) => {
        this.hit('witness:before');
        await inner.advance(generation);
        this.hit('witness:after');
      },
      close: () => inner.close(),
    };
  }

  relay(inner: RelayConnector): RelayConnector {
    return (credentials) => {
      const transport = inner(credentials);
      const handler: ProxyHandler<RelayTransport> = {
        get: (target, name: keyof RelayTransport) => {
          const method = target[name] as (...args: unknown[]) => Promise<unknown>;
          return async (...args: unknown[]) => {
            this.hit(`relay:${name}:before`);
            const result = await method.apply(target, args);
            this.hit(`relay:${name}:after`);
            return result;
          };
        },
      };
      return new Proxy(transport, handler);
    };
  }
}
