/**
 * Many operations at once, in one process and in several on one file.
 *
 * @spec 07-devices §6
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import type { Envelope } from '../../client/relay/transport.ts';
import { openFileWitness } from '../../client/store/file-witness.ts';
import { openSqliteStore } from '../../client/store/sqlite.ts';
import { read, type Seat, textOf, World } from '../support/devices.ts';
import { messageKeyOf, reusedKeys } from '../support/message-keys.ts';
import { TEST_NOW } from '../support/peers.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { seededIntegers } from '../support/seeded-random.ts';

const folder = mkdtempSync(join(tmpdir(), 'pawl-concurrency-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('./device-process.ts', import.meta.url));
const PROCESSES = scaled(3, 8);
// Together fewer than an outbox holds: nothing is delivered before all have sent.
const PER_PROCESS = scaled(40, 120);

interface Outcome {
  readonly bodies: readonly { readonly type: 'prekey' | 'message'; readonly body: string }[];
  readonly receipts: readonly string[];
}

/** Runs several processes on one file at once. */
async function inProcesses(path: string, args: readonly string[]): Promise<Outcome[]> {
  const env = { ...process.env, PAWL_TEST_NOW: String(TEST_NOW) };
  const options = { env, maxBuffer: 256 * 1024 * 1024 };
  const runs = Array.from({ length: PROCESSES }, () => run(process.execPath, [SCRIPT, path, ...args], options));
  return (await Promise.all(runs)).map(({ stdout }) => JSON.parse(stdout) as Outcome);
}

/** A device on a file, acquainted with another in memory; the file is closed for others to open. */
async function onFile(name: string): Promise<{ world: World; seat: Seat; peer: Seat; path: string }> {
  const world = new World();
  const path = join(folder, `${name}.db`);
  const witness = await openFileWitness(`${path}.witness`);
  const seat = await world.primary('alice', { store: openSqliteStore(path), witness });
  const peer = await world.primary('bob');
  await seat.device.send(peer.device.account, 'hello');
  await read(peer);
  await peer.device.send(seat.device.account, 'hello back');
  await read(seat);
  world.relay.sends.length = 0;
  return { world, seat, peer, path };
}

function shuffled<T>(items: readonly T[], seed: string): T[] {
  const below = seededIntegers(seed);
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

describe('sending', () => {
  test.each([true, false])(
    '[STATE-02] 100 messages at once have 100 message keys (session begun before: %s)',
    async (begun) => {
      const world = new World();
      const [alice, bob] = begun
        ? await world.acquainted()
        : [await world.primary('alice'), await world.primary('bob')];
      world.relay.sends.length = 0;
      const texts = Array.from({ length: 100 }, (_, i) => `message ${i}`);
      const bundles = world.relay.bundles;
      const results = await Promise.all(texts.map((text) => alice.device.send(bob.device.account, text)));
      expect(results.every(({ status }) => status === 'sent')).toBe(true);
      const bodies = world.relay.sends.flatMap(({ messages }) => messages);
      expect(new Set(bodies.map(messageKeyOf)).size).toBe(100);
      expect(world.relay.bundles - bundles).toBe(begun ? 0 : 1);
      expect(await read(bob)).toEqual(texts);
    },
  );

  test('[STATE-02] several processes on one SQLite file never use a message key twice', async () => {
    const { seat, peer, path, world } = await onFile('senders');
    const outcomes = await inProcesses(path, ['send', String(PER_PROCESS), peer.device.account]);
    const bodies = outcomes.flatMap((outcome) =>
      outcome.bodies.map(({ type, body }) => ({ type, body: new Uint8Array(Buffer.from(body, 'hex')) })),
    );
    const total = PROCESSES * PER_PROCESS;
    // Two processes may both deliver one entry of the outbox, with the same bytes; the relay tells them apart by send id.
    expect(new Set(bodies.map(messageKeyOf)).size).toBe(total);
    expect(reusedKeys(bodies)).toEqual([]);
    const { account, deviceId } = seat.device;
    let seq = world.relay.box(peer.device.account, 1).issued;
    const statuses: string[] = [];
    for (const { type, body } of bodies) {
      seq += 1;
      const source = { sourceAccount: account, sourceDevice: deviceId, timestamp: 1, serverTime: 1 };
      statuses.push((await peer.device.receive({ seq, guid: `${seq}`, ...source, type, body })).status);
    }
    expect(statuses.filter((status) => status === 'delivered')).toHaveLength(total);
    expect(new Set((await peer.device.inbox()).map(textOf)).size).toBe(total);
    reportCount('STATE-02', `messages of ${PROCESSES} processes`, total);
    await seat.store.close();
    await seat.witness.close();
  });
});

describe('receiving', () => {
  test('[STATE-03] 100 envelopes at once, shuffled and each twice: every plaintext once', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const texts = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    for (const text of texts) await alice.device.send(bob.device.account, text);
    const envelopes = world.relay.waiting(bob.device.account, 1);
    const many = shuffled([...envelopes, ...envelopes], 'STATE-03');
    const receipts = await Promise.all(many.map((envelope) => bob.device.receive(envelope)));
    expect(receipts.filter(({ status }) => status === 'delivered')).toHaveLength(100);
    expect(receipts.filter(({ status }) => status === 'duplicate')).toHaveLength(100);
    expect((await bob.device.inbox()).map(textOf).sort()).toEqual([...texts].sort());
  });

  test('[STATE-03] the same envelopes in several processes on one SQLite file: every plaintext once', async () => {
    const { world, seat, peer, path } = await onFile('receivers');
    for (let i = 0; i < PER_PROCESS; i++) await peer.device.send(seat.device.account, `message ${i}`);
    const envelopes: Envelope[] = world.relay.waiting(seat.device.account, 1);
    const file = join(folder, 'envelopes.json');
    const plain = envelopes.map((envelope) => ({ ...envelope, body: Buffer.from(envelope.body).toString('hex') }));
    writeFileSync(file, JSON.stringify(plain));
    const outcomes = await inProcesses(path, ['receive', file]);
    const statuses = outcomes.flatMap(({ receipts }) => receipts);
    expect(statuses.filter((status) => status === 'delivered')).toHaveLength(PER_PROCESS);
    expect(statuses.filter((status) => status === 'duplicate')).toHaveLength((PROCESSES - 1) * PER_PROCESS);
    expect(new Set((await seat.device.inbox()).map(textOf)).size).toBe(PER_PROCESS);
    expect(await seat.device.inbox()).toHaveLength(PER_PROCESS);
    reportCount('STATE-03', `envelopes in ${PROCESSES} processes`, PROCESSES * PER_PROCESS);
    await seat.store.close();
    await seat.witness.close();
  });

  test('[STATE-02] [STATE-03] both directions at once', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const work: Promise<unknown>[] = [];
    for (let i = 0; i < 30; i++) {
      work.push(alice.device.send(bob.device.account, `a${i}`), bob.device.send(alice.device.account, `b${i}`));
      work.push(alice.device.poll(), bob.device.poll());
    }
    await Promise.all(work);
    await Promise.all([alice.device.poll(), bob.device.poll()]);
    expect(reusedKeys(world.relay.sends.flatMap(({ messages }) => messages))).toEqual([]);
    for (const [seat, letter] of [
      [alice, 'b'],
      [bob, 'a'],
    ] as const) {
      const got = (await seat.device.inbox()).map(textOf);
      expect(got.sort()).toEqual(Array.from({ length: 30 }, (_, i) => `${letter}${i}`).sort());
    }
  });
});
