/**
 * What libsignal makes and our stricter rules must not refuse.
 *
 * @spec 12-interop §6
 * Owns: rounds of bundles, messages, sender keys and safety numbers between fresh devices. Must not know: releases.
 */
import { pooled, type Running, withDrivers } from './drivers.ts';
import type { Args, DriverCommand } from './peer.ts';

/** Rounds at the same time, and per pair of processes. */
const WIDTH = 8;
const PER_PROCESS = 1000;
/** Every so many rounds the two safety numbers are compared: they cost more than the rest of a round. */
const FINGERPRINT_EVERY = 100;
const SHOWN = 20;

/** How many of each kind ours took. */
export interface HonestResult {
  readonly peer: string;
  readonly rounds: number;
  readonly bundles: number;
  readonly prekeyMessages: number;
  readonly messages: number;
  readonly distributions: number;
  readonly groupMessages: number;
  readonly safetyNumbers: number;
  readonly refusals: readonly string[];
  readonly seconds: number;
}

type Counts = Record<
  'bundles' | 'prekeyMessages' | 'messages' | 'distributions' | 'groupMessages' | 'safetyNumbers',
  number
>;

class Refused extends Error {}

type Ok = Readonly<Record<string, unknown>>;

async function must({ peer }: Running, op: string, args: Args): Promise<Ok> {
  const answer = await peer.ask(op, args);
  if ('ok' in answer) return answer.ok;
  throw new Refused(`${peer.label}: ${op}: ${answer.error.code}: ${answer.error.message}`);
}

function uuid(round: number, tail: number): string {
  return `${round.toString(16).padStart(8, '0')}-0000-4000-8000-${tail.toString(16).padStart(12, '0')}`;
}

interface Member {
  readonly driver: Running;
  readonly device: string;
  readonly address: { readonly name: string; readonly deviceId: number };
  readonly identity: string;
}

async function member(driver: Running, round: number, tail: number): Promise<Member> {
  // Every other round has names that are no Service IDs: first messages then carry no addresses.
  const name = round % 2 === 0 ? uuid(round, tail) : `member-${round}-${tail}`;
  const address = { name, deviceId: 1 + (round % 127) };
  const made = await must(driver, 'device.create', { local: address });
  return { driver, device: String(made.device), address, identity: String(made.identityPublic) };
}

async function carry(from: Member, to: Member, plaintext: string): Promise<string> {
  const sent = await must(from.driver, 'session.encrypt', { device: from.device, remote: to.address, plaintext });
  const { type, body } = sent;
  const opened = await must(to.driver, 'session.decrypt', { device: to.device, remote: from.address, type, body });
  if (opened.plaintext !== plaintext) throw new Refused('arrived as another one');
  return String(type);
}

async function begin(from: Member, to: Member, oneTime: boolean): Promise<void> {
  const { bundle } = await must(to.driver, 'device.bundle', { device: to.device, oneTime });
  await must(from.driver, 'session.process', { device: from.device, remote: to.address, bundle });
}

async function group(from: Member, to: Member, round: number): Promise<void> {
  const distributionId = uuid(round, 7);
  const { distribution } = await must(from.driver, 'group.create', { device: from.device, distributionId });
  await must(to.driver, 'group.process', { device: to.device, sender: from.address, distribution });
  const { body } = await must(from.driver, 'group.encrypt', { device: from.device, distributionId, plaintext: '0a0b' });
  const opened = await must(to.driver, 'group.decrypt', { device: to.device, sender: from.address, body });
  if (opened.plaintext !== '0a0b') throw new Refused('group message arrived as another one');
}

async function safetyNumber(one: Member, two: Member): Promise<void> {
  const args = { localId: '01', localIdentity: one.identity, remoteId: '02', remoteIdentity: two.identity };
  const [first, second] = [await must(one.driver, 'fingerprint', args), await must(two.driver, 'fingerprint', args)];
  const same = first.displayable === second.displayable && first.scannable === second.scannable;
  if (!same) throw new Refused('safety numbers differ');
}

/** One round: ours takes a bundle and is answered, then another of ours is written to first; a group; a safety number. */
async function play(round: number, ours: Running, theirs: Running, counts: Counts): Promise<void> {
  const [we, they] = [await member(ours, round, 1), await member(theirs, round, 2)];
  await begin(we, they, round % 4 !== 0);
  counts.bundles++;
  await carry(we, they, '01');
  await carry(they, we, '02');
  counts.messages++;
  const [other, writer] = [await member(ours, round, 3), await member(theirs, round, 4)];
  await begin(writer, other, round % 4 !== 1);
  if ((await carry(writer, other, '03')) === 'prekey') counts.prekeyMessages++;
  await group(they, we, round);
  counts.distributions++;
  counts.groupMessages++;
  if (round % FINGERPRINT_EVERY !== 0) return;
  await safetyNumber(we, they);
  counts.safetyNumbers++;
}

/** Plays so many rounds. @throws {Error} where a driver is missing. */
export async function runHonest(
  commands: readonly [DriverCommand, DriverCommand],
  rounds: number,
  progress: (done: number, of: number) => void,
): Promise<HonestResult> {
  const began = performance.now();
  const counts: Counts = {
    bundles: 0,
    prekeyMessages: 0,
    messages: 0,
    distributions: 0,
    groupMessages: 0,
    safetyNumbers: 0,
  };
  const refusals: string[] = [];
  let done = 0;
  for (let start = 0; start < rounds; start += PER_PROCESS) {
    const numbers = Array.from({ length: Math.min(PER_PROCESS, rounds - start) }, (_, at) => start + at);
    await withDrivers(commands, (ours, theirs) =>
      pooled(numbers, WIDTH, async (round) => {
        try {
          await play(round, ours, theirs, counts);
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          if (refusals.length < SHOWN) refusals.push(`round ${round}: ${error.message}`);
        }
        progress(++done, rounds);
      }),
    );
  }
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  return { peer: commands[1].label, rounds, ...counts, refusals, seconds };
}
