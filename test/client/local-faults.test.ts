/**
 * What goes wrong on the device itself, or on the way: nothing is lost by it.
 *
 * @spec 07-devices §5, §6
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Device } from '../../client/device.ts';
import { getSelf } from '../../client/records/self.ts';
import { httpRelay } from '../../client/relay/http.ts';
import { RelayError, type RelayTransport } from '../../client/relay/transport.ts';
import { openSqliteStore } from '../../client/store/sqlite.ts';
import type { ManifestDevice } from '../../protocol/codec/manifest.ts';
import { encodeSignedManifest, parseSignedManifest, signManifest } from '../../protocol/codec/manifest.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { RandomSource } from '../../protocol/crypto/provider.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { expectRefusal, read, World } from '../support/devices.ts';
import { uuidOf } from '../support/peers.ts';

/** The system's randomness, as long as it works. */
function failingRandom(): { random: RandomSource; fail: (on: boolean) => void } {
  let broken = false;
  return {
    random: (length) => {
      if (broken) throw new Error('no entropy');
      return systemRandom(length);
    },
    fail: (on) => {
      broken = on;
    },
  };
}

const FAILED = { code: 'InvalidState', reason: 'randomness-failed' } as const;
const away = (point: string) => {
  if (point === 'send:before') throw new RelayError(0, 'unreachable');
};

describe('randomness that fails', () => {
  test('[PRIM-12] [DEV-10] while a message is taken in: it is not acknowledged, and read afterwards', async () => {
    const world = new World();
    const { random, fail } = failingRandom();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob', { random })];
    await alice.device.send(bob.device.account, 'precious');
    fail(true);
    await expectRefusal([bob], FAILED, () => bob.device.poll());
    expect(world.relay.waiting(bob.device.account, 1)).toHaveLength(1);
    fail(false);
    expect(await read(bob)).toEqual(['precious']);
    expect(bob.events.filter(({ type }) => type === 'recordDamaged')).toEqual([]);
  });

  test('[PRIM-12] [DEV-13] while a message is encrypted: nothing is stored or sent; while it is repaired: it stays queued', async () => {
    const world = new World();
    const { random, fail } = failingRandom();
    const [alice, bob] = [await world.primary('alice', { random }), await world.primary('bob')];
    fail(true);
    await expectRefusal([alice], FAILED, () => alice.device.send(bob.device.account, 'never'));
    expect(world.relay.sends).toEqual([]);
    fail(false);
    world.relay.fault = away;
    expect((await alice.device.send(bob.device.account, 'queued')).status).toBe('queued');
    world.relay.fault = () => {};
    const tablet = await world.linked(bob, 'tablet');
    fail(true);
    expect(await alice.device.flush()).toBe(1);
    fail(false);
    expect(await alice.device.flush()).toBe(0);
    expect([await read(bob), await read(tablet)]).toEqual([['queued'], ['queued']]);
  });
});

test('[PRIM-12] [DEV-24] a source that repeats its short draws ends the search for an id', async () => {
  const world = new World();
  const random: RandomSource = (length) => (length === 3 ? Uint8Array.of(1, 2, 3) : systemRandom(length));
  const { options } = world.options({ random });
  await expectRefusal([options], FAILED, () => Device.createPrimary(options, { account: uuidOf('bob'), name: 'bob' }));
});

describe('a witness that fails', () => {
  test('[DEV-18] [DEV-10] what is known already is not acknowledged before the witness has it', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    await alice.device.send(bob.device.account, 'twice');
    const failed = new ProtocolError('InvalidState', 'state', 'witness-failed', 'witness');
    const seat = await world
      .reopen(bob, { witness: { ...bob.witness, advance: () => Promise.reject(failed) } })
      .catch(() => null);
    expect(seat).toBeNull();
    let broken = false;
    const advance = async (generation: number) => {
      if (broken) throw failed;
      await bob.witness.advance(generation);
    };
    const again = await world.reopen(bob, { witness: { ...bob.witness, advance } });
    broken = true;
    // The first time its plaintext is stored, and the witness fails; the second time it is a duplicate.
    for (let i = 0; i < 2; i++) await expect(again.device.poll()).rejects.toMatchObject({ reason: 'witness-failed' });
    expect(world.relay.waiting(bob.device.account, 1)).toHaveLength(1);
    broken = false;
    expect(await read(again)).toEqual(['twice']);
  });
});

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function relayThat(answer: RequestListener): Promise<RelayTransport> {
  const listening = createServer(answer);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  const authKey = nodeProvider.ed25519Generate(systemRandom);
  const clock = { now: () => Date.now() };
  const who = { account: uuidOf('alice'), deviceId: 1, authKey, provider: nodeProvider, random: systemRandom, clock };
  return httpRelay(`http://127.0.0.1:${port}`)(who);
}

describe('answers of somebody else', () => {
  test('[DEV-28] a send counts as accepted only where the relay says how many messages it stored', async () => {
    const message = { deviceId: 1, registrationId: 1, type: 'message', body: new Uint8Array(9) } as const;
    const fanOut = { sendId: new Uint8Array(16), timestamp: 1, partial: false, messages: [message] };
    for (const body of ['', '<html>', '{}', '{"accepted":"1"}', '{"accepted":0}', '{"accepted":2}']) {
      const relay = await relayThat((_, response) => void response.writeHead(200).end(body));
      await expect(relay.send(uuidOf('bob'), fanOut)).rejects.toMatchObject({
        reason: 'relay-answer-malformed',
      });
      server?.close();
    }
    const relay = await relayThat((_, response) => void response.writeHead(200).end('{"accepted":1}'));
    expect(await relay.send(uuidOf('bob'), fanOut)).toEqual({ kind: 'accepted' });
  });

  test('[DEV-28] [DEV-13] a message stays queued where the answer was none', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    world.relay.alterOutcome = () => {
      throw new ProtocolError('InvalidMessage', 'parse', 'relay-answer-malformed', 'send');
    };
    const sent = await alice.device.send(bob.device.account, 'hi');
    expect(sent).toMatchObject({ status: 'queued', reason: 'relay-answer-malformed' });
    world.relay.alterOutcome = (outcome) => outcome;
    expect(await alice.device.flush()).toBe(0);
    expect(await read(bob)).toEqual(['hi']);
  });

  test('[DEV-28] an answer without an announced length is read up to the limit and no further', async () => {
    const relay = await relayThat((_, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(1 << 20, 0x20);
      const more = () => {
        while (!response.destroyed) if (!response.write(chunk)) return void response.once('drain', more);
      };
      more();
    });
    await expect(relay.keyCounts()).rejects.toMatchObject({ status: 0, reason: 'answer-too-long' });
  });
});

describe('what only the application decides', () => {
  test('[DEV-17] a reset replaces a damaged record', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const key = `${bob.device.account}.1`;
    await alice.store.transaction((tx) => {
      const record = tx.get('session', key) as Uint8Array;
      tx.put('session', key, record.with(99, (record[99] as number) ^ 1));
    });
    await expect(alice.device.send(bob.device.account, 'hi')).rejects.toMatchObject({ reason: 'record-checksum' });
    await alice.device.resetSessions(bob.device.account);
    expect((await alice.device.send(bob.device.account, 'hi')).envelopes[0]?.type).toBe('prekey');
    expect(await read(bob)).toEqual(['hi']);
  });

  test('[DEV-07] after an account key was confirmed, messages on older sessions are still read', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const key = (await alice.device.manifest())?.accountKey as Uint8Array;
    await bob.device.trustAccountKey(alice.device.account, key);
    expect((await alice.device.send(bob.device.account, 'hi')).envelopes[0]?.type).toBe('message');
    expect(await read(bob)).toEqual(['hi']);
  });

  test('[DEV-25] a relay that takes no more one-time keys does not hold up rotation', async () => {
    const world = new World();
    const bob = await world.primary('bob');
    world.relay.fault = (point) => {
      if (point === 'putKeys:before') throw new RelayError(429, 'too-many-keys');
    };
    await expect(bob.device.refill()).rejects.toMatchObject({ reason: 'too-many-keys' });
    const { signedPreKeyId } = await bob.device.status();
    let uploads = 0;
    world.relay.fault = (point) => {
      // The one-time keys come first, alone.
      if (point === 'putKeys:before' && uploads++ === 0) throw new RelayError(429, 'too-many-keys');
    };
    await bob.device.rotate();
    expect((await bob.device.status()).signedPreKeyId).not.toBe(signedPreKeyId);
  });
});

test('[DEV-27] an acceptance under another registration id, or as the primary, is refused', async () => {
  const world = new World();
  const bob = await world.primary('bob');
  const { options } = world.options();
  const offer = await Device.createLinkedOffer(options, { name: 'tablet' });
  const { manifest } = parseSignedManifest(await bob.device.linkDevice(offer));
  const self = await bob.store.transaction((tx) => getSelf(tx, nodeProvider));
  const key = self?.accountKey?.privateKey as NonNullable<NonNullable<typeof self>['accountKey']>['privateKey'];
  const [primary, tablet] = manifest.devices as [ManifestDevice, ManifestDevice];
  const forgeries: ManifestDevice[][] = [
    [primary, { ...tablet, registrationId: (tablet.registrationId % 0x3fff) + 1 }],
    [primary, { ...tablet, identityKey: nodeProvider.x25519Generate(systemRandom).publicKey }],
    [{ ...tablet, deviceId: 1 }],
  ];
  for (const devices of forgeries) {
    const forged = encodeSignedManifest(signManifest(nodeProvider, key, { ...manifest, devices }, systemRandom));
    const expected = { code: 'UntrustedIdentity', reason: 'not-in-manifest' } as const;
    await expectRefusal([options], expected, () => Device.acceptLink(options, forged));
  }
});

test('[DEV-31] a new store can be read by its owner alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-mode-'));
  const before = process.umask(0);
  try {
    const path = join(folder, 'device.db');
    const store = openSqliteStore(path);
    await store.transaction((tx) => tx.put('t', 'k', new Uint8Array(1)));
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
    await store.close();
  } finally {
    process.umask(before);
    rmSync(folder, { recursive: true, force: true });
  }
});
