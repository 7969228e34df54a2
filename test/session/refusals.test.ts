/**
 * Every reason for which the session layer refuses, each with the stores as they were.
 *
 * @spec 00-conventions §5
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { getSuite } from '../../protocol/handshake/suites.ts';
import { flip, forgeMessage, forgePreKeyMessage, junkMessage, replaceCurrent, skipSends } from '../support/forge.ts';
import { conversation, Peer, PQXDH, pair, TEST_NOW, uuidOf, X3DH } from '../support/peers.ts';
import { expectRefused, refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';

/** The stores to watch and the act that must be refused. */
type Path = () => { readonly peers: readonly Peer[]; readonly act: () => unknown };

const onBundle =
  (change: (bundle: ReturnType<Peer['publish']>) => object): Path =>
  () => {
    const [alice, bob] = pair();
    const bundle = bob.publish();
    return { peers: [alice, bob], act: () => alice.begin(bob, { ...bundle, ...change(bundle) }) };
  };

const onMessage =
  (prepare: (alice: Peer, bob: Peer) => Parameters<Peer['open']>[1]): Path =>
  () => {
    const [alice, bob] = conversation();
    const envelope = prepare(alice, bob);
    return { peers: [alice, bob], act: () => bob.open(alice, envelope) };
  };

const onFirst =
  (prepare: (alice: Peer, bob: Peer) => Parameters<Peer['open']>[1]): Path =>
  () => {
    const [alice, bob] = pair();
    alice.begin(bob);
    const envelope = prepare(alice, bob);
    return { peers: [alice, bob], act: () => bob.open(alice, envelope) };
  };

const onSend =
  (prepare: (alice: Peer, bob: Peer) => unknown): Path =>
  () => {
    const [alice, bob] = pair();
    alice.begin(bob);
    prepare(alice, bob);
    return { peers: [alice, bob], act: () => alice.send(bob) };
  };

const damaged = (from: Peer, to: Peer) => flip((from.recordBytes(to) as Uint8Array).slice(), 40, 1);
const storeRecord = (peer: Peer, bytes: Uint8Array) => {
  const key = [...peer.stores.keys()].find((name) => name.startsWith('session/')) as string;
  peer.stores.set(key, bytes);
};

/** One way into each refusal, by reason. */
const PATHS: Record<string, Path> = {
  'not-in-range': onBundle(() => ({ signedPreKeyId: -1 })),
  'bad-length': onBundle(() => ({ signedPreKeySignature: new Uint8Array(63) })),
  'signed-prekey-signature': onBundle((b) => ({ signedPreKeySignature: flip(b.signedPreKeySignature, 3, 1) })),
  'kem-prekey-signature': onBundle(({ kemPreKey }) => ({ kemPreKey: { ...kemPreKey, signature: new Uint8Array(64) } })),
  'unknown-suite': () => ({ peers: [], act: () => getSuite('rot13') }),
  'no-kem-prekey': onBundle(() => ({ kemPreKey: null })),
  'kem-type-not-allowed': () => {
    const [alice, bob] = pair();
    alice.suites = [X3DH];
    const bundle = bob.publish();
    return { peers: [alice, bob], act: () => alice.begin(bob, bundle) };
  },
  'chain-exhausted': onSend((alice, bob) =>
    replaceCurrent(alice, bob, (state) => {
      const { sender } = state.ratchet;
      const chain = { ...sender.chain, index: 0xffff_ffff };
      return { ...state, ratchet: { ...state.ratchet, sender: { ...sender, chain } } };
    }),
  ),
  'counter-too-far': onMessage((alice, bob) => forgeMessage(alice, bob, { counter: 30_000 })),
  'message-key-used': onMessage((alice, bob) => {
    const message = alice.send(bob);
    bob.receive(alice, message);
    return message;
  }),
  'work-budget-exhausted': () => {
    const [identity, name] = [new Uint8Array(32).fill(3), uuidOf('self')];
    const phone = new Peer('phone', { identity, address: { name, deviceId: 1 } });
    const laptop = new Peer('laptop', { identity, address: { name, deviceId: 2 } });
    phone.begin(laptop);
    skipSends(phone, laptop, 60_000);
    const message = phone.send(laptop);
    return { peers: [laptop], act: () => laptop.open(phone, message) };
  },
  // Between operations a source that repeats itself shows as a ratchet key that we already have.
  'randomness-failed': onMessage((alice, bob) => {
    bob.random = (length) => new Uint8Array(length).fill(7);
    alice.receive(bob, bob.send(alice));
    bob.receive(alice, alice.send(bob));
    alice.receive(bob, bob.send(alice));
    return alice.send(bob);
  }),
  'untrusted-identity': onMessage((alice, bob) => {
    bob.trust = () => false;
    return alice.send(bob);
  }),
  'suite-not-allowed': onFirst((alice, bob) =>
    forgePreKeyMessage(alice, bob, { version: 3, kemPreKeyId: null, kemCiphertext: null }),
  ),
  'unknown-prekey': onFirst((alice, bob) => forgePreKeyMessage(alice, bob, { signedPreKeyId: 5 })),
  'base-key-reused': () => {
    const [alice, bob] = pair();
    alice.begin(bob, bob.publish({ oneTime: false }));
    const message = alice.send(bob);
    bob.receive(alice, message);
    bob.stores.delete([...bob.stores.keys()].find((key) => key.startsWith('session/')) as string);
    return { peers: [alice, bob], act: () => bob.open(alice, message) };
  },
  'identity-mismatch': onFirst((alice, bob) => {
    bob.receive(alice, alice.send(bob));
    bob.trust = () => true;
    return forgePreKeyMessage(alice, bob, { identityKey: bob.identity.publicKey });
  }),
  'no-session': () => {
    const [alice, bob] = pair();
    return { peers: [bob], act: () => bob.open(alice, junkMessage(alice, 0)) };
  },
  'no-current-session': onSend((alice, bob) => alice.archive(bob)),
  'session-expired': onSend((alice) => {
    alice.now = TEST_NOW * 2;
  }),
  'decryption-failed': onMessage((alice) => junkMessage(alice, 0)),
  'record-malformed': onSend((alice, bob) => storeRecord(alice, flip(alice.recordBytes(bob) as Uint8Array, 0, 1))),
  'record-version': onSend((alice, bob) => storeRecord(alice, flip(alice.recordBytes(bob) as Uint8Array, 1, 2))),
  'record-other-peer': onSend((alice, bob) => storeRecord(alice, flip(alice.recordBytes(bob) as Uint8Array, 2, 1))),
  'record-checksum': onSend((alice, bob) => storeRecord(alice, damaged(alice, bob))),
};

/** The slugs in the sources of the three layers. */
function reasonsInSource(): Set<string> {
  const reasons = new Set<string>();
  for (const folder of ['handshake', 'ratchet', 'session']) {
    const directory = new URL(`../../protocol/${folder}/`, import.meta.url);
    // What lies deeper has tests of its own (test/braid).
    const files = readdirSync(directory).filter((file) => file.endsWith('.ts'));
    for (const file of files) {
      const source = readFileSync(new URL(file, directory), 'utf8');
      const throws = source.matchAll(/ProtocolError\(\s*'\w+',\s*'\w+',\s*'([a-z0-9-]+)'|malformed\('([a-z-]+)'\)/g);
      for (const [, one, two] of throws) reasons.add((one ?? two) as string);
    }
  }
  return reasons;
}

test.each(Object.entries(PATHS))(
  '[STATE-01] [CNV-04] [CNV-05] refused for %s: every store is byte-equal',
  (reason, path) => {
    const { peers, act } = path();
    const error = expectRefused(peers, { reason }, act);
    expect(error.message).not.toMatch(/[0-9a-f]{16}/i);
    expect(Object.keys(error.toJSON()).filter((key) => !['code', 'stage', 'reason', 'field'].includes(key))).toEqual(
      [],
    );
  },
);

test('[STATE-01] the table above has every reason that the sources know', () => {
  const known = reasonsInSource();
  expect(known.size).toBeGreaterThan(20);
  expect([...known].filter((reason) => !(reason in PATHS))).toEqual([]);
  expect(Object.keys(PATHS).filter((reason) => !known.has(reason))).toEqual([]);
  reportCount('STATE-01', 'refusals with byte-equal stores', Object.keys(PATHS).length);
});

test('[CNV-05] a refused operation does not use up the session', () => {
  const [alice, bob] = conversation({ suite: PQXDH });
  for (const envelope of [junkMessage(alice, 3), forgeMessage(alice, bob, { counter: 99_999 })]) {
    expect(refusal(() => bob.open(alice, envelope)).code).toBe('InvalidMessage');
  }
  expect(bob.receive(alice, alice.send(bob, 'intact'))).toBe('intact');
});
