/**
 * Key agreement and chains against numbers that Signal's own tests publish.
 *
 * @spec 02-handshake §3, 03-ratchet §2
 */
import { describe, expect, test } from 'vitest';
import { externalOutcome, HAVE_VECTORS } from '../support/external-vectors.ts';
import { PROVIDERS } from '../support/peers.ts';
import { reportCount, reportGap } from '../support/report.ts';

describe.each(PROVIDERS)('published vectors, $name provider', (provider) => {
  test.skipIf(!HAVE_VECTORS)('[HSK-07] [HSK-09] X3DH as responder, without and with a one-time prekey', () => {
    const outcome = externalOutcome('signal-derived/x3dh.json', provider);
    if (outcome === null) return;
    reportCount('HSK-07', 'published X3DH agreements', outcome.verdicts.length);
  });

  test.skipIf(!HAVE_VECTORS)('[DRT-02] [DRT-03] [DRT-04] chain keys and HKDF', () => {
    const outcome = externalOutcome('signal-derived/ratchet-kdf.json', provider);
    if (outcome === null) return;
    expect(outcome.unused.map(({ id }) => id)).toEqual(['chain-key-v2-legacy', 'root-key-v2-legacy']);
    for (const { id, reason } of outcome.unused) reportGap(`not used: ratchet-kdf.json ${id} (${reason})`);
    reportCount('DRT-02', 'published chain and HKDF answers', outcome.verdicts.length);
  });
});
