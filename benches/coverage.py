"""How often 95 % intervals hold the truth, over 200 simulated samples; a dated record.

Dynamic matching (cells, nearest neighbours with and without replacement, kernel, odds, against the
untreated, bootstrap), effects on the treated, hazards in discrete time with clustered errors and with
frailty (intervals from standard errors, and by the likelihood ratio). A share within [.92, .98] is as it
should be: with 200 samples the share itself has a standard error of 1.5 points.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import kruispunt as kp

MATCHING: dict[str, dict[str, Any]] = {
    "cells": {"exact": "group"},
    "nearest 1": {"covariates": ["x"], "neighbours": 1},
    "nearest 5": {"covariates": ["x"], "neighbours": 5},
    "nearest 1, once": {"covariates": ["x"], "neighbours": 1, "replacement": False},
    "Mahalanobis 2": {"covariates": ["x"], "neighbours": 2, "distance": "mahalanobis"},
    "kernel": {"covariates": ["x"], "kernel": 0.03},
    "cells, bootstrap 100": {"exact": "group", "bootstrap": 100},
    "odds": {"covariates": ["x"], "odds": True},
    "cells, untreated": {"exact": "group", "against": "untreated"},
    "odds, untreated": {"covariates": ["x"], "odds": True, "against": "untreated"},
}
EFFECT, BETA, SPREAD = 1.5, 0.5, 1.0


def panel(seed: int, n: int = 500, quarters: int = 8) -> kp.Panel:
    """Make persons who may start when eligible; groups differ in chance to start and outcome."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, n)
    x = group + rng.random(n) * 0.1
    level = rng.random(n)
    state = rng.random(n) < 0.5
    start = np.full(n, -1)
    eligible, y = np.zeros((n, quarters), bool), np.zeros((n, quarters))
    for q in range(quarters):
        state = rng.random(n) < np.where(state, 0.8, 0.3)
        eligible[:, q] = state
        begins = state & (start < 0) & (rng.random(n) < 0.05 + 0.05 * group)
        start[begins] = q
        treated = (start >= 0) & (start < q)
        y[:, q] = group + 0.1 * q + level + rng.random(n) + EFFECT * treated
    labels = np.array(kp.Calendar.quarters("2012Q1", "2013Q4").labels, dtype=object)
    return kp.Panel(
        {
            "pid": np.repeat(np.arange(n), quarters),
            "quarter": np.tile(labels, n),
            "cohort": np.repeat([None if s < 0 else labels[s] for s in start], quarters),
            "seeking": eligible.ravel(),
            "group": np.repeat(group, quarters),
            "x": np.repeat(x, quarters),
            "y": y.ravel(),
        },
        person="pid",
        period="quarter",
    )


def people(seed: int, n: int = 600) -> dict[str, Any]:
    """Make persons whose treatment depends on two covariates."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.random(n)
    treated = (rng.random(n) < 1 / (1 + np.exp(1 - 0.7 * a - b))).astype(int)
    return {"y": a + 2 * b + EFFECT * treated + rng.normal(size=n), "a": a, "b": b, "d": treated}


def spells(seed: int, n: int = 600) -> dict[str, Any]:
    """Make person-quarters until an event, households of two that share a regressor."""
    rng = np.random.default_rng(seed)
    house = np.arange(n) // 2
    x = rng.normal(size=n // 2)[house]
    rows: dict[str, list[Any]] = {"house": [], "duration": [], "x": [], "exit": []}
    alive = np.arange(n)
    for quarter in range(1, 13):
        exits = rng.random(len(alive)) < 1 / (1 + np.exp(2 - BETA * x[alive] - 0.05 * quarter))
        for name, value in (("house", house[alive]), ("duration", np.full(len(alive), quarter)),
                            ("x", x[alive]), ("exit", exits.astype(int))):  # fmt: skip
            rows[name].append(value)
        alive = alive[~exits]
    return {name: np.concatenate(values) for name, values in rows.items()}


def mixed(seed: int, n: int = 1000, spells: int = 1) -> dict[str, Any]:
    """Make person-quarters until an event, persons with an effect of their own in all spells."""
    rng = np.random.default_rng(seed)
    x, own = rng.normal(size=n), rng.normal(0, SPREAD, n)
    rows: dict[str, list[Any]] = {"person": [], "duration": [], "x": [], "exit": []}
    for _ in range(spells):
        alive = np.arange(n)
        for quarter in range(1, 11):
            line = -1.8 + BETA * x[alive] + own[alive]
            exits = rng.random(len(alive)) < 1 / (1 + np.exp(-line))
            for name, value in (("person", alive), ("duration", np.full(len(alive), quarter)),
                                ("x", x[alive]), ("exit", exits.astype(int))):  # fmt: skip
                rows[name].append(value)
            alive = alive[~exits]
    return {name: np.concatenate(values) for name, values in rows.items()}


def holds(estimate: float, error: float, truth: float) -> bool:
    """Say whether the interval holds the truth."""
    return bool(abs(estimate - truth) <= 1.959964 * error)


def main() -> None:
    """Count, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--only", help="only matching by this name, for a closer look")
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    hits: dict[str, list[bool]] = {}
    refused: dict[str, int] = {}  # no answer with frailty, told by an error
    at_zero: dict[str, int] = {}  # the likelihood largest without frailty, told by a warning
    for seed in range(options.seeds):
        own = panel(seed)
        for name, how in MATCHING.items():
            if options.only not in (None, name):
                continue
            found = kp.dynamic_matching(
                own, "y", eligible="seeking", duration=2, horizons=[1], **how
            )
            hits.setdefault(f"matching: {name}", []).append(
                holds(found.estimates[0], found.std_errors[0], EFFECT)
            )
        if options.only is not None:
            continue
        persons = people(seed)
        for method in ("entropy", "ipw", "regression", "dr"):
            fit = kp.att("y ~ a + b", persons, treated="d", method=method)
            hits.setdefault(f"on the treated: {method}", []).append(
                holds(fit.coef()["d"], fit.se()["d"], EFFECT)
            )
        rows = spells(seed)
        hazard = kp.hazard("exit ~ x | duration", rows, vcov={"CRV1": "house"})
        hits.setdefault("hazard: logit, clustered", []).append(
            holds(hazard.coef()["x"], hazard.se()["x"], BETA)
        )
        for several, label in ((1, "one spell"), (3, "three spells")):
            frail_rows = mixed(seed, 1000 if several == 1 else 400, several)
            try:
                frail = kp.hazard("exit ~ x | duration", frail_rows, frailty="normal",
                                  person="person")  # fmt: skip
            except kp.exceptions.EstimationError:
                refused[label] = refused.get(label, 0) + 1
                continue
            if frail.frailty["sd"] == 0.0:  # told by a warning: no error for the sd
                at_zero[label] = at_zero.get(label, 0) + 1
            coef, se = frail.coef(), frail.se()
            hits.setdefault(f"hazard: normal frailty, {label}, slope", []).append(
                holds(coef["x"], se["x"], BETA)
            )
            hits.setdefault(f"hazard: normal frailty, {label}, sd", []).append(
                holds(coef["sd of person"], se["sd of person"], SPREAD)
            )
            profiles = frail.confint(method="profile")
            for name, own, value in (("slope", "x", BETA), ("sd", "sd of person", SPREAD)):
                low, high = profiles[own]
                hits.setdefault(f"hazard: normal frailty, {label}, {name}, profile", []).append(
                    low <= value <= high
                )
    shares = {name: round(float(np.mean(own)), 4) for name, own in hits.items()}
    record = {
        "bench": "coverage",
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "seeds": options.seeds,
        "coverage": shares,
        "frailty without an answer": refused,
        "frailty at zero": at_zero,
        "within": {name: bool(0.92 <= own <= 0.98) for name, own in shares.items()},
    }
    sys.stdout.write(json.dumps(record, indent=1) + "\n")
    if not options.no_record:
        path = Path(__file__).parent / "record" / f"{record['date']}-coverage.json"
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
