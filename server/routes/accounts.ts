/**
 * Accounts and manifests.
 *
 * @spec 06-relay §5
 * Owns: what a registration and a new manifest must be. Must not know: tables.
 */
import { createRoute, z } from '@hono/zod-openapi';
import { toBase64Url } from '../../protocol/codec/base64.ts';
import type { SignedManifest } from '../../protocol/codec/manifest.ts';
import {
  checkSuccessor,
  compareManifests,
  encodeSignedManifest,
  manifestHash,
  PRIMARY_DEVICE_ID,
  parseSignedManifest,
  verifyManifest,
} from '../../protocol/codec/manifest.ts';
import type { ManifestBody, RegistrationAnswer } from '../../protocol/codec/relay-api.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { isProtocolError } from '../../protocol/errors.ts';
import { authenticateRegistration } from '../auth.ts';
import { checkKeys, checkRegistrationKeys } from '../keys.ts';
import { noSuchAccount, RelayRefusal, refusalOf } from '../refusal.ts';
import type { Caller, ManifestRecord } from '../store/interface.ts';
import { exactNames, jsonAnswer, jsonBody, NO_CONTENT, REFUSED, type RelayDeps, router, signedBy } from './common.ts';
import { accountParam, answers, manifestBody, registration } from './schemas.ts';

function record(provider: CryptoProvider, signed: SignedManifest): ManifestRecord {
  const { account, version, previousHash, devices } = signed.manifest;
  const hash = manifestHash(provider, signed);
  return { account, version, previousHash, hash, encoded: encodeSignedManifest(signed), devices };
}

function registerAccount(deps: RelayDeps) {
  const route = createRoute({
    method: 'post',
    path: '/v1/accounts',
    middleware: [exactNames] as const,
    request: { body: jsonBody(registration) },
    responses: { 201: jsonAnswer('Registered.', answers.registration), default: REFUSED },
  });
  return router().openapi(route, async (c) => {
    const body = c.req.valid('json');
    const signed = parseSignedManifest(body.manifest);
    const { account, accountKey, devices, version } = signed.manifest;
    const [primary] = devices;
    // @req RLY-06
    if (primary === undefined || devices.length !== 1 || version !== 1)
      throw new RelayRefusal(422, 'InvalidArgument', 'not-a-first-manifest', 'manifest');
    const proof = await authenticateRegistration(deps, c, {
      account,
      deviceId: primary.deviceId,
      authKey: primary.authKey,
    });
    verifyManifest(deps.provider, signed, accountKey);
    const keys = checkRegistrationKeys(checkKeys(deps.provider, primary.identityKey, body.keys));
    await deps.store.register({ manifest: record(deps.provider, signed), keys, ...proof });
    return c.json({ account } satisfies RegistrationAnswer, 201);
  });
}

function fetchManifest(deps: RelayDeps) {
  const route = createRoute({
    method: 'get',
    path: '/v1/accounts/{account}/manifest',
    middleware: [signedBy(deps)] as const,
    request: { params: z.object({ account: accountParam }) },
    responses: { 200: jsonAnswer('The stored manifest.', answers.manifest), default: REFUSED },
  });
  return router().openapi(route, async (c) => {
    const manifest = await deps.store.manifest(c.get('caller'), c.req.valid('param').account);
    return c.json({ manifest: toBase64Url(manifest) } satisfies ManifestBody, 200);
  });
}

/** The stored and the offered manifest, if the caller may offer it; null where the offered one is stored already. */
async function checkedSuccessor(deps: RelayDeps, caller: Caller, offered: Uint8Array): Promise<SignedManifest | null> {
  // @req RLY-11
  if (caller.deviceId !== PRIMARY_DEVICE_ID) throw new RelayRefusal(403, 'NotAllowed', 'not-primary');
  const stored = await deps.store.storedManifest(caller.account);
  if (stored === null) throw noSuchAccount();
  const known = parseSignedManifest(stored);
  const next = parseSignedManifest(offered);
  if (next.manifest.account !== caller.account) throw new RelayRefusal(403, 'NotAllowed', 'other-account', 'manifest');
  // @req RLY-11
  verifyManifest(deps.provider, next, known.manifest.accountKey);
  if (compareManifests(deps.provider, known, next) === 'same') return null;
  try {
    // @req RLY-11
    checkSuccessor(deps.provider, known, next);
  } catch (error) {
    throw isProtocolError(error) ? refusalOf(error, 409) : error;
  }
  return next;
}

/** Whether this is refused depends on what is stored, so a refused one must not be tried again by a third party. */
async function spendingNonce<T>(deps: RelayDeps, caller: Caller, check: Promise<T>): Promise<T> {
  try {
    return await check;
  } catch (error) {
    await deps.store.spendNonce(caller);
    throw error;
  }
}

function replaceManifest(deps: RelayDeps) {
  const route = createRoute({
    method: 'put',
    path: '/v1/manifest',
    middleware: [signedBy(deps), exactNames] as const,
    request: { body: jsonBody(manifestBody) },
    responses: { 204: NO_CONTENT, default: REFUSED },
  });
  return router().openapi(route, async (c) => {
    const caller = c.get('caller');
    const next = await spendingNonce(deps, caller, checkedSuccessor(deps, caller, c.req.valid('json').manifest));
    if (next === null) {
      await deps.store.admit(caller);
      return c.body(null, 204);
    }
    const { removed } = await deps.store.replaceManifest(caller, record(deps.provider, next));
    deps.hub.revoke(removed);
    return c.body(null, 204);
  });
}

/** Registration, reading and replacing manifests. */
export function accountRoutes(deps: RelayDeps) {
  return [registerAccount(deps), fetchManifest(deps), replaceManifest(deps)];
}
