/**
 * A relay's answers before anybody looks into them.
 *
 * @spec 07-devices §5
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { httpRelay } from '../../client/relay/http.ts';
import type { RelayTransport } from '../../client/relay/transport.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import { uuidOf } from '../support/peers.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function relayThat(answer: RequestListener, timeoutMs = 60_000): Promise<RelayTransport> {
  const listening = createServer(answer);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  const authKey = nodeProvider.ed25519Generate(systemRandom);
  const clock = { now: () => Date.now() };
  const who = { account: uuidOf('alice'), deviceId: 1, authKey, provider: nodeProvider, random: systemRandom, clock };
  return httpRelay(`http://127.0.0.1:${port}`, { timeoutMs })(who);
}

const says =
  (status: number, body: string): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };

const JUNK = [
  '',
  'null',
  '[]',
  '"x"',
  '{',
  '7',
  '{"__proto__":{"manifest":"AA"}}',
  '<html>',
  '{"manifest":"*"}',
  '{"manifest":7}',
];

describe('answers', () => {
  test('[DEV-28] junk in place of any answer is refused', async () => {
    const malformed = { code: 'InvalidMessage', reason: 'relay-answer-malformed' };
    for (const junk of JUNK) {
      const relay = await relayThat(says(200, junk));
      await expect(relay.fetchManifest(uuidOf('bob'))).rejects.toMatchObject(malformed);
      await expect(relay.keyCounts()).rejects.toMatchObject(malformed);
      await expect(relay.takeBundle(uuidOf('bob'), 1)).rejects.toMatchObject(malformed);
      await expect(relay.fetchMailbox(0, 10)).rejects.toMatchObject(malformed);
      server?.closeAllConnections();
      server?.close();
    }
  });

  test('[DEV-28] a field that the answer does not have is not taken from elsewhere', async () => {
    const relay = await relayThat(says(200, '{}'));
    Object.defineProperty(Object.prototype, 'manifest', { value: 'AAAA', configurable: true });
    try {
      await expect(relay.fetchManifest(uuidOf('bob'))).rejects.toMatchObject({ reason: 'relay-answer-malformed' });
    } finally {
      Reflect.deleteProperty(Object.prototype, 'manifest');
    }
  });

  test('[DEV-28] 409 and 410 without their lists, and with lists that are none', async () => {
    const send = (relay: RelayTransport) =>
      relay.send(uuidOf('bob'), { sendId: systemRandom(16), timestamp: 1, partial: false, messages: [] });
    const reason = { error: { code: 'InvalidArgument', reason: 'send-id-reused' } };
    await expect(send(await relayThat(says(409, JSON.stringify(reason))))).rejects.toMatchObject({
      status: 409,
      reason: 'send-id-reused',
    });
    for (const body of [
      '{"missing":[1],"extra":"x"}',
      '{"missing":[300],"extra":[]}',
      '{"missing":[1.5],"extra":[]}',
    ]) {
      await expect(send(await relayThat(says(409, body)))).rejects.toMatchObject({ reason: 'relay-answer-malformed' });
    }
    await expect(send(await relayThat(says(410, '{"stale":{}}')))).rejects.toMatchObject({
      reason: 'relay-answer-malformed',
    });
    const good = await send(await relayThat(says(410, '{"stale":[1,2]}')));
    expect(good).toEqual({ kind: 'stale', stale: [1, 2] });
  });

  test('[DEV-28] [DEV-13] a message counts as stored where the relay says how many it took, and took them all', async () => {
    const message = { deviceId: 1, registrationId: 1, type: 'message', body: systemRandom(8) } as const;
    const fanOut = { sendId: systemRandom(16), timestamp: 1, partial: false, messages: [message, message] };
    const send = async (body: string) => (await relayThat(says(200, body))).send(uuidOf('bob'), fanOut);
    expect(await send('{"accepted":2}')).toEqual({ kind: 'accepted' });
    for (const body of [
      '{}',
      '{"accepted":0}',
      '{"accepted":1}',
      '{"accepted":3}',
      '{"accepted":"2"}',
      '{"ok":true}',
    ]) {
      const malformed = { code: 'InvalidMessage', reason: 'relay-answer-malformed', field: 'accepted' };
      await expect(send(body)).rejects.toMatchObject(malformed);
    }
  });

  test('[DEV-28] an error repeats the relay’s slug, never its text; silence and redirects are an absence', async () => {
    const texts = [JSON.stringify({ error: { reason: 'Secret text: ../..\n' } }), '<b>no</b>', ''];
    for (const text of texts) {
      await expect((await relayThat(says(403, text))).keyCounts()).rejects.toMatchObject({
        status: 403,
        reason: 'refused',
      });
    }
    const slug = JSON.stringify({ error: { code: 'NotAllowed', reason: 'not-primary' } });
    await expect((await relayThat(says(403, slug))).keyCounts()).rejects.toMatchObject({ reason: 'not-primary' });
    const silent = await relayThat(() => undefined, 300);
    await expect(silent.keyCounts()).rejects.toMatchObject({ status: 0, reason: 'unreachable', transient: true });
    const moved = await relayThat((_, response) => void response.writeHead(302, { location: '/elsewhere' }).end());
    await expect(moved.keyCounts()).rejects.toMatchObject({ status: 0 });
    const broken = await relayThat((request) => request.destroy());
    await expect(broken.keyCounts()).rejects.toMatchObject({ status: 0 });
  });

  test('[DEV-28] a redirect is refused also where it leads to a good answer', async () => {
    const counts = { oneTime: 3, oneTimeKem: 4, signedPreKeyId: 5, lastResortKemId: null };
    const elsewhere = createServer(says(200, JSON.stringify(counts)));
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const { port } = elsewhere.address() as AddressInfo;
    let asked = 0;
    elsewhere.on('request', () => {
      asked += 1;
    });
    try {
      for (const status of [301, 302, 303, 307, 308]) {
        for (const location of ['/good', `http://127.0.0.1:${port}/v1/keys`]) {
          const relay = await relayThat((request, response) => {
            if (request.url === '/good') says(200, JSON.stringify(counts))(request, response);
            else response.writeHead(status, { location }).end();
          });
          const refused = { status: 0, reason: 'unreachable' };
          await expect(relay.keyCounts()).rejects.toMatchObject(refused);
          await expect(relay.acknowledge(1)).rejects.toMatchObject(refused);
          server?.closeAllConnections();
          server?.close();
        }
      }
      expect(asked).toBe(0);
      expect(await (await relayThat(says(200, JSON.stringify(counts)))).keyCounts()).toEqual(counts);
    } finally {
      elsewhere.closeAllConnections();
      elsewhere.close();
    }
  });

  test('[DEV-28] a relay is a scheme, a host and a port', () => {
    for (const url of ['ftp://x', 'http://x/path', 'http://x/?q', 'http://x/#f', 'x']) {
      expect(() => httpRelay(url)).toThrow(TypeError);
    }
    expect(httpRelay('http://127.0.0.1:1')).toBeTypeOf('function');
  });
});
