/**
 * Saved states whose checksums are right, and which no device saves.
 *
 * @spec 11-driver §5
 */
import { expect, test } from 'vitest';
import type { Device, Peer } from '../../cli/driver/device.ts';
import { hex } from '../../cli/driver/hex.ts';
import { saveDevice } from '../../cli/driver/snapshot.ts';
import { be32, concat } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import type { ChainLink, PqChain } from '../../protocol/ratchet/braid/chain.ts';
import type { SpqrOn } from '../../protocol/ratchet/braid/spqr-state.ts';
import type { ReceiverChain } from '../../protocol/ratchet/double.ts';
import type { SessionState } from '../../protocol/session/state.ts';
import { expectRefusal, ok, twoDevices } from '../support/driver.ts';

const GROUP = '2b1c6d3e-8f40-4a5b-9c7d-0e1f2a3b4c5d';

/** Bob, who has heard of Alice and holds a group's key, and the driver that he is in. */
function lived() {
  const { driver, alice, bob, pass } = twoDevices();
  pass(alice, bob);
  const { distribution } = ok(driver, 'group.create', { device: alice.device, distributionId: GROUP });
  ok(driver, 'group.process', { device: bob.device, sender: alice.local, distribution });
  ok(driver, 'device.bundle', { device: bob.device });
  const device = driver.devices.get(bob.device) as Device;
  const load = (changed: Device) => ({ state: hex(saveDevice(nodeProvider, changed)) });
  const refused = (changed: Device) =>
    expectRefusal(driver, 'device.load', load(changed), 'InvalidArgument', 'state-damaged [state]');
  expect(ok(driver, 'device.load', load(device)).device).toMatch(/^device-/);
  return { device, refused };
}

/** A map that says everything twice. */
class Twice<K, V> extends Map<K, V> {
  override get size(): number {
    return 2 * super.size;
  }

  override *[Symbol.iterator](): MapIterator<[K, V]> {
    yield* super.entries();
    yield* super.entries();
  }
}

test.each(['signedPreKeys', 'oneTimePreKeys', 'kemPreKeys', 'peers', 'senderKeys'] as const)(
  '[DRV-14] an entry of %s that comes twice is damage',
  (name) => {
    const { device, refused } = lived();
    const doubled = new Twice<never, never>();
    for (const [key, value] of device[name]) doubled.set(key as never, value as never);
    expect(doubled.size).toBeGreaterThan(0);
    refused({ ...device, [name]: doubled });
  },
);

test('[DRV-14] [SES-02] [BRD-26] a skipped message beyond its chain is damage, of either ratchet', () => {
  const { device, refused } = lived();
  const [[address, peer]] = [...device.peers] as [[string, Peer]];
  const state = peer.record.current as SessionState;
  const skipped = new Secret<'SkippedSeeds'>(concat(be32(9_999), new Uint8Array(32)));
  const [receiver] = state.ratchet.receivers as [ReceiverChain];
  const pq = state.pq as SpqrOn;
  const chain = pq.chain as PqChain;
  const [link] = chain.links as [ChainLink];
  const links = [{ ...link, receive: { ...link.receive, skipped } }];
  for (const current of [
    { ...state, ratchet: { ...state.ratchet, receivers: [{ ...receiver, skipped }] } },
    { ...state, pq: { ...pq, chain: { ...chain, links } } },
  ]) {
    refused({ ...device, peers: new Map([[address, { ...peer, record: { ...peer.record, current } }]]) });
  }
});
