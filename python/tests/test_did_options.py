"""Choices of difference-in-differences against numbers of other packages: cross-sections given
covariates, multiplier bootstrap, local projections, power of a given trend, estimates from elsewhere."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError

pytestmark = pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")

ORACLES = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles"


def stored(name, file="expected"):
    return json.loads((ORACLES / name / f"{file}.json").read_text(encoding="utf-8"))


def reference(name):
    """Give a folder of data that may not be redistributed; skip where it is not at hand."""
    folder = Path(os.environ.get("KRUISPUNT_ORACLES", "/nowhere")) / name
    if not folder.is_dir():
        pytest.skip("KRUISPUNT_ORACLES names no folder with this data")
    return folder, json.loads((folder / "reference.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def panel():
    return kp.Panel(stored("did")["data"], person="person", period="year", unit="year")


@pytest.fixture(scope="module")
def sections():
    keep = stored("cross_sections")["keep"]
    data = {name: np.asarray(own)[keep] for name, own in stored("did")["data"].items()}
    data["row"] = np.arange(len(keep))
    return kp.Panel(data, person="row", period="year", unit="year")


def rows(effects):
    """Give estimate and standard error by cohort and period."""
    table = effects.tidy()
    names = ("cohort", "period", "estimate", "std_error", "status")
    return {
        (int(cohort), int(period)): (float(estimate), float(error))
        for cohort, period, estimate, error, status in zip(
            *(table[name] for name in names), strict=True
        )
        if status in ("estimated", "no standard error") and cohort is not None
    }


# csdid stops its logit early: cells that weigh by it agree less closely
TOLERANCE = {"reg": 1e-9, "ipw": 1e-5, "dr": 1e-5}


@pytest.mark.parametrize("case", stored("cross_sections", "covariates")["cases"])
def test_cross_sections_given_covariates_equal_csdid(sections, case):
    peer = stored("cross_sections", "covariates")["cases"][case]
    nuisance, control, weights = case.split()
    effects = kp.did(
        sections, "y", cohort="first", covariates=["x1", "x2"], gaps="cross_sections",
        nuisance=nuisance, controls={"nevertreated": "never", "notyettreated": "not_yet"}[control],
        weights=None if weights == "None" else weights,
    )  # fmt: skip
    own, close = rows(effects), TOLERANCE[nuisance]
    assert len(own) == len(peer["cohort"])
    for at, key in enumerate(zip(peer["cohort"], peer["period"], strict=True)):
        both = [peer["estimate"][at], peer["std_error"][at]]
        np.testing.assert_allclose(own[key], both, rtol=close, atol=close, err_msg=str(key))
    for by in ("simple", "event", "group", "calendar"):
        mean = effects.aggregate(by)
        found = [mean.estimates[-1], mean.std_errors[-1]]
        np.testing.assert_allclose(found, peer[by], rtol=close, atol=close, err_msg=by)


def test_one_cross_section_after_another_equals_drdid():
    """R's DRDID 1.0.6 on its simulated cross-sections: all four estimators."""
    pandas = pytest.importorskip("pandas")
    folder, expected = reference("nsw_long")
    data = pandas.read_csv(folder / "sim_rc.csv")
    data["year"] = data["post"].astype(int) + 2000
    data["first"] = np.where(data["d"] == 1, 2001, 0)
    names = ["x1", "x2", "x3", "x4"]
    panel = kp.Panel(data, person="id", period="year", unit="year")
    peer = expected["DRDID_repeated_cs_sim_rc"]
    cases = {"dr": "drdid_trad", "dr_imp": "drdid_imp", "reg": "reg", "ipw": "ipw_normalized_TRUE"}
    for nuisance, name in cases.items():
        effects = kp.did(
            panel, "y", cohort="first", covariates=names, nuisance=nuisance, gaps="cross_sections"
        )
        at = list(effects.tidy()["phase"]).index("after")
        n = effects.n_obs  # R divides by one row less
        own = [effects.estimates[at], effects.std_errors[at] * np.sqrt(n / (n - 1))]
        np.testing.assert_allclose(own[0], peer[name][0], rtol=2e-6, err_msg=name)
        # errors given both models: what weights of single rows do to the estimate (infinitesimal
        # jackknife) gives .20265934, as here and in csdid; DRDID 1.0.6 prints .20089917
        error = 0.20265934 if nuisance == "dr" else peer[name][1]
        np.testing.assert_allclose(own[1], error, rtol=2e-6, err_msg=name)


def test_rows_as_units_equal_r_on_mpdta():
    """R's did with `panel=FALSE` and a covariate: every cell and mean."""
    pandas = pytest.importorskip("pandas")
    folder, expected = reference("mpdta")
    data = pandas.read_csv(folder / "mpdta.csv")
    data = data.assign(row=np.arange(len(data)), first=data["first.treat"].astype(int))
    panel = kp.Panel(data, person="row", period="year", unit="year")
    effects = kp.did(
        panel, "lemp", cohort="first", controls="never", covariates="lpop", gaps="cross_sections"
    )
    peer, own = expected["did"]["cov_rc_unbalanced"], rows(effects)
    for group, year, att, se in zip(peer["group"], peer["t"], peer["att"], peer["se"], strict=True):
        assert own[group, year][0] == pytest.approx(att, rel=1e-5, abs=1e-7)
        # DRDID 1.0.6 leaves a part of the models' estimation out of the error
        assert own[group, year][1] == pytest.approx(se, rel=2e-3)
    for by, name in (("event", "dynamic"), ("calendar", "calendar"), ("simple", "simple")):
        mean = effects.aggregate(by)
        assert mean.estimates[-1] == pytest.approx(peer[name]["overall"], rel=1e-5, abs=1e-7)
        assert mean.std_errors[-1] == pytest.approx(peer[name]["overall_se"], rel=2e-3)


def test_cells_without_both_periods_have_a_reason(sections):
    data = {name: np.asarray(sections[name]) for name in ("first", "y", "x1")}
    table = stored("did")["data"]
    keep = stored("cross_sections")["keep"]
    year = np.asarray(table["year"])[keep]
    there = ~((data["first"] == 2013) & (year == 2012))
    panel = kp.Panel(
        {"row": np.arange(there.sum()), "year": year[there]}
        | {name: own[there] for name, own in data.items()},
        person="row", period="year", unit="year",
    )  # fmt: skip
    effects = kp.did(panel, "y", cohort="first", covariates="x1", gaps="cross_sections")
    table = effects.tidy()
    lost = [
        reason
        for cohort, phase, reason in zip(
            table["cohort"], table["phase"], table["reason"], strict=True
        )
        if int(cohort) == 2013 and phase == "after"
    ]
    assert lost == ["no unit of the cohort is seen in both periods"] * len(lost)
    assert len(lost) == 4


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cluster": "town"},
        {"covariates": ["x1", "x2"]},
        {"method": "imputation"},
        {"method": "etwfe"},
        {"method": "lpdid"},
        {"multiplier": "mammen"},
        {"covariates": "x1", "gaps": "cross_sections"},
    ],
)
def test_multiplier_draws_have_the_covariance_of_the_effects(panel, options):
    effects = kp.did(panel, "y", cohort="first", errors="multiplier", draws=4000, **options)
    event = effects if effects.by == "event" else effects.aggregate("event")
    draws = event.draws()
    assert draws.shape == (4000, len(event))
    known = event.std_errors > 0
    spread = draws[:, known].std(axis=0)
    np.testing.assert_allclose(spread, event.std_errors[known], rtol=0.06)
    apart = np.corrcoef(draws[:, known].T) - _correlation(event.vcov()[np.ix_(known, known)])
    assert np.abs(apart).max() < 0.08
    assert abs(draws[:, known].mean(axis=0) / event.std_errors[known]).max() < 0.06
    # the band is the quantile of the largest |t| over the path, seen by hand
    path = known & np.array([e is not None and e == e for e in event.tidy()["event"]])
    largest = np.abs(draws[:, path] / event.std_errors[path]).max(axis=1)
    half = event.bands("sup-t")[path, 1] - event.estimates[path]
    reach = np.sort(largest)[int(np.ceil(0.95 * len(largest))) - 1]
    np.testing.assert_allclose(half / event.std_errors[path], reach, rtol=1e-9)


def _correlation(vcov):
    error = np.sqrt(np.diag(vcov))
    return vcov / np.outer(error, error)


def test_multiplier_bootstrap_is_the_same_on_each_run_and_pickles(panel):
    one, two = (
        kp.did(panel, "y", cohort="first", errors="multiplier", seed=7).aggregate("event")
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.draws(), two.draws())
    assert one.draws().shape[0] == 999
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).draws(), one.draws())
    assert kp.did(panel, "y", cohort="first").draws() is None
    # R's convention takes the errors from the draws, too
    parity = kp.did(panel, "y", cohort="first", errors="multiplier", draws=3000, parity="did")
    table = parity.aggregate("simple").tidy()
    own = float(np.asarray(table["std_error"], dtype=float)[0])
    draws = parity.aggregate("simple").draws()[:, 0]
    high, low = (np.quantile(draws, q, method="inverted_cdf") for q in (0.75, 0.25))
    assert own == pytest.approx((high - low) / (2 * 0.6744897501960817), rel=1e-9)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"method": "twfe", "errors": "multiplier"}, "errors"),
        ({"method": "dcdh", "errors": "multiplier"}, "not drawn"),
        ({"errors": "multiplier", "draws": 20}, "at least 100"),
        ({"errors": "multiplier", "draws": 0}, "at least 100"),
        ({"errors": "multiplier", "multiplier": "coin"}, "none of"),
        ({"multiplier": "mammen"}, "multiplier"),
        ({"draws": 500}, "not drawn"),
        ({"premean": 2}, "local projections"),
        ({"fixed_sample": True}, "local projections"),
        ({"method": "lpdid", "premean": 0}, "at least one period"),
        ({"method": "lpdid", "premean": "some"}, "premean"),
    ],
)
def test_choices_that_make_no_sense_are_refused(panel, options, match):
    with pytest.raises(InputError, match=match):
        kp.did(panel, "y", cohort="first", **options)


LOCAL = {
    "plain": {},
    "premean_2": {"premean": 2},
    "premean_all": {"premean": "all"},
    "fixed": {"fixed_sample": True},
    "fixed_premean_2": {"fixed_sample": True, "premean": 2},
    "reweighted": {"method": "lpdid_rw"},
    "reweighted_premean_2": {"method": "lpdid_rw", "premean": 2},
    "never": {"controls": "never"},
}


@pytest.mark.parametrize("case", LOCAL)
def test_local_projections_equal_diff_diff(panel, case):
    peer = stored("local_projections")["cases"][case]
    options = {"method": "lpdid"} | LOCAL[case]
    effects = kp.did(panel, "y", cohort="first", window=(3, 1), **options)
    table = effects.tidy()
    at = {int(e): i for i, e in enumerate(table["event"]) if e is not None and e == e}
    for name, (estimate, error) in peer["events"].items():
        own = at[int(name)]
        assert effects.estimates[own] == pytest.approx(estimate, abs=1e-9), name
        # the peer counts rows of periods without entry in its small-sample correction
        assert effects.std_errors[own] == pytest.approx(error, rel=0.02), name
    assert list(table["phase"])[-1] == "overall"
    assert "periods 0 to 1" in effects.estimand
    assert effects.estimates[-1] == pytest.approx(peer["pooled"][0], abs=1e-9)
    assert effects.std_errors[-1] == pytest.approx(peer["pooled"][1], rel=0.02)


@pytest.fixture(scope="module")
def he_and_wang():
    own = stored("pretrends")
    return kp.event_study(own["events"], own["beta"], own["sigma"]), own


def test_power_equals_pretrends(he_and_wang):
    """R's and Stata's pretrends on He and Wang (2017): what their READMEs print."""
    event, own = he_and_wang
    r, stata = own["r"], own["stata"]
    slope = r["slope_50"]
    linear = event.power(slope)
    # the two packages differ by 1.5e-4 of it
    assert linear["slope_50"] == pytest.approx(stata["slope_50"], rel=2e-4)
    assert linear["power"] == pytest.approx(0.5, abs=2e-4)
    assert linear["bayes_factor"] == pytest.approx(r["linear"]["bayes_factor"], abs=2e-4)
    assert linear["likelihood_ratio"] == pytest.approx(r["linear"]["likelihood_ratio"], abs=2e-6)
    rows = [e for e in linear["expected"] if not np.isnan(e)]
    np.testing.assert_allclose(rows, r["expected"], atol=1e-4)
    since = np.array([-3, -2, -1, 0, 1, 2, 3, 4])
    quadratic = event.power(0.024 * since**2)
    for name, value in stata["quadratic"].items():
        assert quadratic[name] == pytest.approx(value, abs=2e-4), name
    assert 0 < linear["slope_50"] < linear["slope_80"]


def test_estimates_from_elsewhere_take_bounds_bands_and_plots(panel, he_and_wang):
    event = kp.did(panel, "y", cohort="first", base="universal").aggregate("event")
    table = event.tidy()
    known = [
        i
        for i, (e, status) in enumerate(zip(table["event"], table["status"], strict=True))
        if e is not None and e == e and status == "estimated"
    ]
    order = known[::-1]
    again = kp.event_study(
        [int(table["event"][i]) for i in order],
        event.estimates[order],
        event.vcov()[np.ix_(order, order)],
    )
    for kind, m in (("rm", [0.5, 1.0]), ("smoothness", [0.0, 0.1])):
        one, two = (
            np.asarray(own.honest(kind, m)["conf_low"], dtype=float) for own in (event, again)
        )
        np.testing.assert_allclose(one, two, rtol=1e-9)
    assert again.power()["slope_80"] == pytest.approx(event.power()["slope_80"], rel=1e-9)
    assert again.pretest()["statistic"] == pytest.approx(event.pretest()["statistic"], rel=1e-9)
    own = he_and_wang[0]
    assert "given" in repr(own)
    assert "<table>" in own._repr_html_()
    pickle.loads(pickle.dumps(own))
    pytest.importorskip("matplotlib")
    assert own.plot().get_xlabel() == "years since treatment"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"events": [0, 0]}, "different event times"),
        ({"events": [-1, 0]}, "reference"),
        ({"events": [0.5, 1]}, "whole numbers"),
        ({"estimates": [1.0]}, "one finite number"),
        ({"estimates": [1.0, np.nan]}, "one finite number"),
        ({"vcov": [[1.0, 2.0], [2.0, 1.0]]}, "covariance"),
        ({"vcov": [[1.0, 0.1], [0.2, 1.0]]}, "covariance"),
        ({"vcov": [[0.0, 0.0], [0.0, 1.0]]}, "covariance"),
        ({"vcov": [[1.0]]}, "covariance"),
        ({"unit": "week"}, "none of"),
    ],
)
def test_estimates_that_are_none_are_refused(change, match):
    own = {"events": [-2, 0], "estimates": [0.1, 0.2], "vcov": np.eye(2).tolist()} | change
    with pytest.raises(InputError, match=match):
        kp.event_study(own.pop("events"), own.pop("estimates"), own.pop("vcov"), **own)


def test_a_trend_has_one_number_a_row(he_and_wang):
    with pytest.raises(InputError, match="one finite number a row"):
        he_and_wang[0].power([0.1, 0.2])


# R's did 2.5.1 on mpdta without covariates, as csdid's tests store it (`ref_gaps.csv`):
# cohort, period, estimate, standard error
UNIVERSAL = """
2004 2004 -0.0105032462209624 0.0232510363681663
2004 2005 -0.0704231581031467 0.0309847667572767
2004 2006 -0.137258738889403 0.0364356642876865
2004 2007 -0.100811363085404 0.0343592258346732
2006 2003 -0.0037692936737142 0.0313420276018159
2006 2004 0.00275081875051881 0.0195585610358817
2006 2006 -0.00459460695286304 0.0177551966592763
2006 2007 -0.0412244715462174 0.0202291807041068
2007 2003 0.00330635669251235 0.0244518729439318
2007 2004 0.0338130122758051 0.0211291749243127
2007 2005 0.0310871193896889 0.0178775113133435
2007 2007 -0.0260544107191966 0.0166554353492522
"""
ANTICIPATION = """
2006 2004 0.006520112424233 0.0233268051418047
2006 2005 -0.00275081875051881 0.0195585610358817
2006 2006 -0.00734542570338184 0.022942862267559
2006 2007 -0.0439752902967363 0.0265787670169677
2007 2004 0.0305066555832928 0.01503356028013
2007 2005 -0.00272589288611625 0.0163958328955344
2007 2006 -0.0310871193896889 0.0178775113133435
2007 2007 -0.0571415301088855 0.020210163218686
"""
SECTIONS = """
2004 2004 -0.01050324622096 0.47582945030214
2004 2007 -0.100811363085402 0.478954513830165
2006 2004 0.00652011242423534 0.304105163449574
2006 2007 -0.041224471546216 0.312469760364997
2007 2004 0.0305066555832951 0.221894496894749
2007 2007 -0.0260544107191967 0.223221502794244
"""


@pytest.mark.parametrize(
    ("printed", "person", "options"),
    [
        (UNIVERSAL, "countyreal", {"base": "universal"}),
        (ANTICIPATION, "countyreal", {"anticipation": 1}),
        (SECTIONS, "row", {"gaps": "cross_sections"}),
    ],
)
def test_printed_cells_of_r_on_mpdta(printed, person, options):
    pandas = pytest.importorskip("pandas")
    folder, _ = reference("mpdta")
    data = pandas.read_csv(folder / "mpdta.csv")
    data = data.assign(row=np.arange(len(data)), first=data["first.treat"].astype(int))
    panel = kp.Panel(data, person=person, period="year", unit="year")
    own = rows(kp.did(panel, "lemp", cohort="first", controls="never", **options))
    for line in printed.strip().splitlines():
        group, year, att, se = line.split()
        np.testing.assert_allclose(own[int(group), int(year)], [float(att), float(se)], rtol=1e-9)


def test_weights_equal_the_peers_on_castle():
    """R's did and did2s, weighted by population."""
    pandas = pytest.importorskip("pandas")
    folder, expected = reference("castle")
    data = pandas.read_parquet(folder / "castle_full.parquet")
    data["first"] = data["effyear"].fillna(0)
    panel = kp.Panel(data, person="sid", period="year", unit="year")
    options = {"cohort": "first", "weights": "popwt"}
    own = kp.did(panel, "l_homicide", controls="never", **options).aggregate("simple")
    att, se = expected["did_full"]["weighted_simple"]
    assert own.estimates[0] == pytest.approx(att, rel=1e-9)
    # did 2.1.2 takes weighted shares as known in a part of this error
    assert own.std_errors[0] == pytest.approx(se, rel=1e-4)
    own = kp.did(panel, "l_homicide", method="did2s", **options).aggregate("simple")
    peer = expected["did2s_full"]["static_weighted"]
    both = [own.estimates[0], own.std_errors[0]]
    np.testing.assert_allclose(both, [peer["coef"][0], peer["se"][0]], rtol=1e-6)


def test_a_unit_seen_twice_in_a_period_is_refused():
    data = {"person": [1, 1, 2, 2], "year": [2011, 2011, 2011, 2012], "y": [1.0, 2.0, 3.0, 4.0]}
    with pytest.raises(InputError, match="rows 0 and 1"):
        kp.Panel(data, person="person", period="year", unit="year")
