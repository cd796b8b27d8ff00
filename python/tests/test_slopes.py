"""Slopes by level, spatial errors, sampling weights, decompositions: twins and what is refused."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import kruispunt as kp

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pyfixest as pf

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 500
    frame = pd.DataFrame({
        "f": rng.integers(0, 20, n), "g": rng.integers(0, 8, n), "x": rng.normal(size=n),
        "t": 2000.0 + rng.integers(0, 9, n), "w": rng.uniform(0.5, 2, n), "m": rng.integers(1, 4, n),
        "lat": rng.uniform(-70, 70, n), "lon": rng.uniform(-180, 180, n),
    })  # fmt: skip
    frame["y"] = 0.5 * frame["x"] + 0.1 * frame["f"] * (frame["t"] - 2000) + rng.normal(size=n)
    frame["c"] = rng.poisson(np.exp(0.3 * frame["x"] + 0.02 * frame["f"]))
    return frame


def _columns(panel: pd.DataFrame, effects: str) -> list[np.ndarray]:
    """Dummies and dummies times slopes, dense."""
    columns = [panel["x"].to_numpy()[:, None]]
    for effect in effects.split("+"):
        name, _, slopes = effect.strip().partition("[")
        dummies = (panel[name].to_numpy()[:, None] == np.unique(panel[name])).astype(float)
        if not slopes.startswith("["):
            columns.append(dummies)
        for slope in slopes.strip("[]").split(",") if slopes else []:
            values = panel[slope.strip()].to_numpy()
            columns.append(
                dummies * (values - values.mean() * (not slopes.startswith("[")))[:, None]
            )
    if all("[[" in own for own in effects.split("+")):
        columns.append(np.ones((len(panel), 1)))
    return columns


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize(
    "effects", ["f[t]", "f[[t]]", "f[t] + g", "f[t] + g[t]", "f + g[[t]]", "f[t, w] + g"]
)
def test_slopes_equal_dense_dummies(panel: pd.DataFrame, effects: str, weights: str | None) -> None:
    dense = np.hstack(_columns(panel, effects))
    root = np.ones(len(panel)) if weights is None else np.sqrt(panel[weights].to_numpy())
    b, _, rank, _ = np.linalg.lstsq(dense * root[:, None], panel["y"] * root, rcond=1e-11)
    fit = kp.feols(f"y ~ x | {effects}", panel, weights=weights)
    assert fit.coef()["x"] == pytest.approx(b[0], rel=1e-8)
    np.testing.assert_allclose(fit.predict(), dense @ b, atol=1e-6)
    assert fit.convergence["left"] <= 1e-10
    np.testing.assert_allclose(fit.predict(panel), fit.predict(), atol=1e-6)
    if effects in ("f[t]", "f[[t]]", "f[t] + g"):
        assert fit.df == len(panel) - rank
    twin = pickle.loads(pickle.dumps(fit)).vcov({"CRV1": "f"})
    assert twin.se()["x"] > 0


def test_slopes_in_counts_equal_dense_dummies(panel: pd.DataFrame) -> None:
    import statsmodels.api as sm

    dense = np.hstack(_columns(panel, "f[t]"))
    peer = sm.GLM(panel["c"], dense, family=sm.families.Poisson()).fit(tol=1e-12, maxiter=200)
    fit = kp.fepois("c ~ x | f[t]", panel)
    assert fit.coef()["x"] == pytest.approx(peer.params.iloc[0], rel=1e-7)
    assert fit.se()["x"] == pytest.approx(
        peer.bse.iloc[0] * np.sqrt((500 - 1) / (500 - 41)), rel=1e-5
    )


def test_slopes_stand_as_effects_of_their_own(panel: pd.DataFrame) -> None:
    fit = kp.feols("y ~ x | f[t] + g", panel)
    assert fit.effects == {"f": 20, "f[[t]]": 20, "g": 8}
    values = fit.fixef()
    assert list(values) == ["f", "f[[t]]", "g"]
    rows = panel.iloc[fit.rows()]
    total = rows["x"] * fit.coef()["x"]
    total += rows["f"].astype(str).map(values["f"].to_dict())
    total += rows["f"].astype(str).map(values["f[[t]]"].to_dict()) * rows["t"]
    total += rows["g"].astype(str).map(values["g"].to_dict())
    np.testing.assert_allclose(fit.predict(), total, atol=1e-6)
    assert "f[[t]]" in kp.etable(fit)
    with pytest.raises(kp.exceptions.InputError, match="slopes"):
        fit.vcov("HC3")
    with pytest.raises(kp.exceptions.InputError, match=r"f\^g\[x\]"):
        kp.feols("y ~ x | f[t]^g", panel)
    with pytest.raises(kp.exceptions.InputError, match="collinear"):
        kp.feols("y ~ t | f[t]", panel)


def test_fixest_counts_slopes(panel: pd.DataFrame) -> None:
    """Slopes count as parameters also where their effect lies within clusters."""
    fit = kp.feols("y ~ x | f[t]", panel, vcov={"CRV1": "f"})
    plain = kp.feols("y ~ x | f[t]", panel, vcov={"CRV1": "f"}, ssc=kp.ssc(k_adj=False))
    factor = (500 - 1) / (500 - (1 + 1 + 20))
    np.testing.assert_allclose(fit.vcov_matrix(), plain.vcov_matrix() * factor, rtol=1e-12)


def _distance(panel: pd.DataFrame, how: str) -> np.ndarray:
    lat, lon = np.radians(panel["lat"].to_numpy()), np.radians(panel["lon"].to_numpy())
    up, across = lat[:, None] - lat, np.abs(lon[:, None] - lon)
    across = np.minimum(across, 2 * np.pi - across)
    if how == "triangular":
        return 111 * 180 / np.pi * np.hypot(up, across * np.cos((lat[:, None] + lat) / 2))
    root = np.sin(up / 2) ** 2 + np.cos(lat[:, None]) * np.cos(lat) * np.sin(across / 2) ** 2
    return 2 * 6376 * np.arcsin(np.sqrt(root))


@pytest.mark.parametrize("how", ["triangular", "spherical"])
@pytest.mark.parametrize("cutoff", [300, 2500, 9000])
def test_conley_equals_all_pairs(panel: pd.DataFrame, how: str, cutoff: float) -> None:
    """Around the world, over the date line and towards the poles."""
    places = panel.assign(lat=panel["lat"].round(0), lon=panel["lon"].round(0))
    options = {"lat": "lat", "lon": "lon", "cutoff": cutoff, "distance": how, "kernel": "bartlett"}
    fit = kp.feols("y ~ x + t", places, "conley", options)
    x = np.column_stack([np.ones(500), places["x"], places["t"]])
    bread = np.linalg.inv(x.T @ x)
    scores = x * fit.resid()[:, None]
    near = np.clip(1 - _distance(places, how) / cutoff, 0, None)
    v = bread @ scores.T @ near @ scores @ bread * 500 / (500 - 3)
    if np.linalg.eigvalsh(v).min() > 0:
        np.testing.assert_allclose(fit.vcov_matrix(), v, rtol=1e-5, atol=1e-12)
    alone = fit.vcov("conley", options | {"cutoff": 1e-6}).se()["x"]
    same = places.assign(place=places["lat"] * 1000 + places["lon"])
    clustered = kp.feols("y ~ x + t", same, {"CRV1": "place"}, ssc=kp.ssc(k_adj=False, G_adj=False))
    assert alone == pytest.approx(clustered.se()["x"] * np.sqrt(500 / 497), rel=1e-9)


def test_what_conley_needs_is_said(panel: pd.DataFrame) -> None:
    good = {"lat": "lat", "lon": "lon", "cutoff": "60mi"}
    assert "km" in kp.feols("y ~ x | f", panel, "conley", good).vcov_type
    for bad in ({"lat": "lat"}, {**good, "cutoff": 0}, {**good, "cutoff": "far"},
                {**good, "nope": 1}, {**good, "distance": "nope"}, {**good, "lat": "t"}):  # fmt: skip
        with pytest.raises(kp.exceptions.InputError):
            kp.feols("y ~ x | f", panel, "conley", bad)


def test_the_jackknife_of_a_likelihood_leaves_clusters_out(panel: pd.DataFrame) -> None:
    for fml in ("c ~ x", "c ~ x | f", "c ~ x | f + g", "c ~ x | f[t]"):
        fit = kp.fepois(fml, panel, vcov={"CRV3": "g"}, ssc=kp.ssc(k_adj=False, G_adj=False))
        b = fit.coef()["x"]
        left = [kp.fepois(fml, panel[panel["g"] != own]).coef()["x"] for own in range(8)]
        assert fit.se()["x"] == pytest.approx(np.sqrt(np.sum((np.array(left) - b) ** 2)), rel=1e-6)


@pytest.mark.parametrize("iv", ["2sls", "liml", "fuller"])
@pytest.mark.parametrize("effects", ["f", "g", "f + g"])
def test_the_jackknife_of_instruments(panel: pd.DataFrame, iv: Any, effects: str) -> None:
    fml = f"y ~ w | {effects} | x ~ lat + lon"
    plain = kp.ssc(k_adj=False, G_adj=False)
    data = panel.assign(x=panel["x"] + panel["lat"] / 40 + panel["lon"] / 90)
    fit = kp.feols(fml, data, vcov={"CRV3": "g"}, ssc=plain, iv=iv)
    left = [kp.feols(fml, data[data["g"] != own], iv=iv).coef()["x"] for own in range(8)]
    gaps = np.array(left) - fit.coef()["x"]
    assert fit.se()["x"] == pytest.approx(np.sqrt(np.sum(gaps**2)), rel=1e-6)


def test_sampling_weights_are_robust(panel: pd.DataFrame) -> None:
    fit = kp.feols("y ~ x | f", panel, weights="w", weights_type="pweights")
    same = kp.feols("y ~ x | f", panel, vcov="hetero", weights="w")
    assert fit.se().to_dict() == same.se().to_dict()
    for call in (
        lambda: fit.vcov("iid"),
        lambda: kp.feols("y ~ x", panel, weights="x", weights_type="p"),
    ):
        with pytest.raises(kp.exceptions.InputError):
            call()


def test_tests_of_instruments_count_frequencies(panel: pd.DataFrame) -> None:
    data = panel.assign(x=panel["x"] + panel["lat"] / 40 + panel["lon"] / 90)
    many = data.loc[data.index.repeat(data["m"])]
    for vcov in ("iid", "hetero", {"CRV1": "f"}):
        fml = "y ~ w | g | x ~ lat + lon"
        own = kp.feols(fml, data, vcov, weights="m", weights_type="fweights").iv_tests()
        peer = kp.feols(fml, many, vcov).iv_tests()
        for name, test in peer.items():
            assert own[name]["statistic"] == pytest.approx(test["statistic"], rel=1e-7), name


def test_rows_that_are_not_finite_may_be_left_out(panel: pd.DataFrame) -> None:
    data = pl.from_pandas(panel)
    broken = data.with_columns(
        x=pl.when(pl.int_range(500) == 3).then(float("inf")).otherwise(pl.col("x")),
        y=pl.when(pl.int_range(500) == 9).then(float("nan")).otherwise(pl.col("y")),
    )
    with pytest.raises(kp.exceptions.InputError, match="row"):
        kp.feols("y ~ x | f[t]", broken)
    fit = kp.feols("y ~ x | f[t]", broken, not_finite="drop")
    assert fit.n_obs == 498
    reasons = {one.reason: one.count.rows for one in fit.account.steps[0].excluded}
    assert reasons == {"y is not a finite number": 1, "x is not a finite number": 1}
    same = kp.feols("y ~ x | f[t]", panel.drop(index=[3, 9]))
    assert fit.coef()["x"] == pytest.approx(same.coef()["x"], rel=1e-12)


def test_fits_of_means_and_differences_predict_no_rows(panel: pd.DataFrame) -> None:
    years = panel.drop_duplicates(["f", "t"]).astype({"t": int})
    for model in ("between", "first-differences"):
        fit = kp.panel_ols("y ~ x", years, model=model, panel_id=("f", "t"))
        with pytest.raises(kp.exceptions.InputError, match="means or differences"):
            fit.predict(years)


def test_decompositions_equal_pyfixest(panel: pd.DataFrame) -> None:
    data = panel.assign(z=panel["x"] + panel["w"])
    fml = "y ~ x + z + t + lat"
    ours = kp.feols(fml, data)
    for options in (
        {},
        {"x1_vars": ["lat"]},
        {"combine_covariates": {"a": ["z", "t"], "b": ["lat"]}},
    ):
        theirs = pf.feols(fml, data).decompose(decomp_var="x", only_coef=True, **options)
        found = ours.decompose(decomp_var="x", **options)
        for name, value in theirs.results.absolute.items():
            if name != "unexplained_effect":
                assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name
    parts = [name for name in found if not name.endswith("_effect")]
    assert sum(found[name] for name in parts) == pytest.approx(found["explained_effect"])
    assert list(found.tidy().columns)[:3] == ["part", "coefficients", "std_error"]
    assert "explained" in repr(found)
    assert "<table>" in found._repr_html_()
    with pytest.raises(kp.exceptions.InputError, match="x1_vars"):
        ours.decompose("x", ["nope"])


def test_effects_are_a_part_and_errors_those_of_a_bootstrap(panel: pd.DataFrame) -> None:
    data = panel.assign(x=panel["x"] + 0.1 * panel["g"])
    fit = kp.feols("y ~ x + w | g", data)
    found = fit.decompose("x")
    dummies = kp.feols("y ~ x + w + C(g)", data).decompose("x")
    rest = sum(dummies[name] for name in dummies if name.startswith("C(g)"))
    assert found["g"] == pytest.approx(rest, rel=1e-8)
    rng = np.random.default_rng(1)
    draws = []
    for _ in range(200):
        drawn = data.iloc[rng.integers(0, 500, 500)]
        draws.append(kp.feols("y ~ x + w | g", drawn).decompose("x")["g"])
    assert found.se()["g"] == pytest.approx(np.std(draws), rel=0.2)


def test_causal_clusters_equal_pyfixest_on_average(panel: pd.DataFrame) -> None:
    rng = np.random.default_rng(2)
    data = panel.assign(d=(rng.uniform(size=500) < 0.3 + 0.04 * (panel["f"] % 10)).astype(float))
    data["y"] = data["y"] + data["d"] * (data["f"] % 5)
    for options in ({}, {"pk": 0.5, "qk": 0.4}):
        theirs = pf.feols("y ~ d", data, vcov={"CRV1": "f"}).ccv(
            treatment="d", seed=1, n_splits=8, **options
        )
        ours = kp.feols("y ~ d", data, vcov={"CRV1": "f"}).ccv("d", seed=1, n_splits=60, **options)
        spread = [
            kp.feols("y ~ d", data, vcov={"CRV1": "f"}).ccv("d", seed=s, n_splits=8, **options)[
                "CCV"
            ]["Std. Error"]
            for s in range(6)
        ]
        gap = abs(ours["CCV"]["Std. Error"] - float(theirs.loc["CCV", "Std. Error"]))
        assert gap < 4 * np.std(spread) + 1e-9
        assert ours["CRV1"]["Std. Error"] == pytest.approx(
            theirs.loc["CRV1", "Std. Error"], rel=1e-9
        )
    with pytest.raises(kp.exceptions.InputError, match="effects"):
        kp.feols("y ~ d | f", data).ccv("d", "f")
