/**
 * The families, in the order in which an implementer meets them.
 *
 * @spec 14-vectors §2
 * Owns: the list. Must not know: their tests.
 */
import type { Family } from '../definition.ts';
import { fingerprint } from './fingerprint.ts';
import { messages } from './messages.ts';
import { pqxdh } from './pqxdh.ts';
import { senderKeys } from './sender-keys.ts';
import { symmetricChain } from './symmetric-chain.ts';
import { x3dh } from './x3dh.ts';
import { xeddsa } from './xeddsa.ts';

export const FAMILIES: readonly Family[] = [xeddsa, symmetricChain, x3dh, pqxdh, messages, senderKeys, fingerprint];
