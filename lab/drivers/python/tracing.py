"""The values that a computation comes past.

@spec 15-driver-lab §2
Owns: how values under one label are numbered. Must not know: what the labels mean.
"""


class Trace:
    """The trace of one operation. It is always kept; whether it is told is the caller's business.

    @req DRV-25
    """

    def __init__(self) -> None:
        self._values: dict[str, list[bytes]] = {}

    def note(self, label: str, value: bytes) -> None:
        """Notes a value, unless it is empty or known under this label."""
        known = self._values.setdefault(label, [])
        if value and value not in known:
            known.append(value)

    def labels(self) -> dict[str, str]:
        """Label to hex; the second value of a label has the label `<label>.2`."""
        return {
            label if number == 1 else f"{label}.{number}": value.hex()
            for label, values in self._values.items()
            for number, value in enumerate(values, start=1)
        }
