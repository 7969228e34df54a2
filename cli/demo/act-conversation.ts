/**
 * Acts 2 to 4: a reader who is offline, a device linked in mid-conversation, replies.
 *
 * @spec 07-devices
 * Owns: these acts and their checks.
 */
import type { Actor } from './actors.ts';
import type { Plot } from './plot.ts';
import { allRead, line, sameTexts, say } from './plot.ts';
import { bytes } from './report.ts';

/** Alice writes while Bob is away; everything is there when he comes back, on both his devices and on her other one. */
export async function offlineReader(plot: Plot): Promise<void> {
  const { alice, bob, report } = plot;
  report.chapter('Alice writes while Bob is offline');
  await Promise.all([bob.phone.online(false), bob.laptop.online(false)]);
  const texts = [line(plot, 'Are you there?'), line(plot, 'Write when you can.'), line(plot, 'No hurry.')];
  const first = await say(plot, alice.phone, bob.account, texts[0] as string, 'first message, to devices never met');
  for (const text of texts.slice(1)) await say(plot, alice.phone, bob.account, text, 'another one, still unanswered');
  const toBob = first.envelopes.filter((envelope) => envelope.account === bob.account);
  report.check(
    'the first message to each of Bob’s devices carries a handshake',
    toBob.length === 2 && toBob.every((envelope) => envelope.type === 'prekey'),
    toBob.map((envelope) => bytes(envelope.bytes)).join(', '),
  );
  await Promise.all([bob.phone.online(true), bob.laptop.online(true)]);
  await allRead(plot, [bob.phone, bob.laptop], texts, 'Bob, back online, reads all of it in order on each device');
  const [copies] = await allRead(plot, [alice.laptop], texts, 'Alice’s laptop has a copy of what her phone sent');
  report.check('the copies are marked as copies', copies?.every((copy) => copy.sync) ?? false);
  report.step("Bob's phone and laptop are back and have read everything");
  const status = await bob.phone.status();
  const suites = Object.values(status.suites);
  report.check(
    'the suite is the one asked for',
    suites.length > 0 && suites.every((suite) => suite === plot.stage.suite),
    plot.stage.suite,
  );
}

/** A tablet joins; Alice does not know; the relay refuses her send as a whole and she repairs it. */
export async function linkInMidConversation(
  plot: Plot,
  link: (plot: Plot, primary: Actor, device: Actor) => Promise<number>,
): Promise<{ actor: Actor; deviceId: number }> {
  const { alice, bob, report } = plot;
  report.chapter('Bob links a tablet in mid-conversation');
  const actor = plot.stage.enter("Bob's tablet");
  const deviceId = await link(plot, bob.phone, actor);
  const text = line(plot, 'Did you get the tablet?');
  const sent = await say(
    plot,
    alice.phone,
    bob.account,
    text,
    'the next message, to a set of devices that has changed',
  );
  const met = sent.repairs.filter((repair) => repair.status === 409 && repair.account === bob.account);
  report.check(
    'Alice’s send met 409 and was repaired',
    met.length === 1,
    sent.repairs.map((repair) => repair.status).join(', '),
  );
  const readers = [bob.phone, bob.laptop, actor, alice.laptop];
  await allRead(plot, readers, [text], 'fan-out reaches all five devices');
  report.check(
    'one envelope went to each device but the sending one',
    sent.envelopes.length === readers.length,
    `${sent.envelopes.length} envelopes`,
  );
  return { actor, deviceId };
}

/** Every device answers; from then on no handshake is repeated. */
export async function replies(plot: Plot, tablet: Actor): Promise<void> {
  const { alice, bob, report } = plot;
  report.chapter('Replies');
  const answered: string[] = [];
  const heardTwice: boolean[] = [];
  const devices = [bob.phone, bob.laptop, tablet];
  for (const device of devices) {
    const text = line(plot, 'Yes, here.');
    answered.push(text);
    await say(plot, device, alice.account, text, 'answers');
    const heard = await Promise.all([alice.phone, alice.laptop].map((reader) => reader.take(1)));
    heardTwice.push(heard.every((messages) => sameTexts(messages, [text])));
  }
  report.check(
    'each of Bob’s devices is heard on both of Alice’s',
    heardTwice.every((both) => both),
    `${answered.length} answers`,
  );
  const own = await Promise.all(devices.map((device) => device.take(answered.length - 1)));
  report.check(
    'Bob’s devices see each other’s answers, not their own',
    own.every((copies, i) => copies.every((copy) => copy.sync && copy.text !== answered[i])),
  );
  const text = line(plot, 'Good.');
  const sent = await say(plot, alice.phone, bob.account, text, 'writes on, on sessions that are now acknowledged');
  const toBob = sent.envelopes.filter((envelope) => envelope.account === bob.account);
  report.check(
    'an acknowledged session sends plain messages',
    toBob.length === 3 && toBob.every((envelope) => envelope.type === 'message'),
    toBob.map((envelope) => bytes(envelope.bytes)).join(', '),
  );
  await allRead(plot, [...devices, alice.laptop], [text], 'everybody reads the message after the answers');
}
