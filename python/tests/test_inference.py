"""Tests of hypotheses against their definitions, and bits that do not depend on threads."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 210
    region = rng.integers(0, 7, n)
    quarter = rng.integers(0, 5, n)
    person = region * 10 + rng.integers(0, 6, n)
    age = rng.normal(size=n) + 0.3 * quarter
    trained = (rng.normal(size=n) + 0.4 * region > 1).astype(float)
    error = rng.normal(size=n) + rng.normal(size=7)[region] * trained
    return pd.DataFrame(
        {
            "region": region,
            "quarter": quarter,
            "person": person,
            "age": age,
            "trained": trained,
            "wage": 0.3 * trained + 0.1 * age + 0.2 * quarter + error,
            "w": rng.uniform(0.5, 2.0, n),
        }
    )


def _design(panel: pd.DataFrame, effects: list[str]) -> np.ndarray:
    columns = [panel["trained"], panel["age"]]
    parts = [np.column_stack(columns)]
    parts += [pd.get_dummies(panel[name]).to_numpy(float) for name in effects]
    if not effects:
        parts.append(np.ones((len(panel), 1)))
    return np.hstack(parts)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("effects", [["quarter", "person"], ["region", "quarter", "person"]])
def test_leverage_counts_several_effects(
    panel: pd.DataFrame, effects: list[str], *, weighted: bool
) -> None:
    panel = panel[panel.groupby("person")["person"].transform("size") > 2]
    root = np.sqrt(panel["w"].to_numpy()) if weighted else np.ones(len(panel))
    x = _design(panel, effects) * root[:, None]
    hat = np.einsum("ij,ji->i", x, np.linalg.pinv(x))
    fml = f"wage ~ trained + age | {' + '.join(effects)}"
    fit = kp.feols(fml, panel, weights="w" if weighted else None, fixef_rm="none")
    inner = np.linalg.pinv(x)[:2]
    residuals = fit.resid() * root
    plain = kp.ssc(k_adj=False)
    for vcov, power in [("HC2", 1.0), ("HC3", 2.0)]:
        meat = residuals**2 / (1 - hat) ** power
        own = kp.feols(
            fml, panel, vcov, weights="w" if weighted else None, ssc=plain, fixef_rm="none"
        )
        expected = np.sqrt(np.einsum("ki,i,ki->k", inner, meat, inner))
        np.testing.assert_allclose(np.asarray(own.se()), expected, rtol=1e-8)


def test_leverage_of_too_many_levels_is_refused() -> None:
    rows = np.arange(9000)
    table = {"a": rows // 3, "b": (rows * 7) % 2500, "x": np.sin(rows), "y": np.cos(rows)}
    with pytest.raises(InputError, match="2,000 levels"):
        kp.feols("y ~ x | a + b", table, "HC3")


def test_nonlinear_hypotheses_by_the_delta_method(panel: pd.DataFrame) -> None:
    fit = kp.feols("wage ~ trained + age", panel, vcov="hetero")
    b, v = np.asarray(fit.coef()), fit.vcov_matrix()
    names = fit.coef().index
    t, a = names.index("trained"), names.index("age")
    found = fit.wald_test(lambda own: own["trained"] / own["age"], q=1.5)
    slope = np.zeros(len(b))
    slope[t], slope[a] = 1 / b[a], -b[t] / b[a] ** 2
    expected = (b[t] / b[a] - 1.5) ** 2 / (slope @ v @ slope)
    assert found["statistic"] == pytest.approx(expected, rel=1e-6)
    linear = fit.wald_test(lambda own: np.asarray(own)[[t, a]])
    assert linear["statistic"] == pytest.approx(fit.wald_test(["trained", "age"])["statistic"])
    with pytest.raises(InputError, match="not finite"):
        fit.wald_test(lambda own: own["age"] * np.nan)
    with pytest.raises(InputError, match="`q`"):
        fit.wald_test(lambda own: own["age"], q=[1.0, 2.0])


_BITS = """
import hashlib
import sys
import numpy as np
import kruispunt as kp
kp.set_threads(int(sys.argv[1]))
rng = np.random.default_rng(2)
n = 60_000
person, employer, quarter = rng.integers(0, 9_000, n), rng.integers(0, 700, n), rng.integers(0, 20, n)
age = rng.normal(size=n) + 0.1 * quarter
hours = rng.poisson(np.exp(0.2 * age + 0.01 * (employer % 9)))
table = {"person": person, "employer": employer, "quarter": quarter, "age": age, "hours": hours}
bits = hashlib.sha256()
for fit in (
    kp.feols("hours ~ age | person + employer + quarter", table, {"CRV1": "person+quarter"}),
    kp.fepois("hours ~ age | employer + quarter", table, {"CRV1": "quarter"}),
):
    bits.update(fit.coef().to_numpy().tobytes() + fit.vcov_matrix().tobytes())
    bits.update(fit.resid().tobytes())
print(bits.hexdigest())
"""


def test_one_and_two_threads_give_the_same_bits() -> None:
    found = set()
    for threads in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-c", _BITS, threads],
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout.strip())
    assert len(found) == 1
