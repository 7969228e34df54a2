/**
 * Long conversations as people have them: both sides always agree on keys, epochs go on, memory stays bounded.
 *
 * @spec 08-braid
 */
import { expect, test } from 'vitest';
import { equalBytes } from '../../protocol/bytes/bytes.ts';
import { isProtocolError } from '../../protocol/errors.ts';
import { spqrEpoch } from '../../protocol/ratchet/braid/spqr-state.ts';
import type { Party, SentPayload } from '../support/braid.ts';
import { parties, pass } from '../support/braid.ts';
import { reportCount } from '../support/report.ts';
import { scaled } from '../support/scale.ts';
import { seededIntegers, seededRandom } from '../support/seeded-random.ts';

/** One way and the other; what is on its way may be overtaken. */
interface Link {
  readonly from: Party;
  readonly to: Party;
  readonly flying: SentPayload[];
}

/** What a behaviour does in one step: who sends (0 or 1) and which messages arrive. */
interface Behaviour {
  readonly name: string;
  /** Chance of the first party to send, in 100. */
  readonly share: number;
  /** Chance in 100 that a message is lost. */
  readonly loss: number;
  /** Chance in 1,000 to go offline and to come back. */
  readonly offline: readonly [go: number, back: number];
  /** How many messages may overtake one. */
  readonly disorder: number;
}

const BEHAVIOURS: readonly Behaviour[] = [
  { name: 'balanced', share: 50, loss: 0, offline: [0, 1000], disorder: 0 },
  { name: 'one-sided', share: 91, loss: 0, offline: [0, 1000], disorder: 0 },
  { name: 'online and offline', share: 50, loss: 0, offline: [40, 50], disorder: 0 },
  { name: 'lossy and out of order', share: 50, loss: 30, offline: [0, 1000], disorder: 8 },
  { name: 'chaos', share: 60, loss: 15, offline: [20, 60], disorder: 12 },
];

interface Figures {
  delivered: number;
  late: number;
  largest: number;
}

/** Delivers one message; the only honest refusal is that of a message two epochs late. */
function deliver({ to, flying }: Link, position: number, figures: Figures): void {
  const [message] = flying.splice(position, 1);
  if (message === undefined) return;
  try {
    const key = to.receive(message.payload);
    if (key === null || message.key === null || !equalBytes(key, message.key)) throw new Error('the keys differ');
    figures.delivered++;
  } catch (error) {
    if (!isProtocolError(error) || error.reason !== 'pq-epoch-out-of-range') throw error;
    figures.late++;
  }
}

function run(behaviour: Behaviour, steps: number, seed: string): Figures & { epochs: [number, number] } {
  const [a, b] = parties({ random: seededRandom(seed) });
  const below = seededIntegers(seed);
  const links: [Link, Link] = [
    { from: a, to: b, flying: [] },
    { from: b, to: a, flying: [] },
  ];
  const online = [true, true];
  const figures: Figures = { delivered: 0, late: 0, largest: 0 };
  for (let step = 0; step < steps; step++) {
    for (const who of [0, 1]) {
      const chance = behaviour.offline[online[who] === true ? 0 : 1];
      if (below(1000) < chance) online[who] = !online[who];
    }
    const sender = below(100) < behaviour.share ? 0 : 1;
    const link = links[sender] as Link;
    const sent = link.from.send();
    if (below(100) >= behaviour.loss) link.flying.push(sent);
    for (const { to, flying } of links) {
      const reader = to === a ? 0 : 1;
      if (online[reader] !== true) continue;
      const queued = links.find((other) => other.to === to) as Link;
      while (flying.length > behaviour.disorder) deliver(queued, below(behaviour.disorder + 1), figures);
    }
    figures.largest = Math.max(figures.largest, a.bytes.length, b.bytes.length);
  }
  return { ...figures, epochs: [spqrEpoch(a.state), spqrEpoch(b.state)] };
}

test.each(BEHAVIOURS)('[BRD-12] [BRD-18] $name', (behaviour) => {
  const steps = scaled(1_000, 20_000);
  const { delivered, late, largest, epochs } = run(behaviour, steps, `behaviour ${behaviour.name}`);
  expect(Math.abs(epochs[0] - epochs[1])).toBeLessThanOrEqual(1);
  expect(Math.min(...epochs)).toBeGreaterThanOrEqual(Math.floor(steps / 1_000));
  expect(late).toBeLessThanOrEqual(delivered / 20);
  // Chunks, sources and three epochs of chains, beside the keys of what is still on its way.
  expect(largest).toBeLessThan(scaled(12_000, 80_000));
  reportCount('BRD-12', `steps of the braid, ${behaviour.name}`, steps);
});

test('[BRD-12] one-way traffic stays where it is', () => {
  const [a, b] = parties();
  for (let i = 0; i < 300; i++) pass(a, b);
  expect([a.braid.name, b.braid.name]).toEqual(['KeysSampled', 'HeaderReceived']);
  expect([spqrEpoch(a.state), spqrEpoch(b.state)]).toEqual([0, 0]);
});

test.each([
  { traffic: 'ping-pong', block: [1, 1], a: [86, 260], b: [6, 173] },
  { traffic: 'blocks of 5', block: [5, 5], a: [90], b: [6] },
  { traffic: 'blocks of 50', block: [50, 50], a: [155], b: [51] },
  { traffic: '10 to 1', block: [10, 1], a: [385], b: [11] },
  { traffic: '1 to 10', block: [1, 10], a: [424], b: [24] },
] as const)('[BRD-16] $traffic: epochs come at the measured message numbers', ({ block, a: ofA, b: ofB }) => {
  const [a, b] = parties();
  const reached: [number[], number[]] = [[], []];
  const epochs = [0, 0];
  for (let i = 1, turn = 0, left: number = block[0]; i <= 425; i++) {
    if (left === 0) {
      turn = 1 - turn;
      left = block[turn as 0 | 1];
    }
    left--;
    if (turn === 0) pass(a, b);
    else pass(b, a);
    for (const [who, party] of [a, b].entries()) {
      const epoch = spqrEpoch(party.state);
      if (epoch > (epochs[who] as number)) reached[who as 0 | 1].push(i);
      epochs[who] = epoch;
    }
  }
  for (const expected of ofA) expect(reached[0]).toContain(expected);
  for (const expected of ofB) expect(reached[1]).toContain(expected);
});
