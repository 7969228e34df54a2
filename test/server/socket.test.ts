/** Pushing over sockets: order, windows, slow readers, takeovers. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../protocol/bytes/bytes.ts';
import { toBase64Url } from '../../protocol/codec/base64.ts';
import type { EnvelopeBody, ServerFrame } from '../../protocol/codec/relay-api.ts';
import { type Relay, startRelay } from '../../server/relay.ts';
import { DeviceSocket, type PushSocket } from '../../server/socket.ts';
import type { RelayStore, StoredEnvelope } from '../../server/store/interface.ts';
import {
  call,
  createAccount,
  createDevice,
  putDevices,
  putKeys,
  type RelayEnd,
  register,
  remote,
  sendTo,
  sign,
  type TestAccount,
  type TestDevice,
} from '../support/relay-fixtures.ts';
import { count, temporaryFolder } from '../support/test-relay.ts';

/** A client's end of a socket. */
class Client {
  readonly frames: ServerFrame[] = [];
  readonly socket: WebSocket;
  code: number | null = null;
  opened = false;
  autoAck = true;

  constructor(relay: RelayEnd, device: TestDevice, protocols?: string[]) {
    const url = relay.base.replace('http', 'ws');
    const { headers } = sign(device, url, relay.now(), { method: 'GET', path: '/v1/socket' });
    const token = toBase64Url(utf8(JSON.stringify(headers)));
    this.socket = new WebSocket(`${url}/v1/socket`, protocols ?? ['pawl.v1', token]);
    this.socket.addEventListener('open', () => {
      this.opened = true;
    });
    this.socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data))));
    this.socket.addEventListener('error', () => undefined);
    this.socket.addEventListener('close', ({ code }) => {
      this.code = code;
    });
  }

  #take(frame: ServerFrame): void {
    this.frames.push(frame);
    if (frame.type === 'envelope' && this.autoAck) this.ack(frame.envelope.seq);
  }

  ack(seq: number): void {
    this.socket.send(JSON.stringify({ type: 'ack', seq }));
  }

  envelopes(): EnvelopeBody[] {
    return this.frames.flatMap((frame) => (frame.type === 'envelope' ? [frame.envelope] : []));
  }

  seqs(): number[] {
    return this.envelopes().map((envelope) => envelope.seq);
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !holds(); i++) await sleep(5);
  expect(holds()).toBe(true);
}

describe('over the wire', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let relay: Relay;
  let end: RelayEnd;
  let alice: TestAccount;
  let bob: TestAccount;
  let clients: Client[];

  beforeEach(async () => {
    folder = temporaryFolder();
    relay = await startRelay({ database: join(folder.path, 'relay.db') });
    end = remote(relay.url);
    clients = [];
    alice = createAccount();
    bob = createAccount();
    await register(end, alice);
    await register(end, bob);
  });

  afterEach(async () => {
    for (const client of clients) client.socket.close();
    await relay.close();
    folder.remove();
  });

  function connect(device: TestDevice, autoAck = true, protocols?: string[]): Client {
    const client = new Client(end, device, protocols);
    client.autoAck = autoAck;
    clients.push(client);
    return client;
  }

  const stored = () => count(join(folder.path, 'relay.db'), 'SELECT count(*) FROM env');

  async function send(text: string): Promise<void> {
    const answer = await call(end, alice.primary, 'PUT', `/v1/messages/${bob.account}`, sendTo([bob.primary], text));
    expect(answer.status).toBe(200);
  }

  it('[RLY-23] pushes what waited, says queue_empty once, then pushes what comes, in order', async () => {
    for (const text of ['a', 'b', 'c']) await send(text);
    const client = connect(bob.primary);
    await until(() => client.frames.length === 4);
    expect(client.frames.map((frame) => frame.type)).toEqual(['envelope', 'envelope', 'envelope', 'queue_empty']);
    expect(client.socket.protocol).toBe('pawl.v1');
    for (const text of ['d', 'e']) await send(text);
    await until(() => client.frames.length === 6);
    expect(client.seqs()).toEqual([1, 2, 3, 4, 5]);
    expect(client.envelopes().map(({ body }) => Buffer.from(body, 'base64url').toString())).toEqual([...'abcde']);
    await until(() => stored() === 0);
  });

  it('[RLY-23] delivers again what was not acknowledged', async () => {
    for (const text of ['a', 'b', 'c']) await send(text);
    const first = connect(bob.primary, false);
    await until(() => first.frames.length === 4);
    first.ack(2);
    await until(() => stored() === 1);
    first.socket.close();
    await until(() => first.code !== null);
    const second = connect(bob.primary);
    await until(() => second.frames.length === 2);
    expect(second.seqs()).toEqual([3]);
    await until(() => stored() === 0);
  });

  it('[RLY-25] a newer socket of the device takes over: the older closes with 4409, nothing is lost or lost twice', async () => {
    await send('a');
    const older = connect(bob.primary, false);
    await until(() => older.frames.length === 2);
    const newer = connect(bob.primary, false);
    await until(() => older.code !== null);
    expect(older.code).toBe(4409);
    await until(() => newer.frames.length === 2);
    expect([older.seqs(), newer.seqs()]).toEqual([[1], [1]]);
    await send('b');
    await until(() => newer.seqs().length === 2);
    newer.ack(2);
    await until(() => stored() === 0);
    expect(older.seqs()).toEqual([1]);
  });

  it('[RLY-12] a removed device is closed with 4401 at once, and again when it comes back', async () => {
    const tablet = createDevice(bob.account, 2, 22);
    await putDevices(end, bob, [bob.primary, tablet]);
    await putKeys(end, tablet);
    const client = connect(tablet);
    await until(() => client.frames.length === 1);
    await putDevices(end, bob, [bob.primary]);
    await until(() => client.code !== null);
    expect(client.code).toBe(4401);
    const again = connect(tablet);
    await until(() => again.code !== null);
    expect([again.code, again.frames]).toEqual([4401, []]);
  });

  it('[RLY-04] refuses a socket that is not signed, or signed for something else', async () => {
    const tokens = [
      ['pawl.v1'],
      ['pawl.v1', 'not-a-token'],
      ['pawl.v1', toBase64Url(utf8('{"signature":1}'))],
      ['pawl.v1', toBase64Url(utf8('{"__proto__":{}}'))],
      ['other', 'token'],
    ];
    const other = sign(bob.primary, relay.url, Date.now(), { method: 'GET', path: '/v1/mailbox' });
    tokens.push(['pawl.v1', toBase64Url(utf8(JSON.stringify(other.headers)))]);
    const old = sign(bob.primary, relay.url, Date.now() - 400_000, { method: 'GET', path: '/v1/socket' });
    tokens.push(['pawl.v1', toBase64Url(utf8(JSON.stringify(old.headers)))]);
    const { headers } = sign(bob.primary, relay.url, Date.now(), { method: 'GET', path: '/v1/socket' });
    const twice = `{"signature":"sig1=:AA:",${JSON.stringify(headers).slice(1)}`;
    tokens.push(['pawl.v1', toBase64Url(utf8(twice))]);
    for (const protocols of tokens) {
      const client = connect(bob.primary, true, protocols);
      await until(() => client.code !== null);
      expect([protocols, client.opened, client.code]).toEqual([protocols, false, 1006]);
    }
  });

  it('[RLY-05] opens a socket once with one signature', async () => {
    const { headers } = sign(bob.primary, relay.url, Date.now(), { method: 'GET', path: '/v1/socket' });
    const protocols = ['pawl.v1', toBase64Url(utf8(JSON.stringify(headers)))];
    const first = connect(bob.primary, true, protocols);
    await until(() => first.frames.length === 1);
    const replay = connect(bob.primary, true, protocols);
    await until(() => replay.code !== null);
    expect([replay.opened, first.code]).toEqual([false, null]);
  });

  it('[RLY-24] closes with 4400 on any other frame, and acknowledges nothing by it', async () => {
    await send('a');
    const frames: (string | Uint8Array<ArrayBuffer>)[] = [
      'x',
      '[]',
      '{"type":"ack"}',
      '{"type":"ack","seq":0}',
      '{"type":"ack","seq":2}',
      '{"type":"ack","seq":"1"}',
      '{"type":"ack","seq":1,"__proto__":{}}',
      '{"type":"nack","seq":1}',
      '{"type":"nack","type":"ack","seq":1}',
      new Uint8Array([1, 2, 3]),
    ];
    for (const frame of frames) {
      const client = connect(bob.primary, false);
      await until(() => client.frames.length === 2);
      client.socket.send(frame);
      await until(() => client.code !== null);
      expect([frame, client.code]).toEqual([frame, 4400]);
    }
    const large = connect(bob.primary, false);
    await until(() => large.frames.length === 2);
    large.socket.send(' '.repeat(5000));
    await until(() => large.code !== null);
    expect(large.code).toBe(1009);
    expect(stored()).toBe(1);
  });

  it('[RLY-09] stops cleanly: sockets close with 1001, requests are answered, the file can be opened again', async () => {
    const client = connect(bob.primary);
    await until(() => client.frames.length === 1);
    await send('a');
    await until(() => stored() === 0);
    const last = Array.from({ length: 20 }, () =>
      send('b').then(
        () => 1,
        () => 0,
      ),
    );
    await Promise.race(last);
    await Promise.all([relay.close(), relay.close()]);
    const answered = (await Promise.all(last)).reduce<number>((sum, one) => sum + one, 0);
    await until(() => client.code !== null);
    expect(client.code).toBe(1001);
    expect(answered).toBeGreaterThan(0);
    expect(count(join(folder.path, 'relay.db'), 'SELECT max(next_seq) FROM device')).toBeGreaterThanOrEqual(
      answered + 2,
    );
    relay = await startRelay({ database: join(folder.path, 'relay.db') });
    expect((await fetch(`${relay.url}/v1/health`)).status).toBe(200);
  });
});

describe('two relays on one file', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let relays: Relay[];
  let here: RelayEnd;
  let there: RelayEnd;
  let bob: TestAccount;

  beforeEach(async () => {
    folder = temporaryFolder();
    const database = join(folder.path, 'relay.db');
    relays = [await startRelay({ database }), await startRelay({ database })];
    [here, there] = relays.map(({ url }) => remote(url)) as [RelayEnd, RelayEnd];
    bob = createAccount();
    await register(here, bob);
  });

  afterEach(async () => {
    for (const relay of relays) await relay.close();
    folder.remove();
  });

  it('[RLY-27] [RLY-23] push what the other one accepted, in order and once', async () => {
    const alice = createAccount();
    await register(there, alice);
    const client = new Client(here, bob.primary);
    await until(() => client.frames.length === 1);
    for (let i = 1; i <= 20; i++) {
      const end = i % 2 === 0 ? there : here;
      const path = `/v1/messages/${bob.account}`;
      expect((await call(end, alice.primary, 'PUT', path, sendTo([bob.primary]))).status).toBe(200);
    }
    await until(() => client.seqs().length === 20);
    expect(client.seqs()).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    client.socket.close();
  });

  it('[RLY-27] [RLY-12] close with 4401 what was removed at the other one, also behind a full window', async () => {
    const [tablet, laptop] = [createDevice(bob.account, 2, 22), createDevice(bob.account, 3, 33)];
    await putDevices(here, bob, [bob.primary, tablet, laptop]);
    for (const device of [tablet, laptop]) await putKeys(here, device);
    for (let i = 0; i < 260; i++)
      await call(here, bob.primary, 'PUT', `/v1/messages/${bob.account}`, sendTo([tablet, laptop]));
    const [idle, full] = [new Client(here, tablet), new Client(here, laptop)];
    full.autoAck = false;
    await until(() => idle.seqs().length === 260 && full.seqs().length === 256);
    await putDevices(there, bob, [bob.primary]);
    await until(() => idle.code !== null && full.code !== null);
    expect([idle.code, full.code]).toEqual([4401, 4401]);
  });
});

describe('a slow reader', () => {
  const size = 1024;

  /** A mailbox of `total` envelopes, and a socket whose buffer is what the test says. */
  function scene(total: number, bytes = size) {
    const body = new Uint8Array(bytes);
    const envelope = (seq: number): StoredEnvelope => ({
      seq,
      guid: randomUUID(),
      sourceAccount: randomUUID(),
      sourceDevice: 1,
      type: 'message',
      body,
      timestamp: 0,
      serverTime: 0,
    });
    let reads = 0;
    const store = {
      readMailbox: async (_dev: number, after: number, limit: number) => {
        reads += 1;
        const left = Math.min(total - after, limit);
        return {
          envelopes: Array.from({ length: left }, (_, i) => envelope(after + 1 + i)),
          more: after + left < total,
        };
      },
      acknowledgePushed: async () => undefined,
    } as unknown as RelayStore;
    const sent: string[] = [];
    const written: (() => void)[] = [];
    const socket = {
      bufferedAmount: 0,
      send: (data: string, done: () => void) => {
        sent.push(data);
        written.push(done);
      },
      close: () => undefined,
    };
    const device = new DeviceSocket(1, socket satisfies PushSocket, store, pino({ level: 'silent' }));
    return { device, socket, sent, written, reads: () => reads };
  }

  const settle = () => sleep(30);

  it('[RLY-23] leaves at most 256 envelopes unacknowledged', async () => {
    const { device, sent } = scene(10_000);
    device.wake();
    await until(() => sent.length === 256);
    await settle();
    expect(sent).toHaveLength(256);
    device.receive('{"type":"ack","seq":10}');
    await until(() => sent.length === 266);
    await settle();
    expect(sent).toHaveLength(266);
  });

  it('[RLY-23] leaves at most 1 MiB unacknowledged', async () => {
    const { device, sent } = scene(10_000, 96 * 1024);
    device.wake();
    await until(() => sent.length === 10);
    device.wake();
    await settle();
    expect(sent).toHaveLength(10);
    device.receive('{"type":"ack","seq":4}');
    await until(() => sent.length === 14);
    await settle();
    expect(sent).toHaveLength(14);
  });

  it('[RLY-23] writes nothing to a socket that holds 256 KiB, and goes on when it drained', async () => {
    const { device, socket, sent, written, reads } = scene(10_000);
    socket.bufferedAmount = 256 * 1024;
    device.wake();
    await settle();
    expect([sent.length, reads()]).toEqual([0, 0]);
    socket.bufferedAmount = 0;
    device.wake();
    await until(() => sent.length > 5);
    socket.bufferedAmount = 256 * 1024;
    device.wake();
    await settle();
    const held = sent.length;
    device.receive(`{"type":"ack","seq":${held}}`);
    await settle();
    expect(sent).toHaveLength(held);
    socket.bufferedAmount = 0;
    written.at(-1)?.();
    await until(() => sent.length > held);
  });
});
