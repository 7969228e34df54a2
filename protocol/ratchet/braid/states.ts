/**
 * The states of the braid: one type each.
 *
 * @spec 08-braid §1
 * Owns: what each state holds. Must not know: transitions (send.ts, receive.ts).
 *
 *   ek side                                            ct side
 *   KeysUnsampled                                      NoHeaderReceived
 *     │ send: keys, header                               │ header complete, its MAC good
 *   KeysSampled ──────────── header chunks ──────────► HeaderReceived
 *     │ first ct1 chunk                                  │ send: ct1, epoch secret
 *   HeaderSent ◄──────────── ct1 chunks ────────────── Ct1Sampled
 *     │ ct1 complete            ek chunks ──────────►    │ ek complete      │ ct1 acknowledged
 *   Ct1Received ──── ek chunks, ct1 acknowledged ────► EkReceived        Ct1Acknowledged
 *     │ first ct2 chunk                                  │ acknowledged     │ ek complete
 *   EkSentCt1Received ◄───── ct2 chunks ────────────── Ct2Sampled
 *     │ ct2 complete, its MAC good                       │ any message of the next epoch
 *   NoHeaderReceived, epoch + 1                        KeysUnsampled, epoch + 1
 */
import type { Secret, Wipeable } from '../../bytes/secret.ts';
import type { Authenticator } from './authenticator.ts';
import type { Decoder, Encoder } from './erasure.ts';

interface Common {
  /** From 1; counts keys agreed on, or being agreed on. */
  readonly epoch: number;
  readonly auth: Authenticator;
}

/** The braid of one side. `seed` is ML-KEM-768's d ‖ z, 64 bytes; `coins` are m, 32 bytes. */
export type BraidState =
  | (Common & { readonly name: 'KeysUnsampled' })
  | (Common & {
      readonly name: 'KeysSampled';
      readonly seed: Secret<'KemPrivateKey'>;
      readonly vector: Uint8Array;
      readonly header: Encoder;
    })
  | (Common & {
      readonly name: 'HeaderSent';
      readonly seed: Secret<'KemPrivateKey'>;
      readonly ek: Encoder;
      readonly ct1: Decoder;
    })
  | (Common & {
      readonly name: 'Ct1Received';
      readonly seed: Secret<'KemPrivateKey'>;
      readonly ek: Encoder;
      readonly ct1: Uint8Array;
    })
  | (Common & {
      readonly name: 'EkSentCt1Received';
      readonly seed: Secret<'KemPrivateKey'>;
      readonly ct1: Uint8Array;
      readonly ct2: Decoder;
    })
  | (Common & { readonly name: 'NoHeaderReceived'; readonly header: Decoder })
  | (Common & { readonly name: 'HeaderReceived'; readonly header: Uint8Array })
  | (Common & {
      readonly name: 'Ct1Sampled';
      readonly header: Uint8Array;
      readonly coins: Secret<'KemCoins'>;
      readonly ct1: Encoder;
      readonly ek: Decoder;
    })
  | (Common & {
      readonly name: 'EkReceived';
      readonly header: Uint8Array;
      readonly coins: Secret<'KemCoins'>;
      readonly ct1: Encoder;
      readonly vector: Uint8Array;
    })
  | (Common & {
      readonly name: 'Ct1Acknowledged';
      readonly header: Uint8Array;
      readonly coins: Secret<'KemCoins'>;
      readonly ct1: Uint8Array;
      readonly ek: Decoder;
    })
  | (Common & { readonly name: 'Ct2Sampled'; readonly ct2: Encoder });

/** The state of a given name. */
export type StateOf<Name extends BraidState['name']> = Extract<BraidState, { readonly name: Name }>;

/** The secret of an epoch that a transition brought forth. */
export interface EpochSecret {
  readonly epoch: number;
  readonly secret: Secret<'EpochSecret'>;
}

/** What a transition gives: the next state, perhaps an epoch secret, and what became obsolete. */
export interface Transition {
  readonly state: BraidState;
  readonly epochSecret: EpochSecret | null;
  readonly spent: readonly Wipeable[];
}

/** A transition that brings no secret. */
export function to(state: BraidState, spent: readonly Wipeable[] = []): Transition {
  return { state, epochSecret: null, spent };
}
