"""A driver in Python: reads requests from standard input, writes answers to standard output.

@spec 11-driver §1
Owns: lines, flushing, how the process ends. Must not know: JSON, operations.
"""

import os
import sys

sys.dont_write_bytecode = True

try:
    import cryptography  # noqa: F401
except ImportError:
    cryptography = None
if cryptography is None or sys.version_info < (3, 11):
    print(
        "This driver needs Python 3.11 or later with the package cryptography 38 or later: "
        "apt-get install python3 python3-cryptography, or python3 -m pip install cryptography",
        file=sys.stderr,
    )
    sys.exit(2)

from answers import Driver  # noqa: E402
from errors import Refusal  # noqa: E402

# @req DRV-02
MAX_LINE_BYTES = 64 * 1024 * 1024


def read_lines(stream):
    """Yields each line without its line feed, and None for one that is too long, which is read past in pieces."""
    while line := stream.readline(MAX_LINE_BYTES + 1):
        if line.endswith(b"\n"):
            yield line[:-1]
        elif len(line) <= MAX_LINE_BYTES:
            yield line
        else:
            while line and not line.endswith(b"\n"):
                line = stream.readline(1 << 16)
            yield None


def run() -> None:
    """@req DRV-01 @req DRV-03"""
    driver = Driver()
    for line in read_lines(sys.stdin.buffer):
        if line is None:
            answer = driver.refuse(None, Refusal("InvalidArgument", "too-long", "line"))
        elif not line.strip(b" \t\r"):
            continue
        else:
            answer = driver.answer(line)
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    try:
        run()
    except BrokenPipeError:
        # @req DRV-16 Nobody reads any more; the interpreter would complain while it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit(130)
