/** A relay that is killed at any moment loses nothing that it accepted. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { systemRandom } from '../../protocol/crypto/node.ts';
import {
  type Answer,
  call,
  createAccount,
  createDevice,
  keyUpload,
  manifestText,
  message,
  nextManifest,
  putDevices,
  putKeys,
  type RelayEnd,
  register,
  remote,
  sendTo,
  type TestAccount,
  type TestDevice,
} from '../support/relay-fixtures.ts';
import { type RelayProcess, startRelayProcess } from '../support/relay-process.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { temporaryFolder } from '../support/test-relay.ts';

/** The request got no answer: the relay is gone. */
class Gone extends Error {}

/** Alice sends to Bob; Bob's devices fetch, rotate, come and go. What was answered is remembered here. */
class World {
  readonly alice = createAccount();
  readonly bob = createAccount();
  readonly laptop = createDevice(this.bob.account, 2, 2);
  relay: RelayEnd = remote('http://127.0.0.1:1');
  tablet: TestDevice | null = null;
  /** Texts that the relay accepted, and names under which each text arrived at the laptop. */
  readonly accepted = new Set<string>();
  readonly arrived = new Map<string, Set<string>>();
  readonly takenEc: number[] = [];
  readonly takenKem: number[] = [];
  requests = 0;
  #text = 0;
  #nextKey = 1000;
  #nextRegistration = 10;

  async #ask(device: TestDevice, method: string, path: string, body?: unknown): Promise<Answer> {
    try {
      const answer = await call(this.relay, device, method, path, body);
      this.requests += 1;
      return answer;
    } catch (error) {
      throw error instanceof TypeError ? new Gone() : error;
    }
  }

  /** Repeats one request until it is answered, across restarts: the same body each time. */
  async #insist(device: TestDevice, method: string, path: string, body: unknown): Promise<Answer> {
    for (;;) {
      try {
        return await this.#ask(device, method, path, body);
      } catch (error) {
        if (!(error instanceof Gone)) throw error;
        await sleep(20);
      }
    }
  }

  async start(): Promise<void> {
    await register(this.relay, this.alice);
    await register(this.relay, this.bob);
    await putDevices(this.relay, this.bob, [this.bob.primary, this.laptop]);
    await putKeys(this.relay, this.laptop);
  }

  async send(): Promise<void> {
    const text = `text ${this.#text++}`;
    const stable = [this.bob.primary, this.laptop];
    const body = sendTo(stable, text);
    for (const devices of [stable, [...stable, this.tablet ?? createDevice(this.bob.account, 3, 1)]]) {
      const messages = devices.map((device) => message(device, text));
      const answer = await this.#insist(this.alice.primary, 'PUT', `/v1/messages/${this.bob.account}`, {
        ...body,
        messages,
      });
      if (answer.status === 200) this.accepted.add(text);
      if (answer.status === 200) return;
      expect([409, 410]).toContain(answer.status);
    }
  }

  async fetch(device: TestDevice): Promise<void> {
    const page = await this.#ask(device, 'GET', '/v1/mailbox?limit=20');
    expect(page.status).toBe(200);
    for (const envelope of page.json.envelopes) {
      if (device !== this.laptop) continue;
      const text = Buffer.from(envelope.body, 'base64url').toString();
      this.arrived.set(text, (this.arrived.get(text) ?? new Set()).add(envelope.guid));
    }
    const last = page.json.envelopes.at(-1)?.seq;
    if (last !== undefined)
      expect((await this.#ask(device, 'POST', '/v1/mailbox/ack', { seq: last })).status).toBe(204);
  }

  async take(): Promise<void> {
    const answer = await this.#ask(this.alice.primary, 'POST', `/v1/accounts/${this.bob.account}/devices/2/bundle`);
    expect(answer.status).toBe(200);
    if (answer.json.oneTimePreKey !== null) this.takenEc.push(answer.json.oneTimePreKey.id);
    if (!answer.json.kemIsLastResort) this.takenKem.push(answer.json.kemPreKey.id);
  }

  async rotate(): Promise<void> {
    const upload = keyUpload(this.laptop, { oneTime: 3, oneTimeKem: 2, firstId: this.#nextKey });
    this.#nextKey += 3;
    expect((await this.#insist(this.laptop, 'PUT', '/v1/keys', upload)).status).toBe(204);
  }

  async link(): Promise<void> {
    const tablet = createDevice(this.bob.account, 3, this.#nextRegistration++);
    await this.#manifest([this.bob.primary, this.laptop, tablet]);
    this.tablet = tablet;
    expect((await this.#insist(tablet, 'PUT', '/v1/keys', keyUpload(tablet))).status).toBe(204);
    await this.#manifest([this.bob.primary, this.laptop]);
    const refused = await this.#insist(tablet, 'GET', '/v1/keys', undefined);
    expect(refused.status).toBe(401);
  }

  async #manifest(devices: TestDevice[]): Promise<void> {
    const owner: TestAccount = this.bob;
    const manifest = nextManifest(owner, devices);
    const body = { manifest: manifestText(manifest) };
    expect((await this.#insist(owner.primary, 'PUT', '/v1/manifest', body)).status).toBe(204);
    owner.manifests.push(manifest);
  }

  /** Whether every kind of work was done; how often is a matter of the machine. */
  hasDoneEverything(): boolean {
    const figures = [this.accepted.size, this.arrived.size, this.takenEc.length, this.takenKem.length];
    return figures.every((figure) => figure > 0) && this.bob.manifests.length > 3;
  }

  /** Works until told to stop; what is in flight when the relay dies is tried again or given up, as a client would. */
  async work(step: () => Promise<void>, stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      try {
        await step();
      } catch (error) {
        if (!(error instanceof Gone)) throw error;
        await sleep(10);
      }
    }
  }
}

function integrity(database: string): unknown {
  const reader = new DatabaseSync(database, { timeout: 10_000 });
  try {
    return Object.values(reader.prepare('PRAGMA integrity_check').get() ?? {})[0];
  } finally {
    reader.close();
  }
}

it('[REL-22] [RLY-09] after kill -9 at any moment everything accepted is there, once, and no key goes out twice', async () => {
  const kills = scaled(3, 20);
  const folder = temporaryFolder();
  const database = join(folder.path, 'relay.db');
  const world = new World();
  let process: RelayProcess = await startRelayProcess(database);
  world.relay = remote(process.url);
  await world.start();
  let stop = false;
  const stopped = () => stop;
  const workers = [
    world.work(() => world.send(), stopped),
    world.work(() => world.send(), stopped),
    world.work(() => world.fetch(world.laptop), stopped),
    world.work(() => world.fetch(world.bob.primary), stopped),
    world.work(() => world.take(), stopped),
    world.work(() => world.rotate(), stopped),
    world.work(() => world.link(), stopped),
  ];
  const failed = Promise.all(workers).catch((error: unknown) => {
    stop = true;
    return error;
  });
  for (let kill = 0; kill < kills && !stop; kill++) {
    const target = world.requests + 15 + (systemRandom(1)[0] ?? 0) / 5;
    while (world.requests < target && !stop) await sleep(1);
    await process.kill();
    expect(integrity(database)).toBe('ok');
    process = await startRelayProcess(database);
    world.relay = remote(process.url);
  }
  while (!world.hasDoneEverything() && !stop) await sleep(5);
  stop = true;
  expect(await failed).toBeInstanceOf(Array);
  for (let left = true; left; ) {
    const before = world.arrived.size;
    await world.fetch(world.laptop);
    left = world.arrived.size > before;
  }
  const lost = [...world.accepted].filter((text) => !world.arrived.has(text));
  expect(lost).toEqual([]);
  const twice = [...world.arrived].filter(([, guids]) => guids.size !== 1);
  expect(twice).toEqual([]);
  const guids = [...world.arrived.values()].flatMap((names) => [...names]);
  expect(new Set(guids).size).toBe(guids.length);
  expect(new Set(world.takenEc).size).toBe(world.takenEc.length);
  expect(new Set(world.takenKem).size).toBe(world.takenKem.length);
  reportCount('REL-22', 'kills of a relay under load, nothing accepted lost', kills);
  reportCount('REL-22', 'requests answered between kills', world.requests);
  await process.kill();
  folder.remove();
});
