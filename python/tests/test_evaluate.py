"""Difference-in-differences through the Python door."""

from __future__ import annotations

import json
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
