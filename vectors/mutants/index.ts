/**
 * The mutants, from the lowest layer up.
 *
 * @spec 14-vectors §7
 * Owns: the list, that each has an origin and a family. Must not know: what is wrong with them.
 */
import { checkAgainst } from '../generate/origins.ts';
import { BRAID_MUTANTS } from './braid.ts';
import { GROUP_MUTANTS } from './groups.ts';
import { HANDSHAKE_MUTANTS } from './handshakes.ts';
import { KEM_MUTANTS } from './kems.ts';
import { KEY_MUTANTS } from './keys.ts';
import { MESSAGE_MUTANTS } from './messages.ts';
import type { Mutant } from './mutant.ts';
import { RATCHET_MUTANTS } from './ratchets.ts';
import { SESSION_MUTANTS } from './sessions.ts';

export const MUTANTS: readonly Mutant[] = [
  ...KEY_MUTANTS,
  ...KEM_MUTANTS,
  ...HANDSHAKE_MUTANTS,
  ...RATCHET_MUTANTS,
  ...MESSAGE_MUTANTS,
  ...BRAID_MUTANTS,
  ...SESSION_MUTANTS,
  ...GROUP_MUTANTS,
];

/** Holds every mutant to having an origin and a family, every family to having a mutant. @throws {Error} naming the first. */
export function checkMutants(mutants: readonly Mutant[], families: readonly string[]): void {
  for (const { name, origin, family } of mutants) {
    // @req VEC-34
    checkAgainst(origin, name);
    if (!families.includes(family)) throw new Error(`${name}: there are no vectors of ${family}`);
  }
  const idle = families.find((family) => mutants.every((mutant) => mutant.family !== family));
  if (idle !== undefined) throw new Error(`no mutant is meant for ${idle}`);
}
