"""Difference-in-differences against numbers of other packages that no other test holds."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError

pytestmark = pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")

ORACLES = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles"


def stored(name):
    return json.loads((ORACLES / name / "expected.json").read_text(encoding="utf-8"))


def reference(name):
    """Give a folder of data that may not be redistributed; skip where it is not at hand."""
    folder = Path(os.environ.get("KRUISPUNT_ORACLES", "/nowhere")) / name
    if not folder.is_dir():
        pytest.skip("KRUISPUNT_ORACLES names no folder with this data")
    return folder, json.loads((folder / "reference.json").read_text(encoding="utf-8"))


def cells(effects):
    """Give estimate and standard error by cohort and period."""
    table = effects.tidy()
    names = ("cohort", "period", "estimate", "std_error", "status")
    rows = zip(*(table[name] for name in names), strict=True)
    return {
        (int(cohort), int(period)): (float(estimate), float(error))
        for cohort, period, estimate, error, status in rows
        if status in ("estimated", "no standard error") and cohort is not None
    }


@pytest.mark.parametrize("controls", ["never", "not_yet"])
@pytest.mark.parametrize("weights", [None, "weight"])
def test_cross_sections_equal_csdid(controls, weights):
    oracle = stored("cross_sections")
    peer = oracle["cases"][controls + ("_weights" if weights else "")]
    keep = oracle["keep"]
    data = {name: np.asarray(own)[keep] for name, own in stored("did")["data"].items()}
    data["row"] = np.arange(len(keep))
    panel = kp.Panel(data, person="row", period="year", unit="year")
    effects = kp.did(
        panel, "y", cohort="first", controls=controls, weights=weights, gaps="cross_sections"
    )
    own = cells(effects)
    assert len(own) == len(peer["cohort"])
    for at, key in enumerate(zip(peer["cohort"], peer["period"], strict=True)):
        both = [peer["estimate"][at], peer["std_error"][at]]
        np.testing.assert_allclose(own[key], both, rtol=1e-10, err_msg=str(key))
    for by in ("simple", "event", "group", "calendar"):
        mean = effects.aggregate(by)
        found = [mean.estimates[-1], mean.std_errors[-1]]
        np.testing.assert_allclose(found, peer[by], rtol=1e-10, err_msg=by)


@pytest.mark.parametrize("controls", ["never", "not_yet"])
def test_stacks_equal_diff_diff(controls):
    peer = stored("stacked")["cases"][controls]
    panel = kp.Panel(stored("did")["data"], person="person", period="year", unit="year")
    effects = kp.did(panel, "y", cohort="first", method="stacked", controls=controls, window=(2, 1))
    event = effects.aggregate("event")
    events = [None if e is None or e != e else str(int(e)) for e in event.tidy()["event"]]
    assert set(peer) <= set(events)
    for name, (estimate, error) in peer.items():
        at = events.index(name)
        assert event.estimates[at] == pytest.approx(estimate, abs=1e-12)
        # here shares of cohorts are estimated; there what a cohort's effect differs from the mean is
        # noise of one regression, with a small-sample factor: within 2 %
        assert event.std_errors[at] == pytest.approx(error, rel=0.02)


def test_the_power_of_placebos_is_a_rectangle_of_the_normal():
    """Roth's (2022) power, by scipy's distribution function of the multivariate normal."""
    stats = pytest.importorskip("scipy.stats")
    panel = kp.Panel(stored("did")["data"], person="person", period="year", unit="year")
    event = kp.did(panel, "y", cohort="first", base="universal").aggregate("event")
    table = event.tidy()
    since = np.array([np.nan if e is None else float(e) for e in table["event"]])
    before, after = np.flatnonzero(since < -1), np.flatnonzero(since >= 0)
    assert len(before) >= 3
    covariance = event.vcov()[np.ix_(before, before)]
    reach = stats.norm.ppf(0.975) * np.sqrt(np.diag(covariance))
    found = event.power()
    for share in (0.5, 0.8):
        slope = found[f"slope_{100 * share:.0f}"]
        law = stats.multivariate_normal(slope * (since[before] + 1), covariance)
        missed = law.cdf(reach, lower_limit=-reach, rng=np.random.default_rng(1))
        # found with 8,192 draws, whose standard error is .0055
        assert 1 - missed == pytest.approx(share, abs=0.011)
    bias = found["slope_80"] * np.mean(since[after] + 1)
    assert found["bias_80"] == pytest.approx(bias, rel=1e-9)


@pytest.mark.filterwarnings("ignore:.*inplace")
def test_two_stage_equals_pyfixest():
    """The data of did2s as pyfixest ships them: 46,500 rows, 1,500 units in 40 states."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyfixest")
    from pyfixest.did.estimation import did2s

    files = importlib.metadata.files("pyfixest") or []
    place = next((own for own in files if own.name == "df_het.csv"), None)
    if place is None:
        pytest.skip("pyfixest ships no df_het.csv")
    data = pandas.read_csv(place.locate())
    data = data.assign(g=data["g"].fillna(0).astype(int), treat=data["treat"].astype(int))
    panel = kp.Panel(data, person="unit", period="year", unit="year")
    effects = kp.did(panel, "dep_var", cohort="g", method="did2s", cluster="state")
    simple = effects.aggregate("simple")
    fit = did2s(
        data, yname="dep_var", first_stage="~ 0 | unit + year", second_stage="~ treat",
        treatment="treat", cluster="state",
    )  # fmt: skip
    peer = fit.tidy().loc["treat"]
    # the peer solves its first stage to some 1e-5
    assert simple.estimates[0] == pytest.approx(peer["Estimate"], rel=1e-5)
    assert simple.std_errors[0] == pytest.approx(peer["Std. Error"], rel=1e-4)


def test_not_yet_treated_equal_r_on_fixests_data():
    """R's did 2.1.2 and did2s 1.2.0 on `base_stagg`: every cell, the mean over event times."""
    pandas = pytest.importorskip("pandas")
    folder, expected = reference("base_stagg")
    data = pandas.read_csv(folder / "base_stagg.csv")
    first = data["year_treated"].where(data["year_treated"] < 10000, 0).astype(int)
    data = data.assign(g=first + 2000 * (first > 0), year=data["year"] + 2000)
    panel = kp.Panel(data, person="id", period="year", unit="year")
    effects = kp.did(panel, "y", cohort="g", controls="not_yet")
    own, peer = cells(effects), expected["did_notyet"]
    compared = 0
    for group, year, att, se in zip(peer["group"], peer["t"], peer["att"], peer["se"], strict=True):
        if att is None or se is None:
            continue
        np.testing.assert_allclose(own[group + 2000, year + 2000], [att, se], rtol=1e-10)
        compared += 1
    assert compared == len(own)
    event = effects.aggregate("event")
    both = [peer["dynamic"]["overall"], peer["dynamic"]["overall_se"]]
    np.testing.assert_allclose([event.estimates[-1], event.std_errors[-1]], both, rtol=1e-10)
    simple = kp.did(panel, "y", cohort="g", method="did2s").aggregate("simple")
    static = expected["did2s"]["static"]
    both = [static["coef"][0], static["se"][0]]
    np.testing.assert_allclose([simple.estimates[0], simple.std_errors[0]], both, rtol=1e-7)


@pytest.mark.parametrize("controls", ["never", "not_yet"])
def test_the_medicaid_expansion_equals_r(controls):
    """R's did 2.1.2 on the share insured by state, 2008-2019, from one base period."""
    pandas = pytest.importorskip("pandas")
    folder, expected = reference("ehec_medicaid")
    data = pandas.read_csv(folder / "ehec.csv")
    data = data.assign(g=data["yexp2"].fillna(0).astype(int))
    panel = kp.Panel(data, person="stfips", period="year", unit="year")
    peer = expected["did_nevertreated" if controls == "never" else "did_notyettreated"]
    effects = kp.did(panel, "dins", cohort="g", controls=controls, base="universal")
    own = cells(effects)
    compared = 0
    for group, year, att, se in zip(peer["group"], peer["t"], peer["att"], peer["se"], strict=True):
        if se is None or not se > 0:
            continue
        # one state expands in 2017: its estimate has no error here, R gives that of the controls
        alone = np.isnan(own[group, year][1])
        assert alone == (group == 2017)
        np.testing.assert_allclose(own[group, year][0], att, rtol=1e-9, atol=1e-14)
        if not alone:
            np.testing.assert_allclose(own[group, year][1], se, rtol=1e-9)
        compared += 1
    assert compared == len(own)
    simple = effects.aggregate("simple")
    np.testing.assert_allclose(
        [simple.estimates[0], simple.std_errors[0]], peer["simple"], rtol=1e-10
    )
    # with weights did 2.1.2 errs in the part of its error that shares of cohorts add (4e-4); csdid
    # 0.4.3 and moderndid 0.4.1 give what is given here
    weighted = kp.did(panel, "dins", cohort="g", controls=controls, weights="W")
    simple = weighted.aggregate("simple")
    error = {"never": 0.012085830336841335, "not_yet": 0.01174258015095496}[controls]
    assert simple.estimates[0] == pytest.approx(peer["weighted_simple"][0], rel=1e-10)
    assert simple.std_errors[0] == pytest.approx(error, rel=1e-10)
    assert simple.std_errors[0] == pytest.approx(peer["weighted_simple"][1], rel=1e-3)


def test_doses_that_nobody_had_are_refused():
    """diff-diff 3.13 gives an effect and an error for them, from its spline."""
    panel = kp.Panel(
        stored("did")["data"] | {"hours": stored("designs")["hours"]},
        person="person", period="year", unit="year",
    )  # fmt: skip
    most = max(stored("designs")["hours"])
    with pytest.raises(InputError, match="doses within those of the treated"):
        kp.dose_response(panel, "y", cohort="first", dose="hours", at=[1.1 * most])


def changed(**columns):
    return kp.Panel(
        stored("did")["data"] | {name: list(own) for name, own in columns.items()},
        person="person", period="year", unit="year",
    )  # fmt: skip


def test_starts_outside_the_panel_are_told():
    first = np.array(stored("did")["data"]["first"])
    late = changed(first=np.where(first == 2015, 2030, first).tolist())
    never = changed(first=np.where(first == 2015, 0, first).tolist())
    effects = kp.did(late, "y", cohort="first")
    assert any(
        "first treated after the last period" in own for own in effects.account.steps[-1].notes
    )
    # they serve as controls like those never treated
    same = kp.did(never, "y", cohort="first")
    np.testing.assert_array_equal(effects.estimates, same.estimates)
    np.testing.assert_array_equal(effects.std_errors, same.std_errors)
    assert not any("after the last period" in own for own in same.account.steps[-1].notes)


@pytest.mark.parametrize("start", [2010, 1995])
@pytest.mark.parametrize("method", ["cs", "sa", "imputation", "did2s", "lpdid", "etwfe"])
def test_units_treated_from_the_start_are_counted_out(start, method):
    first = np.array(stored("did")["data"]["first"])
    effects = kp.did(
        changed(first=np.where(first == 2012, start, first).tolist()),
        "y", cohort="first", method=method,
    )  # fmt: skip
    units = len(set(np.array(stored("did")["data"]["person"])[first == 2012]))
    assert effects.cautions["treated_at_start"].startswith(
        f"{units} units are treated in the first"
    )
    assert effects.identified_share < 0.5
    without = kp.did(
        changed(first=first.tolist()).filter(first != 2012, "as if they were not there"),
        "y", cohort="first", method=method,
    )  # fmt: skip
    # neither treated nor controls: what is left is what it would be without them
    if method != "lpdid":
        effects, without = effects.aggregate("simple"), without.aggregate("simple")
    pairs = [(effects.estimates, without.estimates), (effects.std_errors, without.std_errors)]
    # a small-sample factor counts them among the clusters: 120/119 in place of 96/95
    rtol = 2e-3 if method in ("sa", "etwfe") else 1e-9
    for own, other in pairs:
        np.testing.assert_allclose(own[-1], other[-1], rtol=rtol, atol=1e-9)
        # by event time there are more rows with them, without an answer
        n = len(other) - 1
        np.testing.assert_allclose(own[:n], other[:n], rtol=rtol, atol=1e-9)
        assert np.all(np.isnan(own[n:-1]))
