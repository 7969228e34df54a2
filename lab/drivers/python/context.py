"""What an operation is, and what outlives it.

@spec 11-driver §3, 15-driver-lab §1
Owns: handles. Must not know: any operation.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from ratchet import Ratchet
from tracing import Trace
from values import Shape, invalid


@dataclass
class Context:
    """Everything that handles name."""

    ratchets: dict[str, Ratchet] = field(default_factory=dict)

    def add_ratchet(self, ratchet: Ratchet) -> str:
        """Keeps a ratchet, and gives the handle that names it."""
        handle = f"ratchet-{len(self.ratchets) + 1}"
        self.ratchets[handle] = ratchet
        return handle

    def ratchet(self, handle: str) -> Ratchet:
        """What a handle names."""
        if handle not in self.ratchets:
            raise invalid("unknown-ratchet", "ratchet")
        return self.ratchets[handle]


@dataclass(frozen=True)
class Operation:
    """The shape of the arguments, and what is done with them."""

    shape: Shape
    run: Callable[[dict, Context, Trace], dict]
