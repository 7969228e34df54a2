/** HTTP as it travels: what no well-behaved client sends. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Relay, startRelay } from '../../server/relay.ts';
import { createAccount, deliver, register, remote, sign, type TestAccount } from '../support/relay-fixtures.ts';
import { dump, temporaryFolder } from '../support/test-relay.ts';

let folder: ReturnType<typeof temporaryFolder>;
let database: string;
let relay: Relay;
let logged: string[];
let alice: TestAccount;

beforeEach(async () => {
  folder = temporaryFolder();
  database = join(folder.path, 'relay.db');
  logged = [];
  const logger = pino({ base: null }, { write: (line: string) => void logged.push(line) });
  relay = await startRelay({ database, logger });
  alice = createAccount();
  await register(remote(relay.url), alice);
});

afterEach(async () => {
  await relay.close();
  folder.remove();
});

/** Sends these bytes and returns the first line of the answer. */
function raw(lines: readonly string[], body = ''): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  const socket = connect(relay.port, '127.0.0.1');
  socket.on('error', reject);
  socket.on('data', (data) => {
    text += data.toString();
    if (!text.includes('\r\n')) return;
    socket.destroy();
    resolve(text.slice(0, text.indexOf('\r\n')));
  });
  socket.on('close', () => resolve('closed'));
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  return promise;
}

const host = () => `Host: 127.0.0.1:${relay.port}`;

function signedLines(method: string, path: string, text?: string): string[] {
  const { headers } = sign(
    alice.primary,
    relay.url,
    Date.now(),
    text === undefined ? { method, path } : { method, path, text },
  );
  return [host(), ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
}

it('[RLY-04] refuses targets and headers that two readers could take differently', async () => {
  const before = dump(database);
  const get = () => signedLines('GET', '/v1/keys');
  const cases: [string, string[], string][] = [
    ['an absolute target', [`GET ${relay.url}/v1/keys HTTP/1.1`, ...get()], 'HTTP/1.1 401 Unauthorized'],
    ['another host', ['GET /v1/keys HTTP/1.1', 'Host: relay.other', ...get().slice(1)], 'HTTP/1.1 401 Unauthorized'],
    ['no host', ['GET /v1/keys HTTP/1.1', ...get().slice(1)], 'HTTP/1.1 400 Bad Request'],
    ['a fragment', ['GET /v1/keys#x HTTP/1.1', ...get()], 'HTTP/1.1 401 Unauthorized'],
    ['dot segments', ['GET /v1/x/../keys HTTP/1.1', ...get()], 'HTTP/1.1 401 Unauthorized'],
    ['an encoded path', ['GET /v1/%6Beys HTTP/1.1', ...get()], 'HTTP/1.1 401 Unauthorized'],
    ['a signature twice', ['GET /v1/keys HTTP/1.1', ...get(), get().at(-1) ?? ''], 'HTTP/1.1 401 Unauthorized'],
  ];
  for (const [name, lines, status] of cases) expect([name, await raw(lines)]).toEqual([name, status]);
  const two = ['POST /v1/mailbox/ack HTTP/1.1', ...signedLines('POST', '/v1/mailbox/ack', '{"seq":1}')];
  const lengths = [...two, 'Content-Length: 9', 'Content-Length: 3'];
  expect(await raw(lengths, '{"seq":1}')).toBe('HTTP/1.1 400 Bad Request');
  const both = [...two, 'Content-Length: 9', 'Transfer-Encoding: chunked'];
  expect(await raw(both, '{"seq":1}')).toBe('HTTP/1.1 400 Bad Request');
  expect(dump(database)).toBe(before);
  expect(await raw(['GET /v1/keys HTTP/1.1', ...get()])).toBe('HTTP/1.1 200 OK');
});

it('[RLY-01] refuses a large body on the wire, announced or in chunks', async () => {
  const announced = ['POST /v1/accounts HTTP/1.1', host(), 'Content-Type: application/json', 'Content-Length: 9000000'];
  expect(await raw(announced, '{"manifest":"')).toBe('HTTP/1.1 413 Payload Too Large');
  const chunked = [
    'POST /v1/accounts HTTP/1.1',
    host(),
    'Content-Type: application/json',
    'Transfer-Encoding: chunked',
  ];
  const chunk = `10000\r\n${'a'.repeat(0x10000)}\r\n`;
  expect(await raw(chunked, chunk.repeat(30))).toBe('HTTP/1.1 413 Payload Too Large');
  const answer = await deliver(
    remote(relay.url),
    sign(alice.primary, relay.url, Date.now(), { method: 'GET', path: '/v1/keys' }),
  );
  expect(answer.status).toBe(200);
});

it('[RLY-02] [RLY-03] takes a body in chunks, and tells what is wrong with one that is missing or has no type', async () => {
  const path = '/v1/mailbox/ack';
  const lines = (text?: string) => [`POST ${path} HTTP/1.1`, ...signedLines('POST', path, text)];
  const json = ['Transfer-Encoding: chunked'];
  const chunks = '4\r\n{"se\r\n5\r\nq":1}\r\n0\r\n\r\n';
  expect(await raw([...lines('{"seq":1}'), ...json], chunks)).toBe('HTTP/1.1 404 Not Found');
  expect(await raw([...lines('{"seq":1}'), 'Content-Length: 9'], '{"seq":1}')).toBe('HTTP/1.1 404 Not Found');
  for (const ending of [[], ['Content-Length: 0'], json]) {
    const body = ending === json ? '0\r\n\r\n' : '';
    const status = await raw([...lines(), ...ending], body);
    expect([ending, status]).toEqual([ending, 'HTTP/1.1 400 Bad Request']);
  }
  const untyped = lines('{"seq":1}').filter((line) => !line.startsWith('content-type'));
  expect(await raw([...untyped, 'Content-Length: 9'], '{"seq":1}')).toBe('HTTP/1.1 415 Unsupported Media Type');
  expect(await raw([...untyped, ...json], chunks)).toBe('HTTP/1.1 415 Unsupported Media Type');
  const register = ['POST /v1/accounts HTTP/1.1', host()];
  expect(await raw([...register, 'Content-Length: 2'], '{}')).toBe('HTTP/1.1 415 Unsupported Media Type');
  expect(await raw([...register, ...json], chunks)).toBe('HTTP/1.1 415 Unsupported Media Type');
  expect(await raw(register)).toBe('HTTP/1.1 400 Bad Request');
  expect(await raw(['POST /v1/keys HTTP/1.1', host()])).toBe('HTTP/1.1 405 Method Not Allowed');
  expect(await raw(['GET /v1/health HTTP/1.1', host(), 'Content-Length: 2'], '{}')).toBe('HTTP/1.1 200 OK');
});

it('[RLY-03] a body that breaks off is no fault of the relay', async () => {
  for (const length of ['Content-Length: 500', 'Transfer-Encoding: chunked']) {
    for (const head of [
      ['POST /v1/accounts HTTP/1.1', host()],
      ['PUT /v1/keys HTTP/1.1', ...signedLines('PUT', '/v1/keys', '{}')],
    ]) {
      const before = logged.length;
      const socket = connect(relay.port, '127.0.0.1');
      socket.write(`${[...head, 'Content-Type: application/json', length].join('\r\n')}\r\n\r\n1f4\r\n{"a`, () =>
        socket.destroy(),
      );
      while (logged.length === before) await sleep(2);
    }
  }
  expect(logged.map((line) => JSON.parse(line)).filter(({ level }) => level > 30)).toEqual([]);
});

it('[RLY-03] answers upgrades that it does not know as ordinary requests, and refuses others with their status', async () => {
  const upgrade = ['Connection: Upgrade', 'Upgrade: h2c'];
  expect(await raw(['GET /v1/health HTTP/1.1', host(), ...upgrade])).toBe('HTTP/1.1 200 OK');
  const socket = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  ];
  expect(await raw(['GET /v1/socket HTTP/1.1', host(), ...socket])).toBe('HTTP/1.1 401 Unauthorized');
  expect(await raw(['GET /v1/nothing HTTP/1.1', host(), ...socket])).toBe('HTTP/1.1 404 Not Found');
  const signed = signedLines('GET', '/v1/socket');
  expect(await raw(['GET /v1/socket HTTP/1.1', ...signed, ...socket])).toBe('HTTP/1.1 101 Switching Protocols');
});
