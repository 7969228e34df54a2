/**
 * A process that uses secrets, wipes them, and then searches its own memory for them; prints one line of JSON.
 *
 * @spec 01-keys §7
 * Owns: the list of what was wiped: every `Secret` of 32 bytes or more that anything below wiped, planted ones apart.
 * Must not know: verdicts; `erasure.test.ts` has them. Run with `--expose-gc`.
 */
import { EMPTY } from '../../protocol/bytes/bytes.ts';
import { Secret, wipeAll } from '../../protocol/bytes/secret.ts';
import { encodeKemKey, encodePublicKey } from '../../protocol/codec/keys.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { nodeProvider, systemRandom } from '../../protocol/crypto/node.ts';
import type { CryptoProvider, EcKeyPair, RandomSource } from '../../protocol/crypto/provider.ts';
import { checkedRandom } from '../../protocol/crypto/random.ts';
import { createKemPreKey, createPreKey, createSignedPreKey } from '../../protocol/handshake/prekeys.ts';
import type { SessionEnvironment, SessionRecord } from '../../protocol/session/session.ts';
import { decryptMessage, decryptPreKeyMessage, encryptMessage, processBundle } from '../../protocol/session/session.ts';
import { PQXDH, TEST_NOW, uuidOf } from '../support/peers.ts';
import { NEEDLE_BYTES, Needles, scanMemory } from './memory-scan.ts';

const EXPANDED_KEY_BYTES = nobleProvider.kemLengths('ML-KEM-1024').expandedKey;
const MAX_ROUNDS = 8;
/** Label of secrets that were BigInts in curve arithmetic, numbers and agreements, which nothing can erase. */
const NUMBER = 'number';

const wiped = new Needles();
const numbers = new Needles();
/** What would be garbage by the time of the scan, kept so that it is found unless it was erased. */
const held: Uint8Array[] = [];

/**
 * From now on each wiped secret is remembered masked, and its bytes kept, which must be empty. The secret itself is not kept,
 * because the platform's key object goes with it.
 */
function watchWiping(): void {
  const wipe = Secret.prototype.wipe;
  Secret.prototype.wipe = function watched(this: Secret) {
    if (!this.wiped) {
      const bytes = this.expose();
      wiped.add(numbers.find(bytes, bytes.length)[0] ?? `wiped at ${callSite('watched')}`, bytes);
      held.push(bytes);
    }
    wipe.call(this);
  };
}

/** `file:line` of the caller's caller, when that is in `protocol/`; else the empty string. */
function callSite(inside: string): string {
  const lines = (new Error('where').stack ?? '').split('\n');
  const caller = lines[lines.findIndex((line) => line.includes(inside)) + 1] ?? '';
  return /protocol\/[^)]*/.exec(caller)?.[0] ?? '';
}

/** From now on each byte string that code in `protocol/` makes is kept: an intermediate copy has to be erased too. */
function holdBytes(): void {
  const { slice } = Uint8Array.prototype;
  Uint8Array.prototype.slice = function heldSlice(this: Uint8Array<ArrayBuffer>, ...range) {
    const made = slice.apply(this, range);
    if (callSite('heldSlice') !== '') held.push(made);
    return made;
  };
  globalThis.Uint8Array = new Proxy(Uint8Array, {
    construct(target, args, newTarget) {
      const made: Uint8Array = Reflect.construct(target, args, newTarget === Uint8Array ? target : newTarget);
      // Libraries clean up after themselves or not; the expanded KEM key, though, is handed to us.
      if (made.length === EXPANDED_KEY_BYTES || callSite('Object.construct') !== '') held.push(made);
      return made;
    },
  });
}

/** `provider`, with each byte string that it returns kept and each result of curve arithmetic known as one. */
function holding(provider: CryptoProvider): CryptoProvider {
  return new Proxy({} as CryptoProvider, {
    get(_, name) {
      const member: unknown = Reflect.get(provider, name);
      if (typeof member !== 'function') return member;
      return (...args: readonly unknown[]): unknown => {
        const result: unknown = Reflect.apply(member, provider, args);
        if (result instanceof Uint8Array) held.push(result);
        else if (/25519/.test(String(name))) numbers.add(NUMBER, secretOf(result));
        return result;
      };
    },
  });
}

function secretOf(result: unknown): Uint8Array {
  if (result instanceof Secret) return result.expose();
  const { privateKey } = Object(result) as Partial<EcKeyPair>;
  return privateKey?.expose() ?? EMPTY;
}

/** Wipes every secret that can be reached. */
function wipeDeep(value: unknown): void {
  if (value instanceof Secret) value.wipe();
  else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value))
    Object.values(value).forEach(wipeDeep);
}

/** A source whose every draw has to be gone in the end. */
function watchedRandom(length: number): Uint8Array {
  const drawn = systemRandom(length);
  wiped.add(NUMBER, drawn);
  held.push(drawn);
  return drawn;
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
  const begun = processBundle(alice.env, null, {
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
  });
  alice.record = begun.record;
  wipeAll(begun.spent);
  const lookup = {
    signedPreKey: () => signed.keyPair,
    kemPreKey: () => ({ kem: 'ML-KEM-1024', ...kem.keyPair }) as const,
    oneTimePreKey: () => oneTime.keyPair,
    baseKeySeen: () => false,
  };
  for (let turn = 0; turn < 6; turn++) {
    const [from, to] = turn % 2 === 0 ? [alice, bob] : [bob, alice];
    const sent = encryptMessage(from.env, from.record as SessionRecord, new Uint8Array(20));
    from.record = sent.record;
    wipeAll(sent.spent);
    const read =
      sent.type === 'prekey'
        ? decryptPreKeyMessage(to.env, to.record, sent.body, lookup)
        : decryptMessage(to.env, to.record as SessionRecord, sent.body);
    to.record = read.record;
    wipeAll(read.spent);
  }
  wipeDeep([alice, bob, signed, oneTime, kem]);
}

/**
 * Makes the engine reuse the memory of dead objects: what its collector moved or left behind, and what libraries dropped,
 * is out of this project's hands, but goes once memory is reused. What is kept alive does not.
 */
function reuseMemory(): void {
  const objects: unknown[] = [];
  // Of every small size, because a hole is filled by what fits.
  for (let i = 0; i < 200_000; i++) objects.push(new Uint8Array(8 * (i % 9)).fill(i), (1n << BigInt(i % 512)) + 1n);
  collect();
  objects.length = 0;
  collect();
}

function collect(): void {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run with --expose-gc');
  gc();
}

/** Kept and unwiped: a whole secret, and one in the middle of other data. */
const canaries = [systemRandom(NEEDLE_BYTES), systemRandom(4096)] as const;
const planted = new Needles();
planted.add('whole', canaries[0]);
planted.add('inside', canaries[1].subarray(1001, 1001 + NEEDLE_BYTES));

watchWiping();
const original = globalThis.Uint8Array;
holdBytes();
for (const provider of [nobleProvider, nodeProvider]) {
  usePrimitives(holding(provider), checkedRandom(systemRandom));
  usePrimitives(holding(provider), checkedRandom(watchedRandom));
  useSession(holding(provider));
}
globalThis.Uint8Array = original;

// What is kept is looked at first: this part does not depend on what the engine does with dead objects.
const unerased = held.flatMap((bytes) => wiped.find(bytes, bytes.length));
const { found: canariesFound } = scanMemory(planted);
let [rounds, scan] = [0, scanMemory(wiped)];
while (scan.found.some((label) => label !== NUMBER) && rounds < MAX_ROUNDS) {
  reuseMemory();
  scan = scanMemory(wiped);
  rounds++;
}
const figures = { secrets: wiped.count, kept: held.length + canaries.length, rounds, bytes: scan.bytes };
process.stdout.write(JSON.stringify({ canariesFound, unerased, found: scan.found, ...figures }));
