"""What must be refused, counted out or said by name: the lists, one test an entry.

``PEERS`` says which test answers which defect found in another package while this one was made;
those of estimators that kruispunt does not have (variance components of careers) are not listed.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, EstimationError, InputError

pytestmark = pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")

ROOT = Path(__file__).parents[2]
HERE = "python/tests/test_did_lists.py"
CORE = "crates/kruispunt/tests/it"

PEERS = {
    "diff-diff: two-stage asks for units x units numbers": (
        HERE, "test_two_stage_and_bands_take_no_matrix_of_units",
    ),
    "csdid: the bootstrap holds units x cells numbers": (
        HERE, "test_two_stage_and_bands_take_no_matrix_of_units",
    ),
    "didimputation: weights enter the error squared": (
        f"{CORE}/evaluate.rs", "weights_equal_copies_in_one_cluster",
    ),
    "fixest: the error of Sun and Abraham's mean takes estimated shares as known": (
        f"{CORE}/designs.rs", "fixed_shares_equal_fixest_on_mpdta",
    ),
    "bife: estimates short of convergence": (
        "python/tests/test_panels.py", "test_bias_correction_is_that_of_dense_dummies",
    ),
    "did: the error doubles when weights vary and are fixed": (
        HERE, "test_weights_that_vary_within_a_unit_have_no_silent_policy",
    ),
    "did: influences of means misaligned on unbalanced panels": (
        f"{CORE}/designs.rs", "errors_of_means_equal_the_infinitesimal_jackknife_also_with_gaps",
    ),
    "did: a unit twice in a period is taken in silence": (
        "python/tests/test_did_options.py", "test_a_unit_seen_twice_in_a_period_is_refused",
    ),
    "did: the pre-test fails": (
        HERE, "test_the_pretest_equals_r",
    ),
    "did: the never treated vanish when the panel is balanced": (
        f"{CORE}/designs.rs", "what_peers_got_wrong_is_said_here",
    ),
    "did: a singular design in one cell ends the run": (
        f"{CORE}/designs.rs", "what_peers_got_wrong_is_said_here",
    ),
    "diff-diff: an overall effect that does not say of what": (
        HERE, "test_each_overall_mean_says_of_what",
    ),
    "diff-diff: effects of doses that nobody had": (
        "python/tests/test_published.py", "test_doses_that_nobody_had_are_refused",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", PEERS)
def test_each_defect_of_a_peer_has_a_test(defect):
    path, name = PEERS[defect]
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"fn {name}(" in text or f"def {name}(" in text, name


def panel_of(data, **columns):
    own = {name: list(values) for name, values in columns.items()}
    return kp.Panel(data | own, person="person", period="year", unit="year")


def rows_of(data, keep):
    return {name: [v for v, k in zip(own, keep, strict=True) if k] for name, own in data.items()}


def column(data, name):
    return np.asarray(data[name])


def whole(values):
    """Give numbers; -1 where there is none."""
    return np.array([-1 if value is None else int(value) for value in values])


def noted(effects, text):
    steps = effects.account.steps
    notes = [note for step in steps for note in step.notes]
    return [note for note in notes if text in note]


# Bad input ----------------------------------------------------------------------------------


def test_a_cohort_after_the_last_period_is_counted(data):
    first = column(data, "first")
    late = np.where(first == 2015, 2031, first)
    effects = kp.did(panel_of(data, first=late), "y", cohort="first")
    n = len(set(column(data, "person")[first == 2015]))
    assert noted(effects, f"{n} units first treated after the last period")


def test_a_unit_treated_in_the_first_period_is_counted_and_told(data):
    first = column(data, "first")
    early = panel_of(data, first=np.where(first == 2012, 2010, first))
    n = len(set(column(data, "person")[first == 2012]))
    with pytest.warns(DesignWarning, match=f"treated_at_start: {n} units"):
        effects = kp.did(early, "y", cohort="first")
    own = whole(effects.tidy()["cohort"]) == 2010
    assert own.any()
    assert np.isnan(effects.estimates[own]).all()


def test_a_unit_twice_in_a_period_is_refused_by_row(data):
    twice = {name: [*own, own[4]] for name, own in data.items()}
    with pytest.raises(InputError, match=rf"rows 4 and {len(data['y'])}"):
        panel_of(twice)


@pytest.mark.parametrize(
    ("argument", "options"),
    [
        ("partition", {"method": "ddd", "controls": "never"}),
        ("weights", {}),
        ("cluster", {}),
        ("cohort", {}),
    ],
)
def test_what_varies_within_a_unit_where_it_must_not_is_refused_by_row(data, argument, options):
    person = column(data, "person")
    values = (person % 2 + 1).astype(float)
    own = {"cohort": "first"} | options
    if argument == "cohort":
        values = column(data, "first").astype(float)
        values[person == person[3]] = 2013.0
        values[3] = 2014.0
    elif argument == "partition":
        values -= 1
        values[3] = 1 - values[3]
    else:
        values[3] += 1
    own[argument] = "z"
    with pytest.raises(InputError, match=r'"z" at row [34]') as told:
        kp.did(panel_of(data, z=values), "y", **own)
    assert f"`{argument}`" in str(told.value)


def test_a_dose_that_varies_within_a_unit_is_refused_by_row(data):
    hours = (column(data, "person") % 7 + 3).astype(float)
    hours[column(data, "first") == 0] = 0
    treated = int(np.argmax(column(data, "first") > 0))
    hours[treated + 1] += 1
    with pytest.raises(InputError, match=rf'"hours" at row {treated + 1}'):
        kp.dose_response(panel_of(data, hours=hours), "y", cohort="first", dose="hours")


def test_covariates_that_the_method_holds_fixed_come_from_the_base_period(data):
    """A covariate may change; what a comparison takes is its value before treatment."""
    base = column(data, "x1").copy()
    cohort = column(data, "first")
    later = (cohort > 0) & (column(data, "year") >= cohort)
    panel = panel_of(data, z=base, changed=np.where(later, base + 5, base))
    options = {"cohort": "first", "controls": "never", "base": "universal", "nuisance": "reg"}
    own = kp.did(panel, "y", covariates="z", **options)
    other = kp.did(panel, "y", covariates="changed", **options)
    after = [phase == "after" for phase in own.tidy()["phase"]]
    np.testing.assert_allclose(own.estimates[after], other.estimates[after], rtol=1e-12)


def test_a_cluster_that_does_not_hold_its_units_is_refused(data):
    years = column(data, "year") % 3
    with pytest.raises(InputError, match="units must be nested in clusters"):
        kp.did(panel_of(data, town=years), "y", cohort="first", cluster="town")


def test_a_base_period_that_is_missing_is_told(data):
    first, year = column(data, "first"), column(data, "year")
    gone = (first == 2013) & (year == 2012)
    with pytest.warns(DesignWarning, match="base_(missing|unseen)"):
        kp.did(panel_of(rows_of(data, ~gone)), "y", cohort="first", base="universal")


def test_a_cell_without_a_valid_comparison_has_a_reason(data):
    treated = column(data, "first") > 0
    effects = kp.did(panel_of(rows_of(data, treated)), "y", cohort="first")
    table = effects.tidy()
    lacking = [
        (estimate, reason)
        for estimate, status, reason in zip(
            table["estimate"], table["status"], table["reason"], strict=True
        )
        if status == "not estimable"
    ]
    assert lacking
    assert all(
        np.isnan(float(e)) and reason == "no unit is still untreated" for e, reason in lacking
    )


def test_a_design_without_any_comparison_is_refused_with_the_reason(data):
    with pytest.raises(EstimationError, match="no unit is still untreated"):
        kp.did(panel_of(data, first=[2013] * len(data["y"])), "y", cohort="first")


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_a_weight_that_is_none_is_refused_by_row(data, weight):
    weights = np.ones(len(data["y"]))
    weights[6] = weight
    with pytest.raises(InputError, match='"w" at row 6 is not above 0'):
        kp.did(panel_of(data, w=weights), "y", cohort="first", weights="w")


# Refusals and warnings by name --------------------------------------------------------------


def told(panel, outcome="y", **options):
    with pytest.warns(DesignWarning):
        effects = kp.did(panel, outcome, **({"cohort": "first"} | options))
    return effects.cautions


def test_negative_weights_and_their_share_are_told(data):
    keep = column(data, "first") > 0
    panel = panel_of(rows_of(data, keep))
    caution = told(panel, method="twfe")["negative_weights"]
    weights = np.asarray(kp.twfe_weights(panel, "y", cohort="first")["weight"], dtype=float)
    assert (weights < 0).any()
    assert str(int((weights < 0).sum())) in caution


def test_all_treated_in_the_end_reports_the_identified_share_alone(data):
    panel = panel_of(rows_of(data, column(data, "first") > 0))
    with pytest.warns(DesignWarning, match="all_treated"):
        effects = kp.did(panel, "y", cohort="first")
    assert 0 < effects.identified_share < 1
    after = [phase == "after" for phase in effects.tidy()["phase"]]
    late = np.array(after) & (whole(effects.tidy()["period"]) >= 2015)
    assert late.any()
    assert np.isnan(effects.estimates[late]).all()


def test_a_treatment_that_turns_off_is_refused_where_it_must_stay(data):
    first, year = column(data, "first"), column(data, "year")
    on = ((first > 0) & (year >= first)).astype(int)
    treated = np.flatnonzero((first == 2012) & (year == 2014))[0]
    on[treated] = 0
    with pytest.raises(InputError, match="turns off"):
        kp.did(panel_of(data, on=on), "y", cohort="on")


def test_eligibility_that_depends_on_the_outcome_is_refused():
    rng = np.random.default_rng(8)
    n, quarters = 400, 12
    work = rng.random((n, quarters)) < 0.6
    first = np.where(rng.random(n) < 0.4, rng.integers(4, 9, n), -1)
    for unit in np.flatnonzero(first >= 0):
        work[unit, first[unit] - 1] = False  # only those out of work may start
    panel = kp.Panel(
        {
            "person": np.repeat(np.arange(n), quarters),
            "year": np.tile(2000 + np.arange(quarters), n),
            "work": work.ravel().astype(float),
            "first": np.repeat(np.where(first >= 0, 2000 + first, 0), quarters),
        },
        person="person", period="year", unit="year",
    )  # fmt: skip
    with pytest.raises(EstimationError, match=r"`outcome`: who is treated depends on \"work\""):
        kp.did(panel, "work", cohort="first")
    assert "eligibility" in told(panel, "work", force="eligibility")


def test_anticipation_is_told(data):
    first, year = column(data, "first"), column(data, "year")
    y = column(data, "y") + 8.0 * ((first > 0) & (year == first - 1))
    assert "anticipation" in told(panel_of(data, y=y))


def test_a_cohort_of_one_is_told_and_has_no_error(data):
    first, person = column(data, "first"), column(data, "person")
    alone = person[first == 2013][0]
    one = np.where((first == 2013) & (person != alone), 0, first)
    with pytest.warns(DesignWarning, match="cohort_of_one"):
        effects = kp.did(panel_of(data, first=one), "y", cohort="first")
    own = whole(effects.tidy()["cohort"]) == 2013
    estimated = own & np.isfinite(effects.estimates) & (effects.std_errors != 0)
    assert estimated.any()
    assert np.isnan(effects.std_errors[estimated]).all()


def test_few_clusters_are_told(data):
    panel = panel_of(data, town=column(data, "person") % 6)
    assert "few_clusters" in told(panel, cluster="town")


def test_a_pretest_without_power_is_told(data):
    noise = np.random.default_rng(1).normal(size=len(data["y"]))
    effects = kp.did(panel_of(data, noise=noise), "noise", cohort="first", base="universal")
    with pytest.warns(DesignWarning, match="pretest_without_power"):
        effects.aggregate("event").pretest()


# Defects of peers ---------------------------------------------------------------------------


def test_two_stage_and_bands_take_no_matrix_of_units():
    """Units x units would be 20 GiB here, units x cells x draws as much."""
    n, periods = 50_000, 6
    rng = np.random.default_rng(4)
    first = rng.choice([0, 2003, 2004, 2005], n)
    panel = kp.Panel(
        {
            "person": np.repeat(np.arange(n), periods),
            "year": np.tile(2001 + np.arange(periods), n),
            "first": np.repeat(first, periods),
            "y": rng.normal(size=n * periods),
        },
        person="person", period="year", unit="year",
    )  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kp.did(panel, "y", cohort="first", method="did2s")
    effects = kp.did(panel, "y", cohort="first", controls="never").aggregate("event")
    assert np.isfinite(effects.bands("sup-t", draws=999)).any()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300 * 1024  # kilobytes


def test_weights_that_vary_within_a_unit_have_no_silent_policy(data):
    weights = 1.0 + (column(data, "year") > 2012)
    for method in ("cs", "imputation", "did2s", "sa"):
        with pytest.raises(InputError, match="a unit has one weight"):
            kp.did(panel_of(data, w=weights), "y", cohort="first", method=method, weights="w")


def test_each_overall_mean_says_of_what(data):
    effects = kp.did(panel_of(data), "y", cohort="first")
    said = {by: effects.aggregate(by).estimand for by in ("simple", "group", "calendar", "event")}
    assert len(set(said.values())) == 4


def test_the_pretest_equals_r():
    """R's did 2.5.1 on mpdta: the Wald test of all cells before treatment."""
    pandas = pytest.importorskip("pandas")
    folder = Path(os.environ.get("KRUISPUNT_ORACLES", "/nowhere")) / "mpdta"
    if not folder.is_dir():
        pytest.skip("KRUISPUNT_ORACLES names no folder with this data")
    frame = pandas.read_csv(folder / "mpdta.csv")
    panel = kp.Panel(frame, person="countyreal", period="year", unit="year")
    options = {"cohort": "first.treat"}
    for printed, own in (
        (7.79123662720035, {"controls": "never"}),
        (7.79092771882739, {"controls": "not_yet"}),
        (6.8612749537136, {"controls": "never", "covariates": "lpop", "nuisance": "reg"}),
    ):
        test = kp.did(panel, "lemp", **options, **own).pretest()
        assert test["statistic"] == pytest.approx(printed, rel=1e-8)
