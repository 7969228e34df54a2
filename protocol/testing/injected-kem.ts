/**
 * Handshakes with a given KEM secret, for programs without a KEM and for known answers.
 *
 * @spec 11-driver §3
 * Owns: the way in. Must not be imported by anything shipped but the driver (CNV-13): a secret that is given is nobody's secret.
 */
import { Secret } from '../bytes/secret.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { HandshakeSecrets } from '../handshake/pqxdh.ts';
import { initiateWith, respondWith } from '../handshake/pqxdh.ts';
import type { Suite } from '../handshake/suites.ts';

type InitiatorInput = Parameters<typeof initiateWith>[2];
type ResponderInput = Parameters<typeof respondWith>[2];

function kemSecret(shared: Uint8Array): Secret<'KemSharedSecret'> {
  return new Secret<'KemSharedSecret'>(shared.slice());
}

/** `initiate` with this ciphertext (raw) and this secret, 32 bytes, in place of an encapsulation. */
export function initiateWithKem(
  provider: CryptoProvider,
  suite: Suite,
  keys: InitiatorInput,
  { ciphertext, shared }: { readonly ciphertext: Uint8Array; readonly shared: Uint8Array },
): ReturnType<typeof initiateWith> {
  return initiateWith(provider, suite, keys, () => ({ ciphertext, sharedSecret: kemSecret(shared) }));
}

/** `respond` with this secret, 32 bytes, in place of a decapsulation; of the KEM key only its public half is needed. */
export function respondWithKem(
  provider: CryptoProvider,
  suite: Suite,
  keys: ResponderInput,
  shared: Uint8Array,
): HandshakeSecrets {
  return respondWith(provider, suite, keys, () => kemSecret(shared));
}
