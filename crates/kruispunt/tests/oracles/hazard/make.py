"""Expectations for curves and models of durations, from lifelines and statsmodels.

python make.py   (in an environment with lifelines 0.30.3, statsmodels 0.15.0, pandas and numpy)
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from lifelines import (
    AalenJohansenFitter,
    CoxPHFitter,
    CoxTimeVaryingFitter,
    KaplanMeierFitter,
    NelsonAalenFitter,
)
from lifelines.statistics import multivariate_logrank_test

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20261123)
n = 240
x1, x2 = rng.normal(size=n).round(3), (rng.random(n) < 0.4).astype(int)
group = rng.choice(["a", "b", "c"], n)
town = rng.integers(1, 31, n)
weight = rng.integers(1, 4, n)
rate = np.exp(0.5 * x1 - 0.6 * x2 + 0.3 * (group == "b"))
exact = rng.exponential(10 / rate).round(6) + 0.01
other = rng.exponential(18, n).round(6) + 0.01
end = rng.uniform(1, 30, n).round(6)
cause = np.where((exact < other) & (exact < end), 1, np.where(other < end, 2, 0))
exact = np.minimum.reduce([exact, other, end])
quarters = np.ceil(exact).astype(int)
entry = np.where(rng.random(n) < 0.3, np.minimum(rng.integers(0, 8, n), quarters - 1), 0)
data = pd.DataFrame(
    {
        "person": np.arange(1, n + 1),
        "quarters": quarters,
        "exact": exact,
        "entry": entry,
        "cause": cause,
        "event": (cause > 0).astype(int),
        "group": group,
        "town": town,
        "weight": weight,
        "x1": x1,
        "x2": x2,
    }
)


def numbers(values):
    return [None if pd.isna(v) else float(v) for v in np.asarray(values, dtype=float)]


def kaplan_meier(rows, **options):
    fit = KaplanMeierFitter().fit(rows.quarters, rows.event, **options)
    table = fit.event_table[fit.event_table.removed > 0]
    at = table.index
    bounds = fit.confidence_interval_
    hazard = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(
        rows.quarters, rows.event, **options
    )
    return {
        "time": numbers(at),
        "survival": numbers(fit.survival_function_.loc[at].iloc[:, 0]),
        "low": numbers(bounds.loc[at].iloc[:, 0]),
        "high": numbers(bounds.loc[at].iloc[:, 1]),
        "hazard": numbers(hazard.cumulative_hazard_.loc[at].iloc[:, 0]),
        "median": float(fit.median_survival_time_),
    }


def cox(rows, columns, **options):
    fit = CoxPHFitter().fit(
        rows[columns],
        "quarters",
        "event",
        fit_options={"precision": 1e-18, "r_precision": 1e-17, "step_size": 1.0},
        **options,
    )
    return {
        "coef": dict(fit.params_),
        "vcov": fit.variance_matrix_.to_numpy().ravel().tolist(),
        "se": dict(fit.standard_errors_),
        "log_likelihood": float(fit.log_likelihood_),
    }


found = {
    "km": {g: kaplan_meier(data[data.group == g]) for g in "abc"},
    "km_entry": kaplan_meier(data, entry=data.entry),
    "km_weights": kaplan_meier(data, weights=data.weight),
}
test = multivariate_logrank_test(data.quarters, data.group, data.event)
found["logrank"] = {"statistic": float(test.test_statistic), "p_value": float(test.p_value)}
test = multivariate_logrank_test(
    data.quarters, data.group, data.event, weightings="fleming-harrington", p=1, q=0
)
found["logrank_rho1"] = {"statistic": float(test.test_statistic), "p_value": float(test.p_value)}
for k in (1, 2):
    fit = AalenJohansenFitter().fit(data.exact, data.cause, event_of_interest=k)
    own = fit.cumulative_density_.iloc[1:]
    found[f"aj_{k}"] = {
        "time": numbers(own.index),
        "incidence": numbers(own.iloc[:, 0]),
        "variance": numbers(fit.variance_.iloc[1:]),
    }
own = ["quarters", "event", "x1", "x2"]
found["cox"] = cox(data, own)
found["cox_entry"] = cox(data, [*own, "entry"], entry_col="entry")
found["cox_weights"] = cox(data, [*own, "weight"], weights_col="weight")
found["cox_strata"] = cox(data, [*own, "group"], strata=["group"])
# The robust errors of lifelines forget ties: compared without any.
untied = data.assign(quarters=data.exact)
found["cox_robust"] = cox(untied, own, robust=True)
found["cox_cluster"] = cox(untied, [*own, "town"], cluster_col="town")
# Two rows a person: a covariate that changes after four quarters.
first, second = data.copy(), data[data.quarters > 4].copy()
first["start"], first["stop"] = 0, np.minimum(first.quarters, 4)
first["event"] = np.where(first.quarters > 4, 0, first.event)
second["start"], second["stop"] = 4, second.quarters
first["late"], second["late"] = 0, second.x2
rows = pd.concat([first, second]).sort_values(["person", "start"])
fit = CoxTimeVaryingFitter().fit(
    rows[["person", "start", "stop", "event", "x1", "late"]],
    id_col="person",
    event_col="event",
    start_col="start",
    stop_col="stop",
    fit_options={"precision": 1e-18, "r_precision": 1e-17, "step_size": 1.0},
)
found["cox_varying"] = {
    "coef": dict(fit.params_),
    "se": dict(fit.standard_errors_),
    "log_likelihood": float(fit.log_likelihood_),
}

# Person-period rows from entry on; durations of 12 and more are one.
long = data.loc[data.index.repeat(data.quarters - data.entry)].copy()
long["duration"] = long.groupby("person").cumcount() + 1 + long.entry
last = long.duration == long.quarters
long["exit"] = np.where(last, long.event, 0)
long["why"] = np.where(last, long.cause, 0)
long["duration"] = np.minimum(long.duration, 12)
dummies = pd.get_dummies(long.duration, prefix="d").astype(float)
design = pd.concat([long[["x1", "x2"]].astype(float), dummies], axis=1)
links = {"logit": sm.families.links.Logit(), "cloglog": sm.families.links.CLogLog()}
for name, link in links.items():
    model = sm.GLM(long.exit, design, family=sm.families.Binomial(link))
    fit = model.fit(tol=1e-14, maxiter=100)
    # fisher scoring: the expected information, as ours
    eta = np.asarray(fit.fittedvalues)
    eta = link(eta)
    mean = link.inverse(eta)
    slope = link.inverse_deriv(eta)
    x = design.to_numpy()
    info = (x * (slope**2 / (mean * (1 - mean)))[:, None]).T @ x
    bread = np.linalg.inv(info)
    score = x * (slope * (long.exit - mean) / (mean * (1 - mean))).to_numpy()[:, None]
    sums = pd.DataFrame(score).groupby(long.town.to_numpy()).sum().to_numpy()
    g = len(sums)
    found[name] = {
        "names": list(design.columns),
        "coef": numbers(fit.params),
        "se": numbers(np.sqrt(np.diag(bread))),
        "cluster_se": numbers(np.sqrt(np.diag(bread @ sums.T @ sums @ bread) * g / (g - 1))),
        "log_likelihood": float(fit.llf),
        "n": len(long),
    }
# 1 and 2 quarters have few of either cause: a baseline of three levels.
long["phase"] = np.select([long.duration <= 3, long.duration <= 8], [1, 2], 3)
design = pd.concat(
    [long[["x1", "x2"]].astype(float), pd.get_dummies(long.phase, prefix="p").astype(float)], axis=1
)
fit = sm.MNLogit(long.why, design).fit(method="newton", maxiter=100, disp=0, tol=1e-14)
found["multinomial"] = {
    "names": list(design.columns),
    "coef": np.asarray(fit.params).T.tolist(),
    "se": np.asarray(fit.bse).T.tolist(),
    "log_likelihood": float(fit.llf),
}
rates = {
    "peers": {name: version(name) for name in ("lifelines", "statsmodels", "numpy")},
    "data": {name: data[name].tolist() for name in data.columns},
    "expected": found,
}
Path(__file__).with_name("expected.json").write_text(json.dumps(rates, indent=1) + "\n")
