/**
 * The work that one envelope may cause.
 *
 * @spec 03-ratchet §6
 * Owns: counting KDF steps and agreements against the declared budget (DOS-01).
 * Must not know: time. A count is the same on every machine.
 */
import { ProtocolError } from '../errors.ts';
import { MAX_AGREEMENTS_PER_ENVELOPE, MAX_KDF_STEPS_PER_ENVELOPE } from '../limits.ts';

/** What an envelope has cost so far. */
export interface Work {
  readonly kdfSteps: number;
  readonly agreements: number;
}

/** Counts work and refuses, before it is done, whatever would exceed the budget. */
export class WorkMeter implements Work {
  kdfSteps = 0;
  agreements = 0;

  /** @throws {ProtocolError} `InvalidMessage`/`work-budget-exhausted` (DRT-12). */
  spendKdfSteps(count: number): void {
    // @req DRT-12
    if (this.kdfSteps + count > MAX_KDF_STEPS_PER_ENVELOPE) throw exhausted();
    this.kdfSteps += count;
  }

  /** @throws {ProtocolError} `InvalidMessage`/`work-budget-exhausted`. */
  spendAgreements(count: number): void {
    if (this.agreements + count > MAX_AGREEMENTS_PER_ENVELOPE) throw exhausted();
    this.agreements += count;
  }

  /** The figures, detached. */
  total(): Work {
    return { kdfSteps: this.kdfSteps, agreements: this.agreements };
  }
}

function exhausted(): ProtocolError {
  return new ProtocolError('InvalidMessage', 'derive', 'work-budget-exhausted');
}
