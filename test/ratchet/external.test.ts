/**
 * Key agreement and chains against numbers that Signal's own tests publish.
 *
 * @spec 02-handshake §3, 03-ratchet §2
 */
import { describe, expect, test } from 'vitest';
import { concat, EMPTY, fromHex, toHex, utf8 } from '../../protocol/bytes/bytes.ts';
import { respond } from '../../protocol/handshake/pqxdh.ts';
import { getSuite } from '../../protocol/handshake/suites.ts';
import { agreeAsResponder } from '../../protocol/handshake/x3dh.ts';
import { messageKeys, messageSeed, nextChainKey } from '../../protocol/ratchet/symmetric.ts';
import { externalVectors, HAVE_VECTORS } from '../support/external-vectors.ts';
import { PROVIDERS, X3DH } from '../support/peers.ts';
import { reportCount, reportGap } from '../support/report.ts';

interface Case {
  readonly id: string;
  readonly legacy?: boolean;
  readonly inputs: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, string>>;
}

interface File {
  readonly cases: readonly Case[];
}

const value = (of: Readonly<Record<string, string>>, name: string): Uint8Array => {
  const hex = of[name];
  if (hex === undefined) throw new Error(`vector has no ${name}`);
  return fromHex(hex);
};
/** Raw u of a key with or without its type byte. */
const raw = (of: Readonly<Record<string, string>>, name: string) => value(of, name).slice(-32);

describe.each(PROVIDERS)('published vectors, $name provider', (provider) => {
  test.skipIf(!HAVE_VECTORS)('[HSK-07] [HSK-09] X3DH as responder, without and with a one-time prekey', () => {
    const file = externalVectors<File>('signal-derived/x3dh.json');
    if (file === null) return;
    const pair = (of: Case['inputs'], name: string) => provider.x25519FromPrivate(value(of, `${name}Private`));
    const [signal, syndace] = file.cases.map(({ inputs }) => inputs) as [Case['inputs'], Case['inputs']];
    const [wanted, wantedToo] = file.cases.map(({ expected }) => expected) as [Case['expected'], Case['expected']];
    const secrets = respond(provider, getSuite(X3DH), {
      identity: pair(signal, 'bobIdentity'),
      signedPreKey: pair(signal, 'bobSignedPreKey'),
      oneTimePreKey: null,
      theirIdentity: raw(signal, 'aliceIdentityPublic'),
      theirEphemeral: raw(signal, 'aliceBasePublic'),
      kemKeyPair: null,
      kemCiphertext: null,
    });
    expect(toHex(secrets.chainKey.expose())).toBe(wanted.bobSenderChainKey);
    const agreements = agreeAsResponder(provider, {
      identity: pair(syndace, 'bobIdentity'),
      signedPreKey: pair(syndace, 'bobSignedPreKey'),
      oneTimePreKey: pair(syndace, 'bobOneTimePreKey'),
      theirIdentity: raw(syndace, 'aliceIdentityPublic'),
      theirEphemeral: raw(syndace, 'aliceEphemeralPublic'),
    });
    const ikm = concat(new Uint8Array(32).fill(0xff), ...agreements.map((dh) => dh.expose()));
    const info = utf8(syndace.info as string);
    expect(toHex(provider.hkdfSha256(ikm, new Uint8Array(32), info, 32))).toBe(wantedToo.sk);
    reportCount('HSK-07', 'published X3DH agreements', file.cases.length);
  });

  test.skipIf(!HAVE_VECTORS)('[DRT-02] [DRT-03] [DRT-04] chain keys and HKDF', () => {
    const file = externalVectors<File>('signal-derived/ratchet-kdf.json');
    if (file === null) return;
    let count = 0;
    for (const { id, legacy, inputs, expected } of file.cases) {
      if (legacy === true) {
        reportGap(`not used: ratchet-kdf.json ${id} (an HKDF that Signal left in 2014)`);
        continue;
      }
      if (inputs.ikm === undefined) {
        const chain = value(inputs, 'seed');
        const keys = messageKeys(provider, messageSeed(provider, chain), EMPTY);
        expect(toHex(keys.cipherKey.expose())).toBe(expected.cipherKey);
        expect(toHex(keys.macKey.expose())).toBe(expected.macKey);
        expect(toHex(nextChainKey(provider, chain))).toBe(expected.nextChainKey);
      } else {
        const [ikm, salt, info] = [value(inputs, 'ikm'), value(inputs, 'salt'), value(inputs, 'info')];
        expect(toHex(provider.hkdfSha256(ikm, salt, info, Number(inputs.length)))).toBe(expected.okm);
      }
      count++;
    }
    reportCount('DRT-02', 'published chain and HKDF answers', count);
  });
});
