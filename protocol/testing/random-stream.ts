/**
 * Randomness that is drawn again from a seed.
 *
 * @spec 11-driver §5
 * Owns: the stream and its position. Must not know: what is drawn for what. Only the driver may ship it (CNV-13): what protects
 * anybody has no seed.
 */
import { be64, concat } from '../bytes/bytes.ts';
import type { Secret } from '../bytes/secret.ts';
import type { CryptoProvider, RandomSource } from '../crypto/provider.ts';

/** Bytes of a seed. */
export const STREAM_SEED_BYTES = 32;

/** A stream and how often it has been drawn from. */
export interface RandomStream {
  readonly seed: Secret<'StreamSeed'>;
  readonly draws: number;
}

/** A source that can say where its stream stands now. */
export interface StreamSource {
  readonly random: RandomSource;
  readonly stream: () => RandomStream;
}

/** Draw number n of so many bytes is SHAKE256(seed ‖ be64(n), length), n from 0. */
export function openStream(provider: CryptoProvider, { seed, draws }: RandomStream): StreamSource {
  let next = draws;
  return {
    // @req DRV-15
    random: (length) => provider.shake256(concat(seed.expose(), be64(next++)), length),
    stream: () => ({ seed, draws: next }),
  };
}
