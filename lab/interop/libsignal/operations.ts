/**
 * The driver protocol's operations over a release of libsignal.
 *
 * @spec 12-interop §2
 * Owns: arguments in, library calls, results out. Must not know: lines. Nothing is rolled back here: whether a failed call
 * leaves the stores alone is the library's doing, and the runner looks.
 */
import { DriverFailure } from './failure.ts';
import type { Ends, Library } from './library.ts';
import { readRecord } from './record.ts';
import { type DeviceState, loadState, type RemoteAddress, saveState } from './state.ts';
import { storesOf } from './stores.ts';

type Args = Readonly<Record<string, unknown>>;
type Ok = Readonly<Record<string, unknown>>;
type Operation = (args: Args) => Ok | Promise<Ok>;

const KYBER_SUITE = 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024';
const X3DH_SUITE = 'X3DH_X25519_SHA-256';
const PREKEY_TYPE = 3;
const FINGERPRINT_ITERATIONS = 5200;
/** Service IDs; the protocol's argument has no other meaning. */
const FINGERPRINT_VERSION = 2;

function bad(field: string): DriverFailure {
  return new DriverFailure('InvalidArgument', `bad or missing ${field}`);
}

function text(args: Args, field: string): string {
  const value = args[field];
  if (typeof value !== 'string') throw bad(field);
  return value;
}

function number(args: Args, field: string): number {
  const value = args[field];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw bad(field);
  return value;
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function address(args: Args, field: string): RemoteAddress {
  const value = args[field];
  if (typeof value !== 'object' || value === null) throw bad(field);
  const { name, deviceId } = value as Partial<RemoteAddress>;
  if (typeof name !== 'string' || typeof deviceId !== 'number') throw bad(field);
  return { name, deviceId };
}

/** The operations of one process, with the devices it holds. */
export class Operations {
  readonly #library: Library;
  readonly #devices = new Map<string, DeviceState>();

  constructor(library: Library) {
    this.#library = library;
  }

  /** By name; the operations that the library can do and no others. */
  readonly table: ReadonlyMap<string, Operation> = new Map<string, Operation>([
    ['hello', () => this.#hello()],
    ['x25519.public', (args) => ({ public: toHex(this.#private(args, 'private').getPublicKey().serialize()) })],
    [
      'x25519.shared',
      (args) => ({ shared: toHex(this.#private(args, 'private').agree(this.#public(args, 'public'))) }),
    ],
    ['xeddsa.sign', (args) => this.#sign(args)],
    ['xeddsa.verify', (args) => this.#verify(args)],
    ['device.create', (args) => this.#create(args)],
    ['device.bundle', (args) => ({ bundle: this.#bundle(this.#device(args), args.oneTime !== false) })],
    ['device.save', (args) => ({ state: Buffer.from(saveState(this.#device(args))).toString('hex') })],
    ['device.load', (args) => ({ device: this.#add(loadState(Buffer.from(text(args, 'state'), 'hex').toString())) })],
    ['session.process', (args) => this.#process(args)],
    ['session.encrypt', (args) => this.#encrypt(args)],
    ['session.decrypt', (args) => this.#decrypt(args)],
    ['session.info', (args) => this.#info(args)],
    ['session.archive', (args) => this.#archive(args)],
    ['fingerprint', (args) => this.#fingerprint(args)],
    ['group.create', (args) => this.#groupCreate(args)],
    ['group.process', (args) => this.#groupProcess(args)],
    ['group.encrypt', (args) => this.#groupEncrypt(args)],
    ['group.decrypt', (args) => this.#groupDecrypt(args)],
  ]);

  get #suites(): readonly string[] {
    return this.#library.traits.x3dh ? [KYBER_SUITE, X3DH_SUITE] : [KYBER_SUITE];
  }

  #bytes(args: Args, field: string): Uint8Array {
    const value = text(args, field);
    if (!/^([0-9a-f]{2})*$/.test(value)) throw bad(field);
    return this.#library.bytes(Buffer.from(value, 'hex'));
  }

  #private(args: Args, field: string) {
    return this.#library.exports.PrivateKey.deserialize(this.#bytes(args, field));
  }

  #public(args: Args, field: string) {
    return this.#library.exports.PublicKey.deserialize(this.#bytes(args, field));
  }

  #device(args: Args): DeviceState {
    const device = this.#devices.get(text(args, 'device'));
    if (device === undefined) throw bad('device');
    return device;
  }

  #add(state: DeviceState): string {
    const handle = `device-${this.#devices.size + 1}`;
    this.#devices.set(handle, state);
    return handle;
  }

  #ends(args: Args, device: DeviceState = this.#device(args), field = 'remote'): Ends {
    const make = ({ name, deviceId }: RemoteAddress) => this.#library.exports.ProtocolAddress.new(name, deviceId);
    const now = args.now === undefined ? undefined : new Date(number(args, 'now'));
    const stores = storesOf(this.#library, device);
    return { remote: make(address(args, field)), local: make(device.local), stores, pqRatchet: device.pqRatchet, now };
  }

  #hello(): Ok {
    const { version } = this.#library;
    return { implementation: 'libsignal', version, protocol: 1, ops: [...this.table.keys()], suites: this.#suites };
  }

  #sign(args: Args): Ok {
    if (args.random !== undefined) throw new DriverFailure('UnsupportedOperation', 'signs with randomness of its own');
    return { signature: toHex(this.#private(args, 'private').sign(this.#bytes(args, 'message'))) };
  }

  #verify(args: Args): Ok {
    const valid = this.#public(args, 'public').verify(this.#bytes(args, 'message'), this.#bytes(args, 'signature'));
    return { valid };
  }

  #policy(args: Args): boolean {
    const { pqRatchet } = this.#library.traits;
    if (args.pqRatchet === undefined) return pqRatchet.length > 0;
    const wanted = text(args, 'pqRatchet');
    const known = pqRatchet.length === 0 ? ['off'] : pqRatchet;
    if (!known.includes(wanted))
      throw new DriverFailure('UnsupportedOperation', `the release cannot be set to ${wanted}`);
    return wanted !== 'off';
  }

  #create(args: Args): Ok {
    const { exports } = this.#library;
    if (args.seed !== undefined) throw new DriverFailure('UnsupportedOperation', 'cannot be seeded');
    const [suite, ...more] = (args.suites as readonly string[] | undefined) ?? [KYBER_SUITE];
    if (suite === undefined || !this.#suites.includes(suite) || more.length > 0) throw bad('suites');
    const given = args.identityPrivate === undefined ? null : this.#private(args, 'identityPrivate');
    const identity = given ?? exports.PrivateKey.generate();
    const registrationId =
      args.registrationId === undefined ? 1 + Math.floor(Math.random() * 0x3ffe) : number(args, 'registrationId');
    const local = address(args, 'local');
    exports.ProtocolAddress.new(local.name, local.deviceId);
    const device = this.#add({
      local,
      identityPrivate: toHex(identity.serialize()),
      registrationId,
      suite,
      pqRatchet: this.#policy(args),
      nextPreKeyId: 1,
      sessions: new Map(),
      identities: new Map(),
      preKeys: new Map(),
      signedPreKeys: new Map(),
      kemPreKeys: new Map(),
      baseKeys: new Map(),
      senderKeys: new Map(),
    });
    return { device, identityPublic: toHex(identity.getPublicKey().serialize()), registrationId };
  }

  #bundle(device: DeviceState, oneTime: boolean): object {
    const { exports, bytes } = this.#library;
    const identity = exports.PrivateKey.deserialize(bytes(Buffer.from(device.identityPrivate, 'hex')));
    const now = Date.now();
    const signedPreKeyId = device.nextPreKeyId++;
    const signed = exports.PrivateKey.generate();
    const signedPublic = signed.getPublicKey();
    const signature = identity.sign(signedPublic.serialize());
    const record = exports.SignedPreKeyRecord.new(signedPreKeyId, now, signedPublic, signed, signature);
    device.signedPreKeys.set(signedPreKeyId, toHex(record.serialize()));
    return {
      registrationId: device.registrationId,
      deviceId: device.local.deviceId,
      identity: toHex(identity.getPublicKey().serialize()),
      signedPreKeyId,
      signedPreKey: toHex(signedPublic.serialize()),
      signedPreKeySignature: toHex(signature),
      ...(oneTime ? this.#oneTimePreKey(device) : {}),
      ...(device.suite === KYBER_SUITE ? this.#kemPreKey(device, oneTime, (message) => identity.sign(message)) : {}),
    };
  }

  #oneTimePreKey(device: DeviceState): object {
    const { exports } = this.#library;
    const preKeyId = device.nextPreKeyId++;
    const single = exports.PrivateKey.generate();
    const record = exports.PreKeyRecord.new(preKeyId, single.getPublicKey(), single);
    device.preKeys.set(preKeyId, toHex(record.serialize()));
    return { preKeyId, preKey: toHex(single.getPublicKey().serialize()) };
  }

  #kemPreKey(device: DeviceState, oneTime: boolean, sign: (message: Uint8Array) => Uint8Array): object {
    const { exports } = this.#library;
    const kemPreKeyId = device.nextPreKeyId++;
    const pair = exports.KEMKeyPair.generate();
    const publicKey = pair.getPublicKey().serialize();
    const signature = sign(publicKey);
    const record = exports.KyberPreKeyRecord.new(kemPreKeyId, Date.now(), pair, signature);
    device.kemPreKeys.set(kemPreKeyId, { record: toHex(record.serialize()), oneTime });
    return { kemPreKeyId, kemPreKey: toHex(publicKey), kemPreKeySignature: toHex(signature) };
  }

  async #process(args: Args): Promise<Ok> {
    const given = args.bundle;
    if (typeof given !== 'object' || given === null) throw bad('bundle');
    const bundle = given as Args;
    const single = bundle.preKey === undefined ? null : this.#public(bundle, 'preKey');
    const kem =
      bundle.kemPreKey === undefined
        ? []
        : [
            number(bundle, 'kemPreKeyId'),
            this.#library.exports.KEMPublicKey.deserialize(this.#bytes(bundle, 'kemPreKey')),
            this.#bytes(bundle, 'kemPreKeySignature'),
          ];
    const made = this.#library.exports.PreKeyBundle.new(
      number(bundle, 'registrationId'),
      number(bundle, 'deviceId'),
      single === null ? null : number(bundle, 'preKeyId'),
      single,
      number(bundle, 'signedPreKeyId'),
      this.#public(bundle, 'signedPreKey'),
      this.#bytes(bundle, 'signedPreKeySignature'),
      this.#public(bundle, 'identity'),
      ...kem,
    );
    await this.#library.processBundle(this.#ends(args), made);
    return {};
  }

  async #encrypt(args: Args): Promise<Ok> {
    const message = await this.#library.encrypt(this.#ends(args), this.#bytes(args, 'plaintext'));
    return { type: message.type() === PREKEY_TYPE ? 'prekey' : 'message', body: toHex(message.serialize()) };
  }

  async #decrypt(args: Args): Promise<Ok> {
    const { exports } = this.#library;
    const ends = this.#ends(args);
    const [type, body] = [text(args, 'type'), this.#bytes(args, 'body')];
    if (type !== 'prekey' && type !== 'message') throw bad('type');
    const plaintext =
      type === 'prekey'
        ? await this.#library.decryptPreKey(ends, exports.PreKeySignalMessage.deserialize(body))
        : await this.#library.decrypt(ends, exports.SignalMessage.deserialize(body));
    return { plaintext: toHex(plaintext) };
  }

  #record(args: Args): readonly [string, Uint8Array] {
    const { name, deviceId } = address(args, 'remote');
    const key = `${name}.${deviceId}`;
    const saved = this.#device(args).sessions.get(key);
    if (saved === undefined) throw new DriverFailure('NoSession', 'no record');
    return [key, this.#library.bytes(Buffer.from(saved, 'hex'))];
  }

  #info(args: Args): Ok {
    const info = readRecord(Uint8Array.from(this.#record(args)[1]));
    if (info === null) throw new DriverFailure('NoSession', 'no current session');
    return { ...info };
  }

  #archive(args: Args): Ok {
    const [key, saved] = this.#record(args);
    const record = this.#library.exports.SessionRecord.deserialize(saved);
    if (readRecord(Uint8Array.from(saved)) === null) throw new DriverFailure('NoSession', 'no current session');
    record.archiveCurrentState();
    this.#device(args).sessions.set(key, toHex(record.serialize()));
    return {};
  }

  #fingerprint(args: Args): Ok {
    const made = this.#library.exports.Fingerprint.new(
      args.iterations === undefined ? FINGERPRINT_ITERATIONS : number(args, 'iterations'),
      args.version === undefined ? FINGERPRINT_VERSION : number(args, 'version'),
      this.#bytes(args, 'localId'),
      this.#public(args, 'localIdentity'),
      this.#bytes(args, 'remoteId'),
      this.#public(args, 'remoteIdentity'),
    );
    const displayable = made.displayableFingerprint().toString();
    return { displayable, scannable: toHex(made.scannableFingerprint().toBuffer()) };
  }

  #senderEnds(args: Args, sender: RemoteAddress): Ends {
    return this.#ends({ sender }, this.#device(args), 'sender');
  }

  async #groupCreate(args: Args): Promise<Ok> {
    const ends = this.#senderEnds(args, this.#device(args).local);
    const { SenderKeyDistributionMessage } = this.#library.exports;
    const id = text(args, 'distributionId');
    const made = await SenderKeyDistributionMessage.create(ends.local, id, ends.stores.senderKey);
    return { distribution: toHex(made.serialize()) };
  }

  async #groupProcess(args: Args): Promise<Ok> {
    const ends = this.#senderEnds(args, address(args, 'sender'));
    const { exports } = this.#library;
    const message = exports.SenderKeyDistributionMessage.deserialize(this.#bytes(args, 'distribution'));
    await exports.processSenderKeyDistributionMessage(ends.remote, message, ends.stores.senderKey);
    return {};
  }

  async #groupEncrypt(args: Args): Promise<Ok> {
    const ends = this.#senderEnds(args, this.#device(args).local);
    const id = text(args, 'distributionId');
    const plaintext = this.#bytes(args, 'plaintext');
    const message = await this.#library.exports.groupEncrypt(ends.local, id, ends.stores.senderKey, plaintext);
    return { body: toHex(message.serialize()) };
  }

  async #groupDecrypt(args: Args): Promise<Ok> {
    const ends = this.#senderEnds(args, address(args, 'sender'));
    const body = this.#bytes(args, 'body');
    const plaintext = await this.#library.exports.groupDecrypt(ends.remote, ends.stores.senderKey, body);
    return { plaintext: toHex(plaintext) };
  }
}
