"""Estimators under exchangeable linkage errors, with the matrix E built and plain algebra.

The formulas are those of Chambers (2009) and Lahiri & Larsen (2005) as the R package postlink
states them for linear, logistic and Poisson regression; this is NumPy, written from the formulas,
not R itself. Writes expected.json beside this file: data, rates, estimates and variances.

    python make.py
"""

import json
from pathlib import Path

import numpy as np
import statsmodels
import statsmodels.api as sm

RATES = [0.95, 0.9, 0.8, 0.7]
AUDIT = [200, 150, 100, 80]


def matrix(block, rate):
    """E: within block q, (rate - gamma) I + gamma 11', gamma = (1 - rate) / (M - 1)."""
    n = len(block)
    out = np.zeros((n, n))
    for q in np.unique(block):
        at = np.flatnonzero(block == q)
        m = len(at)
        gamma = (1 - rate[q]) / (m - 1)
        out[np.ix_(at, at)] = (rate[q] - gamma) * np.eye(m) + gamma
    return out


def mean_and_slope(family, eta):
    if family == "gaussian":
        return eta, np.ones_like(eta)
    if family == "logit":
        f = 1 / (1 + np.exp(-eta))
        return f, f * (1 - f)
    f = np.exp(eta)
    return f, f


def variance(family, y, f, e, block, rate):
    own = np.zeros(len(y))
    for q in np.unique(block):
        at = block == q
        lam, mean, square = rate[q], f[at].mean(), (f[at] ** 2).mean()
        own[at] = (1 - lam) * (lam * (f[at] - mean) ** 2 + square - mean**2)
    if family == "gaussian":
        s2 = ((y - f) @ (y - f) - 2 * f @ (f - e @ f)) / len(y)
        return s2 + own
    v = f * (1 - f) if family == "logit" else f
    return e @ v + own


def solve(family, weighting, x, y, block, rate):
    e = matrix(block, rate)
    b = np.zeros(x.shape[1])
    if family == "poisson":
        b[0] = np.log(y.mean())
    for _ in range(200):
        f, d = mean_and_slope(family, x @ b)
        var = variance(family, y, f, e, block, rate)
        ed = e @ (d[:, None] * x)
        g = {"ratio": x, "lahiri-larsen": e @ x, "blue": ed / var[:, None]}[weighting]
        step = np.linalg.solve(g.T @ ed, g.T @ (y - e @ f))
        b = b + step
        if np.abs(step).max() < 1e-13:
            break
    f, d = mean_and_slope(family, x @ b)
    var = variance(family, y, f, e, block, rate)
    ed = e @ (d[:, None] * x)
    g = {"ratio": x, "lahiri-larsen": e @ x, "blue": ed / var[:, None]}[weighting]
    j = np.linalg.inv(g.T @ ed)
    delta = np.zeros_like(j)
    for q in np.unique(block):
        at = block == q
        m = at.sum()
        u = g[at].T @ (f[at] - f[at].mean())
        lam = rate[q]
        delta += (m / (m - 1)) ** 2 * lam * (1 - lam) / AUDIT[q] * np.outer(u, u)
    meat = (g * var[:, None]).T @ g
    robust = (g * ((y - e @ f) ** 2)[:, None]).T @ g
    n, k = x.shape
    return {
        "coef": b.tolist(),
        "model": (j @ meat @ j.T).ravel().tolist(),
        "audit": (j @ (meat + delta) @ j.T).ravel().tolist(),
        "robust": (n / (n - k) * j @ robust @ j.T).ravel().tolist(),
    }


def main():
    rng = np.random.default_rng(20260101)
    n = 160
    block = np.arange(n) % 4
    age = np.round(rng.normal(size=n) + 0.3 * block, 3)
    migrant = (rng.random(n) < 0.4).astype(float)
    x = np.column_stack([np.ones(n), age, migrant])
    linear = np.round(x @ [1.0, 2.0, -1.0] + rng.normal(size=n), 3)
    logit = (rng.random(n) < 1 / (1 + np.exp(-(x @ [0.2, 1.0, -0.8])))).astype(float)
    poisson = rng.poisson(np.exp(x @ [0.8, 0.4, -0.5])).astype(float)
    outcomes = {"gaussian": linear, "logit": logit, "poisson": poisson}
    rate = np.array(RATES)
    for y in outcomes.values():
        for q in range(4):
            at = np.flatnonzero(block == q)
            wrong = rng.choice(at, round((1 - rate[q]) * len(at)), replace=False)
            y[wrong] = y[np.roll(wrong, 1)]
    found = {}
    for family, y in outcomes.items():
        found[family] = {
            own: solve(family, own, x, y, block, rate) for own in ("ratio", "lahiri-larsen", "blue")
        }
    families = {
        "gaussian": sm.families.Gaussian(),
        "logit": sm.families.Binomial(),
        "poisson": sm.families.Poisson(),
    }
    plain = {
        family: sm.GLM(y, x, family=families[family]).fit(tol=1e-13).params.tolist()
        for family, y in outcomes.items()
    }
    answer = {
        "peer": f"NumPy {np.__version__} (formulas); statsmodels {statsmodels.__version__} (plain)",
        "block": block.tolist(),
        "age": age.tolist(),
        "migrant": migrant.tolist(),
        "rates": RATES,
        "audit": AUDIT,
        "outcomes": {own: y.tolist() for own, y in outcomes.items()},
        "found": found,
        "plain": plain,
    }
    path = Path(__file__).with_name("expected.json")
    path.write_text(json.dumps(answer, indent=1) + "\n")


if __name__ == "__main__":
    main()
