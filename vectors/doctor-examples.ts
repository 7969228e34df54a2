/**
 * The worked examples of the doctor: `node vectors/doctor-examples.ts --write` makes the files again.
 *
 * @spec 16-doctor §2
 * Owns: what is in `vectors/doctor/`. All keys are made of fixed seeds: they protect nothing.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { concat, toHex, utf8 } from '../protocol/bytes/bytes.ts';
import { getKem } from '../protocol/crypto/kem.ts';
import { nobleProvider as provider } from '../protocol/crypto/noble.ts';

/** Bytes that anybody can make again: SHAKE256 of a name. */
const fixed = (name: string, length: number) => provider.shake256(utf8(`pawl doctor example: ${name}`), length);

function roundThree(): Record<string, Uint8Array> {
  const kem = getKem('ML-KEM-1024');
  const pair = kem.fromSeed(provider, fixed('round three, seed', 64));
  const { ciphertext, sharedSecret } = kem.encapsulate(provider, pair.publicKey, () => fixed('round three, coins', 32));
  const other = getKem('Kyber-1024-r3').decapsulate(provider, pair.privateKey, ciphertext);
  return { public: pair.publicKey, ciphertext, alice: sharedSecret.expose(), bob: other.expose() };
}

function swappedSeed(): Record<string, Uint8Array> {
  const seed = fixed('swapped seed', 64);
  const pair = getKem('ML-KEM-768').fromSeed(provider, concat(seed.subarray(32), seed.subarray(0, 32)));
  return { public: pair.publicKey, seed };
}

function rejected(): Record<string, Uint8Array> {
  const kem = getKem('ML-KEM-768');
  const pair = kem.fromSeed(provider, fixed('rejected, seed', 64));
  const coins = fixed('rejected, coins', 32);
  const { ciphertext, sharedSecret } = kem.encapsulate(provider, pair.publicKey, () => coins.slice());
  const damaged = ciphertext.slice();
  damaged[100] = (damaged[100] as number) ^ 1;
  const mine = kem.decapsulate(provider, pair.privateKey, damaged);
  const expanded = provider.kemExpand('ML-KEM-768', pair.privateKey).expose();
  return { private: expanded, ciphertext: damaged, mine: mine.expose(), theirs: sharedSecret.expose() };
}

/** Path below `vectors/doctor/` → text. */
export function doctorExamples(): ReadonlyMap<string, string> {
  const cases = { 'round-three': roundThree(), 'swapped-seed': swappedSeed(), rejected: rejected() };
  return new Map(
    Object.entries(cases).flatMap(([name, files]) =>
      Object.entries(files).map(([file, bytes]) => [`${name}/${file}.hex`, `${toHex(bytes)}\n`] as const),
    ),
  );
}

if (import.meta.main && process.argv.includes('--write')) {
  for (const [path, text] of doctorExamples()) {
    const file = join(import.meta.dirname, 'doctor', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
