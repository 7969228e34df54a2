"""One step of a root, one step of a chain, the keys of a message.

@spec 03-ratchet §1, §2
Owns: the KDFs of the ratchet with their labels. Must not know: who sends, which chains there are.
"""

from dataclasses import dataclass

from kdf import hkdf, hmac_sha256
from tracing import Trace

KEY_BYTES = 32


@dataclass(frozen=True)
class MessageKeys:
    """What a message is encrypted and authenticated with."""

    cipher_key: bytes
    mac_key: bytes
    iv: bytes


def root_step(root_key: bytes, agreement: bytes, trace: Trace) -> tuple[bytes, bytes]:
    """The next root key and the first key of a chain. @req DRT-01"""
    okm = hkdf(agreement, root_key, b"WhisperRatchet", 64)
    trace.note("root.agreement", agreement)
    trace.note("root.salt", root_key)
    trace.note("root.rootKey", okm[:32])
    trace.note("root.chainKey", okm[32:])
    return okm[:32], okm[32:]


def next_chain_key(chain_key: bytes) -> bytes:
    """@req DRT-02"""
    return hmac_sha256(chain_key, b"\x02")


def message_seed(chain_key: bytes) -> bytes:
    """@req DRT-03"""
    return hmac_sha256(chain_key, b"\x01")


def take(chain_key: bytes, trace: Trace) -> tuple[bytes, bytes]:
    """The chain key after a message, and the seed of the message."""
    following = next_chain_key(chain_key)
    trace.note("message.chainKey", chain_key)
    trace.note("message.nextChainKey", following)
    return following, message_seed(chain_key)


def message_keys(seed: bytes, pq_key: bytes, trace: Trace) -> MessageKeys:
    """The keys of a message; `pq_key` is empty where there is none. @req DRT-04"""
    okm = hkdf(seed, pq_key, b"WhisperMessageKeys", 80)
    keys = MessageKeys(okm[:32], okm[32:64], okm[64:])
    trace.note("message.seed", seed)
    trace.note("message.pqKey", pq_key)
    trace.note("message.cipherKey", keys.cipher_key)
    trace.note("message.macKey", keys.mac_key)
    trace.note("message.iv", keys.iv)
    return keys
