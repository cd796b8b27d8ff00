"""Instruments, random effects and marginal effects against linearmodels and statsmodels."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kruispunt as kp

ORACLES = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/panels/expected.json"
EXPECTED = json.loads(ORACLES.read_text())
DATA = pd.DataFrame(EXPECTED["data"])
KINDS: dict[str, Any] = {"iid": "iid", "HC1": "HC1", "region": {"CRV1": "region"}}
KINDS["person"] = {"CRV1": "person"}


def _equal(fit: kp.Fit, expected: dict[str, Any]) -> None:
    names = expected["names"]
    np.testing.assert_allclose([fit.coef()[name] for name in names], expected["coef"], rtol=1e-8)
    np.testing.assert_allclose([fit.se()[name] for name in names], expected["se"], rtol=1e-6)


@pytest.mark.parametrize("case", EXPECTED["instruments"], ids=lambda case: case["fml"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_instruments_equal_linearmodels(case: dict[str, Any], place: int) -> None:
    own = case["kinds"][place]
    vcov = KINDS[own["kind"]]
    for how in ("liml", "fuller"):
        _equal(kp.feols(case["fml"], DATA, vcov, iv=how), own[how])
    fit = kp.feols(case["fml"], DATA, vcov)
    tests = fit.iv_tests()
    rank = own["rank"]
    lm = tests["kleibergen-paap lm"]
    found = [
        lm["statistic"],
        tests["kleibergen-paap f"]["statistic"],
        tests["cragg-donald f"]["statistic"],
    ]
    wanted = [rank["lm"], rank["wald_f"], rank["cragg_donald"]]
    np.testing.assert_allclose(found, wanted, rtol=1e-7)
    endogenous = len(fit.first_stage())
    causes = case["fml"].split("~")[-1].count("+") + 1
    assert lm["df1"] == causes - endogenous + 1
    if endogenous == 1:
        robust = tests["robust f of hours"]["statistic"]
        assert tests["kleibergen-paap f"]["statistic"] == pytest.approx(robust, rel=1e-9)
    if "hansen" in own:
        hansen = tests["hansen"]
        np.testing.assert_allclose(hansen["statistic"], own["hansen"]["statistic"], rtol=1e-6)
        np.testing.assert_allclose(hansen["pvalue"], own["hansen"]["p"], rtol=1e-6)
    else:
        assert "hansen" not in tests


def test_rank_statistics_follow_a_new_covariance() -> None:
    fml = EXPECTED["instruments"][1]["fml"]
    fit = pickle.loads(pickle.dumps(kp.feols(fml, DATA).vcov("HC1", data=DATA)))
    again = kp.feols(fml, DATA, "HC1").iv_tests()
    assert fit.iv_tests()["kleibergen-paap f"] == again["kleibergen-paap f"]


def test_critical_values_are_those_published() -> None:
    one = kp.feols("wage ~ age | hours ~ z1 + z2 + z3", DATA).iv_tests()["cragg-donald f"]
    assert one["critical"]["10% size"] == 22.3
    assert one["critical"]["5% bias"] == 13.91
    two = kp.feols("wage ~ age | hours + tenure ~ z1 + z2", DATA).iv_tests()["cragg-donald f"]
    assert two["critical"] == {
        "10% size": 7.03,
        "15% size": 4.58,
        "20% size": 3.95,
        "25% size": 3.63,
    }


def test_effects_swept_out_are_dummies_for_liml() -> None:
    swept = kp.feols("wage ~ age | region | hours ~ z1 + z2 + z3", DATA, iv="liml")
    dummies = kp.feols("wage ~ age + C(region) | hours ~ z1 + z2 + z3", DATA, iv="liml")
    for name in ("age", "hours"):
        assert swept.coef()[name] == pytest.approx(dummies.coef()[name], rel=1e-9)
        assert swept.se()[name] == pytest.approx(dummies.se()[name], rel=1e-9)
    ours, theirs = swept.iv_tests(), dummies.iv_tests()
    for name in ("cragg-donald f", "kleibergen-paap f", "kleibergen-paap lm"):
        assert ours[name]["statistic"] == pytest.approx(theirs[name]["statistic"], rel=1e-8)
    with pytest.raises(kp.exceptions.InputError, match="liml"):
        kp.feols("wage ~ age | hours ~ z1", DATA, iv="gmm")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "own", EXPECTED["panels"], ids=lambda o: f"{o['model']}-{o['kind']}-{o['small']}"
)
def test_panel_models_equal_linearmodels(own: dict[str, Any]) -> None:
    names = ["Intercept", "hours", "age", "female"]
    fml = (
        "wage ~ hours + age"
        if own["model"] == "first-differences"
        else "wage ~ hours + age + female"
    )
    fit = kp.panel_ols(
        fml,
        DATA,
        KINDS[own["kind"]],
        model=own["model"],
        panel_id=("person", "year"),
        components="baltagi-chang" if own["small"] else "swamy-arora",
    )
    _equal(fit, own)
    assert names[1] in fit.coef()
    if "error" in own:
        assert fit.variances is not None
        assert fit.variances["error"] == pytest.approx(own["error"], rel=1e-9)
        assert fit.variances["effect"] == pytest.approx(own["effect"], rel=1e-8)


def test_mundlak_gives_the_fixed_effects_of_a_balanced_panel() -> None:
    full = DATA.groupby("person").filter(lambda rows: len(rows) == 7)
    cre = kp.panel_ols("wage ~ hours + age", full, model="mundlak", panel_id=("person", "year"))
    within = kp.feols("wage ~ hours + age | person", full)
    for name in ("hours", "age"):
        assert cre.coef()[name] == pytest.approx(within.coef()[name], rel=1e-9)
    random = kp.panel_ols("wage ~ hours + age", full, panel_id=("person", "year"))
    test = kp.hausman(within, random)
    gap = np.array([within.coef()[name] - random.coef()[name] for name in ("hours", "age")])
    spread = within.vcov_matrix() - random.vcov_matrix()[1:, 1:]
    assert test["statistic"] == pytest.approx(gap @ np.linalg.solve(spread, gap), rel=1e-9)
    with pytest.raises(kp.exceptions.InputError, match="efficient"):
        kp.hausman(random, within)


def test_panel_models_refuse_what_they_cannot_do() -> None:
    with pytest.raises(kp.exceptions.InputError, match="panel_id"):
        kp.panel_ols("wage ~ hours", DATA)
    with pytest.raises(kp.exceptions.InputError, match="effects"):
        kp.panel_ols("wage ~ hours | region", DATA, panel_id=("person", "year"))
    with pytest.raises(kp.exceptions.InputError, match="one row for each person"):
        kp.panel_ols("wage ~ hours", DATA, model="first-differences", panel_id=("region", "year"))


@pytest.mark.parametrize(
    "own", EXPECTED["margins"], ids=lambda o: f"{o['family']}-{o['kind']}-{len(o['effects'])}"
)
def test_marginal_effects_equal_statsmodels(own: dict[str, Any]) -> None:
    bar = f" | {' + '.join(own['effects'])}" if own["effects"] else ""
    fit = kp.feglm(
        f"{own['outcome']} ~ hours + age{bar}",
        DATA,
        own["family"],
        KINDS[own["kind"]],
        ssc={"k_adj": own["kind"] != "iid"},
    )
    found = fit.marginal_effects()
    np.testing.assert_allclose(found.coef().to_numpy(), own["coef"], rtol=1e-7)
    np.testing.assert_allclose(found.se().to_numpy(), own["se"], rtol=1e-6)
    assert found.coef().index == ["hours", "age"]
    assert "delta" in found.vcov_type


def test_marginal_effects_are_for_models_that_are_not_linear() -> None:
    with pytest.raises(kp.exceptions.InputError, match="least squares"):
        kp.feols("wage ~ hours", DATA).marginal_effects()


@pytest.mark.parametrize(
    "vcov", ["iid", "HC1", "HC2", "HC3", {"CRV1": "region"}, {"CRV3": "region"}]
)
@pytest.mark.parametrize("bar", ["", " | person", " | person + year"])
def test_frequencies_stand_for_rows(vcov: Any, bar: str) -> None:
    long = DATA.loc[DATA.index.repeat(DATA["times"])]
    short = kp.feols(
        f"wage ~ hours + age{bar}", DATA, vcov, weights="times", weights_type="fweights"
    )
    whole = kp.feols(f"wage ~ hours + age{bar}", long, vcov)
    assert short.n_obs == whole.n_obs
    np.testing.assert_allclose(short.coef().to_numpy(), whole.coef().to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(short.se().to_numpy(), whole.se().to_numpy(), rtol=1e-8)
    for name, value in whole.goodness.items():
        np.testing.assert_allclose(short.goodness[name], value, rtol=1e-9)


def test_frequencies_of_counts_and_their_limits() -> None:
    long = DATA.loc[DATA.index.repeat(DATA["times"])]
    for vcov in ("iid", "HC1", {"CRV1": "region"}):
        options = {"weights": "times", "weights_type": "fweights"}
        short = kp.fepois("days ~ hours | region", DATA, vcov, **options)  # type: ignore[arg-type]
        whole = kp.fepois("days ~ hours | region", long, vcov)
        np.testing.assert_allclose(short.se().to_numpy(), whole.se().to_numpy(), rtol=1e-7)
    with pytest.raises(kp.exceptions.InputError, match="whole numbers"):
        kp.feols(
            "wage ~ hours",
            DATA.assign(w=DATA["times"] + 0.5),
            weights="w",
            weights_type="fweights",
        )
    with pytest.raises(kp.exceptions.InputError, match="CRV2"):
        kp.feols(
            "wage ~ hours",
            DATA,
            {"CRV2": "region"},
            weights="times",
            weights_type="fweights",
        )


FORMULAS = [
    "wage ~ hours + age",
    "wage ~ log(days + 1) + I(hours ** 2) | region",
    "wage ~ hours * place + age | year + region",
    "wage ~ i(year, hours, ref=2003) + C(place) | region",
    "wage ~ i(place, ref='a')*hours | region^female",
    "wage ~ age | region | hours ~ z1 + z2",
]


@pytest.mark.parametrize("fml", FORMULAS)
def test_predictions_of_the_sample_are_the_fitted_values(fml: str) -> None:
    data = DATA.assign(place=np.array(list("abc"))[DATA["person"] % 3])
    fit = kp.feols(fml, data)
    new = data.drop(columns="wage")
    np.testing.assert_allclose(fit.predict(new)[fit.rows()], fit.predict(), rtol=1e-8, atol=1e-9)
    # Fewer levels in the new rows change nothing.
    some = new[new["place"] != "a"]
    at = np.flatnonzero((new["place"] != "a").to_numpy())
    np.testing.assert_allclose(fit.predict(some), fit.predict(new)[at], rtol=1e-10, atol=1e-12)


def test_predictions_for_other_rows_of_other_models() -> None:
    data = DATA.assign(lot=DATA["times"] / 3.0)
    fit = kp.fepois("days ~ hours | region", data, offset="lot")
    new = data.drop(columns="days")
    np.testing.assert_allclose(fit.predict(new), fit.predict(), rtol=1e-8)
    link = fit.predict(new, type="link")
    np.testing.assert_allclose(np.exp(link), fit.predict(new), rtol=1e-12)
    frame = kp.feols(
        "wage ~ hours + place | region",
        data.assign(place="a").assign(place=np.array(list("abc"))[data["person"] % 3]),
    )
    rows = pd.DataFrame({"hours": [1.0, None, 1.0, 1.0], "place": ["b", "b", "z", "b"]})
    rows["region"] = [1, 1, 1, 99]
    found = frame.predict(rows)
    assert np.isnan(found).tolist() == [False, True, True, True]
    with pytest.raises(kp.exceptions.InputError, match="hours"):
        frame.predict(rows.drop(columns="hours"))


@pytest.mark.parametrize("own", EXPECTED["conditional"], ids=lambda own: own["groups"])
def test_conditional_logit_equals_statsmodels(own: dict[str, Any]) -> None:
    fit = kp.clogit(f"busy ~ hours + age + female | {own['groups']}", DATA)
    if own["groups"] == "person":
        assert fit.dropped == ["female"]
    else:
        fit = kp.clogit(f"busy ~ hours + age | {own['groups']}", DATA)
    np.testing.assert_allclose(fit.coef().to_numpy(), own["coef"], rtol=1e-6)
    np.testing.assert_allclose(fit.se().to_numpy(), own["se"], rtol=1e-5)
    assert fit.likelihood is not None
    assert fit.likelihood["loglik"] == pytest.approx(own["log_likelihood"], rel=1e-9)


def test_conditional_logit_of_pairs_is_a_logit_of_differences() -> None:
    pairs = DATA.groupby("person").head(2).reset_index(drop=True)
    pairs = pairs.groupby("person").filter(lambda rows: rows["busy"].sum() == 1)
    fit = kp.clogit("busy ~ hours + age | person", pairs)
    first, second = pairs.iloc[::2].reset_index(), pairs.iloc[1::2].reset_index()
    gaps = pd.DataFrame(
        {
            "up": (second["busy"] > first["busy"]).astype(float),
            "hours": second["hours"] - first["hours"],
            "age": second["age"] - first["age"],
        }
    )
    logit = kp.feglm("up ~ 0 + hours + age", gaps, "logit", ssc={"k_adj": False})
    np.testing.assert_allclose(fit.coef().to_numpy(), logit.coef().to_numpy(), rtol=1e-8)
    np.testing.assert_allclose(fit.se().to_numpy(), logit.se().to_numpy(), rtol=1e-6)


def test_conditional_logit_of_large_groups_and_bad_input() -> None:
    rng = np.random.default_rng(6)
    group = np.repeat(np.arange(20), 300)
    x = rng.normal(size=group.size) * 3
    y = (0.5 * x + rng.logistic(size=group.size) > group % 4 - 1).astype(int)
    table = {"group": group, "x": x, "y": y}
    fit = kp.clogit("y ~ x | group", table)
    plain = kp.feglm("y ~ x | group", table, "logit")
    assert fit.coef()["x"] == pytest.approx(plain.coef()["x"], rel=0.01)
    assert abs(fit.coef()["x"] - 0.5) < 4 * fit.se()["x"]
    with pytest.raises(kp.exceptions.InputError, match="one effect"):
        kp.clogit("y ~ x", table)
    with pytest.raises(kp.exceptions.InputError, match="0 and 1"):
        kp.clogit("x ~ y | group", table)
    with pytest.raises(kp.exceptions.InputError, match="collinear"):
        kp.clogit("y ~ group | group", table)


@pytest.mark.parametrize("family", ["logit", "probit", "cloglog"])
@pytest.mark.parametrize("effects", [["person"], ["person", "year"]])
def test_bias_correction_is_that_of_dense_dummies(family: Any, effects: list[str]) -> None:
    rng = np.random.default_rng(12)
    person, year = np.repeat(np.arange(60), 8), np.tile(np.arange(8), 60)
    x = rng.normal(size=480) + 0.3 * rng.normal(size=60)[person]
    y = (0.8 * x + rng.normal(size=60)[person] + rng.normal(size=480) > 0).astype(float)
    table = pd.DataFrame({"person": person, "year": year, "x": x, "y": y})
    fit = kp.feglm(f"y ~ x | {' + '.join(effects)}", table, family)
    own, rows = table.iloc[fit.rows()], fit.predict(type="link")
    blocks = [(own[name].to_numpy()[:, None] == own[name].unique()) * 1.0 for name in effects]
    dummies = np.hstack(blocks)
    mean = fit.predict()
    if family == "logit":
        slope, bend = mean * (1 - mean), mean * (1 - mean) * (1 - 2 * mean)
    elif family == "probit":
        slope = np.exp(-(rows**2) / 2) / np.sqrt(2 * np.pi)
        bend = -rows * slope
    else:
        slope = np.exp(rows - np.exp(rows))
        bend = slope * (1 - np.exp(rows))
    h = slope / (mean * (1 - mean))
    w, z = h * slope, h * bend
    root = np.sqrt(w)
    value = own["x"].to_numpy()
    part = np.linalg.lstsq(dummies * root[:, None], value * root, rcond=None)[0]
    left = value - dummies @ part
    b = sum(((block.T @ (left * z)) / (block.T @ w)).sum() / 2 for block in blocks)
    expected = fit.coef()["x"] + b / (w * left * left).sum()
    assert fit.bias_corrected().coef()["x"] == pytest.approx(expected, rel=1e-6)


def test_bias_correction_takes_bias_out() -> None:
    """Persons with six observations: the mean over 40 samples comes closer to the truth."""
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(400), 6)
    plain, corrected = [], []
    for _ in range(40):
        own = rng.normal(size=400)[person]
        x = rng.normal(size=2400) + 0.5 * own
        y = (x + own + rng.logistic(size=2400) > 0).astype(float)
        fit = kp.feglm("y ~ x | person", {"person": person, "x": x, "y": y}, "logit")
        plain.append(fit.coef()["x"])
        corrected.append(fit.bias_corrected().coef()["x"])
    assert np.mean(plain) > 1.15
    assert abs(np.mean(corrected) - 1) < 0.35 * (np.mean(plain) - 1)
    with pytest.raises(kp.exceptions.InputError, match="effects"):
        kp.feglm("busy ~ age", DATA, "logit").bias_corrected()
    with pytest.raises(kp.exceptions.InputError, match="logit"):
        kp.fepois("days ~ age | region", DATA).bias_corrected()
