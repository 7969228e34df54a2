"""Refusals.

@spec 00-conventions §5
Owns: what a refusal says. Must not know: who refuses.
"""


class Refusal(Exception):
    """What is not done, and why: a code of the specification, a fixed slug, and the field where there is one.

    @req CNV-04
    """

    def __init__(self, code: str, reason: str, field: str | None = None):
        super().__init__(reason)
        self.code = code
        self.message = reason if field is None else f"{reason} [{field}]"
