/**
 * The meter itself: it refuses before the work is done, and counts nothing that it refused.
 *
 * @spec 03-ratchet §6
 */
import { expect, test } from 'vitest';
import { MAX_AGREEMENTS_PER_ENVELOPE, MAX_KDF_STEPS_PER_ENVELOPE } from '../../protocol/limits.ts';
import { WorkMeter } from '../../protocol/ratchet/work.ts';
import { refusal } from '../support/refusal.ts';

const EXHAUSTED = { code: 'InvalidMessage', stage: 'derive', reason: 'work-budget-exhausted' };

test('[DRT-12] [DOS-01] 55,000 KDF steps and 64 agreements, not one more', () => {
  const work = new WorkMeter();
  work.spendKdfSteps(MAX_KDF_STEPS_PER_ENVELOPE - 1);
  expect(refusal(() => work.spendKdfSteps(2))).toMatchObject(EXHAUSTED);
  work.spendKdfSteps(1);
  expect(refusal(() => work.spendKdfSteps(1))).toMatchObject(EXHAUSTED);
  for (let i = 0; i < MAX_AGREEMENTS_PER_ENVELOPE; i++) work.spendAgreements(1);
  expect(refusal(() => work.spendAgreements(1))).toMatchObject(EXHAUSTED);
  expect(work.total()).toEqual({ kdfSteps: MAX_KDF_STEPS_PER_ENVELOPE, agreements: MAX_AGREEMENTS_PER_ENVELOPE });
});
