"""Honest bounds of an event study of 20 periods: kruispunt beside honestdid.

50,000 units x 20 periods, half of them treated from the eleventh on, with errors that last and a
difference in trends. The event study (Callaway-Sant'Anna, its time is `event_s`) is made outside
the clock and given to both: nine placebos, ten effects, their covariance. The clock runs over the
intervals for the first effect (`first`) or the mean of the ten (`mean`), by relative magnitudes
(`rm`, four values) or smoothness (`smoothness`, four values).

The peer tests 1,000 points within 20 standard errors of zero with critical values of 1,000 draws,
and finds its affine estimators numerically: intervals agree to 5 % of their length.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

import harness
import numpy as np

BOUNDS = {"rm": [0.5, 1.0, 1.5, 2.0], "smoothness": [0.0, 0.005, 0.01, 0.02]}
BEFORE, AFTER = 9, 10


def data(n: int, periods: int = 20) -> Any:
    """Make the panel."""
    import pandas as pd

    rng = np.random.default_rng(n)
    error = rng.normal(size=(n, periods))
    for at in range(1, periods):
        error[:, at] += 0.6 * error[:, at - 1]
    unit, year = np.repeat(np.arange(n), periods), np.tile(2001 + np.arange(periods), n)
    first = np.where(unit % 2, 2011, 0)
    since = np.where(first > 0, year - first, -1)
    effect = np.where(since >= 0, 0.05 * (since + 1), 0.0) + 0.004 * (first > 0) * (year - 2011)
    y = np.repeat(rng.normal(size=n), periods) + error.ravel() + effect
    return pd.DataFrame({"unit": unit, "year": year, "g": first, "y": y})


def event_study(frame: Any) -> Any:
    """Estimate what both are given."""
    import kruispunt as kp

    panel = kp.Panel(frame, person="unit", period="year", unit="year")
    return kp.did(panel, "y", cohort="g", base="universal").aggregate("event")


def kruispunt(event: Any, kind: str, weights: list[float]) -> list[list[float]]:
    """Our own."""
    found = event.honest(kind, BOUNDS[kind], weights=weights)
    return [[float(low), float(high)] for low, high in
            zip(found["conf_low"], found["conf_high"], strict=True)]  # fmt: skip


def honestdid(event: Any, kind: str, weights: list[float]) -> list[list[float]]:
    """The honestdid package."""
    import honestdid as peer

    table = event.tidy()
    keep = np.flatnonzero((table["event"].notna() & (table["event"] != -1)).to_numpy())
    arguments = {
        "betahat": np.asarray(event.estimates)[keep],
        "sigma": np.asarray(event.vcov())[np.ix_(keep, keep)],
        "numPrePeriods": BEFORE,
        "numPostPeriods": AFTER,
        "l_vec": np.reshape(weights, (-1, 1)),
    }
    if kind == "rm":
        found = peer.createSensitivityResults_relativeMagnitudes(**arguments, Mbarvec=BOUNDS[kind])
    else:
        found = peer.createSensitivityResults(**arguments, Mvec=BOUNDS[kind])
    return np.column_stack([np.ravel(found["lb"]), np.ravel(found["ub"])]).astype(float).tolist()


ENGINES = {"kruispunt": kruispunt, "honestdid": honestdid}


def agree(one: list[list[float]], other: list[list[float]]) -> str | None:
    """Ends within 5 % of the length."""
    a, b = np.array(one), np.array(other)
    apart = float(np.max(np.abs(a - b) / (a[:, 1:] - a[:, :1])))
    return None if apart < 0.05 else f"differ by {100 * apart:.1f} % of the length"


def main() -> None:
    """Run one engine, or all."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--units", type=int, default=50_000)
    parser.add_argument("--kind", choices=sorted(BOUNDS), default="rm")
    parser.add_argument("--target", choices=("first", "mean"), default="first")
    options = parser.parse_args()
    if options.engine:
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        work = ENGINES[options.engine]
        first = [1.0] + [0.0] * (AFTER - 1)
        weights = first if options.target == "first" else [1 / AFTER] * AFTER
        event_study(data(500))  # import and warm up outside the clock
        frame = data(options.units)
        event, before = harness.timed(lambda: event_study(frame))
        answer, figures = harness.timed(lambda: work(event, options.kind, weights))
        harness.child(answer, figures | {"event_s": before["cpu_s"]})
        return
    harness.compare(
        f"honest-{options.kind}-{options.target}", {engine: engine for engine in ENGINES},
        options, agree=agree, figures=("event_s",),
        extra=["--units", str(options.units), "--kind", options.kind, "--target", options.target],
    )  # fmt: skip


if __name__ == "__main__":
    main()
