"""The Double Ratchet.

@spec 03-ratchet
Owns: chains sent and received on, skipped messages, limits. Must not know: messages, how arguments are written.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from chains import MessageKeys, message_keys, message_seed, next_chain_key, root_step, take
from errors import Refusal
from keys import agree, public_of
from tracing import Trace

MAX_FORWARD_JUMPS = 25_000
MAX_SKIPPED = 2_000
MAX_RECEIVING_CHAINS = 5
# Behind this index there is none.
LAST_INDEX = 2**32 - 1


@dataclass(frozen=True)
class Header:
    """What a message says of its key. `ratchet_key` is a u."""

    ratchet_key: bytes
    previous_counter: int
    counter: int


@dataclass
class _Receiving:
    """A chain received on, and the seeds of messages that it was walked past: index to seed, ascending."""

    ratchet_key: bytes
    key: bytes
    index: int = 0
    skipped: dict[int, bytes] = field(default_factory=dict)


class Ratchet:
    """One side. A method that refuses has changed nothing. @req DRV-26"""

    def __init__(self, root_key: bytes, private: bytes, sending_key: bytes, receiving: list[_Receiving]):
        self._root_key = root_key
        self._private = private
        self._previous_counter = 0
        self._sending_key = sending_key
        self._sending_index = 0
        # Oldest first.
        self._receiving = receiving

    @classmethod
    def initiator(cls, root_key: bytes, chain_key: bytes, private: bytes, remote: bytes, trace: Trace) -> "Ratchet":
        """@req DRT-05"""
        root_key, sending_key = root_step(root_key, agree(private, remote, "remote"), trace)
        return cls(root_key, private, sending_key, [_Receiving(remote, chain_key)])

    @classmethod
    def responder(cls, root_key: bytes, chain_key: bytes, private: bytes) -> "Ratchet":
        """@req DRT-06"""
        return cls(root_key, private, chain_key, [])

    def send(self, pq_key: bytes, trace: Trace) -> tuple[Header, MessageKeys]:
        """Header and keys of the next message. @req DRT-07"""
        if self._sending_index == LAST_INDEX:
            raise Refusal("InvalidState", "chain-exhausted")
        header = Header(public_of(self._private), self._previous_counter, self._sending_index)
        self._sending_key, seed = take(self._sending_key, trace)
        self._sending_index += 1
        return header, message_keys(seed, pq_key, trace)

    def receive(self, header: Header, next_private: Callable[[], bytes], pq_key: bytes, trace: Trace) -> MessageKeys:
        """The keys of a message that arrived; `next_private` is asked for a key where the header brings a new one.

        @req DRV-27
        """
        for chain in self._receiving:
            if chain.ratchet_key == header.ratchet_key:
                return self._receive_on(chain, header.counter, pq_key, trace)
        return self._receive_first(header, next_private, pq_key, trace)

    def _receive_on(self, chain: _Receiving, counter: int, pq_key: bytes, trace: Trace) -> MessageKeys:
        if counter < chain.index:
            seed = chain.skipped.pop(counter, None)
            if seed is None:
                # @req DRT-11
                raise Refusal("DuplicateMessage", "message-key-used", "counter")
            return message_keys(seed, pq_key, trace)
        return message_keys(_walk(chain, counter, trace), pq_key, trace)

    def _receive_first(
        self, header: Header, next_private: Callable[[], bytes], pq_key: bytes, trace: Trace
    ) -> MessageKeys:
        """A Diffie-Hellman step. Everything that can refuse comes before anything is kept."""
        _check_jump(0, header.counter)
        agreement = agree(self._private, header.ratchet_key, "header.ratchetKey")
        root_key, chain_key = root_step(self._root_key, agreement, trace)
        chain = _Receiving(header.ratchet_key, chain_key)
        keys = message_keys(_walk(chain, header.counter, trace), pq_key, trace)
        # @req DRT-08
        private = next_private()
        if private == self._private:
            raise Refusal("InvalidState", "randomness-failed")
        agreement = agree(private, header.ratchet_key, "header.ratchetKey")
        self._root_key, self._sending_key = root_step(root_key, agreement, trace)
        self._private = private
        self._previous_counter = max(self._sending_index - 1, 0)
        self._sending_index = 0
        # @req DRT-13
        self._receiving = [*self._receiving, chain][-MAX_RECEIVING_CHAINS:]
        return keys

    def save(self) -> bytes:
        """Everything that this side keeps; equal states are equal bytes."""
        parts = [self._root_key, self._private, _be32(self._previous_counter)]
        parts += [self._sending_key, _be32(self._sending_index), _be32(len(self._receiving))]
        for chain in self._receiving:
            parts += [chain.ratchet_key, chain.key, _be32(chain.index), _be32(len(chain.skipped))]
            for index, seed in chain.skipped.items():
                parts += [_be32(index), seed]
        return b"".join(parts)


def _be32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def _check_jump(index: int, counter: int) -> None:
    """@req DRT-09"""
    if counter - index > MAX_FORWARD_JUMPS or counter == LAST_INDEX:
        raise Refusal("InvalidMessage", "counter-too-far", "counter")


def _walk(chain: _Receiving, counter: int, trace: Trace) -> bytes:
    """Walks a chain to a message and past it, keeps the seeds of those between, and gives the seed of the message."""
    _check_jump(chain.index, counter)
    for index in range(chain.index, counter):
        # @req DRT-10 Of those further back no seed would be kept.
        if index >= counter - MAX_SKIPPED:
            chain.skipped[index] = message_seed(chain.key)
        chain.key = next_chain_key(chain.key)
    for index in list(chain.skipped)[:-MAX_SKIPPED]:
        del chain.skipped[index]
    chain.key, seed = take(chain.key, trace)
    chain.index = counter + 1
    return seed
