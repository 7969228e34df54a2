/**
 * Prekey bundles: what a responder publishes and an initiator checks.
 *
 * @spec 02-handshake §2
 * Owns: shape, key validity and signatures of a bundle, in libsignal's order.
 * Must not know: sessions, trust decisions (the caller's), transport.
 */
import { copyInput } from '../bytes/bytes.ts';
import { decodeKemPublicKey, decodePublicKey, kemTypeByteOf } from '../codec/keys.ts';
import { getKem } from '../crypto/kem.ts';
import { assertPrimeOrderPublicKey } from '../crypto/keys.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { SIGNATURE_BYTES } from '../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { MAX_DEVICE_ID } from '../limits.ts';
import type { Suite, SuiteName } from './suites.ts';
import { chooseSuite } from './suites.ts';

/** A prekey bundle in wire form: EC keys 33 bytes (`05` ‖ u), KEM keys type byte ‖ key, signatures 64 bytes. */
export interface PreKeyBundle {
  readonly registrationId: number;
  readonly deviceId: number;
  readonly identityKey: Uint8Array;
  readonly signedPreKeyId: number;
  readonly signedPreKey: Uint8Array;
  readonly signedPreKeySignature: Uint8Array;
  readonly oneTimePreKey: { readonly id: number; readonly publicKey: Uint8Array } | null;
  readonly kemPreKey: { readonly id: number; readonly publicKey: Uint8Array; readonly signature: Uint8Array } | null;
}

/** A bundle whose shape and keys are good; signatures are checked by {@link verifyBundle}. Keys raw unless named wire. */
export interface DecodedBundle {
  readonly suite: Suite;
  readonly registrationId: number;
  readonly identityKey: Uint8Array;
  readonly signedPreKeyId: number;
  readonly signedPreKey: Uint8Array;
  readonly signedPreKeyWire: Uint8Array;
  readonly signedPreKeySignature: Uint8Array;
  readonly oneTimePreKey: { readonly id: number; readonly publicKey: Uint8Array } | null;
  readonly kemPreKey: {
    readonly id: number;
    readonly publicKey: Uint8Array;
    readonly wire: Uint8Array;
    readonly signature: Uint8Array;
  } | null;
}

function checkInteger(value: unknown, low: number, high: number, field: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
    throw new ProtocolError('InvalidArgument', 'parse', 'not-in-range', field);
  }
  return value;
}

/** A prekey id: any unsigned 32-bit number, 0 and 2^32 − 1 included (HSK-03). */
function checkPreKeyId(value: unknown, field: string): number {
  return checkInteger(value, 0, 0xffff_ffff, field);
}

function checkSignature(value: unknown, field: string): Uint8Array {
  const signature = copyInput(value, field);
  if (signature.length !== SIGNATURE_BYTES) throw new ProtocolError('InvalidSignature', 'parse', 'bad-length', field);
  return signature;
}

/**
 * Checks shape, type bytes, ranges and subgroup membership, and takes the suite from the KEM key (HSK-01 … HSK-05).
 * @throws {ProtocolError} `InvalidArgument`, `InvalidKey`, `InvalidSignature` (length) or `NotAllowed`, naming the field.
 */
export function decodeBundle(
  provider: CryptoProvider,
  bundle: PreKeyBundle,
  allowed: readonly SuiteName[],
): DecodedBundle {
  const { kemPreKey: kem, oneTimePreKey: oneTime } = bundle;
  const kemWire = kem === null ? null : copyInput(kem.publicKey, 'kemPreKey');
  const suite = chooseSuite(kemWire === null ? null : kemTypeByteOf(kemWire), allowed);
  const signedPreKeyWire = copyInput(bundle.signedPreKey, 'signedPreKey');
  const decoded: DecodedBundle = {
    suite,
    registrationId: checkInteger(bundle.registrationId, 0, 0xffff_ffff, 'registrationId'),
    identityKey: decodePublicKey(bundle.identityKey, 'identityKey'),
    signedPreKeyId: checkPreKeyId(bundle.signedPreKeyId, 'signedPreKeyId'),
    signedPreKey: decodePublicKey(signedPreKeyWire, 'signedPreKey'),
    signedPreKeyWire,
    signedPreKeySignature: checkSignature(bundle.signedPreKeySignature, 'signedPreKeySignature'),
    oneTimePreKey:
      oneTime === null
        ? null
        : { id: checkPreKeyId(oneTime.id, 'preKeyId'), publicKey: decodePublicKey(oneTime.publicKey, 'preKey') },
    kemPreKey:
      kem === null || kemWire === null || suite.kem === null
        ? null
        : {
            id: checkPreKeyId(kem.id, 'kemPreKeyId'),
            publicKey: decodeKemPublicKey(getKem(suite.kem), kemWire, 'kemPreKey'),
            wire: kemWire,
            signature: checkSignature(kem.signature, 'kemPreKeySignature'),
          },
  };
  checkInteger(bundle.deviceId, 1, MAX_DEVICE_ID, 'deviceId');
  // @req HSK-04
  assertPrimeOrderPublicKey(provider, decoded.identityKey, 'identityKey');
  assertPrimeOrderPublicKey(provider, decoded.signedPreKey, 'signedPreKey');
  if (decoded.oneTimePreKey !== null) assertPrimeOrderPublicKey(provider, decoded.oneTimePreKey.publicKey, 'preKey');
  // @req HSK-05
  if (decoded.kemPreKey !== null && suite.kem !== null) {
    getKem(suite.kem).checkPublicKey(provider, decoded.kemPreKey.publicKey);
  }
  return decoded;
}

/**
 * Verifies the signed prekey, then the KEM prekey, both by the identity key over their wire form (HSK-06).
 * @throws {ProtocolError} `InvalidSignature`, reason `signed-prekey-signature` or `kem-prekey-signature`.
 */
export function verifyBundle(provider: CryptoProvider, bundle: DecodedBundle): void {
  // @req HSK-06
  if (!provider.xeddsaVerify(bundle.identityKey, bundle.signedPreKeyWire, bundle.signedPreKeySignature)) {
    throw new ProtocolError('InvalidSignature', 'verify', 'signed-prekey-signature', 'signedPreKeySignature');
  }
  const kem = bundle.kemPreKey;
  if (kem !== null && !provider.xeddsaVerify(bundle.identityKey, kem.wire, kem.signature)) {
    throw new ProtocolError('InvalidSignature', 'verify', 'kem-prekey-signature', 'kemPreKeySignature');
  }
}
