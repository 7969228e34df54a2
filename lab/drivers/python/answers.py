"""One line, one answer.

@spec 11-driver §1, §2
Owns: JSON, ids, which operation is meant, the form of answers. Must not know: what operations do.
"""

import json
import sys
import traceback
from typing import Any

from errors import Refusal
from operations import OPERATIONS, Context
from tracing import Trace
from values import Omittable, flag, invalid, record, string

# Beyond this a number of JSON is not kept exactly by everybody who reads it.
MAX_SAFE = 2**53 - 1


def _whole(text: str) -> int | float:
    """A number without fraction or exponent. Python refuses to read thousands of digits as an int."""
    return int(text) if len(text) <= 20 else float(text)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8"), parse_int=_whole, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise invalid("not-json", "line") from None


def _id_of(request: Any) -> int | float | None:
    """The id of a request as it is to be written, or None where there is none that would go out as it came in."""
    value = request.get("id") if isinstance(request, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -MAX_SAFE <= value <= MAX_SAFE:
        return None
    return int(value) if value % 1 == 0 else value


def _anything(value: Any, _field: str) -> Any:
    return value


_REQUEST = record({"id": _anything, "op": string, "args": Omittable(_anything, {})})


class Driver:
    """Everything that a driver keeps between two lines."""

    def __init__(self) -> None:
        self._context = Context()

    def answer(self, line: bytes) -> bytes:
        """Answers one line. A fault of this program is an answer too: the next line may do better. @req DRV-03"""
        number = None
        try:
            request = _parse(line)
            # @req DRV-08
            number = _id_of(request)
            return _write({"id": number, **self._run(request, number)})
        except Refusal as refusal:
            return self.refuse(number, refusal)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return self.refuse(number, Refusal("InvalidState", "driver-fault"))

    def refuse(self, number: int | float | None, refusal: Refusal) -> bytes:
        """The answer that says no. @req DRV-04"""
        return _write({"id": number, "error": {"code": refusal.code, "message": refusal.message}})

    def _run(self, request: Any, number: int | float | None) -> dict[str, Any]:
        if isinstance(request, dict) and number is None:
            raise invalid("bad-id", "id")
        fields = _REQUEST(request, "")
        operation = OPERATIONS.get(fields["op"])
        if operation is None:
            raise Refusal("UnsupportedOperation", "unknown-operation", "op")
        args = record({**operation.shape, "trace": Omittable(flag, False)})(fields["args"], "")
        traced = args.pop("trace")
        trace = Trace()
        ok = operation.run(args, self._context, trace)
        return {"ok": ok, "intermediate": trace.labels()} if traced else {"ok": ok}


def _write(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":"), allow_nan=False).encode("ascii")
