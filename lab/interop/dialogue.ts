/**
 * A schedule played by two drivers.
 *
 * @spec 12-interop §3
 * Owns: asking both drivers for each step, and what every step must come to: what is sent arrives as it was, what is forged or
 * repeated is refused and changes nothing. Must not know: who the drivers are.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { type Form, flipBit } from './forge.ts';
import type { Answer, Args, Peer } from './peer.ts';
import type { Plan, Side, Step } from './plan.ts';

/** One end: a driver and how its devices are made. */
export interface End {
  readonly peer: Pick<Peer, 'ask' | 'label'>;
  /** Takes a seed in `device.create`, so that what it does can be replayed. */
  readonly seeded: boolean;
  /** More arguments of `device.create`: suites, policy. */
  readonly create: Args;
  /** What of a saved state a refusal must leave alone; absent, all of it. */
  readonly kept?: ((state: string) => string) | undefined;
}

/** One request and its answer. */
export interface Entry {
  readonly side: Side;
  readonly op: string;
  readonly args: Args;
  readonly answer: Answer;
}

/** What `session.info` said, as far as it is looked at. */
export interface Info {
  readonly suite: string;
  readonly version: number;
  readonly pq: string;
  readonly pqEpoch: number;
}

/** What a dialogue came to. */
export interface Tally {
  readonly sent: number;
  readonly delivered: number;
  readonly lost: number;
  readonly forged: number;
  readonly duplicates: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly info: Readonly<Record<Side, Info | null>>;
}

/** A step that came to something else than it must. @req IOP-05 */
export class Mismatch extends Error {
  readonly step: number;
  readonly doing: Step['do'] | 'create' | 'info';
  readonly side: Side;
  readonly code: string;

  constructor(step: number, doing: Mismatch['doing'], side: Side, code: string, message: string) {
    super(message);
    this.step = step;
    this.doing = doing;
    this.side = side;
    this.code = code;
  }
}

interface Sent {
  readonly by: Side;
  readonly form: Form;
  readonly body: Uint8Array;
  readonly plaintext: string;
}

/** Milliseconds since 1970 at the first step, and from one step to the next: a schedule has its own clock. */
const EPOCH = 1_790_000_000_000;
const STEP_MS = 1000;
const GROUP_REFUSALS: readonly string[] = ['DuplicateMessage', 'InvalidMessage', 'InvalidSignature', 'NoSession'];
const REFUSALS: readonly string[] = [...GROUP_REFUSALS, 'InvalidKey', 'UnsupportedVersion'];

function other(side: Side): Side {
  return side === 'a' ? 'b' : 'a';
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** Settings of one playing. */
export interface PlayOptions {
  /** Take the KEM part out of every bundle: what a classical handshake is made from. */
  readonly stripKem?: boolean;
  /** Look at the receiver's state around every delivery, so that a refused one is known to have changed nothing. */
  readonly watch?: boolean;
}

/** One playing of one plan. */
export class Dialogue {
  readonly plan: Plan;
  readonly entries: Entry[] = [];
  readonly handles: Partial<Record<Side, string>> = {};
  readonly #ends: Readonly<Record<Side, End>>;
  readonly #options: PlayOptions;
  readonly #sent = new Map<number, Sent>();
  readonly #refusals: Record<string, number> = {};
  readonly #counts: Record<string, number> = {};
  #step = 0;

  constructor(plan: Plan, ends: Readonly<Record<Side, End>>, options: PlayOptions = {}) {
    this.plan = plan;
    this.#ends = ends;
    this.#options = options;
  }

  async #ask(side: Side, op: string, args: Args): Promise<Answer> {
    const answer = await this.#ends[side].peer.ask(op, args);
    this.entries.push({ side, op, args, answer });
    return answer;
  }

  #fail(doing: Mismatch['doing'], side: Side, code: string, message: string): never {
    throw new Mismatch(this.#step, doing, side, code, message);
  }

  async #must(
    doing: Mismatch['doing'],
    side: Side,
    op: string,
    args: Args,
  ): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.#ask(side, op, args);
    if ('ok' in answer) return answer.ok;
    const { code, message } = answer.error;
    return this.#fail(doing, side, code, `${this.#ends[side].peer.label} (${side}): ${op}: ${code}: ${message}`);
  }

  #address(side: Side): object {
    return { name: this.plan.names[side], deviceId: side === 'a' ? 1 : 2 };
  }

  /** The arguments that name the session of `side` with the other end. */
  #session(side: Side): Args {
    return { device: this.handles[side], remote: this.#address(other(side)) };
  }

  #timed(side: Side): Args {
    return { ...this.#session(side), now: EPOCH + this.#step * STEP_MS };
  }

  async #create(side: Side): Promise<void> {
    const { seeded, create } = this.#ends[side];
    const { seed, index } = this.plan;
    const own = createHash('sha256').update(`${seed}/${index}/${side}`).digest('hex');
    const args = { local: this.#address(side), ...create, ...(seeded ? { seed: own } : {}) };
    const made = await this.#must('create', side, 'device.create', args);
    this.handles[side] = String(made.device);
  }

  /** Plays every step. @throws {Mismatch} at the first that comes to something else than it must. */
  async play(): Promise<Tally> {
    await this.#create('a');
    await this.#create('b');
    for (const step of this.plan.steps) {
      await this.#play(step);
      count(this.#counts, step.do);
      this.#step++;
    }
    const info = { a: await this.#info('a'), b: await this.#info('b') };
    const counted = (name: Step['do']) => this.#counts[name] ?? 0;
    return {
      sent: counted('send'),
      delivered: counted('deliver'),
      lost: counted('lose'),
      forged: counted('forge'),
      duplicates: counted('duplicate'),
      refusals: this.#refusals,
      info,
    };
  }

  async #info(side: Side): Promise<Info | null> {
    const answer = await this.#ask(side, 'session.info', this.#session(side));
    if ('ok' in answer) return answer.ok as unknown as Info;
    // A session that was archived and not yet followed by another has nothing to tell.
    if (answer.error.code === 'NoSession') return null;
    return this.#fail('info', side, answer.error.code, `session.info: ${answer.error.message}`);
  }

  #play(step: Step): Promise<unknown> {
    switch (step.do) {
      case 'process':
        return this.#process(step.by, step.oneTime);
      case 'distribute':
        return this.#distribute(step.by);
      case 'send':
        return this.#send(step);
      case 'deliver':
        return this.#deliver(step.message);
      case 'duplicate':
        return this.#refuse('duplicate', step.message, (body) => body);
      case 'forge':
        return this.#refuse('forge', step.message, (body, form) => flipBit(body, form, step.at, step.kem));
      case 'archive':
        return this.#must('archive', step.by, 'session.archive', this.#session(step.by));
      case 'reload':
        return this.#reload(step.by);
      case 'lose':
        return Promise.resolve();
    }
  }

  async #process(by: Side, oneTime: boolean): Promise<void> {
    const to = other(by);
    const made = await this.#must('process', to, 'device.bundle', { device: this.handles[to], oneTime });
    const entries = Object.entries(made.bundle as object);
    const kept = this.#options.stripKem ? entries.filter(([name]) => !name.startsWith('kem')) : entries;
    await this.#must('process', by, 'session.process', { ...this.#timed(by), bundle: Object.fromEntries(kept) });
  }

  async #reload(by: Side): Promise<void> {
    const { state } = await this.#must('reload', by, 'device.save', { device: this.handles[by] });
    const loaded = await this.#must('reload', by, 'device.load', { state });
    this.handles[by] = String(loaded.device);
    if ((await this.#saved('reload', by)) !== state)
      this.#fail('reload', by, 'state', 'a loaded device is another one');
  }

  async #saved(doing: Step['do'], side: Side): Promise<string> {
    return String((await this.#must(doing, side, 'device.save', { device: this.handles[side] })).state);
  }

  /** A state as it is compared around a refusal. */
  async #kept(doing: Step['do'], side: Side): Promise<string> {
    const state = await this.#saved(doing, side);
    return this.#ends[side].kept?.(state) ?? state;
  }

  async #send({ by, message, size, group }: Step & { readonly do: 'send' }): Promise<void> {
    const plaintext = hex(seededRandom(`${this.plan.seed}/${this.plan.index}/${message}`)(size));
    const sent = group
      ? await this.#must('send', by, 'group.encrypt', {
          device: this.handles[by],
          distributionId: this.plan.groups[by],
          plaintext,
        })
      : await this.#must('send', by, 'session.encrypt', { ...this.#timed(by), plaintext });
    const form = group ? 'group' : (sent.type as Form);
    this.#sent.set(message, { by, form, body: Uint8Array.from(Buffer.from(String(sent.body), 'hex')), plaintext });
  }

  #message(number: number): Sent {
    const sent = this.#sent.get(number);
    if (sent === undefined) throw new Error(`the schedule delivers message ${number} before it is sent`);
    return sent;
  }

  #open({ by, form }: Sent, body: Uint8Array): { readonly op: string; readonly args: Args } {
    const to = other(by);
    if (form === 'group') {
      return {
        op: 'group.decrypt',
        args: { device: this.handles[to], sender: this.#address(by), body: hex(body) },
      };
    }
    return { op: 'session.decrypt', args: { ...this.#timed(to), type: form, body: hex(body) } };
  }

  async #deliver(number: number): Promise<void> {
    const sent = this.#message(number);
    const to = other(sent.by);
    const { op, args } = this.#open(sent, sent.body);
    const before = this.#options.watch ? await this.#kept('deliver', to) : null;
    const answer = await this.#ask(to, op, args);
    if ('ok' in answer) {
      if (answer.ok.plaintext === sent.plaintext) return;
      this.#fail('deliver', to, 'plaintext', `message ${number} arrived as another one`);
    }
    const unchanged = before === null || before === (await this.#kept('deliver', to));
    const { code, message } = answer.error;
    const changed = unchanged ? '' : ' and changed the receiver';
    const { label } = this.#ends[to].peer;
    this.#fail('deliver', to, code, `${label} (${to}) refused message ${number}${changed}: ${code}: ${message}`);
  }

  /** Delivers what must be refused. */
  async #refuse(doing: 'duplicate' | 'forge', number: number, change: (body: Uint8Array, form: Form) => Uint8Array) {
    const sent = this.#message(number);
    const to = other(sent.by);
    const { op, args } = this.#open(sent, change(sent.body, sent.form));
    const before = await this.#kept(doing, to);
    const answer = await this.#ask(to, op, args);
    if ('ok' in answer) this.#fail(doing, to, 'accepted', `message ${number} was accepted as a ${doing}`);
    const { code, message } = answer.error;
    if (!REFUSALS.includes(code)) this.#fail(doing, to, code, `${doing} of ${number}: ${code}: ${message}`);
    if ((await this.#kept(doing, to)) !== before) this.#fail(doing, to, 'state', `${doing} of ${number} left a trace`);
    count(this.#refusals, `${doing}: ${code}`);
  }

  async #distribute(by: Side): Promise<void> {
    const to = other(by);
    const { distribution } = await this.#must('distribute', by, 'group.create', {
      device: this.handles[by],
      distributionId: this.plan.groups[by],
    });
    const sealed = await this.#must('distribute', by, 'session.encrypt', {
      ...this.#timed(by),
      plaintext: distribution,
    });
    const { type, body } = sealed;
    const opened = await this.#must('distribute', to, 'session.decrypt', { ...this.#timed(to), type, body });
    if (!isDeepStrictEqual(opened.plaintext, distribution)) this.#fail('distribute', to, 'plaintext', 'another key');
    await this.#must('distribute', to, 'group.process', {
      device: this.handles[to],
      sender: this.#address(by),
      distribution,
    });
  }
}
