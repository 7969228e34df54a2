/**
 * Copies for the own devices: they fail alone, and say nothing that is not so.
 *
 * @spec 07-devices §5
 */
import { describe, expect, test } from 'vitest';
import { RelayError } from '../../client/relay/transport.ts';
import { read, type Seat, texts, World } from '../support/devices.ts';
import { flip } from '../support/forge.ts';

async function damageSession(seat: Seat, key: string): Promise<void> {
  await seat.store.transaction((tx) => {
    const row = tx.get('session', key)?.slice() ?? null;
    if (row === null) throw new TypeError('no session to damage');
    tx.put('session', key, flip(row, row.length - 1, 1));
  });
}

const failures = (seat: Seat) => seat.events.filter(({ type }) => type === 'copyFailed');

describe('[DEV-17] [DEV-60] [STATE-09] an own device that fails', () => {
  async function scene(): Promise<{ world: World; alice: Seat; laptop: Seat; desk: Seat; bob: Seat }> {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const [laptop, desk] = [await world.linked(alice, 'laptop'), await world.linked(alice, 'desk')];
    return { world, alice, laptop, desk, bob };
  }

  test('by a damaged session: recipient and the other own devices get the message', async () => {
    const { alice, laptop, desk, bob } = await scene();
    await alice.device.send(bob.device.account, 'before');
    for (const seat of [laptop, desk, bob]) await read(seat);
    await damageSession(alice, `${alice.device.account}.2`);
    const damaged = await alice.store.transaction((tx) => tx.get('session', `${alice.device.account}.2`)?.slice());
    const sent = await alice.device.send(bob.device.account, 'after');
    expect(sent.status).toBe('sent');
    expect(sent.envelopes.map(({ account, deviceId }) => [account === bob.device.account, deviceId])).toEqual([
      [true, 1],
      [false, 3],
    ]);
    expect(failures(alice)).toMatchObject([{ deviceId: 2 }]);
    expect(await read(bob)).toEqual(['after']);
    expect(await read(desk)).toEqual(['after']);
    expect(await read(laptop)).toEqual([]);
    // What is damaged stays as it was: only the application resets a session.
    expect(await alice.store.transaction((tx) => tx.get('session', `${alice.device.account}.2`)?.slice())).toEqual(
      damaged,
    );
    await alice.device.resetSessions(alice.device.account);
    await alice.device.send(bob.device.account, 'reset');
    expect(await read(laptop)).toEqual(['reset']);
  });

  test.each([
    ['forged', 'spk-signature'],
    ['not there', 'unreachable'],
    ['of another identity', null],
  ] as const)('by a bundle that is %s', async (kind, reason) => {
    const { world, alice, desk, bob } = await scene();
    const own = alice.device.account;
    const other = (await world.primary('mallory')).device.account;
    const foreign = world.relay.active(other)[0]?.identityKey as Uint8Array;
    world.relay.alterBundle = (bundle, account) => {
      if (account !== own || bundle.deviceId !== 2) return bundle;
      if (kind === 'not there') throw new RelayError(0, 'unreachable');
      if (kind === 'forged') return { ...bundle, signedPreKeySignature: flip(bundle.signedPreKeySignature, 3, 1) };
      return { ...bundle, identityKey: Uint8Array.of(5, ...foreign) };
    };
    const sent = await alice.device.send(bob.device.account, 'hi');
    expect(sent.envelopes.map(({ account, deviceId }) => [account === own, deviceId])).toEqual([
      [false, 1],
      [true, 3],
    ]);
    expect(failures(alice)).toMatchObject([{ deviceId: 2, ...(kind === 'not there' ? { reason } : {}) }]);
    expect([await read(bob), await read(desk)]).toEqual([['hi'], ['hi']]);
  });

  test('does not keep a recipient’s own fault from being told', async () => {
    const { alice, bob } = await scene();
    await damageSession(alice, `${bob.device.account}.1`);
    const before = await alice.store.snapshot();
    await expect(alice.device.send(bob.device.account, 'hi')).rejects.toMatchObject({ code: 'InvalidState' });
    expect(await alice.store.snapshot()).toEqual(before);
  });
});

describe('[DEV-61] a copy and its message', () => {
  async function offline(): Promise<{ world: World; alice: Seat; laptop: Seat; bob: Seat }> {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const laptop = await world.linked(alice, 'laptop');
    await alice.device.send(bob.device.account, 'before');
    for (const seat of [laptop, bob]) await read(seat);
    return { world, alice, laptop, bob };
  }

  /** Requests to send to Bob fail with this. */
  const failing = (world: World, bob: Seat, error: () => Error | null) => {
    world.relay.alterOutcome = (outcome, { account }) => {
      const problem = account === bob.device.account ? error() : null;
      if (problem !== null) throw problem;
      return outcome;
    };
  };

  test('the copy of a message that waits, waits with it', async () => {
    const { world, alice, laptop, bob } = await offline();
    let away = true;
    failing(world, bob, () => (away ? new RelayError(503, 'busy') : null));
    const sent = await alice.device.send(bob.device.account, 'later');
    expect(sent).toMatchObject({ status: 'queued', envelopes: [] });
    expect(await alice.device.flush()).toBe(2);
    expect(await read(laptop)).toEqual([]);
    away = false;
    world.relay.accepted.clear();
    expect(await alice.device.flush()).toBe(0);
    expect(await read(laptop)).toEqual(['later']);
  });

  test('the copy of a message that is refused later is never sent', async () => {
    const { world, alice, laptop, bob } = await offline();
    let answer: RelayError = new RelayError(503, 'busy');
    failing(world, bob, () => answer);
    await alice.device.send(bob.device.account, 'never');
    answer = new RelayError(413, 'envelope-too-large');
    expect(await alice.device.flush()).toBe(0);
    expect(alice.events).toContainEqual(expect.objectContaining({ type: 'sendFailed', reason: 'envelope-too-large' }));
    expect(await read(laptop)).toEqual([]);
    expect((await alice.device.status()).queued).toBe(0);
  });

  test('a send rejects where a flush met the refusal first', async () => {
    const { world, alice, laptop, bob } = await offline();
    let flushing: Promise<number> | null = null;
    failing(world, bob, () => new RelayError(413, 'envelope-too-large'));
    // The flush gets in between the storing of the entry and its delivery.
    const witness = alice.options.witness;
    const { advance } = witness;
    let armed = true;
    let seat: Seat | null = null;
    const slow = Object.assign(Object.create(witness) as typeof witness, {
      read: () => witness.read(),
      advance: async (generation: number) => {
        await advance.call(witness, generation);
        if (armed && seat !== null) {
          armed = false;
          flushing = seat.device.flush();
        }
      },
    });
    seat = await world.reopen(alice, { witness: slow });
    await expect(seat.device.send(bob.device.account, 'never')).rejects.toMatchObject({ reason: 'envelope-too-large' });
    expect(flushing).not.toBeNull();
    expect(await flushing).toBe(0);
    expect(await read(laptop)).toEqual([]);
  });
});

test('[DEV-61] a send rejects where another process on the same store met the refusal', async () => {
  const world = new World();
  const [alice, bob] = await world.acquainted();
  const other = await world.reopen(alice);
  world.relay.alterOutcome = (outcome, { account, messages }) => {
    if (account === bob.device.account && messages.length > 0) throw new RelayError(413, 'envelope-too-large');
    return outcome;
  };
  let flushing: Promise<number> | null = null;
  const { witness } = alice.options;
  let seat: Seat | null = null;
  const slow = Object.assign(Object.create(witness) as typeof witness, {
    read: () => witness.read(),
    advance: async (generation: number) => {
      await witness.advance(generation);
      if (flushing === null && seat !== null) {
        flushing = other.device.flush();
        await flushing;
      }
    },
  });
  seat = await world.reopen(alice, { witness: slow });
  await expect(seat.device.send(bob.device.account, 'never')).rejects.toMatchObject({
    status: 413,
    reason: 'envelope-too-large',
  });
  expect((await seat.device.status()).queued).toBe(0);
});

describe('[DEV-62] what nobody waits for', () => {
  test('outlives bad material of the relay four times, and is then dropped and told of', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    world.relay.fault = (point) => {
      if (point === 'send:before') throw new RelayError(503, 'busy');
    };
    await alice.device.send(bob.device.account, 'patient');
    world.relay.fault = () => {};
    world.relay.alterOutcome = (_, { account }) => {
      world.relay.accepted.clear();
      return account === bob.device.account ? { kind: 'stale', stale: [1] } : { kind: 'accepted' };
    };
    world.relay.alterBundle = (bundle) => ({
      ...bundle,
      signedPreKeySignature: flip(bundle.signedPreKeySignature, 3, 1),
    });
    for (let i = 0; i < 4; i++) expect(await alice.device.flush()).toBe(1);
    expect(alice.events.filter(({ type }) => type === 'sendFailed')).toEqual([]);
    expect(await alice.device.flush()).toBe(0);
    expect(alice.events).toContainEqual(expect.objectContaining({ type: 'sendFailed' }));
  });

  test('goes out once the material is good again', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    let bad = true;
    world.relay.fault = (point) => {
      if (point === 'send:before' && bad) throw new RelayError(503, 'busy');
    };
    await alice.device.send(bob.device.account, 'patient');
    bad = false;
    world.relay.alterManifest = (manifest) => flip(manifest, manifest.length - 1, 1);
    let stale = true;
    world.relay.alterOutcome = (outcome, { account }) => {
      if (!stale || account !== bob.device.account) return outcome;
      world.relay.accepted.clear();
      return { kind: 'stale', stale: [1] };
    };
    expect(await alice.device.flush()).toBe(1);
    world.relay.alterManifest = (manifest) => manifest;
    stale = false;
    expect(await alice.device.flush()).toBe(0);
    expect(await texts(bob)).toEqual([]);
    expect((await read(bob)).includes('patient')).toBe(true);
  });
});
