/**
 * A device process on a store that other processes use too. Sends, or takes envelopes in, all at once, and prints what came
 * of it as one line of JSON.
 *
 * @spec 07-devices §6
 */
import { readFileSync } from 'node:fs';
import { Device } from '../../client/device.ts';
import type { Envelope, OutgoingFanOut, RelayConnector } from '../../client/relay/transport.ts';
import { openFileWitness } from '../../client/store/file-witness.ts';
import { openSqliteStore } from '../../client/store/sqlite.ts';
import type { Receipt } from '../../client/types.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';

const [path = '', mode = '', argument = '', to = ''] = process.argv.slice(2);
const bodies: { type: string; body: string }[] = [];

const never = async (): Promise<never> => {
  throw new Error('nothing else is asked of the relay');
};

/** Accepts every send and remembers its bodies. */
const relay: RelayConnector = () => ({
  register: never,
  putKeys: never,
  keyCounts: never,
  fetchManifest: never,
  putManifest: never,
  takeBundle: never,
  send: async (_account: string, { messages }: OutgoingFanOut) => {
    for (const { type, body } of messages) bodies.push({ type, body: Buffer.from(body).toString('hex') });
    return { kind: 'accepted' };
  },
  fetchMailbox: never,
  acknowledge: never,
  connect: () => ({ close: async () => undefined }),
});

const store = openSqliteStore(path, { busyTimeoutMs: 60_000 });
const witness = await openFileWitness(`${path}.witness`);
const clock = { now: () => Number(process.env.PAWL_TEST_NOW) };
const device = await Device.open({ provider: nodeProvider, random: systemRandom, clock, store, witness, relay });
const receipts: Receipt['status'][] = [];
if (mode === 'send') {
  const count = Number(argument);
  const sent = Array.from({ length: count }, (_, i) => device.send(to, `${process.pid} ${i}`));
  for (const result of await Promise.all(sent)) if (result.status !== 'sent') throw new Error(`${result.reason}`);
} else {
  const envelopes = JSON.parse(readFileSync(argument, 'utf8')) as (Omit<Envelope, 'body'> & { body: string })[];
  const taken = envelopes.map((envelope) => device.receive({ ...envelope, body: Buffer.from(envelope.body, 'hex') }));
  receipts.push(...(await Promise.all(taken)).map(({ status }) => status));
}
process.stdout.write(`${JSON.stringify({ bodies, receipts })}\n`);
await store.close();
await witness.close();
