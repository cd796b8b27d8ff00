"""Inference with few clusters: CRV2, and the wild cluster bootstrap."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError

STORED = json.loads(
    (Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/wild/expected.json").read_text(
        encoding="utf-8"
    )
)


@pytest.fixture
def panel():
    return {name: np.array(values) for name, values in STORED["data"].items()}


@pytest.mark.parametrize("case", STORED["cases"], ids=str)
def test_the_wild_bootstrap_equals_wildboottest(panel, case):
    fit = kp.feols(case["formula"], panel, vcov={"CRV1": "region"})
    kind = case["bootstrap_type"]
    test, draws = fit.wildboottest(
        600,
        param="hours",
        bootstrap_type=kind,
        impose_null=case["impose_null"],
        return_bootstrapped_t_stats=True,
    )
    assert test["enumerated"]
    assert draws.shape == (512,)
    # The sample itself and its mirror image are draws; the peer's rounding decides whether they
    # count as larger.
    assert abs(test["Pr(>|t|)"] - case["p"]) <= 2 / 512
    if "|" not in case["formula"]:  # the peer counts effects that lie within clusters
        assert test["t value"] == pytest.approx(case["t"], rel=1e-9)
    if kind[1] == "1":
        assert test["t value"] == pytest.approx(fit.tstat()["hours"], rel=1e-9)


def test_the_same_seed_gives_the_same_draws(panel):
    fit = kp.feols("wage ~ hours + age | person", panel, vcov={"CRV1": "region"})
    runs = [
        fit.wildboottest(
            99, param="hours", weights_type="webb", seed=seed, return_bootstrapped_t_stats=True
        )
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0][1], runs[1][1])
    assert not np.array_equal(runs[0][1], runs[2][1])
    by_row = fit.wildboottest(99, R=[1, 0], weights_type="webb", seed=1)
    assert by_row["Pr(>|t|)"] == runs[0][0]["Pr(>|t|)"]


def test_what_makes_no_sense_is_named(panel):
    fit = kp.feols("wage ~ hours + age | person", panel)
    with pytest.raises(InputError, match="`cluster`"):
        fit.wildboottest(99, param="hours")
    with pytest.raises(InputError, match="wages"):
        fit.wildboottest(99, cluster="region", param="wages")
    with pytest.raises(InputError, match="town"):
        fit.wildboottest(99, cluster="town", param="hours")
    with pytest.raises(InputError, match="`weights_type`"):
        fit.wildboottest(99, cluster="region", param="hours", weights_type="coin")
    with pytest.raises(InputError, match="`bootstrap_type`"):
        fit.wildboottest(99, cluster="region", param="hours", bootstrap_type="12")
    with pytest.raises(InputError, match="`reps`"):
        fit.wildboottest(0, cluster="region", param="hours")
    count = {**panel, "jobs": np.abs(panel["age"]).round()}
    poisson = kp.fepois("jobs ~ hours", count)
    with pytest.raises(InputError, match="linear regression"):
        poisson.wildboottest(99, cluster="region", param="hours")
    with pytest.raises(InputError, match="CRV2"):
        kp.feols("wage ~ hours | person", panel, vcov={"CRV2": "age"})


def dense(x, y, cluster, weights, resid=None):
    """Give CRV2 and Satterthwaite's degrees of freedom from n x n matrices."""
    x, y = x * np.sqrt(weights)[:, None], y * np.sqrt(weights)
    bread = np.linalg.pinv(x.T @ x)
    if resid is None:
        resid = y - x @ (bread @ (x.T @ y))
    maker = np.eye(len(y)) - x @ bread @ x.T
    meat, adjusted = np.zeros_like(bread), []
    for level in np.unique(cluster):
        own = np.flatnonzero(cluster == level)
        values, vectors = np.linalg.eigh(maker[np.ix_(own, own)])
        root = np.where(values > 1e-9, 1 / np.sqrt(np.maximum(values, 1e-9)), 0)
        root = (vectors * root) @ vectors.T
        score = x[own].T @ root @ resid[own]
        meat += np.outer(score, score)
        adjusted.append(maker[:, own] @ root @ x[own] @ bread)
    df = []
    for at in range(x.shape[1]):
        p = np.column_stack([own[:, at] for own in adjusted])
        g = p.T @ p
        df.append(np.trace(g) ** 2 / (g**2).sum())
    return bread @ meat @ bread, np.array(df)


@pytest.mark.parametrize("effects", ["", " | person"])
@pytest.mark.parametrize("weighted", [False, True])
def test_crv2_equals_its_definition(panel, effects, weighted):
    panel["weight"] = 1.0 + np.arange(len(panel["wage"])) % 3
    weights = panel["weight"] if weighted else np.ones(len(panel["wage"]))
    fit = kp.feols(
        "wage ~ hours + age" + effects,
        panel,
        vcov={"CRV2": "region"},
        weights="weight" if weighted else None,
        fixef_rm="none",
    )
    rest = [np.ones(len(weights))]
    if effects:
        rest = [(panel["person"] == level).astype(float) for level in np.unique(panel["person"])]
    x = np.column_stack([panel["hours"], panel["age"], *rest])
    covariance, df = dense(x, panel["wage"], panel["region"], weights)
    for at, name in enumerate(["hours", "age"]):
        assert fit.se()[name] == pytest.approx(np.sqrt(covariance[at, at]), rel=1e-8)
        assert fit.dfs()[name] == pytest.approx(df[at], rel=1e-7)
    low, high = fit.confint()["hours"]
    assert high - low > 2 * 1.97 * fit.se()["hours"]


@pytest.mark.parametrize("effects", ["", " | person"])
@pytest.mark.parametrize("family", ["poisson", "logit", "probit"])
def test_crv2_of_a_likelihood_is_that_of_its_last_regression(panel, effects, family):
    random = np.random.default_rng(5)
    n = len(panel["wage"])
    counted = random.poisson(np.exp(0.2 + 0.1 * np.tanh(panel["hours"]))).astype(float)
    panel["count"] = counted if family == "poisson" else (counted > 0).astype(float)
    formula = "count ~ hours + age" + effects
    if family == "poisson":
        fit = kp.fepois(formula, panel, {"CRV2": "region"})
    else:
        fit = kp.feglm(formula, panel, family, {"CRV2": "region"})
    rows = fit.rows()
    y = np.asarray(panel["count"])[rows]
    rest = [np.ones(len(rows))]
    if effects:
        assert len(rows) < n  # levels whose outcome is at its bound are left out
        person = np.asarray(panel["person"])[rows]
        rest = [(person == level).astype(float) for level in np.unique(person)]
    x = np.column_stack([panel["hours"][rows], panel["age"][rows], *rest])
    eta, mean = fit.predict(type="link"), fit.predict()
    slope = {
        "poisson": mean,
        "logit": mean * (1 - mean),
        "probit": np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi),
    }[family]
    variance = mean if family == "poisson" else mean * (1 - mean)
    covariance, df = dense(
        x, eta + (y - mean) / slope, np.asarray(panel["region"])[rows], slope**2 / variance
    )
    for at, name in enumerate(["hours", "age"]):
        assert fit.se()[name] == pytest.approx(np.sqrt(covariance[at, at]), rel=1e-6)
        assert fit.dfs()[name] == pytest.approx(df[at], rel=1e-6)


@pytest.mark.parametrize("effects", ["", " | person"])
@pytest.mark.parametrize("weighted", [False, True])
def test_crv2_of_two_stages_has_fitted_regressors(panel, effects, weighted):
    random = np.random.default_rng(8)
    n = len(panel["wage"])
    panel["rain"] = random.normal(size=n) + 0.5 * np.asarray(panel["hours"])
    panel["wind"] = random.normal(size=n) - 0.3 * np.asarray(panel["hours"])
    panel["weight"] = 1.0 + np.arange(n) % 3
    weights = panel["weight"] if weighted else np.ones(n)
    fit = kp.feols(
        f"wage ~ age{effects} | hours ~ rain + wind",
        panel,
        vcov={"CRV2": "region"},
        weights="weight" if weighted else None,
        fixef_rm="none",
    )
    rest = [np.ones(n)]
    if effects:
        rest = [(panel["person"] == level).astype(float) for level in np.unique(panel["person"])]
    root = np.sqrt(weights)
    causes = np.column_stack([panel["age"], panel["rain"], panel["wind"], *rest]) * root[:, None]
    x = np.column_stack([panel["hours"], panel["age"], *rest]) * root[:, None]
    fitted = causes @ (np.linalg.pinv(causes) @ x)
    y = np.asarray(panel["wage"]) * root
    coef = np.linalg.pinv(fitted) @ y
    resid = y - x @ coef
    one = np.ones(n)
    covariance, df = dense(fitted, y, np.asarray(panel["region"]), one, resid)
    for at, name in enumerate(["hours", "age"]):
        assert fit.coef()[name] == pytest.approx(coef[at], rel=1e-8)
        assert fit.se()[name] == pytest.approx(np.sqrt(covariance[at, at]), rel=1e-7)
        assert fit.dfs()[name] == pytest.approx(df[at], rel=1e-6)
    with pytest.raises(InputError, match="two-stage"):
        kp.feols(f"wage ~ age{effects} | hours ~ rain + wind", panel, {"CRV2": "region"}, iv="liml")


def test_crv2_equals_clubsandwich():
    pandas = pytest.importorskip("pandas")
    folder = Path(os.environ.get("KRUISPUNT_ORACLES", "/nowhere")) / "voters_wcb"
    if not folder.is_dir():
        pytest.skip("KRUISPUNT_ORACLES names no folder with this data")
    expected = json.loads((folder / "reference.json").read_text(encoding="utf-8"))["cluster"]
    data = pandas.read_csv(folder / "voters.csv")
    formula = "proposition_vote ~ treatment + ideology1 + log_income + C(Q1_immigration)"
    data = data.dropna(subset=["treatment", "ideology1", "log_income", "Q1_immigration"])
    fit = kp.feols(formula, data, vcov={"CRV2": "group_id1"})
    for name in ("treatment", "ideology1", "log_income"):
        assert fit.coef()[name] == pytest.approx(expected["coef"][name], rel=1e-9)
        assert fit.se()[name] == pytest.approx(expected["CR2"][name], rel=1e-8)
        assert fit.dfs()[name] == pytest.approx(expected["satt_df"][name], rel=1e-7)
