/**
 * What every route shares.
 *
 * @spec 06-relay §2
 * Owns: the dependencies of the routes, the authentication step, helpers for descriptions.
 * Must not know: any one route.
 */
import type { HttpBindings } from '@hono/node-server';
import { OpenAPIHono, z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import type { Logger } from 'pino';
import type { CryptoProvider, RandomSource } from '../../protocol/crypto/provider.ts';
import { authenticate } from '../auth.ts';
import { findNameFault } from '../json.ts';
import { RelayRefusal } from '../refusal.ts';
import type { SocketHub } from '../socket.ts';
import type { Caller, RelayStore } from '../store/interface.ts';
import { FIELD_NAMES } from './schemas.ts';

/** What the relay is made of. */
export interface RelayDeps {
  readonly store: RelayStore;
  readonly provider: CryptoProvider;
  readonly random: RandomSource;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly logger: Logger;
  readonly hub: SocketHub;
}

/** What a request carries through the relay. */
export interface RelayEnv {
  Bindings: Partial<HttpBindings>;
  Variables: { caller: Caller };
}

/** A router whose refusals of shape are ours. */
export function router(): OpenAPIHono<RelayEnv> {
  return new OpenAPIHono<RelayEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      const path = result.error.issues[0]?.path ?? [];
      // Names of our own fields and positions alone: an unknown name from the request is not repeated.
      const field = path.map(String).join('.');
      // @req RLY-02
      throw new RelayRefusal(400, 'InvalidArgument', 'bad-request', field === '' ? result.target : field);
    },
  });
}

/** The step that verifies a request; it runs before the body is parsed. */
export function signedBy(deps: RelayDeps): MiddlewareHandler<RelayEnv> {
  return async (c, next) => {
    c.set('caller', await authenticate(deps, c));
    await next();
  };
}

/** A JSON body in a route's description. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { 'application/json': { schema } } } as const;
}

/** The step that refuses names which two readers may take for two things; whether the body is JSON is found where it is parsed. */
export const exactNames: MiddlewareHandler<RelayEnv> = async (c, next) => {
  const fault = findNameFault(await c.req.text());
  // @req RLY-02
  if (fault !== null) {
    const known = fault.name === '__proto__' || FIELD_NAMES.has(fault.name);
    throw new RelayRefusal(400, 'InvalidArgument', fault.reason, known ? fault.name : 'json');
  }
  await next();
};

/** A JSON answer in a route's description. */
export function jsonAnswer<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } } as const;
}

/** Description of an answer without a body. */
export const NO_CONTENT = { description: 'Done.' } as const;

const errorBody = z.object({
  error: z.object({ code: z.string(), reason: z.string(), field: z.string().optional() }),
  missing: z.array(z.int()).optional(),
  extra: z.array(z.int()).optional(),
  stale: z.array(z.int()).optional(),
});

/** Description of every refusal. */
export const REFUSED = jsonAnswer('Refused; nothing was changed.', errorBody);
