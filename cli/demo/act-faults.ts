/**
 * Acts 5 and 8: a network that loses, repeats and reorders; a relay that is killed.
 *
 * @spec 07-devices
 * Owns: these acts and their checks.
 */
import type { Plot } from './plot.ts';
import { allRead, line, sameTexts, say } from './plot.ts';

/** Envelopes arrive backwards, twice, and one of them never: the rest is read, each once. */
export async function disorder(plot: Plot): Promise<void> {
  const { alice, bob, report, quick } = plot;
  report.chapter('Out of order, repeated, lost');
  const count = quick ? 5 : 20;
  const lost = 2;
  await alice.laptop.hold();
  const texts = Array.from({ length: count }, (_, i) => line(plot, `Part ${i + 1} of ${count}.`));
  for (const text of texts) await bob.laptop.send(alice.account, text);
  report.step(`Bob's laptop writes ${count} messages; the network in front of Alice's laptop keeps them`);
  const { held, delivered } = await alice.laptop.release({
    expected: count,
    reverse: true,
    lose: [lost],
    repeat: true,
  });
  const expected = texts.filter((_, i) => i !== lost).reverse();
  const read = await alice.laptop.take(expected.length);
  report.step(
    `it hands over ${delivered} envelopes for ${held}: backwards, each twice, one lost`,
    `${read.length} read`,
  );
  report.check(
    'out of order, every message that arrived is read, each once',
    sameTexts(read, expected),
    `${read.length} of ${count}`,
  );
  const status = await alice.laptop.status();
  report.check(
    'the repeated ones are refused as duplicates',
    status.duplicates >= expected.length,
    `${status.duplicates} duplicates`,
  );
  const after = line(plot, 'Part 3 seems to be missing.');
  await say(plot, alice.laptop, bob.account, after, 'notices the gap and writes on');
  const phones = await alice.phone.take(count + 1);
  report.check(
    'Alice’s phone, behind a good network, missed nothing',
    sameTexts(phones, [...texts, after]),
    `${phones.length} read`,
  );
  // The copies on Bob's phone are drained too, so that the next act begins with empty hands.
  const [onPhone, onLaptop] = await Promise.all([bob.phone.take(count + 1), bob.laptop.take(1)]);
  report.check(
    'a lost message does not stop the session',
    onPhone.at(-1)?.text === after && sameTexts(onLaptop, [after]),
    '2 devices',
  );
}

/** `kill -9` between two messages and during a third: what was accepted is delivered, what was not is sent again. */
export async function relayKilled(plot: Plot): Promise<void> {
  const { alice, bob, relay, report, quick } = plot;
  report.chapter('The relay is killed');
  const before = Array.from({ length: quick ? 3 : 10 }, () => line(plot, 'Before the fall.'));
  await bob.laptop.online(false);
  for (const text of before) await alice.phone.send(bob.account, text);
  report.step(`Alice's phone writes ${before.length} messages; Bob's laptop is away`);
  const pid = relay.pid;
  await relay.kill();
  report.step(`kill -9 ${pid}`);
  const during = line(plot, 'While nobody listens.');
  const sending = alice.phone.send(bob.account, during);
  await relay.restart();
  report.step(`the relay is back on the same file, process ${relay.pid}`);
  await sending;
  const after = line(plot, 'After the fall.');
  await say(plot, alice.phone, bob.account, after, 'the message sent into the void went out again; one more');
  await bob.laptop.online(true);
  const texts = [...before, during, after];
  await allRead(
    plot,
    [bob.phone, bob.laptop, alice.laptop],
    texts,
    'nothing acknowledged was lost, nothing came twice',
  );
  report.step('everything is there, in order, once');
}
