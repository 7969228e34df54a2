/**
 * Uses every secret of the protocol, wipes it, and searches its own memory for it; prints one line of JSON.
 *
 * @spec 01-keys §7
 * Owns: what is used. Must not know: verdicts; `erasure.test.ts` has them. Run with `--expose-gc`.
 */
import { Secret, wipeAll } from '../../protocol/bytes/secret.ts';
import { encodeKemKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { CryptoProvider, RandomSource } from '../../protocol/crypto/provider.ts';
import { checkedRandom } from '../../protocol/crypto/random.ts';
import {
  decryptGroupMessage,
  distributeSenderKey,
  encryptGroupMessage,
  processSenderKeyDistribution,
} from '../../protocol/group/sender-key.ts';
import { createKemPreKey, createPreKey, createSignedPreKey } from '../../protocol/handshake/prekeys.ts';
import type { Encrypted, PreKeyLookup, SessionEnvironment, SessionRecord } from '../../protocol/session/session.ts';
import { decryptMessage, decryptPreKeyMessage, encryptMessage, processBundle } from '../../protocol/session/session.ts';
import { PQXDH, TEST_NOW, uuidOf } from '../support/peers.ts';
import { holding, printReport, watch, watchedRandom } from './erasure-watch.ts';

/** Wipes every secret that can be reached. */
function wipeDeep(value: unknown): void {
  if (value instanceof Secret) value.wipe();
  else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value))
    Object.values(value).forEach(wipeDeep);
}

function usePrimitives(provider: CryptoProvider, random: RandomSource): void {
  const message = new Uint8Array(100).fill(1);
  const [ours, theirs] = [provider.x25519Generate(random), provider.x25519Generate(random)];
  const agreement = provider.x25519Agree(ours.privateKey, theirs.publicKey);
  provider.xeddsaSign(ours.privateKey, message, random);
  const auth = provider.ed25519Generate(random);
  provider.ed25519Sign(auth.privateKey, message);
  const mac = new Secret(provider.hmacSha256(agreement.expose(), message));
  const okm = new Secret(provider.hkdfSha256(mac.expose(), message, message, 80));
  const body = provider.aes256CbcEncrypt(mac.expose(), message.subarray(0, 16), message);
  provider.aes256CbcDecrypt(mac.expose(), message.subarray(0, 16), body);
  const kem = provider.kemGenerate('ML-KEM-1024', random);
  const expanded = provider.kemExpand('ML-KEM-1024', kem.privateKey);
  const { ciphertext, sharedSecret } = provider.kemEncapsulate('ML-KEM-1024', kem.publicKey, random);
  const same = provider.kemDecapsulate('ML-KEM-1024', kem.privateKey, ciphertext);
  const secrets = [ours.privateKey, theirs.privateKey, agreement, auth.privateKey, mac, okm];
  wipeAll([...secrets, kem.privateKey, expanded, sharedSecret, same]);
}

interface Side {
  readonly env: SessionEnvironment;
  record: SessionRecord | null;
}

function side(provider: CryptoProvider, name: string, peer: string): Side {
  const random = checkedRandom(systemRandom);
  const local = { name: uuidOf(name), deviceId: 1 };
  const remote = { name: uuidOf(peer), deviceId: 1 };
  const identity = provider.x25519Generate(random);
  const common = { provider, random, local, remote, identity, isTrusted: () => true };
  return { env: { ...common, now: TEST_NOW, registrationId: 7, suites: [PQXDH] }, record: null };
}

/** A conversation whose records never leave memory, so that what is obsolete is listed as spent and nowhere else. */
function useSession(provider: CryptoProvider): void {
  const [alice, bob] = [side(provider, 'alice', 'bob'), side(provider, 'bob', 'alice')];
  const { random, identity } = bob.env;
  const signed = createSignedPreKey(provider, random, identity, 1);
  const kem = createKemPreKey(provider, random, identity, 2, 'ML-KEM-1024');
  const oneTime = createPreKey(provider, random, 3);
  const bundle = {
    registrationId: 7,
    deviceId: 1,
    identityKey: encodePublicKey(identity.publicKey),
    signedPreKeyId: 1,
    signedPreKey: encodePublicKey(signed.keyPair.publicKey),
    signedPreKeySignature: signed.signature,
    oneTimePreKey: { id: 3, publicKey: encodePublicKey(oneTime.keyPair.publicKey) },
    kemPreKey: {
      id: 2,
      publicKey: encodeKemKey(getKem('ML-KEM-1024'), kem.keyPair.publicKey),
      signature: kem.signature,
    },
  };
  const begun = processBundle(alice.env, null, bundle);
  alice.record = begun.record;
  wipeAll(begun.spent);
  const lookup = {
    signedPreKey: () => signed.keyPair,
    kemPreKey: () => ({ kem: 'ML-KEM-1024', ...kem.keyPair }) as const,
    oneTimePreKey: () => oneTime.keyPair,
    baseKeySeen: () => false,
  };
  const talk = (turns: number) => {
    for (let turn = 0; turn < turns; turn++) {
      const [from, to] = turn % 2 === 0 ? [alice, bob] : [bob, alice];
      // Three at a time, and read in the wrong order: two of them are skipped first.
      const bodies = [0, 1, 2].map(() => say(from));
      for (const sent of bodies.reverse()) hear(to, sent, lookup);
    }
  };
  talk(6);
  const late = say(alice);
  const again = processBundle(alice.env, alice.record, bundle);
  alice.record = again.record;
  wipeAll(again.spent);
  talk(4);
  // Promotes an archived session.
  hear(bob, late, lookup);
  wipeDeep([alice, bob, signed, oneTime, kem]);
}

function say(from: Side): Encrypted {
  const sent = encryptMessage(from.env, from.record, new Uint8Array(20));
  from.record = sent.record;
  wipeAll(sent.spent);
  return sent;
}

function hear(to: Side, { type, body }: Encrypted, lookup: PreKeyLookup): void {
  const read =
    type === 'prekey' ? decryptPreKeyMessage(to.env, to.record, body, lookup) : decryptMessage(to.env, to.record, body);
  to.record = read.record;
  wipeAll(read.spent);
}

/** Messages of a group, in the wrong order. */
function useGroup(provider: CryptoProvider): void {
  const name = { sender: { name: uuidOf('alice'), deviceId: 1 }, distributionId: uuidOf('group') };
  const begun = distributeSenderKey(provider, systemRandom, null, name);
  const joined = processSenderKeyDistribution(null, name, begun.distribution);
  begun.distribution.fill(0);
  let [sender, reader] = [begun.record, joined.record];
  const bodies = [0, 1, 2].map(() => {
    const sent = encryptGroupMessage(provider, systemRandom, sender, name, new Uint8Array(20));
    sender = sent.record;
    wipeAll(sent.spent);
    return sent.body;
  });
  for (const body of bodies.reverse()) {
    const read = decryptGroupMessage(provider, reader, name, body);
    reader = read.record;
    wipeAll(read.spent);
  }
  wipeDeep([sender, reader, begun.spent, joined.spent]);
}

watch();
for (const provider of [nobleProvider, nodeProvider]) {
  usePrimitives(holding(provider), checkedRandom(systemRandom));
  usePrimitives(holding(provider), checkedRandom(watchedRandom));
  useSession(holding(provider));
  useGroup(holding(provider));
}
printReport();
