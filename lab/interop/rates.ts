/**
 * How many messages an epoch of the post-quantum ratchet takes.
 *
 * @spec 12-interop §5
 * Owns: the traffic shapes, the figures that are known of libsignal talking to itself, measuring ours against them.
 * Must not know: releases.
 */
import { parsePreKeySignalMessage } from '../../protocol/codec/prekey-message.ts';
import { parseSignalMessage } from '../../protocol/codec/signal-message.ts';
import type { Running } from './drivers.ts';
import type { Args } from './peer.ts';
import type { Side } from './plan.ts';

/** A traffic shape and its known figures. */
export interface Traffic {
  readonly name: string;
  readonly sender: (turn: number) => Side;
  readonly messages: number;
  /** Epoch 1: B has, A has, A uses, B uses. Null: no epoch ever. */
  readonly first: readonly [number, number, number, number] | null;
  /** Messages per later epoch, and by how much a measurement may be off where the figure is an approximate one. */
  readonly period: number;
  readonly tolerance: number;
}

function blocks(size: number): (turn: number) => Side {
  return (turn) => (Math.floor(turn / size) % 2 === 0 ? 'a' : 'b');
}

/** In the order and with the figures of the sheet's table. */
export const TRAFFIC: readonly Traffic[] = [
  { name: 'ping-pong', sender: blocks(1), messages: 300, first: [6, 86, 87, 88], period: 87, tolerance: 0 },
  { name: 'blocks of 5', sender: blocks(5), messages: 420, first: [6, 90, 91, 96], period: 95, tolerance: 0 },
  { name: 'blocks of 50', sender: blocks(50), messages: 900, first: [51, 155, 201, 251], period: 250, tolerance: 0 },
  {
    name: '10 from A : 1 from B',
    sender: (turn) => (turn % 11 === 10 ? 'b' : 'a'),
    messages: 1300,
    first: [11, 385, 386, 396],
    period: 410,
    tolerance: 0.03,
  },
  {
    name: '1 from A : 10 from B',
    sender: (turn) => (turn % 11 === 0 ? 'a' : 'b'),
    messages: 1300,
    first: [24, 424, 430, 431],
    period: 410,
    tolerance: 0.03,
  },
  { name: 'A only', sender: () => 'a', messages: 200, first: null, period: 0, tolerance: 0 },
];

/** What was measured. */
export interface Rate {
  readonly traffic: string;
  readonly a: string;
  readonly b: string;
  readonly messages: number;
  readonly first: readonly number[] | null;
  readonly expectedFirst: readonly number[] | null;
  readonly period: number | null;
  readonly expectedPeriod: number;
  readonly epochs: Readonly<Record<Side, number>>;
  readonly pq: Readonly<Record<Side, string>>;
  readonly ok: boolean;
}

/** The braid epoch that a message carries in the clear; its key comes from the epoch before. */
function chainEpoch(type: unknown, body: string): number {
  const bytes = Uint8Array.from(Buffer.from(body, 'hex'));
  const inner = type === 'prekey' ? parsePreKeySignalMessage(bytes).message : bytes;
  const { pqRatchet } = parseSignalMessage(inner);
  // Epochs below 128 are one byte, behind the version byte.
  return (pqRatchet[1] ?? 1) - 1;
}

/** The first message after which a side knew an epoch, and the first of a side that took its key from it; 0: none yet. */
type Times = { readonly has: Record<Side, number>; readonly uses: Record<Side, number> };

/** First times by epoch, filled as the traffic flows. Message numbers count both directions, from 1. */
class Watch {
  readonly #times = new Map<number, Times>();

  at(epoch: number): Times {
    const known = this.#times.get(epoch) ?? { has: { a: 0, b: 0 }, uses: { a: 0, b: 0 } };
    this.#times.set(epoch, known);
    return known;
  }

  note(epoch: number, what: keyof Times, side: Side, message: number): void {
    const times = this.at(epoch)[what];
    if (times[side] === 0) times[side] = message;
  }

  /** Messages per epoch from the first that both sides had to the last. */
  period(): number | null {
    const both = [...this.#times.entries()]
      .filter(([epoch, { has }]) => epoch > 0 && has.a > 0 && has.b > 0)
      .map(([epoch, { has }]) => [epoch, Math.max(has.a, has.b)] as const)
      .sort(([x], [y]) => x - y);
    const [first, last] = [both[0], both.at(-1)];
    if (first === undefined || last === undefined || first === last) return null;
    return (last[1] - first[1]) / (last[0] - first[0]);
  }
}

/** Two devices with a session to be, and what a request to either needs. */
class Conversation {
  readonly #ends: Readonly<Record<Side, Running>>;
  readonly #devices: Partial<Record<Side, string>> = {};

  constructor(ends: Readonly<Record<Side, Running>>) {
    this.#ends = ends;
  }

  async ask(side: Side, op: string, args: Args = {}): Promise<Readonly<Record<string, unknown>>> {
    const remote = { name: side === 'a' ? 'rate-b' : 'rate-a', deviceId: 1 };
    const named = op.startsWith('session.') ? { remote } : {};
    const answer = await this.#ends[side].peer.ask(op, { device: this.#devices[side], ...named, ...args });
    if ('ok' in answer) return answer.ok;
    throw new Error(`${this.#ends[side].peer.label}: ${op}: ${answer.error.code}: ${answer.error.message}`);
  }

  async begin(): Promise<void> {
    for (const side of ['a', 'b'] as const) {
      const answer = await this.#ends[side].peer.ask('device.create', { local: { name: `rate-${side}`, deviceId: 1 } });
      if (!('ok' in answer)) throw new Error(answer.error.message);
      this.#devices[side] = String(answer.ok.device);
    }
    const { bundle } = await this.ask('b', 'device.bundle');
    await this.ask('a', 'session.process', { bundle });
  }
}

async function flow(talk: Conversation, traffic: Traffic, watch: Watch): Promise<void> {
  for (let turn = 0; turn < traffic.messages; turn++) {
    const by = traffic.sender(turn);
    const to = by === 'a' ? 'b' : 'a';
    const { type, body } = await talk.ask(by, 'session.encrypt', { plaintext: '6869' });
    watch.note(chainEpoch(type, String(body)), 'uses', by, turn + 1);
    await talk.ask(to, 'session.decrypt', { type, body });
    for (const side of ['a', 'b'] as const) {
      // Until the first message arrives, one side has no session to tell of.
      const { pqEpoch } = await talk.ask(side, 'session.info');
      watch.note(Number(pqEpoch), 'has', side, turn + 1);
    }
  }
}

function matches(traffic: Traffic, first: readonly number[] | null, period: number | null): boolean {
  if (traffic.first === null) return first === null;
  if (first === null || period === null) return false;
  const off = Math.abs(period - traffic.period) / traffic.period;
  return first.every((number, at) => number === traffic.first?.[at]) && off <= traffic.tolerance;
}

/** Lets one traffic shape flow and looks at every message. @throws {Error} where one is refused. */
export async function measureRate(traffic: Traffic, a: Running, b: Running): Promise<Rate> {
  const talk = new Conversation({ a, b });
  const watch = new Watch();
  await talk.begin();
  await flow(talk, traffic, watch);
  const info = { a: await talk.ask('a', 'session.info'), b: await talk.ask('b', 'session.info') };
  const { has, uses } = watch.at(1);
  const none = has.a === 0 && has.b === 0;
  const first = none ? null : [has.b, has.a, uses.a, uses.b];
  const period = watch.period();
  const pq = { a: String(info.a.pq), b: String(info.b.pq) };
  return {
    traffic: traffic.name,
    a: a.peer.label,
    b: b.peer.label,
    messages: traffic.messages,
    first,
    expectedFirst: traffic.first,
    period: period === null ? null : Math.round(period * 10) / 10,
    expectedPeriod: traffic.period,
    epochs: { a: Number(info.a.pqEpoch), b: Number(info.b.pqEpoch) },
    pq,
    ok: matches(traffic, first, period) && (traffic.first !== null || pq.a === 'negotiating'),
  };
}
