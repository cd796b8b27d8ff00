"""The roll-out of the synthetic registers: estimators against the truth, both worlds."""

from __future__ import annotations

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning

pytestmark = pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")


def world(rollout):
    """Give the panel of a roll-out and the true mean effect by cohort and quarters since."""
    reg = kp.synth.registers("test", seed=5, imperfections="none", rollout=rollout)
    rows, towns = reg["rollout_outcome"], reg["municipalities"]
    adopted = dict(
        zip(np.asarray(towns["nis5"]).tolist(), np.asarray(towns["adoption"]).tolist(), strict=True)
    )
    nis5 = np.asarray(rows["nis5"])
    columns = {
        "pid": rows["pid"],
        "quarter": rows["quarter"],
        "town": nis5,
        "adopted": [adopted[town] for town in nis5.tolist()],
        "index": rows["service_index"],
    }
    names = ("cohort", "e", "value", "n")
    truth = {name: np.asarray(reg.truth["rollout"][name]) for name in names}
    return kp.Panel(columns, person="pid", period="quarter"), truth


def quarter(label):
    """Give the number of a quarter such as 2012Q1."""
    return 4 * int(label[:4]) + int(label[-1]) - 1


@pytest.fixture(scope="module")
def some():
    return world("some")


@pytest.fixture(scope="module")
def everybody():
    return world("all")


def mean(truth, wanted=True):
    """Give the mean over treated person-quarters."""
    weights = truth["n"].astype(float) * wanted
    return float(np.average(truth["value"].astype(float), weights=weights))


def near(effects, truth):
    simple = effects.aggregate("simple")
    assert abs(simple.estimates[0] - truth) <= 3 * simple.std_errors[0] + 1e-3
    return simple


def test_two_way_finds_a_fraction_and_says_why(some):
    panel, truth = some
    att = mean(truth)
    assert 0.10 < att < 0.16
    with pytest.warns(DesignWarning, match="negative_weights"):
        twfe = kp.did(panel, "index", cohort="adopted", method="twfe", cluster="town")
    assert twfe.estimates[-1] < 0.5 * att
    weights = np.asarray(kp.twfe_weights(panel, "index", cohort="adopted")["weight"], dtype=float)
    share = np.mean(weights < 0)
    assert 0.15 < share < 0.35
    assert f"{100 * share:.1f} %" in twfe.cautions["negative_weights"]


@pytest.mark.parametrize("method", ["imputation", "did2s", "etwfe", "cs", "sa"])
def test_comparisons_with_the_untreated_find_the_truth(some, method):
    panel, truth = some
    effects = kp.did(panel, "index", cohort="adopted", method=method, cluster="town")
    # newcomers to a town with the service have no quarter before it
    assert effects.identified_share > 0.95
    near(effects, mean(truth))
    assert "anticipation" not in effects.cautions
    assert "eligibility" not in effects.cautions


def test_the_path_lies_in_the_uniform_band(some):
    panel, truth = some
    effects = kp.did(panel, "index", cohort="adopted", method="imputation", cluster="town")
    event = effects.aggregate("event", window=(0, 19)).tidy(bands="sup-t", level=0.99)
    band = {
        int(e): (float(low), float(high))
        for e, low, high in zip(event["event"], event["band_low"], event["band_high"], strict=True)
        if e is not None and e == e
    }
    for e, (low, high) in band.items():
        own = mean(truth, truth["e"].astype(int) == e)
        assert low <= own <= high, e


def test_all_treated_gives_the_honest_third(everybody):
    panel, truth = everybody
    last = max(quarter(label) for label in truth["cohort"].tolist())
    when = np.array([quarter(g) for g in truth["cohort"].tolist()]) + truth["e"].astype(int)
    told = when < last
    weights = truth["n"].astype(float)
    share = float(weights[told].sum() / weights.sum())
    # six cohorts alike: 60 of 180 treated quarters have a comparison
    assert share == pytest.approx(1 / 3, abs=0.03)
    twfe = kp.did(panel, "index", cohort="adopted", method="twfe", cluster="town")
    assert twfe.estimates[-1] < 0 < mean(truth)
    for method in ("imputation", "cs"):
        effects = kp.did(panel, "index", cohort="adopted", method=method, cluster="town")
        assert effects.identified_share == pytest.approx(share, abs=0.03)
        assert {"all_treated", "identified_share"} <= set(effects.cautions)
        near(effects, mean(truth, told))
        table = effects.tidy()
        late = [
            (estimate, reason)
            for period, estimate, reason in zip(
                table["period"], table["estimate"], table["reason"], strict=True
            )
            if period and quarter(str(period)) >= last
        ]
        assert late
        assert all(np.isnan(float("nan" if e is None else e)) and r for e, r in late)


def test_the_switch_changes_nothing_else(some, everybody):
    one, other = (
        kp.synth.registers("mini", seed=5, rollout=rollout) for rollout in ("some", "all")
    )
    assert list(one) == list(other)
    changed = [
        name
        for name in one
        if any(
            np.asarray(one[name][column]).tolist() != np.asarray(other[name][column]).tolist()
            for column in one[name].columns
            if np.asarray(one[name][column]).dtype.kind != "f"
        )
    ]
    assert changed == ["municipalities"]


def test_placebos_of_the_roll_out_are_zero(some):
    panel, _ = some
    effects = kp.did(panel, "index", cohort="adopted", cluster="town", placebo=4)
    simple = effects.aggregate("simple")
    assert abs(simple.estimates[0]) < 3 * simple.std_errors[0]
    assert effects.estimand.startswith("placebo")


@pytest.fixture(scope="module")
def seekers():
    """Give asylum seekers with a year behind them, and what access 60 days earlier gave them."""
    reg = kp.synth.registers("chair", seed=3, imperfections="none", backend="pandas")
    data = reg["asylum_seekers"].merge(reg.truth["asylum"], on="applicant", validate="1:1")
    data = data[data["days_worked"].notna()].astype({"days_worked": float})
    data["gain"] = data["days_worked"] - data["days_worked_180"].astype(float)
    since = (data["application"] - data["application"].min()).dt.days
    data["year"], data["week"] = since / 365.25, since // 7
    data["season"] = np.sin(2 * np.pi * data["year"])
    data["other_season"] = np.cos(2 * np.pi * data["year"])
    data["saved"] = (180 - data["wait"].astype(float)) / 60
    return data


def test_access_is_sixty_days_earlier_from_the_reform_on(seekers):
    access = kp.rd_in_time(
        seekers, "wait", running="application", cutoff="2015-07-12", donut=61, bandwidth=(150, 150)
    )
    assert access.estimate == pytest.approx(-60, abs=1e-6)
    assert "sorting" not in access.cautions
    # who applied from 13 May on already gained a part of it: no jump without the donut
    whole = kp.rd_in_time(
        seekers, "wait", running="application", cutoff="2015-07-12", bandwidth=(30, 30)
    )
    assert abs(whole.estimate) < 1e-6


def test_days_worked_after_the_reform_are_the_truth(seekers):
    near = seekers["application"].between("2015-07-12", "2015-08-11")
    truth = seekers[near]["gain"].mean()
    assert 20 < truth < 30
    jump = kp.rd_in_time(
        seekers, "days_worked", running="application", cutoff="2015-07-12", donut=61,
        bandwidth=(250, 300), cluster="week",
    )  # fmt: skip
    assert abs(jump.estimate - truth) <= 3 * jump.std_error
    # lines alone extrapolate less far than their correction does
    assert 0 < jump.conventional < 2 * truth
    # a day less of waiting, by what the law did to waiting
    fuzzy = kp.rd_in_time(
        seekers, "days_worked", running="application", cutoff="2015-07-12", treatment="wait",
        donut=61, bandwidth=(250, 300), cluster="week",
    )  # fmt: skip
    assert abs(fuzzy.estimate + truth / 60) <= 3 * fuzzy.std_error
    assert fuzzy.estimate == pytest.approx(-jump.estimate / 60, rel=1e-6)


def test_days_saved_tell_the_effect_with_power(seekers):
    treated = seekers[seekers["saved"] > 0]
    truth = float(np.average(treated["gain"], weights=treated["saved"]))
    fit = kp.feols(
        "days_worked ~ saved + year + season + other_season + age + C(sex)",
        seekers, vcov={"CRV1": "week"},
    )  # fmt: skip
    estimate, error = fit.coef()["saved"], fit.se()["saved"]
    assert abs(estimate - truth) <= 3 * error
    assert error < truth / 8


def test_nothing_happened_a_year_before_the_reform(seekers):
    before = seekers[seekers["application"] < "2015-05-13"]
    placebo = kp.rd_in_time(
        before, "days_worked", running="application", cutoff="2014-07-12", cluster="week"
    )
    assert placebo.p_value > 0.01
