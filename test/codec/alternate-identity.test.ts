/** Alternate-identity signature. @spec 04-messages §9 */
import { describe, expect, test } from 'vitest';
import { signAlternateIdentity, verifyAlternateIdentity } from '../../protocol/codec/alternate-identity.ts';
import { encodePublicKey } from '../../protocol/codec/keys.ts';
import { PROVIDERS } from '../support/peers.ts';
import { torsioned, withHighBit } from '../support/points.ts';
import { refusal } from '../support/refusal.ts';
import { scriptedRandom, seededRandom } from '../support/seeded-random.ts';
import { counting, join, refusedAs } from './sample.ts';

const REFUSED = refusedAs('InvalidSignature', 'alternate-identity-signature', 'signature');

describe.each(PROVIDERS)('alternate identity, $name provider', (provider) => {
  const random = seededRandom('alternate');
  const [aci, pni, other] = [1, 2, 3].map(() => provider.x25519Generate(random)) as [Pair, Pair, Pair];
  const signed = signAlternateIdentity(provider, aci.privateKey, pni.publicKey, random);

  test('[MSG-31, MSG-32] the statement is 85 bytes: FF × 32, label, key', () => {
    const label = Buffer.from('Signal_PNI_Signature', 'ascii');
    const statement = join(new Uint8Array(32).fill(0xff), label, encodePublicKey(pni.publicKey));
    expect(statement.length).toBe(85);
    expect(provider.xeddsaVerify(aci.publicKey, statement, signed)).toBe(true);
    const made = signAlternateIdentity(provider, aci.privateKey, pni.publicKey, scriptedRandom([counting(1, 64)]));
    expect(made).toEqual(provider.xeddsaSign(aci.privateKey, statement, scriptedRandom([counting(1, 64)])));
    verifyAlternateIdentity(provider, aci.publicKey, pni.publicKey, signed);
  });

  test('[MSG-32] it holds one way, for these two keys', () => {
    const verify = (by: Uint8Array, about: Uint8Array) => () => verifyAlternateIdentity(provider, by, about, signed);
    for (const [by, about] of [
      [pni, aci],
      [pni, pni],
      [aci, other],
      [aci, aci],
      [other, pni],
    ] as const) {
      expect(refusal(verify(by.publicKey, about.publicKey))).toEqual(REFUSED);
    }
    expect(refusal(verify(aci.publicKey, torsioned(pni.publicKey)))).toEqual(REFUSED);
    expect(refusal(verify(aci.publicKey, withHighBit(pni.publicKey))).code).toBe('InvalidKey');
  });

  test('[MSG-32, PRIM-06] every flipped bit is refused, and a signature over the bare key is none', () => {
    const verify = (signature: Uint8Array) => () =>
      verifyAlternateIdentity(provider, aci.publicKey, pni.publicKey, signature);
    for (let bit = 0; bit < 512; bit += provider.name === 'node' ? 1 : 5) {
      const flipped = signed.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(refusal(verify(flipped))).toEqual(REFUSED);
    }
    for (const length of [0, 63]) expect(refusal(verify(signed.subarray(0, length)))).toEqual(REFUSED);
    // What signs a signed prekey of the same bytes says nothing about identities, and the reverse.
    const bare = provider.xeddsaSign(aci.privateKey, encodePublicKey(pni.publicKey), random);
    expect(refusal(verify(bare))).toEqual(REFUSED);
    expect(provider.xeddsaVerify(aci.publicKey, encodePublicKey(pni.publicKey), signed)).toBe(false);
  });
});

type Pair = ReturnType<(typeof PROVIDERS)[0]['x25519Generate']>;
