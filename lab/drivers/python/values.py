"""The shapes of arguments.

A shape is a table: field → reader, where a reader takes a JSON value and the path of its field, and gives a Python
value or refuses. Whatever a shape excludes is an InvalidArgument; what a key or signature turns out to be is decided later.

@spec 11-driver §2
Owns: readers for the kinds of values that the protocol has. Must not know: operations.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from errors import Refusal

Reader = Callable[[Any, str], Any]


@dataclass(frozen=True)
class Omittable:
    """A field that may be missing, and what stands for it then."""

    reader: Reader
    default: Any = None


Shape = Mapping[str, Reader | Omittable]

# Upper case is another text for the same bytes, and bytes.fromhex passes over blanks.
_HEX = re.compile(r"(?:[0-9a-f]{2})*")


def invalid(reason: str, field: str) -> Refusal:
    """The refusal of a malformed argument."""
    return Refusal("InvalidArgument", reason, field)


def octets(length: int | None = None) -> Reader:
    """Bytes in hex, of one length if it is given. @req DRV-07"""

    def read(value: Any, field: str) -> bytes:
        text = string(value, field)
        if not _HEX.fullmatch(text):
            raise invalid("not-hex", field)
        if length is not None and len(text) != 2 * length:
            raise invalid("bad-length", field)
        return bytes.fromhex(text)

    return read


def number(lowest: int, highest: int) -> Reader:
    """A whole number in a range. JSON does not tell 2 from 2.0."""

    def read(value: Any, field: str) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value % 1 != 0:
            raise invalid("wrong-type", field)
        if not lowest <= value <= highest:
            raise invalid("not-in-range", field)
        return int(value)

    return read


def string(value: Any, field: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise invalid("wrong-type", field)
    return value


def one_of(*choices: str) -> Reader:
    """One of some texts."""

    def read(value: Any, field: str) -> str:
        if string(value, field) not in choices:
            raise invalid("not-one-of", field)
        return value

    return read


def flag(value: Any, field: str) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise invalid("wrong-type", field)
    return value


def record(shape: Shape, together: tuple[tuple[str, ...], ...] = ()) -> Reader:
    """An object of exactly these fields; those of each group in `together` stand together or not at all.

    @req DRV-06
    """

    def read(value: Any, field: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid("wrong-type", field or "args")
        path = f"{field}." if field else ""
        for name in value:
            if name not in shape:
                raise invalid("unknown-field", path + name)
        for group in together:
            if any(name in value for name in group):
                for name in group:
                    if name not in value:
                        raise invalid("missing-field", path + name)
        return {name: _field(reader, value, name, path) for name, reader in shape.items()}

    return read


def _field(reader: Reader | Omittable, value: dict[str, Any], name: str, path: str) -> Any:
    if isinstance(reader, Omittable):
        return reader.reader(value[name], path + name) if name in value else reader.default
    if name not in value:
        raise invalid("missing-field", path + name)
    return reader(value[name], path + name)
