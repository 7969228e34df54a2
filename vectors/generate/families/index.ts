/**
 * The families, in the order in which an implementer meets them.
 *
 * @spec 14-vectors §2
 * Owns: the list. Must not know: their tests.
 */
import type { Family } from '../definition.ts';
import { doubleRatchet } from './double-ratchet.ts';
import { sessionDialogues } from './session-dialogues.ts';
import { symmetricChain } from './symmetric-chain.ts';
import { tripleRatchet } from './triple-ratchet.ts';
import { xeddsa } from './xeddsa.ts';

export const FAMILIES: readonly Family[] = [xeddsa, symmetricChain, doubleRatchet, tripleRatchet, sessionDialogues];
