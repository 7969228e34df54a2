/**
 * What a refusal must look like.
 *
 * @spec 00-conventions §5
 * Owns: the assertion that bad input gives a typed error and changes no store.
 * Must not know: why the input is bad.
 */
import { expect } from 'vitest';
import type { ErrorCode } from '../../protocol/errors.ts';
import { ProtocolError } from '../../protocol/errors.ts';

/** Anything with stores. */
export interface Snapshots {
  snapshot(): Uint8Array;
}

/** The expected refusal; what is left out is not looked at. */
export interface Expected {
  readonly code?: ErrorCode;
  readonly reason?: string;
  readonly field?: string;
}

/** Runs `act`, which must throw a {@link ProtocolError}. @throws whatever else it threw, or an error if it succeeded. */
export function refusal(act: () => unknown): ProtocolError {
  try {
    act();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** {@link refusal}, with the stores of `peers` byte-equal before and after and the error as expected. */
export function expectRefused(peers: readonly Snapshots[], expected: Expected, act: () => unknown): ProtocolError {
  const before = peers.map((peer) => peer.snapshot());
  const error = refusal(act);
  for (const [i, peer] of peers.entries()) {
    if (Buffer.compare(before[i] as Uint8Array, peer.snapshot()) !== 0)
      throw new Error(`store ${i} changed: ${error.message}`);
  }
  expect({ ...error.toJSON() }).toMatchObject(expected);
  return error;
}
