/**
 * Act 9: two devices write long enough for the post-quantum ratchet to complete an epoch.
 *
 * @spec 05-sessions §7, 08-braid §9
 * Owns: this act and its checks.
 */
import { randomUUID } from 'node:crypto';
import { getSuite } from '../../client/index.ts';
import type { Actor, SentEnvelope } from './actors.ts';
import type { Plot } from './plot.ts';
import { labelOf, line } from './plot.ts';

const MESSAGES = 200;
const QUICK_MESSAGES = 100;

/** Carol and Dave, each with one device, write in turn; the label of their messages says when their session has healed. */
export async function healing(plot: Plot, pair: readonly [Actor, Actor]): Promise<void> {
  const { report, stage } = plot;
  const total = plot.quick ? QUICK_MESSAGES : MESSAGES;
  report.chapter('A long conversation heals');
  const people = [
    { actor: pair[0], account: randomUUID() },
    { actor: pair[1], account: randomUUID() },
  ] as const;
  await Promise.all(people.map(({ actor, account }) => actor.register(account)));
  await Promise.all(people.map(({ actor }) => actor.online(true)));
  report.step('Carol and Dave register, a phone each');
  const sent: SentEnvelope[] = [];
  let asSent = 0;
  for (let i = 0; i < total; i++) {
    const [from, to] = i % 2 === 0 ? people : [people[1], people[0]];
    const text = line(plot, 'And so on.');
    const { envelopes } = await from.actor.send(to.account, text);
    const [read] = await to.actor.take(1);
    const [envelope] = envelopes;
    if (envelope === undefined) continue;
    if (read?.text === text && labelOf(read) === labelOf(envelope)) asSent += 1;
    sent.push(envelope);
    report.progress(`${i + 1} of ${total} messages: ${labelOf(envelope)}`);
  }
  const labels = sent.map(labelOf);
  const turns = labels.filter((label, i) => label !== labels[i - 1]);
  const last = sent.at(-1);
  report.step(`they write ${total} messages in turn`, `${last?.bytes ?? 0} B the last`, turns.join(' → '));
  report.check('each message was read, with the label that its sender gave it', asSent === total, `${asSent} messages`);
  const healedAt = sent.findIndex(({ protection }) => protection === 'pq-healed') + 1;
  const hybrid = getSuite(stage.suite).kem !== null;
  report.check(
    'the label turns to PQ-healed once an epoch is complete; without a KEM it stays classical',
    hybrid ? healedAt > 1 && last?.protection === 'pq-healed' : turns.join() === 'classical',
    hybrid ? `message ${healedAt}, now epoch ${last?.pqEpoch ?? 0}` : turns.join(),
  );
}
