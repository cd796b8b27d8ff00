"""Extended two-way regressions given covariates, against dummies written out and R's etwfe."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import EstimationError, InputError

pytestmark = pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")

ORACLES = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles"


def stored(name):
    return json.loads((ORACLES / name / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def data():
    designs, own = stored("designs"), stored("extended")
    more = {"count": designs["count"], "high": designs["high"], "z": own["z"]}
    return stored("did")["data"] | more


def panel_of(data, keep=None):
    keep = slice(None) if keep is None else keep
    columns = {name: np.asarray(values)[keep] for name, values in data.items()}
    return kp.Panel(columns, person="person", period="year", unit="year")


@pytest.mark.parametrize("at", range(11))
def test_effects_and_errors_equal_dummies_written_out(data, at):
    own = stored("extended")
    case = own["cases"][at]
    holed = case.get("holes", False)
    panel = panel_of(data, ~np.asarray(own["holes"]) if holed else None)
    effects = kp.did(
        panel, case.get("outcome", "y"), cohort="first", method="etwfe",
        covariates=case["covariates"], family=case.get("family", "linear"),
        controls="never" if case.get("never") else None,
        cluster=case.get("cluster"), weights=case.get("weights"),
    )  # fmt: skip
    table = effects.tidy()
    cells = list(zip(np.asarray(table["cohort"]), np.asarray(table["period"]), strict=True))
    rows = [cells.index((str(own["cohort"]), str(own["t"]))) for own in case["effects"]]
    # linear models are solved, the others come to rest
    atol = 1e-9 if "family" not in case else 1e-7
    for name, found in (("att", effects.estimates), ("se", effects.std_errors)):
        np.testing.assert_allclose(found[rows], [own[name] for own in case["effects"]], atol=atol)
    assert f"given {', '.join(case['covariates'])}" in effects.method


def mpdta():
    pandas = pytest.importorskip("pandas")
    folder = Path(os.environ.get("KRUISPUNT_ORACLES", "/nowhere")) / "mpdta"
    if not folder.is_dir():
        pytest.skip("KRUISPUNT_ORACLES names no folder with this data")
    data = pandas.read_csv(folder / "mpdta.csv").rename(columns={"first.treat": "first"})
    return kp.Panel(data, person="countyreal", period="year", unit="year")


def test_numbers_that_etwfe_prints_for_mpdta():
    effects = kp.did(mpdta(), "lemp", cohort="first", method="etwfe", covariates="lpop")
    # etwfe has effects of cohorts in place of counties: 30 parameters, not 23
    factor = np.sqrt((2500 - 23) / (2500 - 30))
    printed = {
        "simple": ([-0.0506270331228907], [0.0124972546529842]),
        "calendar": (
            [-0.0212480022225509, -0.0818499992698648, -0.0442655912990223, -0.0524323095862384],
            [0.02172401, 0.02736938, 0.01737336, 0.01501583],
        ),
        "group": ([-0.0876269608795944, -0.0212783329358987, -0.0459545277368072], None),
        "event": (
            [-0.0332122037837542, -0.0573456479257483],
            [0.0133659635774059, 0.0171496442892364],
        ),
    }
    for by, (estimates, errors) in printed.items():
        own = effects.aggregate(by)
        n = len(estimates)
        np.testing.assert_allclose(own.estimates[:n], estimates, rtol=1e-10, err_msg=by)
        if errors is not None:
            # R's delta method takes differences: seven digits
            np.testing.assert_allclose(own.std_errors[:n] * factor, errors, rtol=1e-6, err_msg=by)


def test_errors_of_cohorts_equal_dummies_written_out_on_mpdta():
    """R's tests print no error of cohorts: the regression is written out, as it is for the others."""
    panel = mpdta()
    effects = kp.did(panel, "lemp", cohort="first", method="etwfe", covariates="lpop")
    names = ("lemp", "lpop", "first")
    y, x, first = (np.asarray(kp.Table(panel)[name], dtype=float) for name in names)
    unit, year = np.repeat(np.arange(500), 5), np.tile(np.arange(2003.0, 2008.0), 500)
    cohorts = [2004.0, 2006.0, 2007.0]
    columns, treated = [], []
    for t in range(2004, 2008):
        columns += [year == t, (year == t) * x]
    for g in cohorts:
        centred = x - x[first == g].mean()
        for t in np.arange(g, 2008.0):
            cell = (first == g) & (year == t)
            treated.append((g, t - g, len(columns)))
            columns += [cell, cell * centred]
    X = np.column_stack([np.asarray(own, dtype=float) for own in columns])

    def within(own):
        means = np.array([own[unit == at].mean(axis=0) for at in range(500)])
        return own - means[unit]

    X, y = within(X), within(y)
    bread = np.linalg.inv(X.T @ X)
    beta = bread @ X.T @ y
    scores = X * (y - X @ beta)[:, None]
    sums = np.array([scores[unit == at].sum(axis=0) for at in range(500)])
    vcov = bread @ sums.T @ sums @ bread * 500 / 499 * 2499 / (2500 - 30)

    def mean_of(wanted):
        weights = np.zeros(len(beta))
        for g, event, at in treated:
            weights[at] = wanted(g, event) * np.sum(first == g)
        weights /= weights.sum()
        return float(weights @ beta), float(np.sqrt(weights @ vcov @ weights))

    # errors that etwfe prints, by which this regression is known to be its own
    for event, error in ((0, 0.0133659635774059), (1, 0.0171496442892364)):
        own = mean_of(lambda g, since, event=event: since == event)
        assert own[1] == pytest.approx(error, rel=1e-6)
    by_group = [mean_of(lambda g, event, own=own: g == own) for own in cohorts]
    printed = [-0.0876269608795944, -0.0212783329358987, -0.0459545277368072]
    np.testing.assert_allclose([own[0] for own in by_group], printed, rtol=1e-9)
    factor = np.sqrt((2500 - 23) / (2500 - 30))
    group = effects.aggregate("group")
    np.testing.assert_allclose(group.estimates[:3], printed, rtol=1e-9)
    errors = [own[1] for own in by_group]
    np.testing.assert_allclose(group.std_errors[:3] * factor, errors, rtol=1e-8)


def test_never_treated_controls_are_a_regression_of_each_window():
    panel = mpdta()
    options = {"cohort": "first", "controls": "never", "covariates": "lpop"}
    effects = kp.did(panel, "lemp", method="etwfe", **options)
    other = kp.did(panel, "lemp", base="universal", nuisance="reg", **options)
    np.testing.assert_allclose(effects.estimates, other.estimates, atol=1e-10)
    # R's did by event time: regression given lpop, against the never treated
    event = effects.aggregate("event")
    at = list(event.tidy()["event"]).index(0)
    printed = [-0.0211467366918433, -0.0533558653415615]
    np.testing.assert_allclose(event.estimates[at : at + 2], printed, rtol=1e-10)


def test_multipliers_and_clusters_of_one_unit(data):
    panel = panel_of(data)
    for options in ({}, {"family": "poisson"}):
        outcome = "count" if options else "y"
        call = {"cohort": "first", "method": "etwfe", "covariates": ["x1", "z"], **options}
        plain = kp.did(panel, outcome, **call)
        drawn = kp.did(panel, outcome, **call, errors="multiplier", draws=999)
        np.testing.assert_allclose(drawn.vcov(), plain.vcov(), atol=1e-14)
        bands = drawn.aggregate("event").tidy()
        wide = np.asarray(bands["band_low"], dtype=float)
        assert np.all(wide[:-1] <= np.asarray(bands["conf_low"], dtype=float)[:-1] + 1e-12)
        same = kp.did(panel, outcome, **call, cluster="person")
        np.testing.assert_allclose(same.std_errors, plain.std_errors, rtol=1e-10)


@pytest.mark.parametrize("covariates", [None, "x1"])
@pytest.mark.parametrize("family", ["linear", "poisson"])
def test_when_all_are_treated_nothing_is_extrapolated(data, covariates, family):
    first = np.asarray(data["first"])
    panel = panel_of(data, first > 0)
    outcome = "y" if family == "linear" else "count"
    effects = kp.did(
        panel, outcome, cohort="first", method="etwfe", covariates=covariates, family=family
    )
    table = effects.tidy()
    late = np.asarray(table["period"]).astype(int) >= first.max()
    assert late.any()
    assert not late.all()
    assert np.isnan(effects.estimates[late]).all()
    assert np.isfinite(effects.estimates[~late]).all()
    reasons = np.asarray(table["reason"])[late]
    assert set(reasons) == {"no unit is still untreated"}
    assert effects.identified_share < 1
    assert "identified_share" in effects.cautions


def test_what_covariates_cannot_tell_has_a_reason(data):
    # one untreated unit in the last two periods: its covariate has no slope there
    first, year = np.asarray(data["first"]), np.asarray(data["year"])
    person = np.asarray(data["person"])
    lone = person[first == 0][0]
    keep = (first > 0) | (person == lone)
    for family, outcome in (("linear", "y"), ("poisson", "count")):
        options = {"cohort": "first", "method": "etwfe", "family": family}
        found = kp.did(panel_of(data, keep), outcome, **options, covariates="x1")
        table = found.tidy()
        late = np.asarray(table["period"]).astype(int) >= first.max()
        assert np.isnan(found.estimates[late]).all()
        assert all(reason is not None for reason in np.asarray(table["reason"])[late])
        assert np.isfinite(found.estimates[~late]).any()
        plain = kp.did(panel_of(data, keep), outcome, **options)
        assert np.isfinite(plain.estimates[late]).all()
    assert year.max() > first.max()


def test_bad_covariates_are_told_by_name(data):
    panel = panel_of(data)
    options = {"cohort": "first", "method": "etwfe"}
    with pytest.raises(InputError, match="nowhere"):
        kp.did(panel, "y", **options, covariates="nowhere")
    wild = np.asarray(data["z"], dtype=float).copy()
    wild[17] = np.inf
    with pytest.raises(InputError, match="row 17"):
        kp.did(panel_of(data | {"z": wild}), "y", **options, covariates="z")
    flat = kp.did(panel_of(data | {"z": np.ones(len(wild))}), "y", **options, covariates="z")
    plain = kp.did(panel, "y", **options)
    np.testing.assert_allclose(flat.std_errors, plain.std_errors, rtol=1e-9)
    assert any("constant" in own for own in flat.account.steps[-1].notes)
    # a covariate that tells who has the outcome has no finite index
    told = np.asarray(data["high"], dtype=float)
    with pytest.raises(EstimationError, match="predicts the untreated outcomes perfectly"):
        kp.did(panel_of(data | {"z": told}), "high", **options, covariates="z", family="logit")


def test_a_weight_that_varies_within_a_unit_is_refused_by_row(data):
    weight = np.asarray(data["weight"], dtype=float).copy()
    weight[24] *= 2
    panel = panel_of(data | {"weight": weight})
    for method in ("cs", "sa", "imputation", "did2s", "lpdid", "stacked", "etwfe", "twfe"):
        with pytest.raises(InputError, match=r"weight.*row \d+.*a unit has one weight"):
            kp.did(panel, "y", cohort="first", method=method, weights="weight")
