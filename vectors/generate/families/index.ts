/**
 * The families, in the order in which an implementer meets them.
 *
 * @spec 14-vectors §2
 * Owns: the list. Must not know: their tests.
 */
import type { Family } from '../definition.ts';
import { doubleRatchet } from './double-ratchet.ts';
import { fingerprint } from './fingerprint.ts';
import { incrementalMlKem768 } from './incremental-mlkem768.ts';
import { kem } from './kem.ts';
import { messages } from './messages.ts';
import { pqxdh } from './pqxdh.ts';
import { senderKeys } from './sender-keys.ts';
import { sessionDialogues } from './session-dialogues.ts';
import { spqrAuthenticator } from './spqr-authenticator.ts';
import { spqrBraid } from './spqr-braid.ts';
import { spqrChain } from './spqr-chain.ts';
import { spqrErasure } from './spqr-erasure.ts';
import { symmetricChain } from './symmetric-chain.ts';
import { x3dh } from './x3dh.ts';
import { xeddsa } from './xeddsa.ts';

export const FAMILIES: readonly Family[] = [
  xeddsa,
  kem,
  symmetricChain,
  x3dh,
  pqxdh,
  doubleRatchet,
  messages,
  incrementalMlKem768,
  spqrErasure,
  spqrAuthenticator,
  spqrChain,
  spqrBraid,
  sessionDialogues,
  senderKeys,
  fingerprint,
];
