import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KINDS, type Plan, planDialogue, type Step } from '../../lab/interop/plan.ts';

const options = fc.record({
  seed: fc.string(),
  index: fc.nat(10_000),
  messages: fc.integer({ min: 1, max: 120 }),
  kind: fc.constantFrom(...KINDS),
});

type Numbered = Extract<Step, { readonly message: number }>;

function numbers(plan: Plan, what: Step['do']): number[] {
  return plan.steps
    .filter((step): step is Numbered => 'message' in step && step.do === what)
    .map(({ message }) => message);
}

/** Position of the step that does something with a message. */
function position(plan: Plan, what: Step['do'], message: number): number {
  return plan.steps.findIndex((step) => step.do === what && 'message' in step && step.message === message);
}

describe('[IOP-02, IOP-03] interop schedules', () => {
  test('are the same for the same seed, number, kind and length, and others for others', () => {
    fc.assert(
      fc.property(options, (given) => {
        const plan = planDialogue(given);
        expect(planDialogue({ ...given })).toEqual(plan);
        expect(planDialogue({ ...given, seed: `${given.seed}x` })).not.toEqual(plan);
        expect(planDialogue({ ...given, index: given.index + 1 }).names).not.toEqual(plan.names);
      }),
      { numRuns: 25 },
    );
  });

  test('deliver or lose each message once, after it was sent', () => {
    fc.assert(
      fc.property(options, (given) => {
        const plan = planDialogue(given);
        const sent = numbers(plan, 'send');
        expect(sent).toEqual(Array.from({ length: given.messages }, (_, at) => at));
        const arrived = [...numbers(plan, 'deliver'), ...numbers(plan, 'lose')];
        expect(arrived.sort((x, y) => x - y)).toEqual(sent);
        for (const message of numbers(plan, 'deliver')) {
          expect(position(plan, 'deliver', message)).toBeGreaterThan(position(plan, 'send', message));
        }
      }),
      { numRuns: 25 },
    );
  });

  test('repeat only what was delivered and forge only what was not', () => {
    fc.assert(
      fc.property(options, (given) => {
        const plan = planDialogue(given);
        for (const [at, step] of plan.steps.entries()) {
          if (step.do === 'duplicate') expect(position(plan, 'deliver', step.message)).toBeLessThan(at);
          if (step.do === 'forge') expect(position(plan, 'deliver', step.message)).toBeGreaterThan(at);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('delay no message by more than six sends', () => {
    fc.assert(
      fc.property(options, (given) => {
        const plan = planDialogue(given);
        for (const message of numbers(plan, 'deliver')) {
          const before = plan.steps.slice(0, position(plan, 'deliver', message));
          const sent = before.filter((step) => step.do === 'send').length;
          expect(sent - message - 1).toBeLessThanOrEqual(6);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('let nobody send without a session: a bundle taken, or a message of the pair received since it was archived', () => {
    fc.assert(
      fc.property(options, (given) => {
        const plan = planDialogue(given);
        const can = { a: false, b: false };
        const by = new Map<number, { readonly by: 'a' | 'b'; readonly group: boolean }>();
        for (const step of plan.steps) {
          if (step.do === 'process') can[step.by] = true;
          if (step.do === 'archive') can[step.by] = false;
          if (step.do === 'distribute') can[step.by === 'a' ? 'b' : 'a'] = true;
          if (step.do === 'send') {
            expect(can[step.by]).toBe(true);
            by.set(step.message, step);
          }
          const sent = step.do === 'deliver' ? by.get(step.message) : undefined;
          if (sent !== undefined && !sent.group) can[sent.by === 'a' ? 'b' : 'a'] = true;
        }
      }),
      { numRuns: 25 },
    );
  });

  test('hold what each kind is for', () => {
    const has = (kind: (typeof KINDS)[number]) => {
      const plans = Array.from({ length: 10 }, (_, index) =>
        planDialogue({ seed: 'kinds', index, messages: 60, kind }),
      );
      return new Set(
        plans.flatMap(({ steps }) => steps.map((step) => (step.do === 'send' && step.group ? 'group' : step.do))),
      );
    };
    for (const kind of KINDS) {
      for (const what of ['process', 'send', 'deliver']) expect(has(kind)).toContain(what);
    }
    for (const what of ['lose', 'duplicate', 'forge', 'archive', 'reload', 'distribute', 'group']) {
      expect(has('chaos')).toContain(what);
    }
    expect(has('archived')).toContain('archive');
    expect(has('group')).toContain('group');
    expect(has('lossy')).toContain('lose');
    const oneWay = planDialogue({ seed: 'kinds', index: 0, messages: 60, kind: 'one-way' });
    expect(oneWay.steps.every((step) => step.do !== 'send' || step.by === 'a')).toBe(true);
    const concurrent = planDialogue({ seed: 'kinds', index: 0, messages: 60, kind: 'concurrent' });
    expect(concurrent.steps.slice(0, 2).map((step) => step.do === 'process' && step.by)).toEqual(['a', 'b']);
  });

  test('stay as they are from version to version, or a seed in an old report means another dialogue', () => {
    const text = JSON.stringify(planDialogue({ seed: 'pinned', index: 9, messages: 60 }));
    expect(createHash('sha256').update(text).digest('hex')).toBe(
      '0e7622f1382fad62deb00bd5f82913f4cacb4b1771e5793a36bb418da803bd53',
    );
  });
});
