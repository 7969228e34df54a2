/**
 * What can be wrong with a value, whatever it is used for.
 *
 * @spec 14-vectors §2
 * Owns: damaged keys with the reason for which each is refused. Must not know: operations.
 */
import { SMALL_ORDER_U, torsioned, unreduced, wire, withHighBit } from '../../test/support/points.ts';
import { hex } from './definition.ts';

/** One damaged value. */
export interface Flaw {
  /** What is wrong, as it stands in comments and checks. */
  readonly name: string;
  readonly value: string;
  readonly reason: string;
  readonly against: string;
  /** True where libsignal accepts it. */
  readonly lenient?: boolean;
}

/** A key library that took keys of any length. */
const LENGTH_UNCHECKED = 'https://github.com/google/conscrypt/pull/1437';
/** Keys with their type byte and without it, taken for each other. */
const TWO_SHAPES = 'https://github.com/vinikjkkj/zapo/pull/44';

/** Lengths and type byte of a public key in wire form (33 bytes). */
export function formFlaws(key: string): Flaw[] {
  const short = { reason: 'bad-length', against: LENGTH_UNCHECKED };
  // What is dropped or passed over makes another encoding of the same point.
  const alias = { against: 'PRIM-04' };
  return [
    { name: 'empty', value: '', ...short },
    { name: 'of the type byte alone', value: '05', ...short },
    { name: 'without its type byte', value: key.slice(2), reason: 'bad-length', against: TWO_SHAPES },
    { name: 'one byte short', value: key.slice(0, -2), ...short },
    { name: 'one byte long', value: `${key}00`, reason: 'bad-length', lenient: true, ...alias },
    { name: 'of type 00', value: `00${key.slice(2)}`, reason: 'bad-key-type', ...alias },
    { name: 'of type 06', value: `06${key.slice(2)}`, reason: 'bad-key-type', ...alias },
    { name: 'of a KEM’s type', value: `08${key.slice(2)}`, reason: 'bad-key-type', against: 'PQX-01' },
  ];
}

/** Numbers that stand for no public key: u of p or more, bit 255 set. */
export function rangeFlaws(key: Uint8Array): Flaw[] {
  const flaw = (name: string, value: Uint8Array): Flaw => ({
    name,
    value: hex(wire(value)),
    reason: 'non-canonical-public-key',
    against: 'PRIM-04',
    lenient: true,
  });
  return [
    flaw('with bit 255 set', withHighBit(key)),
    flaw('9 + p', unreduced(9n)),
    flaw('2 + p', unreduced(2n)),
    flaw('p itself', unreduced(0n)),
  ];
}

const ORDERS = [
  'u = 0, order 1 or 2',
  'u = 1, order 4',
  'order 8',
  'order 8, the other',
  'u = −1, order 4 on the twist',
];

/** Canonical points of small order. */
export function smallOrderFlaws(reason: string): Flaw[] {
  return ORDERS.map((name, i) => ({
    name: `of small order (${name})`,
    value: hex(wire(SMALL_ORDER_U[i] as Uint8Array)),
    reason,
    against: 'PRIM-02',
  }));
}

/** An honest key with a point of order 8 added. */
function torsionFlaw(key: Uint8Array): Flaw {
  return {
    name: 'with a point of order 8 added',
    value: hex(wire(torsioned(key))),
    reason: 'not-prime-order',
    against: 'PRIM-03',
    lenient: true,
  };
}

/** All that is wrong with a key that must be of prime order. */
export function keyFlaws(key: Uint8Array, smallOrder = 'not-prime-order'): Flaw[] {
  return [...formFlaws(hex(wire(key))), ...rangeFlaws(key), ...smallOrderFlaws(smallOrder), torsionFlaw(key)];
}

/** Values of fixed length that are shorter, longer or empty. */
export function lengthFlaws(value: string, reason: string, against: string): Flaw[] {
  return [
    { name: 'empty', value: '', reason, against },
    { name: 'one byte short', value: value.slice(0, -2), reason, against },
    { name: 'one byte long', value: `${value}00`, reason, against },
  ];
}
