/**
 * What a device of the libsignal driver holds.
 *
 * @spec 12-interop §2
 * Owns: the data behind all six stores, as hex by key, and saving it. Must not know: the library.
 */

/** `{name, deviceId}` as the driver protocol writes it. */
export interface RemoteAddress {
  readonly name: string;
  readonly deviceId: number;
}

/** A last-resort KEM prekey stays; a one-time one goes with its first use. */
export interface KemPreKey {
  readonly record: string;
  readonly oneTime: boolean;
}

/** Everything; records in lower-case hex, maps by `name.deviceId` or id. */
export interface DeviceState {
  readonly local: RemoteAddress;
  readonly identityPrivate: string;
  readonly registrationId: number;
  readonly suite: string;
  readonly pqRatchet: boolean;
  nextPreKeyId: number;
  readonly sessions: Map<string, string>;
  readonly identities: Map<string, string>;
  readonly preKeys: Map<number, string>;
  readonly signedPreKeys: Map<number, string>;
  readonly kemPreKeys: Map<number, KemPreKey>;
  readonly baseKeys: Map<string, true>;
  readonly senderKeys: Map<string, string>;
}

const MAPS = ['sessions', 'identities', 'preKeys', 'signedPreKeys', 'kemPreKeys', 'baseKeys', 'senderKeys'] as const;

/** The same state gives the same text. */
export function saveState(state: DeviceState): string {
  const sorted = MAPS.map((name) => {
    const entries = [...(state[name] as ReadonlyMap<string | number, unknown>)];
    return [name, entries.sort(([a], [b]) => (a < b ? -1 : 1))];
  });
  return JSON.stringify({ ...state, ...Object.fromEntries(sorted) });
}

/** A saved state, in hex, but for the identities that were noted. */
export function withoutIdentities(state: string): string {
  const saved = JSON.parse(Buffer.from(state, 'hex').toString()) as Record<string, unknown>;
  return JSON.stringify({ ...saved, identities: null });
}

/** @throws {Error} for anything but what {@link saveState} wrote. */
export function loadState(text: string): DeviceState {
  const saved = JSON.parse(text) as Record<string, unknown>;
  if (!MAPS.every((name) => Array.isArray(saved[name]))) throw new Error('not a saved device');
  const maps = MAPS.map((name) => [name, new Map(saved[name] as [string, string][])]);
  return { ...saved, ...Object.fromEntries(maps) } as DeviceState;
}
