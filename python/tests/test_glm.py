"""Generalised linear models against pyfixest and statsmodels."""

from __future__ import annotations

import json
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kruispunt as kp

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pyfixest as pf
    import statsmodels.api as sm
    import statsmodels.formula.api as smf
    from linearmodels.datasets import wage_panel


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return wage_panel.load().reset_index(drop=True).query("hours > 0")


def _peer(verb: Any, *arguments: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        demeaner = pf.MapDemeaner(fixef_tol=1e-13, fixef_maxiter=100_000)
        return verb(*arguments, demeaner=demeaner, iwls_tol=1e-13, iwls_maxiter=200, **options)


@pytest.mark.parametrize(
    ("fml", "vcov", "weights"),
    [
        ("hours ~ union + married", "iid", None),
        ("hours ~ union + married + C(occupation)", "hetero", "educ"),
        ("hours ~ union + married | nr", {"CRV1": "nr"}, None),
        ("hours ~ union + married | nr + year", "iid", None),
        ("hours ~ union + married | occupation + year", "hetero", "educ"),
        ("hours ~ i(year, union, ref=1980) | occupation", {"CRV1": "occupation"}, None),
    ],
)
def test_poisson_equals_pyfixest(
    panel: pd.DataFrame, fml: str, vcov: Any, weights: str | None
) -> None:
    ours = kp.fepois(fml, panel, vcov, weights=weights)
    theirs = _peer(pf.fepois, fml, panel, vcov=vcov, weights=weights)
    assert ours.coef().index == [str(name) for name in theirs.coef().index]
    np.testing.assert_allclose(ours.coef(), theirs.coef(), rtol=1e-7)
    np.testing.assert_allclose(ours.se(), theirs.se(), rtol=1e-6)
    np.testing.assert_allclose(ours.pvalue(), theirs.pvalue(), atol=1e-7)
    np.testing.assert_allclose(ours.likelihood["deviance"], theirs.deviance, rtol=1e-10)
    np.testing.assert_allclose(ours.likelihood["loglik"], theirs._loglik, rtol=1e-10)
    np.testing.assert_allclose(ours.predict(), theirs._Y_hat_response, rtol=1e-6)
    np.testing.assert_allclose(ours.predict(type="link"), theirs._Y_hat_link, atol=1e-6)


@pytest.mark.parametrize("family", ["logit", "probit"])
@pytest.mark.parametrize(
    ("fml", "vcov"),
    [
        ("union ~ married + hours", "iid"),
        ("union ~ married + hours | year", "hetero"),
        ("union ~ married + hours | occupation + year", {"CRV1": "nr"}),
    ],
)
def test_binary_outcomes_equal_pyfixest(
    panel: pd.DataFrame, family: str, fml: str, vcov: Any
) -> None:
    panel = panel.assign(hours=panel["hours"] / 1000)
    ours = kp.feglm(fml, panel, family, vcov)
    theirs = _peer(pf.feglm, fml, panel, family=family, vcov=vcov)
    np.testing.assert_allclose(ours.coef(), theirs.coef(), rtol=1e-7)
    np.testing.assert_allclose(ours.se(), theirs.se(), rtol=1e-6)
    np.testing.assert_allclose(ours.likelihood["deviance"], theirs.deviance, rtol=1e-9)


def test_levels_that_never_vary_count_nowhere_as_in_fixest() -> None:
    """Stored results of fixest 0.14: 7,665 rows of 1,254 women whose union status changes."""
    folder = Path(os.environ.get("KRUISPUNT_ORACLES", "/nowhere")) / "nlswork"
    if not folder.exists():
        pytest.skip("KRUISPUNT_ORACLES names no folder with this data")
    women = pd.read_parquet(folder / "nlswork.parquet")
    expected = json.loads((folder / "reference.json").read_text())["fixest"]["logit_union"]
    ours = kp.feglm("union ~ age + south + not_smsa | idcode", women, "logit", "iid")
    assert ours.n_obs == expected["n"]
    assert dict(ours.effects) == expected["fixef_sizes"]
    for name, value in expected["coef"].items():
        assert ours.coef()[name] == pytest.approx(value, rel=1e-10)
    for vcov, key in (("iid", "iid"), ({"CRV1": "idcode"}, "cl_id")):
        for name, value in expected["vcov"][key].items():
            assert ours.vcov(vcov).se()[name] == pytest.approx(value, rel=1e-7)


def test_robust_errors_of_a_logit_without_levels_that_never_vary() -> None:
    """The peer leaves in persons who always say yes and counts the levels of all who left."""
    random = np.random.default_rng(5)
    person, period = np.divmod(np.arange(3_600), 6)
    x = random.normal(size=3_600)
    eta = 0.5 * x + random.normal(size=600)[person]
    y = (eta + random.logistic(size=3_600) > 0).astype(float)
    frame = pd.DataFrame({"person": person, "period": period, "x": x, "y": y})
    varies = frame.groupby("person")["y"].transform("nunique") > 1
    ours = kp.feglm("y ~ x | person + period", frame, "logit", "hetero")
    theirs = _peer(
        pf.feglm, "y ~ x | person + period", frame[varies], family="logit", vcov="hetero"
    )
    assert ours.n_obs == varies.sum() < len(frame)
    np.testing.assert_allclose(ours.coef(), theirs.coef(), rtol=1e-8)
    np.testing.assert_allclose(ours.se(), theirs.se(), rtol=1e-7)


@pytest.mark.parametrize(
    ("family", "link"),
    [
        ("logit", sm.families.links.Logit()),
        ("probit", sm.families.links.Probit()),
        ("cloglog", sm.families.links.CLogLog()),
    ],
)
def test_effects_are_dummies(panel: pd.DataFrame, family: str, link: Any) -> None:
    panel = panel.assign(hours=panel["hours"] / 1000)
    ours = kp.feglm("union ~ married + hours | occupation + year", panel, family)
    model = smf.glm(
        "union ~ married + hours + C(occupation) + C(year)",
        panel,
        family=sm.families.Binomial(link=link),
    )
    theirs = model.fit(tol=1e-14, maxiter=200)
    names = ["married", "hours"]
    np.testing.assert_allclose(ours.coef(), theirs.params[names], rtol=1e-7)
    # the information of the last step, corrected as in pyfixest
    k = len(theirs.params)
    adjusted = theirs.bse[names] * np.sqrt((len(panel) - 1) / (len(panel) - k))
    if family == "logit":
        np.testing.assert_allclose(ours.se(), adjusted, rtol=1e-6)
    np.testing.assert_allclose(ours.likelihood["loglik"], theirs.llf, rtol=1e-9)


def test_gaussian_is_least_squares(panel: pd.DataFrame) -> None:
    fml = "lwage ~ union + married | nr + year"
    ours, linear = kp.feglm(fml, panel, "gaussian", "hetero"), kp.feols(fml, panel, "hetero")
    np.testing.assert_allclose(ours.coef(), linear.coef(), rtol=1e-9)
    np.testing.assert_allclose(ours.se(), linear.se(), rtol=1e-9)
    np.testing.assert_allclose(ours.vcov("iid").se(), linear.vcov("iid").se(), rtol=1e-9)


def test_an_offset_has_coefficient_one(panel: pd.DataFrame) -> None:
    panel = panel.assign(exposure=np.log(panel["educ"] + 1.0))
    ours = kp.fepois("hours ~ union | year", panel, offset="exposure")
    theirs = _peer(pf.fepois, "hours ~ union | year", panel, offset="exposure")
    np.testing.assert_allclose(ours.coef(), theirs.coef(), rtol=1e-7)
    year = panel.iloc[ours.rows()]["year"].astype(str).map(ours.fixef()["year"].to_dict())
    link = ours.coef()["union"] * panel["union"] + year + panel["exposure"]
    np.testing.assert_allclose(ours.predict(type="link"), link, atol=1e-7)


def test_separated_observations_are_left_out_and_told() -> None:
    frame = pd.DataFrame(
        {
            "y": [0, 0, 0, 1, 2, 3, 0, 0, 1, 4],
            "x": [1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            "z": [3, 1, 4, 1, 5, 9, 2, 6, 5, 3],
            "f": [1, 1, 1, 1, 1, 1, 2, 2, 3, 3],
        }
    )
    fit = kp.fepois("y ~ x + z | f", frame)
    reasons = {one.reason: one.count.rows for one in fit.account.steps[0].excluded}
    assert reasons == {
        "separated: the outcome is always at its bound in a level of an effect": 2,
        "separated: fitted perfectly at infinity": 2,
    }
    assert fit.coef().index == ["z"]
    assert fit.account.steps[0].adds_up
    plain = kp.fepois("y ~ z | f", frame.iloc[[2, 3, 4, 5, 8, 9]])
    np.testing.assert_allclose(fit.coef(), plain.coef(), rtol=1e-9)
    twin = pickle.loads(pickle.dumps(fit))
    assert twin.likelihood == fit.likelihood
    assert twin.vcov("hetero").se()["z"] > 0


def test_what_a_likelihood_cannot_do_is_said(panel: pd.DataFrame) -> None:
    with pytest.raises(kp.exceptions.InputError, match="0 or more"):
        kp.fepois("lwage ~ union", panel.assign(lwage=-1.0))
    with pytest.raises(kp.exceptions.InputError, match="0 and 1"):
        kp.feglm("hours ~ union", panel, "logit")
    with pytest.raises(kp.exceptions.InputError, match="family"):
        kp.feglm("union ~ hours", panel, "nope")  # type: ignore[arg-type]
    with pytest.raises(kp.exceptions.InputError, match="separation_check"):
        kp.fepois("hours ~ union", panel, separation_check=["nope"])
    with pytest.raises(kp.exceptions.InputError, match="varies"):
        kp.fepois("y ~ union", panel.assign(y=0))
    with pytest.raises(kp.exceptions.EstimationError, match="not maximised"):
        kp.fepois("hours ~ union | nr + year", panel, iwls_maxiter=1)
    with pytest.raises(kp.exceptions.InputError, match="vcov"):
        kp.fepois("hours ~ union | year", panel, {"CRV2": "nr"})  # years cross persons


@pytest.mark.parametrize("fml", ["y ~ x | person + year", "y ~ x | person + firm + year"])
@pytest.mark.parametrize("family", ["poisson", "logit", "probit"])
def test_rows_in_any_order_take_the_same_few_steps(fml: str, family: str) -> None:
    random = np.random.default_rng(12)
    persons, years = 2_000, 8
    frame = pd.DataFrame(
        {
            "person": np.repeat(np.arange(persons), years),
            "year": np.tile(np.arange(years), persons),
            "firm": random.integers(0, 400, persons * years),
            "x": random.normal(size=persons * years),
            "w": random.integers(1, 4, persons * years),
        }
    )
    eta = 0.3 * frame["x"] + 0.5 * random.normal(size=persons)[frame["person"]]
    eta += 0.3 * random.normal(size=400)[frame["firm"]] + 0.05 * frame["year"]
    if family == "poisson":
        frame["y"] = random.poisson(np.exp(eta)).astype(float)
    else:
        frame["y"] = (eta + random.logistic(size=len(frame)) > 0).astype(float)

    def fit(rows: pd.DataFrame, **options: Any) -> Any:
        if family == "poisson":
            return kp.fepois(fml, rows, "hetero", **options)
        return kp.feglm(fml, rows, family, "hetero", **options)

    ours, mixed = fit(frame), fit(frame.sample(frac=1.0, random_state=3))
    if family != "probit":  # whose steps are not Newton's
        assert ours.likelihood["iterations"] <= 5
    assert mixed.likelihood["iterations"] == ours.likelihood["iterations"]
    assert ours.convergence["left"] <= 1e-10
    for own in ("coef", "se"):
        np.testing.assert_allclose(getattr(mixed, own)(), getattr(ours, own)(), rtol=1e-8)
    # the derivative of the likelihood is nought along x and within every level
    rows = frame.iloc[ours.rows()].assign(left=ours.resid(), mean=ours.predict())
    if family == "probit":
        return
    size = np.sqrt((rows["left"] ** 2).sum())
    assert abs((rows["x"] * rows["left"]).sum()) < 1e-7 * size
    for name in fml.split(" | ")[1].split(" + "):
        assert rows.groupby(name)["left"].sum().abs().max() < 1e-7 * size
    theirs = _peer(
        pf.fepois if family == "poisson" else pf.feglm,
        fml,
        rows,  # pyfixest counts persons whose outcome is always at its bound
        vcov="hetero",
        **({} if family == "poisson" else {"family": family}),
    )
    np.testing.assert_allclose(ours.coef(), theirs.coef(), rtol=1e-7)
    np.testing.assert_allclose(ours.se(), theirs.se(), rtol=1e-6)


@pytest.mark.parametrize("family", ["poisson", "logit", "cloglog"])
@pytest.mark.parametrize("ordered", [True, False])
def test_many_rows_start_from_a_guess_and_end_at_the_maximum(family: str, ordered: bool) -> None:
    random = np.random.default_rng(21)
    persons, years, firms = 17_500, 8, 700
    n = persons * years
    frame = pd.DataFrame(
        {
            "person": np.repeat(np.arange(persons), years),
            "year": np.tile(np.arange(years), persons),
            "firm": random.integers(0, firms, n),
            "x": random.normal(size=n),
            "w": random.integers(1, 4, n).astype(float),
            "z": 0.2 * random.normal(size=n),
        }
    )
    frame["of_the_firm"] = random.normal(size=firms)[frame["firm"]]
    if family == "poisson":
        # persons that the guess does not see are unlike those it sees
        seen = frame["person"] % 4 == 0
        eta = 0.3 * frame["x"] * seen
        frame.loc[~seen, "x"] *= 10.0
    else:
        eta = 0.3 * frame["x"]
    eta += 0.4 * random.normal(size=persons)[frame["person"]] + frame["z"]
    eta += 0.3 * random.normal(size=firms)[frame["firm"]] - 0.2
    if family == "poisson":
        frame["y"] = random.poisson(np.exp(eta)) + 1.0 * (frame["year"] == 0)
    else:
        frame["y"] = (eta + random.logistic(size=n) > 0).astype(float)
    frame["alike"] = 2.0 * frame["x"]
    frame = frame if ordered else frame.sample(frac=1.0, random_state=4)
    fml = "y ~ x + alike + of_the_firm | person + firm + year"
    fit = kp.fepois if family == "poisson" else kp.feglm
    options = {} if family == "poisson" else {"family": family}
    ours = fit(fml, frame, vcov="hetero", weights="w", offset="z", **options)
    assert ours.dropped == ["alike", "of_the_firm"]
    if family != "cloglog":
        assert ours.likelihood["iterations"] <= 5
    rows = frame.iloc[ours.rows()]
    mean = np.asarray(ours.predict())
    score = rows["w"].to_numpy() * (rows["y"].to_numpy() - mean)
    if family == "cloglog":
        hazard = -np.log1p(-mean)
        score *= hazard * (1 - mean) / (mean * (1 - mean))
    assert abs(score @ rows["x"]) < 1e-7 * np.abs(score * rows["x"]).sum()
    for name in ("person", "firm", "year"):
        sums = np.bincount(rows[name], score)
        masses = np.bincount(rows[name], np.abs(score))
        assert np.abs(sums).max() < 1e-6 * masses.max(), name


@pytest.mark.parametrize(("seed", "n", "groups"), [(4, 20_000, 2_000), (6, 200_000, 20_000)])
def test_a_row_far_from_all_others_does_not_keep_the_steps_from_the_maximum(
    seed: int, n: int, groups: int
) -> None:
    """With x = 1000 in one row, means of its level pass 1e-200; the likelihood is convex in b."""
    rng = np.random.default_rng(seed)
    group, x = rng.integers(0, groups, n), rng.normal(size=n)
    mean = np.exp(0.5 * x + 0.3 * rng.normal(size=groups)[group])
    y = rng.poisson(mean).astype(float)
    x[7] = 1000.0
    fit = kp.fepois("y ~ x | group", pd.DataFrame({"y": y, "x": x, "group": group}))

    # score and information of b, levels fitted exactly
    line = float(np.asarray(fit.coef())[0]) * x
    top = np.full(groups, -1e300)
    np.maximum.at(top, group, line)
    weight = np.exp(line - top[group])
    totals = np.bincount(group, y, groups)
    weight *= (totals / np.maximum(np.bincount(group, weight, groups), 1e-300))[group]
    centre = np.bincount(group, weight * x, groups) / np.maximum(totals, 1e-300)
    information = np.sum(weight * (x - centre[group]) ** 2)
    assert abs(np.sum((y - weight) * x)) / information < 1e-8
