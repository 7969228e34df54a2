/**
 * Prekeys.
 *
 * @spec 06-relay §6
 * Owns: upload, count and taking of keys over HTTP. Must not know: tables.
 */
import { createRoute, z } from '@hono/zod-openapi';
import { toBase64Url } from '../../protocol/codec/base64.ts';
import type { BundleBody, KeyCountsBody, PreKeyBody, SignedPreKeyBody } from '../../protocol/codec/relay-api.ts';
import { checkKeys } from '../keys.ts';
import type { Bundle, StoredKey, StoredSignedKey } from '../store/interface.ts';
import { exactNames, jsonAnswer, jsonBody, NO_CONTENT, REFUSED, type RelayDeps, router, signedBy } from './common.ts';
import { accountParam, answers, deviceParam, keyUpload } from './schemas.ts';

function preKeyBody(key: StoredKey): PreKeyBody {
  return { id: key.id, publicKey: toBase64Url(key.publicKey) };
}

function signedPreKeyBody(key: StoredSignedKey): SignedPreKeyBody {
  return { ...preKeyBody(key), signature: toBase64Url(key.signature) };
}

function bundleBody(bundle: Bundle): BundleBody {
  const { oneTimePreKey, kemPreKey } = bundle;
  return {
    registrationId: bundle.registrationId,
    deviceId: bundle.deviceId,
    identityKey: toBase64Url(bundle.identityKey),
    signedPreKey: signedPreKeyBody(bundle.signedPreKey),
    oneTimePreKey: oneTimePreKey === null ? null : preKeyBody(oneTimePreKey),
    kemPreKey: kemPreKey === null ? null : signedPreKeyBody(kemPreKey),
    kemIsLastResort: bundle.kemIsLastResort,
  };
}

function uploadKeys(deps: RelayDeps) {
  const route = createRoute({
    method: 'put',
    path: '/v1/keys',
    middleware: [signedBy(deps), exactNames] as const,
    request: { body: jsonBody(keyUpload) },
    responses: { 204: NO_CONTENT, default: REFUSED },
  });
  return router().openapi(route, async (c) => {
    const caller = c.get('caller');
    await deps.store.uploadKeys(caller, checkKeys(deps.provider, caller.identityKey, c.req.valid('json')));
    return c.body(null, 204);
  });
}

function countKeys(deps: RelayDeps) {
  const route = createRoute({
    method: 'get',
    path: '/v1/keys',
    middleware: [signedBy(deps)] as const,
    responses: { 200: jsonAnswer('What is left.', answers.keyCounts), default: REFUSED },
  });
  return router().openapi(route, async (c) => {
    const counts: KeyCountsBody = await deps.store.keyCounts(c.get('caller'));
    return c.json(counts, 200);
  });
}

function takeBundle(deps: RelayDeps) {
  const route = createRoute({
    method: 'post',
    path: '/v1/accounts/{account}/devices/{device}/bundle',
    middleware: [signedBy(deps)] as const,
    request: { params: z.object({ account: accountParam, device: deviceParam }) },
    responses: { 200: jsonAnswer('Keys for one new session.', answers.bundle), default: REFUSED },
  });
  return router().openapi(route, async (c) => {
    const { account, device } = c.req.valid('param');
    return c.json(bundleBody(await deps.store.takeBundle(c.get('caller'), account, device)), 200);
  });
}

/** Upload, count, take. */
export function keyRoutes(deps: RelayDeps) {
  return [uploadKeys(deps), countKeys(deps), takeBundle(deps)];
}
