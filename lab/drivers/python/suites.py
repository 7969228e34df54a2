"""Suites, and the KEM values that belong to them.

This driver runs no KEM. It knows how long keys and ciphertexts are, their type bytes, and which keys are refused.

@spec 02-handshake §1, 04-messages §2
Owns: the table of suites, reading KEM keys and ciphertexts. Must not know: agreements.
"""

from dataclasses import dataclass

from errors import Refusal

KEM_PUBLIC_BYTES = 1568
KEM_CIPHERTEXT_BYTES = 1568
KEM_SECRET_BYTES = 32
# ML-KEM-1024: a vector of 4 polynomials of 256 coefficients, 12 bits each, modulo Q.
_VECTOR_BYTES = 4 * 256 * 12 // 8
_Q = 3329


@dataclass(frozen=True)
class Suite:
    """A row of the table."""

    name: str
    kem_type: int | None
    label: bytes
    binds_transcript: bool


SUITES = {
    suite.name: suite
    for suite in (
        Suite("X3DH_X25519_SHA-256", None, b"WhisperText", False),
        Suite("PQXDH_X25519_SHA-256_ML-KEM-1024", 0x0A, b"WhisperText_X25519_SHA-256_ML-KEM-1024", True),
        Suite(
            "PQXDH_X25519_SHA-256_CRYSTALS-KYBER-1024",
            0x08,
            b"WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024",
            False,
        ),
    )
}


def check_kem_public(suite: Suite, wire: bytes, field: str) -> None:
    """Refuses a KEM public key of another length or type. @req MSG-07"""
    if len(wire) != 1 + KEM_PUBLIC_BYTES:
        raise Refusal("InvalidKey", "bad-length", field)
    if wire[0] != suite.kem_type:
        raise Refusal("InvalidKey", "bad-key-type", field)


def check_kem_reduced(wire: bytes, field: str) -> None:
    """Refuses a KEM public key with a coefficient of q or more. @req KEY-12"""
    vector = wire[1 : 1 + _VECTOR_BYTES]
    for at in range(0, _VECTOR_BYTES, 3):
        pair = int.from_bytes(vector[at : at + 3], "little")
        if pair & 0xFFF >= _Q or pair >> 12 >= _Q:
            raise Refusal("InvalidKey", "unreduced-kem-key", field)


def check_kem_ciphertext(suite: Suite, wire: bytes, field: str) -> None:
    """Refuses a KEM ciphertext of another length or type. @req MSG-07"""
    if len(wire) != 1 + KEM_CIPHERTEXT_BYTES:
        raise Refusal("InvalidMessage", "bad-length", field)
    if wire[0] != suite.kem_type:
        raise Refusal("InvalidKey", "bad-key-type", field)
