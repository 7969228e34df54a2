"""Signatures under X25519 keys.

@spec 01-keys §5
Owns: making and verifying XEdDSA signatures of the deployed form. Must not know: what is signed.
"""

import hashlib

from edwards import BASE, add, compress, from_montgomery, has_small_order, multiply, negate
from keys import L

SIGNATURE_BYTES = 64
RANDOM_BYTES = 64
# No encoding of a point begins so: the hash for a nonce is never the hash for a challenge.
_NONCE_PREFIX = b"\xfe" + 31 * b"\xff"


def _scalar(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L


def sign(private: bytes, message: bytes, random: bytes) -> bytes:
    """Signs under a clamped private key. @req KEY-08"""
    a = int.from_bytes(private, "little") % L
    public = compress(multiply(a, BASE))
    r = _scalar(_NONCE_PREFIX, private, message, random)
    nonce = compress(multiply(r, BASE))
    s = (r + _scalar(nonce, public, message) * a) % L
    signature = bytearray(nonce + s.to_bytes(32, "little"))
    signature[63] |= public[31] & 0x80
    return bytes(signature)


def verify(u: bytes, message: bytes, signature: bytes) -> bool:
    """Verifies under a canonical u. @req KEY-09 @req KEY-10 @req KEY-11"""
    if len(signature) != SIGNATURE_BYTES:
        return False
    nonce, tail = signature[:32], int.from_bytes(signature[32:], "little")
    public_sign, s = tail >> 255, tail & (2**255 - 1)
    public = from_montgomery(int.from_bytes(u, "little"), public_sign)
    if s >= L or public is None or has_small_order(public):
        return False
    h = _scalar(nonce, compress(public), message)
    expected = add(multiply(s, BASE), negate(multiply(h, public)))
    return compress(expected) == nonce and not has_small_order(expected)
