/**
 * The suites, as data.
 *
 * @spec 02-handshake §1
 * Owns: which KEM, which label, which session version belong together. Adding a suite is adding an entry here.
 * Must not know: how an agreement is computed.
 */
import type { KemName } from '../crypto/kem.ts';
import { getKem } from '../crypto/kem.ts';
import { ProtocolError } from '../errors.ts';
import { PQXDH_KYBER_1024_LABEL, PQXDH_ML_KEM_1024_LABEL, X3DH_LABEL } from '../labels.ts';

/** The names under which suites are announced, chosen and stored. */
export type SuiteName =
  | 'X3DH_X25519_SHA-256'
  | 'PQXDH_X25519_SHA-256_ML-KEM-1024'
  | 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024';

/** One handshake suite. */
export interface Suite {
  readonly name: SuiteName;
  /** Number in stored records; never reused. */
  readonly id: number;
  /** High nibble of every message's version byte (04-messages §2). */
  readonly sessionVersion: 3 | 4;
  /** The KEM of a hybrid suite; a suite accepts exactly this KEM's type byte. */
  readonly kem: KemName | null;
  /** ASCII label that opens the KDF info. */
  readonly label: string;
  /** Whether the handshake's public transcript follows the label in the KDF info (02-handshake §4). */
  readonly bindsTranscript: boolean;
}

/** All suites, classical baseline first. */
export const SUITES: readonly Suite[] = [
  { name: 'X3DH_X25519_SHA-256', id: 1, sessionVersion: 3, kem: null, label: X3DH_LABEL, bindsTranscript: false },
  {
    name: 'PQXDH_X25519_SHA-256_ML-KEM-1024',
    id: 2,
    sessionVersion: 4,
    kem: 'ML-KEM-1024',
    label: PQXDH_ML_KEM_1024_LABEL,
    bindsTranscript: true,
  },
  {
    // What libsignal speaks, byte for byte.
    name: 'PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024',
    id: 3,
    sessionVersion: 4,
    kem: 'Kyber-1024-r3',
    label: PQXDH_KYBER_1024_LABEL,
    bindsTranscript: false,
  },
];

/** The suite a device speaks unless told otherwise. */
export const DEFAULT_SUITE: SuiteName = 'PQXDH_X25519_SHA-256_ML-KEM-1024';

/** @throws {ProtocolError} `InvalidArgument`/`unknown-suite`. */
export function getSuite(name: string): Suite {
  const suite = SUITES.find((candidate) => candidate.name === name);
  if (suite === undefined) throw new ProtocolError('InvalidArgument', 'parse', 'unknown-suite', 'suite');
  return suite;
}

/** The suite with the given record id, or null. */
export function suiteById(id: number): Suite | null {
  return SUITES.find((candidate) => candidate.id === id) ?? null;
}

/**
 * Takes the suite from the KEM key on offer, within a policy (HSK-01, HSK-02).
 *
 * @param typeByte first byte of the KEM public key in wire form, or null where the bundle has none
 * @param allowed the device's policy: the suites it is willing to speak
 * @throws {ProtocolError} `NotAllowed`/`no-kem-prekey` where only hybrid suites are allowed and no KEM key is offered
 * (never a silent fallback); `InvalidKey`/`kem-type-not-allowed` where no allowed suite has this type byte.
 */
export function chooseSuite(typeByte: number | null, allowed: readonly SuiteName[]): Suite {
  const suites = allowed.map(getSuite);
  if (typeByte === null) {
    const classical = suites.find((suite) => suite.kem === null);
    // @req HSK-02
    if (classical === undefined) throw new ProtocolError('NotAllowed', 'policy', 'no-kem-prekey', 'kemPreKey');
    return classical;
  }
  // @req HSK-01
  const hybrid = suites.find((suite) => suite.kem !== null && getKem(suite.kem).typeByte === typeByte);
  if (hybrid === undefined) throw new ProtocolError('InvalidKey', 'policy', 'kem-type-not-allowed', 'kemPreKey');
  return hybrid;
}
