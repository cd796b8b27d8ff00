"""What fresh memory costs: a gigabyte written for the first time, its pages handed out in four ways.

- ``one by one``: each page when it is first written, as memory usually comes;
- ``64 KiB``, ``1 MiB``: asked for in pieces of that size, each right before it is written
  (``MADV_POPULATE_WRITE``, Linux 5.14 and later);
- ``whole``: asked for at once, then written.

No library takes part: this is the system under every engine. Where the host of a virtual machine hands
memory out for the first time too, seconds are many times these; look at more than one run.
"""

from __future__ import annotations

import mmap
from typing import Any

import harness
import numpy as np

POPULATE_WRITE = 23
"""``MADV_POPULATE_WRITE`` of Linux, which Python has no name for."""
PIECE = 1 << 16
SIZES = {"one by one": 0, "64 KiB": 1 << 16, "1 MiB": 1 << 20, "whole": 1 << 30}


def fill(asked: int) -> Any:
    """Write a gigabyte piece by piece; ask for the pages of `asked` bytes when they are reached."""
    memory = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    values = np.frombuffer(memory, dtype=np.float64)
    for at in range(0, 1 << 30, PIECE):
        if asked and at % asked == 0:
            memory.madvise(POPULATE_WRITE, at, asked)
        values[at // 8 : (at + PIECE) // 8] = 1.0
    return values


def main() -> None:
    """Measure the four ways and write the record."""
    options = harness.arguments(str(__doc__)).parse_args()
    if options.engine:
        values, figures = harness.timed(lambda: fill(SIZES[options.engine]))
        harness.child(float(values.sum()), figures)
        return
    harness.compare(
        "pages",
        dict.fromkeys(SIZES, "numpy"),
        options,
        agree=lambda a, b: None if a == b else f"{a} and {b}",
        bytes_moved=1 << 30,
    )


if __name__ == "__main__":
    main()
