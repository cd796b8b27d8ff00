"""Effects on the treated and sensitivity, against DRDID on LaLonde's data and by hand."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import EstimationError, InputError

ORACLES = os.environ.get("KRUISPUNT_ORACLES")


@pytest.fixture(scope="module")
def lalonde() -> tuple[Any, dict[str, Any]]:
    """Earnings of 1978 less those of 1975, as DRDID's readme has them."""
    if ORACLES is None:
        pytest.skip("KRUISPUNT_ORACLES names no folder of reference data")
    pl = pytest.importorskip("polars")
    folder = Path(ORACLES) / "nsw_long"
    long = pl.read_parquet(folder / "nsw_long.parquet")
    long = long.filter((pl.col("treated") == 0) | (pl.col("sample") == 2))
    before = long.filter(pl.col("year") == 1975)
    after = long.filter(pl.col("year") == 1978).select("id", later="re")
    wide = before.join(after, on="id").with_columns(change=pl.col("later") - pl.col("re"))
    expected = json.loads((folder / "reference.json").read_text())["DRDID_panel_readme_sample"]
    return wide, expected


@pytest.mark.parametrize(
    ("method", "name"),
    [("ipw", "ipw_normalized_TRUE"), ("dr", "drdid_trad"), ("regression", "reg")],
)
def test_lalonde_is_as_drdid_has_it(lalonde: Any, method: Any, name: str) -> None:
    wide, expected = lalonde
    fit = kp.att(
        "change ~ age + educ + black + married + nodegree + hisp + re74",
        wide,
        treated="experimental",
        method=method,
    )
    effect, error = expected[name][:2]
    n = fit.n_obs
    assert abs(fit.coef()["experimental"] - effect) < 1e-6 * abs(effect)
    # R divides by n - 1
    assert abs(fit.se()["experimental"] * np.sqrt(n / (n - 1)) - error) < 1e-6 * error


def people(n: int = 3000, seed: int = 1) -> dict[str, Any]:
    """Make people whose training depends on age and record, and pays 2."""
    random = np.random.default_rng(seed)
    age, record = random.normal(size=n), random.random(n)
    chance = 1 / (1 + np.exp(-(-1 + 0.7 * age + record)))
    trained = (random.random(n) < chance).astype(int)
    days = 1 + age + 2 * record + 0.5 * age**2 * record + 2 * trained + random.normal(size=n)
    household = np.arange(n) // 2
    return {"days": days, "age": age, "record": record, "trained": trained, "household": household}


@pytest.mark.parametrize("method", ["entropy", "ipw", "regression", "dr"])
def test_the_effect_comes_back_and_covariates_balance(method: Any) -> None:
    fml = "days ~ age + record + I(age**2 * record)"
    hits = 0
    for seed in range(40):
        fit = kp.att(fml, people(800, seed), treated="trained", method=method)
        hits += abs(fit.coef()["trained"] - 2) < 1.96 * fit.se()["trained"]
    assert hits >= 34
    data = people()
    fit = kp.att(fml, data, treated="trained", method=method, cluster="household")
    assert fit.clusters == {"household": 1500}
    after = np.abs(fit.balance()["difference_after"])
    if method == "entropy":
        assert after.max() < 1e-8
        control = data["trained"] == 0
        assert abs(fit.weights[control].sum() - (~control).sum()) < 1e-6
        assert 0 < fit.effective_controls < control.sum()
    elif method != "regression":
        assert after.max() < 0.1
    again = pickle.loads(pickle.dumps(fit))
    assert again.coef() == fit.coef()
    assert again.weights.tolist() == fit.weights.tolist()


def test_what_cannot_be_answered_is_said() -> None:
    data = people(200)
    with pytest.raises(EstimationError, match="overlap"):
        kp.att(
            "days ~ x", {**data, "x": data["trained"] * 10.0 + data["age"] * 0.1}, treated="trained"
        )
    with pytest.raises(InputError, match="neither 0 nor 1"):
        kp.att("days ~ age", {**data, "trained": data["trained"] * 2}, treated="trained")
    with pytest.raises(InputError, match="bar"):
        kp.att("days ~ age | record", data, treated="trained")
    with pytest.raises(EstimationError, match="everybody is treated"):
        kp.att("days ~ age", {**data, "trained": np.ones(200)}, treated="trained")


def test_sensitivity_by_hand() -> None:
    strength = kp.e_value(3.9, 1.8, 8.7)
    np.testing.assert_allclose(strength, (7.26, 3.0), atol=0.01)
    assert kp.e_value(1.2, 0.9, 1.5)[1] == 1.0
    assert kp.oster((2.0, 0.0), (1.0, 0.5), 1.0) == {"adjusted": 0.0, "delta": 1.0}
    with pytest.raises(InputError, match="ratio"):
        kp.e_value(-1.0, 0.5, 2.0)
    with pytest.raises(InputError, match="long"):
        kp.oster((1.0, 0.5), (1.0, 0.4))
