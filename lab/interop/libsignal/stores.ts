/**
 * The library's six stores over one device's state.
 *
 * @spec 12-interop §2
 * Owns: trust on first use, deletion of one-time prekeys, base keys seen. Must not know: requests.
 */
import type { Address, Library, SessionRecord, Stores } from './library.ts';
import type { DeviceState } from './state.ts';

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function key(address: Address): string {
  return `${address.name()}.${address.deviceId()}`;
}

interface Saved {
  serialize(): Uint8Array;
}

/** A record that is not there: the library asks, and what is thrown becomes its error. */
function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no such ${what}`);
  return value;
}

function sessionStore({ exports, bytes }: Library, state: DeviceState): object {
  const read = (text: string): SessionRecord => exports.SessionRecord.deserialize(bytes(Buffer.from(text, 'hex')));
  return new (class extends exports.SessionStore {
    async saveSession(address: Address, record: Saved): Promise<void> {
      state.sessions.set(key(address), hex(record.serialize()));
    }
    async getSession(address: Address): Promise<SessionRecord | null> {
      const saved = state.sessions.get(key(address));
      return saved === undefined ? null : read(saved);
    }
    async getExistingSessions(addresses: readonly Address[]): Promise<SessionRecord[]> {
      return addresses.map((address) => read(found(state.sessions.get(key(address)), 'session')));
    }
  })();
}

function identityStore({ exports, bytes, traits }: Library, state: DeviceState): object {
  const privateKey = () => exports.PrivateKey.deserialize(bytes(Buffer.from(state.identityPrivate, 'hex')));
  return new (class extends exports.IdentityKeyStore {
    async getIdentityKey(): Promise<object> {
      return privateKey();
    }
    async getIdentityKeyPair(): Promise<object> {
      const own = privateKey();
      return new exports.IdentityKeyPair(own.getPublicKey(), own);
    }
    async getLocalRegistrationId(): Promise<number> {
      return state.registrationId;
    }
    async saveIdentity(address: Address, identity: Saved): Promise<number | boolean> {
      const before = state.identities.get(key(address));
      const now = hex(identity.serialize());
      state.identities.set(key(address), now);
      const replaced = before !== undefined && before !== now;
      return traits.booleanIdentity ? replaced : Number(replaced);
    }
    async isTrustedIdentity(address: Address, identity: Saved): Promise<boolean> {
      const known = state.identities.get(key(address));
      return known === undefined || known === hex(identity.serialize());
    }
    async getIdentity(address: Address): Promise<object | null> {
      const known = state.identities.get(key(address));
      return known === undefined ? null : exports.PublicKey.deserialize(bytes(Buffer.from(known, 'hex')));
    }
  })();
}

function preKeyStores({ exports, bytes }: Library, state: DeviceState) {
  const preKey = new (class extends exports.PreKeyStore {
    async savePreKey(id: number, record: Saved): Promise<void> {
      state.preKeys.set(id, hex(record.serialize()));
    }
    async getPreKey(id: number): Promise<object> {
      return exports.PreKeyRecord.deserialize(bytes(Buffer.from(found(state.preKeys.get(id), 'prekey'), 'hex')));
    }
    async removePreKey(id: number): Promise<void> {
      state.preKeys.delete(id);
    }
  })();
  const signedPreKey = new (class extends exports.SignedPreKeyStore {
    async saveSignedPreKey(id: number, record: Saved): Promise<void> {
      state.signedPreKeys.set(id, hex(record.serialize()));
    }
    async getSignedPreKey(id: number): Promise<object> {
      const saved = found(state.signedPreKeys.get(id), 'signed prekey');
      return exports.SignedPreKeyRecord.deserialize(bytes(Buffer.from(saved, 'hex')));
    }
  })();
  return { preKey, signedPreKey };
}

function kyberPreKeyStore({ exports, bytes }: Library, state: DeviceState): object {
  return new (class extends exports.KyberPreKeyStore {
    async saveKyberPreKey(): Promise<void> {
      throw new Error('the driver saves its own KEM prekeys');
    }
    async getKyberPreKey(id: number): Promise<object> {
      const saved = found(state.kemPreKeys.get(id), 'KEM prekey');
      return exports.KyberPreKeyRecord.deserialize(bytes(Buffer.from(saved.record, 'hex')));
    }
    /** Releases before 0.81 name the KEM prekey alone. */
    async markKyberPreKeyUsed(id: number, signedId?: number, baseKey?: Saved): Promise<void> {
      if (state.kemPreKeys.get(id)?.oneTime === true) state.kemPreKeys.delete(id);
      if (baseKey === undefined) return;
      const name = `${id}.${signedId}.${hex(baseKey.serialize())}`;
      if (state.baseKeys.has(name)) throw new Error('base key seen before');
      state.baseKeys.set(name, true);
    }
  })();
}

function senderKeyStore({ exports, bytes }: Library, state: DeviceState): object {
  const name = (sender: Address, distributionId: string) => `${key(sender)}.${distributionId.toLowerCase()}`;
  return new (class extends exports.SenderKeyStore {
    async saveSenderKey(sender: Address, distributionId: string, record: Saved): Promise<void> {
      state.senderKeys.set(name(sender, distributionId), hex(record.serialize()));
    }
    async getSenderKey(sender: Address, distributionId: string): Promise<object | null> {
      const saved = state.senderKeys.get(name(sender, distributionId));
      return saved === undefined ? null : exports.SenderKeyRecord.deserialize(bytes(Buffer.from(saved, 'hex')));
    }
  })();
}

/** The stores of one device. */
export function storesOf(library: Library, state: DeviceState): Stores {
  return {
    session: sessionStore(library, state),
    identity: identityStore(library, state),
    ...preKeyStores(library, state),
    kyberPreKey: kyberPreKeyStore(library, state),
    senderKey: senderKeyStore(library, state),
  };
}
