/**
 * The last act: the relay's files are searched for what they must not hold.
 *
 * @spec 06-relay
 * Owns: the search, and the proof that it can find something. Must not know: tables.
 */
import type { Actor } from './actors.ts';
import type { Plot } from './plot.ts';

/** A value in the forms in which a careless program stores it. */
function forms(value: Buffer): Buffer[] {
  const texts = [value.toString('hex'), value.toString('base64').replaceAll('=', ''), value.toString('base64url')];
  return [value, ...texts.map((text) => Buffer.from(text))];
}

/** How many of the needles are in the haystack in any form. One pass for all of them: there are hundreds, and megabytes. */
function found(haystack: Buffer, needles: readonly Buffer[]): number {
  const byHead = new Map<number, { readonly needle: number; readonly form: Buffer }[]>();
  for (const [needle, value] of needles.entries()) {
    for (const form of forms(value)) {
      const head = form.readUInt16LE(0);
      byHead.set(head, [...(byHead.get(head) ?? []), { needle, form }]);
    }
  }
  const heads = new Uint8Array(0x10000);
  for (const head of byHead.keys()) heads[head] = 1;
  const seen = new Set<number>();
  for (let at = 0; at + 1 < haystack.length; at++) {
    const head = (haystack[at] as number) | ((haystack[at + 1] as number) << 8);
    if (heads[head] === 0) continue;
    for (const { needle, form } of byHead.get(head) ?? []) {
      if (haystack.compare(form, 0, form.length, at, at + form.length) === 0) seen.add(needle);
    }
  }
  return seen.size;
}

/** Searches the database, its log and its shared memory for every text and every private key of the demo. */
export async function databaseSearch(plot: Plot, others: readonly Actor[]): Promise<void> {
  const { alice, bob, relay, report } = plot;
  report.chapter('What the relay’s disk holds');
  const disk = relay.files();
  const texts = plot.said.map((text) => Buffer.from(text));
  const devices = [alice.phone, alice.laptop, bob.phone, bob.laptop, ...others];
  const keys = (await Promise.all(devices.map((device) => device.privateKeys())))
    .flat()
    .map((key) => Buffer.from(key, 'hex'));
  // A search that finds nothing proves nothing unless it can find what is there.
  const known = [Buffer.from(alice.account), Buffer.from(bob.account)];
  report.check(
    'the search finds the account names that are there',
    found(disk, known) === known.length,
    `${disk.length} bytes`,
  );
  report.check(
    'no plaintext is on the relay’s disk',
    texts.length > 0 && found(disk, texts) === 0,
    `${texts.length} texts sought`,
  );
  report.check(
    'no private key is on the relay’s disk',
    keys.length > 0 && found(disk, keys) === 0,
    `${keys.length} keys sought`,
  );
  report.step(
    'the relay’s files hold accounts, public keys and envelopes, no text and no private key',
    `${disk.length} bytes`,
  );
}
