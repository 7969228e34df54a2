/**
 * A driver over one release of libsignal, 0.103.0 unless another is named: `npm run -s driver:libsignal -- 0.92.2`.
 *
 * @spec 12-interop §2
 * Owns: the process: lines in, answers out, one after the other; fetching the release where it is missing. Must not know: operations.
 */
import { createInterface } from 'node:readline';
import { DriverFailure, translate } from './libsignal/failure.ts';
import { loadLibrary } from './libsignal/library.ts';
import { Operations } from './libsignal/operations.ts';
import { install, REFERENCE } from './releases.ts';

interface Request {
  readonly id: number;
  readonly op: string;
  readonly args: Readonly<Record<string, unknown>>;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(line: string): Request {
  const value: unknown = JSON.parse(line);
  if (!isObject(value)) throw new DriverFailure('InvalidArgument', 'not an object');
  const { id, op, args = {} } = value;
  if (typeof id !== 'number' || typeof op !== 'string' || !isObject(args)) {
    throw new DriverFailure('InvalidArgument', 'not a request');
  }
  return { id, op, args };
}

async function answer(operations: Operations, line: string): Promise<object> {
  let id: number | null = null;
  try {
    const request = parse(line);
    id = request.id;
    const run = operations.table.get(request.op);
    if (run === undefined) throw new DriverFailure('UnsupportedOperation', request.op);
    return { id, ok: await Promise.resolve(run(request.args)) };
  } catch (error) {
    const { code, message } = translate(error);
    return { id, error: { code, message } };
  }
}

async function main(): Promise<void> {
  const [version = REFERENCE] = process.argv.slice(2);
  await install(version, (line) => process.stderr.write(`${line}\n`));
  const operations = new Operations(loadLibrary(version));
  process.stdout.on('error', () => process.exit(0));
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() !== '') process.stdout.write(`${JSON.stringify(await answer(operations, line))}\n`);
  }
}

await main();
