/**
 * A driver that behaves as long as it is told to, and then does not.
 *
 * @spec 14-vectors §4
 * Owns: each way to break the protocol of lines. Run as a process: `node bad-driver-process.ts <way> <answers before it>`.
 */
import { createInterface } from 'node:readline';

const [way = '', after = '0'] = process.argv.slice(2);
const OPS = ['hello', 'hkdf', 'chain.step'];
const HELLO = { implementation: 'bad', version: '1', suites: [] };
let answered = -1;

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

const oneLabel = (id: number) => say({ id, ok: { okm: '00' }, intermediate: { 'hkdf.prk': '22' } });
const TRACES: Readonly<Record<string, unknown>> = { 'one label': ['hkdf.prk'], 'one label of all': true };

const WAYS: Readonly<Record<string, (id: number) => void>> = {
  hangs: () => undefined,
  dies: () => process.exit(3),
  'dies loudly': () => {
    process.stderr.write('out of memory\n');
    process.exit(1);
  },
  'other id': (id) => say({ id: id + 1, ok: {} }),
  'old id': (id) => say({ id: id - 1, ok: {} }),
  'no json': () => process.stdout.write('Segmentation fault\n'),
  'neither ok nor error': (id) => say({ id }),
  'both ok and error': (id) => say({ id, ok: {}, error: { code: 'InvalidKey', message: '' } }),
  'talks twice': (id) => {
    say({ id, ok: { okm: '' } });
    say({ id, ok: { okm: '' } });
  },
  flood: () => {
    const chunk = 'x'.repeat(1 << 20);
    const pour = () => {
      while (process.stdout.write(chunk));
      process.stdout.once('drain', pour);
    };
    pour();
  },
  'one label': oneLabel,
  'one label of all': oneLabel,
  // Answers, but wrongly.
  wrong: (id) => say({ id, ok: { okm: '00' } }),
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, op } = JSON.parse(line) as { id: number; op: string };
  answered += 1;
  if (op === 'hello') {
    if (way === 'no hello') say({ id, error: { code: 'UnsupportedOperation', message: 'unknown' } });
    else if (way === 'no word') return;
    else say({ id, ok: { ...HELLO, ops: way === 'no ops' ? [] : OPS, trace: TRACES[way] ?? false } });
  } else if (answered > Number(after)) WAYS[way]?.(id);
  else say({ id, error: { code: 'InvalidArgument', message: 'not yet' } });
});
