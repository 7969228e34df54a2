/**
 * Two sides of a Double Ratchet, as steps of a vector.
 *
 * @spec 03-ratchet
 * Owns: which key pair is whose, the header of every message. Must not know: keys of messages: the implementation answers those.
 */
import type { Fields } from '../../cli/conform/vector-file.ts';
import { nobleProvider } from '../../protocol/crypto/noble.ts';
import { wire } from '../../test/support/points.ts';
import type { StepDefinition } from './definition.ts';
import { fixed, fixedHex, hex } from './definition.ts';

export type Side = 'alice' | 'bob';

/** A message on its way: who sent it, with which header. */
export interface Header {
  readonly [field: string]: string | number;
  readonly ratchetKey: string;
  readonly previousCounter: number;
  readonly counter: number;
}

/** The public half of a named private key, in wire form. */
export function publicOf(name: string): string {
  return hex(wire(nobleProvider.x25519FromPrivate(fixed(name)).publicKey));
}

interface Own {
  /** Name of the present ratchet key; null before the first of the responder's own. */
  key: string;
  counter: number;
  previous: number;
  /** How many key pairs were given for coming DH steps. */
  given: number;
}

/** Writes steps down. Alice initiates. */
export class RatchetScript {
  readonly steps: StepDefinition[] = [];
  readonly #name: string;
  readonly #own: Record<Side, Own>;
  readonly #seen: Record<Side, Set<string>>;

  constructor(name: string) {
    this.#name = name;
    const secrets = { rootKey: fixedHex(`${name}, root`), chainKey: fixedHex(`${name}, chain`) };
    const signedPreKey = `${name}, signed prekey`;
    const first = `${name}, alice 0`;
    this.#own = {
      alice: { key: first, counter: 0, previous: 0, given: 0 },
      bob: { key: signedPreKey, counter: 0, previous: 0, given: 0 },
    };
    // The responder's signed prekey begins no new chain at the initiator.
    this.#seen = { alice: new Set([publicOf(signedPreKey)]), bob: new Set() };
    const init = (side: Side, args: Fields): StepDefinition => ({
      op: 'ratchet.init',
      args: { ...secrets, ...args },
      bind: { [`$${side}`]: 'ratchet' },
      trace: true,
    });
    this.steps.push(init('alice', { role: 'initiator', private: fixedHex(first), remote: publicOf(signedPreKey) }));
    this.steps.push(init('bob', { role: 'responder', private: fixedHex(signedPreKey) }));
  }

  /** The ratchet key that a side sends under. */
  key(side: Side): string {
    return publicOf(this.#own[side].key);
  }

  /** A header under a side's present key that no message had. */
  header(side: Side, counter: number): Header {
    return { ratchetKey: this.key(side), previousCounter: this.#own[side].previous, counter };
  }

  send(side: Side, changes: Partial<StepDefinition> & { readonly pqKey?: string } = {}): Header {
    const { pqKey, ...rest } = changes;
    const own = this.#own[side];
    const header = this.header(side, own.counter);
    own.counter += 1;
    const args = { ratchet: `$${side}`, ...(pqKey === undefined ? {} : { pqKey }) };
    this.steps.push({ op: 'ratchet.send', args, trace: true, ...rest });
    return header;
  }

  /** Receives a message; a new key in it turns the ratchet of the side. */
  receive(side: Side, header: Header, changes: Partial<StepDefinition> & { readonly pqKey?: string } = {}): void {
    const { pqKey, ...rest } = changes;
    const own = this.#own[side];
    const fresh = `${this.#name}, ${side} ${own.given + 1}`;
    const turns = !this.#seen[side].has(header.ratchetKey);
    const salted = pqKey === undefined ? {} : { pqKey };
    const args = { ratchet: `$${side}`, header, ...(turns ? { nextPrivate: fixedHex(fresh) } : {}), ...salted };
    this.steps.push({ op: 'ratchet.receive', args, trace: true, ...rest });
    if (!turns || rest.refused !== undefined) return;
    this.#seen[side].add(header.ratchetKey);
    own.previous = Math.max(own.counter - 1, 0);
    own.key = fresh;
    own.counter = 0;
    own.given += 1;
  }

  /** A message there, and one back. */
  turn(): void {
    this.receive('bob', this.send('alice'));
    this.receive('alice', this.send('bob'));
  }
}
