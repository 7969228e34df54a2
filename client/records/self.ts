/**
 * Who this device is.
 *
 * @spec 07-devices §2
 * Owns: the stored identity of the device; its private keys, and the account's on the primary alone.
 * Must not know: what is done with them. They live as long as the device and are not wiped before its store is.
 */
import { fromUtf8, utf8 } from '../../protocol/bytes/bytes.ts';
import { ByteWriter } from '../../protocol/bytes/cursor.ts';
import { Secret } from '../../protocol/bytes/secret.ts';
import { PRIMARY_DEVICE_ID } from '../../protocol/codec/manifest.ts';
import type { AuthKeyPair, CryptoProvider, EcKeyPair } from '../../protocol/crypto/provider.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from './sealed.ts';

const TABLE = 'self';
const KEY = 'self';
const KEY_BYTES = 32;

/** A device. `account` and `deviceId` are '' and 0 until its link was accepted. */
export interface Self {
  readonly account: string;
  readonly deviceId: number;
  readonly registrationId: number;
  readonly name: string;
  readonly identity: EcKeyPair;
  readonly authKey: AuthKeyPair;
  /** The account's key: on the primary alone. */
  readonly accountKey: EcKeyPair | null;
  /** True once the relay knows the device. */
  readonly registered: boolean;
}

type Pair<Role extends string> = { readonly publicKey: Uint8Array; readonly privateKey: Secret<Role> };

function writePair(out: ByteWriter, pair: Pair<string>): void {
  out.fixed(pair.publicKey).fixed(pair.privateKey.expose());
}

/** Stores who this device is. */
export function putSelf(tx: StoreTransaction, provider: CryptoProvider, self: Self): void {
  const out = new ByteWriter().sized(utf8(self.account)).u8(self.deviceId).u32(self.registrationId);
  out.sized(utf8(self.name)).u8(self.registered ? 1 : 0);
  writePair(out, self.identity);
  writePair(out, self.authKey);
  out.u8(self.accountKey === null ? 0 : 1);
  if (self.accountKey !== null) writePair(out, self.accountKey);
  putRecord(tx, provider, TABLE, KEY, out.finish());
}

/**
 * Who this device is, or null in an empty store.
 * @throws {ProtocolError} `InvalidState` where the record is damaged.
 */
export function getSelf(tx: StoreTransaction, provider: CryptoProvider): Self | null {
  const input = getRecord(tx, provider, TABLE, KEY);
  if (input === null) return null;
  const readPair = <Role extends string>(): Pair<Role> => {
    const publicKey = input.fixed(KEY_BYTES);
    return { publicKey, privateKey: new Secret<Role>(input.fixed(KEY_BYTES)) };
  };
  const account = fromUtf8(input.sized(), TABLE);
  const deviceId = input.u8();
  const registrationId = input.u32();
  const name = fromUtf8(input.sized(), TABLE);
  const registered = input.u8() === 1;
  const identity = readPair<'EcPrivateKey'>();
  const authKey = readPair<'AuthPrivateKey'>();
  const hasAccountKey = input.u8() === 1;
  const accountKey = hasAccountKey ? readPair<'EcPrivateKey'>() : null;
  input.end();
  if (hasAccountKey !== (deviceId === PRIMARY_DEVICE_ID)) {
    throw new ProtocolError('InvalidState', 'parse', 'record-malformed', TABLE);
  }
  return { account, deviceId, registrationId, name, registered, identity, authKey, accountKey };
}
