"""X25519 keys: their wire form, which of them are refused, agreement.

The agreement itself is the one primitive that comes from a package; the checks before it are ours.

@spec 01-keys §3, 04-messages §2
Owns: type byte, clamping, canonical and prime-order keys. Must not know: signatures, roles.
"""

import os

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from errors import Refusal

KEY_BYTES = 32
TYPE = 0x05
# The field, and the order of the subgroup that the base point generates.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493


def clamp(private: bytes) -> bytes:
    """RFC 7748 §5. @req KEY-04"""
    clamped = bytearray(private)
    clamped[0] &= 248
    clamped[31] = (clamped[31] & 127) | 64
    return bytes(clamped)


def read_private(private: bytes, field: str) -> bytes:
    """A private key from outside, clamped. @req KEY-02"""
    if len(private) != KEY_BYTES:
        raise Refusal("InvalidKey", "bad-length", field)
    return clamp(private)


def draw_private() -> bytes:
    """A fresh private key."""
    return clamp(os.urandom(KEY_BYTES))


def read_public(wire: bytes, field: str) -> bytes:
    """The u of a public key in wire form, which is canonical. @req MSG-06 @req KEY-05"""
    if len(wire) != 1 + KEY_BYTES:
        raise Refusal("InvalidKey", "bad-length", field)
    if wire[0] != TYPE:
        raise Refusal("InvalidKey", "bad-key-type", field)
    if int.from_bytes(wire[1:], "little") >= P:
        raise Refusal("InvalidKey", "non-canonical-public-key", field)
    return wire[1:]


def read_prime_order(wire: bytes, field: str) -> bytes:
    """The u of a public key in wire form, which is in the prime-order subgroup. @req KEY-06"""
    u = read_public(wire, field)
    if _multiply((5 * L - 1).to_bytes(KEY_BYTES, "little"), u) != u:
        raise Refusal("InvalidKey", "not-prime-order", field)
    return u


def wire_form(u: bytes) -> bytes:
    """ser(P)."""
    return bytes([TYPE]) + u


def public_of(private: bytes) -> bytes:
    """The u that belongs to a private key."""
    key = X25519PrivateKey.from_private_bytes(private).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def agree(private: bytes, u: bytes, field: str) -> bytes:
    """DH(private, u). @req KEY-07"""
    shared = _multiply(private, u)
    if shared is None:
        raise Refusal("InvalidKey", "zero-shared-secret", field)
    return shared


def _multiply(scalar: bytes, u: bytes) -> bytes | None:
    """X25519, or None where it gives zero, which the package refuses."""
    try:
        return X25519PrivateKey.from_private_bytes(scalar).exchange(X25519PublicKey.from_public_bytes(u))
    except ValueError:
        return None
