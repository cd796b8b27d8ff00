"""Expectations for extended two-way regressions with covariates, by dummies written out.

python make.py [mpdta.csv]   (in an environment with numpy, pandas and statsmodels 0.15)

The specification is that of R's `etwfe`: a dummy for each cohort and treated period (with never
treated controls: each period but the last before treatment), each interacted with covariates less
their cohort's mean, and covariates interacted with cohorts and with periods. The effect of a cell
is the mean over its rows of the change that its terms make to the prediction; errors by the delta
method, by unit or cluster. The linear model has unit effects, counts and shares those of cohorts.
The panel is that of `../did/expected.json`; with a path the numbers that `etwfe` prints for
mpdta (its test of `emfx`) are checked too.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm

here = Path(__file__).parent
did = json.loads((here.parent / "did/expected.json").read_text())["data"]
designs = json.loads((here.parent / "designs/expected.json").read_text())
data = pd.DataFrame(did)
data["count"], data["high"] = designs["count"], designs["high"]
rng = np.random.default_rng(11)
data["z"] = (rng.normal(size=len(data)) + 0.3 * data["x1"] + 0.1 * (data["year"] - 2012)).round(3)
data["holes"] = rng.random(len(data)) < 0.12
LINKS = {
    "linear": (lambda eta: eta, np.ones_like),
    "poisson": (np.exp, np.exp),
    "logit": (
        lambda eta: 1 / (1 + np.exp(-eta)),
        lambda eta: np.exp(eta) / (1 + np.exp(eta)) ** 2,
    ),
}


def independent(x, tol=1e-9):
    """Choose columns from the left that do not depend on those before."""
    kept, basis = [], np.empty((len(x), 0))
    for at in range(x.shape[1]):
        own = x[:, at] - basis @ (basis.T @ x[:, at])
        own -= basis @ (basis.T @ own)
        if np.linalg.norm(own) > tol * max(np.linalg.norm(x[:, at]), 1e-300):
            kept.append(at)
            basis = np.column_stack([basis, own / np.linalg.norm(own)])
    return kept


def extended(
    rows, outcome, covariates, *, family="linear", never=False, cluster="person", weights=None,
    unit_effects=None, averages=(),
):  # fmt: skip
    """Fit by dummies; give the effect of each cell, and of `averages` of cells."""
    d = rows.reset_index(drop=True)
    n = len(d)
    w = np.ones(n) if weights is None else d[weights].to_numpy(float)
    first, year = d["first"].to_numpy(), d["year"].to_numpy()
    starts = sorted(set(first[first > 0]))
    years = sorted(set(year))
    unit_effects = family == "linear" if unit_effects is None else unit_effects
    level = d["person"] if unit_effects else d["first"]
    x = np.empty((n, len(covariates)))
    for at, name in enumerate(covariates):
        values = d[name].to_numpy(float)
        for g in sorted(set(first)):
            own = first == g
            x[own, at] = values[own] - np.average(values[own], weights=w[own])
    raw = d[covariates].to_numpy(float)
    cells = [(g, t) for g in starts for t in years if (t >= g or (never and t != g - 1))]
    columns = [(level == v).to_numpy(float) for v in sorted(set(level))]
    nuisance = len(columns)
    columns += [(year == t).astype(float) for t in years[1:]]
    for at in range(len(covariates)):
        columns += [(year == t) * raw[:, at] for t in years]
        columns += [(first == g) * raw[:, at] for g in sorted(set(first))]
    base = len(columns)
    columns += [((first == g) & (year == t)).astype(float) for g, t in cells]
    for at in range(len(covariates)):
        columns += [((first == g) & (year == t)) * x[:, at] for g, t in cells]
    full = np.column_stack(columns)
    kept = independent(full * np.sqrt(w)[:, None])
    design = full[:, kept]
    y = d[outcome].to_numpy(float)
    mean, slope = LINKS[family]
    if family == "linear":
        root = np.sqrt(w)[:, None]
        coef = np.linalg.lstsq(design * root, y * root[:, 0], rcond=None)[0]
    else:
        law = sm.families.Poisson() if family == "poisson" else sm.families.Binomial()
        model = sm.GLM(y, design, family=law, freq_weights=w)
        coef = model.fit(tol=1e-14, maxiter=200, tol_criterion="params").params
    eta = design @ coef
    bread = np.linalg.inv(design.T @ (design * (w * slope(eta))[:, None]))
    scores = design * (w * (y - mean(eta)))[:, None]
    groups = pd.factorize(d[cluster])[0]
    sums = np.zeros((groups.max() + 1, design.shape[1]))
    np.add.at(sums, groups, scores)
    g = len(sums)
    k = len(kept) - (nuisance - 1 if unit_effects else 0)
    factor = (n - 1) / (n - k) * g / (g - 1)
    vcov = factor * bread @ (sums.T @ sums) @ bread
    treated = np.array(kept) >= base
    without = design * ~treated
    eta0 = without @ coef

    def effect(own):
        own_w = w * own / np.sum(w * own)
        value = own_w @ (mean(eta) - mean(eta0))
        gradient = own_w @ (design * slope(eta)[:, None] - without * slope(eta0)[:, None])
        return value, float(np.sqrt(gradient @ vcov @ gradient))

    found = []
    for g0, t in cells:
        value, error = effect((first == g0) & (year == t))
        found.append({"cohort": int(g0), "t": int(t), "att": float(value), "se": error})
    return found, [effect(own(first, year)) for own in averages], (n, k)


def check_mpdta(path):
    """The numbers that R's etwfe prints for lemp given lpop: the same specification."""
    own = pd.read_csv(path).rename(columns={"first.treat": "first", "countyreal": "person"})
    averages = [
        lambda g, t: (g > 0) & (t >= g),
        *[lambda g, t, at=at: (g > 0) & (t >= g) & (t == at) for at in range(2004, 2008)],
        *[lambda g, t, at=at: (g == at) & (t >= g) for at in (2004, 2006, 2007)],
        *[lambda g, t, at=at: (g > 0) & (t - g == at) for at in (0, 1)],
    ]
    # cohort effects, as etwfe has them: errors differ from those with unit effects by (N - K) alone
    _, found, size = extended(own, "lemp", ["lpop"], averages=averages, unit_effects=False)
    printed = [
        (-0.0506270331228907, 0.0124972546529842), (-0.0212480022225509, 0.02172401),
        (-0.0818499992698648, 0.02736938), (-0.0442655912990223, 0.01737336),
        (-0.0524323095862384, 0.01501583), (-0.0876269608795944, None),
        (-0.0212783329358987, None), (-0.0459545277368072, None),
        (-0.0332122037837542, 0.0133659635774059), (-0.0573456479257483, 0.0171496442892364),
    ]  # fmt: skip
    print("N, K with cohort effects", size)
    for (value, error), (att, se) in zip(found, printed, strict=True):
        print(f"{value:.13f} {att:.13f} {value - att:.1e}  {error:.10f} {se} ", end="")
        print("" if se is None else f"ratio {error / se:.9f}")
    _, found, size = extended(own, "lemp", ["lpop"], averages=averages)
    print("with unit effects: N, K", size, found[0])


holed = data[~data["holes"]]
cases = [
    {"covariates": ["x1"]},
    {"covariates": ["x1", "x2"], "never": True},
    {"covariates": ["z"], "cluster": "town"},
    {"covariates": ["x1", "z"], "weights": "weight"},
    {"covariates": ["x1", "z"], "holes": True},
    {"covariates": ["x1", "z"], "holes": True, "never": True, "weights": "weight"},
    {"outcome": "count", "family": "poisson", "covariates": ["x1"]},
    {"outcome": "count", "family": "poisson", "covariates": ["x1", "z"], "holes": True,
     "weights": "weight", "cluster": "town"},
    {"outcome": "count", "family": "poisson", "covariates": ["z"], "never": True},
    {"outcome": "high", "family": "logit", "covariates": ["x1"]},
    {"outcome": "high", "family": "logit", "covariates": ["z"], "holes": True, "cluster": "town"},
]  # fmt: skip
if __name__ == "__main__":
    if len(sys.argv) > 1:
        check_mpdta(sys.argv[1])
    for case in cases:
        own = {"outcome": "y", **case}
        rows = holed if own.pop("holes", False) else data
        case["effects"] = extended(rows, **own)[0]
        print(case["covariates"], case["effects"][0])
    own = {
        "made_by": f"make.py with statsmodels {version('statsmodels')}, numpy {np.__version__}",
        "z": data["z"].tolist(),
        "holes": data["holes"].tolist(),
        "cases": cases,
    }
    (here / "expected.json").write_text(json.dumps(own, indent=None) + "\n", encoding="utf-8")
