/**
 * One device of the demo as a process: reads requests, one JSON line each, and answers them in order.
 *
 * @spec 07-devices §1
 * Owns: turning the demo's requests into calls of the client library. Must not know: the plot.
 *
 * Usage: device-process.ts <database file> <relay URL> <suite>
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../client/clock.ts';
import { Device } from '../../client/device.ts';
import { getSuite } from '../../client/index.ts';
import { listEcKeys, listKemKeys } from '../../client/records/prekeys.ts';
import { getSelf } from '../../client/records/self.ts';
import { httpRelay } from '../../client/relay/http.ts';
import { openFileWitness, openSqliteStore } from '../../client/sqlite-store.ts';
import type { DeviceOptions } from '../../client/types.ts';
import { fromHex, fromUtf8, toHex } from '../../protocol/bytes/bytes.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { Release } from './held-line.ts';
import { HeldLine } from './held-line.ts';

const [file, relayUrl, suiteName] = process.argv.slice(2);
if (file === undefined || relayUrl === undefined || suiteName === undefined) {
  process.stderr.write('usage: device-process <database file> <relay URL> <suite>\n');
  process.exit(2);
}

const line = new HeldLine();
const store = openSqliteStore(file);
const witness = await openFileWitness(`${file}.witness`);
let closed: number | null = null;
let connected = false;

const options: DeviceOptions = {
  provider: nodeProvider,
  random: systemRandom,
  clock: systemClock,
  store,
  witness,
  relay: line.wrap(httpRelay(relayUrl)),
  suites: [getSuite(suiteName).name],
  limits: { oneTimeBatch: 10, oneTimeLow: 3 },
  onEvent: (event) => {
    if (event.type === 'connected') connected = true;
    if (event.type === 'closed') {
      connected = false;
      if (event.final) closed = event.code;
    }
  },
};

let device = null as Device | null;

async function opened(): Promise<Device> {
  device ??= await Device.open(options);
  return device;
}

async function status(): Promise<object> {
  const now = await (await opened()).status();
  const suites = Object.fromEntries(Object.entries(now.sessions).map(([peer, info]) => [peer, info.suite]));
  return {
    deviceId: now.deviceId,
    devicesInManifest: now.devices.map(({ deviceId }) => deviceId),
    manifestVersion: now.manifestVersion,
    signedPreKeyId: now.signedPreKeyId,
    kemPreKeyId: now.kemPreKeyId,
    oneTimePreKeys: now.oneTimePreKeys,
    suites,
    refused: now.refused,
    duplicates: now.duplicates,
    closed,
  };
}

async function until(condition: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) return false;
    await sleep(5);
  }
  return true;
}

async function online(on: boolean): Promise<object> {
  const own = await opened();
  if (on) {
    own.connect();
    await until(() => connected || closed !== null, 10_000);
  } else {
    await own.disconnect();
    connected = false;
  }
  return status();
}

async function take(count: number, ms: number): Promise<object> {
  const own = await opened();
  await until(async () => (await own.inbox()).length >= count, ms);
  const messages = (await own.inbox()).slice(0, count);
  await own.discard(messages.map(({ id }) => id));
  return {
    messages: messages.map((message) => ({
      from: message.sourceAccount,
      fromDevice: message.sourceDevice,
      text: fromUtf8(message.body, 'text'),
      sync: message.sentTo !== null,
      protection: message.protection,
      pqEpoch: message.pqEpoch,
    })),
  };
}

async function send(to: string, text: string): Promise<object> {
  const own = await opened();
  const result = await own.send(to, text);
  // What the relay could not take now goes out with the next connection.
  const delivered = result.status === 'sent' || (await until(async () => (await own.flush()) === 0, 10_000));
  if (!delivered) throw new Error(`still queued: ${result.reason ?? 'unknown'}`);
  return { envelopes: result.envelopes, repairs: result.repairs };
}

async function privateKeys(): Promise<object> {
  const keys = await store.transaction((tx) => {
    const self = getSelf(tx, nodeProvider);
    const stored = [
      ...(['signed-prekey', 'one-time'] as const).flatMap((table) => listEcKeys(tx, nodeProvider, table)),
      ...(['last-resort-kem', 'one-time-kem'] as const).flatMap((table) => listKemKeys(tx, nodeProvider, table)),
    ];
    const own =
      self === null ? [] : [self.identity, self.authKey, ...(self.accountKey === null ? [] : [self.accountKey])];
    return [...own, ...stored.map(({ key }) => key.keyPair)].map((pair) => toHex(pair.privateKey.expose()));
  });
  return { keys };
}

async function attempt(
  account: string,
  deviceId: number,
  envelopes: { type: string; body: string }[],
): Promise<object> {
  const own = await opened();
  let read = 0;
  for (const [seq, { type, body }] of envelopes.entries()) {
    const times = { timestamp: 0, serverTime: 0 };
    const envelope = { seq, guid: `attempt-${seq}`, sourceAccount: account, sourceDevice: deviceId, ...times };
    // The relay no longer talks to a revoked device, so an answer that needs it is no answer.
    const receipt = await own
      .receive({ ...envelope, type: type === 'prekey' ? 'prekey' : 'message', body: fromHex(body) })
      .catch(() => null);
    if (receipt?.status === 'delivered') read += 1;
  }
  return { opened: read };
}

/** The arguments of all requests; each request carries its own few. The demo is the only one who writes them. */
interface Args {
  readonly account: string;
  readonly name: string;
  readonly offer: string;
  readonly acceptance: string;
  readonly deviceId: number;
  readonly on: boolean;
  readonly to: string;
  readonly text: string;
  readonly count: number;
  readonly ms: number;
  readonly expected: number;
  readonly reverse: boolean;
  readonly lose: readonly number[];
  readonly repeat: boolean;
  readonly envelopes: { type: string; body: string }[];
}

type Handler = (args: Args) => Promise<object>;

const handlers: Record<string, Handler> = {
  register: async ({ account, name }) => {
    device = await Device.createPrimary(options, { account, name });
    return status();
  },
  offer: async ({ name }) => ({ offer: toHex(await Device.createLinkedOffer(options, { name })) }),
  link: async ({ offer }) => ({ acceptance: toHex(await (await opened()).linkDevice(fromHex(offer))) }),
  accept: async ({ acceptance }) => {
    device = await Device.acceptLink(options, fromHex(acceptance));
    return status();
  },
  remove: async ({ deviceId }) => {
    await (await opened()).removeDevice(deviceId);
    return status();
  },
  online: ({ on }) => online(on),
  closed: async () => {
    await until(() => closed !== null, 5000);
    return status();
  },
  send: ({ to, text }) => send(to, text),
  take: ({ count, ms }) => take(count, ms),
  hold: async () => {
    line.hold();
    return {};
  },
  release: async ({ reverse, lose, repeat, expected }) => {
    await until(() => line.count >= expected, 5000);
    return line.release({ reverse, lose, repeat } satisfies Release);
  },
  rotate: async () => {
    const before = await status();
    await (await opened()).rotate();
    return { before, after: await status() };
  },
  reset: async ({ account }) => {
    await (await opened()).resetSessions(account);
    return {};
  },
  status,
  'private-keys': privateKeys,
  attempt: ({ account, deviceId, envelopes }) => attempt(account, deviceId, envelopes),
};

for await (const text of createInterface({ input: process.stdin })) {
  const { op, ...args } = JSON.parse(text) as { op: string } & Args;
  let answer: object;
  try {
    const handler = handlers[op];
    if (handler === undefined) throw new Error(`unknown request ${op}`);
    answer = await handler(args);
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await device?.close();
await witness.close();
await store.close();
