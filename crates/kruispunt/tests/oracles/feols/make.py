"""Writes expected.json: pyfixest's coefficients, covariances and goodness on a small panel.

pyfixest 0.60 collects the effects in a Python set, so that clustered standard errors of models
with a nested effect follow the hash seed of the process. Here its effects keep the order of the
formula; the numbers then agree with R's fixest.
"""

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest as pf
from pyfixest.estimation.formula import model_matrix
from pyfixest.estimation.formula import utils as formula_utils

warnings.simplefilter("ignore")


class _Ordered:
    """`set`, but in order."""

    def __new__(cls, items=()):
        return dict.fromkeys(items)


formula_utils.set = _Ordered  # used by _encode_fixed_effects alone
assert model_matrix._encode_fixed_effects is formula_utils._encode_fixed_effects

rng = np.random.default_rng(20261123)
persons, quarters, firms = 40, 12, 6
person = np.repeat(np.arange(persons), quarters)
quarter = np.tile(np.arange(quarters), persons)
keep = rng.uniform(size=person.size) < 0.8
person, quarter = person[keep], quarter[keep]
n = person.size
region = person % 4
firm = (person + (rng.uniform(size=n) < 0.3) * rng.integers(0, firms, n)) % firms
start = rng.integers(3, 20, persons)[person]
trained = (quarter >= start).astype(int)
age = 20.0 + person * 0.7 + quarter / 4 + rng.normal(0, 2, n)
hours = rng.gamma(4, 9, n)
sector = np.array(["care", "industry", "trade"])[rng.integers(0, 3, n)]
grade = np.array([1.0, 2.5, 4.0])[rng.integers(0, 3, n)]
weight = rng.uniform(0.3, 3.0, n)
wage = (
    1500
    + 80 * trained
    + 4 * age
    + 0.9 * hours
    + 60 * rng.normal(size=persons)[person]
    + 15 * rng.normal(size=quarters)[quarter]
    + 25 * rng.normal(size=firms)[firm]
    + 40 * rng.normal(size=n)
)
rare = np.where(np.arange(n) % 97 == 5, 1000 + np.arange(n), person % 9)
data = pd.DataFrame(
    {
        "person": person,
        "quarter": quarter,
        "firm": firm,
        "region": region,
        "rare": rare,
        "trained": trained,
        "age": age,
        "hours": hours,
        "sector": sector,
        "grade": grade,
        "weight": weight,
        "wage": wage,
        "event": quarter - np.minimum(start, 11),
    }
)
data.loc[[7, 19], "hours"] = np.nan
data.loc[[19, 33], "sector"] = None

IID, HET = "iid", "hetero"
PERSON, TWO = {"CRV1": "person"}, {"CRV1": "person+quarter"}
CASES = [
    ("wage ~ trained + age + hours", [IID, HET, PERSON, TWO], None),
    ("wage ~ trained + age + hours", [IID, HET, PERSON], "weight"),
    ("wage ~ trained - 1", [IID, HET], None),
    ("wage ~ trained + age | person", [IID, HET, PERSON, {"CRV1": "region"}], None),
    ("wage ~ trained + age + hours | person + quarter", [IID, HET, PERSON, TWO], None),
    ("wage ~ trained + age + hours | person + quarter", [IID, HET, PERSON, TWO], "weight"),
    ("wage ~ trained + age | person + firm + quarter", [IID, HET, PERSON, {"CRV1": "firm"}], None),
    ("wage ~ trained + age | person + firm + quarter", [IID, PERSON], "weight"),
    ("wage ~ trained + age | person^region + quarter", [IID, {"CRV1": "region"}], None),
    ("wage ~ trained | sector^quarter", [IID, {"CRV1": "firm"}], None),
    ("wage ~ trained + age | rare + quarter", [IID, {"CRV1": "rare"}], None),
    ("log(wage) ~ trained*age + sector", [IID, HET], None),
    ("wage ~ sector:hours + C(firm)", [IID], None),
    ("wage ~ sector*C(grade) + I(age ** 2)", [IID], None),
    ("wage ~ i(sector) + age", [IID], None),
    ("wage ~ i(sector, hours) | person", [IID, PERSON], None),
    ("wage ~ i(sector, hours, ref='trade') | person", [PERSON], None),
    ("wage ~ i(event, ref=-1) | person + quarter", [IID], None),
    ("wage ~ i(grade, ref=2.5) + sector | quarter", [IID, {"CRV1": "quarter"}], None),
    ("wage ~ age + i(grade, sector) | quarter", [IID], None),
    ("wage ~ trained + region + age | person", [PERSON], None),
    ("wage ~ 1 | person", [], None),
]
SSC = [
    {"k_adj": False},
    {"G_adj": False},
    {"k_fixef": "none"},
    {"k_fixef": "full"},
    {"G_df": "conventional"},
]


def numbers(values):
    return [float(value) for value in np.asarray(values).ravel()]


def fit(formula, vcov, weights, **ssc):
    extra = {"ssc": pf.ssc(**ssc)} if ssc else {}
    demeaner = pf.MapDemeaner(fixef_tol=1e-13, fixef_maxiter=100_000)
    return pf.feols(formula, data, vcov=vcov, weights=weights, demeaner=demeaner, **extra)


def covariance(model, vcov):
    kind = vcov if isinstance(vcov, str) else "CRV1"
    names = [] if isinstance(vcov, str) else vcov["CRV1"].split("+")
    return {
        "kind": kind,
        "clusters": names,
        "se": numbers(model.se()),
        "p": numbers(model.pvalue()),
        "low": numbers(model.confint().iloc[:, 0]),
    }


cases = []
for formula, vcovs, weights in CASES:
    first = fit(formula, IID, weights)
    cases.append(
        {
            "formula": formula,
            "weights": weights,
            "n": int(first._N),
            "names": [str(name) for name in first.coef().index] if vcovs else [],
            "coef": numbers(first.coef()) if vcovs else [],
            "r2": float(first._r2) if vcovs else None,
            "adj_r2": float(first._adj_r2) if vcovs else None,
            "within_r2": float(first._r2_within) if vcovs and "|" in formula else None,
            "rmse": float(first._rmse) if vcovs else None,
            "dropped": [str(name) for name in (getattr(first, "_collin_vars", None) or [])],
            "vcov": [covariance(fit(formula, vcov, weights), vcov) for vcov in vcovs],
        }
    )
for options in SSC:
    formula = "wage ~ trained + age + hours | person + quarter"
    cases.append(
        {
            "formula": formula,
            "weights": None,
            "ssc": options,
            "vcov": [covariance(fit(formula, v, None, **options), v) for v in (IID, PERSON, TWO)],
        }
    )
crv3 = pf.feols("wage ~ trained + age", data, vcov={"CRV3": "person"})
cases.append(
    {
        "formula": "wage ~ trained + age",
        "weights": None,
        "vcov": [{**covariance(crv3, IID), "kind": "CRV3", "clusters": ["person"]}],
    }
)
for formula, weights, wanted in [
    ("wage ~ trained + age + hours", None, ["HC2", "HC3"]),
    ("wage ~ trained + age + hours", "weight", ["HC2", "HC3"]),
]:
    kinds = [{**covariance(fit(formula, kind, weights), IID), "kind": kind} for kind in wanted]
    cases.append({"formula": formula, "weights": weights, "vcov": kinds})
# Jackknives with effects: those of pyfixest, which estimates again without each cluster.
for formula, weights, cluster in [
    ("wage ~ trained + age | person", None, "person"),
    ("wage ~ trained + age | person + quarter", None, "person"),
    ("wage ~ trained + age | quarter", "weight", "region"),
]:
    model = fit(formula, {"CRV3": cluster}, weights)
    kind = {**covariance(model, IID), "kind": "CRV3", "clusters": [cluster]}
    cases.append({"formula": formula, "weights": weights, "vcov": [kind]})
# Without gaps: pyfixest pairs neighbouring rows of a person, kruispunt periods.
whole = data[data.groupby("person")["quarter"].transform("count") == 12]
series = whole.groupby("quarter").first().reset_index()
panels = []
for frame, formula, weights, kind, options in [
    (whole, "wage ~ trained + age", None, "NW", {"time_id": "quarter", "panel_id": "person"}),
    (
        whole,
        "wage ~ trained + age",
        None,
        "NW",
        {"time_id": "quarter", "panel_id": "person", "lag": 3},
    ),
    (
        whole,
        "wage ~ age | person",
        "weight",
        "NW",
        {"time_id": "quarter", "panel_id": "person", "lag": 2},
    ),
    (
        whole,
        "wage ~ age | person + quarter",
        None,
        "NW",
        {"time_id": "quarter", "panel_id": "person", "lag": 1},
    ),
    (whole, "wage ~ trained + age", None, "DK", {"time_id": "quarter", "panel_id": "person"}),
    (
        whole,
        "wage ~ age | person",
        "weight",
        "DK",
        {"time_id": "quarter", "panel_id": "person", "lag": 2},
    ),
    (series, "wage ~ age", None, "NW", {"time_id": "quarter", "lag": 2}),
]:
    demeaner = pf.MapDemeaner(fixef_tol=1e-13, fixef_maxiter=100_000)
    model = pf.feols(
        formula, frame, vcov=kind, vcov_kwargs=options, weights=weights, demeaner=demeaner
    )
    panels.append(
        {
            "formula": formula,
            "weights": weights,
            "kind": kind,
            "series": frame is series,
            **options,
            "se": numbers(model.se()),
            "low": numbers(model.confint().iloc[:, 0]),
        }
    )
columns = {
    name: [None if pd.isna(value) else value for value in data[name].tolist()] for name in data
}
out = {"source": f"pyfixest {pf.__version__}", "data": columns, "cases": cases, "periods": panels}
text = re.sub(r"\n\s+(?=[-\d\"n\]])", " ", json.dumps(out, indent=1))
Path(__file__).with_name("expected.json").write_text(text + "\n")
