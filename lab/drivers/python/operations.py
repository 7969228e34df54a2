"""The operations that this driver has.

@spec 11-driver §3, 15-driver-lab
Owns: the table, `hello`. Must not know: what the other operations do.
"""

import handshake_operations
import primitive_operations
import ratchet_operations
from context import Context, Operation
from suites import SUITES
from tracing import Trace

__all__ = ["OPERATIONS", "Context"]


def _hello(_args: dict, _context: Context, _trace: Trace) -> dict:
    """@req DRV-09"""
    return {
        "implementation": "pawl-python",
        "version": "0.1.0",
        "protocol": 1,
        "ops": list(OPERATIONS),
        "suites": list(SUITES),
        "kems": [],
        "trace": True,
        "canonicalState": True,
        "seeded": False,
    }


OPERATIONS: dict[str, Operation] = {
    "hello": Operation({}, _hello),
    **primitive_operations.OPERATIONS,
    **handshake_operations.OPERATIONS,
    **ratchet_operations.OPERATIONS,
}
