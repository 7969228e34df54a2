/**
 * A relay in memory, with the semantics of the real one: one-time keys once, all or nothing, 409 and 410, send ids.
 *
 * @spec 06-relay
 * Owns: answers to a device under test, and the switches with which a test makes the relay lie or fail.
 * Must not know: HTTP, signatures of requests.
 */

import type {
  ConnectionHandlers,
  Envelope,
  KeyUpload,
  OutgoingFanOut,
  OutgoingMessage,
  RelayConnector,
  RelayCredentials,
  RelayTransport,
  SendOutcome,
} from '../../client/relay/transport.ts';
import { RelayError } from '../../client/relay/transport.ts';
import { equalBytes, toHex } from '../../protocol/bytes/bytes.ts';
import { encodePublicKey } from '../../protocol/codec/keys.ts';
import type { ManifestDevice } from '../../protocol/codec/manifest.ts';
import { checkSuccessor, parseSignedManifest } from '../../protocol/codec/manifest.ts';
import { nodeProvider } from '../../protocol/crypto/node.ts';
import type { PreKeyBundle } from '../../protocol/handshake/bundle.ts';

interface Mailbox {
  keys: KeyUpload | null;
  readonly envelopes: Envelope[];
  issued: number;
  handlers: ConnectionHandlers | null;
}

/** One accepted or refused request, as a test may look at it. */
export interface SeenSend {
  readonly account: string;
  readonly sendId: string;
  readonly timestamp: number;
  readonly partial: boolean;
  readonly messages: readonly OutgoingMessage[];
}

/** The state of a relay, and its misbehaviour. */
export class FakeRelay {
  readonly manifests = new Map<string, Uint8Array>();
  readonly mailboxes = new Map<string, Mailbox>();
  readonly accepted = new Map<string, string>();
  /** Every body that reached the relay, accepted or not. */
  readonly sends: SeenSend[] = [];
  /** Bundles handed out. */
  bundles = 0;
  manifestRequests = 0;
  /** What a test makes of answers on their way out. */
  alterBundle: (bundle: PreKeyBundle, account: string) => PreKeyBundle | null = (bundle) => bundle;
  alterManifest: (manifest: Uint8Array, account: string) => Uint8Array | null = (manifest) => manifest;
  alterOutcome: (outcome: SendOutcome, send: SeenSend) => SendOutcome = (outcome) => outcome;
  /** Throws what a request should fail with; called before and after each one has taken effect. */
  fault: (point: string) => void = () => {};
  #guid = 0;

  readonly connector: RelayConnector = (who) => new FakeTransport(this, who);

  box(account: string, deviceId: number): Mailbox {
    const key = `${account}.${deviceId}`;
    const box = this.mailboxes.get(key) ?? { keys: null, envelopes: [], issued: 0, handlers: null };
    this.mailboxes.set(key, box);
    return box;
  }

  manifestOf(account: string) {
    const bytes = this.manifests.get(account);
    return bytes === undefined ? null : parseSignedManifest(bytes);
  }

  /** Devices of an account that have keys. */
  active(account: string): ManifestDevice[] {
    const devices = this.manifestOf(account)?.manifest.devices ?? [];
    return devices.filter(({ deviceId }) => this.box(account, deviceId).keys?.signedPreKey != null);
  }

  deliver(
    account: string,
    deviceId: number,
    from: RelayCredentials,
    { type, body, timestamp = 0 }: OutgoingMessage & { readonly timestamp?: number },
  ): void {
    const box = this.box(account, deviceId);
    box.issued += 1;
    this.#guid += 1;
    const source = { sourceAccount: from.account, sourceDevice: from.deviceId };
    const envelope = {
      seq: box.issued,
      guid: `guid-${this.#guid}`,
      ...source,
      type,
      body: body.slice(),
      timestamp,
      serverTime: 1,
    };
    box.envelopes.push(envelope);
  }

  /** Waiting envelopes of a device, left where they are. */
  waiting(account: string, deviceId: number): Envelope[] {
    return [...this.box(account, deviceId).envelopes];
  }

  setManifest(account: string, bytes: Uint8Array): void {
    const before = this.manifestOf(account)?.manifest.devices ?? [];
    this.manifests.set(account, bytes);
    const after = parseSignedManifest(bytes).manifest.devices;
    for (const old of before) {
      const now = after.find(({ deviceId }) => deviceId === old.deviceId);
      if (now === undefined || !equalBytes(now.identityKey, old.identityKey)) {
        this.mailboxes.delete(`${account}.${old.deviceId}`);
      }
    }
  }
}

class FakeTransport implements RelayTransport {
  readonly #relay: FakeRelay;
  readonly #who: RelayCredentials;

  constructor(relay: FakeRelay, who: RelayCredentials) {
    this.#relay = relay;
    this.#who = who;
  }

  /** One request: it may fail before it takes effect, or after. */
  async #serve<T>(name: string, work: () => T): Promise<T> {
    await Promise.resolve();
    this.#relay.fault(`${name}:before`);
    const result = work();
    this.#relay.fault(`${name}:after`);
    return result;
  }

  get #box(): Mailbox {
    return this.#relay.box(this.#who.account, this.#who.deviceId);
  }

  register(manifest: Uint8Array, keys: KeyUpload): Promise<void> {
    return this.#serve('register', () => {
      if (this.#relay.manifests.has(this.#who.account)) throw new RelayError(409, 'account-exists');
      this.#relay.manifests.set(this.#who.account, manifest);
      this.#store(keys);
    });
  }

  putKeys(keys: KeyUpload): Promise<void> {
    return this.#serve('putKeys', () => this.#store(keys));
  }

  #store(keys: KeyUpload): void {
    const stored = this.#box.keys;
    const before =
      stored === null || keys.replaceOneTime !== true ? stored : { ...stored, oneTime: [], oneTimeKem: [] };
    const known = new Set([...(before?.oneTime ?? []), ...(before?.oneTimeKem ?? [])].map(({ id }) => id));
    if ([...keys.oneTime, ...keys.oneTimeKem].some(({ id }) => known.has(id)))
      throw new RelayError(422, 'duplicate-key-id');
    this.#box.keys = {
      signedPreKey: keys.signedPreKey ?? before?.signedPreKey ?? null,
      lastResortKem: keys.lastResortKem ?? before?.lastResortKem ?? null,
      oneTime: [...(before?.oneTime ?? []), ...keys.oneTime],
      oneTimeKem: [...(before?.oneTimeKem ?? []), ...keys.oneTimeKem],
    };
  }

  keyCounts() {
    return this.#serve('keyCounts', () => {
      const keys = this.#box.keys;
      return {
        oneTime: keys?.oneTime.length ?? 0,
        oneTimeKem: keys?.oneTimeKem.length ?? 0,
        signedPreKeyId: keys?.signedPreKey?.id ?? null,
        lastResortKemId: keys?.lastResortKem?.id ?? null,
      };
    });
  }

  fetchManifest(account: string): Promise<Uint8Array | null> {
    return this.#serve('fetchManifest', () => {
      this.#relay.manifestRequests += 1;
      const manifest = this.#relay.manifests.get(account);
      return manifest === undefined ? null : this.#relay.alterManifest(manifest, account);
    });
  }

  putManifest(manifest: Uint8Array): Promise<void> {
    return this.#serve('putManifest', () => {
      const stored = this.#relay.manifestOf(this.#who.account);
      if (stored === null) throw new RelayError(404, 'unknown-account');
      if (equalBytes(stored.bytes, parseSignedManifest(manifest).bytes)) return;
      try {
        checkSuccessor(nodeProvider, stored, parseSignedManifest(manifest));
      } catch {
        throw new RelayError(409, 'not-successor');
      }
      this.#relay.setManifest(this.#who.account, manifest);
    });
  }

  takeBundle(account: string, deviceId: number): Promise<PreKeyBundle | null> {
    return this.#serve('takeBundle', () => {
      const device = this.#relay.active(account).find((candidate) => candidate.deviceId === deviceId);
      const box = this.#relay.box(account, deviceId);
      const signed = box.keys?.signedPreKey;
      if (device === undefined || box.keys === null || signed == null) return null;
      const [oneTimePreKey = null, ...oneTime] = box.keys.oneTime;
      const [oneTimeKem = null, ...moreKem] = box.keys.oneTimeKem;
      box.keys = { ...box.keys, oneTime, oneTimeKem: moreKem };
      this.#relay.bundles += 1;
      const bundle: PreKeyBundle = {
        registrationId: device.registrationId,
        deviceId,
        identityKey: encodePublicKey(device.identityKey),
        signedPreKeyId: signed.id,
        signedPreKey: signed.publicKey,
        signedPreKeySignature: signed.signature,
        oneTimePreKey,
        kemPreKey: oneTimeKem ?? box.keys.lastResortKem,
      };
      return this.#relay.alterBundle(bundle, account);
    });
  }

  send(account: string, { sendId, messages, ...rest }: OutgoingFanOut): Promise<SendOutcome> {
    const copies = messages.map((message) => ({ ...message, body: message.body.slice() }));
    const seen = { account, sendId: toHex(sendId), ...rest, messages: copies };
    return this.#serve('send', () => {
      this.#relay.sends.push(seen);
      return this.#relay.alterOutcome(this.#accept(seen), seen);
    });
  }

  #accept(seen: SeenSend): SendOutcome {
    const { account, messages, partial, timestamp } = seen;
    const from = `${this.#who.account}.${this.#who.deviceId}/${seen.sendId}`;
    const digest = JSON.stringify(messages.map(({ deviceId, type, body }) => [deviceId, type, toHex(body)]));
    const before = this.#relay.accepted.get(from);
    if (before !== undefined) {
      if (before === digest) return { kind: 'accepted' };
      throw new RelayError(409, 'send-id-reused');
    }
    if (!this.#relay.manifests.has(account)) throw new RelayError(404, 'unknown-account');
    const own = account === this.#who.account ? this.#who.deviceId : 0;
    const active = this.#relay.active(account).filter(({ deviceId }) => deviceId !== own);
    const named = messages.map(({ deviceId }) => deviceId);
    const stale = messages.filter(({ deviceId, registrationId }) =>
      active.some((device) => device.deviceId === deviceId && device.registrationId !== registrationId),
    );
    if (stale.length > 0) return { kind: 'stale', stale: stale.map(({ deviceId }) => deviceId) };
    const unnamed = active.map(({ deviceId }) => deviceId).filter((id) => !named.includes(id));
    const missing = partial ? [] : unnamed;
    const extra = named.filter((id) => !active.some(({ deviceId }) => deviceId === id));
    if (missing.length + extra.length > 0) return { kind: 'mismatch', missing, extra };
    this.#relay.accepted.set(from, digest);
    for (const message of messages)
      this.#relay.deliver(account, message.deviceId, this.#who, { ...message, timestamp });
    return { kind: 'accepted' };
  }

  fetchMailbox(after: number, limit: number) {
    return this.#serve('fetchMailbox', () => {
      const waiting = this.#box.envelopes.filter(({ seq }) => seq > after);
      return { envelopes: waiting.slice(0, limit), more: waiting.length > limit };
    });
  }

  acknowledge(seq: number): Promise<void> {
    return this.#serve('acknowledge', () => {
      const { envelopes } = this.#box;
      envelopes.splice(0, envelopes.length, ...envelopes.filter((envelope) => envelope.seq > seq));
    });
  }

  connect(handlers: ConnectionHandlers) {
    let open = true;
    const pump = async (): Promise<void> => {
      handlers.onConnected();
      for (const envelope of [...this.#box.envelopes]) {
        if (!open) return;
        await handlers.onEnvelope(envelope);
        await this.acknowledge(envelope.seq);
      }
      handlers.onQueueEmpty();
    };
    const work = Promise.resolve()
      .then(pump)
      .catch(() => handlers.onClosed(1006, false));
    return {
      close: async () => {
        open = false;
        await work;
      },
    };
  }
}
