/**
 * What is wiped, and when.
 *
 * @spec 07-devices §6
 */
import { expect, test } from 'vitest';
import { memoryStore } from '../../client/store/memory.ts';
import type { Store } from '../../client/store/store.ts';
import { storeError } from '../../client/store/store.ts';
import type { Secret } from '../../protocol/bytes/secret.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import type { CryptoProvider } from '../../protocol/crypto/provider.ts';
import { World } from '../support/devices.ts';

/** The node provider, and every X25519 private key that it made. */
function watched(): { provider: CryptoProvider; made: Secret[] } {
  const made: Secret[] = [];
  const provider = new Proxy(nodeProvider, {
    get: (target, name: keyof CryptoProvider) => {
      if (name !== 'x25519Generate') return target[name];
      return (...args: Parameters<CryptoProvider['x25519Generate']>) => {
        const pair = target.x25519Generate(...args);
        made.push(pair.privateKey);
        return pair;
      };
    },
  });
  return { provider, made };
}

/** A store that fails at the end of a transaction, when asked to. */
function failing(inner: Store): { store: Store; fail: (on: boolean) => void } {
  let broken = false;
  const store: Store = {
    ...inner,
    snapshot: () => inner.snapshot(),
    close: () => inner.close(),
    transaction: (work) =>
      inner.transaction((tx) => {
        const result = work(tx);
        if (broken) throw storeError('store-full');
        return result;
      }),
  };
  return {
    store,
    fail: (on) => {
      broken = on;
    },
  };
}

test('[DEV-16] what a step spent is wiped after its commit, and not where the commit failed', async () => {
  const world = new World();
  const { provider, made } = watched();
  const { store, fail } = failing(memoryStore());
  const [alice, bob] = [await world.primary('alice', { provider, store }), await world.primary('bob')];
  await alice.device.refreshManifest(bob.device.account);
  const wiped = () => made.filter((secret) => secret.wiped).length;
  // The commit fails after everything was encrypted: nothing was stored, so nothing is spent.
  fail(true);
  await expect(alice.device.send(bob.device.account, 'hi')).rejects.toMatchObject({ reason: 'store-full' });
  expect(wiped()).toBe(0);
  fail(false);
  await alice.device.send(bob.device.account, 'hi');
  expect(wiped()).toBe(1);
});
