"""Difference-in-differences through the Python door."""

from __future__ import annotations

import json
import os
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, EstimationError, InputError

pytestmark = pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")

ORACLE = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/did/expected.json"


@pytest.fixture(scope="module")
def oracle():
    return json.loads(ORACLE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def panel(oracle):
    return kp.Panel(oracle["data"], person="person", period="year", unit="year")


def test_equals_csdid(panel, oracle):
    expected = oracle["cases"]["dr_never"]
    effects = kp.did(panel, "y", cohort="first", controls="never", covariates=["x1", "x2"])
    np.testing.assert_allclose(effects.estimates, expected["att"], atol=1e-6)
    np.testing.assert_allclose(effects.std_errors, expected["se"], atol=1e-6)
    event = effects.aggregate("event")
    np.testing.assert_allclose(event.estimates[:-1], expected["dynamic"]["att"], atol=1e-6)
    np.testing.assert_allclose(event.estimates[-1], expected["dynamic"]["overall"], atol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(event.vcov())), event.std_errors, rtol=1e-12)


def test_says_what_it_estimates(panel):
    effects = kp.did(panel, "y", cohort="first", cluster="town")
    assert effects.identified_share == 1.0
    assert "not yet treated" in effects.comparison
    assert effects.clusters == {"town": 15}
    assert "few_clusters" in effects.cautions
    text = repr(effects.aggregate("event"))
    assert "plain mean over event times" in text
    assert "15 clusters (town)" in text
    assert "<table>" in effects._repr_html_()
    assert effects.account.steps[-1].verb == "did"


def test_warns_by_name(panel):
    with warnings.catch_warnings(), pytest.warns(DesignWarning, match="few_clusters"):
        kp.did(panel, "y", cohort="first", cluster="town")


def test_bands_hold_the_path(panel):
    event = kp.did(panel, "y", cohort="first").aggregate("event")
    point, path = event.bands("pointwise"), event.bands("sup-t", seed=3)
    assert np.all(path[:, 0] < point[:, 0])
    assert np.all(path[:, 1] > point[:, 1])
    np.testing.assert_array_equal(path, event.bands("sup-t", seed=3))
    table = event.tidy(bands="sup-t", seed=3)
    np.testing.assert_allclose(np.asarray(table["band_low"], dtype=float), path[:, 0])


def test_frames_come_back_in_the_callers_kind(oracle):
    pandas = pytest.importorskip("pandas")
    panel = kp.Panel(pandas.DataFrame(oracle["data"]), person="person", period="year", unit="year")
    table = kp.did(panel, "y", cohort="first").tidy()
    assert isinstance(table, pandas.DataFrame)
    assert list(table["phase"].unique()) == ["before", "after"]


def test_pickles(panel):
    effects = kp.did(panel, "y", cohort="first")
    again = pickle.loads(pickle.dumps(effects))
    np.testing.assert_array_equal(again.vcov(), effects.vcov())
    assert again.aggregate("group").by == "group"


def test_window_and_balance(panel):
    effects = kp.did(panel, "y", cohort="first")
    event = effects.aggregate("event", window=(-1, 1))
    assert list(event.tidy()["event"])[:-1] == [-1, 0, 1]
    balanced = effects.aggregate("event", balance=1)
    assert max(e for e in balanced.tidy()["event"] if e is not None) == 1
    with pytest.raises(InputError, match="window"):
        effects.aggregate("event", window=(40, 50))
    with pytest.raises(InputError, match="by event"):
        event.aggregate("group")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"outcome": "pay"}, 'no column "pay"'),
        ({"cohort": "x1"}, "first period of treatment"),
        ({"controls": "all"}, '"all" is none of'),
        ({"method": "magic"}, '"magic" is none of'),
        ({"anticipation": -1}, "anticipation"),
        ({"covariates": [1]}, "names of columns"),
        ({"weights": "x1"}, "not above 0"),
    ],
)
def test_bad_arguments_are_named(panel, change, match):
    arguments = {"outcome": "y", "cohort": "first"} | change
    with pytest.raises(InputError, match=match):
        kp.did(panel, **arguments)


def test_a_table_is_no_panel(oracle):
    with pytest.raises(InputError, match=r"kp\.Panel"):
        kp.did(oracle["data"], "y", cohort="first")


def test_nothing_estimable_says_why(oracle):
    data = oracle["data"] | {"first": [2013] * len(oracle["data"]["first"])}
    panel = kp.Panel(data, person="person", period="year", unit="year")
    with pytest.raises(EstimationError, match="still untreated"):
        kp.did(panel, "y", cohort="first")


def test_plots(panel):
    pytest.importorskip("matplotlib")
    effects = kp.did(panel, "y", cohort="first")
    axes = effects.plot(truth={0: 0.2, 1: 0.4}, marks={"reform": 0.5})
    assert axes.get_xlabel() == "years since treatment"
    assert effects.aggregate("group").plot().get_xlabel() == "cohort"
    assert effects.aggregate("calendar").plot().get_xlabel() == "year"
    other = kp.did(panel, "y", cohort="first", controls="never")
    assert kp.plot_effects({"not yet": effects, "never": other}) is not None
    with pytest.raises(InputError, match="one kind"):
        kp.plot_effects([effects.aggregate("group"), other])


METHODS = ("cs", "sa", "imputation", "did2s", "lpdid", "lpdid_rw", "stacked", "etwfe", "twfe")


@pytest.mark.parametrize("method", METHODS)
def test_each_method_gives_an_event_study(panel, method):
    effects = kp.did(panel, "y", cohort="first", method=method)
    event = effects if effects.by == "event" else effects.aggregate("event")
    table = event.tidy()
    at = list(table["event"]).index(0)
    assert abs(event.estimates[at] - 0.2) < 0.35
    assert event.std_errors[at] > 0
    assert pickle.loads(pickle.dumps(event)).method == effects.method
    again = kp.did(panel, "y", cohort="first", method=method)
    np.testing.assert_array_equal(again.vcov(), effects.vcov())


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"method": "sa", "controls": "not_yet"}, "never treated"),
        ({"method": "imputation", "controls": "never"}, "every outcome before treatment"),
        ({"method": "sa", "covariates": "x1"}, "take.* covariates"),
        ({"method": "etwfe", "base": "universal"}, "base period"),
        ({"method": "twfe", "gaps": "cross_sections"}, "follows units"),
    ],
)
def test_what_a_method_has_no_use_for_is_refused(panel, options, match):
    with pytest.raises(InputError, match=match):
        kp.did(panel, "y", cohort="first", **options)


def test_estimators_side_by_side(panel):
    both = kp.compare_did(panel, "y", cohort="first", methods=["twfe", "cs", "imputation"])
    assert list(both) == ["twfe", "cs", "imputation"]
    table = both.tidy()
    assert set(table["method"]) == set(both)
    assert "overall" in repr(both)
    never = kp.compare_did(panel, "y", cohort="first", methods=["cs", "did2s"], controls="never")
    assert list(never) == ["cs"]
    assert "every outcome" in never.refused["did2s"]
    pytest.importorskip("matplotlib")
    assert len(both.plot().get_legend().get_texts()) == 3


def test_two_way_is_taken_apart(panel):
    parts = kp.bacon(panel, "y", cohort="first")
    weight, estimate = (np.asarray(parts[name], dtype=float) for name in ("weight", "estimate"))
    overall = kp.did(panel, "y", cohort="first", method="twfe").estimates[-1]
    assert weight.sum() == pytest.approx(1)
    assert weight @ estimate == pytest.approx(overall)
    weights = kp.twfe_weights(panel, "y", cohort="first")
    assert np.asarray(weights["weight"], dtype=float).sum() == pytest.approx(1)


def reference(name):
    """Give a folder of data that may not be redistributed; skip where it is not at hand."""
    folder = Path(os.environ.get("KRUISPUNT_ORACLES", "/nowhere")) / name
    if not folder.is_dir():
        pytest.skip("KRUISPUNT_ORACLES names no folder with this data")
    return folder, json.loads((folder / "reference.json").read_text(encoding="utf-8"))


def overall(effects):
    simple = effects.aggregate("simple")
    return simple.estimates[0], simple.std_errors[0]


def test_two_stage_equals_did2s():
    pandas = pytest.importorskip("pandas")
    folder, expected = reference("did2s_hom")
    data = pandas.read_parquet(folder / "df_hom.parquet")
    panel = kp.Panel(data, person="unit", period="year", unit="year")
    own = overall(kp.did(panel, "dep_var", cohort="g", method="did2s", cluster="state"))
    static = expected["did2s"]["static_unit_fe_cl_state"]
    np.testing.assert_allclose(own, [static["coef"][0], static["se"][0]], rtol=1e-7)
    own = overall(kp.did(panel, "dep_var", cohort="g", method="imputation", cluster="state"))
    peer = expected["didimputation_overall_cl_state"]
    np.testing.assert_allclose(own, [peer["estimate"], peer["std.error"]], rtol=1e-6)


def test_local_projections_equal_their_definition():
    pandas = pytest.importorskip("pandas")
    folder, expected = reference("lpdid_test")
    data = pandas.read_parquet(folder / "lpdidtestdata1.parquet")
    data["year"] = data["time"].astype(int) + 1900
    panel = kp.Panel(data, person="unit", period="year", unit="year")
    effects = kp.did(panel, "Y", cohort="treat", method="lpdid")
    events = list(effects.tidy()["event"])
    for name, peer in expected["lpdid_by_definition"].items():
        if not isinstance(peer, dict):
            continue
        event = int(name[1:]) if name.startswith("h") else -int(name[3:])
        at = events.index(event)
        np.testing.assert_allclose(effects.estimates[at], peer["coef"], rtol=1e-9, err_msg=name)
        # the peer counts rows of periods without entry in its small-sample correction
        np.testing.assert_allclose(effects.std_errors[at], peer["se"], rtol=2e-3, err_msg=name)


def test_weights_equal_the_peers():
    pandas = pytest.importorskip("pandas")
    folder, expected = reference("castle")
    data = pandas.read_parquet(folder / "castle_full.parquet")
    data["first"] = data["effyear"].fillna(0)
    panel = kp.Panel(data, person="sid", period="year", unit="year")
    for weights, name in ((None, "unweighted_simple"),):
        own = kp.did(panel, "l_homicide", cohort="first", controls="never", weights=weights)
        np.testing.assert_allclose(overall(own), expected["did_full"][name], rtol=1e-9)
    own = kp.did(panel, "l_homicide", cohort="first", method="did2s")
    peer = expected["did2s_full"]["static_unweighted"]
    np.testing.assert_allclose(overall(own), [peer["coef"][0], peer["se"][0]], rtol=1e-6)


def test_honest_intervals_and_power(panel):
    event = kp.did(panel, "y", cohort="first", base="universal").aggregate("event")
    table = event.honest("smoothness", [0.0, 0.05, 0.1])
    low, high = (np.asarray(table[name], dtype=float) for name in ("conf_low", "conf_high"))
    assert np.all(np.diff(high - low) > 0)
    at = list(event.tidy()["event"]).index(0)
    assert low[-1] < event.estimates[at] < high[-1]
    relative = event.honest("rm", m=[0.0, 0.5, 1.0])
    first, last = (np.asarray(relative[name], dtype=float) for name in ("conf_low", "conf_high"))
    assert np.all(np.diff(last - first) > 0)
    usual = 1.96 * event.std_errors[at]
    np.testing.assert_allclose(
        [first[0], last[0]], event.estimates[at] + usual * np.r_[-1, 1], atol=0.1 * usual
    )
    with pytest.raises(InputError, match="none of"):
        event.honest("wild", m=1.0)
    power = event.power()
    assert 0 < power["slope_50"] < power["slope_80"]
    with pytest.warns(DesignWarning, match="pretest_without_power"):
        _weak(panel)
    with pytest.raises(InputError, match="universal"):
        kp.did(panel, "y", cohort="first").aggregate("event").power()


def test_the_smoothness_restriction_has_three_tests(panel):
    event = kp.did(panel, "y", cohort="first", base="universal").aggregate("event")

    def bounds(kind, m, **options):
        table = event.honest(kind, m, **options)
        return [np.asarray(table[name], dtype=float) for name in ("conf_low", "conf_high")]

    usual, same = bounds("smoothness", [0.0, 0.1]), bounds("smoothness", [0.0, 0.1], test="flci")
    np.testing.assert_array_equal(usual, same)
    for test in ("c-lf", "c-f"):
        low, high = bounds("smoothness", [0.0, 0.1], test=test)
        assert np.all(np.diff(high - low) > 0)
        assert np.all(low < usual[1])
        assert np.all(usual[0] < high)
    # what the conditional test keeps lies within the interval of its first stage
    wide = bounds("smoothness", [0.0, 0.1], level=0.995)
    narrow = bounds("smoothness", [0.0, 0.1], test="c-f")
    assert np.all(wide[0] <= narrow[0] + 1e-9)
    assert np.all(narrow[1] <= wide[1] + 1e-9)
    low, high = bounds("smoothness_rm", [0.0, 0.5, 1.0])
    assert np.all(np.diff(high - low) > 0)
    with pytest.raises(InputError, match='"c-lf", the only one'):
        event.honest("rm", m=1.0, test="flci")
    with pytest.raises(InputError, match="none of"):
        event.honest("smoothness", m=1.0, test="f")


def _weak(panel):
    noise = np.random.default_rng(1).normal(size=len(panel))
    flat = panel.with_column("noise", noise)
    return kp.did(flat, "noise", cohort="first", base="universal").aggregate("event").power()


SYNTHETIC = ORACLE.parents[1] / "synthetic" / "expected.json"


@pytest.fixture(scope="module")
def california():
    case = json.loads(SYNTHETIC.read_text(encoding="utf-8"))["california"]
    units, periods = len(case["first"]), len(case["periods"])
    data = {
        "state": np.repeat(np.arange(units), periods),
        "year": np.tile(case["periods"], units),
        "first": np.repeat(case["first"], periods),
        "packs": np.ravel(case["y"]),
    }
    return kp.Panel(data, person="state", period="year", unit="year"), case["r"]


def test_synthetic_equals_r(california):
    panel, r = california
    for method, name in (("synthetic", "synthdid"), ("sc", "sc")):
        options = {"cohort": "first", "method": method, "draws": 2}
        own = kp.did(panel, "packs", parity="synthdid", **options)
        assert overall(own)[0] == pytest.approx(r[name], abs=1e-9)
        assert "never treated units, weighted" in own.comparison
    exact = kp.did(panel, "packs", cohort="first", method="synthetic")
    assert overall(exact)[0] == pytest.approx(r["synthdid"], abs=2e-3)
    assert 7 < overall(exact)[1] < 11  # 8.4 in the paper
    assert list(exact.aggregate("event").tidy()["event"])[:-1] == list(range(12))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"method": "synthetic", "errors": "jackknife"}, "two treated units"),
        ({"method": "synthetic", "errors": "wild"}, "none of"),
        ({"method": "synthetic", "controls": "not_yet"}, "never treated units are weighted"),
        ({"method": "sc", "covariates": "packs"}, "`covariates` cannot be used"),
        ({"method": "sc", "gaps": "cross_sections"}, "followed over time"),
        ({"method": "synthetic", "draws": 1}, "at least 2 draws"),
        ({"method": "cs", "errors": "bootstrap"}, "not drawn"),
        ({"method": "synthetic", "parity": "did"}, "none of"),
    ],
)
def test_what_synthetic_cannot_do_is_refused(california, options, match):
    with pytest.raises(InputError, match=match):
        kp.did(california[0], "packs", cohort="first", **options)


SWITCHING = ORACLE.parents[1] / "switching" / "expected.json"


def test_switching_equals_the_authors_port_on_wages():
    """Union membership of 545 men: the numbers of the authors' Python port, to all digits."""
    wage_panel = pytest.importorskip("linearmodels.datasets.wage_panel")
    expected = json.loads(SWITCHING.read_text(encoding="utf-8"))
    panel = kp.Panel(wage_panel.load(), person="nr", period="year", unit="year")
    for name, normalized in (("wagepan", False), ("wagepan_normalized", True)):
        own = kp.did(
            panel, "lwage", treatment="union", method="dcdh", window=(2, 4), normalized=normalized
        )
        table = own.tidy()
        events = np.asarray(table["event"], dtype=float)
        order = [*np.flatnonzero(events >= 0), len(own) - 1, *np.flatnonzero(events < -1)[::-1]]
        np.testing.assert_allclose(own.estimates[order], expected[name]["estimate"], atol=1e-10)
        np.testing.assert_allclose(own.std_errors[order], expected[name]["se"], atol=1e-10)
        assert "not left it" in own.comparison
    assert own.pretest()["df"] == 2
    assert "cohort" not in own.tidy() or own.by == "event"
    assert len(own.honest("rm", m=[0.5, 1])) == 2


def test_first_doses_of_which_no_two_are_equal_need_a_trend():
    expected = json.loads(SWITCHING.read_text(encoding="utf-8"))
    panel = kp.Panel(expected["data"], person="unit", period="year", unit="year")
    for degree, name in ((1, "doses_trend"), (2, "doses_trend_2")):
        own = kp.did(panel, "y", treatment="dose", method="dcdh", window=(2, 3), continuous=degree)
        peers = expected[name]["estimate"]
        np.testing.assert_allclose(own.estimates[3:7], peers[:4], atol=1e-10)
        assert own.estimates[-1] == pytest.approx(peers[4], abs=1e-10)
        assert "trend by first treatment" in own.comparison


def test_a_treatment_that_stays_is_a_change_too(panel):
    """From `cohort`, side by side with the others: the event study against the not yet treated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DesignWarning)
        both = kp.compare_did(panel, "y", cohort="first", methods=["cs", "dcdh"])
        falls = kp.did(panel, "y", cohort="first", method="dcdh", window=(1, 1), gaps="balanced")
    assert list(both) == ["cs", "dcdh"]
    cohorts = both["cs"].aggregate("event").tidy()
    changes = both["dcdh"].tidy()
    at = {int(e): v for e, v in zip(cohorts["event"], cohorts["estimate"], strict=True) if e == e}
    for event, value in zip(changes["event"], changes["estimate"], strict=True):
        if event == event and event >= 0:
            assert value == pytest.approx(at[int(event)], abs=1e-9)
    assert falls.estimates.size == 5
    with pytest.raises(EstimationError, match="first falls"):
        kp.did(panel, "y", cohort="first", method="dcdh", switchers="out")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"method": "dcdh", "cohort": "first", "treatment": "x2"}, "got both"),
        ({"method": "dcdh"}, "`cohort` or `treatment`"),
        ({"method": "cs", "treatment": "x2"}, "`treatment` cannot be used"),
        ({"method": "cs"}, "`cohort`: method"),
        ({"method": "dcdh", "treatment": "x2", "covariates": "x1"}, "same first treatment"),
        ({"method": "dcdh", "treatment": "x2", "family": "logit"}, "same first treatment"),
        ({"method": "dcdh", "treatment": "x2", "gaps": "cross_sections"}, "followed over time"),
        ({"method": "dcdh", "treatment": "x2", "draws": 9}, "not drawn"),
        ({"method": "dcdh", "treatment": "x2", "switchers": "up"}, "none of"),
        ({"method": "cs", "cohort": "first", "normalized": True}, "no changes"),
        ({"method": "cs", "cohort": "first", "within": "x2"}, "no changes"),
        ({"method": "dcdh", "treatment": "x2", "continuous": 9}, "degree from 1 to 5"),
        ({"method": "dcdh", "treatment": "x2", "continuous": -1}, "degree from 1 to 5"),
        ({"method": "cs", "cohort": "first", "continuous": 1}, "no changes"),
        ({"method": "dcdh", "treatment": "cure"}, "no column"),
    ],
)
def test_what_switching_cannot_do_is_refused(panel, options, match):
    with pytest.raises(InputError, match=match):
        kp.did(panel, "y", **options)


@pytest.fixture(scope="module")
def arrivals():
    path = ORACLE.parents[1] / "discontinuity" / "expected.json"
    oracle = json.loads(path.read_text(encoding="utf-8"))
    x = np.asarray(oracle["days"]["x"])
    week = np.floor(x / 7).astype(int)
    days = oracle["days"]
    return {"x": x, "y": days["y"], "later": days["later"], "week": week}, oracle["cases"]


def test_jumps_equal_rdrobust(arrivals):
    days, cases = arrivals
    for name, options in (("donut", {"donut": 14}), ("week", {"cluster": "week"}), ("days", {})):
        own = kp.rd_in_time(days, "y", running="x", cutoff=0, **options)
        expected = cases[name]
        assert own.estimate == pytest.approx(expected["robust"], rel=1e-6)
        assert own.std_error == pytest.approx(expected["robust_se"], rel=1e-6)
        assert own.conf_low == pytest.approx(expected["low"], rel=1e-6)
        assert own.account.steps[-1].verb == "rd_in_time"
        assert own.density_p_value == pytest.approx(cases["days_counts"]["p"], rel=1e-6)
    assert own.n_clusters is None
    table = own.tidy()
    assert table["estimate"].tolist() == [own.conventional, own.estimate]
    assert (table["conf_low"][0] + table["conf_high"][0]) / 2 == pytest.approx(own.conventional)
    assert sum(n for _, _, n in own.bins) == own.n_below + own.n_above


def test_effects_of_what_the_cutoff_moves_equal_rdrobust(arrivals):
    days, cases = arrivals
    own = kp.rd_in_time(days, "later", running="x", cutoff=0, treatment="y", cluster="week",
                        bandwidth=(90, 150))  # fmt: skip
    assert own.estimate == pytest.approx(cases["fuzzy_week"]["robust"], rel=1e-6)
    assert own.std_error == pytest.approx(cases["fuzzy_week"]["robust_se"], rel=1e-6)
    assert own.first_stage == pytest.approx(cases["week_given"]["robust"], rel=1e-6)
    assert "Effect of y on later" in repr(own)
    with pytest.warns(DesignWarning, match="weak_first_stage"):
        kp.rd_in_time(days, "later", running="x", cutoff=150, treatment="y")


def test_jumps_by_date_are_those_by_day(arrivals):
    days, _ = arrivals
    own = kp.rd_in_time(days, "y", running="x", cutoff=0, donut=14)
    start = np.datetime64("2015-11-09")
    dated = {"x": start + days["x"].astype(int), "y": days["y"]}
    for cutoff in ("2015-11-09", start, start.astype(object)):
        again = kp.rd_in_time(dated, "y", running="x", cutoff=cutoff, donut=14)
        assert again.estimate == pytest.approx(own.estimate, rel=1e-9)
    assert "2015-11-09" in repr(again)
    assert "days since" in again.plot().get_xlabel()
    back = pickle.loads(pickle.dumps(again))
    assert back == again
    wide = kp.rd_in_time(days, "y", running="x", cutoff=0, bandwidth=(90, 150))
    assert (wide.h, wide.b) == (90, 150)


def test_people_who_choose_their_side_are_told(arrivals):
    days, _ = arrivals
    x = days["x"]
    waited = {"x": np.where((x < 0) & (x >= -25), x + 25, x), "y": days["y"]}
    with pytest.warns(DesignWarning, match="sorting"):
        own = kp.rd_in_time(waited, "y", running="x", cutoff=0)
    assert "chosen their side" in own.cautions["sorting"]
    assert "Caution" in own._repr_html_()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"cutoff": "soon"}, "cutoff"),
        ({"cutoff": None}, "cutoff"),
        ({"cutoff": "2015-11-09"}, "expected a number"),
        ({"cutoff": 0, "donut": -1}, "donut"),
        ({"cutoff": 0, "bandwidth": 0}, "bandwidth"),
        ({"cutoff": 0, "bandwidth": (1, 2, 3)}, "bandwidth"),
        ({"cutoff": 0, "bandwidth": "wide"}, "bandwidth"),
        ({"cutoff": 0, "donut": "two weeks"}, "donut"),
        ({"cutoff": 0, "kernel": "square"}, "none of"),
        ({"cutoff": 0, "level": 2}, "level"),
        ({"cutoff": 0, "cluster": "town"}, "no column"),
    ],
)
def test_jumps_that_make_no_sense_are_refused(arrivals, options, match):
    with pytest.raises(InputError, match=match):
        kp.rd_in_time(arrivals[0], "y", running="x", **options)


def test_jumps_need_values_on_both_sides(arrivals):
    with pytest.raises(
        EstimationError, match=r"too few distinct values .* from it on: 0, at least"
    ):
        kp.rd_in_time(arrivals[0], "y", running="x", cutoff=10_000)
