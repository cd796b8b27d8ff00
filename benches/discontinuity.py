"""Regression discontinuity in time at 100,000 rows: kruispunt beside rdrobust.

Arrivals on 1,200 days, whole days, a jump in what they wait; bandwidths chosen by each engine.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import harness
import numpy as np


def data(n: int) -> dict[str, Any]:
    """Make arrivals and days waited."""
    rng = np.random.default_rng(n)
    day = rng.integers(-600, 600, n).astype(float)
    waited = 180 - 60 * (day >= 0) + 0.01 * day - 2e-5 * day**2 + 20 * rng.normal(size=n)
    return {"day": day, "waited": waited}


def kruispunt(frame: dict[str, Any]) -> list[float]:
    """Our own."""
    import kruispunt as kp

    jump = kp.rd_in_time(frame, "waited", running="day", cutoff=0)
    return [jump.estimate, jump.std_error, jump.h, jump.b]


def rdrobust(frame: dict[str, Any]) -> list[float]:
    """The authors' package."""
    from rdrobust import rdrobust as estimate

    with contextlib.redirect_stdout(io.StringIO()):
        found = estimate(y=frame["waited"], x=frame["day"], c=0)
    widths = found.bws.to_numpy()
    numbers = found.coef.iloc[2, 0], found.se.iloc[2, 0], widths[0, 0], widths[1, 0]
    return [float(number) for number in numbers]


ENGINES = {"kruispunt": kruispunt, "rdrobust": rdrobust}


def agree(one: list[float], other: list[float]) -> str | None:
    """To six digits."""
    apart = max(abs(a / b - 1) for a, b in zip(one, other, strict=True))
    return None if apart < 1e-6 else f"differ by {apart:.1e}"


def main() -> None:
    """Run one engine, or all."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    if options.engine:
        warnings.simplefilter("ignore")
        work = ENGINES[options.engine]
        work(data(5_000))  # import and warm up outside the clock
        frame = data(options.rows)
        answer, figures = harness.timed(lambda: work(frame))
        harness.child(answer, figures)
        return
    harness.compare(
        "discontinuity", {engine: engine for engine in ENGINES}, options, agree=agree,
        bytes_moved=options.rows * 16, extra=["--rows", str(options.rows)],
    )  # fmt: skip


if __name__ == "__main__":
    main()
