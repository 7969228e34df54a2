/**
 * ML-KEM-768 in two halves.
 *
 * @spec 15-driver-lab §5
 * Owns: what stands between the halves of an encapsulation: m ‖ ct1. Must not know: chunks, epochs.
 */
import { concat } from '../../protocol/bytes/bytes.ts';
import { Secret, wipeAll } from '../../protocol/bytes/secret.ts';
import {
  CT1_BYTES,
  CT2_BYTES,
  checkKeyVector,
  EK_HEADER_BYTES,
  EK_VECTOR_BYTES,
  encapsulate1,
  encapsulate2,
  splitKey,
} from '../../protocol/crypto/incremental-ml-kem.ts';
import { assertLength } from '../../protocol/crypto/inputs.ts';
import { getKem } from '../../protocol/crypto/kem.ts';
import { KEM_COINS_BYTES, KEM_SEED_BYTES } from '../../protocol/crypto/provider.ts';
import { checkedRandom } from '../../protocol/crypto/random.ts';
import { hex } from './hex.ts';
import { chosenRandom, kemKeyPair } from './keys.ts';
import { type Operation, operation } from './operation.ts';
import { bytes, bytesOfLength } from './values.ts';

const KEM = getKem('ML-KEM-768');
const coins = bytesOfLength(KEM_COINS_BYTES).optional();
const state = bytesOfLength(KEM_COINS_BYTES + CT1_BYTES);

const keygen = operation(
  'kem.incremental.keygen',
  { seed: bytesOfLength(KEM_SEED_BYTES).optional() },
  ({ seed }, { provider, random }) => {
    const pair = seed === undefined ? KEM.generate(provider, checkedRandom(random)) : KEM.fromSeed(provider, seed);
    const expanded = provider.kemExpand(KEM.parameterSet, pair.privateKey);
    const { header, vector } = splitKey(provider, pair.publicKey);
    const answer = { header: hex(header), encapsulationKey: hex(vector), private: hex(expanded.expose()) };
    wipeAll([pair.privateKey, expanded]);
    return answer;
  },
);

const encaps1 = operation('kem.incremental.encaps1', { header: bytes, random: coins }, (args, { provider, random }) => {
  assertLength(args.header, EK_HEADER_BYTES, 'header');
  const source = args.random === undefined ? checkedRandom(random) : chosenRandom(args.random);
  const made = encapsulate1(provider, args.header, source);
  const begun = concat(made.coins.expose(), made.ct1);
  const answer = { ciphertext1: hex(made.ct1), state: hex(begun), shared: hex(made.sharedSecret.expose()) };
  wipeAll([made.coins, made.sharedSecret]);
  begun.fill(0);
  return answer;
});

const encaps2 = operation(
  'kem.incremental.encaps2',
  { state, header: bytes, encapsulationKey: bytes },
  (args, { provider }) => {
    assertLength(args.header, EK_HEADER_BYTES, 'header');
    assertLength(args.encapsulationKey, EK_VECTOR_BYTES, 'encapsulationKey');
    // @req DRV-28
    checkKeyVector(provider, args.header, args.encapsulationKey);
    const m = new Secret<'KemCoins'>(args.state.slice(0, KEM_COINS_BYTES));
    const ct1 = args.state.subarray(KEM_COINS_BYTES);
    const ct2 = encapsulate2(provider, args.header, args.encapsulationKey, m, ct1);
    wipeAll([m]);
    return { ciphertext2: hex(ct2) };
  },
);

const decaps = operation(
  'kem.incremental.decaps',
  { private: bytes, ciphertext1: bytes, ciphertext2: bytes },
  (args, { provider }) => {
    assertLength(args.ciphertext1, CT1_BYTES, 'ciphertext1', 'InvalidMessage');
    assertLength(args.ciphertext2, CT2_BYTES, 'ciphertext2', 'InvalidMessage');
    const { privateKey } = kemKeyPair(provider, KEM, args.private, 'private');
    const shared = KEM.decapsulate(provider, privateKey, concat(args.ciphertext1, args.ciphertext2));
    const answer = { shared: hex(shared.expose()) };
    wipeAll([privateKey, shared]);
    return answer;
  },
);

/** The operations on ML-KEM-768 in two halves. */
export const incrementalKemOperations: readonly Operation[] = [keygen, encaps1, encaps2, decaps];
