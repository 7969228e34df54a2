/**
 * Vectors of the braid, chains included.
 *
 * @spec 08-braid
 * Owns: the file. Must not know: single tests.
 */
import type { Family } from '../definition.ts';
import { braidNegotiation } from './spqr-braid-negotiation.ts';
import { spoiltObjects } from './spqr-braid-objects.ts';
import { misplacedPayloads } from './spqr-braid-positions.ts';
import { malformedPayloads, refusedPayloads } from './spqr-braid-refusals.ts';
import { braidTalks } from './spqr-braid-talks.ts';

export const spqrBraid: Family = {
  name: 'spqr-braid',
  algorithm: 'Sparse post-quantum ratchet: ML-KEM Braid and its key chains',
  header: [
    'A is the initiator. Payloads go from one side to the other by name, so that drivers without seeds can be judged by what they accept.',
    'A payload is version ‖ epoch ‖ index ‖ type ‖ [chunk index ‖ 32 bytes], numbers as varints.',
  ],
  notes: {
    Traced: { description: 'All values on the way of one epoch, side by side.' },
    Epochs: { description: 'Several epochs, in which the roles change.' },
    Lossy: { description: 'Messages are lost; chunks beyond the rows of a message make up for them.' },
    Blocks: { description: 'Several messages of one side before one of the other.' },
    Reordered: { description: 'Messages arrive in another order than they were sent in.' },
    OneSided: { description: 'One side does not answer: no epoch comes of it.' },
    OldEpoch: { description: 'A chunk of an epoch that is over gives a key, and is no part of a newer object.' },
    Ignored: { description: 'A type that the state does not wait for changes nothing but the chain.' },
    States: { description: 'The states are named.' },
    Alone: { description: 'One side that draws nothing: no seed, and the same answers from everybody.' },
    NotMinimal: { description: 'Varints longer than they need be are accepted, bits at 2^64 and above are lost.' },
    More: { description: 'Bytes behind a payload are ignored.' },
    Limit: { description: 'The last one that is accepted.' },
    NoKey: { description: 'Epoch 1 and index 0: a message without a key.' },
    Optional: { description: 'The lowest version is 0: libsignal’s from 0.74 to 0.91.' },
    TurnedOff: { description: 'A peer without the ratchet turns it off, where that is allowed.' },
    Later: { description: 'A version that does not exist yet, during negotiation.' },
    Spoilt: { description: 'A chunk was altered by whoever could make a good MAC of the message: the peer itself.' },
  },
  groups: [
    { type: 'SpqrBraidTalk', spec: 'spec/08-braid.md §1', tests: braidTalks },
    { type: 'SpqrBraidNegotiation', spec: 'spec/08-braid.md §10', tests: braidNegotiation },
    { type: 'SpqrBraidMalformed', spec: 'spec/08-braid.md §2', tests: malformedPayloads },
    { type: 'SpqrBraidRefused', spec: 'spec/08-braid.md §8', tests: [...refusedPayloads, ...misplacedPayloads] },
    { type: 'SpqrBraidSpoilt', spec: 'spec/08-braid.md §5', tests: spoiltObjects },
  ],
};
