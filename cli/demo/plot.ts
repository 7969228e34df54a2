/**
 * What the acts of the demo share: who is who, what was said, and whether it arrived.
 *
 * @spec 07-devices
 * Owns: the cast, the list of everything said, comparing what was sent with what was read. Must not know: the order of acts.
 */
import { randomUUID } from 'node:crypto';
import type { Actor, ReceivedText, RelayProcess, SendReport } from './actors.ts';
import type { Report } from './report.ts';
import { bytes, count } from './report.ts';
import type { Stage } from './stage.ts';

/** Everything an act needs. Devices join as they enter. */
export interface Plot {
  readonly stage: Stage;
  readonly report: Report;
  readonly quick: boolean;
  readonly relay: RelayProcess;
  readonly alice: { readonly account: string; readonly phone: Actor; readonly laptop: Actor };
  readonly bob: { readonly account: string; readonly phone: Actor; readonly laptop: Actor };
  /** Every text ever sent, in order: the search at the end looks for each of them. */
  readonly said: string[];
}

let spoken = 0;

/** A text no two of which are alike, so that a search for it means something. */
export function line(plot: Plot, words: string): string {
  spoken += 1;
  const text = `${words} (${spoken}, ${randomUUID().slice(0, 8)})`;
  plot.said.push(text);
  return text;
}

const LABELS: Readonly<Record<string, string>> = {
  classical: 'classical',
  'hybrid-start': 'hybrid start',
  'pq-healed': 'PQ-healed',
};

/** What protected a message, for people: its label, and the epoch of the post-quantum ratchet that its key comes from. */
export function labelOf({ protection, pqEpoch }: { readonly protection: string; readonly pqEpoch: number }): string {
  const label = LABELS[protection] ?? protection;
  return protection === 'classical' ? label : `${label}, PQ epoch ${pqEpoch}`;
}

/** Sends and shows one line about it. */
export async function say(plot: Plot, who: Actor, to: string, text: string, shown: string): Promise<SendReport> {
  const sent = await who.send(to, text);
  const sizes = sent.envelopes.map((envelope) => envelope.bytes);
  const largest = sizes.length === 0 ? '' : ` (largest ${bytes(Math.max(...sizes))})`;
  const labels = new Set(sent.envelopes.map(labelOf));
  plot.report.step(
    `${who.name}: ${shown}`,
    `${count(sent.envelopes.length, 'envelope')}${largest}`,
    [...labels].join('; '),
  );
  return sent;
}

/** True if the texts read are exactly those sent, each once, in order. */
export function sameTexts(read: readonly ReceivedText[], sent: readonly string[]): boolean {
  return read.length === sent.length && read.every((message, i) => message.text === sent[i]);
}

/** Lets several devices read, and checks that each read exactly `sent`. */
export async function allRead(
  plot: Plot,
  readers: readonly Actor[],
  sent: readonly string[],
  check: string,
): Promise<readonly (readonly ReceivedText[])[]> {
  const read = await Promise.all(readers.map((reader) => reader.take(sent.length)));
  const wrong = readers.filter((_, i) => !sameTexts(read[i] ?? [], sent)).map((reader) => reader.name);
  const detail =
    wrong.length === 0
      ? `${count(readers.length, 'device')}, ${count(sent.length, 'message')} each`
      : `not: ${wrong.join(', ')}`;
  plot.report.check(check, wrong.length === 0, detail);
  return read;
}
