/**
 * How a test of a refused payload is written down.
 *
 * @spec 08-braid §2
 * Owns: a bad payload for one who has heard nothing yet, what follows it. Must not know: what is wrong with payloads.
 */
import type { SequenceDefinition, StepDefinition } from '../definition.ts';
import { payload, receive, refuse, send, start } from './spqr-braid-script.ts';

/** The responder alone, who draws nothing: its keys are the same for everybody. */
export const ALONE = start('$b', { seed: null });

/** Steps of which one is refused. */
export function refused(comment: string, req: string, check: string, against: string, ...steps: StepDefinition[]) {
  return { comment, req: [req], flags: [], refused: { check: `braid: ${check}`, against }, steps };
}

/** A bad payload for one who has heard nothing yet; then a good one, and an answer. */
export function malformed(check: string, body: string, reason: string, against = 'PAR-02'): SequenceDefinition {
  return refused(
    `${check}; then a good message`,
    'BRD-03',
    check,
    against,
    ALONE,
    refuse('$b', body, reason),
    receive('$b', payload(1, 1), 'values'),
    send('$b', '$q', 'values'),
  );
}
