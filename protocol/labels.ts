/**
 * Every ASCII label that enters a KDF, a MAC or a signature, once.
 *
 * @spec 00-conventions §4
 * Owns: the domain separation of the whole project (CNV-03). Must not know: what is derived under a label.
 */

/** Root step of the Double Ratchet. */
export const ROOT_LABEL = 'WhisperRatchet';
/** Message keys from a message seed. */
export const MESSAGE_KEYS_LABEL = 'WhisperMessageKeys';
/** IV and cipher key of a group message from its seed. */
export const GROUP_MESSAGE_KEYS_LABEL = 'WhisperGroup';
/** X3DH key agreement (session version 3). */
export const X3DH_LABEL = 'WhisperText';
/** PQXDH key agreement over ML-KEM-1024 (FIPS 203). */
export const PQXDH_ML_KEM_1024_LABEL = 'WhisperText_X25519_SHA-256_ML-KEM-1024';
/** One identity's statement that another is the same user's: part of the signed bytes. */
export const ALTERNATE_IDENTITY_LABEL = 'Signal_PNI_Signature';
/** PQXDH key agreement over Kyber-1024 (round 3), as deployed. */
export const PQXDH_KYBER_1024_LABEL = 'WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024';

/** First chain keys of the post-quantum ratchet. Two spaces: that is what is deployed. */
export const SPQR_CHAIN_START_LABEL = 'Signal PQ Ratchet V1 Chain  Start';
/** Chain keys of a further epoch. */
export const SPQR_CHAIN_ADD_EPOCH_LABEL = 'Signal PQ Ratchet V1 Chain Add Epoch';
/** One step of such a chain. */
export const SPQR_CHAIN_NEXT_LABEL = 'Signal PQ Ratchet V1 Chain Next';
/** Epoch secret from a KEM secret. */
export const SCKA_KEY_LABEL = 'Signal_PQCKA_V1_MLKEM768:SCKA Key';
/** Keys of the braid's authenticator. */
export const SCKA_AUTHENTICATOR_LABEL = 'Signal_PQCKA_V1_MLKEM768:Authenticator Update';
/** MAC of an encapsulation key's header. */
export const SCKA_HEADER_MAC_LABEL = 'Signal_PQCKA_V1_MLKEM768:ekheader';
/** MAC of a KEM ciphertext. */
export const SCKA_CIPHERTEXT_MAC_LABEL = 'Signal_PQCKA_V1_MLKEM768:ciphertext';

/** Signed device manifests: prefix of the signed bytes. */
export const MANIFEST_LABEL = 'Pawl_Device_Manifest_V1';
/** Signed relay requests: tag parameter of the HTTP message signature. */
export const REQUEST_LABEL = 'pawl-request-v1';
