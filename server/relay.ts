/**
 * A relay that runs.
 *
 * @spec 06-relay §9
 * Owns: port, timers, start and stop. Must not know: routes, tables.
 */
import type { Server } from 'node:http';
import { createAdaptorServer, type WebSocketServerLike } from '@hono/node-server';
import pino, { type Logger } from 'pino';
import { WebSocketServer } from 'ws';
import { SOCKET_PROTOCOL } from '../protocol/codec/relay-api.ts';
import { nodeProvider, systemRandom } from '../protocol/crypto/node.ts';
import { createApp } from './app.ts';
import { EXPIRY_INTERVAL, MAX_FRAME_BYTES, SHARING_INTERVAL, SHUTDOWN_GRACE } from './limits.ts';
import { SocketHub } from './socket.ts';
import type { RelayStore } from './store/interface.ts';
import { openRelayStore } from './store/sqlite.ts';

/** How to run a relay. */
export interface RelayOptions {
  /** Path of the SQLite file, made if it is missing. */
  readonly database: string;
  /** Address to listen on; `127.0.0.1` unless told otherwise. */
  readonly host?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Silent unless told otherwise. */
  readonly logger?: Logger;
  /** Milliseconds since 1970; the system's clock unless told otherwise. */
  readonly now?: () => number;
}

/** A running relay. */
export interface Relay {
  readonly port: number;
  /** `http://host:port`, without a slash at the end. */
  readonly url: string;
  /** Answers what it has begun, closes sockets with 1001 and the database; resolves when nothing is left. Idempotent. */
  close(): Promise<void>;
}

const SERVER_OPTIONS = {
  headersTimeout: 15_000,
  requestTimeout: 60_000,
  maxHeaderSize: 16_384,
  shouldUpgradeCallback: (request: { readonly headers: { readonly upgrade?: string | undefined } }) =>
    request.headers.upgrade?.toLowerCase() === 'websocket',
};

async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay has no port');
  return address.port;
}

/** Deletes what is out of date now and then, a little at a time; the returned function stops it. */
function startExpiry(store: RelayStore, now: () => number, logger: Logger): () => void {
  let timer: NodeJS.Timeout;
  const run = async () => {
    let more = false;
    try {
      more = await store.expire(now());
    } catch (error) {
      logger.error({ err: error }, 'deleting what is out of date failed');
    }
    schedule(more ? 0 : EXPIRY_INTERVAL);
  };
  const schedule = (delay: number) => {
    timer = setTimeout(() => void run(), delay).unref();
  };
  schedule(EXPIRY_INTERVAL);
  return () => clearTimeout(timer);
}

/** Learns what another relay did to the same file; the returned function stops it. */
function startSharing(store: RelayStore, hub: SocketHub, logger: Logger): () => void {
  let asking = false;
  const look = async () => {
    // @req RLY-27
    if (await store.changedElsewhere()) await hub.refresh();
  };
  const timer = setInterval(() => {
    if (asking) return;
    asking = true;
    look()
      .catch((error: unknown) => logger.error({ err: error }, 'looking for changes failed'))
      .finally(() => {
        asking = false;
      });
  }, SHARING_INTERVAL).unref();
  return () => clearInterval(timer);
}

async function closeServer(server: Server, sockets: WebSocketServer): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
  }, SHUTDOWN_GRACE);
  await closed;
  clearTimeout(cut);
}

/**
 * Starts a relay.
 * @throws {Error} where the port is taken, the file is no database of this relay, or its schema is newer.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { database, host = '127.0.0.1', now = Date.now } = options;
  const logger = options.logger ?? pino({ level: 'silent' });
  const store = openRelayStore(database);
  const hub = new SocketHub(store, logger);
  const app = createApp({ store, provider: nodeProvider, random: systemRandom, now, logger, hub });
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(SOCKET_PROTOCOL) ? SOCKET_PROTOCOL : false),
  });
  const server = createAdaptorServer({
    fetch: app.fetch,
    hostname: host,
    overrideGlobalObjects: false,
    serverOptions: SERVER_OPTIONS,
    websocket: { server: sockets as WebSocketServerLike },
  }) as Server;
  let port: number;
  try {
    port = await listen(server, options.port ?? 0, host);
  } catch (error) {
    await store.close();
    throw error;
  }
  const stopExpiry = startExpiry(store, now, logger);
  const stopSharing = startSharing(store, hub, logger);
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  logger.info({ url }, 'the relay listens');
  let closing: Promise<void> | null = null;
  const close = async () => {
    stopExpiry();
    stopSharing();
    hub.close();
    await closeServer(server, sockets);
    await store.close();
    logger.info('the relay stopped');
  };
  return {
    port,
    url,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
