/**
 * Secrets do not print, however one tries.
 *
 * @spec 00-conventions §6
 */
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { format, inspect } from 'node:util';
import { serialize } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../protocol/bytes/bytes.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { systemRandom } from '../../protocol/crypto/node.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { conversation, PROVIDERS } from '../support/peers.ts';
import { refusal } from '../support/refusal.ts';
import { reportCount } from '../support/report.ts';

/** Every form in which bytes could slip into a text: hex, base64, a list of numbers. A third of the secret is enough. */
function spellings(secret: Uint8Array): string[] {
  const part = Buffer.from(secret.subarray(0, 12));
  const numbers = [...part].slice(0, 6);
  return [
    part.toString('hex'),
    part.toString('base64'),
    part.toString('latin1'),
    numbers.join(','),
    numbers.join(', '),
  ];
}

function printed(value: unknown): string {
  const chunks: string[] = [];
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  const printer = new Console({ stdout, inspectOptions: { showHidden: true, depth: 20 } });
  printer.log(value);
  printer.error(value);
  printer.dir(value, { showHidden: true, depth: 20 });
  printer.table([value]);
  return chunks.join('');
}

function thrown(value: unknown): string {
  const errors = [
    new Error(String(value)),
    new Error('cause', { cause: value }),
    new AggregateError([value], 'several'),
  ];
  return errors.map((error) => inspect(error, { depth: 20, showHidden: true }) + String(error.stack)).join('');
}

/** The bytes of what postMessage and structuredClone would send, or the error where they refuse. */
function cloned(value: unknown): string {
  try {
    return serialize(structuredClone(value)).toString('latin1') + inspect(structuredClone(value), { depth: 20 });
  } catch (error) {
    return inspect(error, { depth: 20 });
  }
}

/** All own properties, hidden ones and symbols too. */
function ownValues(value: Record<PropertyKey, unknown>): string {
  return Reflect.ownKeys(value)
    .map((key) => String(value[key]))
    .join();
}

const WAYS: readonly { readonly way: string; readonly print: (value: unknown) => string }[] = [
  { way: 'String', print: (value) => `${value}` },
  { way: 'JSON.stringify', print: (value) => JSON.stringify(value) ?? '' },
  { way: 'util.inspect', print: (value) => inspect(value, { depth: 20, showHidden: true, getters: true }) },
  { way: 'util.format', print: (value) => format('%s %o %O %j', value, value, value, value) },
  { way: 'console', print: printed },
  { way: 'Error', print: thrown },
  { way: 'structuredClone', print: cloned },
  { way: 'properties', print: (value) => ownValues(Object(value)) },
];

describe.each(WAYS)('$way', ({ print }) => {
  test('[JS-04] [CNV-06] shows nothing of a secret, alone or inside an object', () => {
    const bytes = systemRandom(32);
    const secret = new Secret<'Test'>(bytes);
    for (const value of [secret, { secret }, [secret], { deep: { list: [secret] } }, secret.clone()]) {
      const text = print(value);
      for (const spelling of spellings(bytes)) expect(text).not.toContain(spelling);
    }
    // The same check finds bytes that are not wrapped, wherever this way of printing shows them at all.
    const shown = [bytes, Buffer.from(bytes), toHex(bytes)].map(print).join('');
    expect(spellings(bytes).some((spelling) => shown.includes(spelling))).toBe(true);
  });
});

test('[JS-04] [CNV-06] a secret prints as [secret]', () => {
  const secret = new Secret<'Test'>(systemRandom(32));
  expect([`${secret}`, JSON.stringify(secret), inspect(secret)]).toEqual(['[secret]', '"[secret]"', '[secret]']);
});

describe.each(PROVIDERS)('printing, $name', (provider) => {
  test('[JS-04] a session record, key pairs and a KEM key print without a byte of their secrets', () => {
    const [alice, bob] = conversation({ provider });
    const values = [
      alice.record(bob),
      alice.identity,
      provider.ed25519Generate(systemRandom),
      provider.kemGenerate('ML-KEM-1024', systemRandom),
    ];
    const secrets: Uint8Array[] = [];
    const collect = (value: unknown): void => {
      if (value instanceof Secret && value.length >= 16) secrets.push(value.expose());
      else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value))
        Object.values(value).forEach(collect);
    };
    values.forEach(collect);
    expect(secrets.length).toBeGreaterThan(5);
    for (const { print } of WAYS) {
      const text = values.map(print).join('');
      for (const secret of secrets) for (const spelling of spellings(secret)) expect(text).not.toContain(spelling);
    }
    reportCount('JS-04', 'secrets looked for in printed objects', secrets.length * WAYS.length);
  });

  test('[JS-04] [CNV-04] refusals name the check and hold no input', () => {
    const marked = new Uint8Array(32).fill(0xdd);
    const { privateKey, publicKey } = provider.x25519Generate(systemRandom);
    const kem = provider.kemGenerate('ML-KEM-768', systemRandom);
    const errors = [
      refusal(() => provider.x25519FromPrivate(marked.subarray(1))),
      refusal(() => provider.x25519Agree(privateKey, new Uint8Array(32))),
      refusal(() => provider.x25519Agree(privateKey, marked.subarray(1))),
      refusal(() => provider.kemFromSeed('ML-KEM-768', marked)),
      refusal(() => provider.kemDecapsulate('ML-KEM-768', kem.privateKey, marked)),
      refusal(() => provider.kemCheckPublicKey('ML-KEM-768', new Uint8Array(1184).fill(0xdd))),
      refusal(() => provider.aes256CbcDecrypt(marked, publicKey.subarray(0, 16), new Uint8Array(32).fill(0xdd))),
    ];
    for (const error of errors) {
      expect(error).toBeInstanceOf(ProtocolError);
      expect(error.cause).toBeUndefined();
      const text = WAYS.map(({ print }) => print(error)).join('') + inspect(error, { showHidden: true, depth: 20 });
      expect(text).not.toMatch(/dddd|221,\s?221|3d3d/i);
      for (const spelling of spellings(privateKey.expose())) expect(text).not.toContain(spelling);
      expect(Object.keys(error).sort()).toEqual(['code', 'field', 'name', 'reason', 'stage']);
    }
  });
});
