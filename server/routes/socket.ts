/**
 * Opening a socket.
 *
 * @spec 06-relay §8
 * Owns: the upgrade, joining a WebSocket to the hub. Must not know: what is pushed.
 */
import { upgradeWebSocket } from '@hono/node-server';
import { createMiddleware } from 'hono/factory';
import type { WSEvents } from 'hono/ws';
import { WebSocket } from 'ws';
import { CLOSE_REVOKED } from '../../protocol/codec/relay-api.ts';
import { authenticateSocket } from '../auth.ts';
import { RelayRefusal } from '../refusal.ts';
import type { DeviceSocket } from '../socket.ts';
import { type RelayDeps, type RelayEnv, router } from './common.ts';

type SocketEnv = RelayEnv & { Variables: { revoked: boolean } };

function signedUpgrade(deps: RelayDeps) {
  return createMiddleware<SocketEnv>(async (c, next) => {
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket')
      throw new RelayRefusal(426, 'InvalidArgument', 'upgrade-required');
    try {
      const caller = await authenticateSocket(deps, c);
      await deps.store.admit(caller);
      c.set('caller', caller);
      c.set('revoked', false);
    } catch (error) {
      // A WebSocket client sees no status: a removed device is told by a close code, or it would try for ever.
      if (!(error instanceof RelayRefusal) || error.reason !== 'unknown-device') throw error;
      c.set('revoked', true);
    }
    await next();
  });
}

function events(deps: RelayDeps, dev: number): WSEvents {
  let connection: DeviceSocket | null = null;
  return {
    onOpen: (_event, ws) => {
      if (!(ws.raw instanceof WebSocket)) throw new TypeError('the relay runs on ws');
      connection = deps.hub.attach(dev, ws.raw);
    },
    onMessage: (event) => connection?.receive(event.data),
    onClose: () => {
      if (connection !== null) deps.hub.detach(connection);
    },
  };
}

/** `GET /v1/socket`. */
export function socketRoute(deps: RelayDeps) {
  const app = router();
  app.get(
    '/v1/socket',
    signedUpgrade(deps),
    upgradeWebSocket(
      (c) => {
        if (c.get('revoked') === true) return { onOpen: (_event, ws) => ws.close(CLOSE_REVOKED, 'revoked') };
        return events(deps, c.get('caller').dev);
      },
      { onError: (error) => deps.logger.error({ err: error }, 'a socket failed') },
    ),
  );
  return app;
}
