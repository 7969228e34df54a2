/**
 * Acts 6 and 7: keys rotate, a device is revoked.
 *
 * @spec 07-devices
 * Owns: these acts and their checks.
 */
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Actor } from './actors.ts';
import type { Plot } from './plot.ts';
import { allRead, line, say } from './plot.ts';

/** Bob's phone rotates its signed and KEM prekeys; Alice begins a new session on the new ones. */
export async function rotation(plot: Plot): Promise<void> {
  const { alice, bob, report } = plot;
  report.chapter('Rotation');
  const { before, after } = await bob.phone.rotate();
  report.step(
    `Bob's phone rotates: signed prekey ${before.signedPreKeyId} → ${after.signedPreKeyId}` +
      (after.kemPreKeyId === null ? '' : `, KEM prekey ${before.kemPreKeyId} → ${after.kemPreKeyId}`),
  );
  report.check('the signed prekey is a new one', before.signedPreKeyId !== after.signedPreKeyId);
  report.check(
    'the KEM prekey is a new one, where the suite has one',
    (after.kemPreKeyId === null) === (before.kemPreKeyId === null) &&
      (after.kemPreKeyId === null || after.kemPreKeyId !== before.kemPreKeyId),
  );
  await alice.laptop.reset(bob.account);
  const text = line(plot, 'New keys, new session.');
  const sent = await say(plot, alice.laptop, bob.account, text, 'a new session with each of Bob’s devices');
  const toBob = sent.envelopes.filter((envelope) => envelope.account === bob.account);
  report.check(
    'new sessions are begun on the rotated keys',
    toBob.length === 3 && toBob.every((envelope) => envelope.type === 'prekey'),
    `${toBob.length} handshakes`,
  );
  await allRead(plot, [bob.phone, bob.laptop, alice.phone], [text], 'Bob reads on the new sessions');
}

function steal(tablet: Actor, to: string): void {
  for (const suffix of ['', '-wal', '-shm', '.witness']) {
    if (existsSync(tablet.file + suffix)) copyFileSync(tablet.file + suffix, to + suffix);
  }
}

/** What the relay holds for the devices, or for one, as somebody would see it who reads its disk. */
function envelopesOnDisk(database: string, deviceId: number | null = null): { type: string; body: Uint8Array }[] {
  const db = new DatabaseSync(database, { readOnly: true });
  try {
    return db
      .prepare(
        'SELECT kind AS type, body FROM env JOIN device USING (dev) WHERE device_id = coalesce(?, device_id) ORDER BY id',
      )
      .all(deviceId) as unknown as {
      type: string;
      body: Uint8Array;
    }[];
  } finally {
    db.close();
  }
}

/** A copy of the tablet's storage does open what waits for the tablet: what it fails at later, it fails at for the revocation. */
async function control(plot: Plot, tablet: { actor: Actor; deviceId: number }): Promise<void> {
  const { alice, bob, relay, report, stage } = plot;
  await tablet.actor.online(false);
  const text = line(plot, 'Is the tablet still with you?');
  await say(plot, alice.phone, bob.account, text, 'a message that waits for the tablet');
  await allRead(plot, [bob.phone, bob.laptop, alice.laptop], [text], 'the others read it');
  const file = join(stage.folder, 'copied.db');
  steal(tablet.actor, file);
  const copy = stage.enter('A copy of the tablet', file);
  const opened = await copy.attempt(alice.account, 1, envelopesOnDisk(relay.database, tablet.deviceId));
  report.check(
    'before it is revoked, a copy of the tablet’s storage opens what waits for it',
    opened === 1,
    `${opened} opened`,
  );
  await copy.stop();
  await tablet.actor.online(true);
  await allRead(plot, [tablet.actor], [text], 'the tablet, back online, reads it too');
}

/** The tablet's storage is copied, then the tablet is revoked: the copy neither gets nor opens what is said afterwards. */
export async function revocation(plot: Plot, tablet: { actor: Actor; deviceId: number }): Promise<void> {
  const { alice, bob, report, stage } = plot;
  report.chapter('Revocation');
  const stolen = join(stage.folder, 'stolen.db');
  await tablet.actor.take(Number.MAX_SAFE_INTEGER, 200);
  await control(plot, tablet);
  steal(tablet.actor, stolen);
  report.step("somebody copies the storage of Bob's tablet: every session, every private key");
  const status = await bob.phone.remove(tablet.deviceId);
  report.step(`Bob's phone revokes device ${tablet.deviceId}: manifest version ${status.manifestVersion}`);
  report.check('the manifest no longer holds the tablet', !status.devicesInManifest.includes(tablet.deviceId));
  report.check('the tablet’s socket was closed as revoked', (await tablet.actor.closed()) === 4401, 'code 4401');
  await Promise.all([bob.phone.online(false), bob.laptop.online(false)]);
  const text = line(plot, 'The tablet is gone.');
  const sent = await say(plot, alice.phone, bob.account, text, 'the next message');
  report.check(
    'Alice sends nothing to the revoked device',
    sent.envelopes.every((envelope) => envelope.account !== bob.account || envelope.deviceId !== tablet.deviceId),
  );
  await thief(plot, stolen);
  await Promise.all([bob.phone.online(true), bob.laptop.online(true)]);
  await allRead(plot, [bob.phone, bob.laptop, alice.laptop], [text], 'Bob’s other devices read on');
}

async function thief(plot: Plot, stolen: string): Promise<void> {
  const { alice, relay, report, stage } = plot;
  const copy = stage.enter('The thief', stolen);
  await copy.online(true);
  const closed = await copy.closed();
  report.check('the stolen copy is turned away by the relay', closed === 4401, `code ${closed}`);
  const envelopes = envelopesOnDisk(relay.database);
  const opened = await copy.attempt(alice.account, 1, envelopes);
  report.step('the copy tries every envelope on the relay’s disk', `${envelopes.length} envelopes`);
  report.check(
    'stolen state opens nothing that was sent after the revocation',
    envelopes.length > 0 && opened === 0,
    `${opened} of ${envelopes.length}`,
  );
  await copy.stop();
}
