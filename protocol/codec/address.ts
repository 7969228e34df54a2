/**
 * Names of devices.
 *
 * @spec 04-messages §3
 * Owns: which names are valid, when two are the same account, the 36 bytes that bind a first message to its ends.
 * Must not know: keys, registries. Names are compared as code units: nothing is normalised but the case of a UUID.
 */
import { concat, fromHex, utf8 } from '../bytes/bytes.ts';
import { ProtocolError } from '../errors.ts';
import { MAX_DEVICE_ID } from '../limits.ts';

/** Longest name, in bytes of UTF-8. */
const MAX_NAME_BYTES = 256;

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const PNI_PREFIX = 'PNI:';

/** One device of one account. */
export interface ProtocolAddress {
  /** The account: a UUID, `PNI:` and a UUID, or any other text of 1 to 256 bytes. */
  readonly name: string;
  /** 1 to 127. */
  readonly deviceId: number;
}

/** True where a string holds a control character (C0, DEL, C1), which no name needs and terminals obey. */
export function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return true;
  }
  return false;
}

/** True for a device id of the protocol: a whole number from 1 to 127. */
export function isDeviceId(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_DEVICE_ID;
}

/** True for a hyphenated UUID of 36 characters, in either case. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** The 16 bytes of a UUID. @throws {ProtocolError} `InvalidArgument`/`not-a-uuid`. */
export function uuidBytes(uuid: string, field: string): Uint8Array {
  if (typeof uuid !== 'string' || !isUuid(uuid))
    throw new ProtocolError('InvalidArgument', 'parse', 'not-a-uuid', field);
  return fromHex(uuid.replaceAll('-', ''), field);
}

/**
 * Checks an address and returns a copy of it.
 * @throws {ProtocolError} `InvalidArgument`: `bad-name` (empty, longer than 256 bytes, a lone surrogate, a control
 * character), `bad-device-id`.
 */
export function checkAddress(address: ProtocolAddress): ProtocolAddress {
  const { name, deviceId } = address;
  const textual = typeof name === 'string' && name.length > 0 && name.length <= MAX_NAME_BYTES && name.isWellFormed();
  // @req MSG-08
  if (!textual || hasControlCharacter(name) || utf8(name).length > MAX_NAME_BYTES) {
    throw new ProtocolError('InvalidArgument', 'parse', 'bad-name', 'name');
  }
  if (!isDeviceId(deviceId)) throw new ProtocolError('InvalidArgument', 'parse', 'bad-device-id', 'deviceId');
  return { name, deviceId };
}

/** Fixed-width Service ID, 17 bytes: kind (`00` account, `01` PNI) ‖ UUID; null where the name is not one. */
export function serviceId(name: string): Uint8Array | null {
  const pni = name.startsWith(PNI_PREFIX);
  const uuid = pni ? name.slice(PNI_PREFIX.length) : name;
  return isUuid(uuid) ? concat(Uint8Array.of(pni ? 1 : 0), uuidBytes(uuid, 'name')) : null;
}

/**
 * The `addresses` field of a first message, 36 bytes; null where either name is not a Service ID.
 * @throws {ProtocolError} `InvalidArgument` as `checkAddress`.
 */
export function encodeAddresses(sender: ProtocolAddress, recipient: ProtocolAddress): Uint8Array | null {
  const from = checkAddress(sender);
  const to = checkAddress(recipient);
  const fromId = serviceId(from.name);
  const toId = serviceId(to.name);
  // @req MSG-09
  if (fromId === null || toId === null) return null;
  return concat(fromId, Uint8Array.of(from.deviceId), toId, Uint8Array.of(to.deviceId));
}

function canonicalName(name: string): string {
  if (isUuid(name)) return name.toLowerCase();
  return serviceId(name) === null ? name : PNI_PREFIX + name.slice(PNI_PREFIX.length).toLowerCase();
}

/** True where both names are Service IDs, and the same one; names of other kinds are never the same account. */
export function sameAccount(a: ProtocolAddress, b: ProtocolAddress): boolean {
  return serviceId(a.name) !== null && canonicalName(a.name) === canonicalName(b.name);
}

/**
 * The one key under which stores keep an address: `name.deviceId`, a UUID in lower case, any other name as it is.
 * Different addresses have different keys.
 * @throws {ProtocolError} `InvalidArgument` as `checkAddress`.
 */
export function addressKey(address: ProtocolAddress): string {
  const { name, deviceId } = checkAddress(address);
  // @req MSG-10
  return `${canonicalName(name)}.${deviceId}`;
}
