/**
 * Every way in which a device refuses leaves its store as it was.
 *
 * @spec 07-devices §6, 00-conventions §5
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bodyOf, decodeContent, encodeContent, MAX_BODY_BYTES } from '../../client/content.ts';
import { getManifest } from '../../client/manifest-trust.ts';
import { getSelf, type Self } from '../../client/records/self.ts';
import { environment, getSession, putSession } from '../../client/records/sessions.ts';
import { type Envelope, RelayError } from '../../client/relay/transport.ts';
import { encodePreKeySignalMessage, parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { PreKeyBundle } from '../../protocol/handshake/bundle.ts';
import { encryptMessage } from '../../protocol/session/session.ts';
import {
  envelopeFor,
  expectEnvelopeRefused,
  expectRefusal,
  read,
  type Seat,
  texts,
  World,
} from '../support/devices.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { seededIntegers } from '../support/seeded-random.ts';

type BundleCase = readonly [code: ErrorCode, reason: string, change: (bundle: PreKeyBundle) => PreKeyBundle];

const flip = (bytes: Uint8Array, at: number) => bytes.with(at, (bytes.at(at) as number) ^ 1);
const kemOf = (bundle: PreKeyBundle) => bundle.kemPreKey as NonNullable<PreKeyBundle['kemPreKey']>;

const BUNDLES: readonly BundleCase[] = [
  ['NotAllowed', 'no-kem-prekey', (b) => ({ ...b, kemPreKey: null })],
  [
    'InvalidSignature',
    'signed-prekey-signature',
    (b) => ({ ...b, signedPreKeySignature: flip(b.signedPreKeySignature, 3) }),
  ],
  [
    'InvalidSignature',
    'kem-prekey-signature',
    (b) => ({ ...b, kemPreKey: { ...kemOf(b), signature: flip(kemOf(b).signature, 3) } }),
  ],
  ['InvalidKey', 'not-prime-order', (b) => ({ ...b, signedPreKey: Uint8Array.of(5, ...new Uint8Array(32)) })],
  ['InvalidKey', 'bad-length', (b) => ({ ...b, signedPreKey: b.signedPreKey.slice(1) })],
  [
    'InvalidKey',
    'kem-type-not-allowed',
    (b) => ({ ...b, kemPreKey: { ...kemOf(b), publicKey: Uint8Array.of(8, ...kemOf(b).publicKey.slice(1)) } }),
  ],
  ['UntrustedIdentity', 'untrusted-identity', (b) => ({ ...b, identityKey: b.signedPreKey })],
  ['InvalidArgument', 'not-in-range', (b) => ({ ...b, signedPreKeyId: -1 })],
];

describe('sending', () => {
  test.each(BUNDLES)('[STATE-01] a bundle refused as %s %s', async (code, reason, change) => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    await world.linked(alice, 'laptop');
    world.relay.alterBundle = (bundle, account) => (account === bob.device.account ? change(bundle) : bundle);
    await expectRefusal([alice, bob], { code, reason }, () => alice.device.send(bob.device.account, 'hi'));
    expect(world.relay.sends).toEqual([]);
    world.relay.alterBundle = (bundle) => bundle;
    await alice.device.send(bob.device.account, 'hi');
    expect(await read(bob)).toEqual(['hi']);
  });

  test('[STATE-01] a body that cannot be sent, and an account without keys', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const cases: readonly [string | Uint8Array, string][] = [
      ['\ud800', 'bad-utf8'],
      [new Uint8Array(MAX_BODY_BYTES + 1), 'too-long'],
      [new Uint8Array(new SharedArrayBuffer(3)), 'shared-memory'],
      [7 as unknown as string, 'not-bytes'],
    ];
    for (const [body, reason] of cases) {
      const expected = { code: 'InvalidArgument', reason } as const;
      await expectRefusal([alice], expected, () => alice.device.send(bob.device.account, body));
    }
    const carol = await world.primary('carol');
    world.relay.box(carol.device.account, 1).keys = null;
    const expected = { code: 'NoSession', reason: 'no-device-with-keys' } as const;
    await expectRefusal([alice], expected, () => alice.device.send(carol.device.account, 'hi'));
    expect(bodyOf(new Uint8Array(MAX_BODY_BYTES)).body.length).toBe(MAX_BODY_BYTES);
  });

  test('[STATE-01] a relay that fails while something is fetched, at each request', async () => {
    for (const request of ['fetchManifest', 'takeBundle']) {
      for (const moment of ['before', 'after']) {
        const world = new World();
        const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
        world.relay.fault = (point) => {
          if (point === `${request}:${moment}`) throw new RelayError(503, 'away');
        };
        const before = await alice.store.snapshot();
        await expect(alice.device.send(bob.device.account, 'hi')).rejects.toMatchObject({ status: 503 });
        expect(await alice.store.snapshot()).toEqual(before);
      }
    }
  });

  test('[RAT-12] [DEV-12] an unanswered session of more than 30 days is not sent on: a bundle is fetched', async () => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    await alice.device.send(bob.device.account, 'unanswered');
    const bundles = world.relay.bundles;
    world.clock.advance(30 * 24 * 3_600_000);
    await alice.device.send(bob.device.account, 'same session');
    expect(world.relay.bundles).toBe(bundles);
    world.clock.advance(1000);
    world.relay.fault = (point) => {
      if (point === 'takeBundle:before') throw new RelayError(503, 'away');
    };
    const before = await alice.store.snapshot();
    await expect(alice.device.send(bob.device.account, 'new session')).rejects.toMatchObject({ status: 503 });
    expect(await alice.store.snapshot()).toEqual(before);
    world.relay.fault = () => {};
    await alice.device.send(bob.device.account, 'new session');
    expect(world.relay.bundles).toBe(bundles + 1);
    expect(await read(bob)).toEqual(['unanswered', 'same session', 'new session']);
  });
});

/** An envelope of a certified device with any plaintext, on the session that the two have. */
async function withPlaintext(world: World, from: Seat, to: Seat, plaintext: Uint8Array): Promise<Envelope> {
  const template = await envelopeFor(world, from, to, 'template');
  const body = await from.store.transaction((tx) => {
    const self = getSelf(tx, nodeProvider) as Self;
    const remote = { name: to.device.account, deviceId: to.device.deviceId };
    const device = getManifest(tx, nodeProvider, remote.name)?.manifest.devices[0] ?? null;
    const policy = { suites: ['PQXDH_X25519_SHA-256_ML-KEM-1024'], pqRatchet: 'required' } as const;
    const around = { ...from.options, ...policy };
    const env = environment({ ...around, emit: () => undefined, limits: {} as never }, self, remote, device);
    const sealed = encryptMessage(env, getSession(tx, nodeProvider, self, remote), plaintext);
    putSession(tx, nodeProvider, self, remote, sealed.record);
    return sealed.body;
  });
  return { ...template, type: 'message', body };
}

describe('receiving', () => {
  test('[STATE-01] [DEV-11] a plaintext that is no content is refused, and its message key stays', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const good = encodeContent({ ...bodyOf('x'), messageId: new Uint8Array(16), sentAt: 1, sentTo: null });
    const copy = encodeContent({
      ...bodyOf('x'),
      messageId: new Uint8Array(16),
      sentAt: 1,
      sentTo: bob.device.account,
    });
    const short = encodeContent({ ...bodyOf('x'), messageId: new Uint8Array(15), sentAt: 1, sentTo: null });
    const latin = encodeContent({
      kind: 'text',
      body: Uint8Array.of(0xff),
      messageId: new Uint8Array(16),
      sentAt: 1,
      sentTo: null,
    });
    const cases: readonly [Uint8Array, string][] = [
      [new Uint8Array(0), 'bad-padding'],
      [new Uint8Array(159), 'bad-padding'],
      [good.slice(0, -1), 'bad-padding'],
      [good.with(0, 0x10), 'missing-field'],
      [good.with(1, 3), 'unknown-kind'],
      [copy, 'copy-from-stranger'],
      [short, 'bad-length'],
      [latin, 'bad-utf8'],
    ];
    for (const [plaintext, reason] of cases) {
      const envelope = await withPlaintext(world, alice, bob, plaintext);
      const before = await bob.store.snapshot();
      const receipt = await bob.device.receive(envelope);
      expect(receipt.status === 'refused' && receipt.error.code).toBe('InvalidMessage');
      if (reason !== 'missing-field') expect(receipt).toMatchObject({ error: { reason } });
      expect(await bob.store.snapshot()).toEqual(before);
    }
    expect((await bob.device.receive(await withPlaintext(world, alice, bob, good))).status).toBe('delivered');
  });

  test('[STATE-01] [DEV-11] a message of the own account is a copy, or refused', async () => {
    const world = new World();
    const alice = await world.primary('alice');
    const laptop = await world.linked(alice, 'laptop');
    await alice.device.send(alice.device.account, 'note');
    expect(await read(laptop)).toEqual(['note']);
    await laptop.device.send(alice.device.account, 'note back');
    expect(await read(alice)).toEqual(['note back']);
    const plain = encodeContent({ ...bodyOf('x'), messageId: new Uint8Array(16), sentAt: 1, sentTo: null });
    const envelope = await withPlaintext(world, laptop, alice, plain);
    await expectEnvelopeRefused(alice, envelope, { code: 'InvalidMessage', reason: 'copy-without-recipient' });
  });

  test('[STATE-01] envelopes that are none', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const good = await envelopeFor(world, alice, bob, 'good');
    const cases: readonly [Partial<Envelope>, ErrorCode, string][] = [
      [{ sourceAccount: 'alice' }, 'InvalidMessage', 'not-a-uuid'],
      [{ sourceAccount: good.sourceAccount.toUpperCase() }, 'InvalidMessage', 'not-a-uuid'],
      [{ sourceDevice: 0 }, 'InvalidMessage', 'bad-device-id'],
      [{ sourceDevice: 128 }, 'InvalidMessage', 'bad-device-id'],
      [{ type: 'sealed' as 'message' }, 'InvalidMessage', 'unknown-type'],
      [{ sourceAccount: bob.device.account }, 'InvalidMessage', 'message-from-self'],
      [{ sourceDevice: 9 }, 'NoSession', 'no-session'],
      [{ body: new Uint8Array(0) }, 'InvalidMessage', 'too-short'],
    ];
    for (const [change, code, reason] of cases) {
      const before = await bob.store.snapshot();
      const receipt = await bob.device.receive({ ...good, ...change });
      expect(receipt).toMatchObject({ status: 'refused', error: { code } });
      if (reason !== 'too-short') expect(receipt).toMatchObject({ error: { reason } });
      expect(await bob.store.snapshot()).toEqual(before);
    }
    expect((await bob.device.receive(good)).status).toBe('delivered');
    const before = await bob.store.snapshot();
    expect(await bob.device.receive(good)).toEqual({ status: 'duplicate' });
    expect(await bob.store.snapshot()).toEqual(before);
  });

  test('[STATE-01] first messages that name what is not there', async () => {
    const world = new World();
    const [alice, bob] = [await world.primary('alice'), await world.primary('bob')];
    const envelope = await envelopeFor(world, alice, bob, 'first');
    const outer = parsePreKeySignalMessage(envelope.body);
    const changes: readonly [Partial<typeof outer>, string][] = [
      [{ preKeyId: 1 }, 'unknown-prekey'],
      [{ signedPreKeyId: 1 }, 'unknown-prekey'],
      [{ kemPreKeyId: 1 }, 'unknown-prekey'],
      [{ kemPreKeyId: null, kemCiphertext: null }, 'missing-field'],
      [{ baseKey: alice.options.provider.x25519Generate(systemRandom).publicKey }, 'decryption-failed'],
    ];
    for (const [change, reason] of changes) {
      const body = encodePreKeySignalMessage({ ...outer, ...change });
      await expectEnvelopeRefused(bob, { ...envelope, body }, { code: 'InvalidMessage', reason });
    }
    expect((await bob.device.receive(envelope)).status).toBe('delivered');
  });

  test('[STATE-01] any mutation of an envelope either is refused with no change or, unauthenticated, changes nothing of it', async () => {
    const world = new World();
    const [alice, bob] = await world.acquainted();
    const carol = await world.primary('carol');
    let message = await envelopeFor(world, alice, bob, 'secret');
    let preKey = await envelopeFor(world, carol, bob, 'first');
    const below = seededIntegers('STATE-01');
    const count = scaled(400, 20_000);
    let refused = 0;
    for (let i = 0; i < count; i++) {
      const original = i % 2 === 0 ? message : preKey;
      const at = below(original.body.length);
      const body = original.body.with(at, (original.body[at] as number) ^ (1 << below(8)));
      const before = await bob.store.snapshot();
      const receipt = await bob.device.receive({ ...original, body });
      if (receipt.status !== 'delivered') {
        refused += 1;
        expect(await bob.store.snapshot()).toEqual(before);
        continue;
      }
      // The registration id and the low half of the version byte are not authenticated: the text is what was sent.
      expect(await texts(bob)).toEqual([i % 2 === 0 ? 'secret' : 'first']);
      if (i % 2 === 0) message = await envelopeFor(world, alice, bob, 'secret');
      else preKey = await envelopeFor(world, await world.primary(`stranger ${i}`), bob, 'first');
    }
    expect(refused).toBeGreaterThan(0);
    reportCount('STATE-01', 'mutated envelopes refused', refused);
  });
});

describe('content', () => {
  test('[DEV-11] says the same after a round trip, in lengths that are multiples of 160 but one', () => {
    const content = fc.record({
      body: fc.uint8Array({ maxLength: 700 }),
      sentAt: fc.nat(),
      sentTo: fc.option(fc.uuid()),
    });
    fc.assert(
      fc.property(content, ({ body, sentAt, sentTo }) => {
        const before = { kind: 'bytes', body, sentAt, sentTo, messageId: new Uint8Array(16).fill(3) } as const;
        const encoded = encodeContent(before);
        expect((encoded.length + 1) % 160).toBe(0);
        expect(decodeContent(encoded)).toEqual(before);
      }),
    );
  });
});
