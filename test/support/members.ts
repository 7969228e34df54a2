/**
 * Members of a group: every record lives as bytes between two steps, as in a real store.
 *
 * @spec 13-groups
 * Owns: committing on success alone, wiping what is spent, and the check that no step changes the record that it was given.
 * Must not know: sessions, relays.
 */
import { concat, equalBytes, utf8 } from '../../protocol/bytes/bytes.ts';
import type { Wipeable } from '../../protocol/bytes/secret.ts';
import { Secret, wipeAll } from '../../protocol/bytes/secret.ts';
import type { ProtocolAddress } from '../../protocol/codec/address.ts';
import type { CryptoProvider, RandomSource } from '../../protocol/crypto/provider.ts';
import type { GroupDecrypted, SenderKeyName, SenderKeyRecord } from '../../protocol/group/sender-key.ts';
import {
  decryptGroupMessage,
  distributeSenderKey,
  encryptGroupMessage,
  parseSenderKeyRecord,
  processSenderKeyDistribution,
  senderKeyRecordKey,
  serializeSenderKeyRecord,
} from '../../protocol/group/sender-key.ts';
import { nextChainKey } from '../../protocol/ratchet/symmetric.ts';
import { seededRandom } from './seeded-random.ts';

/** The distribution id of a group unless a test says otherwise. */
export const GROUP = 'd1d1d1d1-7000-11eb-b32a-33b8a8a487a6';

/** A device that is a member. `stores` is all that it remembers. */
export class Member {
  readonly stores = new Map<string, Uint8Array>();
  readonly provider: CryptoProvider;
  readonly address: ProtocolAddress;
  readonly random: RandomSource;

  constructor(name: string, provider: CryptoProvider, random: RandomSource = seededRandom(name)) {
    this.provider = provider;
    this.address = { name, deviceId: 1 };
    this.random = random;
  }

  snapshot(): Uint8Array {
    const entries = [...this.stores].sort(([a], [b]) => (a < b ? -1 : 1));
    return concat(...entries.flatMap(([key, value]) => [utf8(`${key}=${value.length}:`), value]));
  }

  record(name: SenderKeyName): SenderKeyRecord | null {
    const bytes = this.stores.get(senderKeyRecordKey(name));
    return bytes === undefined ? null : parseSenderKeyRecord(this.provider, bytes, name);
  }

  put(name: SenderKeyName, record: SenderKeyRecord): void {
    this.stores.set(senderKeyRecordKey(name), serializeSenderKeyRecord(this.provider, record, name));
  }

  /** The name of this member's own sender key. */
  own(distributionId = GROUP): SenderKeyName {
    return { sender: this.address, distributionId };
  }

  #step<T extends { readonly record: SenderKeyRecord; readonly spent: readonly Wipeable[] }>(
    name: SenderKeyName,
    act: (record: SenderKeyRecord | null) => T,
  ): T {
    const before = this.record(name);
    const bytes = before === null ? null : serializeSenderKeyRecord(this.provider, before, name);
    const unchanged = () => {
      if (before === null || bytes === null) return;
      if (!equalBytes(serializeSenderKeyRecord(this.provider, before, name), bytes)) throw new Error('input changed');
    };
    try {
      const result = act(before);
      unchanged();
      this.put(name, result.record);
      wipeAll(result.spent);
      // What was stored must not have been wiped.
      serializeSenderKeyRecord(this.provider, result.record, name);
      return result;
    } catch (error) {
      unchanged();
      throw error;
    }
  }

  distribute(distributionId = GROUP): Uint8Array {
    const name = this.own(distributionId);
    return this.#step(name, (record) => distributeSenderKey(this.provider, this.random, record, name)).distribution;
  }

  /** Takes a distribution message that the pairwise session with `sender` carried. */
  take(sender: Member, distribution: Uint8Array, distributionId = GROUP): void {
    const name = sender.own(distributionId);
    this.#step(name, (record) => processSenderKeyDistribution(record, name, distribution));
  }

  send(text: string, distributionId = GROUP): Uint8Array {
    const name = this.own(distributionId);
    const act = (record: SenderKeyRecord | null) =>
      encryptGroupMessage(this.provider, this.random, record, name, utf8(text));
    return this.#step(name, act).body;
  }

  open(sender: Member, body: Uint8Array, distributionId = GROUP): GroupDecrypted {
    const name = sender.own(distributionId);
    return this.#step(name, (record) => decryptGroupMessage(this.provider, record, name, body));
  }

  receive(sender: Member, body: Uint8Array): string {
    return new TextDecoder().decode(this.open(sender, body).plaintext);
  }

  /** As if `count` messages had been sent: the chain is stepped, or set to an iteration alone. */
  skip(count: number, iteration?: number): void {
    const record = this.record(this.own());
    const state = record?.states[0];
    if (record === null || state === undefined) throw new Error('no sender key');
    let key = state.chain.key.expose();
    for (let i = 0; i < count; i++) key = nextChainKey(this.provider, key);
    const chain = { index: iteration ?? state.chain.index + count, key: new Secret<'ChainKey'>(key) };
    this.put(this.own(), { ...record, states: record.states.with(0, { ...state, chain }) });
  }
}

/** Members who all have the first one's sender key. */
export function groupOf(provider: CryptoProvider, ...names: readonly string[]): Member[] {
  const members = names.map((name) => new Member(name, provider));
  const [sender, ...others] = members;
  const distribution = (sender as Member).distribute();
  for (const member of others) member.take(sender as Member, distribution);
  return members;
}
