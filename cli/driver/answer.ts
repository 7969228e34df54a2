/**
 * One line in, one line out.
 *
 * @spec 11-driver §1, §2
 * Owns: reading a request, the shape of an answer, that nothing thrown gets past here. Must not know: streams, single operations.
 * Errors name a reason and a field, never a value.
 */
import { fromUtf8 } from '../../protocol/bytes/bytes.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Driver } from './driver.ts';
import type { Outcome } from './operation.ts';
import { OPERATIONS } from './table.ts';

const ENVELOPE: readonly string[] = ['id', 'op', 'args'];

type Id = number | null;

/** A refusal that is no refusal of the protocol's: a fault of ours. */
export type Fault = (op: string, error: unknown) => void;

function malformed(reason: string, field: string): ProtocolError {
  return new ProtocolError('InvalidArgument', 'parse', reason, field);
}

/** The answer to a request that failed. */
export function refusalLine(id: Id, code: ErrorCode, reason: string, field?: string): string {
  // @req DRV-04
  return JSON.stringify({ id, error: { code, message: field === undefined ? reason : `${reason} [${field}]` } });
}

function parseJson(line: Uint8Array): unknown {
  const text = fromUtf8(line, 'line');
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('not-json', 'line');
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A number that goes out as it came in. */
function isId(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

function perform(
  driver: Driver,
  request: Readonly<Record<string, unknown>>,
  id: Id,
): { op: string; run: () => Outcome } {
  const { op, args = {} } = request;
  if (id === null) throw malformed('bad-id', 'id');
  if (typeof op !== 'string') throw malformed(op === undefined ? 'missing-field' : 'wrong-type', 'op');
  if (!Object.keys(request).every((key) => ENVELOPE.includes(key))) throw malformed('unknown-field', 'request');
  const found = OPERATIONS.get(op);
  // @req DRV-08
  if (found === undefined) throw new ProtocolError('UnsupportedOperation', 'parse', 'unknown-operation', 'op');
  return { op, run: () => found.run(driver, args) };
}

/** The answer to one line, without its line feed. Never throws. */
export function answerLine(driver: Driver, line: Uint8Array, fault: Fault): string {
  let id: Id = null;
  let op = '';
  try {
    const request = parseJson(line);
    if (!isObject(request)) throw malformed('wrong-type', 'request');
    id = isId(request.id) ? request.id : null;
    const performance = perform(driver, request, id);
    op = performance.op;
    return JSON.stringify({ id, ...performance.run() });
  } catch (error) {
    // @req DRV-03
    if (error instanceof ProtocolError) {
      const notUtf8 = error.reason === 'bad-utf8' && error.field === 'line';
      return refusalLine(id, notUtf8 ? 'InvalidArgument' : error.code, error.reason, error.field);
    }
    fault(op, error);
    return refusalLine(id, 'InvalidState', 'internal-error');
  }
}
