/**
 * Lines in and lines out.
 *
 * @spec 11-driver §1, §2
 */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineSplitter } from '../../cli/driver/lines.ts';
import { runDriver } from '../../cli/driver/loop.ts';
import { concat, fromUtf8, utf8 } from '../../protocol/bytes/bytes.ts';
import {
  type Answer,
  answerTo,
  DriverProcess,
  newDriver,
  PAWL,
  request,
  stateOf,
  twoDevices,
} from '../support/driver.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';

/** The answers of a process to some input. */
function run(input: string | Uint8Array) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PAWL, 'driver'], { input, encoding: 'utf8' });
  expect(stdout === '' || stdout.endsWith('\n')).toBe(true);
  const lines = stdout.split('\n').slice(0, -1);
  return { status, stderr, answers: lines.map((line) => JSON.parse(line) as Answer) };
}

const refused = (id: number | null, code: string, message: string) => ({ id, error: { code, message } });

describe('a process', () => {
  test('[DRV-01] [DRV-02] [DRV-16] answers each line once, in order, blank ones not at all, and ends with its input', () => {
    const lines = ['', request('hello', {}, 1), ' \t\r', 'what', '{"id":2,"op":"none"}\r', request('hello', {}, 3)];
    for (const ending of ['', '\n', '\n\n']) {
      const { status, stderr, answers } = run(lines.join('\n') + ending);
      expect(answers.map(({ id }) => id)).toEqual([1, null, 2, 3]);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    }
    expect(run('')).toEqual({ status: 0, stderr: '', answers: [] });
  });

  test('[DRV-02] [DRV-03] reads a line of 1 MiB, and of no more than 64 MiB', () => {
    const message = 'ab'.repeat(512 * 1024);
    const key = '77'.repeat(32);
    const tooLong = `{"id":7,"op":"hello","args":{"x":"${'f'.repeat(64 * 1024 * 1024)}"}}`;
    const { answers } = run(`${request('xeddsa.sign', { private: key, message })}\n${tooLong}\n${request('hello')}`);
    expect(answers).toHaveLength(3);
    expect(answers[0]?.ok.signature).toMatch(/^[0-9a-f]{128}$/);
    expect(answers[1]).toEqual(refused(null, 'InvalidArgument', 'line-too-long [line]'));
    expect(answers[2]?.ok.protocol).toBe(1);
  });

  test('[DRV-16] ends without a word where nobody reads its answers', async () => {
    const driver = new DriverProcess();
    await driver.ok('hello');
    driver.deafen();
    expect(await driver.exit).toBe(0);
    expect(driver.errors).toBe('');
  });

  test('[CNV-20] --help teaches, wrong usage is 2', () => {
    const help = spawnSync(process.execPath, [PAWL, 'driver', '--help'], { encoding: 'utf8' });
    expect(help.status).toBe(0);
    for (const word of ['device.create', 'session.encrypt', 'spec/11-driver.md']) expect(help.stdout).toContain(word);
    expect(spawnSync(process.execPath, [PAWL, 'driver', '--fast']).status).toBe(2);
  });
});

describe('cutting', () => {
  const pieces = (bytes: Uint8Array, sizes: readonly number[]) => {
    const out: Uint8Array[] = [];
    let at = 0;
    for (const size of sizes) {
      out.push(bytes.slice(at, at + size));
      at += size;
    }
    return [...out, bytes.slice(at)];
  };

  test('[DRV-02] lines do not depend on how the bytes arrive', () => {
    const text = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', ' ', '\r', '\n', '\u2028') }), { maxLength: 8 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(5)), (parts, sizes) => {
        const bytes = utf8(parts.join('\n'));
        const splitter = new LineSplitter(12);
        const lines = pieces(bytes, sizes).flatMap((piece) => splitter.push(piece));
        const read = [...lines, ...splitter.end()].map((line) => (line === 'too-long' ? line : fromUtf8(line, 'line')));
        const expected = parts
          .join('\n')
          .split('\n')
          .map((line) => (utf8(line).length > 12 ? 'too-long' : line))
          .filter((line) => line === 'too-long' || /[^ \t\r]/.test(line));
        expect(read).toEqual(expected);
      }),
    );
  });

  test('[DRV-02] a line too long to read is not kept', () => {
    const splitter = new LineSplitter(1000);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 2000; i++) expect(splitter.push(new Uint8Array(100_000).fill(0x61))).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(150_000_000);
    expect(splitter.push(utf8('\nb\n'))).toEqual(['too-long', utf8('b')]);
  });
});

describe('requests', () => {
  test.each([
    ['nothing', 'not-json [line]'],
    ['{"id":1', 'not-json [line]'],
    [`${'['.repeat(100_000)}`, 'not-json [line]'],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'wrong-type [request]'],
    ['\ufeff{"id":1,"op":"hello"}', 'not-json [line]'],
    ['null', 'wrong-type [request]'],
    ['[]', 'wrong-type [request]'],
    ['7', 'wrong-type [request]'],
    ['{}', 'bad-id [id]'],
    ['{"op":"hello"}', 'bad-id [id]'],
    ['{"id":null,"op":"hello"}', 'bad-id [id]'],
    ['{"id":"1","op":"hello"}', 'bad-id [id]'],
    ['{"id":1e400,"op":"hello"}', 'bad-id [id]'],
    ['{"id":9007199254740993,"op":"hello"}', 'bad-id [id]'],
    ['{"__proto__":{"id":1},"op":"hello"}', 'bad-id [id]'],
  ])('[DRV-03] [DRV-08] %.40s has no id to answer to', (line, message) => {
    expect(answerTo(newDriver(), line)).toEqual(refused(null, 'InvalidArgument', message));
  });

  test('[DRV-03] bytes that are no UTF-8 are refused, not guessed at', () => {
    const line = concat(utf8('{"id":1,"op":"hello'), Uint8Array.of(0xff), utf8('"}'));
    expect(answerTo(newDriver(), line)).toEqual(refused(null, 'InvalidArgument', 'bad-utf8 [line]'));
  });

  test.each([
    ['{"id":-1.5}', -1.5, 'InvalidArgument', 'missing-field [op]'],
    ['{"id":5,"op":7}', 5, 'InvalidArgument', 'wrong-type [op]'],
    ['{"id":5,"op":"hello","more":1}', 5, 'InvalidArgument', 'unknown-field [request]'],
    ['{"id":5,"op":"hello","__proto__":1}', 5, 'InvalidArgument', 'unknown-field [request]'],
    ['{"id":5,"op":"hello","args":null}', 5, 'InvalidArgument', 'wrong-type [args]'],
    ['{"id":5,"op":"hello","args":[]}', 5, 'InvalidArgument', 'wrong-type [args]'],
    ['{"id":9007199254740991,"op":"hello","args":"x"}', 9007199254740991, 'InvalidArgument', 'wrong-type [args]'],
    ['{"id":6,"op":"Hello"}', 6, 'UnsupportedOperation', 'unknown-operation [op]'],
    ['{"id":6,"op":"constructor"}', 6, 'UnsupportedOperation', 'unknown-operation [op]'],
    ['{"id":6,"op":"__proto__","args":{}}', 6, 'UnsupportedOperation', 'unknown-operation [op]'],
  ])('[DRV-03] [DRV-08] %s is answered to its id', (line, id, code, message) => {
    expect(answerTo(newDriver(), line)).toEqual(refused(id, code, message));
  });
});

describe('whatever comes', () => {
  const ops: string[] = answerTo(newDriver(), request('hello')).ok.ops;
  const names = [
    ...[
      'device',
      'remote',
      'local',
      'sender',
      'bundle',
      'private',
      'public',
      'message',
      'seed',
      'random',
      'kem',
      'now',
    ],
    ...[
      'body',
      'type',
      'plaintext',
      'distributionId',
      'distribution',
      'state',
      'suite',
      'suites',
      '__proto__',
      'toString',
    ],
    ...[
      'trace',
      'ratchet',
      'chain',
      'braid',
      'header',
      'epoch',
      'index',
      'direction',
      'pqRatchetKey',
      'payload',
      'fields',
    ],
  ];
  const value = fc.oneof(
    fc.constantFrom(
      'device-1',
      'device-2',
      'ratchet-1',
      'chain-1',
      'braid-1',
      'A2B',
      '00'.repeat(32),
      'prekey',
      'message',
      'Kyber-1024-r3',
      { name: 'bob', deviceId: 1 },
    ),
    fc.constantFrom(
      0,
      -1,
      2 ** 32,
      1e21,
      true,
      null,
      '',
      'AA',
      'abc',
      '05'.repeat(33),
      'ff'.repeat(64),
      '{}',
      '\ud800',
    ),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const args = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 });
  const plausible = fc
    .record({
      id: fc.oneof(fc.nat(), value),
      op: fc.oneof(fc.constantFrom(...ops), value),
      args: fc.oneof(args, value),
    })
    .map((json) => utf8(JSON.stringify(json)));
  const line = fc
    .oneof(plausible, fc.json().map(utf8), fc.string({ unit: 'binary' }).map(utf8), fc.uint8Array({ maxLength: 60 }))
    .filter((bytes) => !bytes.includes(0x0a) && bytes.some((byte) => ![0x20, 0x09, 0x0d].includes(byte)));

  test('[DRV-01] [DRV-03] [DRV-05] one line an answer, nothing thrown, nothing changed by a refusal', async () => {
    const faults: unknown[] = [];
    let { driver } = twoDevices({ seed: '5e'.repeat(32) });
    let count = 0;
    const property = fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 20 }), async (lines) => {
      if (driver.devices.size > 8) driver = twoDevices({ seed: '5e'.repeat(32) }).driver;
      const out: string[] = [];
      let state = stateOf(driver);
      const write = async (text: string) => {
        expect(text.indexOf('\n')).toBe(text.length - 1);
        const answer = JSON.parse(text) as Answer;
        expect('ok' in answer).toBe(!('error' in answer));
        const after = stateOf(driver);
        if ('error' in answer) expect(after).toBe(state);
        state = after;
        out.push(text);
      };
      async function* input() {
        for (const bytes of lines) yield concat(bytes, utf8('\n'));
      }
      await runDriver(driver, input(), write, (_op, error) => faults.push(error));
      expect(out).toHaveLength(lines.length);
      expect(faults).toEqual([]);
      count += lines.length;
    });
    await fc.assert(property, { numRuns: scaled(200, 20_000) });
    reportCount('DRV-03', 'arbitrary lines', count);
  });
});
