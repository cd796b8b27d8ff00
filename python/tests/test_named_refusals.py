"""What evaluation of programmes refuses, leaves out or warns of: one test for each, by its name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, EstimationError, InputError

LABELS = kp.Calendar.quarters("2010Q1", "2012Q4").labels
T = len(LABELS)


def made(n: int = 600, seed: int = 2, **changes: Any) -> kp.Panel:
    """Job-seekers of whom some start a course; `changes` replace columns, given as n x T arrays."""
    rng = np.random.default_rng(seed)
    seeking = np.zeros((n, T), bool)
    state = rng.random(n) < 0.5
    for q in range(T):
        state = np.where(rng.random(n) < 0.8, state, ~state)
        seeking[:, q] = state
    start = np.full(n, -1)
    for q in range(T):
        start[seeking[:, q] & (start < 0) & (rng.random(n) < 0.08)] = q
    treated = (start[:, None] >= 0) & (np.arange(T) > start[:, None])
    columns: dict[str, Any] = {
        "pid": np.repeat(np.arange(n)[:, None], T, axis=1),
        "quarter": np.tile(np.array(LABELS, dtype=object), (n, 1)),
        "seeking": seeking,
        "start": np.repeat(start[:, None], T, axis=1),
        "y": rng.normal(size=(n, T)) + treated,
        "x": np.repeat(rng.normal(size=(n, 1)), T, axis=1),
        "there": np.ones((n, T), bool),
    }
    columns |= changes
    there = columns.pop("there").ravel()
    start = columns.pop("start").ravel()[there]
    data = {name: own.ravel()[there] for name, own in columns.items()}
    data["cohort"] = [None if own < 0 else LABELS[own] for own in start]
    return kp.Panel(data, person="pid", period="quarter")


def matched(panel: kp.Panel, outcome: str = "y", **options: Any) -> kp.Effects:
    """Match, and hold that what is warned of is what the result says."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", DesignWarning)
        found = kp.dynamic_matching(
            panel, outcome, **({"eligible": "seeking", "duration": 2, "horizons": [1]} | options)
        )
    assert {str(one.message).split(":")[0] for one in told} == set(found.cautions)
    return found


def left_out(found: kp.Effects) -> dict[str, int]:
    """Give the rows that are left out, by reason; every row of the panel is accounted for."""
    step = found.account.steps[-1]
    reasons = {one.reason: one.count.rows for one in step.excluded}
    assert step.before.rows == step.after.rows + sum(reasons.values())
    return reasons


# Bad input: an error or a counted exclusion, by name.


def nobody_is_eligible() -> None:
    panel = made(seeking=np.zeros((600, T), bool))
    with pytest.raises(InputError, match=r"`eligible`.*true in no row"):
        matched(panel)
    with pytest.raises(InputError, match=r"`eligible`.*true in no row"):
        kp.risk_sets(panel, eligible="seeking")


def no_controls_in_any_risk_set() -> None:
    with pytest.raises(EstimationError, match="no starter has a control in the same cell"):
        matched(made(), exact="pid")


def no_controls_in_some_risk_sets() -> None:
    found = matched(made(80, seed=5), coarse={"x": np.arange(-2, 2, 0.2).tolist()})
    assert "common_support" in found.cautions
    assert 0 < found.identified_share < 1
    assert "no control" in found.cautions["common_support"]


def treatment_before_entry() -> None:
    there = np.ones((600, T), bool)
    there[:, :3] = False
    start = np.full((600, T), -1)
    start[:100] = 1  # began before the panel sees them
    start[100:300] = 6
    seeking = np.ones((600, T), bool)
    seeking[:, 3] = False
    reasons = left_out(matched(made(there=there, start=start, seeking=seeking), duration=1))
    assert reasons["treated before the person is first seen"] == 100 * (T - 4)


def two_treatments_in_one_quarter() -> None:
    panel = made()
    cohort = np.asarray(panel["cohort"], dtype=object)
    second = cohort.copy()
    second[np.asarray(panel["pid"]) % 2 == 0] = None
    panel = panel.with_column("second", second)
    both = left_out(matched(panel, second="second"))["two treatments begin in the period"]
    assert both > 0
    assert "two treatments begin in the period" not in left_out(matched(panel))


def outcome_missing_in_the_horizon() -> None:
    rng = np.random.default_rng(8)
    y = rng.normal(size=(600, T))
    y[:, -1] = np.nan
    whole, holes = made(y=rng.normal(size=(600, T))), made()
    values = [None if np.isnan(own) else float(own) for own in y.ravel()]
    holes = holes.with_column("holes", values)
    n = [int(matched(one, name, horizons=[1]).tidy()["n_treated"][0])
         for one, name in ((whole, "y"), (holes, "holes"))]  # fmt: skip
    assert n[1] < n[0]
    assert matched(holes, "holes", horizons=[1]).identified_share < 1
    bad = made(y=np.where(np.arange(T) == 5, np.inf, np.zeros((600, T))))
    with pytest.raises(InputError, match=r"`outcome`.*not a finite number"):
        matched(bad)


def outcome_of_a_hazard_outside_0_and_1() -> None:
    rows = {"y": [0.0, 2.0, 1.0, 0.0], "x": [1.0, 2.0, 4.0, 3.0]}
    with pytest.raises(InputError, match='column "y" at row 1 is neither 0 nor 1'):
        kp.hazard("y ~ x", rows)
    with pytest.raises(InputError, match='column "y" at row 1 is no event'):
        kp.hazard("y ~ x", rows | {"y": [0.0, 1.5, 1.0, 0.0]}, link="multinomial")
    with pytest.raises(InputError, match="at row 1 is neither 0 nor 1"):
        kp.survival({"t": [1, 2], "e": [0, 3]}, time="t", event="e")


def episodes_without_length() -> None:
    rows = {"t": [1, 2, 2], "e": [1, 1, 0], "s": [0, 2, 0], "x": [0.0, 1.0, 3.0]}
    curves = kp.survival(rows, time="t", event="e", entry="s")
    lost = {one.reason: one.count.rows for one in curves.account.steps[-1].excluded}
    assert lost == {"no length: the end is not after the entry": 1}


def history_window_before_the_panel() -> None:
    reasons = left_out(matched(made(), history=4, neighbours=1))
    assert reasons["the history window begins before the panel or has a gap"] > 0


def treatment_that_is_perfectly_predicted() -> None:
    panel = made()
    cohort, quarter = (np.asarray(panel[name], dtype=object) for name in ("cohort", "quarter"))
    panel = panel.with_column("z", (quarter == cohort).astype(float))
    with pytest.raises(InputError, match="predicts the outcome perfectly"):
        matched(panel, covariates=["z"], neighbours=1)
    d = np.repeat([0, 1], 20)
    rows = {"y": np.arange(40.0), "d": d, "z": d * 1.0, "x": np.arange(40.0) % 7}
    for method in ("entropy", "ipw", "regression", "dr"):
        with pytest.raises(EstimationError, match="do not overlap"):
            kp.att("y ~ z + x", rows, treated="d", method=method)
    # A column that others determine in the same way for all is no such thing.
    twice = rows | {"z": 2.0 * rows["x"]}
    fit = kp.att("y ~ x + z", twice, treated="d", method="regression")
    assert fit.coef() == kp.att("y ~ x", twice, treated="d", method="regression").coef()


# Refusals and warnings, by name.


def eligibility_that_depends_on_the_outcome() -> None:
    rng = np.random.default_rng(4)
    n = 400
    works = rng.random((n, T)) < 0.6
    start = np.full((n, T), -1)
    start[:150] = 6
    works[:150, 4:6] = False  # must be without work to enter
    panel = made(n, y=works.astype(float), start=start)
    with pytest.raises(EstimationError, match="who is treated depends on"):
        kp.did(panel, "y", cohort="cohort")
    with pytest.warns(DesignWarning, match="eligibility"):
        forced = kp.did(panel, "y", cohort="cohort", force="eligibility")
    assert "eligibility" in forced.cautions


def static_controls() -> None:
    found = matched(made(), against="never")
    assert "chosen by what they do later" in found.cautions["static_controls"]
    waiting = matched(made())
    assert "start later in the panel" in waiting.comparison  # the share treated later
    assert "static_controls" not in waiting.cautions


def no_overlap() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=800)
    d = (rng.random(800) < 1 / (1 + np.exp(-8 * x))).astype(int)
    rows = {"y": x + d + rng.normal(size=800), "x": x, "d": d}
    for method in ("ipw", "dr"):
        with pytest.warns(DesignWarning, match="no_overlap"):
            found = kp.att("y ~ x", rows, treated="d", method=method)
        assert "no_overlap" in found.cautions
    with pytest.raises(EstimationError, match="do not overlap"):
        kp.att("y ~ x", rows, treated="d")
    far = matched(made(), covariates=["x"], neighbours=1, caliper=1e-5)
    assert "common_support" in far.cautions


def outcome_that_counts_trainees() -> None:
    panel = made()
    cohort, quarter = (np.asarray(panel[name], dtype=object) for name in ("cohort", "quarter"))
    rng = np.random.default_rng(3)
    works = np.where(quarter == cohort, 1.0, (rng.random(len(cohort)) < 0.2) * 1.0)
    found = matched(panel.with_column("works", works), "works")
    assert "outcome_counts_trainees" in found.cautions
    fair = matched(panel.with_column("fair", (rng.random(len(cohort)) < 0.2) * 1.0), "fair")
    assert "outcome_counts_trainees" not in fair.cautions


def few_clusters() -> None:
    assert "few_clusters" in matched(made(25), duration=1).cautions
    assert "few_clusters" not in matched(made()).cautions


def selection_that_shows_before_the_start() -> None:
    panel = made()
    starters = np.array([own is not None for own in np.asarray(panel["cohort"], dtype=object)])
    chosen = panel.with_column("better", np.asarray(panel["y"]) + 2.0 * starters)
    assert "unobserved_selection" in matched(chosen, "better", horizons=[-1, 1]).cautions
    assert "unobserved_selection" not in matched(panel, horizons=[-1, 1]).cautions


def emigration_as_censoring() -> None:
    there = np.ones((600, T), bool)
    there[::3, 7:] = False
    found = matched(made(there=there), horizons=[1, 4])
    assert "left the registers" in found.cautions["emigration"]
    assert "emigration" not in matched(made(there=there), horizons=[1, 4], absent=0.0).cautions
    rows = made(there=there)
    rows = rows.with_column("state", np.where(rows["seeking"], "U", "E").tolist())
    with pytest.warns(DesignWarning, match="emigration"):
        kp.multistate("state ~ 1", rows)


def left_truncation_that_is_ignored() -> None:
    with pytest.warns(DesignWarning, match="left_truncation"):
        found = kp.risk_sets(made(), eligible="seeking")
    with pytest.warns(DesignWarning, match="left_truncation"):
        kp.cumulative_incidence(found.spells(), time="time", event="event")


BAD_INPUT: list[Callable[[], None]] = [
    nobody_is_eligible, no_controls_in_any_risk_set, no_controls_in_some_risk_sets,
    treatment_before_entry, two_treatments_in_one_quarter, outcome_missing_in_the_horizon,
    outcome_of_a_hazard_outside_0_and_1, episodes_without_length,
    history_window_before_the_panel, treatment_that_is_perfectly_predicted,
]  # fmt: skip
NAMED: list[Callable[[], None]] = [
    eligibility_that_depends_on_the_outcome, static_controls, no_overlap,
    outcome_that_counts_trainees, few_clusters, selection_that_shows_before_the_start,
    emigration_as_censoring, left_truncation_that_is_ignored,
]  # fmt: skip


@pytest.mark.parametrize("case", BAD_INPUT, ids=lambda own: own.__name__)
def test_bad_input_is_an_error_or_counted_by_name(case: Callable[[], None]) -> None:
    case()


@pytest.mark.parametrize("case", NAMED, ids=lambda own: own.__name__)
def test_a_design_that_misleads_is_refused_or_warned_of_by_name(case: Callable[[], None]) -> None:
    case()
