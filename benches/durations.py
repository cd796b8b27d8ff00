"""Durations: curves, hazards in discrete time, Cox; kruispunt beside its peers.

- ``km``: Kaplan-Meier by 6 groups, 10 million spells in quarters. lifelines.
- ``logit``: a hazard logit with 60 baseline levels and 5 regressors on person-quarters, a fifth of
  2.3 million rows since the dense design of the peer must fit in memory (``--rows 2300000`` where
  there are 16 GiB); ``logit-whole``, all rows, alone: under 3 s. statsmodels.
- ``cox``: a million spells in days with ties, 5 regressors, Efron. lifelines.
"""

from __future__ import annotations

import importlib
from typing import Any

import harness
import numpy as np

JOBS = {
    "km": ("kruispunt", "lifelines"),
    "logit": ("kruispunt", "statsmodels"),
    "logit-whole": ("kruispunt",),
    "cox": ("kruispunt", "lifelines"),
}
NAMES = [f"x{at}" for at in range(5)]


def spells(n: int, *, days: bool) -> dict[str, Any]:
    """Make spells with groups and regressors."""
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, 5)).round(3)
    rate = np.exp(x @ np.array([0.3, -0.2, 0.1, 0.0, 0.2]))
    unit = 400.0 if days else 12.0
    time, end = rng.exponential(unit / rate), rng.uniform(1, 2 * unit, n)
    data = {
        "time": np.ceil(np.minimum(time, end)),
        "event": (time <= end).astype(np.int64),
        "group": rng.integers(0, 6, n),
    }
    return data | {name: x[:, at] for at, name in enumerate(NAMES)}


def person_periods(n: int) -> dict[str, Any]:
    """Make person-quarters at risk, durations 1 to 60."""
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, 5)).round(3)
    duration = rng.integers(1, 61, n)
    line = -2.5 - 0.02 * duration + x @ np.array([0.3, -0.2, 0.1, 0.0, 0.2])
    exit_ = (rng.random(n) < 1 / (1 + np.exp(-line))).astype(np.int64)
    return {"exit": exit_, "duration": duration} | {name: x[:, at] for at, name in enumerate(NAMES)}


def load(job: str, rows: int) -> Any:
    """Make the data of a job as a data frame."""
    import pandas as pd

    if job == "km":
        data = spells(rows or 10_000_000, days=False)
        return pd.DataFrame({name: data[name] for name in ("time", "event", "group")})
    if job == "cox":
        return pd.DataFrame(spells(rows or 1_000_000, days=True))
    return pd.DataFrame(person_periods(rows or (2_300_000 if job == "logit-whole" else 460_000)))


def kruispunt(job: str, frame: Any) -> Any:
    """Our own."""
    import kruispunt as kp

    if job == "km":
        table = kp.survival(frame, time="time", event="event", by="group").tidy()
        own = table["survival"].to_numpy()
        return [own[table["group"].astype(str) == str(g)][:20].tolist() for g in range(6)]
    if job == "cox":
        fit = kp.cox("time ~ " + " + ".join(NAMES), frame, event="event")
    else:
        fit = kp.hazard("exit ~ " + " + ".join(NAMES) + " | duration", frame)
    return [fit.coef().to_numpy().tolist(), fit.se().to_numpy().tolist()]


def lifelines(job: str, frame: Any) -> Any:
    """The lifelines package."""
    from lifelines import CoxPHFitter, KaplanMeierFitter

    if job == "km":
        found = []
        for _, own in frame.groupby("group"):
            fit = KaplanMeierFitter().fit(own["time"], own["event"])
            found.append(fit.survival_function_.iloc[1:21, 0].tolist())
        return found
    fit = CoxPHFitter().fit(frame.drop(columns="group"), "time", "event")
    return [fit.params_.tolist(), fit.standard_errors_.tolist()]


def statsmodels(_job: str, frame: Any) -> Any:
    """The statsmodels package."""
    import pandas as pd
    import statsmodels.api as sm

    dummies = pd.get_dummies(frame["duration"], dtype=float)
    design = np.column_stack([frame[NAMES].to_numpy(), dummies.to_numpy()])
    fit = sm.GLM(frame["exit"].to_numpy(), design, family=sm.families.Binomial()).fit()
    return [fit.params[:5].tolist(), fit.bse[:5].tolist()]


ENGINES = {"kruispunt": kruispunt, "lifelines": lifelines, "statsmodels": statsmodels}


def agree(one: Any, other: Any) -> str | None:
    """Say whether numbers are the same to 1e-6."""
    gap = max(float(np.max(np.abs(np.subtract(a, b)))) for a, b in zip(one, other, strict=True))
    return None if gap < 1e-6 else f"differ by {gap:.1e}"


def main() -> None:
    """Run an engine, or all of them."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--job", choices=sorted(JOBS), help="only this job")
    parser.add_argument("--rows", type=int, default=0, help="rows; 0 for those of the job")
    options = parser.parse_args()
    if options.engine:
        importlib.import_module(options.engine)  # before the clock, for each
        frame = load(options.job, options.rows)
        ENGINES[options.engine](options.job, load(options.job, 20_000))  # warmed up on small data
        harness.child(*harness.timed(lambda: ENGINES[options.engine](options.job, frame)))
        return
    for job in [options.job] if options.job else JOBS:
        options.job = job
        harness.compare(
            f"durations-{job}",
            {engine: engine for engine in JOBS[job]},
            options,
            agree=agree,
            extra=["--job", job, "--rows", str(options.rows)],
        )


if __name__ == "__main__":
    main()
