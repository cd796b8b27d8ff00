"""Draws of clusters, of treatments and of coefficients, against slow twins and closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import kruispunt as kp
from kruispunt.exceptions import InputError


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    n = 240
    region = np.repeat(np.arange(12), 20)
    village = np.repeat(np.arange(48), 5)
    trained = (village % 2).astype(float)
    age = rng.normal(size=n)
    wage = 0.2 * trained + 0.5 * age + rng.normal(size=12)[region] + rng.normal(size=n)
    hours = 0.1 * trained + rng.normal(size=n) + 0.5 * wage
    return pd.DataFrame({
        "region": region, "village": village, "trained": trained, "age": age, "wage": wage,
        "hours": hours, "w": rng.uniform(0.5, 2.0, n),
    })  # fmt: skip


@pytest.mark.parametrize("bar", ["", " | village"])
def test_pairs_are_regressions_of_drawn_clusters(data: pd.DataFrame, bar: str) -> None:
    fml = f"wage ~ age + hours{bar}"
    fit = kp.feols(fml, data, {"CRV1": "region"}, weights="w")
    found = fit.pairs_bootstrap(400, seed=5)
    assert found["lost"] == 0
    assert found["draws"].shape == (400, len(fit.coef()))
    # A draw is a regression with whole clusters as frequencies: its coefficients solve the
    # equations of some multiset, so moments over all draws are those of the slow bootstrap.
    rng = np.random.default_rng(1)
    slow = []
    for _ in range(300):
        chosen = rng.integers(0, 12, 12)
        parts = [
            data[data["region"] == region].assign(village=lambda d, at=at: d["village"] + 100 * at)
            for at, region in enumerate(chosen)
        ]
        slow.append(kp.feols(fml, pd.concat(parts), weights="w").coef().to_numpy())
    spread = np.std(slow, axis=0, ddof=1)
    np.testing.assert_allclose(found["se"].to_numpy(), spread, rtol=0.2)
    np.testing.assert_allclose(found["se"].to_numpy(), found["draws"].std(axis=0, ddof=1))
    low, high = np.quantile(found["draws"], [0.025, 0.975], axis=0)
    bounds = np.array(list(found["confint"].values()))
    np.testing.assert_allclose(bounds, np.column_stack([low, high]))
    again = fit.pairs_bootstrap(400, seed=5)["draws"]
    np.testing.assert_array_equal(again, found["draws"])


def test_a_draw_of_two_clusters_is_one_of_three_regressions(data: pd.DataFrame) -> None:
    two = data[data["region"] < 2]
    fit = kp.feols("wage ~ age", two, {"CRV1": "region"})
    draws = fit.pairs_bootstrap(50, seed=2)["draws"]
    expected = [
        kp.feols("wage ~ age", pd.concat([two[two["region"] == at] for at in pair])).coef()
        for pair in ((0, 0), (0, 1), (1, 1))
    ]
    table = np.array([own.to_numpy() for own in expected])
    gaps = np.abs(draws[:, None, :] - table[None]).max(axis=2)
    assert (gaps.min(axis=1) < 1e-10).all()
    assert set(gaps.argmin(axis=1)) == {0, 1, 2}


def test_pairs_refuse_what_they_cannot_do(data: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="cross"):
        kp.feols("wage ~ age | trained", data).pairs_bootstrap(9, "region")
    with pytest.raises(InputError, match="reps"):
        kp.feols("wage ~ age", data).pairs_bootstrap(0, "region")
    with pytest.raises(InputError, match="cluster"):
        kp.feols("wage ~ age", data).pairs_bootstrap(9)


def test_permuted_treatments_are_regressions(data: pd.DataFrame) -> None:
    """Eight units: the draws are among all assignments, each estimated anew."""
    small = data[data["village"] < 8]
    fml = "wage ~ trained + age | region"
    fit = kp.feols(fml, small, weights="w")
    test, draws = fit.ritest("trained", "village", 300, seed=3, return_draws=True)
    exact = []
    for chosen in itertools.combinations(range(8), 4):
        given = small.assign(trained=small["village"].isin(chosen).astype(float))
        try:
            exact.append(kp.feols(fml, given, weights="w").coef()["trained"])
        except (InputError, KeyError):
            exact.append(0.0)
    gaps = np.abs(draws[:, None] - np.array(exact)[None]).min(axis=1)
    assert gaps.max() < 1e-8
    assert test["Estimate"] == fit.coef()["trained"]
    far = np.sum(np.abs(draws) >= abs(test["Estimate"]) * (1 - 1e-10))
    assert test["Pr(>|t|)"] == (far + 1) / 301
    share = np.mean(np.abs(exact) >= abs(test["Estimate"]) * (1 - 1e-10))
    assert abs(test["Pr(>|t|)"] - share) < 4 * math.sqrt(share * (1 - share) / 300) + 1 / 301


@pytest.mark.parametrize("cluster", [None, "village"])
def test_permuted_t_values_are_those_of_regressions(
    data: pd.DataFrame, cluster: str | None
) -> None:
    """Each draw of the t value is a regression's robust t value, up to the correction."""
    fml = "wage ~ trained + age | region"
    vcov = "hetero" if cluster is None else {"CRV1": cluster}
    correct = kp.ssc(k_adj=False, G_adj=False)
    small = data[data["village"] < (8 if cluster else 2)].reset_index(drop=True)
    if cluster is None:
        small = small.iloc[:8].assign(trained=[0.0, 1.0] * 4, region=[0, 0, 0, 0, 1, 1, 1, 1])
        units = np.arange(8)
    else:
        units = small["village"].to_numpy()
    fit = kp.feols(fml, small, vcov=vcov, ssc=correct)
    test, draws = fit.ritest(
        "trained", cluster, 200, "randomization-t", rng=np.random.default_rng(5), return_draws=True
    )
    exact = []
    for treated in itertools.combinations(range(8), 4):
        given = small.assign(trained=np.isin(units, treated).astype(float))
        own = kp.feols(fml, given, vcov=vcov, ssc=correct)
        exact.append(own.tstat()["trained"] if "trained" in own.coef() else 0.0)
    gaps = np.abs(draws[:, None] - np.array(exact)[None]).min(axis=1)
    assert gaps.max() < 1e-6
    far = np.sum(np.abs(draws) >= abs(fit.tstat()["trained"]) * (1 - 1e-9))
    assert test["Pr(>|t|)"] == (far + 1) / 201
    assert test["ri-type"] == "randomization-t"
    assert test.get("Cluster") == cluster
    p = test["Pr(>|t|)"]
    assert test["Std. Error (Pr(>|t|))"] == pytest.approx(math.sqrt(p * (1 - p) / 200))
    assert test["2.5% (Pr(>|t|))"] <= p <= test["97.5% (Pr(>|t|))"]
    for wrong, why in [
        ({"type": "randomization-z"}, "type"), ({"level": 1.5}, "level"),
        ({"choose_algorithm": "best"}, "choose_algorithm"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=why):
            fit.ritest("trained", cluster, 9, **wrong)
    with pytest.raises(InputError, match="changes nothing"):
        fit.ritest("trained=1", cluster, 9)


def test_permutations_stay_within_strata(data: pd.DataFrame) -> None:
    fit = kp.feols("wage ~ trained", data)
    _, draws = fit.ritest("trained", "village", 200, strata="region", return_draws=True)
    _, free = fit.ritest("trained", "village", 200, return_draws=True)
    # Half of each region is treated whatever the draw: regions' levels do not enter.
    within = kp.feols("wage ~ trained | region", data)
    _, swept = within.ritest("trained", "village", 200, strata="region", return_draws=True)
    np.testing.assert_allclose(draws, swept, atol=1e-10)
    assert np.std(free) > np.std(draws)
    with pytest.raises(InputError, match="vary within clusters"):
        fit.ritest("trained", "region", 9)
    with pytest.raises(InputError, match="within strata"):
        fit.ritest("trained", "village", 9, strata="age")
    with pytest.raises(InputError, match="coefficient"):
        fit.ritest("age", reps=9)


def test_joint_intervals_have_their_closed_forms(data: pd.DataFrame) -> None:
    fit = kp.feols("wage ~ age", data)
    low, high = fit.joint_confint(names=["age"], reps=200_000)["age"]
    reach = (high - low) / 2 / fit.se()["age"]
    assert reach == pytest.approx(norm.ppf(0.975), rel=0.006)
    rng = np.random.default_rng(4)
    n = 4000
    x = np.linalg.qr(rng.normal(size=(n, 4)))[0] * math.sqrt(n)
    frame = pd.DataFrame({f"x{at}": x[:, at] for at in range(4)}).assign(y=rng.normal(size=n))
    flat = kp.feols("y ~ 0 + x0 + x1 + x2 + x3", frame)
    low, high = flat.joint_confint(reps=200_000)["x1"]
    # Independent estimates: the largest of four.
    expected = norm.ppf(0.5 + 0.5 * 0.95**0.25)
    assert (high - low) / 2 / flat.se()["x1"] == pytest.approx(expected, rel=0.006)
    with pytest.raises(InputError, match="nothing"):
        fit.joint_confint(names=["nothing"])


def test_romano_wolf_steps_down(data: pd.DataFrame) -> None:
    fits = kp.feols("wage + hours + age ~ trained", data, {"CRV1": "region"})
    table = kp.rwolf(fits, "trained", 999, seed=3)
    pairs = [
        fit.wildboottest(999, param="trained", seed=3, return_bootstrapped_t_stats=True)
        for fit in fits
    ]
    t = np.abs([found["t value"] for found, _ in pairs])
    draws = np.abs(np.array([own for _, own in pairs]))
    left, smallest, expected = [0, 1, 2], 0.0, np.zeros(3)
    for model in np.argsort(-t):
        own = (1 + np.sum(draws[left].max(axis=0) >= t[model] * (1 - 1e-10))) / 1000
        smallest = expected[model] = max(smallest, own)
        left.remove(model)
    np.testing.assert_allclose(table["RW Pr(>|t|)"], expected)
    with pytest.raises(InputError, match="rows"):
        kp.rwolf([fits[0], kp.feols("wage ~ trained", data[:100])], "trained", 99, cluster="region")
    with pytest.raises(InputError, match="none"):
        kp.rwolf([], "trained")
