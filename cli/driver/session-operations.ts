/**
 * Operations on sessions.
 *
 * @spec 11-driver §6
 * Owns: passing a device's state into the session steps and back. Must not know: what the steps do.
 */
import { z } from 'zod';
import type { Wipeable } from '../../protocol/bytes/secret.ts';
import type { ProtocolAddress } from '../../protocol/codec/address.ts';
import { addressKey } from '../../protocol/codec/address.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { SessionRecord } from '../../protocol/session/session.ts';
import {
  archiveSession,
  decryptMessage,
  decryptPreKeyMessage,
  encryptMessage,
  isBraidFailure,
  processBundle,
  sessionInfo,
} from '../../protocol/session/session.ts';
import type { Device } from './device.ts';
import { consumePreKeys, environmentOf, peerOf, preKeyLookup, withSession } from './device.ts';
import { hex } from './hex.ts';
import { deviceOperation, type Operation, type Scene, type Step } from './operation.ts';
import { address, bundle, bytes, instant } from './values.ts';

interface Named {
  readonly remote: ProtocolAddress;
  readonly now?: number | undefined;
}

const named = { remote: address, now: instant.optional() };

function surroundings({ device, provider, random, driver }: Scene, { remote, now }: Named) {
  return environmentOf(device, remote, { provider, random, now: now ?? driver.clock() });
}

function recordOf({ device }: Scene, { remote }: Named): SessionRecord | null {
  return peerOf(device, remote)?.record ?? null;
}

/** Where the braid failures of a session are counted. */
function counter({ handle }: Scene, { remote }: Named): string {
  return `${handle}/${addressKey(remote)}`;
}

function noSession(): ProtocolError {
  return new ProtocolError('NoSession', 'state', 'no-current-session');
}

interface Opened {
  readonly device: Device;
  readonly plaintext: Uint8Array;
  readonly spent: readonly Wipeable[];
}

function openPreKeyMessage(scene: Scene, args: Named, body: Uint8Array): Opened {
  const { device } = scene;
  const env = surroundings(scene, args);
  const opened = decryptPreKeyMessage(env, recordOf(scene, args), body, preKeyLookup(device));
  const after = opened.used === null ? { device, spent: [] } : consumePreKeys(device, opened.used);
  return {
    device: withSession(after.device, args.remote, opened),
    plaintext: opened.plaintext,
    spent: [...opened.spent, ...after.spent],
  };
}

function openMessage(scene: Scene, args: Named, body: Uint8Array): Opened {
  const opened = decryptMessage(surroundings(scene, args), recordOf(scene, args), body);
  return {
    device: withSession(scene.device, args.remote, opened),
    plaintext: opened.plaintext,
    spent: opened.spent,
  };
}

/** Counts what the braid refuses, in a row: three say `stalled` (DRV-13). */
function counting(scene: Scene, args: Named, open: () => Opened): Opened {
  const { braidFailures } = scene.driver;
  const key = counter(scene, args);
  try {
    const opened = open();
    braidFailures.delete(key);
    return opened;
  } catch (error) {
    // @req DRV-13
    if (isBraidFailure(error)) braidFailures.set(key, (braidFailures.get(key) ?? 0) + 1);
    throw error;
  }
}

function tell(scene: Scene, args: Named): Step {
  const failures = scene.driver.braidFailures.get(counter(scene, args)) ?? 0;
  const info = sessionInfo({ now: args.now ?? scene.driver.clock() }, recordOf(scene, args), failures);
  if (info === null) throw noSession();
  const { suite, version, ratchet, pq, pqEpoch, pqMayFallBack, unacknowledged, archived, usable } = info;
  return {
    device: scene.device,
    ok: { suite, version, ratchet, pq, pqEpoch, pqMayFallBack, unacknowledged, archived, usable },
  };
}

function archive(scene: Scene, args: Named): Step {
  const peer = peerOf(scene.device, args.remote);
  if (peer === null || peer.record.current === null) throw noSession();
  const record = archiveSession(scene.provider, peer.record);
  return { device: withSession(scene.device, peer.address, { record, remoteIdentity: peer.identity }), ok: {} };
}

/** The operations on sessions. */
export const sessionOperations: readonly Operation[] = [
  deviceOperation('session.process', { ...named, bundle }, (args, scene) => {
    const begun = processBundle(surroundings(scene, args), recordOf(scene, args), args.bundle);
    scene.driver.braidFailures.delete(counter(scene, args));
    return { device: withSession(scene.device, args.remote, begun), ok: {}, spent: begun.spent };
  }),
  deviceOperation('session.encrypt', { ...named, plaintext: bytes }, (args, scene) => {
    const sealed = encryptMessage(surroundings(scene, args), recordOf(scene, args), args.plaintext);
    const device = withSession(scene.device, args.remote, sealed);
    return { device, ok: { type: sealed.type, body: hex(sealed.body) }, spent: sealed.spent };
  }),
  deviceOperation('session.decrypt', { ...named, type: z.enum(['prekey', 'message']), body: bytes }, (args, scene) => {
    const open = args.type === 'prekey' ? openPreKeyMessage : openMessage;
    const { device, plaintext, spent } = counting(scene, args, () => open(scene, args, args.body));
    return { device, ok: { plaintext: hex(plaintext) }, spent };
  }),
  deviceOperation('session.info', named, (args, scene) => tell(scene, args)),
  deviceOperation('session.archive', named, (args, scene) => archive(scene, args)),
];
