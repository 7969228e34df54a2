/**
 * What a running driver holds.
 *
 * @spec 11-driver §3, §5
 * Owns: its surroundings, everything that a handle names, whether any of it draws from a seed. Must not know: operations, lines.
 */
import type { CryptoProvider, RandomSource } from '../../protocol/crypto/provider.ts';
import type { PqChain } from '../../protocol/ratchet/braid/chain.ts';
import type { SpqrState } from '../../protocol/ratchet/braid/spqr-state.ts';
import type { RatchetState } from '../../protocol/ratchet/double.ts';
import type { RandomStream } from '../../protocol/testing/random-stream.ts';
import type { Device } from './device.ts';

/** What a driver is given. */
export interface Surroundings {
  readonly version: string;
  readonly provider: CryptoProvider;
  readonly random: RandomSource;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Takes what a user must be told, beside the answers. */
  readonly notice: (text: string) => void;
}

/** One side of the post-quantum ratchet alone. */
export interface Braid {
  readonly state: SpqrState;
  /** Null where it draws from the system. */
  readonly stream: RandomStream | null;
}

/** A driver's surroundings and what it keeps, each by its handle. */
export interface Driver extends Surroundings {
  readonly devices: Map<string, Device>;
  readonly ratchets: Map<string, RatchetState>;
  readonly chains: Map<string, PqChain>;
  readonly braids: Map<string, Braid>;
  /** How many messages in a row a session's braid refused, by handle and address key: an observation, no state of a device. */
  readonly braidFailures: Map<string, number>;
}

/** A driver that keeps nothing yet. */
export function newDriver(surroundings: Surroundings): Driver {
  return {
    ...surroundings,
    devices: new Map(),
    ratchets: new Map(),
    chains: new Map(),
    braids: new Map(),
    braidFailures: new Map(),
  };
}

/** True once anything in the driver draws from a seed. */
export function isSeeded({ devices, braids }: Driver): boolean {
  return [...devices.values(), ...braids.values()].some(({ stream }) => stream !== null);
}

/** Keeps a value under a new handle, `kind-n`. */
export function keep<V extends object>(driver: Driver, kind: string, values: Map<string, V>, value: V): string {
  const before = isSeeded(driver);
  const handle = `${kind}-${values.size + 1}`;
  values.set(handle, value);
  // @req DRV-22
  if (!before && isSeeded(driver)) driver.notice('randomness from a seed is in use: for tests and replays alone');
  return handle;
}
