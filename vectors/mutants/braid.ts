/**
 * Mutants of the post-quantum ratchet.
 *
 * @spec 14-vectors §7
 * Owns: their changes. Must not know: how they are run.
 */
import type { Mutant } from './mutant.ts';

const ERASURE = 'protocol/ratchet/braid/erasure.ts';
const CHAIN = 'protocol/ratchet/braid/chain.ts';
const RECEIVE = 'protocol/ratchet/braid/receive.ts';
const SPQR = 'protocol/ratchet/braid/spqr.ts';
const BRAID_TEXT = 'https://signal.org/docs/specifications/mlkembraid/';

export const BRAID_MUTANTS: readonly Mutant[] = [
  {
    name: 'chunk-point-off-by-one',
    wrong: 'evaluates a chunk that is no row at the point behind its index',
    origin: BRAID_TEXT,
    family: 'spqr-erasure',
    changes: [
      {
        file: ERASURE,
        text: 'interpolate(xs, xs.map(row), index)',
        becomes: 'interpolate(xs, xs.map(row), (index + 1) & 0xffff)',
      },
    ],
  },
  {
    name: 'duplicate-chunk-counted',
    wrong: 'counts a chunk that comes twice towards completion',
    origin: 'PRIM-13',
    family: 'spqr-erasure',
    changes: [
      {
        file: ERASURE,
        text: 'decoder.chunks.filter((other) => other.index !== chunk.index)',
        becomes: 'decoder.chunks',
      },
    ],
  },
  {
    name: 'authenticator-epoch-off-by-one',
    wrong: 'numbers the authenticator’s epochs from 0',
    origin: BRAID_TEXT,
    family: 'spqr-authenticator',
    changes: [
      {
        file: 'protocol/ratchet/braid/authenticator.ts',
        text: 'concat(utf8(SCKA_AUTHENTICATOR_LABEL), be64(epoch))',
        becomes: 'concat(utf8(SCKA_AUTHENTICATOR_LABEL), be64(epoch - 1))',
      },
    ],
  },
  {
    name: 'chain-index-from-zero',
    wrong: 'numbers the keys that it sends from 0, not from 1',
    origin: 'RAT-05',
    family: 'spqr-chain',
    changes: [
      { file: CHAIN, text: 'const index = link.send.counter + 1;', becomes: 'const index = link.send.counter;' },
      { file: CHAIN, text: '{ ...link.send, counter: index,', becomes: '{ ...link.send, counter: index + 1,' },
    ],
  },
  {
    name: 'chain-counter-little-endian',
    wrong: 'derives chain keys under a little-endian counter',
    origin: 'RAT-08',
    family: 'spqr-chain',
    changes: [{ file: CHAIN, text: 'be32(counter)', becomes: 'be32(counter).reverse()' }],
  },
  {
    name: 'old-epochs-kept',
    wrong: 'keeps the chains of every epoch: a leak opens them all',
    origin: 'RAT-10',
    family: 'spqr-chain',
    changes: [
      { file: CHAIN, text: 'chain.links.slice(0, Math.max(0, epoch - 1 - first))', becomes: 'chain.links.slice(0, 0)' },
    ],
  },
  {
    name: 'directions-swapped',
    wrong: 'sends A’s messages under the chain that B sends on',
    origin: BRAID_TEXT,
    family: 'spqr-chain',
    changes: [{ file: CHAIN, text: "link: direction === 'A2B' ?", becomes: "link: direction === 'B2A' ?" }],
  },
  {
    name: 'second-half-first',
    wrong: 'authenticates ct2 ‖ ct1, on both sides',
    origin: BRAID_TEXT,
    family: 'spqr-braid',
    changes: [
      {
        file: RECEIVE,
        text: 'ciphertextMac(provider, auth, epoch, concat(ct1, ct2))',
        becomes: 'ciphertextMac(provider, auth, epoch, concat(ct2, ct1))',
      },
      {
        file: RECEIVE,
        text: 'ciphertextMac(provider, auth, epoch, ciphertext)',
        becomes: 'ciphertextMac(provider, auth, epoch, concat(complete.subarray(0, CT2_BYTES), state.ct1))',
      },
    ],
  },
  {
    name: 'header-mac-unchecked',
    wrong: 'encapsulates to a header whose MAC is wrong',
    origin: 'RAT-06',
    family: 'spqr-braid',
    changes: [
      {
        file: RECEIVE,
        text: 'complete.subarray(EK_HEADER_BYTES))) {',
        becomes: 'complete.subarray(EK_HEADER_BYTES)) && false) {',
      },
    ],
  },
  {
    name: 'old-chunk-mixed-in',
    wrong: 'takes a chunk of an older epoch for one of the present',
    origin: 'RAT-05',
    family: 'spqr-braid',
    changes: [{ file: RECEIVE, text: 'if (message.epoch < state.epoch) return to(state);', becomes: '' }],
  },
  {
    name: 'ratchet-stripped-silently',
    wrong: 'goes on without the post-quantum ratchet where it is required and the peer sends none',
    origin: 'https://github.com/AsamK/signal-cli/issues/1859',
    family: 'spqr-braid',
    changes: [
      {
        file: SPQR,
        text: "if (state.negotiation.minVersion > 0) throw refuse('pq-version-too-low');",
        becomes: '',
      },
    ],
  },
];
