"""Safety numbers.

@spec 10-fingerprints
Owns: digits and code of two accounts. Must not know: comparing codes.
"""

import hashlib


def digest(account: bytes, identity: bytes, iterations: int) -> bytes:
    """The last hash of a side; `identity` is in wire form. @req FPR-01"""
    current = hashlib.sha512(b"\x00\x00" + identity + account + identity).digest()
    for _ in range(1, iterations):
        current = hashlib.sha512(current + identity).digest()
    return current


def displayable(ours: bytes, theirs: bytes) -> str:
    """60 digits, the same on both sides. @req FPR-04"""
    return "".join(sorted((_digits(ours), _digits(theirs))))


def _digits(last: bytes) -> str:
    """@req FPR-03"""
    chunks = (last[at : at + 5] for at in range(0, 30, 5))
    return "".join(f"{int.from_bytes(chunk, 'big') % 100_000:05d}" for chunk in chunks)


def scannable(version: int, ours: bytes, theirs: bytes) -> bytes:
    """Protocol Buffers: 1 a number, 2 and 3 messages whose field 1 is 32 bytes long."""

    def side(number: int, last: bytes) -> bytes:
        return bytes([number << 3 | 2, 34, 1 << 3 | 2, 32]) + last[:32]

    return bytes([1 << 3, version]) + side(2, ours) + side(3, theirs)
