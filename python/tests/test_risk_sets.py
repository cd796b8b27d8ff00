"""Risk sets to look at, paths, kinds in pairs, and outcomes before the start."""

import pickle
import warnings

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, EstimationError, InputError

QUARTERS = kp.Calendar.quarters("2010Q1", "2012Q4").labels


def panel_of(rows):
    """A panel from (person, quarter number, seeking, start number or None)."""
    return kp.Panel(
        {
            "pid": [row[0] for row in rows],
            "quarter": [QUARTERS[row[1]] for row in rows],
            "seeking": [row[2] for row in rows],
            "cohort": [None if row[3] is None else QUARTERS[row[3]] for row in rows],
            "kind": [row[4] if len(row) > 4 else None for row in rows],
        },
        person="pid",
        period="quarter",
    )


@pytest.fixture(scope="module")
def few():
    rows = [
        # seeking in 1, 2, 3; starts OCT in 3
        *[(1, q, q in (1, 2, 3), 3, "OCT") for q in range(6)],
        # there already when the panel begins, finds work in 2, seeks again in 4 to the end
        *[(2, q, q in (0, 1, 4, 5), None) for q in range(6)],
        # treated before being seen
        *[(3, q, True, 0, "GCT") for q in range(2, 6)],
        # leaves the registers while seeking
        *[(4, q, q >= 1, None) for q in range(3)],
    ]
    labels = QUARTERS[:6]
    assert labels[5] == "2011Q2"
    return panel_of(rows)


def test_risk_sets_are_there_to_look_at(few):
    with pytest.warns(DesignWarning, match="left_truncation: 1 spells of 4"):
        found = kp.risk_sets(few, eligible="seeking", kind="kind")
    rows = found.rows()
    got = list(zip(rows["pid"], rows["duration"], rows["starts"], rows["later"], strict=True))
    assert got == [
        (1, 1, False, True), (1, 2, False, True), (1, 3, True, False),
        (2, 1, False, False), (2, 2, False, False),
        (4, 1, False, False), (4, 2, False, False),
    ]  # fmt: skip
    spells = found.spells()
    told = zip(spells["pid"], spells["begin"], spells["time"], spells["event"], strict=True)
    assert [tuple(map(str, own)) for own in told] == [
        ("1", "2010Q2", "3", "OCT"), ("2", "2010Q1", "2", "left"), ("2", "2011Q1", "2", "None"),
        ("4", "2010Q2", "2", "gone"),
    ]  # fmt: skip
    assert list(spells["truncated"]) == [False, True, False, False]
    by = found.by_period()
    assert list(by["at_risk"]) == [0, 2, 2, 1, 1, 1]
    assert list(by["unknown"]) == [1, 1, 0, 0, 0, 0]
    assert list(found.by_duration()["at_risk"]) == [3, 3, 1]
    step = found.account.steps[-1]
    excluded = {one.reason: one.count.rows for one in step.excluded}
    assert excluded["treated before the person is first seen"] == 4
    assert step.before.rows == step.after.rows + sum(excluded.values())
    assert pickle.loads(pickle.dumps(found)).rows()["pid"].tolist() == list(rows["pid"])
    assert "<table" in found._repr_html_()
    # Spells go on over a quarter without; durations may be pooled.
    with pytest.warns(DesignWarning, match="left_truncation"):
        wide = kp.risk_sets(few, eligible="seeking", gap=2, duration=2)
    # What begins within a gap of the beginning may be older: known from the second period on.
    assert list(wide.by_duration()["duration"]) == [2]
    own = wide.rows()
    assert (2, 2) in list(zip(own["pid"], own["duration"], strict=True))


def test_spells_that_are_truncated_are_told_by_curves(few):
    with pytest.warns(DesignWarning, match="left_truncation"):
        found = kp.risk_sets(few, eligible="seeking")
    spells = found.spells()
    with pytest.warns(DesignWarning, match="left_truncation: 1 episodes were there"):
        kp.cumulative_incidence(spells, time="time", event="event")
    with pytest.warns(DesignWarning, match="left_truncation: 2 episodes are seen"):
        kp.survival({"time": [3, 4, 5], "e": [1, 1, 0], "entry": [0, 2, 1]}, time="time", event="e")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DesignWarning)
        kp.survival(
            {"time": [3, 4, 5], "e": [1, 1, 0], "entry": [0, 0, 1]}, time="time", event="e",
            entry="entry",
        )  # fmt: skip


def test_paths_are_counted():
    panel = kp.Panel(
        {
            "pid": [1, 2, 3, 4],
            "quarter": ["2010Q1"] * 4,
            "kbi": ["2010Q1", "2010Q1", None, None],
            "service": ["2010Q3", "2010Q2", "2011Q1", None],
            "job": ["2011Q1", "2010Q4", "2010Q1", None],
        },
        person="pid",
        period="quarter",
    )
    found = kp.stage_paths(panel, {"integration": "kbi", "service": "service", "job": "job"})
    assert found["path"].tolist() == ["integration > service > job", "job > service", "none"]
    assert found["persons"].tolist() == [2, 1, 1]
    assert found["mean_periods"].tolist() == [3.5, 4.0, 0.0]
    with pytest.raises(InputError, match="stages"):
        kp.stage_paths(panel, {})
    with pytest.raises(InputError, match="no column"):
        kp.stage_paths(panel, {"job": "jobs"})


def many(n=3000, t=12, seed=6, *, chosen=0.0, second=False, gone=0.0):
    """Persons who may start one of two courses; `chosen` is selection on what nobody recorded."""
    rng = np.random.default_rng(seed)
    u, x = rng.normal(size=n), rng.normal(size=n)
    start, kind = np.full(n, -1), np.full(n, None, dtype=object)
    again = np.full(n, -1)
    left = np.full(n, t)
    rows = {name: [] for name in ("pid", "q", "seeking", "x", "wage", "y")}
    seeking = rng.random(n) < 0.5
    for q in range(t):
        here = left > q
        wage = u + 0.3 * rng.normal(size=n)
        treated = (start >= 0) & (start < q)
        effect = np.where(kind == "B", 2.0, 1.0) * treated + 0.7 * ((again >= 0) & (again < q))
        y = x + u + effect + rng.normal(size=n)
        for name, value in (
            ("pid", np.arange(n)), ("q", np.full(n, q)), ("seeking", seeking), ("x", x),
            ("wage", wage), ("y", y),
        ):  # fmt: skip
            rows[name].append(value[here])
        line = -3.0 + 0.5 * x + chosen * u
        begins = here & seeking & (start < 0) & (rng.random(n) < 1 / (1 + np.exp(-line)))
        start[begins] = q
        kind[begins] = np.where(rng.random(begins.sum()) < 0.5, "A", "B")
        if second:
            more = here & (start >= 0) & (start < q) & (again < 0) & (rng.random(n) < 0.3)
            again[more] = q
        left = np.where((left == t) & (rng.random(n) < gone) & (q > 3), q + 1, left)
        seeking = np.where(rng.random(n) < 0.75, seeking, ~seeking)
    data = {name: np.concatenate(values) for name, values in rows.items()}
    label = np.array([*QUARTERS], dtype=object)
    pid = data["pid"]

    def period(of):
        return [None if own < 0 else label[own] for own in of[pid]]

    data |= {"cohort": period(start), "kind": kind[pid].tolist(), "second": period(again)}
    data["quarter"] = label[data.pop("q")].tolist()
    return kp.Panel(data, person="pid", period="quarter")


OPTIONS = {"eligible": "seeking", "duration": 3, "covariates": ["x"]}


def quiet(panel, outcome="y", **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DesignWarning)
        return kp.dynamic_matching(panel, outcome, **OPTIONS | options)


@pytest.fixture(scope="module")
def plain():
    return many()


def test_odds_and_later_starts_are_weighed(plain):
    # Half of all courses give 1, half 2: against no start at all the effect is 1.5.
    waiting = quiet(plain, odds=True, horizons=[1, 6])
    untreated = quiet(plain, against="untreated", odds=True, horizons=[-1, 1, 6])
    assert abs(untreated.estimates[1] - 1.5) < 3 * untreated.std_errors[1]
    assert abs(untreated.estimates[2] - 1.5) < 3 * untreated.std_errors[2]
    assert abs(untreated.estimates[0]) < 3 * untreated.std_errors[0]
    # Who waits starts too, in time: against waiting it shrinks.
    assert waiting.estimates[1] < untreated.estimates[2] - 0.1
    assert "nor later" in untreated.estimand
    assert "weighed" in untreated.comparison
    cells = quiet(plain, against="untreated", covariates=[], coarse={"x": [-1, 0, 1]}, horizons=[6])
    assert abs(cells.estimates[0] - 1.5) < 4 * cells.std_errors[0]
    drawn = quiet(plain, against="untreated", odds=True, horizons=[6], bootstrap=40)
    assert 0.5 < drawn.std_errors[0] / untreated.std_errors[2] < 2
    with pytest.raises(InputError, match="later starts are weighed"):
        quiet(plain, against="untreated", neighbours=2)
    with pytest.raises(InputError, match="`odds`"):
        quiet(plain, odds=True, neighbours=1)
    with pytest.raises(InputError, match="`covariates`"):
        quiet(plain, odds=True, covariates=[])


def test_weights_of_later_starts_are_those_of_a_slow_twin():
    panel = many(400, seed=9)
    found = quiet(panel, against="untreated", covariates=[], horizons=[3], duration=1)
    with pytest.warns(DesignWarning, match="left_truncation"):
        rows = kp.risk_sets(panel, eligible="seeking", duration=1).rows()
    at = {label: q for q, label in enumerate(QUARTERS)}
    q = np.array([at[str(own)] for own in rows["quarter"]])
    pid, starts = np.asarray(rows["pid"]), np.asarray(rows["starts"])
    p = np.zeros(12)
    for quarter in range(12):
        here = q == quarter
        p[quarter] = starts[here].mean() if here.any() else 0
    risk = dict.fromkeys(zip(pid, q, strict=True), True)
    y = {
        (a, at[str(b)]): c
        for a, b, c in zip(panel["pid"], panel["quarter"], panel["y"], strict=True)
    }
    first = {
        a: at[str(b)]
        for a, b in zip(panel["pid"], np.asarray(panel["cohort"], dtype=object), strict=True)
        if b is not None and str(b) in at
    }
    total, n1 = 0.0, 0
    for quarter in range(9):
        here = q == quarter
        ones = [y[a, quarter + 3] for a in pid[here & starts]]
        num = den = 0.0
        for a in pid[here & ~starts]:
            if first.get(a, 99) <= quarter + 3:
                continue
            stays = [1 - p[m] for m in range(quarter + 1, quarter + 4) if (a, m) in risk]
            weight = 1 / np.prod(stays)
            num, den = num + weight * y[a, quarter + 3], den + weight
        if ones and den > 0:
            total += sum(ones) - len(ones) * num / den
            n1 += len(ones)
    assert abs(found.estimates[0] - total / n1) < 1e-10


@pytest.mark.parametrize("against", ["waiting", "untreated"])
def test_weights_that_are_estimated_have_the_errors_of_persons_drawn_anew(against):
    """A bootstrap that estimates the chances to start anew in each sample of persons."""
    panel = many(500, seed=21)
    own = {"against": against, "odds": True, "horizons": [2]}
    found = quiet(panel, **own)
    columns = {name: np.asarray(panel[name], dtype=object)
               for name in ("pid", "quarter", "seeking", "cohort", "x", "y")}  # fmt: skip
    rows = [np.flatnonzero(columns["pid"] == person) for person in range(500)]
    rng, drawn = np.random.default_rng(5), []
    for _ in range(150):
        persons = rng.integers(0, 500, 500)
        take = np.concatenate([rows[person] for person in persons])
        sample = {name: values[take].tolist() for name, values in columns.items()}
        sample["pid"] = np.repeat(np.arange(500), [len(rows[person]) for person in persons])
        again = kp.Panel(sample, person="pid", period="quarter")
        drawn.append(quiet(again, **own).estimates[0])
    ratio = found.std_errors[0] / np.std(drawn, ddof=1)
    # The bootstrap itself is known to some 6 %.
    assert 0.82 < ratio < 1.18


def test_a_second_treatment_may_censor():
    panel = many(4000, second=True)
    path = quiet(panel, odds=True, horizons=[5], against="untreated")
    first = quiet(panel, odds=True, horizons=[5], against="untreated", second="second")
    assert abs(first.estimates[0] - 1.5) < 3.5 * first.std_errors[0]
    assert path.estimates[0] > first.estimates[0] + 0.1
    assert "no second treatment" in first.estimand
    with pytest.raises(InputError, match="`second`"):
        quiet(panel, second="nothing")
    # Two that begin together are counted and left out.
    same = panel.with_column("both", np.asarray(panel["cohort"], dtype=object))
    with pytest.raises(InputError, match="nobody is first treated"):
        quiet(same, second="both", horizons=[1], odds=True)


def test_kinds_are_compared_in_pairs(plain):
    found = kp.pairwise_matching(
        plain, "y", kind="kind", kinds=["A", "B"], horizons=[1, 2], **OPTIONS | {"odds": True}
    )
    assert list(found) == [
        "A rather than waiting", "A rather than B", "B rather than waiting", "B rather than A",
    ]  # fmt: skip
    gap = found["B rather than A"]
    assert abs(gap.estimates[0] - 1.0) < 3.5 * gap.std_errors[0]
    bands = found.tidy(draws=500)["B rather than A"]
    assert np.all(np.asarray(bands["band_high"]) > np.asarray(bands["conf_high"]))
    assert "rather than" in found._repr_html_()
    with pytest.raises(InputError, match="`kinds`"):
        kp.pairwise_matching(plain, "y", kind="kind", kinds=["A"], **OPTIONS)
    with pytest.raises(InputError, match="all pairs itself"):
        kp.pairwise_matching(plain, "y", kind="kind", kinds=["A", "B"], versus="A", **OPTIONS)


def test_outcomes_before_the_start_tell_of_selection(plain):
    options = OPTIONS | {
        "neighbours": 1,
        "controls": ["wage"],
        "horizons": [-1, -2],
        "alpha": 0.001,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", DesignWarning)
        none = kp.negative_controls(plain, "y", **options)
    assert none.flagged == []
    chosen = many(chosen=0.6)
    with pytest.warns(DesignWarning, match="unobserved_selection"):
        found = kp.negative_controls(chosen, "y", **options)
    assert found.flagged == ["wage"]
    assert found.joint["wage"]["df"] == 2
    assert found.tidy()["flagged"].tolist() == [True]
    assert "flagged" in repr(found)
    assert "flagged" in found._repr_html_()
    with_record = kp.negative_controls(plain, "y", **options | {"history": 1})
    assert "1 periods of y" in with_record.effects["wage"].method
    with pytest.raises(InputError, match="`horizons`"):
        kp.negative_controls(plain, "y", **options | {"horizons": [1]})
    with pytest.raises(InputError, match="`controls`"):
        kp.negative_controls(plain, "y", **options | {"controls": []})


def warned(panel, outcome="y", **options):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", DesignWarning)
        found = kp.dynamic_matching(panel, outcome, **OPTIONS | options)
    codes = {str(one.message).split(":")[0] for one in told}
    assert codes == set(found.cautions)
    return codes


def test_each_warning_has_its_name(plain):
    assert "static_controls" in warned(plain, against="never", horizons=[1])
    assert "emigration" in warned(many(gone=0.05), horizons=[1, 4], neighbours=1)
    assert "emigration" not in warned(many(gone=0.05), horizons=[4], neighbours=1, absent=0.0)
    assert "emigration" not in warned(plain, horizons=[4], neighbours=1)
    assert "unobserved_selection" in warned(many(chosen=0.8), "wage", horizons=[-1, 1], odds=True)
    few = plain.filter(np.asarray(plain["pid"]) < 25)
    assert "few_clusters" in warned(few, covariates=[], horizons=[1], duration=1)
    narrow = warned(plain, neighbours=1, caliper=1e-4, horizons=[1])
    assert "common_support" in narrow


def test_bad_input_is_an_error_or_counted_by_name(plain):
    n = len(plain["y"])
    with pytest.raises(InputError, match="true in no row"):
        quiet(plain.with_column("nobody", np.zeros(n)), eligible="nobody", horizons=[1])
    with pytest.raises(EstimationError, match="no starter has a control"):
        quiet(plain, covariates=[], exact="pid", horizons=[1])
    cohort = np.asarray(plain["cohort"], dtype=object)
    with pytest.raises((InputError, EstimationError), match="perfectly"):
        quiet(plain.with_column("z", (np.asarray(plain["quarter"], dtype=object) == cohort) * 1.0),
              covariates=["z"], neighbours=1, horizons=[1])  # fmt: skip
    # A history that begins before the panel, and outcomes beyond its end, are counted.
    effects = quiet(plain, covariates=[], history=4, neighbours=1, horizons=[1, 11])
    reasons = {one.reason: one.count.rows for one in effects.account.steps[-1].excluded}
    assert reasons["the history window begins before the panel or has a gap"] > 0
    assert effects.tidy()["n_treated"].tolist()[1] < effects.tidy()["n_treated"].tolist()[0]
    # Outcomes of a hazard, and episodes without length.
    with pytest.raises(InputError, match="neither 0 nor 1"):
        kp.hazard("y ~ x", {"y": [0.0, 2.0, 1.0], "x": [1.0, 2.0, 4.0]})
    curves = kp.survival(
        {"t": [1, 2, 2], "e": [1, 1, 0], "s": [0, 2, 0]}, time="t", event="e", entry="s"
    )
    lost = {one.reason: one.count.rows for one in curves.account.steps[-1].excluded}
    assert lost == {"no length: the end is not after the entry": 1}
    with pytest.raises(InputError, match="below 0"):
        kp.survival({"t": [1, -2], "e": [1, 1]}, time="t", event="e")
