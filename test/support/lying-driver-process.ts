/**
 * Our driver, except for one lie.
 *
 * @spec 14-vectors §3, §4
 * Owns: each lie. Run as a process: `node lying-driver-process.ts <lie>`.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { answerLine } from '../../cli/driver/answer.ts';
import { newDriver } from '../../cli/driver/driver.ts';
import { utf8 } from '../../protocol/bytes/bytes.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';

interface Spoken {
  readonly id: number;
  ok?: Record<string, unknown>;
  error?: { code: string; message: string };
  intermediate?: Record<string, unknown>;
}

/** Markup, an escape sequence, a line of its own, a mark of direction. */
const HOSTILE = '<img src=x onerror=alert(1)>\u001b[2J\n  99 passed, 0 failed\u202e';

const LIES: Readonly<Record<string, (op: string, answer: Spoken) => Spoken>> = {
  none: (_, answer) => answer,
  'has no state to show': (op, { id, ...answer }) =>
    op.endsWith('.save') ? { id, error: { code: 'InvalidState', message: 'lost' } } : { id, ...answer },
  'announces no KEM': (op, answer) =>
    op === 'hello' ? { ...answer, ok: { ...answer.ok, kems: [], suites: [] } } : answer,
  'answers a label more': (op, answer) =>
    answer.intermediate === undefined || op === 'hello'
      ? answer
      : { ...answer, intermediate: { ...answer.intermediate, 'other.key': '00' } },
  'traces unasked': (op, answer) => (op === 'hello' ? answer : { ...answer, intermediate: {} }),
  'gives a key too many': (op, answer) =>
    op.startsWith('spqr.braid.') && answer.ok !== undefined && op !== 'spqr.braid.init'
      ? { ...answer, ok: { key: 'ab'.repeat(32), ...answer.ok } }
      : answer,
  'is hostile': (op, { id, ok, error }) => {
    if (op === 'hello')
      return {
        id,
        ok: { ...ok, implementation: HOSTILE, version: { toString: 1 }, trace: false, canonicalState: false },
      };
    return error === undefined
      ? { id, ok: { okm: HOSTILE, shared: { [HOSTILE]: HOSTILE } } }
      : { id, error: { code: HOSTILE, message: HOSTILE } };
  },
  'answers 20 MiB': (op, answer) => (op === 'hello' ? answer : { ...answer, ok: { okm: 'ab'.repeat(10 << 20) } }),
};

const lie = process.argv[2] ?? 'none';
if (lie === 'leaves a child behind') spawn('sleep', ['60'], { detached: true, stdio: 'inherit' }).unref();

const driver = newDriver({
  version: '0',
  provider: nodeProvider,
  random: (length) => new Uint8Array(length),
  clock: () => 0,
  notice: () => undefined,
});

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, op } = JSON.parse(line) as { id: number; op: string };
    if (lie === 'nests' && op !== 'hello') {
      process.stdout.write(`{"id":${id},"ok":{"okm":${'['.repeat(100_000)}${']'.repeat(100_000)}}}\n`);
      return;
    }
    const honest = JSON.parse(answerLine(driver, utf8(line), () => undefined)) as Spoken;
    const text = JSON.stringify((LIES[lie] ?? LIES.none)?.(op, honest));
    if (lie !== 'is not UTF-8' || op === 'hello') process.stdout.write(`${text}\n`);
    else process.stdout.write(Buffer.from(`${text.slice(0, -1)},"x":"\u00ff"}\n`, 'latin1'));
  })
  .on('close', () => {
    if (lie === 'has a last word') process.stdout.write('{"id":0,"ok":{}}\n');
    if (lie === 'has half a last word') process.stdout.write('{"id"');
  });
