/**
 * The plot: one conversation, from registration to the search of the relay's database.
 *
 * @spec 07-devices
 * Owns: the order of acts. Must not know: how processes are started or lines are printed.
 */
import { randomUUID } from 'node:crypto';
import { linkInMidConversation, offlineReader, replies } from './act-conversation.ts';
import { disorder, relayKilled } from './act-faults.ts';
import { healing } from './act-healing.ts';
import { revocation, rotation } from './act-keys.ts';
import { databaseSearch } from './act-search.ts';
import type { Actor } from './actors.ts';
import type { Plot } from './plot.ts';
import type { Report } from './report.ts';
import { bytes } from './report.ts';
import type { Stage } from './stage.ts';

/** Links a new device to the primary's account: an offer one way, an acceptance back, no private key either way. */
async function linkDevice(plot: Pick<Plot, 'report'>, primary: Actor, device: Actor): Promise<number> {
  const { offer } = await device.offer();
  const { acceptance } = await primary.link(offer);
  const status = await device.accept(acceptance);
  await device.online(true);
  plot.report.step(
    `${device.name} is linked by ${primary.name} as device ${status.deviceId}: manifest version ${status.manifestVersion}`,
    `offer ${bytes(offer.length)}`,
  );
  return status.deviceId;
}

async function registration(stage: Stage, report: Report, quick: boolean): Promise<Plot> {
  report.chapter('Registration');
  const relay = await stage.startRelay();
  report.step(`a relay on ${relay.url}, process ${relay.pid}, with a SQLite file`);
  const plot: Plot = {
    stage,
    report,
    quick,
    relay,
    alice: { account: randomUUID(), phone: stage.enter("Alice's phone"), laptop: stage.enter("Alice's laptop") },
    bob: { account: randomUUID(), phone: stage.enter("Bob's phone"), laptop: stage.enter("Bob's laptop") },
    said: [],
  };
  for (const person of [plot.alice, plot.bob]) {
    const status = await person.phone.register(person.account);
    report.step(
      `${person.phone.name} registers: signed prekey, ${status.kemPreKeyId === null ? 'no KEM prekey' : 'KEM prekey'}, one-time keys`,
      `${status.oneTimePreKeys} one-time keys`,
    );
    await person.phone.online(true);
    await linkDevice(plot, person.phone, person.laptop);
  }
  const statuses = await Promise.all([plot.alice, plot.bob].map((person) => person.phone.status()));
  report.check(
    'two accounts of two devices each stand in signed manifests',
    statuses.every((status) => status.devicesInManifest.join() === '1,2' && status.manifestVersion === 2),
    `versions ${statuses.map((status) => status.manifestVersion).join(', ')}`,
  );
  await keysStayHome(plot);
  return plot;
}

async function keysStayHome(plot: Plot): Promise<void> {
  const devices = [plot.alice.phone, plot.alice.laptop, plot.bob.phone, plot.bob.laptop];
  const keys = await Promise.all(devices.map((device) => device.privateKeys()));
  const all = keys.flat();
  plot.report.check('no private key is on two devices', new Set(all).size === all.length, `${all.length} private keys`);
}

/** Plays the whole conversation; `quick` sends fewer messages and leaves nothing out. */
export async function playScenario(stage: Stage, report: Report, quick: boolean): Promise<void> {
  const plot = await registration(stage, report, quick);
  await offlineReader(plot);
  const tablet = await linkInMidConversation(plot, linkDevice);
  await replies(plot, tablet.actor);
  await disorder(plot);
  await rotation(plot);
  await revocation(plot, tablet);
  // On stage before they are needed: a process takes its time to start.
  const pair = [stage.enter("Carol's phone"), stage.enter("Dave's phone")] as const;
  await relayKilled(plot);
  await healing(plot, pair);
  await databaseSearch(plot, pair);
}
