/**
 * What every part of a device shares.
 *
 * @spec 07-devices §1, §7
 * Owns: the one way to change the store: a transaction that raises the generation, then the wiping of what is spent; the
 * witness, before anything that follows from a change leaves the device. Must not know: what is changed.
 */
import { type Wipeable, wipeAll } from '../protocol/bytes/secret.ts';
import type { SignedManifest } from '../protocol/codec/manifest.ts';
import type { CryptoProvider, RandomSource } from '../protocol/crypto/provider.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { SuiteName } from '../protocol/handshake/suites.ts';
import { DEFAULT_SUITE, getSuite } from '../protocol/handshake/suites.ts';
import type { PqRatchetPolicy } from '../protocol/session/session.ts';
import type { Clock } from './clock.ts';
import { FailureLog } from './failures.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { getGeneration, setGeneration } from './records/mail.ts';
import type { Self } from './records/self.ts';
import type { RelayTransport } from './relay/transport.ts';
import { StallCounter } from './stalls.ts';
import type { Store, StoreTransaction } from './store/store.ts';
import type { Witness } from './store/witness.ts';
import { TokenBuckets } from './token-bucket.ts';
import type { DeviceEvent, DeviceLimits, DeviceOptions } from './types.ts';

const PQ_RATCHET_POLICIES: readonly string[] = ['required', 'optional', 'off'] satisfies PqRatchetPolicy[];

/** A device's surroundings, without its identity. */
export interface Surroundings {
  readonly provider: CryptoProvider;
  readonly random: RandomSource;
  readonly clock: Clock;
  readonly store: Store;
  readonly witness: Witness;
  readonly suites: readonly SuiteName[];
  readonly pqRatchet: PqRatchetPolicy;
  readonly limits: DeviceLimits;
  readonly emit: (event: DeviceEvent) => void;
}

/** A device that has an identity and a relay. */
export interface Context extends Surroundings {
  readonly self: Self;
  readonly relay: RelayTransport;
  readonly failures: FailureLog;
  /** The clock, never twice the same: a message that was not decrypted is asked for by its time. */
  readonly nextSentAt: () => number;
  /** Outbox entries that a `send` waits for, and why one of them was refused meanwhile. */
  readonly awaited: Map<string, Error | null>;
  readonly stalls: StallCounter;
  /** Bounds how often one device is asked to send again. */
  readonly resendRequests: TokenBuckets;
  /** Bounds the sessions begun anew because somebody asked, below what one device may begin with another (DEV-65). */
  readonly renewals: TokenBuckets;
  /** Bounds how often strangers make this device ask for a manifest. */
  readonly manifestRequests: TokenBuckets;
  /** Judged manifests of accounts that nothing good has come from yet: stored with their first good message. */
  readonly candidates: Map<string, SignedManifest>;
}

/** Half of what the other device takes at once: sessions begin for other reasons too. */
const RENEWAL_BURST = 5;

/** What an application's callback throws is its own affair: no message is lost for it (DEV-48). */
function guarded(onEvent: ((event: DeviceEvent) => void) | undefined): (event: DeviceEvent) => void {
  return (event) => {
    try {
      onEvent?.(event);
    } catch {
      // @req DEV-48
    }
  };
}

/** Checks options and fills in defaults. @throws {ProtocolError} `InvalidArgument` for an unknown suite or an empty policy. */
export function surroundings(options: DeviceOptions): Surroundings {
  const { provider, random, clock, store, witness } = options;
  const { suites = [DEFAULT_SUITE], pqRatchet = 'required' } = options;
  if (suites.length === 0) throw new ProtocolError('InvalidArgument', 'parse', 'no-suite', 'suites');
  suites.map(getSuite);
  // @req DEV-40
  if (!PQ_RATCHET_POLICIES.includes(pqRatchet)) {
    throw new ProtocolError('InvalidArgument', 'parse', 'unknown-pq-ratchet-policy', 'pqRatchet');
  }
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const emit = guarded(options.onEvent);
  return { provider, random, clock, store, witness, suites, pqRatchet, limits, emit };
}

/** The times of a clock, each later than the one before. */
function rising(clock: Clock): () => number {
  let last = 0;
  return () => {
    last = Math.max(clock.now(), last + 1);
    return last;
  };
}

/** The context of a device. */
export function contextOf(around: Surroundings, options: DeviceOptions, self: Self): Context {
  const { provider, random, clock, limits, emit } = around;
  const credentials = {
    account: self.account,
    deviceId: self.deviceId,
    authKey: self.authKey,
    provider,
    random,
    clock,
  };
  return {
    ...around,
    self,
    relay: options.relay(credentials),
    failures: new FailureLog(clock, limits.failureAlert, emit, options.log ?? (() => undefined)),
    nextSentAt: rising(clock),
    awaited: new Map(),
    stalls: new StallCounter(),
    resendRequests: new TokenBuckets(20, 10_000),
    renewals: new TokenBuckets(RENEWAL_BURST, limits.sessionInterval),
    manifestRequests: new TokenBuckets(10, 5_000),
    candidates: new Map(),
  };
}

/**
 * Changes the store: everything that `work` writes, and the generation, in one transaction.
 * @throws whatever `work` throws, with nothing changed; `InvalidState`/`store-rolled-back` where the store has fallen behind
 * its witness while open.
 */
async function change<T>(around: Surroundings, work: (tx: StoreTransaction) => T): Promise<T> {
  const { provider, store, witness } = around;
  const witnessed = await witness.read();
  return store.transaction((tx) => {
    const before = getGeneration(tx, provider);
    // @req DEV-19
    if (before < witnessed) throw new ProtocolError('InvalidState', 'state', 'store-rolled-back', 'store');
    const result = work(tx);
    setGeneration(tx, provider, before + 1);
    return result;
  });
}

/**
 * {@link change}, then the witness (DEV-18). What a device sends or acknowledges, it sends and acknowledges after this.
 * @throws as `change`; `InvalidState`/`witness-failed` after the store has changed.
 */
export async function commit<T>(around: Surroundings, work: (tx: StoreTransaction) => T): Promise<T> {
  const result = await change(around, work);
  await readWitnessed(around, () => undefined);
  return result;
}

/** {@link change}, for steps of the protocol: wipes what they spent, once it is committed. */
export async function changeByStep<T extends { readonly spent: readonly Wipeable[] }>(
  around: Surroundings,
  work: (tx: StoreTransaction) => T,
): Promise<T> {
  const result = await change(around, work);
  // @req DEV-16
  wipeAll(result.spent);
  return result;
}

/** Reads the store, and makes sure that what was read is witnessed before anything that follows from it leaves the device. */
export async function readWitnessed<T>(around: Surroundings, work: (tx: StoreTransaction) => T): Promise<T> {
  const { value, generation } = await around.store.transaction((tx) => ({
    value: work(tx),
    generation: getGeneration(tx, around.provider),
  }));
  // @req DEV-18
  await around.witness.advance(generation);
  return value;
}

/** Where damage is no peer's affair: no message can be taken in, so none may be acknowledged (DEV-49). */
const OWN_FIELDS: readonly (string | undefined)[] = ['store', 'witness', 'meta', 'self', 'inbox'];

/** True for a failure of this device's own storage or randomness: what was asked for may succeed later. */
export function isLocalFailure(error: ProtocolError): boolean {
  const { code, field, reason } = error;
  // @req DEV-49
  return code === 'InvalidState' && (OWN_FIELDS.includes(field) || reason === 'randomness-failed');
}
