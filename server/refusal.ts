/**
 * The relay's refusals.
 *
 * @spec 06-relay §3
 * Owns: status, code and slug of what the relay refuses, and the one JSON form in which it says so (RLY-03).
 * Must not know: routes, tables. No text from the request enters an answer.
 */
import type { ErrorBody } from '../protocol/codec/relay-api.ts';
import type { ErrorCode, ProtocolError } from '../protocol/errors.ts';

/** HTTP statuses of refusals. */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 409 | 410 | 413 | 415 | 422 | 426 | 429 | 500 | 503;

/** The device lists of 409 and 410. */
export type DeviceLists = Pick<ErrorBody, 'missing' | 'extra' | 'stale'>;

/** Thrown wherever a request is refused; the transaction that it comes out of was rolled back. */
export class RelayRefusal extends Error {
  readonly status: RefusalStatus;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly field: string | undefined;
  readonly lists: DeviceLists;

  constructor(status: RefusalStatus, code: ErrorCode, reason: string, field?: string, lists: DeviceLists = {}) {
    super(`${status} ${code}: ${reason}`);
    this.name = 'RelayRefusal';
    this.status = status;
    this.code = code;
    this.reason = reason;
    this.field = field;
    this.lists = lists;
  }

  /** The body of the answer. */
  body(): ErrorBody {
    const { code, reason, field } = this;
    return { error: field === undefined ? { code, reason } : { code, reason, field }, ...this.lists };
  }
}

/** What the protocol refused, as an answer with the given status. */
export function refusalOf(error: ProtocolError, status: RefusalStatus): RelayRefusal {
  return new RelayRefusal(status, error.code, error.reason, error.field);
}

/** 404 for an account that is not there. */
export function noSuchAccount(): RelayRefusal {
  return new RelayRefusal(404, 'InvalidArgument', 'no-such-account', 'account');
}

/** 401 for a device that its account does not have, or no longer. */
export function unknownDevice(): RelayRefusal {
  return new RelayRefusal(401, 'NotAllowed', 'unknown-device');
}
