"""Writes expected.json: pyfixest's instruments, Poisson, logit and probit on the panel of ../feols.

pyfixest's own tolerance is set far below the default, so that its numbers are exact. Separation:
small data whose separated rows follow from the definition (Correia, Guimaraes & Zylkin 2019).
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest as pf

warnings.simplefilter("ignore")
here = Path(__file__).parent
data = pd.DataFrame(json.loads((here.parent / "feols" / "expected.json").read_text())["data"])
data["sector"] = data["sector"].astype(object)
data["busy"] = (data["hours"] > 30).where(data["hours"].notna()).astype(float)
data["many"] = (data["hours"] // 7).astype(float)
data.loc[data["person"] == 3, "many"] = 0.0

PERSON = {"CRV1": "person"}
INSTRUMENTS = [
    ("wage ~ trained | hours ~ age", ["iid", "hetero", PERSON], None),
    ("wage ~ trained | person | hours ~ age", ["iid", PERSON], None),
    ("wage ~ trained | person + quarter | hours ~ age + grade", ["iid", "hetero"], None),
    ("wage ~ trained + grade | quarter | hours ~ age + region", ["hetero"], "weight"),
]
GLM = [
    ("poisson", "many ~ trained + age", ["iid", "hetero", PERSON], None),
    ("poisson", "many ~ trained + age | person", ["iid", "hetero", PERSON], None),
    ("poisson", "many ~ trained + age | person + quarter", ["iid", "hetero"], None),
    ("poisson", "many ~ age + sector | firm + quarter", ["iid", "hetero"], "weight"),
    ("logit", "busy ~ trained + age", ["iid", "hetero"], None),
    ("logit", "busy ~ trained + age | firm", ["iid", "hetero", {"CRV1": "firm"}], None),
    ("logit", "busy ~ age | firm + quarter", ["iid"], None),
    ("probit", "busy ~ trained + age", ["iid", "hetero"], None),
    ("probit", "busy ~ trained + age | firm", ["iid", "hetero"], None),
]


def numbers(values):
    return [float(value) for value in np.asarray(values).ravel()]


def columns(names):
    return {
        name: [None if pd.isna(value) else value for value in data[name].tolist()] for name in names
    }


def named(vcov):
    return {"kind": vcov, "clusters": []} if isinstance(vcov, str) else {
        "kind": "CRV1", "clusters": vcov["CRV1"].split("+")
    }  # fmt: skip


cases = []
demeaner = pf.MapDemeaner(fixef_tol=1e-14, fixef_maxiter=100_000)
for family, formula, vcovs, weights in [(None, *case) for case in INSTRUMENTS] + GLM:
    fits = []
    for vcov in vcovs:
        if family is None:
            fit = pf.feols(formula, data, vcov=vcov, weights=weights, demeaner=demeaner)
        else:
            extra = {"demeaner": demeaner, "iwls_tol": 1e-14, "iwls_maxiter": 500}
            if family == "poisson":
                fit = pf.fepois(formula, data, vcov=vcov, weights=weights, **extra)
            else:
                fit = pf.feglm(formula, data, family=family, vcov=vcov, **extra)
        fits.append({**named(vcov), "se": numbers(fit.se()), "p": numbers(fit.pvalue())})
        if family is None:
            fits[-1]["first_stage_f"] = float(fit._f_stat_1st_stage)
    cases.append(
        {
            "family": family,
            "formula": formula,
            "weights": weights,
            "n": int(fit._N),
            "names": [str(name) for name in fit.coef().index],
            "coef": numbers(fit.coef()),
            "deviance": None if family is None else float(fit.deviance),
            "vcov": fits,
        }
    )
out = {
    "source": f"pyfixest {pf.__version__}",
    "more": columns(["busy", "many"]),
    "cases": cases,
}
(here / "expected.json").write_text(json.dumps(out) + "\n")
