"""Dynamic matching from Python."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
import warnings
from typing import Any

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, EstimationError, InputError


@pytest.fixture(scope="module")
def panel() -> kp.Panel:
    random = np.random.default_rng(4)
    n, t = 400, 12
    seeking = random.random((n, t)) < 0.5
    starts = np.full(n, -1)
    for period in range(t):
        begin = seeking[:, period] & (starts < 0) & (random.random(n) < 0.1)
        starts[begin] = period
    treated = (starts[:, None] >= 0) & (np.arange(t) > starts[:, None])
    wage = random.random((n, t)) + 2.0 * treated
    labels = np.array(kp.Calendar.quarters("2012Q1", "2014Q4").labels, dtype=object)
    return kp.Panel(
        {
            "pid": np.repeat(np.arange(n), t),
            "quarter": np.tile(labels, n),
            "cohort": np.repeat([None if s < 0 else labels[s] for s in starts], t),
            "seeking": seeking.ravel(),
            "sex": np.repeat(random.choice(["M", "V"], n), t),
            "wage": wage.ravel(),
        },
        person="pid",
        period="quarter",
    )


def match(panel: kp.Panel, **options: Any) -> kp.Effects:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DesignWarning)
        return kp.dynamic_matching(panel, "wage", eligible="seeking", **options)


def test_the_effect_comes_back_with_what_it_rests_on(panel: kp.Panel) -> None:
    effects = match(panel, exact="sex", horizons=[-1, 0, 1], duration=3)
    assert abs(effects.estimates[2] - 2.0) < 4 * effects.std_errors[2]
    assert abs(effects.estimates[0]) < 4 * effects.std_errors[0]
    assert effects.tidy()["phase"].tolist() == ["before", "after", "after"]
    assert effects.clusters.keys() == {"pid"}
    assert "perhaps later" in effects.estimand
    assert 0 < effects.identified_share <= 1
    step = effects.account.steps[-1]
    assert step.verb == "dynamic_matching"
    excluded = sum(one.count.rows for one in step.excluded)
    assert step.before.rows == step.after.rows + excluded
    again = pickle.loads(pickle.dumps(effects))
    assert again.estimates.tolist() == effects.estimates.tolist()


def test_cautions_are_warnings(panel: kp.Panel) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", DesignWarning)
        effects = kp.dynamic_matching(panel, "wage", eligible="seeking", against="never")
    said = [str(one.message).split(":")[0] for one in told]
    assert said == list(effects.cautions)
    assert "static_controls" in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"eligible": "nothing"}, "`eligible`"),
        ({"against": "later"}, "`against`"),
        ({"horizons": []}, "`horizons`"),
        ({"horizons": [1.5]}, "`horizons`"),
        ({"duration": 0}, "`duration`"),
        ({"kind": "GCT"}, "`kind`"),
        ({"kind": ("sex", "X")}, "`kind`"),
        ({"absent": float("nan")}, "`absent`"),
        ({"treatment": "wage"}, "treatment"),
    ],
)
def test_wrong_arguments_are_refused_by_name(
    panel: kp.Panel, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        kp.dynamic_matching(panel, "wage", **({"eligible": "seeking"} | options))


def test_no_control_in_any_cell_is_said(panel: kp.Panel) -> None:
    with pytest.raises(EstimationError, match="no starter has a control"):
        match(panel, exact="pid")
    with pytest.raises(InputError, match=r"kp\.Panel"):
        kp.dynamic_matching({"wage": [1.0]}, "wage", eligible="seeking")


def test_ways_to_match(panel: kp.Panel) -> None:
    options: dict[str, Any] = {"horizons": [1, 2, 3], "duration": 2}
    x = np.random.default_rng(1).random(len(panel["wage"]))
    with_x = panel.with_column("x", x)
    for how in (
        {"covariates": "x", "neighbours": 2, "caliper": 0.5},
        {"covariates": ["x"], "kernel": 0.1},
        {"covariates": "x", "neighbours": 1, "replacement": False},
        {"covariates": "x", "neighbours": 1, "distance": "mahalanobis"},
        {"coarse": {"x": [0.5]}, "exact": "sex"},
        {"exact": "sex", "bootstrap": 40},
        {"history": 1, "neighbours": 3},
    ):
        effects = match(with_x, **options, **how)
        assert abs(effects.estimates[0] - 2.0) < 5 * effects.std_errors[0], how
    path = match(with_x, exact="sex", **options)
    total = path.cumulate()
    assert abs(total.estimates[2] - path.estimates.sum()) < 1e-12
    assert abs(total.std_errors[2] ** 2 - path.vcov().sum()) < 1e-12
    assert match(with_x, **options).break_even()["at"] == 1


def test_groups_balance_and_bounds(panel: kp.Panel) -> None:
    x = np.random.default_rng(1).random(len(panel["wage"]))
    with_x = panel.with_column("x", x)
    groups = match(with_x, by="sex", horizons=[1, 2], duration=2)
    assert list(groups) == ["M", "V"]
    table = groups.tidy(draws=500)["M"]
    width = np.asarray(table["band_high"]) - np.asarray(table["band_low"])
    assert (width > np.asarray(table["conf_high"]) - np.asarray(table["conf_low"])).all()
    options: dict[str, Any] = {"eligible": "seeking", "covariates": "x", "neighbours": 1}
    balance = kp.matching_balance(with_x, "wage", duration=2, **options)
    assert list(balance["covariate"]) == ["x"]
    assert abs(balance["difference_after"][0]) < 0.1
    bounds = kp.rosenbaum(with_x, "wage", horizon=1, duration=2, **options)
    assert (np.diff(bounds["p_high"]) >= 0).all()
    pytest.importorskip("matplotlib")
    axes = kp.love_plot(balance)
    assert len(axes.lines) == 3
    with pytest.raises(InputError, match="nearest"):
        kp.rosenbaum(with_x, "wage", horizon=1, eligible="seeking")
    with pytest.raises(InputError, match="no option"):
        match(panel, neighbors=1)
    with pytest.raises(InputError, match="`kernel`"):
        match(panel, neighbours=1, kernel=0.1)


def test_an_outcome_that_counts_trainees_is_told(panel: kp.Panel) -> None:
    starting = np.asarray(panel["cohort"], dtype=object) == np.asarray(
        panel["quarter"], dtype=object
    )
    counted = panel.with_column("works", starting.astype(float))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DesignWarning)
        effects = kp.dynamic_matching(counted, "works", eligible="seeking", horizons=[1])
    assert "outcome_counts_trainees" in effects.cautions


INTERRUPTED = """
import time, warnings
import numpy as np
import kruispunt as kp
warnings.simplefilter("ignore")
rng = np.random.default_rng(1)
n, labels = 3000, kp.Calendar.quarters("2010Q1", "2012Q4").labels
seeking = rng.random((n, 12)) < 0.5
start = np.full(n, -1)
for q in range(12):
    start[seeking[:, q] & (start < 0) & (rng.random(n) < 0.1)] = q
panel = kp.Panel(
    {
        "pid": np.repeat(np.arange(n), 12), "quarter": labels * n,
        "cohort": np.repeat([None if own < 0 else labels[own] for own in start], 12),
        "seeking": seeking.ravel(), "x": rng.normal(size=n * 12), "y": rng.normal(size=n * 12),
    },
    person="pid", period="quarter",
)
seen = set()
def told(stage, done, total):
    if stage == "drawing persons anew" and done not in seen:
        seen.add(done)
        print("progress", done, total, flush=True)
try:
    kp.dynamic_matching(
        panel, "y", eligible="seeking", covariates=["x"], neighbours=5, horizons=[1, 2, 3],
        bootstrap=1_000_000, progress=told,
    )
except KeyboardInterrupt:
    print("interrupted", time.time(), flush=True)
found = kp.dynamic_matching(panel, "y", eligible="seeking", horizons=[1])
print("after", len(found.estimates), flush=True)
"""


def test_the_bootstrap_tells_progress_and_hears_ctrl_c() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        lines = []
        while len(lines) < 3:
            line = child.stdout.readline()
            assert line.startswith("progress"), line
            lines.append(line.split())
        sent = time.time()
        child.send_signal(signal.SIGINT)
        rest = child.stdout.read().splitlines()
    done = [int(own[1]) for own in lines]
    assert done == sorted(done)
    assert done[-1] > 0
    assert {own[2] for own in lines} == {"1000000"}
    heard = next(own for own in rest if own.startswith("interrupted"))
    assert float(heard.split()[1]) - sent < 2.0
    assert rest[-1] == "after 1", "the interpreter works on"
    assert child.returncode == 0
