/**
 * Small files in the shape of published ones, with our own numbers.
 *
 * @spec 14-vectors §1
 * Owns: folders of them. Must not know: what a good run looks like.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { toHex } from '../../protocol/bytes/bytes.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import { scriptedRandom, seededRandom } from '../support/seeded-random.ts';

/** A file's JSON, loosely typed: tests spoil it. */
export type Spoilable = { testGroups: { tests: Record<string, unknown>[]; [name: string]: unknown }[] } & Record<
  string,
  unknown
>;

/** A file of one group. */
export function wycheproofFile(
  algorithm: string,
  group: Readonly<Record<string, unknown>>,
  tests: readonly Readonly<Record<string, unknown>>[],
): Spoilable {
  const numbered = tests.map((test, i) => ({ tcId: i + 1, comment: '', flags: [], result: 'valid', ...test }));
  return {
    algorithm,
    schema: 'x',
    numberOfTests: tests.length,
    testGroups: [{ type: 'x', source: {}, ...group, tests: numbered }],
  };
}

/** Ed25519 with every form of its key beside it, as a checkout has it: two signatures, the second damaged. */
export function ed25519File(): Spoilable {
  const { publicKey, privateKey } = nodeProvider.ed25519Generate(seededRandom('ed25519'));
  const msg = new Uint8Array(5).fill(7);
  const sig = nodeProvider.ed25519Sign(privateKey, msg);
  const pk = toHex(publicKey);
  const keys = { publicKey: { type: 'EDDSAPublicKey', curve: 'edwards25519', keySize: 255, pk } };
  return wycheproofFile('EDDSA', { ...keys, publicKeyDer: '302a', publicKeyPem: '---', publicKeyJwk: { kty: 'OKP' } }, [
    { msg: toHex(msg), sig: toHex(sig) },
    { msg: toHex(msg), sig: toHex(sig.with(0, (sig[0] as number) ^ 1)), result: 'invalid' },
  ]);
}

/** ML-KEM-512: an encapsulation, and one to a key of which a coefficient is too large. */
export function encapsulationFile(): Spoilable {
  const set = 'ML-KEM-512';
  const { publicKey } = nodeProvider.kemGenerate(set, seededRandom('kem'));
  const m = seededRandom('m')(32);
  const made = nodeProvider.kemEncapsulate(set, publicKey, scriptedRandom([m]));
  const unreduced = publicKey.slice().fill(0xff, 0, 3);
  return wycheproofFile('ML-KEM', { parameterSet: set }, [
    { m: toHex(m), ek: toHex(publicKey), c: toHex(made.ciphertext), K: toHex(made.sharedSecret.expose()) },
    { m: toHex(m), ek: toHex(unreduced), c: '', K: '', result: 'invalid' },
  ]);
}

/** ML-KEM-512: a decapsulation, and a ciphertext that is too short. */
export function decapsulationFile(): Spoilable {
  const set = 'ML-KEM-512';
  const { publicKey, privateKey } = nodeProvider.kemGenerate(set, seededRandom('kem'));
  const made = nodeProvider.kemEncapsulate(set, publicKey, seededRandom('m'));
  const [seed, ek, c] = [privateKey.expose(), publicKey, made.ciphertext].map(toHex) as [string, string, string];
  return wycheproofFile('ML-KEM', { parameterSet: set }, [
    { seed, ek, c, K: toHex(made.sharedSecret.expose()) },
    { seed, c: c.slice(2), K: '', result: 'invalid' },
  ]);
}

/** Runs `act` on a folder of files: text as it is, anything else as JSON. */
export function withFolder<T>(files: Readonly<Record<string, unknown>>, act: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-vectors-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
    }
    return act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
