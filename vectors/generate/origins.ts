/**
 * What an invalid test may be held against.
 *
 * @spec 14-vectors §2
 * Owns: that an attack is in the catalogue, that a public bug has an address. Must not know: tests.
 */
import attacks from '../../spec/attacks.json' with { type: 'json' };

const KNOWN = new Set(attacks.attacks.map(({ id }) => id));

/** @throws {Error} where it is neither. */
export function checkAgainst(against: string, place: string): void {
  if (KNOWN.has(against) || /^https:\/\/\S+$/.test(against)) return;
  throw new Error(`${place}: ${against} is neither an attack of spec/attacks.json nor an address`);
}
