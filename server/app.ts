/**
 * The relay as an application: every route, and what holds for all of them.
 *
 * @spec 06-relay §2
 * Owns: limits before parsing, the form of refusals, one log line a request.
 * Must not know: sockets of the operating system, files. Logs hold no body and no more of an account than eight characters.
 */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { isProtocolError } from '../protocol/errors.ts';
import { limitBody } from './body-limit.ts';
import { type RefusalStatus, RelayRefusal, refusalOf } from './refusal.ts';
import { accountRoutes } from './routes/accounts.ts';
import { jsonAnswer, type RelayDeps, type RelayEnv, router } from './routes/common.ts';
import { keyRoutes } from './routes/keys.ts';
import { messageRoutes } from './routes/messages.ts';
import { answers } from './routes/schemas.ts';
import { socketRoute } from './routes/socket.ts';

/** SQLite's code for a lock that did not come free in time. */
const SQLITE_BUSY = 5;

function healthRoute() {
  const route = createRoute({
    method: 'get',
    path: '/v1/health',
    responses: { 200: jsonAnswer('The relay answers.', answers.health) },
  });
  return router().openapi(route, (c) => c.json({ ok: true as const }, 200));
}

const HTTP_REASONS: Readonly<Record<number, [RefusalStatus, string]>> = {
  400: [400, 'bad-json'],
  415: [415, 'unsupported-media-type'],
};

/** Any error as a refusal; null where it is a fault of the relay. */
function asRefusal(error: unknown): RelayRefusal | null {
  if (error instanceof RelayRefusal) return error;
  if (isProtocolError(error)) return refusalOf(error, 422);
  if (error instanceof HTTPException) {
    const [status, reason] = HTTP_REASONS[error.status] ?? [400, 'bad-request'];
    return new RelayRefusal(status, 'InvalidArgument', reason);
  }
  if (!(error instanceof Error)) return null;
  if ('errcode' in error && error.errcode === SQLITE_BUSY) return new RelayRefusal(503, 'InvalidState', 'busy');
  const gone = 'code' in error && error.code === 'ECONNRESET';
  return gone ? new RelayRefusal(400, 'InvalidArgument', 'body-incomplete') : null;
}

function answerError(deps: RelayDeps, error: unknown, c: Context): Response {
  const known = asRefusal(error);
  if (known === null) deps.logger.error({ err: error }, 'a request failed');
  const refusal = known ?? new RelayRefusal(500, 'InvalidState', 'internal');
  if (refusal.status === 503) c.header('retry-after', '1');
  // @req RLY-03
  return c.json(refusal.body(), refusal.status);
}

/** Methods that some route takes at this path. */
function methodsAt(app: OpenAPIHono<RelayEnv>, path: string): string[] {
  const matching = app.routes.filter((route) => {
    if (route.method === 'ALL') return false;
    const pattern = route.path.replace(/:[^/]+/g, '[^/]+');
    return new RegExp(`^${pattern}$`).test(path);
  });
  return [...new Set(matching.map((route) => route.method))];
}

function answerUnknown(app: OpenAPIHono<RelayEnv>, c: Context): Response {
  const methods = methodsAt(app, c.req.path);
  // @req RLY-03
  if (methods.length === 0) return c.json(new RelayRefusal(404, 'InvalidArgument', 'no-such-route').body(), 404);
  c.header('allow', [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', '));
  if (c.req.method === 'OPTIONS') return c.body(null, 204);
  return c.json(new RelayRefusal(405, 'InvalidArgument', 'method-not-allowed').body(), 405);
}

function logRequests(app: OpenAPIHono<RelayEnv>, deps: RelayDeps): void {
  app.use(async (c, next) => {
    const started = performance.now();
    await next();
    const caller = c.get('caller');
    // @req RLY-08
    deps.logger.info({
      method: c.req.method,
      route: c.req.routePath,
      status: c.res.status,
      ms: Math.round(performance.now() - started),
      ...(caller === undefined ? {} : { device: `${caller.account.slice(0, 8)}….${caller.deviceId}` }),
    });
  });
}

/**
 * The relay. Without a server around it (`app.request`), everything but the socket works.
 * @param deps all of them injected; `hub` must use the same store
 */
export function createApp(deps: RelayDeps): OpenAPIHono<RelayEnv> {
  const app = router();
  logRequests(app, deps);
  app.use(limitBody);
  const routes = [healthRoute(), ...accountRoutes(deps), ...keyRoutes(deps), ...messageRoutes(deps), socketRoute(deps)];
  for (const route of routes) app.route('/', route);
  app.onError((error, c) => answerError(deps, error, c));
  app.notFound((c) => answerUnknown(app, c));
  return app;
}
