/**
 * A device: the client's front door.
 *
 * @spec 07-devices §1
 * Owns: what an application may ask of a device. Must not know: how any of it is done.
 */
import { copyInput } from '../protocol/bytes/bytes.ts';
import type { ProtocolAddress } from '../protocol/codec/address.ts';
import { addressKey } from '../protocol/codec/address.ts';
import type { DeviceManifest } from '../protocol/codec/manifest.ts';
import { assertPrimeOrderPublicKey } from '../protocol/crypto/keys.ts';
import { isProtocolError, ProtocolError } from '../protocol/errors.ts';
import type { SessionInfo } from '../protocol/session/session.ts';
import { sessionInfo } from '../protocol/session/session.ts';
import { type Context, commit, contextOf, surroundings } from './context.ts';
import { refuseWaiting } from './delivering.ts';
import { acceptLink, createLinkedOffer, createPrimary, finishRegistration } from './enrolment.ts';
import { Link } from './live.ts';
import {
  canonicalAccount,
  deleteManifest,
  fetchManifest,
  getManifest,
  getPin,
  putPin,
  saveManifest,
} from './manifest-trust.ts';
import { linkDevice, publishPending, removeDevice } from './own-manifest.ts';
import { currentKeys, maintainKeys } from './prekeys.ts';
import { KeyedQueue } from './queue.ts';
import { receive } from './receiving.ts';
import { deleteInbox, getGeneration, listInbox, outboxKeys } from './records/mail.ts';
import { countKeys, countSharedSessions } from './records/prekeys.ts';
import { getSelf, type Self } from './records/self.ts';
import { forgetSent } from './records/sent-log.ts';
import { addressOf, archiveSessions, getSession, listSessions } from './records/sessions.ts';
import type { Envelope } from './relay/transport.ts';
import { checkGeneration } from './rollback.ts';
import { flush, send } from './sending.ts';
import type { StoreTransaction } from './store/store.ts';
import type { DeviceOptions, DeviceStatus, InboxMessage, Receipt, SendResult } from './types.ts';

/** Envelopes asked for at once. */
const PAGE = 100;
/** Pages taken in by one call: more than a mailbox holds (06-relay §6). */
const MAX_PAGES = 200;

/** One device of one account. Made by the static methods; all state is in its store. */
export class Device {
  readonly #ctx: Context;
  readonly #queue = new KeyedQueue();
  readonly #live: Link;

  private constructor(ctx: Context) {
    this.#ctx = ctx;
    this.#live = new Link(ctx, { receive: (envelope) => this.receive(envelope), resume: () => this.resume() });
  }

  /**
   * Makes the primary device of a new account and registers it. An interrupted registration is finished by {@link open} and
   * {@link resume}.
   *
   * @param identity `account`: a UUID; `name`: at most 64 bytes of UTF-8, seen by everybody who talks to the account
   * @throws {ProtocolError} `InvalidArgument`, `NotAllowed`/`store-in-use`; {@link RelayError} 409 where the account is taken.
   */
  static async createPrimary(
    options: DeviceOptions,
    identity: { readonly account: string; readonly name: string },
  ): Promise<Device> {
    const around = surroundings(options);
    const self = await createPrimary(around, identity.account, identity.name);
    const device = new Device(contextOf(around, options, self));
    await finishRegistration(device.#ctx);
    return device;
  }

  /** Makes a new device's keys; returns the offer to show to the primary's {@link linkDevice}. Asked again, the same one. */
  static createLinkedOffer(options: DeviceOptions, identity: { readonly name: string }): Promise<Uint8Array> {
    return createLinkedOffer(surroundings(options), identity.name);
  }

  /**
   * Takes what the primary's {@link linkDevice} returned, and publishes this device's prekeys.
   * @throws {ProtocolError} `UntrustedIdentity`/`not-in-manifest`, `InvalidSignature`, `InvalidMessage`, `NotAllowed`;
   * {@link RelayError}: the link holds then, {@link open} and {@link resume} publish the keys.
   */
  static async acceptLink(options: DeviceOptions, acceptance: Uint8Array): Promise<Device> {
    const around = surroundings(options);
    const self = await acceptLink(around, acceptance);
    const device = new Device(contextOf(around, options, self));
    await maintainKeys(device.#ctx);
    return device;
  }

  /**
   * Opens the device of a store. Talks to no relay: {@link connect}, {@link poll} or {@link resume} do.
   * @throws {ProtocolError} `InvalidState`: `no-device` in an empty store or before a link was accepted, or a damaged record.
   */
  static async open(options: DeviceOptions): Promise<Device> {
    // @req DEV-29
    const around = surroundings(options);
    const self = await around.store.transaction((tx) => getSelf(tx, around.provider));
    if (self === null || self.account === '') throw new ProtocolError('InvalidState', 'state', 'no-device', 'self');
    await checkGeneration(around, self);
    return new Device(contextOf(around, options, self));
  }

  get #self(): Self {
    return this.#ctx.self;
  }

  /** UUID, lower case. */
  get account(): string {
    return this.#self.account;
  }

  /** 1 to 127; 1 is the primary. */
  get deviceId(): number {
    return this.#self.deviceId;
  }

  /** Account and device id. */
  get address(): ProtocolAddress {
    return addressOf(this.#self);
  }

  /** True where the account key is. */
  get isPrimary(): boolean {
    return this.#self.accountKey !== null;
  }

  /**
   * Sends text or bytes (at most 90 KiB) to every device of an account, and a copy to this account's other devices.
   * Resolves once the relay has stored it, or it is queued; see {@link SendResult}.
   * @throws {ProtocolError} with nothing stored and nothing sent; the list is in `sending.ts`.
   */
  send(account: string, body: string | Uint8Array): Promise<SendResult> {
    return send(this.#ctx, this.#queue, account, body);
  }

  /** Delivers what is queued. @returns how many fan-outs still wait. */
  flush(): Promise<number> {
    return flush(this.#ctx, this.#queue);
  }

  /** Takes one envelope in. What it returns may be acknowledged; what it throws may not. */
  async receive(envelope: Envelope): Promise<Receipt> {
    const receipt = await receive(this.#ctx, envelope);
    if (receipt.status === 'sentAgain') await this.flush();
    return receipt;
  }

  /**
   * Fetches, takes in and acknowledges what is in the mailbox, at most 20,000 envelopes. For devices without a live connection.
   * @throws {ProtocolError} `InvalidMessage`/`relay-answer-malformed` where a page does not come after the one before.
   */
  async poll(): Promise<Receipt[]> {
    const receipts: Receipt[] = [];
    let after = 0;
    // @req DEV-66
    for (let page = 0; page < MAX_PAGES; page++) {
      const { envelopes, more } = await this.#ctx.relay.fetchMailbox(after, PAGE);
      for (const envelope of envelopes) {
        // @req DEV-28
        if (envelope.seq <= after) throw new ProtocolError('InvalidMessage', 'parse', 'relay-answer-malformed', 'seq');
        receipts.push(await this.receive(envelope));
        after = envelope.seq;
      }
      if (envelopes.length === 0) return receipts;
      await this.#ctx.relay.acknowledge(after);
      if (!more) break;
    }
    return receipts;
  }

  /** Opens the live connection, which reconnects by itself. Events tell of it. Idempotent. */
  connect(): void {
    this.#live.open();
  }

  /** Closes the live connection and waits for the envelope in work. */
  disconnect(): Promise<void> {
    return this.#live.close();
  }

  /**
   * Finishes what was interrupted: registration, a pending manifest, keys that are due, the outbox; and brings forward a relay
   * that was set back. Every connection does.
   */
  async resume(): Promise<void> {
    await finishRegistration(this.#ctx);
    const publish = () => this.#queue.run('manifest', () => publishPending(this.#ctx, true));
    const [manifest] = await Promise.allSettled(this.isPrimary ? [publish()] : []);
    // A relay that takes no manifest must not hold up keys and messages.
    await this.maintain();
    await this.flush();
    if (manifest?.status === 'rejected') throw manifest.reason;
  }

  /** Messages that wait for the application, oldest first. */
  inbox(): Promise<InboxMessage[]> {
    return this.#ctx.store.transaction((tx) => listInbox(tx, this.#ctx.provider));
  }

  /** Forgets messages of the inbox: call it once the application has them safe. */
  discard(ids: readonly string[]): Promise<void> {
    return commit(this.#ctx, (tx) => deleteInbox(tx, ids));
  }

  /** Rotates, refills and deletes prekeys that are due. Every connection does, and every hour of one. */
  maintain(): Promise<void> {
    return this.#queue.run('keys', () => maintainKeys(this.#ctx));
  }

  /** Replaces the signed and the last-resort KEM prekey now. */
  rotate(): Promise<void> {
    return this.#queue.run('keys', () => maintainKeys(this.#ctx, { rotate: true }));
  }

  /** Publishes a batch of one-time keys now. */
  refill(): Promise<void> {
    return this.#queue.run('keys', () => maintainKeys(this.#ctx, { refill: true }));
  }

  /** On the primary: adds the offered device. @returns what the new device's {@link acceptLink} takes. */
  linkDevice(offer: Uint8Array): Promise<Uint8Array> {
    return this.#queue.run('manifest', () => linkDevice(this.#ctx, offer));
  }

  /** On the primary: removes a device. */
  removeDevice(deviceId: number): Promise<void> {
    return this.#queue.run('manifest', () => removeDevice(this.#ctx, deviceId));
  }

  /** The manifest that this device goes by, or null where it has none yet. */
  async manifest(account: string = this.account): Promise<DeviceManifest | null> {
    const name = canonicalAccount(account);
    const { provider, store } = this.#ctx;
    return store.transaction((tx) => getManifest(tx, provider, name)?.manifest ?? null);
  }

  /** Asks the relay for a newer manifest and takes it over. @throws {ProtocolError} as `judgeManifest` in manifest-trust.ts. */
  async refreshManifest(account: string = this.account): Promise<void> {
    const signed = await fetchManifest(this.#ctx, canonicalAccount(account));
    if (signed === null) throw new ProtocolError('InvalidArgument', 'state', 'unknown-account', 'account');
    const events = await commit(this.#ctx, (tx) => saveManifest(tx, this.#ctx.provider, signed));
    for (const event of events) this.#ctx.emit(event);
  }

  /** The account key that an account is held to: raw, 32 bytes; null before first contact. */
  async accountKey(account: string): Promise<Uint8Array | null> {
    const name = canonicalAccount(account);
    return this.#ctx.store.transaction((tx) => getPin(tx, this.#ctx.provider, name));
  }

  /**
   * Holds an account to a key learnt out of band, or to a new one that the user has accepted: whatever was known of its
   * devices is forgotten, sessions with them begin anew, and what still waits for the account is refused (`sendFailed`).
   * @param key raw X25519 key, 32 bytes
   * @throws {ProtocolError} `InvalidKey`; `NotAllowed`/`own-account`.
   */
  async trustAccountKey(account: string, key: Uint8Array): Promise<void> {
    const name = canonicalAccount(account);
    const { provider, self } = this.#ctx;
    const copy = copyInput(key, 'accountKey');
    assertPrimeOrderPublicKey(provider, copy, 'accountKey');
    if (name === self.account) throw new ProtocolError('NotAllowed', 'policy', 'own-account', 'account');
    this.#ctx.candidates.delete(name);
    const events = await commit(this.#ctx, (tx) => {
      putPin(tx, provider, name, copy);
      deleteManifest(tx, name);
      forgetSent(tx, name);
      archiveSessions(tx, provider, self, listSessions(tx, name));
      return refuseWaiting(this.#ctx, tx, name);
    });
    for (const event of events) this.#ctx.emit(event);
  }

  /** Archives the sessions with an account: the next message begins new ones. */
  async resetSessions(account: string): Promise<void> {
    const name = canonicalAccount(account);
    const { provider, self } = this.#ctx;
    await commit(this.#ctx, (tx) => archiveSessions(tx, provider, self, listSessions(tx, name)));
  }

  /** Counters and ids, no keys. */
  status(): Promise<DeviceStatus> {
    return this.#ctx.store.transaction((tx) => this.#statusIn(tx));
  }

  #statusIn(tx: StoreTransaction): DeviceStatus {
    const { provider, self, failures } = this.#ctx;
    const manifest = getManifest(tx, provider, self.account)?.manifest;
    const keys = currentKeys(this.#ctx, tx);
    return {
      account: self.account,
      deviceId: self.deviceId,
      registrationId: self.registrationId,
      manifestVersion: manifest?.version ?? 0,
      devices: manifest?.devices.map(({ deviceId, name }) => ({ deviceId, name })) ?? [],
      signedPreKeyId: keys.signed,
      kemPreKeyId: keys.kem,
      oneTimePreKeys: countKeys(tx, 'one-time'),
      oneTimeKemPreKeys: countKeys(tx, 'one-time-kem'),
      sharedKeySessions: countSharedSessions(tx, provider),
      generation: getGeneration(tx, provider),
      queued: outboxKeys(tx).length,
      unread: listInbox(tx, provider).length,
      sessions: this.#sessionsIn(tx),
      refused: failures.refused,
      duplicates: failures.duplicates,
    };
  }

  #sessionsIn(tx: StoreTransaction): Record<string, SessionInfo> {
    const sessions: Record<string, SessionInfo> = {};
    const { provider, self, clock, stalls } = this.#ctx;
    for (const remote of listSessions(tx)) {
      try {
        const record = getSession(tx, provider, self, remote);
        const info = sessionInfo({ now: clock.now() }, record, stalls.count(addressKey(remote)));
        if (info !== null) sessions[addressKey(remote)] = info;
      } catch (error) {
        // A damaged record hides one peer, not the others.
        if (!isProtocolError(error, 'InvalidState')) throw error;
      }
    }
    return sessions;
  }

  /** Disconnects and waits for what is in work. The store and the witness stay open: they are the caller's. */
  async close(): Promise<void> {
    await this.disconnect();
    await this.#queue.idle();
  }
}
