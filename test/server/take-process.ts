/** One of two processes that take bundles: `node take-process.ts <database> <caller> <account> <devices>`. */
import { createInterface } from 'node:readline';
import { systemRandom } from '../../protocol/crypto/node.ts';
import { openRelayStore } from '../../server/store/sqlite.ts';

const [database = '', callerAccount = '', account = '', devices = '0'] = process.argv.slice(2);
const store = openRelayStore(database);
const credentials = await store.credentials(callerAccount, 1);
if (credentials === null) throw new Error('no such caller');

/** Lets the other process in: a waiting SQLite looks again only every few milliseconds. */
const pause = new Int32Array(new SharedArrayBuffer(4));

const taken: [number, number | null, number | null][] = [];
process.stdout.write('ready\n');
await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next();
for (let device = 1; device <= Number(devices); device++) {
  for (let empty = false; !empty; ) {
    const now = Date.now();
    const nonce = systemRandom(16);
    const caller = { ...credentials, account: callerAccount, deviceId: 1, nonce, nonceExpires: now + 1000, now };
    const bundle = await store.takeBundle(caller, account, device);
    const kemId = bundle.kemIsLastResort ? null : (bundle.kemPreKey?.id ?? null);
    taken.push([device, bundle.oneTimePreKey?.id ?? null, kemId]);
    Atomics.wait(pause, 0, 0, (nonce[0] ?? 0) / 256);
    empty = bundle.oneTimePreKey === null && kemId === null;
  }
}
process.stdout.write(`${JSON.stringify(taken)}\n`);
await store.close();
process.stdin.destroy();
