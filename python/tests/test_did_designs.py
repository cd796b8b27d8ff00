"""Refusals, placebos, parity and further designs through the Python door."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, EstimationError, InputError

pytestmark = pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")

ORACLES = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles"


@pytest.fixture(scope="module")
def panel(data):
    return kp.Panel(data, person="person", period="year", unit="year")


def reference(name):
    """Give a folder of data that may not be redistributed; skip where it is not at hand."""
    folder = Path(os.environ.get("KRUISPUNT_ORACLES", "/nowhere")) / name
    if not folder.is_dir():
        pytest.skip("KRUISPUNT_ORACLES names no folder with this data")
    return folder, json.loads((folder / "reference.json").read_text(encoding="utf-8"))


def test_improved_weights_equal_drdid_on_lalonde():
    pandas = pytest.importorskip("pandas")
    folder, expected = reference("nsw_long")
    long = pandas.read_parquet(folder / "nsw_long.parquet")
    long = long[(long["treated"] == 0) | (long["sample"] == 2)]
    long["year"] = long["year"].astype(int)
    long = long.assign(first=np.where(long["experimental"] == 1, 1978, 0))
    names = ["age", "educ", "black", "married", "nodegree", "hisp", "re74"]
    panel = kp.Panel(long, person="id", period="year", unit="year")
    peer = expected["DRDID_panel_readme_sample"]
    for nuisance, name in (("dr_imp", "drdid_imp"), ("dr", "drdid_trad"), ("reg", "reg")):
        effects = kp.did(panel, "re", cohort="first", covariates=names, nuisance=nuisance)
        at = list(effects.tidy()["phase"]).index("after")
        n = effects.n_units
        own = [effects.estimates[at], effects.std_errors[at] * np.sqrt(n / (n - 1))]
        np.testing.assert_allclose(own, peer[name][:2], rtol=2e-7, err_msg=name)


def careers(selected):
    """Make work states; with `selected`, those in work do not enter training."""
    rng = np.random.default_rng(3)
    n, quarters = 500, 16
    works = np.zeros((n, quarters), dtype=bool)
    works[:, 0] = rng.random(n) < 0.6
    for q in range(1, quarters):
        works[:, q] = rng.random(n) < np.where(works[:, q - 1], 0.8, 0.4)
    start = np.zeros(n, dtype=int)
    for q in range(4, 12):
        may = ~works[:, q - 1] if selected else np.ones(n, dtype=bool)
        enters = (start == 0) & may & (rng.random(n) < 0.1)
        start[enters] = q + 2001
    years = 2001 + np.arange(quarters)
    columns = {
        "person": np.repeat(np.arange(n), quarters),
        "year": np.tile(years, n),
        "training": np.repeat(start, quarters),
        "works": works.ravel(),
    }
    return kp.Panel(columns, person="person", period="year", unit="year")


@pytest.mark.parametrize("method", ["cs", "twfe", "did2s"])
def test_treatment_that_one_state_may_enter_is_refused_unless_forced(method):
    chosen = careers(selected=True)
    with pytest.raises(EstimationError, match=r"depends on .*works") as error:
        kp.did(chosen, "works", cohort="training", method=method)
    assert "dynamic matching" in str(error.value)
    with pytest.warns(DesignWarning, match="eligibility"):
        forced = kp.did(chosen, "works", cohort="training", method=method, force="eligibility")
    assert "eligibility" in forced.cautions
    free = kp.did(careers(selected=False), "works", cohort="training", method=method)
    assert "eligibility" not in free.cautions
    with pytest.raises(InputError, match="force"):
        kp.did(chosen, "works", cohort="training", force="everything")


def test_registers_refuse_the_effect_of_training_on_work():
    """Training starts among job-seekers alone: employment is no outcome for before and after."""
    reg = kp.synth.registers("test", seed=2, imperfections="none")
    cal = kp.Calendar.quarters("2005Q1", "2016Q4")
    states = {name: np.asarray(reg["nomenc"][name]) for name in ("quarter", "pid", "nomenc")}
    latent = {name: np.asarray(reg.truth["latent"][name]) for name in ("pid", "start")}
    start = dict(zip(latent["pid"].tolist(), latent["start"].tolist(), strict=True))
    columns = {
        "pid": states["pid"],
        "quarter": states["quarter"],
        "employed": np.char.startswith(states["nomenc"].astype(str), "1"),
        "training": [start.get(pid) for pid in states["pid"].tolist()],
    }
    panel = kp.Panel(columns, person="pid", period="quarter")
    assert len(cal) == 48
    for method in ("twfe", "cs"):
        with pytest.raises(EstimationError, match="risk sets"):
            kp.did(panel, "employed", cohort="training", method=method)


def test_placebos_are_zero_and_say_so(panel):
    time = kp.did(panel, "y", cohort="first", placebo=1)
    assert time.estimand.startswith("placebo")
    mean = time.aggregate("simple")
    assert abs(mean.estimates[0]) < 3 * mean.std_errors[0]
    rows = to_rows(panel)
    pretend = np.where((rows["first"] == 0) & (rows["person"] % 2 == 0), 2013, 0)
    group = kp.did(panel.with_column("pretend", pretend), "y", cohort="first", placebo="pretend")
    assert group.n_units == len(set(rows["person"][rows["first"] == 0]))
    assert "pretend" in group.estimand
    mean = group.aggregate("simple")
    assert abs(mean.estimates[0]) < 3 * mean.std_errors[0]
    with pytest.raises(InputError, match="placebo"):
        kp.did(panel, "y", cohort="first", placebo=0)
    with pytest.raises(InputError, match="none_such"):
        kp.did(panel, "y", cohort="first", placebo="none_such")


def to_rows(panel):
    return {name: np.asarray(panel[name]) for name in ("person", "first")}


def test_parity_with_other_packages(panel):
    own = kp.did(panel, "y", cohort="first", method="sa")
    fixest = kp.did(panel, "y", cohort="first", method="sa", parity="fixest")
    assert fixest.aggregate("simple").std_errors[0] < own.aggregate("simple").std_errors[0]
    did = kp.did(panel, "y", cohort="first", parity="did").aggregate("event")
    table = did.tidy(draws=5000, seed=4)
    errors = np.asarray(table["std_error"], dtype=float)
    np.testing.assert_allclose(errors, did.std_errors, rtol=0.08)
    assert not np.array_equal(errors, did.std_errors)
    half = (np.asarray(table["band_high"], dtype=float) - did.estimates) / errors
    assert np.ptp(half) < 1e-9
    assert half[0] > 1.96
    bands = did.bands(draws=5000, seed=4)
    np.testing.assert_allclose(bands[:, 1], np.asarray(table["band_high"], dtype=float))
    again = pickle.loads(pickle.dumps(did)).tidy(draws=5000, seed=4)
    np.testing.assert_array_equal(np.asarray(again["std_error"], dtype=float), errors)
    with pytest.raises(InputError, match="parity"):
        kp.did(panel, "y", cohort="first", parity="stata")


def test_a_pretest_says_what_it_could_have_found(panel):
    event = kp.did(panel, "y", cohort="first", base="universal").aggregate("event")
    found = event.pretest()
    assert found["slope_80"] > 0
    assert found["bias_80"] > found["slope_80"]
    noise = np.random.default_rng(1).normal(size=len(panel))
    flat = kp.did(panel.with_column("noise", noise), "noise", cohort="first").aggregate("event")
    with pytest.warns(DesignWarning, match="pretest_without_power"):
        flat.pretest()
    imputed = kp.did(panel, "y", cohort="first", method="imputation").aggregate("event")
    assert np.isnan(imputed.pretest()["slope_80"])


def test_counts_and_shares_equal_diff_diff(data):
    oracle = json.loads((ORACLES / "designs/expected.json").read_text(encoding="utf-8"))
    panel = kp.Panel(
        data | {"count": oracle["count"], "high": oracle["high"]},
        person="person", period="year", unit="year",
    )  # fmt: skip
    for family, outcome in (("poisson", "count"), ("logit", "high")):
        effects = kp.did(panel, outcome, cohort="first", method="etwfe", family=family)
        peer = oracle[family]
        np.testing.assert_allclose(effects.estimates, [own["att"] for own in peer], atol=1e-8)
        np.testing.assert_allclose(effects.std_errors, [own["se"] for own in peer], atol=1e-8)
        assert "parallel in" in effects.comparison
    with pytest.raises(InputError, match=r"row \d+"):
        kp.did(panel, "y", cohort="first", method="etwfe", family="poisson")
    with pytest.raises(InputError, match="family"):
        kp.did(panel, "count", cohort="first", family="poisson")


def test_triple_differences_equal_moderndid(data):
    oracle = json.loads((ORACLES / "designs/expected.json").read_text(encoding="utf-8"))
    panel = kp.Panel(data | {"woman": oracle["woman"]}, person="person", period="year", unit="year")
    for key, options in (
        ("triple_never", {"controls": "never"}),
        ("triple_never_x1", {"controls": "never", "covariates": "x1"}),
        ("triple_notyet", {}),
    ):
        effects = kp.did(panel, "y", cohort="first", method="ddd", partition="woman", **options)
        table = effects.tidy()
        after = np.asarray(table["phase"]) == "after"
        peer = [own["att"] for own in oracle[key]]
        np.testing.assert_allclose(effects.estimates[after], peer, atol=1e-6, err_msg=key)
    assert "woman" in effects.estimand
    assert effects.aggregate("event").std_errors[-1] > 0
    with pytest.raises(InputError, match="partition"):
        kp.did(panel, "y", cohort="first", method="ddd")
    with pytest.raises(InputError, match="ddd"):
        kp.did(panel, "y", cohort="first", partition="woman")


def test_doses_equal_diff_diff(data):
    oracle = json.loads((ORACLES / "designs/expected.json").read_text(encoding="utf-8"))
    panel = kp.Panel(data | {"hours": oracle["hours"]}, person="person", period="year", unit="year")
    peer = oracle["dose_knots"]
    options = {"cohort": "first", "dose": "hours", "controls": "never", "at": peer["at"]}
    own = kp.dose_response(panel, "y", degree=2, knots=1, parity="fixest", **options)
    table = own.tidy()
    for name in ("level", "level_error", "slope", "slope_error"):
        np.testing.assert_allclose(np.asarray(table[name], dtype=float)[:-1], peer[name], atol=1e-9)
    assert own.overall["level"] == pytest.approx(peer["overall"][0])
    low, high = (np.asarray(table[f"level_{name}"], dtype=float)[:-1] for name in ("low", "high"))
    assert np.all(np.asarray(table["level_band_high"], dtype=float)[:-1] > high)
    assert np.all(low < own.levels)
    again = pickle.loads(pickle.dumps(own))
    np.testing.assert_array_equal(again.vcov(), own.vcov())
    assert own.vcov().shape == (10, 10)
    assert "strong_parallel_trends" in own.cautions
    assert "Mean slope" in repr(own)
    free = kp.dose_response(panel, "y", degree=2, knots=1, **options)
    assert free.overall["level_error"] > own.overall["level_error"]
    bins = kp.dose_response(panel, "y", curve="bins", edges=[20], **options)
    assert np.isnan(bins.slopes).all()
    assert own.account.steps[-1].verb == "did"
    for change, match in (
        ({"degree": 0}, "degree"),
        ({"degree": 1.5}, "degree"),
        ({"curve": "wave"}, "wave"),
        ({"at": [1e6]}, "at"),
        ({"dose": "y"}, "dose"),
    ):
        with pytest.raises(InputError, match=match):
            kp.dose_response(panel, "y", **(options | change))
    pytest.importorskip("matplotlib")
    assert own.plot(truth={8: 0.4, 30: 0.4}, xlabel="hours").get_xlabel() == "hours"


def test_dates_stand_on_the_axis_of_time(panel):
    pytest.importorskip("matplotlib")
    effects = kp.did(panel, "y", cohort="first")
    dates = [
        {"date": "2013-07-01", "name": "new_law", "kind": "policy"},
        {"date": "2015-01-01", "name": "new_form", "kind": "register"},
        {"date": "1999-01-01", "name": "long_ago", "kind": "policy"},
    ]
    axes = effects.aggregate("calendar").plot(dates=dates)
    texts = {text.get_text(): text.xy[0] for text in axes.texts}
    # periods 2012 to 2016 stand at 0 to 4, each in its middle
    assert set(texts) == {"new law", "new form"}
    assert texts["new law"] == pytest.approx(1.0, abs=0.02)
    assert texts["new form"] == pytest.approx(2.5, abs=0.02)
    with pytest.raises(InputError, match="several cohorts"):
        effects.plot(dates=dates)
    one = np.where(panel["first"] == 2013, 2013, 0)
    keep = panel.with_column("one", one).filter(np.isin(panel["first"], [0, 2013]))
    axes = kp.did(keep, "y", cohort="one").plot(dates=dates)
    texts = {text.get_text(): text.xy[0] for text in axes.texts}
    assert texts["new law"] == pytest.approx(0.0, abs=0.02)
    with pytest.raises(InputError, match="2015-11-09"):
        effects.aggregate("calendar").plot(dates=[{"date": "soon", "name": "x"}])
