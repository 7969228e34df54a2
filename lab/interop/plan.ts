/**
 * What happens in a dialogue.
 *
 * @spec 12-interop §3
 * Owns: turning a seed into a schedule. Pure: the same seed, index and length give the same steps, whoever plays them.
 * Must not know: drivers, messages' bytes.
 *
 * Delays stay below what both ends must bear: no message is overtaken by more than six others, so that no receiving chain (five
 * are kept) and no epoch it needs is gone when it arrives.
 */
import { seededIntegers } from '../../test/support/seeded-random.ts';

/** The two ends; `a` is the first to take a bundle. */
export type Side = 'a' | 'b';

/** How traffic flows. */
export const KINDS = [
  'ping-pong',
  'blocks',
  'burst',
  'one-way',
  'random',
  'concurrent',
  'archived',
  'group',
  'lossy',
  'chaos',
] as const;
export type Kind = (typeof KINDS)[number];

/** One thing that happens. Messages are numbered from 0 in the order of their sending. */
export type Step =
  | { readonly do: 'process'; readonly by: Side; readonly oneTime: boolean }
  | { readonly do: 'distribute'; readonly by: Side }
  | { readonly do: 'send'; readonly by: Side; readonly message: number; readonly size: number; readonly group: boolean }
  | { readonly do: 'deliver' | 'duplicate' | 'lose'; readonly message: number }
  | { readonly do: 'forge'; readonly message: number; readonly at: number; readonly kem: boolean }
  | { readonly do: 'archive' | 'reload'; readonly by: Side };

/** A dialogue before it is played. */
export interface Plan {
  readonly seed: string;
  readonly index: number;
  readonly kind: Kind;
  /** Names that are Service IDs put both addresses into first messages. */
  readonly names: Readonly<Record<Side, string>>;
  /** Distribution ids of the group, one a sender. */
  readonly groups: Readonly<Record<Side, string>>;
  readonly steps: readonly Step[];
}

/** Chances in a thousand. */
interface Weather {
  readonly lose: number;
  readonly delay: number;
  readonly duplicate: number;
  readonly forge: number;
  readonly archive: number;
  readonly reload: number;
  readonly process: number;
  readonly group: number;
}

const CALM: Weather = { lose: 0, delay: 0, duplicate: 30, forge: 30, archive: 0, reload: 0, process: 0, group: 0 };
const ROUGH: Weather = { ...CALM, lose: 100, delay: 250, duplicate: 80, forge: 80 };

const WEATHER: Readonly<Record<Kind, Weather>> = {
  'ping-pong': CALM,
  blocks: CALM,
  burst: CALM,
  'one-way': CALM,
  random: { ...CALM, delay: 150 },
  concurrent: { ...CALM, delay: 250, process: 40 },
  archived: { ...CALM, delay: 150, archive: 80, process: 40, reload: 20 },
  group: { ...ROUGH, group: 600 },
  lossy: { ...ROUGH, lose: 300 },
  chaos: { ...ROUGH, archive: 40, reload: 40, process: 30, group: 150 },
};

/** Sends by which a message may be late. */
const MAX_DELAY = 6;
/** How far back a duplicate reaches, in delivered messages. */
const DUPLICATE_REACH = 12;
const BLOCK = 5;
const BURST = 10;
const SIZES: readonly number[] = [0, 1, 15, 16, 17, 100, 1000];

interface Flying {
  readonly message: number;
  readonly to: Side;
  readonly group: boolean;
  readonly due: number;
}

function other(side: Side): Side {
  return side === 'a' ? 'b' : 'a';
}

/** Writes one plan; holds what both ends can do at each point. @req IOP-03 */
class Planner {
  readonly steps: Step[] = [];
  readonly #kind: Kind;
  readonly #draw: (bound: number) => number;
  readonly #weather: Weather;
  readonly #canSend: Record<Side, boolean> = { a: false, b: false };
  readonly #reached: Record<Side, boolean> = { a: false, b: false };
  readonly #distributed: Record<Side, boolean> = { a: false, b: false };
  readonly #delivered: number[] = [];
  #flying: Flying[] = [];
  #sent = 0;

  constructor(kind: Kind, draw: (bound: number) => number) {
    this.#kind = kind;
    this.#draw = draw;
    this.#weather = WEATHER[kind];
  }

  #chance(perMille: number): boolean {
    return perMille > 0 && this.#draw(1000) < perMille;
  }

  #side(): Side {
    return this.#draw(2) === 0 ? 'a' : 'b';
  }

  #process(by: Side): void {
    this.steps.push({ do: 'process', by, oneTime: this.#draw(4) > 0 });
    this.#canSend[by] = true;
  }

  #next(): Side {
    const turn = this.#sent;
    if (this.#kind === 'one-way') return 'a';
    if (this.#kind === 'ping-pong') return turn % 2 === 0 ? 'a' : 'b';
    if (this.#kind === 'blocks') return Math.floor(turn / BLOCK) % 2 === 0 ? 'a' : 'b';
    if (this.#kind === 'burst') return turn % (BURST + 1) === BURST ? 'b' : 'a';
    return this.#side();
  }

  /** Whoever cannot send lets the other go first, or begins anew. */
  #sender(): Side {
    const wanted = this.#next();
    if (this.#canSend[wanted]) return wanted;
    if (!this.#canSend[other(wanted)]) this.#process(wanted);
    return this.#canSend[wanted] ? wanted : other(wanted);
  }

  #events(): void {
    const weather = this.#weather;
    if (this.#chance(weather.archive)) {
      const by = this.#side();
      if (this.#canSend[by]) {
        this.steps.push({ do: 'archive', by });
        this.#canSend[by] = false;
      }
    }
    if (this.#chance(weather.process)) this.#process(this.#side());
    if (this.#chance(weather.reload)) this.steps.push({ do: 'reload', by: this.#side() });
  }

  #group(by: Side): boolean {
    if (!this.#chance(this.#weather.group)) return false;
    if (!this.#distributed[by]) {
      this.steps.push({ do: 'distribute', by });
      this.#distributed[by] = true;
      // The distribution travels in a message that arrives at once.
      this.#reached[other(by)] = true;
      this.#canSend[other(by)] = true;
    }
    return true;
  }

  #send(): void {
    const by = this.#sender();
    const group = this.#group(by);
    const message = this.#sent++;
    this.steps.push({ do: 'send', by, message, size: SIZES[this.#draw(SIZES.length)] ?? 0, group });
    if (this.#chance(this.#weather.lose)) {
      this.steps.push({ do: 'lose', message });
      return;
    }
    const delay = this.#chance(this.#weather.delay) ? 1 + this.#draw(MAX_DELAY) : 0;
    this.#flying.push({ message, to: other(by), group, due: this.#sent + delay });
  }

  #deliver({ message, to, group }: Flying): void {
    if (this.#chance(this.#weather.forge)) {
      // A handshake's ciphertext counts only until its session exists.
      const kem = !group && !this.#reached[to] && !this.#canSend[to] && this.#draw(2) === 0;
      this.steps.push({ do: 'forge', message, at: this.#draw(0x1_0000_0000), kem });
    }
    this.steps.push({ do: 'deliver', message });
    if (!group) {
      this.#reached[to] = true;
      this.#canSend[to] = true;
    }
    this.#delivered.push(message);
    if (this.#chance(this.#weather.duplicate)) {
      const recent = this.#delivered.slice(-DUPLICATE_REACH);
      this.steps.push({ do: 'duplicate', message: recent[this.#draw(recent.length)] ?? message });
    }
  }

  #arrive(now: number): void {
    const due = this.#flying.filter((flying) => flying.due <= now).sort((x, y) => x.due - y.due);
    this.#flying = this.#flying.filter((flying) => flying.due > now);
    for (const flying of due) this.#deliver(flying);
  }

  run(messages: number): void {
    this.#process('a');
    if (this.#kind === 'concurrent') this.#process('b');
    while (this.#sent < messages) {
      this.#events();
      this.#send();
      this.#arrive(this.#sent);
    }
    this.#arrive(Number.POSITIVE_INFINITY);
  }
}

function uuid(draw: (bound: number) => number): string {
  const digits = Array.from({ length: 32 }, () => draw(16).toString(16)).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Releases before 0.92 take as distribution id only what says that it is a UUID. */
function version4(id: string): string {
  return `${id.slice(0, 14)}4${id.slice(15, 19)}8${id.slice(20)}`;
}

/** What a plan is made from. */
export interface PlanOptions {
  readonly seed: string;
  readonly index: number;
  readonly messages: number;
  /** Absent: each kind in its turn. */
  readonly kind?: Kind | undefined;
}

/** The schedule of one dialogue. @req IOP-02 */
export function planDialogue({ seed, index, messages, kind: asked }: PlanOptions): Plan {
  const kind = asked ?? KINDS[index % KINDS.length] ?? 'random';
  const draw = seededIntegers(`${seed}/${index}/${kind}/${messages}`);
  const named = draw(4) > 0;
  const names = named ? { a: uuid(draw), b: uuid(draw) } : { a: `alice-${index}`, b: `bob-${index}` };
  const groups = { a: version4(uuid(draw)), b: version4(uuid(draw)) };
  const planner = new Planner(kind, draw);
  planner.run(messages);
  return { seed, index, kind, names, groups, steps: planner.steps };
}
