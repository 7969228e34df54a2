/**
 * Whole dialogues of another implementation, with its private keys instead of randomness.
 *
 * @spec 03-ratchet, 05-sessions
 */
import { describe, expect, test } from 'vitest';
import { externalOutcome, externalVectors, HAVE_VECTORS } from '../support/external-vectors.ts';
import { PROVIDERS } from '../support/peers.ts';
import { reportCount, reportGap } from '../support/report.ts';

const path = 'signal-derived/session-v3-scripts.json';
const scenarios = externalVectors<{ readonly scenarios: readonly { readonly name: string }[] }>(path)?.scenarios ?? [];

describe.each(PROVIDERS)('published dialogues, $name provider', (provider) => {
  test.skipIf(!HAVE_VECTORS)('[DRT-07] [DRT-08] [SES-09] there are six dialogues', () => {
    expect(scenarios.length).toBe(6);
    reportGap('not used: byte 33 of outgoing messages in session-v3-scripts.json (ours is 34)');
  });

  test.each(scenarios)('[DRT-05] [DRT-06] [SES-09] $name', ({ name }) => {
    const steps = externalOutcome(path, provider)?.verdicts.filter(({ id }) => id.startsWith(`${name}, step `)) ?? [];
    reportCount('DRT-05', 'steps of published dialogues', steps.length);
  });
});
