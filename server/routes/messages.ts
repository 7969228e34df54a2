/**
 * Sending and fetching mail.
 *
 * @spec 06-relay §7
 * Owns: fan-out, mailbox pages and acknowledgements over HTTP. Must not know: tables, what a body says.
 */
import { createRoute, z } from '@hono/zod-openapi';
import { utf8 } from '../../protocol/bytes/bytes.ts';
import { ByteWriter } from '../../protocol/bytes/cursor.ts';
import type { MailboxBody, SendAnswer } from '../../protocol/codec/relay-api.ts';
import { ENVELOPE_TYPES, MAX_ENVELOPES_PER_PAGE } from '../../protocol/codec/relay-api.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { MAX_ENVELOPE_BYTES } from '../../protocol/limits.ts';
import { RelayRefusal } from '../refusal.ts';
import { envelopeBody } from '../socket.ts';
import { uuidV7 } from '../uuid.ts';
import { exactNames, jsonAnswer, jsonBody, NO_CONTENT, REFUSED, type RelayDeps, router, signedBy } from './common.ts';
import { accountParam, ackBody, answers, mailboxQuery, sendBody } from './schemas.ts';

type ParsedSend = z.output<typeof sendBody>;

/** What two requests under one send id must have in common. */
function requestHash(provider: CryptoProvider, account: string, send: ParsedSend): Uint8Array {
  const writer = new ByteWriter()
    .sized(utf8(account))
    .u53(send.timestamp)
    .u8(send.partial ? 1 : 0);
  for (const message of send.messages) {
    writer
      .u8(message.deviceId)
      .u32(message.registrationId)
      .u8(ENVELOPE_TYPES.indexOf(message.type))
      .sized(message.body);
  }
  return provider.sha256(writer.finish());
}

function send(deps: RelayDeps) {
  const route = createRoute({
    method: 'put',
    path: '/v1/messages/{account}',
    middleware: [signedBy(deps), exactNames] as const,
    request: { params: z.object({ account: accountParam }), body: jsonBody(sendBody) },
    responses: { 200: jsonAnswer('Stored.', answers.send), default: REFUSED },
  });
  return router().openapi(route, async (c) => {
    const caller = c.get('caller');
    const { account } = c.req.valid('param');
    const request = c.req.valid('json');
    const { sendId, timestamp, partial, messages } = request;
    // @req RLY-01
    if (messages.some((message) => message.body.length > MAX_ENVELOPE_BYTES))
      throw new RelayRefusal(413, 'InvalidMessage', 'envelope-too-large', 'messages');
    const { accepted, deposited } = await deps.store.send(caller, {
      account,
      sendId,
      timestamp,
      partial,
      requestHash: requestHash(deps.provider, account, request),
      messages: messages.map((message) => ({ ...message, guid: uuidV7(caller.now, deps.random) })),
    });
    deps.hub.wake(deposited);
    return c.json({ accepted } satisfies SendAnswer, 200);
  });
}

function fetchMailbox(deps: RelayDeps) {
  const route = createRoute({
    method: 'get',
    path: '/v1/mailbox',
    middleware: [signedBy(deps)] as const,
    request: { query: mailboxQuery },
    responses: { 200: jsonAnswer('Messages, ascending.', answers.mailbox), default: REFUSED },
  });
  return router().openapi(route, async (c) => {
    const { after = 0, limit = MAX_ENVELOPES_PER_PAGE } = c.req.valid('query');
    const page = await deps.store.mailbox(c.get('caller'), after, limit);
    const body: MailboxBody = { envelopes: page.envelopes.map(envelopeBody), more: page.more };
    return c.json({ envelopes: [...body.envelopes], more: body.more }, 200);
  });
}

function acknowledge(deps: RelayDeps) {
  const route = createRoute({
    method: 'post',
    path: '/v1/mailbox/ack',
    middleware: [signedBy(deps), exactNames] as const,
    request: { body: jsonBody(ackBody) },
    responses: { 204: NO_CONTENT, default: REFUSED },
  });
  return router().openapi(route, async (c) => {
    await deps.store.acknowledge(c.get('caller'), c.req.valid('json').seq);
    return c.body(null, 204);
  });
}

/** Sending, fetching, acknowledging. */
export function messageRoutes(deps: RelayDeps) {
  return [send(deps), fetchMailbox(deps), acknowledge(deps)];
}
