"""HMAC and HKDF over SHA-256.

@spec 01-keys §4
Owns: both functions (RFC 2104, RFC 5869). Must not know: labels.
"""

import hmac

HASH_BYTES = 32
MAX_OUTPUT_BYTES = 255 * HASH_BYTES


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC; an empty key is zeros. @req KEY-15"""
    return hmac.digest(key or bytes(HASH_BYTES), message, "sha256")


def extract(ikm: bytes, salt: bytes) -> bytes:
    """The pseudo-random key; an empty salt is zeros."""
    return hmac_sha256(salt, ikm)


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    """Output of a length up to 8160."""
    output = block = b""
    for counter in range(1, -(-length // HASH_BYTES) + 1):
        block = hmac_sha256(prk, block + info + bytes([counter]))
        output += block
    return output[:length]


def hkdf(ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF(ikm, salt, info, length)."""
    return expand(extract(ikm, salt), info, length)
